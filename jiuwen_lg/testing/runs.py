"""Run a workflow in a test, answer what it asks, and keep what happened."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, TypeVar
from uuid import uuid4

from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import InteractionOutput
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.schema.values import maybe_await
from jiuwen_lg.testing.trace import Trace
from jiuwen_lg.testing.virtual_time import VirtualTimeLoop
from jiuwen_lg.workflow import Workflow

_T = TypeVar("_T")


def run(
    flow: Workflow,
    inputs: Any = None,
    answers: Mapping[str, Any] | None = None,
    *,
    virtual_time: bool = False,
    **options: Any,
) -> Trace:
    """Run a workflow to its end, or to a question without an answer.

    Args:
        flow: The workflow.
        inputs: Its inputs; an `InteractiveInput` goes on with the session.
        answers: By executable id: an answer; a list of answers, one for each time that it asks; or a function
            of the question. (An answer that is a list stands in a list.)
        virtual_time: Whether waiting takes no time: while everything waits for the clock alone, it jumps. A
            component that sleeps for an hour is over at once, and so is a timeout of a minute.
        options: As for `arun`.

    Returns:
        What happened.

    Raises:
        JiuWenBaseException: The run failed; its `codes` name what and why.
        AssertionError: An answer was never asked for.
    """
    work = arun(flow, inputs, answers, **options)
    return run_to_end(work, VirtualTimeLoop if virtual_time else None)


async def arun(
    flow: Workflow,
    inputs: Any = None,
    answers: Mapping[str, Any] | None = None,
    *,
    session_id: str | None = None,
    context: Any = None,
    envs: Mapping[str, Any] | None = None,
    raises: bool = True,
    **runtime: Any,
) -> Trace:
    """The same for tests that are coroutines.

    Args:
        flow: As in `run`.
        inputs: As in `run`.
        answers: As in `run`.
        session_id: The session; a new one if absent.
        context: What components receive as their third argument.
        envs: Settings of the run.
        raises: Whether its error is raised; else it is the trace's `error`.
        runtime: As for `WorkflowRuntime`.

    Raises:
        JiuWenBaseException: As in `run`.
        AssertionError: As in `run`.
    """
    if "virtual_time" in runtime:
        raise TypeError("arun runs in the loop of its caller: use run(..., virtual_time=True), in a coroutine too")
    trace, script = Trace(session_id or uuid4().hex), _Answers(answers)
    session = session_of(trace.session_id, envs, **runtime)
    given = inputs
    while True:
        try:
            await _take_turn(trace, flow, given, session, context)
        except JiuWenBaseException as error:
            if raises:
                raise
            trace.error = error
            return trace
        given = await script.reply_to(trace.pending)
        if given is None:
            script.require_used(trace)
            return trace


def session_of(session_id: str | None, envs: Mapping[str, Any] | None, **runtime: Any) -> WorkflowRuntime:
    """A runtime with settings."""
    session = WorkflowRuntime(session_id=session_id, **runtime)
    session.config().set_envs(dict(envs or {}))
    return session


def run_to_end(work: Coroutine[Any, Any, _T], loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> _T:
    """Run a coroutine in a loop of its own, in another thread if this one has a running loop."""

    def finish() -> _T:
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(work)

    if not _is_in_a_loop():
        return finish()
    with ThreadPoolExecutor(1, "jiuwen_lg test") as threads:
        return threads.submit(contextvars.copy_context().run, finish).result()


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _take_turn(trace: Trace, flow: Workflow, given: Any, session: WorkflowRuntime, context: Any) -> None:
    trace.begin_turn()
    try:
        async with aclosing(flow.stream(given, session, context)) as frames:
            async for frame in frames:
                trace.take(frame)
    finally:
        trace.end_turn([id for id, _ in flow.definition.walk(flow.config().workflow_max_nesting_depth)])


class _Answers:
    """The answers of a test, by executable id."""

    def __init__(self, given: Mapping[str, Any] | None) -> None:
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f'answers are a dict by executable id, {{"ask": "yes"}}, not {given!r}')
        answers = dict(given or {})
        self._left = {id: [*answer] if isinstance(answer, list) else [answer] for id, answer in answers.items()}
        self._functions = {id: answer for id, answer in answers.items() if callable(answer)}
        self._unused = set(answers)

    async def reply_to(self, questions: list[InteractionOutput]) -> InteractiveInput | None:
        """The answers to those questions that have one; None if none has."""
        reply = InteractiveInput()
        for question in questions:
            if question.id in self._functions:
                self._unused.discard(question.id)
                reply.update(question.id, await maybe_await(self._functions[question.id](question.value)))
            elif self._left.get(question.id):
                self._unused.discard(question.id)
                reply.update(question.id, self._left[question.id].pop(0))
        return reply if reply.user_inputs else None

    def require_used(self, trace: Trace) -> None:
        """Refuse answers that nobody asked for: the test means something else than happened."""
        left = {id: [] if id in self._functions else answers for id, answers in self._left.items()}
        unused = {id: answers for id, answers in left.items() if answers or id in self._unused}
        if unused:
            asked = [*dict.fromkeys(id for id, _ in trace.asked)]
            raise AssertionError(f"nobody asked for these answers: {unused}; those who asked are {asked}")
