"""WorkflowAgent: a conversation over workflows.

Source: seed 002, `components.md` 8 (its Q1 to Q7, Q43, Q44 and Q46 left out).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from jiuwen_lg.agents.agent import ControllerAgent, WorkflowFactory
from jiuwen_lg.agents.config import ControllerType, WorkflowAgentConfig, WorkflowSchema
from jiuwen_lg.agents.routing import Routing
from jiuwen_lg.constants import FORCE_DEL_WORKFLOW_STATE_KEY
from jiuwen_lg.context import ContextEngineConfig
from jiuwen_lg.context_engine import ContextEngine
from jiuwen_lg.conversation import note, said_in
from jiuwen_lg.engine.sessions import Record
from jiuwen_lg.engine.store import open_store
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.models.messages import as_text
from jiuwen_lg.output import (
    INTERACTION,
    WORKFLOW_FINAL,
    BaseStreamMode,
    OutputSchema,
    PendingQuestion,
    WorkflowChunk,
    WorkflowExecutionState,
    WorkflowOutput,
)
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.workflow import Workflow

_logger = logging.getLogger(__name__)

DEFAULT_CONVERSATION = "default_session"

_OF = "\x1f"
"""Between an agent's id and its workflow's key, in the rows of sessions."""
_STREAMED = [BaseStreamMode.OUTPUT, BaseStreamMode.TRACE]


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a message means: which workflow it is for, and what that gets."""

    schema: WorkflowSchema
    given: Any
    restarts: bool = False
    text: str = ""


