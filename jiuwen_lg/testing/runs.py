"""Run a workflow in a test, answer what it asks, and keep what happened."""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import uuid4

from jiuwen_lg.context.conversation import record_turn
from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock
from jiuwen_lg.engine.graph.abilities import streaming_end
from jiuwen_lg.engine.journal.observers import observing
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import WORKFLOW_FINAL, BaseStreamMode, InteractionOutput, OutputSchema, WorkflowChunk
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.schema.values import maybe_await
from jiuwen_lg.testing.trace import Trace
from jiuwen_lg.testing.virtual_time import VirtualTimeLoop
from jiuwen_lg.workflow import Workflow

_T = TypeVar("_T")

VIRTUAL_TIME = "JIUWEN_LG_TEST_VIRTUAL_TIME"
"""Set to 1 where waiting takes no time in runs that do not say otherwise."""

recent: list[Trace] = []
"""The traces of the test that runs, for the report of its failure."""


def run(
    flow: Workflow,
    inputs: Any = None,
    answers: Mapping[str, Any] | None = None,
    *,
    virtual_time: bool | None = None,
    **options: Any,
) -> Trace:
    """Run a workflow to its end, or to a question without an answer.

    Args:
        flow: The workflow.
        inputs: Its inputs; an `InteractiveInput` goes on with the session.
        answers: By executable id: an answer; a list of answers, one for each time that it asks; or a function
            of the question. (An answer that is a list stands in a list.)
        virtual_time: Whether waiting takes no time: while everything waits for the clock alone, it jumps. A
            component that sleeps for an hour is over at once, and so is a timeout of a minute. By default as
            the suite says (`jiuwen_virtual_time = true` in pytest's settings).
        options: As for `arun`.

    Returns:
        What happened.

    Raises:
        JiuWenBaseException: The run failed; its `codes` name what and why.
        AssertionError: An answer was never asked for.
    """
    work = _played(flow, inputs, answers, **options)
    return run_to_end(work, VirtualTimeLoop if _is_virtual(virtual_time) else None)


async def arun(
    flow: Workflow,
    inputs: Any = None,
    answers: Mapping[str, Any] | None = None,
    *,
    virtual_time: bool | None = None,
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
        virtual_time: As in `run`; unless the caller's loop is a `VirtualTimeLoop` itself, the workflow then runs in
            one of its own, in another thread.
        session_id: The session; a new one if absent.
        context: What components receive as their third argument.
        envs: Settings of the run.
        raises: Whether its error is raised; else it is the trace's `error`.
        runtime: As for `WorkflowRuntime`.

    Raises:
        JiuWenBaseException: As in `run`.
        AssertionError: As in `run`.
    """
    options: dict[str, Any] = {"session_id": session_id, "context": context, "envs": envs, "raises": raises}
    work = _played(flow, inputs, answers, **options, **runtime)
    loop = asyncio.get_running_loop()
    if not _is_virtual(virtual_time) or isinstance(loop, VirtualTimeLoop):
        return await work
    with ThreadPoolExecutor(1, "jiuwen_lg test") as threads:
        run_there = contextvars.copy_context().run
        return await loop.run_in_executor(threads, run_there, run_to_end, work, VirtualTimeLoop)


def _is_virtual(given: bool | None) -> bool:
    return os.environ.get(VIRTUAL_TIME) == "1" if given is None else given


async def _played(
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
    """Play turns until the workflow ends or asks something without an answer."""
    trace, script = Trace(session_id or uuid4().hex, loops=_loops_of(flow)), _Answers(answers)
    recent.append(trace)
    session = session_of(trace.session_id, envs, **runtime)
    given = inputs
    while True:
        try:
            await _take_turn(trace, flow, given, session, context)
        except JiuWenBaseException as error:
            trace.error = error
            if raises:
                raise
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


def _loops_of(flow: Workflow) -> tuple[str, ...]:
    components = flow.definition.walk(flow.config().workflow_max_nesting_depth)
    return tuple(id for id, spec in components if spec.nested is not None and spec.nested.rounds is not None)


async def _take_turn(trace: Trace, flow: Workflow, given: Any, session: WorkflowRuntime, context: Any) -> None:
    """One turn, as `Workflow.invoke` takes it (its timeout's code too), with the frames of `Workflow.stream`."""
    trace.begin_turn()

    async def take(frame: WorkflowChunk) -> None:
        trace.take(frame)

    turn = flow._turn(  # noqa: SLF001 - what invoke and stream make
        session, context, frozenset(BaseStreamMode), take, StatusCode.WORKFLOW_INVOKE_TIMEOUT, PausableClock()
    )
    try:
        with observing(trace.note):
            outcome = await turn.run(given)
        await record_turn(context, given, outcome)
        if not outcome.is_unfinished and outcome.result and streaming_end(flow.definition) is None:
            trace.take(OutputSchema(type=WORKFLOW_FINAL, index=0, payload=outcome.result))
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
