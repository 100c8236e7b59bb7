"""The graph of an agent whose model calls tools: the model is asked, its calls are run, and so on.

It is a workflow of ours, so each step is a checkpoint: a turn whose process was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jiuwen_lg.agents.agent_trace import AgentTrace
from jiuwen_lg.agents.conversation_log import ConversationLog, as_shown, as_stored
from jiuwen_lg.agents.progress import Progress
from jiuwen_lg.agents.tool_call import ToolCalls
from jiuwen_lg.component import ComponentExecutable, WorkflowComponent
from jiuwen_lg.components.end import End
from jiuwen_lg.components.start import Start
from jiuwen_lg.config import WorkflowConfig, WorkflowMetadata
from jiuwen_lg.models.messages import AIMessage, AIMessageChunk
from jiuwen_lg.models.model import Model
from jiuwen_lg.output import OutputSchema
from jiuwen_lg.workflow import Workflow

if TYPE_CHECKING:
    from jiuwen_lg.agents.tool_agent import ToolAgent


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What a turn's components receive as their context.

    Attributes:
        conversation: The conversation's id.
        is_live: Whether frames are read while they are made.
    """

    conversation: str
    is_live: bool

    def trace(self, runtime: Any) -> AgentTrace:
        """Where the turn's frames go."""
        emit: Callable[[Any], Awaitable[None]] | None = runtime.run_context.sink.emit if self.is_live else None
        return AgentTrace(emit)


def tool_loop(agent: ToolAgent) -> Workflow:
    """The workflow that runs one turn of an agent."""
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="agent", name=agent.agent_config.id)))
    flow.set_start_comp("start", Start(), inputs_schema={"given": "${given}"})
    for id, step in (("model", ModelStep(agent)), ("call", CallStep(agent)), ("finish", FinishStep(agent))):
        flow.add_workflow_comp(id, step, inputs_schema={"given": "${start.given}"})
    flow.set_end_comp("end", End(), inputs_schema={"result": "${finish.result}"})
    flow.add_conditional_connection("start", _first)
    flow.add_conditional_connection("model", _after("model"))
    flow.add_conditional_connection("call", _after("call"))
    return flow.add_connection("finish", "end")


def _first(runtime: Any) -> Literal["model", "call"]:
    return "call" if runtime.get_global_state("start.given.resumes") else "model"


def _after(id: str) -> Callable[[Any], str]:
    def choose(runtime: Any) -> Literal["model", "call", "finish"]:
        chosen: Literal["model", "call", "finish"] = runtime.get_global_state(f"{id}.next")
        return chosen

    return choose


class ModelStep(ComponentExecutable, WorkflowComponent):
    """Asks the model, with the conversation so far and what it can call."""

    def __init__(self, agent: ToolAgent) -> None:
        super().__init__()
        self._agent = agent

    async def invoke(self, inputs: Any, runtime: Any, context: TurnContext) -> dict[str, Any]:
        """Take its reply: calls, or the answer."""
        progress, agent = Progress.of(runtime, inputs["given"]), self._agent
        log = agent.log(context.conversation, progress.turn)
        await log.append(progress.messages)
        shown = 2 * agent.agent_config.constrain.reserved_max_chat_rounds
        before = await log.before(shown - len(progress.messages))  # this turn is shown whole
        messages = [*as_shown(agent.agent_config.prompt_template), *before, *progress.wire()]
        reply = await self._reply(messages, context.trace(runtime))
        progress.asked += 1
        progress.take_reply(as_stored(reply))
        if not progress.calls:
            progress.output = {"output": reply.content, "result_type": "answer"}
        return progress.told("call" if progress.calls else "finish")

    async def _reply(self, messages: list[dict[str, Any]], trace: AgentTrace) -> AIMessage:
        model = Model.of(self._agent.agent_config.model)
        tools = [info for _, info in self._agent.toolbox.entries().values()]
        if not self._agent.dialect.streams:
            return _listed(await model.reply(messages, tools))
        span = trace.span("llm", model.class_name)
        await span.start(messages)
        chunks: list[AIMessageChunk] = []
        try:
            async for text in _texts(model.stream_reply(messages, tools), chunks):
                payload = {"output": text[1], "result_type": "answer"}
                await trace.send(OutputSchema(type="llm_output", index=text[0], payload=payload))
        except Exception as error:
            await span.fail(error)
            raise
        await span.end([chunk.model_dump() for chunk in chunks])
        return _joined(chunks)


async def _texts(stream: AsyncIterator[AIMessageChunk], chunks: list[AIMessageChunk]) -> AsyncIterator[tuple[int, str]]:
    """The texts of a streamed answer, with their numbers.

    Args:
        stream: The answer.
        chunks: Where its parts are collected.
    """
    number = 0
    async for chunk in stream:
        chunks.append(chunk)
        if isinstance(chunk.content, str) and chunk.content:
            yield number, chunk.content
            number += 1


def _joined(chunks: list[AIMessageChunk]) -> AIMessage:
    whole = AIMessageChunk()
    for chunk in chunks:
        whole = whole + chunk
    return _listed(AIMessage(**{name: getattr(whole, name) for name in AIMessage.model_fields}))


def _listed(reply: AIMessage) -> AIMessage:
    """A reply whose calls are a list, numbered, each with an id."""
    calls = [
        call.model_copy(update={"index": number, "id": call.id or f"call_{number}"})
        for number, call in enumerate(reply.tool_calls or ())
    ]
    return reply.model_copy(update={"tool_calls": calls})


class CallStep(ComponentExecutable, WorkflowComponent):
    """Runs the next call; one at a time, so that each result is stored before the next begins."""

    def __init__(self, agent: ToolAgent) -> None:
        super().__init__()
        self._agent = agent
        self._calls = ToolCalls(agent)

    async def invoke(self, inputs: Any, runtime: Any, context: TurnContext) -> dict[str, Any]:
        """Take its result, or what it asks."""
        progress = Progress.of(runtime, inputs["given"])
        if not progress.calls:
            progress.resume_next()
        await self._calls.run(progress, runtime, context)
        return progress.told(self._next(progress))

    def _next(self, progress: Progress) -> str:
        if progress.questions:
            return "finish"
        if progress.calls or progress.resumes:
            return "call"
        if progress.asked >= self._agent.agent_config.constrain.max_iteration:
            progress.output = {"output": self._agent.dialect.exceeded, "result_type": "error"}
            return "finish"
        return "model"


class FinishStep(ComponentExecutable, WorkflowComponent):
    """Appends the turn's messages to the conversation, and notes what waits."""

    def __init__(self, agent: ToolAgent) -> None:
        super().__init__()
        self._agent = agent

    async def invoke(self, inputs: Any, runtime: Any, context: TurnContext) -> dict[str, Any]:
        """The turn's result."""
        progress = Progress.of(runtime, inputs["given"])
        await ConversationLog.append(self._agent.log(context.conversation, progress.turn), progress.messages)
        if progress.waits != inputs["given"].get("waits", {}):
            await self._agent.note(context.conversation).write(progress.waits)
        return {"result": {"questions": progress.questions} if progress.questions else progress.output}
