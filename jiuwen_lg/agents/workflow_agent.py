"""WorkflowAgent: a conversation over workflows.

Source: seed 002, `components.md` 8 (its Q1 to Q7, Q43, Q44 and Q46 left out).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from jiuwen_lg.agents.agent import DEFAULT_CONVERSATION
from jiuwen_lg.agents.agent_input import AgentInput
from jiuwen_lg.agents.agent_trace import AgentTrace
from jiuwen_lg.agents.config import WorkflowAgentConfig, WorkflowSchema
from jiuwen_lg.agents.controller import BaseController
from jiuwen_lg.agents.controller_agent import ControllerAgent
from jiuwen_lg.agents.enums import ControllerType
from jiuwen_lg.agents.message import Message
from jiuwen_lg.agents.routing import Routing
from jiuwen_lg.agents.runs import Run
from jiuwen_lg.agents.stream_result import StreamResult
from jiuwen_lg.agents.workflows import agent_failed
from jiuwen_lg.constants import FORCE_DEL_WORKFLOW_STATE_KEY
from jiuwen_lg.context.conversation import answer_in, append, log_failure, questions_in
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.sessions.row import checked_inputs
from jiuwen_lg.errors import JiuWenBaseException, StatusCode, is_engine_error
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import (
    WORKFLOW_FINAL,
    OutputSchema,
    WorkflowExecutionState,
    WorkflowOutput,
    is_question,
)
from jiuwen_lg.runtime import TaskRuntime, WorkflowRuntime
from jiuwen_lg.workflow import Workflow

_logger = logging.getLogger(__name__)

_TRACE_FORMAT = "_trace_format"
"""The setting by which frames have the form of openJiuwen 0.1.1 itself."""

_REFUSALS = (StatusCode.WORKFLOW_STATE_EXISTS_ERROR.code, StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.code)


@dataclass(frozen=True, slots=True)
class _Turn:
    """The meaning of a message: which workflow it is for, and what that receives."""

    schema: WorkflowSchema
    given: Any
    restarts: bool = False
    answer: InteractiveInput | None = None


class WorkflowController(BaseController):
    """The controller of a `WorkflowAgent`: it hands each message to the agent's workflows."""

    def setup_from_agent(self, agent: Any) -> None:
        """Take over the agent."""
        super().setup_from_agent(agent)
        self._agent: WorkflowAgent = agent

    async def handle_message(self, message: Message, runtime: TaskRuntime) -> Any:
        """What the agent does with a message."""
        content = message.content
        query = content.query if content.interactive_input is None else content.interactive_input
        inputs = {**content.extensions, "query": query, "conversation_id": message.context.conversation_id}
        return await self._agent.invoke(inputs, runtime)


