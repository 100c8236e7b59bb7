"""Agents whose model calls tools and workflows, turn by turn.

Facts: openJiuwen 0.1.1, `agents.md` 3 and 4 (its R-01 to R-06, R-08 and R-21 left out).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar

from jiuwen_lg.agents.agent import BaseAgent, conversation_in
from jiuwen_lg.agents.config import WorkflowSchema
from jiuwen_lg.agents.conversation_log import ConversationLog
from jiuwen_lg.agents.runs import AgentRuns
from jiuwen_lg.agents.session_state import StateNote
from jiuwen_lg.agents.stream_result import StreamResult
from jiuwen_lg.agents.tool_loop import TurnContext, tool_loop
from jiuwen_lg.agents.toolbox import Toolbox, WorkflowEntry
from jiuwen_lg.agents.turn_plan import OnQuestion, Situation, TurnPlan, plan_turn
from jiuwen_lg.agents.workflows import agent_failed
from jiuwen_lg.constants import FORCE_DEL_WORKFLOW_STATE_KEY, WORKFLOW_EXECUTE_TIMEOUT
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.output import BaseStreamMode, OutputSchema, WorkflowExecutionState, WorkflowOutput, is_question
from jiuwen_lg.runtime import TaskRuntime, WorkflowRuntime
from jiuwen_lg.workflow import Workflow

_FRAMES = [BaseStreamMode.OUTPUT, BaseStreamMode.CUSTOM]


@dataclass(frozen=True, slots=True)
class Dialect:
    """In what kinds of tool-calling agents differ.

    Attributes:
        exceeded: What it answers when its model has been asked too often.
        streams: Whether the model is called as a stream, and its words become frames.
        is_strict: Whether calls of unknown tools, or with arguments that are no JSON, are errors of the turn.
        wraps: Whether the last frame of a stream carries the result inside another one.
    """

    exceeded: str
    streams: bool
    is_strict: bool
    wraps: bool


class ToolAgent(BaseAgent):
    """An agent whose model calls tools and workflows until it answers.

    One object serves any number of conversations at once. They are stored: a turn that was killed goes on where it
    was, and what a workflow asked in one process is answered in another. Agents that share a store need ids of
    their own.

    Args:
        agent_config: The agent.
        on_question: What a text does while a workflow asks: `"answer"` answers it, `"model"` tells the model, which
            may call that workflow again, and so hand the text on as the answer.
    """

    dialect: ClassVar[Dialect]
    _on_question: ClassVar[OnQuestion] = "answer"
    _shortest_history = 1000

    def __init__(self, agent_config: Any, *, on_question: OnQuestion | None = None) -> None:
        super().__init__(agent_config)
        self.on_question: OnQuestion = on_question or self._on_question
        self.toolbox: Toolbox = Toolbox(self)
        self._loop: Workflow = tool_loop(self)

    # --- turns ---

    async def invoke(self, inputs: dict[str, Any], runtime: Any = None, *, turn_id: str | None = None) -> Any:
        """Take a message.

        Args:
            inputs: `query`, a text or an `InteractiveInput`; `conversation_id`.
            runtime: Whose session is used instead of `conversation_id`, and which gets the frames.
            turn_id: A name for this turn, for callers that may deliver it twice: the second time gives the result
                of the first, or goes on with it.

        Returns:
            `{"output": text, "result_type": "answer"}`; `"error"` instead if there is no query, or the model was
            asked `max_iteration` times; the frames with the open questions, a list, if a workflow asks.

        Raises:
            JiuWenBaseException: 181000 or 181001, the model cannot be called; 100904, the last message is still
                worked on; 1009xx, answers that do not fit.
        """
        if runtime is None:
            return await self._result(inputs, None, turn_id)
        return [result async for result in self.stream(inputs, runtime)][-1]

    async def run_turn(self, inputs: dict[str, Any], turn_id: str) -> Any:
        """`invoke` with a `turn_id`."""
        return await self.invoke(inputs, turn_id=turn_id)

    async def _result(self, inputs: dict[str, Any], conversation: str | None, turn_id: str | None) -> Any:
        if (refused := self._refusal(inputs)) is not None:
            return refused
        id = conversation or conversation_in(inputs)
        plan = await self._plan(inputs, id, turn_id)
        if plan.result is not None:
            return _shown(plan.result)
        try:
            output = await self._loop.invoke(plan.given, self._session(id, plan), TurnContext(id, is_live=False))
        except JiuWenBaseException as error:
            raise unwrapped(error) from error
        return _result_of(output)

    async def stream(
        self, inputs: dict[str, Any], runtime: Any = None, *, turn_id: str | None = None
    ) -> AsyncGenerator[Any, None]:
        """Take a message, and yield frames while they are made: calls, words, questions, and the answer last.

        Args:
            inputs: As in `invoke`.
            runtime: As in `invoke`: the frames go there, and only the result is yielded.
            turn_id: As in `invoke`.

        Raises:
            JiuWenBaseException: As `invoke`.
        """
        if runtime is None:
            async with aclosing(self._frames(inputs, None, turn_id)) as frames:
                async for frame in frames:
                    yield frame
            return
        last: Any = None
        asked: list[Any] = []
        async for frame in self._frames(inputs, runtime, turn_id):
            runtime.send(frame)
            asked += [frame] if is_question(frame) else []
            last = frame
        yield asked or self._unwrap_answer(last)

    async def _frames(
        self, inputs: dict[str, Any], runtime: TaskRuntime | None, turn_id: str | None
    ) -> AsyncGenerator[Any, None]:
        if (refused := self._refusal(inputs)) is not None:
            yield self._answer_frame(refused)
            return
        id = conversation_in(inputs) if runtime is None else runtime.session_id()
        plan = await self._plan(inputs, id, turn_id)
        if plan.result is not None:
            for frame in self._as_frames(_shown(plan.result)):
                yield frame
            return
        seen, shown = StreamResult(), False
        turn = self._loop.stream(plan.given, self._session(id, plan), TurnContext(id, is_live=True), _FRAMES)
        try:
            async with aclosing(turn) as frames:
                async for frame in frames:
                    for ready in seen.take(frame):
                        shown = shown or is_question(ready)
                        yield ready
        except JiuWenBaseException as error:
            raise unwrapped(error) from error
        result = _result_of(seen.output(id)) if seen.held is None else _shown(_result_in(seen.held.payload))
        for frame in () if shown else self._as_frames(result):
            yield frame

    def _as_frames(self, result: Any) -> list[Any]:
        return result if isinstance(result, list) else [self._answer_frame(result)]

    def _answer_frame(self, result: dict[str, Any]) -> OutputSchema:
        payload = {"output": result, "result_type": "answer"} if self.dialect.wraps else result
        return OutputSchema(type="answer", index=0, payload=payload)

    def _unwrap_answer(self, frame: Any) -> Any:
        payload = getattr(frame, "payload", None)
        return payload["output"] if self.dialect.wraps and isinstance(payload, dict) else payload

    def _refusal(self, inputs: Any) -> dict[str, Any] | None:
        """The result of an input that asks nothing."""
        if not isinstance(inputs, dict):
            raise agent_failed(f'a message is {{"conversation_id": ..., "query": ...}}, not {inputs!r:.200}')
        return None

    def _query(self, inputs: dict[str, Any]) -> Any:
        """What is said: a text, or an `InteractiveInput`."""
        return inputs.get("query")

    async def _plan(self, inputs: dict[str, Any], conversation: str, turn_id: str | None) -> TurnPlan:
        runs = await self._runs.of(conversation, with_done=True)
        entries = {
            entry.schema.key: (entry.schema, name)
            for name, (entry, _) in self.toolbox.entries().items()
            if isinstance(entry, WorkflowEntry)
        }
        now = Situation(
            session_id=conversation,
            runs=runs,
            slots={key: self._runs.slot(schema) for key, (schema, _) in entries.items()},
            names={key: name for key, (_, name) in entries.items()},
            waits=await self.note(conversation).read() or {} if any(run.is_waiting for run in runs) else {},
            on_question=self.on_question,
        )
        return plan_turn(self._query(inputs), now, turn_id)

    def _session(self, conversation: str, plan: TurnPlan) -> WorkflowRuntime:
        runtime = WorkflowRuntime(
            session_id=conversation, belongs_to=self._runs.own(), turn_id=plan.turn_id, on_change="continue"
        )
        # Its model may think as long as it will; a turn that failed is begun anew unless it is gone on with.
        runtime.config().set_envs({WORKFLOW_EXECUTE_TIMEOUT: -1, FORCE_DEL_WORKFLOW_STATE_KEY: True})
        return runtime

    # --- what its turns use ---

    @property
    def runs(self) -> AgentRuns:
        """Its rows."""
        return self._runs

    def log(self, conversation: str, turn: str) -> ConversationLog:
        """A conversation as a turn sees it."""
        return ConversationLog(self.context_engine.get_agent_context(conversation), turn)

    def note(self, conversation: str) -> StateNote:
        """What is noted of the calls that wait."""
        return StateNote(self.agent_config.id, "calls", conversation)

    def workflow_context(self, schema: WorkflowSchema, conversation: str) -> Any:
        """What was said over a workflow."""
        return self.context_engine.get_workflow_context("_".join(schema.key), conversation)


def unwrapped(error: JiuWenBaseException) -> BaseException:
    """What a step of an agent's own workflow raised: no user's component has failed."""
    if error.error_code == StatusCode.COMPONENT_EXECUTE_ERROR.code and isinstance(error.__cause__, Exception):
        return error.__cause__
    return error


def _result_in(payload: Any) -> Any:
    """The result in what the loop's End gives."""
    return payload["output"]["result"]


def _result_of(output: WorkflowOutput) -> Any:
    if output.state is WorkflowExecutionState.INPUT_REQUIRED:  # a tool asks, by LangGraph's interrupt()
        return [frame for frame in output.result if is_question(frame)]
    return _shown(_result_in(output.result))


def _shown(result: dict[str, Any]) -> Any:
    """A result as callers get it: an answer, or the frames of the questions."""
    if "questions" not in result:
        return result
    return [Question(**question).to_chunk() for question in result["questions"]]
