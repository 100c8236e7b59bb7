"""ControllerAgent: a controller decides what each message does.

Facts: openJiuwen 0.1.1, `agents.md` 6 (its R-10 left out).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from jiuwen_lg.agents.agent import DEFAULT_CONVERSATION, BaseAgent
from jiuwen_lg.agents.controller import BaseController
from jiuwen_lg.agents.runs import OWN
from jiuwen_lg.agents.workflows import agent_failed
from jiuwen_lg.component import ComponentExecutable, WorkflowComponent
from jiuwen_lg.config import WorkflowConfig, WorkflowMetadata
from jiuwen_lg.constants import FORCE_DEL_WORKFLOW_STATE_KEY, WORKFLOW_EXECUTE_TIMEOUT
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import (
    WORKFLOW_FINAL,
    BaseStreamMode,
    OutputSchema,
    WorkflowExecutionState,
    WorkflowOutput,
    is_question,
)
from jiuwen_lg.runtime import TaskRuntime, WorkflowRuntime
from jiuwen_lg.workflow import Workflow


@dataclass(slots=True)
class _Handled:
    """What a turn's component receives as its context, and where it leaves the result as it is.

    Attributes:
        inputs: The agent's inputs; None if they are those of an earlier turn, which asked.
        runtime: What the controller is given.
        writes: Whether frames are read from the turn's own stream.
        result: What the controller gives.
    """

    inputs: dict[str, Any] | None
    runtime: TaskRuntime
    writes: bool
    result: Any = field(default=None)


class ControllerAgent(BaseAgent):
    """An agent whose controller decides what each message does; what it asks waits in the session.

    Args:
        agent_config: The agent.
        controller: What decides.
    """

    def __init__(self, agent_config: Any, controller: BaseController | None = None) -> None:
        super().__init__(agent_config)
        self._controller: Any = None
        self._turn_of_controller = self._built()
        if controller is not None:
            self.controller = controller

    @property
    def controller(self) -> Any:
        """What decides."""
        return self._controller

    @controller.setter
    def controller(self, controller: Any) -> None:
        self._controller = controller
        if hasattr(controller, "setup_from_agent"):
            controller.setup_from_agent(self)

    async def invoke(self, inputs: dict[str, Any], runtime: Any = None) -> Any:
        """Take a message.

        Args:
            inputs: `query`, a text or an `InteractiveInput`; `conversation_id`; further keys are the message's
                extensions.
            runtime: Whose session is used instead of `conversation_id`, and which gets the frames.

        Returns:
            What the controller gives; the frames of the questions, a list, if it asks.

        Raises:
            RuntimeError: There is no controller.
            JiuWenBaseException: 123003, the controller failed; 100904, the last message is still worked on.
        """
        if runtime is not None:
            return [result async for result in self.stream(inputs, runtime)][-1]
        own = await self._runtime.pre_run(session_id=self._conversation(inputs))
        handled = _Handled(inputs, own, writes=False)
        given, session = await self._given(inputs, own)
        handled.inputs = None if isinstance(given, InteractiveInput) else inputs
        output = await self._guarded(self._turn_of_controller.invoke(given, session, handled))
        await own.post_run()
        return _asked(output) if output.state is WorkflowExecutionState.INPUT_REQUIRED else handled.result

    async def stream(self, inputs: dict[str, Any], runtime: Any = None) -> AsyncGenerator[Any, None]:
        """Take a message, and yield what the controller writes to its runtime, and its questions.

        Args:
            inputs: As in `invoke`.
            runtime: As in `invoke`: the frames go there, and only the result is yielded.

        Raises:
            RuntimeError: There is no controller.
            JiuWenBaseException: As `invoke`.
        """
        own = runtime or await self._runtime.pre_run(session_id=self._conversation(inputs))
        handled = _Handled(inputs, own, writes=runtime is None)
        given, session = await self._given(inputs, own)
        handled.inputs = None if isinstance(given, InteractiveInput) else inputs
        asked: list[Any] = []
        turn = self._turn_of_controller.stream(given, session, handled, [BaseStreamMode.OUTPUT, BaseStreamMode.CUSTOM])
        async with aclosing(turn) as frames:
            while (frame := await self._guarded(anext(frames, None))) is not None:
                if isinstance(frame, OutputSchema) and frame.type == WORKFLOW_FINAL:
                    continue
                asked += [frame] if is_question(frame) else []
                if runtime is None:
                    yield frame
                else:
                    runtime.send(frame)
        if runtime is not None:
            yield asked or handled.result
        else:
            await own.post_run()

    async def clear_session(self, session_id: str = DEFAULT_CONVERSATION) -> None:
        """Drop a conversation of this agent: what has not finished, and what was said.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        await super().clear_session(session_id)
        if hasattr(self._controller, "cleanup_conversation"):
            await self._controller.cleanup_conversation(session_id)

    # --- a turn ---

    def _conversation(self, inputs: dict[str, Any]) -> str:
        if self._controller is None:
            raise RuntimeError(
                "the agent has no controller: ControllerAgent(config, controller) or agent.controller = …"
            )
        if not isinstance(inputs, dict):
            raise agent_failed(f'a message is {{"conversation_id": ..., "query": ...}}, not {inputs!r:.200}')
        id = inputs.get("conversation_id")
        return DEFAULT_CONVERSATION if id is None or id == "" else str(id)

    async def _given(self, inputs: dict[str, Any], runtime: TaskRuntime) -> tuple[Any, WorkflowRuntime]:
        """What the turn's workflow gets: an answer to what the controller asked, or a new message."""
        session = WorkflowRuntime(session_id=runtime.session_id(), belongs_to=self._runs.own(), on_change="continue")
        session.config().set_envs({WORKFLOW_EXECUTE_TIMEOUT: -1, FORCE_DEL_WORKFLOW_STATE_KEY: True})
        query = inputs.get("query")
        runs = await self._runs.of(runtime.session_id())
        waiting = next((run for run in runs if run.key == OWN and run.is_waiting), None)
        if waiting is None:
            return {"message": inputs}, session
        if isinstance(query, InteractiveInput):
            return query, session
        return InteractiveInput.reply_to(waiting.questions[0].to_chunk(), "" if query is None else query), session

    async def _guarded(self, work: Any) -> Any:
        """What is awaited; the failure of the controller as openJiuwen tells it."""
        try:
            return await work
        except JiuWenBaseException as error:
            cause = error.__cause__
            if error.error_code != StatusCode.COMPONENT_EXECUTE_ERROR.code or not isinstance(cause, Exception):
                raise
            if isinstance(cause, JiuWenBaseException):
                raise cause from cause.__cause__
            raise agent_failed(f"{type(cause).__name__}: {cause}") from cause

    def _built(self) -> Workflow:
        flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="agent", name=self.agent_config.id)))
        flow.set_start_comp("controller", ControllerStep(self), inputs_schema={"message": "${message}"})
        flow.set_end_comp("end", EndStep())
        return flow.add_connection("controller", "end")


class ControllerStep(ComponentExecutable, WorkflowComponent):
    """Hands the message to the controller."""

    def __init__(self, agent: ControllerAgent) -> None:
        super().__init__()
        self._agent = agent

    async def invoke(self, inputs: Any, runtime: Any, context: _Handled) -> dict[str, Any]:
        """Leave the result with the caller of the turn, as it is: it may be anything."""
        own = context.runtime
        own.asks_by(runtime.interact)
        if context.writes:
            own.sends_by(runtime.run_context.sink.emit)
        controller = self._agent.controller
        given = inputs["message"] if context.inputs is None else context.inputs
        context.result = await controller.invoke({**given, "conversation_id": own.session_id()}, own)
        return {}


class EndStep(ComponentExecutable, WorkflowComponent):
    """Ends the turn; its result is with the caller."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any]:
        """Nothing."""
        return {}


def _asked(output: WorkflowOutput) -> list[Any]:
    return [frame for frame in output.result if is_question(frame)]