class WorkflowAgent(ControllerAgent):
    """A conversation over workflows: each message is for one of them, and starts it, answers it or goes on with it.

    One object serves any number of conversations at once. They are on file: what a workflow asked in one
    process is answered in another.

    Args:
        agent_config: The agent.

    Raises:
        NotImplementedError: It is to be controlled otherwise than by workflows.
    """

    def __init__(self, agent_config: WorkflowAgentConfig) -> None:
        if agent_config.controller_type is not ControllerType.WorkflowController:
            raise NotImplementedError(f"a WorkflowAgent has no {agent_config.controller_type}")
        self._config = agent_config
        self._schemas = {schema.key: schema for schema in agent_config.workflows}
        self._workflows: dict[str, Workflow | WorkflowFactory] = {}
        self._asked: set[str] = set()
        self._prefix = f"{agent_config.id}{_OF}"
        self._routing = Routing(agent_config.model, agent_config.prompt_template)
        kept = 2 * agent_config.constrain.reserved_max_chat_rounds
        self.context_engine = ContextEngine(agent_config.id, ContextEngineConfig(conversation_history_length=kept))

    def config(self) -> WorkflowAgentConfig:
        """As given."""
        return self._config

    def add_workflows(self, workflows: Sequence[Workflow | WorkflowFactory]) -> None:
        """Bind workflows; one of the same id and version replaces the last one.

        Args:
            workflows: Workflows, or what `workflow_provider` makes of a function that builds one.

        Raises:
            JiuWenBaseException: 123003, something is neither.
        """
        for workflow in workflows:
            schema = _schema_of(workflow)
            self._schemas.setdefault(schema.key, schema)
            self._workflows[schema.key] = workflow

    bind_workflows = add_workflows

    def remove_workflows(self, workflows: Sequence[tuple[str, str]]) -> None:
        """Take workflows out, by id and version; what they have not finished stays on file."""
        for id, version in workflows:
            key = WorkflowSchema(id=id, version=version).key
            self._schemas.pop(key, None)
            self._workflows.pop(key, None)

    async def invoke(self, inputs: dict[str, Any]) -> Any:
        """Take a message.

        Args:
            inputs: `query`, a text or an `InteractiveInput`; `conversation_id`; further inputs of the workflow.

        Returns:
            `{"output": WorkflowOutput(...), "result_type": "answer"}`; the frames with all open questions, a list,
            if the workflow asks; `{"status": "default_response", ...}` if no workflow fits.

        Raises:
            JiuWenBaseException: 123003, there is no workflow, or something else than a workflow failed; what
                `Workflow.invoke` raises.
        """
        conversation = _conversation(inputs)
        turn = await self._turn(conversation, inputs)
        if turn is None:
            return await self._say_default(conversation, inputs)
        workflow, runtime = self._workflow(turn.schema), self._runtime(conversation, turn)
        output = await workflow.invoke(turn.given, runtime, self._context(conversation, turn))
        await self._remember(conversation, inputs, output)
        return output.result if output.state is WorkflowExecutionState.INPUT_REQUIRED else _answer(output)

    async def stream(self, inputs: dict[str, Any]) -> AsyncIterator[WorkflowChunk]:
        """Take a message, and yield frames while they are made; the result comes last.

        Args:
            inputs: As in `invoke`.

        Raises:
            JiuWenBaseException: As `invoke`.
        """
        conversation = _conversation(inputs)
        turn = await self._turn(conversation, inputs)
        if turn is None:
            said = await self._say_default(conversation, inputs)
            payload = {"responseContent": said["output"]["answer"], "output": {}}
            yield OutputSchema(type=WORKFLOW_FINAL, index=0, payload=payload)
            return
        workflow, runtime = self._workflow(turn.schema), self._runtime(conversation, turn)
        asked: list[Any] = []
        result: Any = None
        async for frame in workflow.stream(turn.given, runtime, self._context(conversation, turn), _STREAMED):
            if isinstance(frame, OutputSchema) and frame.type == WORKFLOW_FINAL:
                result = frame.payload
                continue
            asked += [frame] if _is_question(frame) else []
            yield frame
        state = WorkflowExecutionState.INPUT_REQUIRED if asked else WorkflowExecutionState.COMPLETED
        output = WorkflowOutput(result=asked or result, state=state, session_id=conversation)
        await self._remember(conversation, inputs, output)
        if not asked and result is not None:
            yield OutputSchema(type=WORKFLOW_FINAL, index=0, payload=_answer(output))

    async def clear_session(self, session_id: str = DEFAULT_CONVERSATION) -> None:
        """Drop a conversation of this agent: what its workflows have not finished, and what was said.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        store = open_store()
        await store.database.call(lambda: store.sessions.discard_owned(self._prefix, session_id))
        await store.database.call(lambda: self.context_engine.clear_context(session_id))

    async def pending(self, conversation_id: str | None = None) -> list[PendingQuestion]:
        """The questions that wait for somebody, in one conversation or all of this agent's, oldest first."""
        store = open_store()
        records = await store.database.call(lambda: store.sessions.of_owner(self._prefix, conversation_id))
        return [
            PendingQuestion(record.row.session_id, record.row.updated_at, question.to_chunk().payload)
            for record in records
            for question in record.questions
        ]

    # --- what a message means ---

    async def _turn(self, conversation: str, inputs: dict[str, Any]) -> _Turn | None:
        """What a message means; None if no workflow fits."""
        if not self._schemas:
            raise _failed("it has no workflows: add_workflows([...])")
        query = inputs.get("query", "")
        unfinished = await self._unfinished(conversation)
        if isinstance(query, InteractiveInput):
            return _Turn(self._addressed(conversation, query, unfinished), query)
        text = "" if query is None else str(query)
        asking = {key: record for key, record in unfinished.items() if record.questions}
        if asking and self._config.on_question in ("answer", "ask_again"):
            schema: WorkflowSchema | None = self._schemas[next(iter(asking))]
        else:
            schema = await self._routed(conversation, text, unfinished)
        if schema is None:
            return None
        record = unfinished.get(schema.key)
        if record is None:
            return _Turn(schema, self._inputs(schema, inputs, text))
        if record.row.status == "waiting" and record.questions:
            return self._to_question(
                conversation,
                schema,
                record,
                _Turn(schema, self._inputs(schema, inputs, text), restarts=True, text=text),
            )
        if record.inputs.get("query") == text:
            return _Turn(schema, InteractiveInput())  # the same once more: it goes on where it failed
        return _Turn(schema, self._inputs(schema, inputs, text), restarts=True)

    def _to_question(self, conversation: str, schema: WorkflowSchema, record: Record, anew: _Turn) -> _Turn:
        """What a text does while a workflow asks."""
        if self._config.on_question == "restart":
            return anew
        if self._config.on_question == "ask_again":
            return _Turn(schema, InteractiveInput())
        question = record.questions[0]
        if conversation not in self._asked:
            _logger.warning(
                "conversation [%s]: a text answers what [%s] asked earlier: %r",
                conversation,
                question.id,
                question.value,
            )
        return _Turn(schema, InteractiveInput().update(question.id, anew.text))

    async def _unfinished(self, conversation: str) -> dict[str, Record]:
        """The runs of the conversation that have not finished, by workflow, the latest first."""
        store = open_store()
        records = await store.database.call(lambda: store.sessions.of_owner(self._prefix, conversation))
        by_key = {record.row.workflow_id.removeprefix(self._prefix): record for record in reversed(records)}
        return {key: record for key, record in by_key.items() if key in self._schemas}

    def _addressed(self, conversation: str, given: InteractiveInput, unfinished: dict[str, Record]) -> WorkflowSchema:
        """The workflow that answers are for: the one that asks them, else the one that stopped last."""
        for key, record in unfinished.items():
            if given.user_inputs.keys() & {question.id for question in record.questions}:
                return self._schemas[key]
        if not unfinished:
            reason = "no workflow of the conversation waits or has failed"
            raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=conversation, reason=reason)
        return self._schemas[next(iter(unfinished))]

    async def _routed(self, conversation: str, text: str, unfinished: dict[str, Record]) -> WorkflowSchema | None:
        schemas = list(self._schemas.values())
        if len(schemas) == 1:
            return schemas[0]
        questions = [(key, question.value) for key, record in unfinished.items() for question in record.questions]
        context = self.context_engine.get_agent_context(conversation)
        chosen = await self._routing.choose(text, schemas, questions, context)
        if chosen is not None or self._config.default_response.text is not None:
            return chosen
        return self._schemas[next(iter(unfinished))] if unfinished else schemas[0]

    def _inputs(self, schema: WorkflowSchema, inputs: dict[str, Any], text: str) -> dict[str, Any]:
        more = {k: v for k, v in inputs.items() if k not in ("query", "conversation_id", "user_id")}
        return schema.chosen({"query": text, **more})

    # --- running ---

    def _workflow(self, schema: WorkflowSchema) -> Workflow:
        workflow = self._workflows.get(schema.key)
        if workflow is None:
            raise _failed(f"workflow {schema.id!r} of version {schema.version!r} was not found: add_workflows([...])")
        if isinstance(workflow, WorkflowFactory):
            workflow = self._workflows[schema.key] = workflow()
        return workflow

    def _runtime(self, conversation: str, turn: _Turn) -> WorkflowRuntime:
        runtime = WorkflowRuntime(session_id=conversation, belongs_to=f"{self._prefix}{turn.schema.key}")
        if turn.restarts:
            runtime.config().set_envs({FORCE_DEL_WORKFLOW_STATE_KEY: True})
        return runtime

    def _context(self, conversation: str, turn: _Turn) -> Any:
        return self.context_engine.get_workflow_context(turn.schema.key, conversation)

    async def _say_default(self, conversation: str, inputs: dict[str, Any]) -> dict[str, Any]:
        text = self._config.default_response.text
        await self._remember(conversation, inputs, text)
        return {"status": "default_response", "output": {"answer": text}, "result_type": "answer"}

    async def _remember(self, conversation: str, inputs: dict[str, Any], answer: Any) -> None:
        """Keep what was said and answered."""
        is_asking = isinstance(answer, WorkflowOutput) and answer.state is WorkflowExecutionState.INPUT_REQUIRED
        (self._asked.add if is_asking else self._asked.discard)(conversation)
        query = inputs.get("query", "")
        said = said_in(query if isinstance(query, InteractiveInput) else {"query": "" if query is None else query})
        await note(self.context_engine.get_agent_context(conversation), said, _told(answer))


