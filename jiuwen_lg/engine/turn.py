"""One turn of a session: an input goes in, the graph runs, a result or questions come out."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from langgraph.errors import GraphRecursionError
from langgraph.types import Command

from jiuwen_lg.engine.answers import Plan, Situation, plan_for
from jiuwen_lg.engine.channels import KEPT_ANSWER
from jiuwen_lg.engine.interaction import Question, is_finished, paused_tasks
from jiuwen_lg.engine.lease import Lease
from jiuwen_lg.engine.program import Program
from jiuwen_lg.engine.scope import SCOPE_KEY, Scope
from jiuwen_lg.engine.sessions import Record
from jiuwen_lg.engine.store import Store, current_store
from jiuwen_lg.environment import EXECUTE_TIMEOUT, FORCE_DEL_WORKFLOW_STATE, seconds
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import BaseStreamMode, WorkflowChunk
from jiuwen_lg.runtime import WorkflowRuntime

RECURSION_LIMIT = 10_000
"""Supersteps in one run; a resume grants as many again."""


@dataclass(slots=True)
class Outcome:
    """How a turn ended: with a result, or with questions (then `result` means nothing)."""

    result: Any = None
    questions: list[Question] = field(default_factory=list)


class Turn:
    """Runs one input of one session.

    Args:
        program: The compiled workflow.
        runtime: The session and its settings.
        context: What components receive as their third argument.
        modes: The kinds of frames that somebody reads.
        emit: Takes frames, questions among them, while they are made.
        timeout_code: What a run that takes too long raises.
    """

    def __init__(
        self,
        program: Program,
        runtime: WorkflowRuntime,
        context: Any,
        *,
        modes: frozenset[BaseStreamMode],
        emit: Callable[[WorkflowChunk], Awaitable[None]],
        timeout_code: StatusCode,
    ) -> None:
        self._program = program
        self._runtime = runtime
        self._session_id = runtime.session_id()
        self._timeout_code = timeout_code
        self._scope = Scope(
            session_id=self._session_id,
            emit=emit,
            modes=modes,
            envs=runtime.config().envs(),
            context=context if context is not None else runtime.context(),
        )

    async def run(self, inputs: Any) -> Outcome:
        """Run to the end, the next questions, or an error.

        Raises:
            JiuWenBaseException: See `Workflow.invoke`.
        """
        store = current_store()
        try:
            if store is None:
                return await self._run_without_store(inputs)
            if isinstance(inputs, InteractiveInput):
                return await self._resume(store, inputs)
            return await self._start(store, _checked(inputs))
        except sqlite3.Error as error:
            where = store.path if store else "off"
            raise StatusCode.STORE_UNAVAILABLE.error(store=where, reason=str(error)) from error

    # --- without a store ---

    async def _run_without_store(self, inputs: Any) -> Outcome:
        if isinstance(inputs, InteractiveInput):
            raise StatusCode.STORE_OFF.error(reason=f"session [{self._session_id}] cannot be resumed")
        self._scope.can_pause = False
        graph_input = {"inputs": _checked(inputs)}
        try:
            return Outcome(await self._within_time(self._execute(None, graph_input, thread_id=self._session_id)))
        except Exception as error:
            _raise_outer(error)

    # --- with a store ---

    async def _start(self, store: Store, inputs: dict[str, Any]) -> Outcome:
        record, lease = await store.database.call(
            lambda: store.sessions.start(
                self._session_id,
                self._program.identity,
                inputs,
                turn_id=self._runtime.turn_id,
                force=bool(self._runtime.config().get_env(FORCE_DEL_WORKFLOW_STATE)),
                keep=self._program.keep_history,
            )
        )
        if lease is not None:
            return await self._drive(store, record, lease, {"inputs": inputs})
        # The same turn was delivered before: its result, or what is left of it to do.
        return Outcome(record.result) if record.is_done else await self._resume(store, InteractiveInput())

    async def _resume(self, store: Store, given: InteractiveInput) -> Outcome:
        record, lease = await store.database.call(
            lambda: store.sessions.resume(
                self._session_id, self._program.identity, insist=self._runtime.on_change == "continue"
            )
        )
        if record is None or lease is None:
            return self._from_receipt(store, record, given)
        try:
            graph_input, open_questions = await self._prepared(store, record, lease, given)
        except BaseException:
            store.sessions.release(lease, record)
            raise
        if graph_input is _NOTHING:
            if record.status == "waiting":
                store.sessions.release(lease, record)
            else:
                store.sessions.settle(lease, "waiting", questions=open_questions)
            return await self._ask_again(open_questions)
        return await self._drive(store, record, lease, graph_input)

    def _from_receipt(self, store: Store, record: Record | None, given: InteractiveInput) -> Outcome:
        """An answer that was delivered before gets the result; anything else finds nothing to answer."""
        if record is None:
            raise store.not_found(self._session_id, "no run of this workflow is on file")
        if given.tokens and all(token in record.answers for token in given.tokens.values()):
            return Outcome(record.result)
        reason = "its last run has finished; (await flow.snapshot(session_id)).result is what it gave"
        raise store.not_found(self._session_id, reason)

    async def _prepared(
        self, store: Store, record: Record, lease: Lease, given: InteractiveInput
    ) -> tuple[Any, list[Question]]:
        """What to hand to the graph for an `InteractiveInput`, and the questions that are open now."""
        reading = await read_progress(self._program, store, record)
        plan = plan_for(given, reading.situation)
        if not plan.runs:
            return _NOTHING, list(reading.situation.questions)
        answers = {**record.answers, **plan.answers}
        if plan.answers:
            store.sessions.accept(lease, answers)
        if not reading.has_begun:
            return {"inputs": record.inputs}, []
        return _command(plan, {t: answers[t] for t in reading.unanswered_tokens if t in answers}), []

    async def _ask_again(self, questions: list[Question]) -> Outcome:
        for question in questions:
            await self._scope.emit(question.to_chunk())
        return Outcome(questions=questions)

    async def _drive(self, store: Store, record: Record, lease: Lease, graph_input: Any) -> Outcome:
        """Run the graph under a lease, and record in the session's row how it ended."""
        self._scope.lease = lease
        work = self._execute(store, graph_input, thread_id=record.thread_id)
        try:
            result = await self._within_time(work, lease)
            return self._recorded(store, record, lease, result)
        except BaseException as error:
            if lease.is_lost:
                store.sessions.abandon(lease)
                raise lease.lost_error() from error
            store.sessions.settle(lease, "failed", error=f"{type(error).__name__}: {error}")
            _raise_outer(error)

    def _recorded(self, store: Store, record: Record, lease: Lease, result: Any) -> Outcome:
        questions = sorted(self._scope.questions, key=lambda q: self._program.order_of(q.id))
        if questions:
            store.sessions.settle(lease, "waiting", questions=questions)
            return Outcome(questions=questions)
        store.sessions.complete(lease, record, result)
        return Outcome(result)

    # --- the graph ---

    async def _within_time(self, work: Any, lease: Lease | None = None) -> Any:
        """Run the graph in a task of its own, which a timeout or the loss of the lease cancels."""
        limit = seconds(self._runtime.config().get_env(EXECUTE_TIMEOUT))
        task = asyncio.ensure_future(work)
        if lease is not None:
            loop = asyncio.get_running_loop()
            lease.on_lost = lambda: _cancel_from_anywhere(loop, task)
        try:
            done, _ = await asyncio.wait({task}, timeout=limit)
        finally:
            if not task.done():
                await _cancelled(task)
        if done:
            return _result_of(task)
        raise self._timeout_code.error(timeout=f"{limit:g}")

    async def _execute(self, store: Store | None, graph_input: Any, *, thread_id: str) -> Any:
        config: Any = {
            "configurable": {"thread_id": thread_id, SCOPE_KEY: self._scope},
            "recursion_limit": RECURSION_LIMIT,
        }
        result = None
        graph = self._program.graph(store)
        async for values in graph.astream(graph_input, config, stream_mode="values", output_keys="result"):
            if not (isinstance(values, dict) and "__interrupt__" in values):
                result = values
        return result


