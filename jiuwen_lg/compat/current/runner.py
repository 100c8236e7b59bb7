"""Runner: runs workflows and agents, by object or by id."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, Field

from jiuwen_lg.compat.current.callbacks import CallbackFramework, callback_framework
from jiuwen_lg.compat.current.checkpointer import CheckpointerConfig, CheckpointerFactory
from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.resources import ResourceMgr
from jiuwen_lg.compat.current.session import AgentSession, WorkflowSession
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.compat.current.workflow import Workflow
from jiuwen_lg.output import BaseStreamMode, CustomSchema, TraceSchema
from jiuwen_lg.runner import Runner as OurRunner


class RunnerConfig(BaseModel):
    """Settings of the Runner.

    Args:
        distributed_mode: Kept for openJiuwen's signature; several processes share a Postgres store instead.
        instance_id: A name of this process.
        checkpointer_config: Where sessions are kept.
    """

    distributed_mode: bool = False
    distributed_config: Any = None
    env_prefix: str = ""
    instance_id: str = Field(default_factory=lambda: uuid4().hex)
    checkpointer_config: CheckpointerConfig | None = None


class _RunnerMeta(type):
    """The properties of the class `Runner`."""

    _resources = ResourceMgr()

    @property
    def resource_mgr(cls) -> ResourceMgr:
        """The resources of the process."""
        return cls._resources

    @property
    def callback_framework(cls) -> CallbackFramework:
        """The handlers of events of the process."""
        return callback_framework


class Runner(metaclass=_RunnerMeta):
    """Runs workflows and agents; everything is a method of the class."""

    _config: RunnerConfig = RunnerConfig()

    @classmethod
    def set_config(cls, config: RunnerConfig) -> None:
        """Set the settings; `start` puts them into effect."""
        cls._config = config

    @classmethod
    def get_config(cls) -> RunnerConfig:
        """The settings."""
        return cls._config

    @classmethod
    async def start(cls) -> bool:
        """Put the settings into effect; nothing else has to be started."""
        if cls._config.checkpointer_config is not None:
            made = await CheckpointerFactory.create(cls._config.checkpointer_config)
            CheckpointerFactory.set_default_checkpointer(made)
        return True

    @classmethod
    async def stop(cls) -> bool:
        """Does nothing: nothing has to be stopped."""
        return True

    @classmethod
    async def run_workflow(
        cls, workflow: Any, inputs: Any, *, session: Any = None, context: Any = None, envs: dict[str, Any] | None = None
    ) -> Any:
        """`Workflow.invoke`.

        Args:
            workflow: A workflow, or the id of one of the resource manager's.
            inputs: As in `Workflow.invoke`.
            session: A session or its id; a new one if absent.
            context: The third argument of components.
            envs: Settings of the run.
        """
        found = await cls._workflow(workflow)
        return await found.invoke(inputs, _session(session, envs), context)

    @classmethod
    async def run_workflow_streaming(
        cls,
        workflow: Any,
        inputs: Any,
        *,
        session: Any = None,
        context: Any = None,
        stream_modes: Any = None,
        envs: dict[str, Any] | None = None,
    ) -> AsyncGenerator[Any, None]:
        """`Workflow.stream`; arguments as of `run_workflow`."""
        found = await cls._workflow(workflow)
        frames = found.stream(inputs, _session(session, envs), context, stream_modes)
        try:
            async for frame in frames:
                yield frame
        finally:
            await frames.aclose()

    @classmethod
    async def run_agent(
        cls, agent: Any, inputs: Any, *, session: Any = None, context: Any = None, envs: dict[str, Any] | None = None
    ) -> Any:
        """Hand a message to an agent, given as an object or by its id.

        Args:
            agent: An agent, or the id of one of the resource manager's.
            inputs: The message.
            session: A session or its id: the conversation, unless the message names one.
            context: Not used: an agent keeps its conversations itself.
            envs: Not used: give them to the workflow's session.
        """
        _warn_unused(context=context, envs=envs)
        found = await cls._agent(agent)
        return await found.invoke(_in_conversation(inputs, session))

    @classmethod
    async def run_agent_streaming(
        cls,
        agent: Any,
        inputs: Any,
        *,
        session: Any = None,
        context: Any = None,
        stream_modes: Any = None,
        envs: dict[str, Any] | None = None,
    ) -> AsyncGenerator[Any, None]:
        """The same, with frames while they are made; only those of `stream_modes`, if that is given."""
        _warn_unused(context=context, envs=envs)
        found = await cls._agent(agent)
        frames = found.stream(_in_conversation(inputs, session))
        try:
            async for frame in frames:
                if stream_modes is None or _mode_of(frame) in stream_modes:
                    yield frame
        finally:
            await frames.aclose()

    @classmethod
    async def release(cls, session_id: str, *, force: bool = False) -> None:  # noqa: ARG003 - openJiuwen's signature
        """Drop the runs of a session, of all workflows and agents."""
        with translating():
            await OurRunner.release(session_id)

    @classmethod
    async def _workflow(cls, workflow: Any) -> Workflow:
        found = await cls.resource_mgr.get_workflow(workflow) if isinstance(workflow, str) else workflow
        if isinstance(found, Workflow):
            return found
        reason = f"{workflow!r} is no workflow, nor the id of one that was added to Runner.resource_mgr"
        raise build_error(StatusCode.RESOURCE_GET_ERROR, reason=reason)

    @classmethod
    async def _agent(cls, agent: Any) -> Any:
        found = await cls.resource_mgr.get_agent(agent) if isinstance(agent, str) else agent
        if callable(getattr(found, "invoke", None)):
            return found
        reason = f"{agent!r} is no agent, nor the id of one that was added to Runner.resource_mgr"
        raise build_error(StatusCode.RUNNER_RUN_AGENT_ERROR, reason=reason)


def _session(session: Any, envs: dict[str, Any] | None) -> WorkflowSession:
    if session is None or isinstance(session, str):
        return WorkflowSession(session_id=session, envs=envs)
    made = session.create_workflow_session() if isinstance(session, AgentSession) else session
    if envs and isinstance(made, WorkflowSession):
        return WorkflowSession(
            made.get_parent(), made.get_session_id(), {**made.get_envs(), **envs}, trace_id=made.get_trace_id()
        )
    found: WorkflowSession = made
    return found


def _warn_unused(**given: Any) -> None:
    """Warn of arguments that have no effect."""
    if names := [name for name, value in given.items() if value]:
        warnings.warn(f"run_agent does not use {', '.join(names)}", RuntimeWarning, stacklevel=3)


def _mode_of(frame: Any) -> BaseStreamMode:
    if isinstance(frame, TraceSchema):
        return BaseStreamMode.TRACE
    return BaseStreamMode.CUSTOM if isinstance(frame, CustomSchema) else BaseStreamMode.OUTPUT


def _in_conversation(inputs: Any, session: Any) -> Any:
    if session is None or not isinstance(inputs, dict) or "conversation_id" in inputs:
        return inputs
    return {**inputs, "conversation_id": session if isinstance(session, str) else session.get_session_id()}
