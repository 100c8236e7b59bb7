"""One call of an agent's model: a tool, through LangGraph's `ToolNode`, or a workflow."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from langgraph.errors import GraphBubbleUp

from jiuwen_lg.agents.agent_trace import AgentTrace
from jiuwen_lg.agents.progress import Progress, question_data
from jiuwen_lg.agents.stream_result import StreamResult
from jiuwen_lg.agents.toolbox import Entry, WorkflowEntry
from jiuwen_lg.constants import FORCE_DEL_WORKFLOW_STATE_KEY, TRACE_DETAILS_KEY
from jiuwen_lg.context.conversation import answer_in
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.errors import JiuWenBaseException, StatusCode, is_engine_error
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import WorkflowExecutionState, WorkflowOutput, is_question
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.langchain import as_langchain_tool

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from jiuwen_lg.agents.tool_agent import ToolAgent
    from jiuwen_lg.agents.tool_loop import TurnContext


class ToolCalls:
    """Runs the calls of an agent's model.

    Args:
        agent: The agent.
    """

    def __init__(self, agent: ToolAgent) -> None:
        self._agent = agent

    async def run(self, progress: Progress, runtime: Any, context: TurnContext) -> None:
        """Run a turn's next call; its result, failure or question goes into the turn.

        Raises:
            JiuWenBaseException: 120000, an agent that tells its caller has no such tool; 123005, the same for
                arguments that are no JSON; what the engine says of sessions.
            GraphInterrupt: The tool asks by LangGraph's `interrupt`.
        """
        call = progress.calls[0]
        try:
            entry, arguments = self._entry(call["name"]), arguments_of(call)
        except JiuWenBaseException as error:
            if self._agent.dialect.is_strict:
                raise
            progress.take_result(_failed(error))
            return
        if isinstance(entry, WorkflowEntry):
            await self._run_workflow(entry, arguments, progress, runtime, context)
        else:
            progress.take_result(await self._run_tool(entry, arguments, call, runtime, context.trace(runtime)))

    def _entry(self, name: str) -> Entry:
        entries = self._agent.toolbox.entries()
        if name not in entries:
            raise StatusCode.TOOL_NOT_FOUND_ERROR.error(name=name, names=[*entries])
        return entries[name][0]

    async def _run_tool(
        self, tool: Tool, arguments: dict[str, Any], call: dict[str, Any], runtime: Any, trace: AgentTrace
    ) -> str:
        span = trace.span("plugin", call["name"])
        await span.start(arguments)
        try:
            text, result = await _through_tool_node(as_langchain_tool(tool), arguments, call["id"], runtime)
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001 - the model gets whatever a tool fails with
            await span.fail(error)
            message = error.message if isinstance(error, JiuWenBaseException) else f"{type(error).__name__}: {error}"
            return _failed(StatusCode.TOOL_EXECUTION_ERROR.error(msg=message))
        await span.end(result)
        return text

    # --- workflows ---

    async def _run_workflow(
        self, entry: WorkflowEntry, arguments: dict[str, Any], progress: Progress, runtime: Any, context: TurnContext
    ) -> None:
        owner = self._agent.runs.owner(entry.schema)
        slot = self._agent.runs.slot(entry.schema)
        given = self._given(slot, arguments, progress)
        session = WorkflowRuntime(
            session_id=context.conversation, belongs_to=owner, turn_id=runtime.idempotency_key, config=_outer(runtime)
        )
        session.resources = self._agent.resources_of_run()
        # One that failed earlier is begun anew; its traces are openJiuwen's, the workflow as a whole among them.
        session.config().set_envs({FORCE_DEL_WORKFLOW_STATE_KEY: True, TRACE_DETAILS_KEY: True})
        try:
            output = await self._output(entry, given, session, context, context.trace(runtime))
        except JiuWenBaseException as error:
            if is_engine_error(error) or error.error_code == StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.code:
                raise
            progress.take_result(_failed(StatusCode.WORKFLOW_EXECUTION_ERROR.error(msg=error.message)))
            return
        if output.state is WorkflowExecutionState.INPUT_REQUIRED:
            progress.wait(slot, [_asked(frame) for frame in output.result if is_question(frame)])
        else:
            progress.take_result(_text_of(output.result))

    def _given(self, slot: str, arguments: dict[str, Any], progress: Progress) -> Any:
        """What a workflow gets: the answers to what it asked, or the arguments of the call."""
        progress.waits.pop(slot, None)
        asked = progress.open.pop(slot, None)
        if slot in progress.answers:
            answer = InteractiveInput()
            for id, token, value in progress.answers.pop(slot):
                answer.update(id, value)
                answer.tokens[id] = token
            return answer
        if asked is not None:
            return InteractiveInput.reply_to(Question(**asked).to_chunk(), progress.said)
        return arguments

    async def _output(
        self, entry: WorkflowEntry, given: Any, session: WorkflowRuntime, context: TurnContext, trace: AgentTrace
    ) -> WorkflowOutput:
        said = self._agent.workflow_context(entry.schema, context.conversation)
        if not trace.is_read:
            return await entry.workflow.invoke(given, session, said)
        seen = StreamResult()
        async with aclosing(entry.workflow.stream(given, session, said)) as frames:
            async for frame in frames:
                for ready in seen.take(frame):
                    await trace.send(ready)
        return seen.output(context.conversation)


def arguments_of(call: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call; none if the model gave nothing.

    Raises:
        JiuWenBaseException: 123005, they are no JSON object.
    """
    text = call.get("arguments") or "{}"
    try:
        arguments = json.loads(text)
    except ValueError as error:
        reason = f"the arguments of [{call['name']}] are no JSON: {error}: {text!r:.200}"
        raise StatusCode.CONTROLLER_PARSE_TOOL_CALL_ERROR.error(error_msg=reason) from error
    if arguments is not None and not isinstance(arguments, dict):
        reason = f"the arguments of [{call['name']}] are no JSON object: {text!r:.200}"
        raise StatusCode.CONTROLLER_PARSE_TOOL_CALL_ERROR.error(error_msg=reason)
    return arguments or {}