_NOTHING: Any = object()


def _checked(inputs: Any) -> dict[str, Any]:
    if inputs is not None and not isinstance(inputs, dict):
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(
            error=f"a workflow takes a dict, None or an InteractiveInput, not {inputs!r}"
        )
    return {key: value for key, value in (inputs or {}).items() if value is not None}


def _command(plan: Plan, answers: dict[str, Any]) -> Command[Any] | None:
    """Resume with the answers to open questions; answers ahead of their question go into the state."""
    kept = {id: [{KEPT_ANSWER: value}] for id, value in plan.kept.items()}
    if not answers and not kept:
        return None
    return Command(resume=answers or None, update={"own": kept} if kept else None)


def _cancel_from_anywhere(loop: asyncio.AbstractEventLoop, task: asyncio.Future[Any]) -> None:
    loop.call_soon_threadsafe(task.cancel)


async def _cancelled(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait until it has wound up, its last writes included."""
    task.cancel()
    await asyncio.wait({task})


def _result_of(task: asyncio.Future[Any]) -> Any:
    """A task's result; a cancellation from within becomes an ordinary error."""
    if task.cancelled():
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error="the run was cancelled from within")
    return task.result()


def _raise_outer(error: BaseException) -> NoReturn:
    """Raise the error that leaves the engine: ours as they are, others named as inner errors."""
    if isinstance(error, (JiuWenBaseException, sqlite3.Error)) or not isinstance(error, Exception):
        raise error
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, GraphRecursionError):
        limit = f"Recursion limit of {RECURSION_LIMIT} reached at step {RECURSION_LIMIT + 1}"
        text = f"{limit} without an end: do the connections run in a circle?"
    raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=text) from error