def _schema_of(workflow: Any) -> WorkflowSchema:
    if isinstance(workflow, WorkflowFactory):
        given: Any = workflow
    elif isinstance(workflow, Workflow):
        given = workflow.config().metadata
    else:
        raise _failed(f"{workflow!r} is no workflow, and nothing that builds one (workflow_provider)")
    return WorkflowSchema(
        id=given.id,
        name=given.name,
        version=given.version,
        description=given.description,
        inputs=getattr(given, "inputs", {}),
    )


def _conversation(inputs: dict[str, Any]) -> str:
    return str(inputs.get("conversation_id") or DEFAULT_CONVERSATION)


def _answer(output: WorkflowOutput) -> dict[str, Any]:
    return {"output": output, "result_type": "answer"}


def _is_question(frame: Any) -> bool:
    return isinstance(frame, OutputSchema) and frame.type == INTERACTION


def _told(answer: Any) -> str | None:
    """What a conversation keeps of an answer: the questions, the default's text, or the result as JSON."""
    if not isinstance(answer, WorkflowOutput):
        return None if answer is None else str(answer)
    if answer.state is WorkflowExecutionState.COMPLETED:
        return as_text(answer.result)
    return "\n".join(as_text(frame.payload.value) for frame in answer.result if _is_question(frame))


def _failed(reason: str) -> JiuWenBaseException:
    return StatusCode.CONTROLLER_RUNTIME_ERROR.error(error_msg=reason)