async def _through_tool_node(tool: BaseTool, arguments: dict[str, Any], id: str, runtime: Any) -> tuple[str, Any]:
    """What a tool answers: the text for the model, and the result itself."""
    from langchain_core.messages import AIMessage, ToolMessage
    from langgraph.prebuilt import ToolNode

    call = {"type": "tool_call", "id": id, "name": tool.name, "args": arguments}
    node = ToolNode([tool], handle_tool_errors=False)
    given = await node.ainvoke({"messages": [AIMessage("", tool_calls=[call])]}, runtime.config)
    message = next((one for one in given["messages"] if isinstance(one, ToolMessage)), None)
    if message is None:
        raise TypeError(f"tool [{tool.name}] gave no message but {given!r:.200}")
    if message.status == "error":
        raise ValueError(str(message.content))
    text = message.content if isinstance(message.content, str) else json.dumps(message.content, ensure_ascii=False)
    return text, text if message.artifact is None else message.artifact


def _outer(runtime: Any) -> Any:
    """Callbacks, tags and metadata of the run around; nothing by which a graph would take itself for a part of it."""
    return {key: value for key, value in runtime.config.items() if key in ("callbacks", "tags", "metadata")}


def _asked(frame: Any) -> dict[str, Any]:
    payload = frame.payload
    return question_data(Question(payload.id, frame.index, payload.value, payload.token, payload.answer_schema))


def _text_of(result: Any) -> str:
    """Return a workflow's result in the form a model gets."""
    return answer_in(result) or ""


def _failed(error: JiuWenBaseException) -> str:
    return f"[FAILED - [{error.error_code}] {error.message}]"
