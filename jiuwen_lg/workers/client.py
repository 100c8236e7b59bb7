"""Submitting turns to workers and awaiting how they end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from jiuwen_lg.engine.sessions.row import Record, checked_inputs
from jiuwen_lg.engine.sessions.workflow_key import AgentWorkflowKey
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import WorkflowOutput
from jiuwen_lg.workers.turns import QueuedTurn, TurnQueue, TurnResult

_SHORTEST, _LONGEST = 0.02, 0.25
"""Seconds between two looks at the turns that are awaited."""
UNSERVED_SECONDS = 10.0


class SubmittedTurn:
    """A turn that a worker runs, or has run.

    Attributes:
        turn_id: Its name; `WorkflowClient.turn` finds it again, in any process.
    """

    def __init__(self, client: WorkflowClient, turn_id: str) -> None:
        self._client = client
        self.turn_id = turn_id

    async def poll(self) -> WorkflowOutput | None:
        """Return how it has ended; None if it has not yet.

        Raises:
            JiuWenBaseException: What the run failed with; 100908, the database cannot be used.
        """
        endings = await self._client.ended([self.turn_id])
        return _output(endings[self.turn_id]) if self.turn_id in endings else None

    async def result(self, timeout: float | None = None) -> WorkflowOutput:  # noqa: ASYNC109
        """Wait for its end: a result, or questions.

        Args:
            timeout: Seconds; the turn goes on even if nobody waits for it.

        Raises:
            JiuWenBaseException: What the run failed with; 100908, the database cannot be used; 100920, workers died
                of it and it waits for an operator; 100921, no worker serves its workflow: it stays queued.
            TimeoutError: It has not ended in that time.
        """
        return _output(await asyncio.wait_for(self._client._ending(self.turn_id), timeout))  # noqa: SLF001


class WorkflowClient:
    """Starts and answers sessions that workers run; it needs no workflow, only the database (`JIUWEN_LG_DB`).

    Args:
        unserved: Seconds without a living worker of its workflow after which waiting for a turn raises 100921.

    Raises:
        JiuWenBaseException: 100908, `JIUWEN_LG_DB` names no Postgres database, or one that cannot be used.
    """

    def __init__(self, *, unserved: float = UNSERVED_SECONDS) -> None:
        self._turns = TurnQueue()
        self._unserved = unserved
        self._watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()

    async def start(
        self, workflow_id: str, inputs: Any = None, *, session_id: str | None = None, turn_id: str | None = None
    ) -> SubmittedTurn:
        """Start a session.

        Args:
            workflow_id: The workflow, or the agent's id.
            inputs: Its inputs, a dict; of an agent `query` and whatever else it takes.
            session_id: The session; a fresh one if None.
            turn_id: A name that makes it safe to submit the same start twice.

        Raises:
            JiuWenBaseException: 100100, the inputs are no dict or have no place in the state.
        """
        turn_id = turn_id or uuid4().hex
        return await self._submit(QueuedTurn(turn_id, workflow_id, session_id or turn_id, checked_inputs(inputs)))

    async def answer(self, session_id: str, answer: Any, *, workflow_id: str | None = None) -> SubmittedTurn:
        """Answer what a session asks; the answer is bound to the questions that are open now.

        Args:
            session_id: The session.
            answer: The answer to the only question, or an `InteractiveInput`.
            workflow_id: The workflow or agent, if several wait in the session.

        Raises:
            JiuWenBaseException: 100900, nothing waits there; 100902, several questions do.
        """
        record = await self._waiting(session_id, workflow_id)
        given = answer if isinstance(answer, InteractiveInput) else InteractiveInput(answer)
        owner = AgentWorkflowKey.of(record.row.workflow_id)
        served = owner.agent_id or record.row.workflow_id
        return await self._submit(QueuedTurn(uuid4().hex, served, session_id, _bound(record, given)))

    async def retry(self, session_id: str, *, workflow_id: str | None = None) -> SubmittedTurn:
        """Go on with a session that has failed.

        Raises:
            JiuWenBaseException: 100900, nothing waits there.
        """
        return await self.answer(session_id, InteractiveInput(), workflow_id=workflow_id)

    def turn(self, turn_id: str) -> SubmittedTurn:
        """A turn that was submitted before, by whomever."""
        return SubmittedTurn(self, turn_id)

    async def _submit(self, turn: QueuedTurn) -> SubmittedTurn:
        await self._turns.store.database.call(lambda: self._turns.submit(turn))
        return SubmittedTurn(self, turn.turn_id)

    async def _waiting(self, session_id: str, workflow_id: str | None) -> Record:
        """The unfinished run of a session."""
        runs = self._turns.store.runs
        records = await self._turns.store.database.call(lambda: runs.of_agent("", session_id))
        found = [record for record in records if workflow_id in (None, *_names(record))]
        if len(found) > 1 and len({AgentWorkflowKey.of(record.row.workflow_id).agent_id for record in found}) == 1:
            found = [record for record in found if record.questions] or found  # an agent's, not what asked nothing
        if not found:
            raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=session_id, reason="it has no unfinished run")
        if len(found) > 1:
            ids = [record.row.workflow_id for record in found]
            raise StatusCode.INTERACTION_AMBIGUOUS.error(session_id=session_id, node_ids=ids)
        return found[0]

    async def ended(self, turn_ids: Sequence[str]) -> dict[str, TurnResult]:
        """Return how turns have ended, by id; those that have not are left out."""
        return await self._turns.store.database.call(lambda: self._turns.endings(turn_ids))

    async def unserved(self, turn_ids: Sequence[str]) -> dict[str, str]:
        """The workflows of those turns that have not ended and that no living worker serves, by turn."""
        return await self._turns.store.database.call(lambda: self._turns.unserved(turn_ids))

    async def _ending(self, turn_id: str) -> TurnResult:
        loop = asyncio.get_running_loop()
        watch = self._watches.setdefault(loop, _Watch(self, self._unserved))
        return await watch.ending(turn_id)


class _Watch:
    """Waits for turns in one event loop, with one look at the database for all of them."""

    def __init__(self, client: WorkflowClient, patience: float) -> None:
        self._client = client
        self._patience = patience
        self._awaited: dict[str, asyncio.Future[TurnResult]] = {}
        self._unserved_since: dict[str, float] = {}
        self._looked_at = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def ending(self, turn_id: str) -> TurnResult:
        future = self._awaited.setdefault(turn_id, asyncio.get_running_loop().create_future())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_until_all_have_ended())
        return await asyncio.shield(future)

    async def _look_until_all_have_ended(self) -> None:
        pause = _SHORTEST
        while self._awaited:
            await asyncio.sleep(pause)
            try:
                endings = await self._client.ended([*self._awaited])
                endings |= await self._given_up()
            except Exception as error:  # noqa: BLE001 (the error goes to those who wait)
                for turn_id in [*self._awaited]:
                    self._awaited.pop(turn_id).set_exception(error)
                return
            for turn_id, ending in endings.items():
                self._unserved_since.pop(turn_id, None)
                self._awaited.pop(turn_id).set_result(ending)
            pause = _SHORTEST if endings else min(pause * 1.5, _LONGEST)

    async def _given_up(self) -> dict[str, TurnResult]:
        """The turns that no worker has served for too long, each with what to tell of it."""
        now = time.monotonic()
        if now - self._looked_at < min(self._patience / 4, 1.0):
            return {}
        self._looked_at = now
        found = await self._client.unserved([*self._awaited])
        self._unserved_since = {id: self._unserved_since.get(id, now) for id in found}
        late = [id for id, since in self._unserved_since.items() if now - since >= self._patience]
        return {id: _not_served(id, found[id], self._patience) for id in late}


def _not_served(turn_id: str, workflow_id: str, seconds: float) -> JiuWenBaseException:
    return StatusCode.WORKFLOW_NOT_SERVED.error(turn_id=turn_id, workflow_id=workflow_id, seconds=f"{seconds:g}")


def _names(record: Record) -> tuple[str, ...]:
    """By what a client may call the workflow of a run: its id, or its agent's."""
    owner = AgentWorkflowKey.of(record.row.workflow_id)
    return (owner.agent_id,) if owner.agent_id else (record.row.workflow_id,)


def _bound(record: Record, given: InteractiveInput) -> InteractiveInput:
    """The answers with the tokens of the questions that they are for: delivered twice, they count once."""
    questions = {question.id: question for question in record.questions}
    if given.raw_inputs is not None:
        if len(questions) != 1:
            _refuse_raw(record, list(questions))
        (question,) = questions.values()
        return InteractiveInput.reply_to(question.to_chunk(), given.raw_inputs)
    bound = InteractiveInput()
    for id, value in given.user_inputs.items():
        bound.update(id, value)
        token = given.tokens.get(id) or (questions[id].token if id in questions else None)
        if token:
            bound.tokens[id] = token
    return bound


def _refuse_raw(record: Record, ids: list[str]) -> None:
    session_id = record.row.session_id
    if ids:
        raise StatusCode.INTERACTION_AMBIGUOUS.error(session_id=session_id, node_ids=ids)
    raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=session_id, reason="its run asks nothing")


def _output(ending: TurnResult) -> WorkflowOutput:
    if isinstance(ending, JiuWenBaseException):
        raise ending
    return ending
