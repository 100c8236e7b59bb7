"""WorkflowAgent: a conversation over workflows.

Source: seed 002, `components.md` 8 (its Q1 to Q7, Q43, Q44 and Q46 left out).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from jiuwen_lg.agents.agent import ControllerAgent
from jiuwen_lg.agents.config import ControllerType, WorkflowAgentConfig, WorkflowSchema
from jiuwen_lg.agents.message import DEFAULT_CONVERSATION, Message
from jiuwen_lg.agents.routing import Routing
from jiuwen_lg.agents.runs import AgentRuns, Run
from jiuwen_lg.agents.workflows import BoundWorkflows, Provider, agent_failed
from jiuwen_lg.constants import FORCE_DEL_WORKFLOW_STATE_KEY
from jiuwen_lg.context.context import ContextEngineConfig
from jiuwen_lg.context.context_engine import ContextEngine
from jiuwen_lg.context.conversation import answer_in, append, log_failure, questions_in
from jiuwen_lg.engine.execution.stream_output import END_FRAME
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.sessions.row import checked_inputs
from jiuwen_lg.engine.store import opened_store
from jiuwen_lg.errors import JiuWenBaseException, StatusCode, is_engine_error
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import (
    WORKFLOW_FINAL,
    OutputSchema,
    PendingQuestion,
    WorkflowChunk,
    WorkflowExecutionState,
    WorkflowOutput,
    is_question,
)
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.workflow import Workflow

_logger = logging.getLogger(__name__)

_REFUSALS = (StatusCode.WORKFLOW_STATE_EXISTS_ERROR.code, StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.code)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a message means: which workflow it is for, and what that gets."""

    schema: WorkflowSchema
    given: Any
    restarts: bool = False