class WorkflowAgent(ControllerAgent):
    """A conversation over workflows: each message is for one of them, and starts it, answers it or goes on with it.

    One object serves any number of conversations at once. They are stored: what a workflow asked in one
    process is answered in another. Agents that share a store need ids of their own.

    Args:
        agent_config: The agent.

    Raises:
        NotImplementedError: It is to be controlled otherwise than by workflows.
    """

    def __init__(self, agent_config: WorkflowAgentConfig) -> None:
        if agent_config.controller_type is not ControllerType.WorkflowController:
            raise NotImplementedError(f"a WorkflowAgent has no {agent_config.controller_type}")
        super().__init__(agent_config, WorkflowController())
        self._routing = Routing(agent_config.model, agent_config.prompt_template)
        self._asked: set[str] = set()

    async def invoke(self, inputs: dict[str, Any], runtime: Any = None) -> Any:
        """Take a message.

        Args:
            inputs: `query`, a text or an `InteractiveInput`; `conversation_id`; further inputs of the workflow.
            runtime: Whose session is used instead of `conversation_id`, and which gets the frames.

        Returns:
            `{"output": WorkflowOutput(...), "result_type": "answer"}`; the frames with all open questions, a list,
            if the workflow asks; `{"status": "default_response", ...}` if no workflow fits.

        Raises:
            JiuWenBaseException: 123003, there is no workflow, or something else than a workflow failed; 100902, a
                raw answer while several workflows ask; what `Workflow.invoke` raises.
        """
        if runtime is not None:
            return [result async for result in self.stream(inputs, runtime)][-1]
        return await self._result(AgentInput.of(inputs))

    async def run_turn(self, inputs: dict[str, Any], turn_id: str) -> Any:
        """`invoke` with a turn id: a stored turn of this id is resumed, or gives its result again."""
        return await self._result(replace(AgentInput.of(inputs), turn_id=turn_id))

    async def _result(self, message: AgentInput) -> Any:
        turn = await self._turn(message)
        if turn is None:
            return await self._say_default(message)
        workflow, session = self._workflows.get(turn.schema), self._session(message, turn)
        try:
            output = await workflow.invoke(turn.given, session, self._context(message, turn))
            if turn.answer is not None:
                output = await self._answered_at_once(turn, message, output)
        except JiuWenBaseException as error:
            await self._note_failed(message, error)
            raise
        await self._note(message, output)
        return output.result if output.state is WorkflowExecutionState.INPUT_REQUIRED else _answer(output)

    async def stream(self, inputs: dict[str, Any], runtime: Any = None) -> AsyncGenerator[Any, None]:
        """Take a message, and yield frames while they are made.

        The result comes last, as a frame of type `workflow_final`; an End that gives frames gives nothing else.

        Args:
            inputs: As in `invoke`.
            runtime: As in `invoke`: the frames go there, and only the result is yielded.

        Raises:
            JiuWenBaseException: As `invoke`.
        """
        if runtime is None:
            async with aclosing(self._frames(AgentInput.of(inputs))) as frames:
                async for frame in frames:
                    yield frame
            return
        message = replace(AgentInput.of(inputs), conversation=runtime.session_id())
        seen = StreamResult()
        async for frame in self._frames(message):
            runtime.send(frame)
            for _ in seen.take(frame):
                pass
        output = seen.output(message.conversation)
        yield output.result if output.state is WorkflowExecutionState.INPUT_REQUIRED else _final_in(output)

    async def _frames(self, message: AgentInput) -> AsyncGenerator[Any, None]:
        turn = await self._turn(message)
        if turn is None:
            said = await self._say_default(message)
            payload = {"responseContent": said["output"]["answer"], "output": {}}
            yield OutputSchema(type=WORKFLOW_FINAL, index=0, payload=payload)
            return
        provided = self._workflows.is_provided(turn.schema)
        workflow, session = self._workflows.get(turn.schema), self._session(message, turn)
        is_original = session.config().get_env(_TRACE_FORMAT) == "0.1.1"
        seen, told = StreamResult(), _ProviderTrace(workflow) if provided and is_original else None
        for begun in () if told is None else await told.start(turn.given):
            yield begun
        try:
            async with aclosing(workflow.stream(turn.given, session, self._context(message, turn))) as frames:
                async for frame in frames:
                    for ready in seen.take(frame):
                        yield ready
        except JiuWenBaseException as error:
            await self._note_failed(message, error)
            raise
        output = seen.output(message.conversation)
        await self._note(message, output)
        if seen.held is not None:
            yield _final_frame(output, is_original=is_original) if seen.is_final else seen.held
        for ended in () if told is None else await told.end(output):
            yield ended

    async def clear_session(self, session_id: str = DEFAULT_CONVERSATION) -> None:
        """Drop a conversation of this agent: what its workflows have not finished, and what was said.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        await super().clear_session(session_id)
        self._asked.discard(session_id)

    # --- what a message means ---

    async def _turn(self, message: AgentInput) -> _Turn | None:
        """Return the meaning of a message; None if no workflow fits."""
        if not self._workflows.schemas:
            raise agent_failed("it has no workflows: add_workflows([...])")
        if isinstance(message.query, InteractiveInput):
            return await self._turn_of_answers(message, message.query)
        if message.turn_id is not None and (before := await self._delivered(message)) is not None:
            return before
        runs = await self._runs_of(message.conversation)
        if self.agent_config.on_question == "restart" and any(run.questions for run in runs):
            await self._runs.discard(message.conversation, with_done=False)
            runs = []
        schema = await self._chosen(message, runs)
        if schema is None:
            return None
        anew = _Turn(schema, schema.chosen(message.inputs))
        run = await self._run_of(message.conversation, schema)  # as it is now: choosing takes a while
        return anew if run is None else self._going_on(message, run, anew)

    async def _delivered(self, message: AgentInput) -> _Turn | None:
        """What a turn means that was delivered before: its run goes on, or gives its result again."""
        runs = await self._runs_of(message.conversation, with_done=True)
        run = next((run for run in runs if run.record.row.turn_id == message.turn_id), None)
        if run is None:
            return None
        schema = self._workflows.schemas[run.key]
        return _Turn(schema, schema.chosen(message.inputs) if run.record.is_done else InteractiveInput())

    async def _turn_of_answers(self, message: AgentInput, given: InteractiveInput) -> _Turn:
        """What answers mean: they are for what asks or has failed; a raw one for a form shows the form again."""
        try:
            schema = await self._addressed(message.conversation, given)
        except JiuWenBaseException as error:
            starts = self.agent_config.on_finished == "start" and not given.tokens
            if error.error_code != StatusCode.INTERACTION_NOT_PENDING.code or not starts:
                raise
            return await self._begun_by_answer(message, given)
        if given.raw_inputs is None:
            return _Turn(schema, given)
        run = await self._run_of(message.conversation, schema)
        is_form = run is not None and run.is_waiting and self._shows_again(run.questions[0])
        return _Turn(schema, InteractiveInput() if is_form else given)

    async def _begun_by_answer(self, message: AgentInput, given: InteractiveInput) -> _Turn:
        """A new run for answers to a conversation that has finished; what it asks first, they answer."""
        said = replace(message, query=message.said)
        schema = await self._chosen(said, [])
        if schema is None:
            raise agent_failed("no workflow fits what was said")
        return _Turn(schema, schema.chosen(said.inputs), answer=given)

    async def _answered_at_once(self, turn: _Turn, message: AgentInput, output: WorkflowOutput) -> WorkflowOutput:
        """The output of a run that was begun by an answer, after its first question has got that."""
        asked = [frame for frame in output.result or () if is_question(frame)] if _is_asking(output) else []
        if not asked or turn.answer is None:
            return output
        answer = turn.answer
        if answer.raw_inputs is not None:
            answer = InteractiveInput.reply_to(asked[0], answer.raw_inputs)
        workflow, session = self._workflows.get(turn.schema), self._session(message, turn)
        return await workflow.invoke(answer, session, self._context(message, turn))

    def _shows_again(self, question: Question) -> bool:
        """Whether a question is a form: a dict or list without a schema, which a text cannot answer."""
        is_form = isinstance(question.value, (dict, list)) and question.schema is None
        return is_form and self.agent_config.on_question == "route"

    def _going_on(self, message: AgentInput, run: Run, anew: _Turn) -> _Turn:
        """Return the meaning of a text for an unfinished workflow: an answer, the same once more, or a new start."""
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

    def _to_question(self, message: AgentInput, question: Question, anew: _Turn) -> _Turn:
        """Return what a text does while a workflow asks."""
        if self.agent_config.on_question == "ask_again" or self._shows_again(question):
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

    async def _chosen(self, message: AgentInput, runs: list[Run]) -> WorkflowSchema | None:
        """The workflow that a text is for."""
        asking = [run for run in runs if run.questions]
        if asking and self.agent_config.on_question in ("answer", "ask_again"):
            return self._workflows.schemas[asking[-1].key]
        schemas = list(self._workflows.schemas.values())
        if len(schemas) == 1:
            return schemas[0]
        questions = [(run.key, question.value) for run in reversed(asking) for question in run.questions]
        context = self.context_engine.get_agent_context(message.conversation)
        chosen = await self._routing.choose(message.text, schemas, questions, context)
        if chosen is not None or self.agent_config.default_response.text is not None:
            return chosen
        return self._workflows.schemas[runs[-1].key] if runs else schemas[0]

    # --- running ---

    def _session(self, message: AgentInput, turn: _Turn) -> WorkflowRuntime:
        runtime = WorkflowRuntime(
            session_id=message.conversation,
            belongs_to=self._runs.owner(turn.schema),
            on_change=self.agent_config.on_change,
            turn_id=message.turn_id,
        )
        runtime.resources = self.resources_of_run()
        if turn.restarts:
            runtime.config().set_envs({FORCE_DEL_WORKFLOW_STATE_KEY: True})
        return runtime

    def _context(self, message: AgentInput, turn: _Turn) -> Any:
        return self.context_engine.get_workflow_context("_".join(turn.schema.key), message.conversation)

    async def _say_default(self, message: AgentInput) -> dict[str, Any]:
        text = self.agent_config.default_response.text
        await self._keep(message, text)
        return {"status": "default_response", "output": {"answer": text}, "result_type": "answer"}

    # --- what is kept of it ---

    async def _note(self, message: AgentInput, output: WorkflowOutput) -> None:
        """Keep what was said and answered, and whether something was asked here."""
        is_asking = output.state is WorkflowExecutionState.INPUT_REQUIRED
        (self._asked.add if is_asking else self._asked.discard)(message.conversation)
        answered: str | None = None
        with log_failure():
            asked = [frame.payload.value for frame in output.result if is_question(frame)] if is_asking else []
            answered = questions_in(asked) if is_asking else answer_in(output.result)
        await self._keep(message, answered)

    async def _note_failed(self, message: AgentInput, error: JiuWenBaseException) -> None:
        """Keep what was said although it was of no avail; what was refused was not said."""
        if not is_engine_error(error) and error.error_code not in _REFUSALS:
            await self._keep(message, None)

    async def _keep(self, message: AgentInput, answered: str | None) -> None:
        context = self.context_engine.get_agent_context(message.conversation)
        await append(context, lambda: (message.said, answered))


def _is_repeated(message: AgentInput, run: Run, anew: _Turn) -> bool:
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


class _ProviderTrace:
    """The two frames that openJiuwen's own traces have around a workflow of a provider."""

    def __init__(self, workflow: Workflow) -> None:
        self._frames: list[Any] = []
        metadata = workflow.config().metadata

        async def collect(frame: Any) -> None:
            self._frames.append(frame)

        name = metadata.name or metadata.id
        self._span = AgentTrace(collect).span("workflow", name, metadata=metadata.model_dump())

    async def start(self, given: Any) -> list[Any]:
        """The first one."""
        await self._span.start(given)
        return [self._frames.pop()]

    async def end(self, output: WorkflowOutput) -> list[Any]:
        """The second one."""
        frame = OutputSchema(type=WORKFLOW_FINAL, index=0, payload=output.result)
        await self._span.end(frame.model_dump() if not isinstance(output.result, list) else output.result)
        return [self._frames.pop()]


def _final_frame(output: WorkflowOutput, *, is_original: bool) -> OutputSchema:
    """The last frame of a stream: the output, or only its result, as 0.1.1 itself has it."""
    return OutputSchema(type=WORKFLOW_FINAL, index=0, payload=output.result if is_original else _answer(output))


def _is_asking(output: WorkflowOutput) -> bool:
    return output.state is WorkflowExecutionState.INPUT_REQUIRED


def _final_in(output: WorkflowOutput) -> Any:
    """What `invoke` would have given, from the output in a stream's last frame."""
    return output.result if isinstance(output.result, dict) and "result_type" in output.result else _answer(output)


def _answer(output: WorkflowOutput) -> dict[str, Any]:
    return {"output": output, "result_type": "answer"}