@dataclass(frozen=True, slots=True)
class Progress:
    """What the checkpoints say of an unfinished run.

    Attributes:
        has_begun: Whether there is a checkpoint at all.
        unanswered_tokens: Questions that no resume has answered yet, even if an answer is on file.
        next_ids: The components that run next.
        state: The state's channels.
    """

    situation: Situation
    has_begun: bool
    unanswered_tokens: list[str]
    next_ids: list[str]
    state: dict[str, Any]


async def read_progress(program: Program, store: Store, record: Record) -> Progress:
    """Read where a run stands, from its latest checkpoint."""
    config: Any = {"configurable": {"thread_id": record.thread_id}}
    saved = await store.saver.aget_tuple(config)
    snapshot = await program.graph(store).aget_state(config)
    writes = (saved.pending_writes if saved else None) or []
    unfinished = [task for task in snapshot.tasks if not is_finished(task.id, writes)]
    names = {task.id: task.name for task in unfinished}
    asked = [(id, paused) for id, tasks in paused_tasks(writes).items() if id in names for paused in tasks]
    unanswered = [(id, paused) for id, paused in asked if not paused.is_answered]
    waiting = [(id, p) for id, p in unanswered if p.interrupt.id not in record.answers]
    questions = [Question.of(paused.interrupt, names[id]) for id, paused in waiting]
    finished = [task.name for task in snapshot.tasks if task.id not in names]
    situation = Situation(
        session_id=record.session_id,
        questions=sorted(questions, key=lambda q: program.order_of(q.id)),
        is_broken=not unfinished or bool(set(names) - {id for id, _ in waiting}),
        component_ids=program.component_ids,
        completed_ids={*snapshot.values.get("io", ()), *finished},
        answered_tokens=set(record.answers),
    )
    return Progress(
        situation=situation,
        has_begun=saved is not None,
        unanswered_tokens=[paused.interrupt.id for _, paused in unanswered],
        next_ids=list(names.values()),
        state=dict(snapshot.values),
    )