class WorkflowAgent(ControllerAgent):
    """A conversation over workflows: each message is for one of them, and starts it, answers it or goes on with it.

    One object serves any number of conversations at once. They are on file: what a workflow asked in one
    process is answered in another. Agents that share a store need ids of their own.

    Args:
        agent_config: The agent.

    Raises:
        NotImplementedError: It is to be controlled otherwise than by workflows.
    """

    def __init__(self, agent_config: WorkflowAgentConfig) -> None:
        if agent_config.controller_type is not ControllerType.WorkflowController:
            raise NotImplementedError(f"a WorkflowAgent has no {agent_config.controller_type}")
        self._config = agent_config
        self._workflows = BoundWorkflows(agent_config.workflows)
        self._runs = AgentRuns(agent_config.id)
        self._routing = Routing(agent_config.model, agent_config.prompt_template)
        self._asked: set[str] = set()
        kept = 2 * agent_config.constrain.reserved_max_chat_rounds
        config = ContextEngineConfig(conversation_history_length=kept)
        self.context_engine: ContextEngine = ContextEngine(agent_config.id, config)

    def config(self) -> WorkflowAgentConfig:
        """As given."""
        return self._config

    def add_workflows(self, workflows: Sequence[Workflow | Provider]) -> None:
        """Bind workflows; one of the same id and version replaces the last one.

        Args:
            workflows: Workflows, or what `workflow_provider` makes of a function that builds one. One that was
                given no id is known by its name, and without that by its place among those.

        Raises:
            JiuWenBaseException: 123003, something is neither.
        """
        for workflow in workflows:
            self._workflows.add(workflow)

    bind_workflows = add_workflows

    def remove_workflows(self, workflows: Sequence[tuple[str, str]]) -> None:
        """Take workflows out, by id and version; what they have not finished stays on file."""
        for id, version in workflows:
            self._workflows.remove(id, version)

    async def invoke(self, inputs: dict[str, Any]) -> Any:
        """Take a message.

        Args:
            inputs: `query`, a text or an `InteractiveInput`; `conversation_id`; further inputs of the workflow.

        Returns:
            `{"output": WorkflowOutput(...), "result_type": "answer"}`; the frames with all open questions, a list,
            if the workflow asks; `{"status": "default_response", ...}` if no workflow fits.

        Raises:
            JiuWenBaseException: 123003, there is no workflow, or something else than a workflow failed; 100902, a
                raw answer while several workflows ask; what `Workflow.invoke` raises.
        """
        message = Message.of(inputs)
        turn = await self._turn(message)
        if turn is None:
            return await self._say_default(message)
        workflow, runtime = self._workflows.get(turn.schema), self._runtime(message, turn)
        try:
            output = await workflow.invoke(turn.given, runtime, self._context(message, turn))
        except JiuWenBaseException as error:
            await self._note_failed(message, error)
            raise
        await self._note(message, output)
        return output.result if output.state is WorkflowExecutionState.INPUT_REQUIRED else _answer(output)

    async def stream(self, inputs: dict[str, Any]) -> AsyncGenerator[WorkflowChunk, None]:
        """Take a message, and yield frames while they are made.

        The result comes last, as a frame of type `workflow_final`; an End that gives frames gives nothing else.

        Args:
            inputs: As in `invoke`.

        Raises:
            JiuWenBaseException: As `invoke`.
        """
        message = Message.of(inputs)
        turn = await self._turn(message)
        if turn is None:
            said = await self._say_default(message)
            payload = {"responseContent": said["output"]["answer"], "output": {}}
            yield OutputSchema(type=WORKFLOW_FINAL, index=0, payload=payload)
            return
        workflow, runtime = self._workflows.get(turn.schema), self._runtime(message, turn)
        seen = _Seen()
        try:
            async with aclosing(workflow.stream(turn.given, runtime, self._context(message, turn))) as frames:
                async for frame in frames:
                    for ready in seen.take(frame):
                        yield ready
        except JiuWenBaseException as error:
            await self._note_failed(message, error)
            raise
        output = seen.output(message.conversation)
        await self._note(message, output)
        for last in seen.rest(output):
            yield last

    async def clear_session(self, session_id: str = DEFAULT_CONVERSATION) -> None:
        """Drop a conversation of this agent: what its workflows have not finished, and what was said.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        await self._runs.discard(session_id, with_done=True)
        store = await opened_store()
        await store.database.call(lambda: self.context_engine.clear_context(session_id))
        self._asked.discard(session_id)

    async def pending(self, conversation_id: str | None = None) -> list[PendingQuestion]:
        """The questions that wait for somebody, in one conversation or all of this agent's, oldest first.

        `Runner.pending()` lists those of all agents and workflows. A damaged row is left out with a warning.
        """
        return await self._runs.pending(conversation_id)

    # --- what a message means ---

    async def _turn(self, message: Message) -> _Turn | None:
        """What a message means; None if no workflow fits."""
        if not self._workflows.schemas:
            raise agent_failed("it has no workflows: add_workflows([...])")
        if isinstance(message.query, InteractiveInput):
            return _Turn(await self._addressed(message.conversation, message.query), message.query)
        runs = await self._runs_of(message.conversation)
        if self._config.on_question == "restart" and any(run.questions for run in runs):
            await self._runs.discard(message.conversation, with_done=False)
            runs = []
        schema = await self._chosen(message, runs)
        if schema is None:
            return None
        anew = _Turn(schema, schema.chosen(message.inputs))
        run = await self._run_of(message.conversation, schema)  # as it is now: choosing takes a while
        return anew if run is None else self._going_on(message, run, anew)

    def _going_on(self, message: Message, run: Run, anew: _Turn) -> _Turn:
        """What a text means to a workflow that has not finished: an answer, the same once more, or a new start."""
        if run.is_waiting:
            return self._to_question(message, run.questions[0], anew)
        if _is_repeated(message, run, anew):
            return _Turn(anew.schema, InteractiveInput())
        if run.questions:
            return self._to_question(message, run.questions[0], anew)
        if not self._runs.is_running(run):
            _logger.warning(
                "conversation [%s]: workflow [%s] failed (%s) and starts anew with another text; "
                "the same text, or InteractiveInput(), would have gone on",
                message.conversation,
                anew.schema.id,
                run.record.error or "its process stopped",
            )
        return replace(anew, restarts=True)

    def _to_question(self, message: Message, question: Question, anew: _Turn) -> _Turn:
        """What a text does while a workflow asks."""
        if self._config.on_question == "ask_again":
            return _Turn(anew.schema, InteractiveInput())
        if message.conversation not in self._asked:
            _logger.warning(
                "conversation [%s]: a text answers what [%s] asked earlier: %r",
                message.conversation,
                question.id,
                question.value,
            )
        return _Turn(anew.schema, InteractiveInput.reply_to(question.to_chunk(), message.text))

    async def _runs_of(self, conversation: str, *, with_done: bool = False) -> list[Run]:
        """The runs of its workflows in a conversation, the longest untouched first."""
        runs = await self._runs.of(conversation, with_done=with_done)
        return [run for run in runs if run.key in self._workflows.schemas]

    async def _run_of(self, conversation: str, schema: WorkflowSchema) -> Run | None:
        return next((run for run in await self._runs_of(conversation) if run.key == schema.key), None)

    async def _addressed(self, conversation: str, given: InteractiveInput) -> WorkflowSchema:
        """The workflow that answers are for: whose question they name, else the only one that asks, or has failed."""
        runs = await self._runs_of(conversation, with_done=True)
        tokens = set(given.tokens.values())
        by_token = [run for run in runs if tokens & run.tokens]
        if by_token:
            return self._workflows.schemas[by_token[-1].key]
        unfinished = [run for run in runs if not run.record.is_done]
        if not unfinished:
            reason = "no workflow of the conversation waits or has failed"
            raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=conversation, reason=reason)
        return self._workflows.schemas[_addressee(conversation, given, unfinished).key]

    async def _chosen(self, message: Message, runs: list[Run]) -> WorkflowSchema | None:
        """The workflow that a text is for."""
        asking = [run for run in runs if run.questions]
        if asking and self._config.on_question in ("answer", "ask_again"):
            return self._workflows.schemas[asking[-1].key]
        schemas = list(self._workflows.schemas.values())
        if len(schemas) == 1:
            return schemas[0]
        questions = [(run.key, question.value) for run in reversed(asking) for question in run.questions]
        context = self.context_engine.get_agent_context(message.conversation)
        chosen = await self._routing.choose(message.text, schemas, questions, context)
        if chosen is not None or self._config.default_response.text is not None:
            return chosen
        return self._workflows.schemas[runs[-1].key] if runs else schemas[0]

    # --- running ---

    def _runtime(self, message: Message, turn: _Turn) -> WorkflowRuntime:
        runtime = WorkflowRuntime(
            session_id=message.conversation,
            belongs_to=self._runs.owner(turn.schema),
            on_change=self._config.on_change,
        )
        if turn.restarts:
            runtime.config().set_envs({FORCE_DEL_WORKFLOW_STATE_KEY: True})
        return runtime

    def _context(self, message: Message, turn: _Turn) -> Any:
        return self.context_engine.get_workflow_context("_".join(turn.schema.key), message.conversation)

    async def _say_default(self, message: Message) -> dict[str, Any]:
        text = self._config.default_response.text
        await self._keep(message, text)
        return {"status": "default_response", "output": {"answer": text}, "result_type": "answer"}

    # --- what is kept of it ---

    async def _note(self, message: Message, output: WorkflowOutput) -> None:
        """Keep what was said and answered, and whether something was asked here."""
        is_asking = output.state is WorkflowExecutionState.INPUT_REQUIRED
        (self._asked.add if is_asking else self._asked.discard)(message.conversation)
        answered: str | None = None
        with log_failure():
            asked = [frame.payload.value for frame in output.result if is_question(frame)] if is_asking else []
            answered = questions_in(asked) if is_asking else answer_in(output.result)
        await self._keep(message, answered)

    async def _note_failed(self, message: Message, error: JiuWenBaseException) -> None:
        """Keep what was said although it was of no avail; what was refused was not said."""
        if not is_engine_error(error) and error.error_code not in _REFUSALS:
            await self._keep(message, None)

    async def _keep(self, message: Message, answered: str | None) -> None:
        context = self.context_engine.get_agent_context(message.conversation)
        await append(context, lambda: (message.said, answered))


class _Seen:
    """What has passed in a stream; the frame that may be the result is held back until another follows."""

    def __init__(self) -> None:
        self._asked: list[WorkflowChunk] = []
        self._of_end: list[WorkflowChunk] = []
        self._held: OutputSchema | None = None

    def take(self, frame: WorkflowChunk) -> Iterator[WorkflowChunk]:
        """The frames that can pass now that this one has come."""
        if self._held is not None:
            yield self._held
            self._held = None
        if isinstance(frame, OutputSchema) and frame.type == WORKFLOW_FINAL:
            self._held = frame
            return
        if is_question(frame):
            self._asked.append(frame)
        elif isinstance(frame, OutputSchema) and frame.type == END_FRAME:
            self._of_end.append(frame)
        yield frame

    def output(self, conversation: str) -> WorkflowOutput:
        """What `invoke` would have given."""
        if self._asked:
            state = WorkflowExecutionState.INPUT_REQUIRED
            return WorkflowOutput(result=self._asked, state=state, session_id=conversation)
        result = self._of_end or (self._held.payload if self._held is not None else None)
        return WorkflowOutput(result=result, state=WorkflowExecutionState.COMPLETED, session_id=conversation)

    def rest(self, output: WorkflowOutput) -> Iterator[WorkflowChunk]:
        """What was held back: the result, or a frame of a component that looks like one."""
        if self._held is None:
            return
        is_result = not self._asked and not self._of_end
        yield OutputSchema(type=WORKFLOW_FINAL, index=0, payload=_answer(output)) if is_result else self._held


def _is_repeated(message: Message, run: Run, anew: _Turn) -> bool:
    """Whether the message is the one that the run began or last went on with."""
    last = run.last_answer
    return bool(last == message.text if last is not None else checked_inputs(anew.given) == run.record.inputs)


def _addressee(conversation: str, given: InteractiveInput, unfinished: list[Run]) -> Run:
    """Of runs, the longest untouched first: the one that an input without a token is for.

    Raises:
        JiuWenBaseException: 100902, a raw answer, and several ask.
    """
    asking = [run for run in unfinished if run.questions]
    if given.raw_inputs is not None:
        if len(asking) > 1:
            ids = [question.id for run in asking for question in run.questions]
            raise StatusCode.INTERACTION_AMBIGUOUS.error(session_id=conversation, node_ids=ids)
        return (asking or unfinished)[-1]
    named = [run for run in asking if given.user_inputs.keys() & {question.id for question in run.questions}]
    if named:
        return named[0]
    failed = [run for run in unfinished if not run.is_waiting]
    return (failed or unfinished)[-1]


def _answer(output: WorkflowOutput) -> dict[str, Any]:
    return {"output": output, "result_type": "answer"}
