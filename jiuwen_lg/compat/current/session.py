"""Sessions: a workflow's, an agent's, and the one that a component receives."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.constants import TRACE_DETAILS_KEY
from jiuwen_lg.runtime import TaskRuntime, WorkflowRuntime
from jiuwen_lg.schema.values import deep_copy

if TYPE_CHECKING:
    from jiuwen_lg.compat.current.observer import Observer
    from jiuwen_lg.engine.runtime.component_runtime import ComponentRuntime

OBSERVER_KEY = "__observer"
"""The setting of a run that holds its observer."""

_current: ContextVar[Any] = ContextVar("current_session", default=None)


def get_current_session() -> Any:
    """The session of the component that runs here; None outside one."""
    return _current.get()


def enter_session(session: Any) -> None:
    """Let `get_current_session` find a session from here on."""
    _current.set(session)


class WorkflowSession:
    """A session in which workflows run, any number of times.

    Args:
        parent: An agent's session, whose id and global state are shared.
        session_id: The session's id; a new one if absent.
        envs: Settings of its runs, which win over those of the environment.
        trace_id: The id of its traces; a new one for each run if absent.
    """

    def __init__(
        self,
        parent: AgentSession | None = None,
        session_id: str | None = None,
        envs: dict[str, Any] | None = None,
        *,
        trace_id: str | None = None,
    ) -> None:
        self._parent = parent
        self._session_id = session_id or (parent.get_session_id() if parent is not None else str(uuid4()))
        self._envs = {**(parent.get_envs() if parent is not None else {}), **(envs or {})}
        self._trace_id = trace_id
        self._card: Any = None

    def get_session_id(self) -> str:
        """The session's id."""
        return self._session_id

    def get_envs(self) -> dict[str, Any]:
        """The settings of its runs."""
        return self._envs

    def get_trace_id(self) -> str | None:
        """The id of its traces, if one was given."""
        return self._trace_id

    def get_parent(self) -> AgentSession | None:
        """The agent's session that it belongs to."""
        return self._parent

    def set_workflow_card(self, card: Any) -> None:
        """Set the card of the workflow that runs in it."""
        self._card = card

    def get_workflow_card(self) -> Any:
        """The card of the workflow that ran in it last."""
        return self._card

    def runtime(self, observer: Observer) -> TurnRuntime:
        """A runtime of ours for one turn in this session."""
        task = self._parent.task if self._parent is not None else None
        runtime = TurnRuntime(observer, session_id=self._session_id, task=task)
        envs = {TRACE_DETAILS_KEY: True, **self._envs, OBSERVER_KEY: observer}
        runtime.config().set_envs({key: value for key, value in envs.items() if value is not None})
        return runtime


class TurnRuntime(WorkflowRuntime):
    """A runtime of ours that carries the observer of its turn."""

    def __init__(self, observer: Observer, **named: Any) -> None:
        super().__init__(**named)
        self.observer = observer


def create_workflow_session(
    parent: AgentSession | None = None,
    session_id: str | None = None,
    envs: dict[str, Any] | None = None,
    *,
    trace_id: str | None = None,
) -> WorkflowSession:
    """Make a session for runs of workflows; arguments as of `WorkflowSession`."""
    return WorkflowSession(parent, session_id, envs, trace_id=trace_id)


class AgentSession:
    """A conversation with an agent; the workflow sessions made from it share its id and global state.

    Args:
        session_id: Its id; a new one if absent.
        envs: Settings of the runs in it.
        card: The agent's card.
    """

    def __init__(self, session_id: str | None = None, envs: dict[str, Any] | None = None, card: Any = None) -> None:
        self._envs = dict(envs or {})
        self._card = card
        self.task: TaskRuntime = TaskRuntime(trace_id=session_id or str(uuid4()))

    def get_session_id(self) -> str:
        """The session's id."""
        return self.task.session_id()

    def get_env(self, key: str, default: Any = None) -> Any:
        """One setting."""
        return self._envs.get(key, default)

    def get_envs(self) -> dict[str, Any]:
        """The settings."""
        return self._envs

    def get_agent_id(self) -> str:
        """The id on the agent's card; empty without one."""
        return str(getattr(self._card, "id", ""))

    def get_agent_name(self) -> str:
        """The name on the agent's card; empty without one."""
        return str(getattr(self._card, "name", ""))

    def get_agent_description(self) -> str:
        """The description on the agent's card; empty without one."""
        return str(getattr(self._card, "description", ""))

    def get_state(self, key: Any = None) -> Any:
        """The conversation's own state."""
        return self.task.get_state(key)

    def update_state(self, data: dict[str, Any]) -> None:
        """Change it, at once."""
        with translating():
            self.task.update_state(data)

    def dump_state(self) -> dict[str, Any]:
        """Its states, as plain data."""
        return {"agent_state": self.task.get_state() or {}, "global_state": self.task.world()}

    def create_workflow_session(self) -> WorkflowSession:
        """A session for runs of workflows in this conversation."""
        return WorkflowSession(self)

    async def pre_run(self, **kwargs: Any) -> None:
        """Does nothing: nothing has to be prepared."""

    async def post_run(self) -> None:
        """Does nothing: nothing has to be closed."""

    async def commit(self) -> None:
        """Does nothing: changes count at once."""


def create_agent_session(
    session_id: str | None = None, envs: dict[str, Any] | None = None, card: Any = None, **kwargs: Any
) -> AgentSession:
    """Make a session of a conversation with an agent; further arguments are refused.

    Raises:
        TypeError: An argument that belongs to a part of openJiuwen that is not provided.
    """
    if given := [name for name, value in kwargs.items() if value is not None]:
        raise TypeError(f"create_agent_session takes session_id, envs and card; not provided by jiuwen_lg: {given}")
    return AgentSession(session_id, envs, card)


class Session:
    """The session that a component receives for one execution.

    Args:
        runtime: Our runtime of the execution; what it has besides can be used, too.
        observer: The observer of the turn; None where the workflow runs as a part of something else.
        class_name: The class of what runs.
    """

    def __init__(self, runtime: ComponentRuntime, observer: Observer | None, class_name: str) -> None:
        self._runtime = runtime
        self._observer = observer
        self._class_name = class_name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def get_workflow_id(self) -> str:
        """The id of the component's workflow."""
        config = self._runtime.get_current_workflow_config()
        return config.metadata.id if config is not None else ""

    def get_component_id(self) -> str:
        """The id of the component in its own workflow."""
        return self._runtime.local_id

    def get_component_type(self) -> str:
        """The class of what runs."""
        return self._class_name

    def get_component_descrip(self) -> str:
        """Workflow and component in a line."""
        return f"[wf_id={self.get_workflow_id()},comp_id={self.get_component_id()}]"

    def get_executable_id(self) -> str:
        """The component's dotted path: `n`, `sub.n`, `loop.a`."""
        return self._runtime.executable_id()

    def get_session_id(self) -> str:
        """The session's id."""
        return self._runtime.session_id()

    def get_env(self, key: str) -> Any:
        """A setting of the run, None if unknown."""
        return self._runtime.get_env(key)

    def get_node_config(self) -> Any:
        """The component's configuration in its workflow; None if there is none."""
        config = self._runtime.get_current_workflow_config()
        return config.spec.comp_configs.get(self._runtime.local_id) if config is not None else None

    def get_state(self, key: Any = None) -> Any:
        """The component's private state; updates of this call show only after it."""
        return self._runtime.get_state(key)

    def update_state(self, data: dict[str, Any]) -> None:
        """Queue a change of the private state."""
        with translating():
            self._runtime.update_state(data)

    def get_global_state(self, key: Any = None) -> Any:
        """Global state at a key; failing that, outputs of components and inputs of the workflow."""
        return self._runtime.get_global_state(key)

    def update_global_state(self, data: dict[str, Any]) -> None:
        """Queue a change of the global state."""
        with translating():
            self._runtime.update_global_state(data)

    def dump_state(self) -> dict[str, Any]:
        """The states as they were when the execution began, and what this execution has queued."""
        runtime, state = self._runtime, self._runtime.view.channels
        outputs = {name: value for name, value in state["io"].items() if not name.startswith("__")}
        return {
            "io_state": deep_copy({**state["inputs"], **outputs}),
            "io_state_updates": {},
            "global_state": deep_copy(state["world"]),
            "global_state_updates": deep_copy(runtime.global_patches),
            "trace_state": {},
            "comp_state": deep_copy(state["own"]),
            "comp_state_updates": deep_copy(runtime.private_patches),
            "workflow_state": {},
            "workflow_state_updates": {},
        }

    async def interact(self, value: Any, schema: Any = None, *, id: str | None = None, strict: bool = False) -> Any:
        """Ask the user and return the answer; the run pauses until there is one."""
        with translating():
            answer = await self._runtime.interact(value, schema, id=id, strict=strict)
        if self._observer is not None:
            await self._observer.answered(self._runtime.executable_id(), answer)
        return answer

    async def write_stream(self, data: Any) -> None:
        """Send an output frame: an `OutputSchema`, or a dict with type, index and payload."""
        with translating():
            await self._runtime.write_stream(data)

    async def write_custom_stream(self, data: dict[str, Any]) -> None:
        """Send a frame of any shape, to readers of the CUSTOM mode."""
        with translating():
            await self._runtime.write_custom_stream(data)

    async def trace(self, data: dict[str, Any]) -> None:
        """Add to the component's trace."""
        await self._runtime.trace(data)

    async def trace_error(self, error: Exception) -> None:
        """Report an error to the component's trace."""
        with translating():
            await self._runtime.trace_error(error)


class RouterSession:
    """The session that a router or a condition receives: it reads the state.

    Args:
        runtime: Our runtime of the router.
    """

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def get_session_id(self) -> str:
        """The session's id."""
        return str(self._runtime.session_id())

    def get_state(self, key: Any = None) -> Any:
        """The private state of the router's source."""
        return self._runtime.get_state(key)

    def get_global_state(self, key: Any = None) -> Any:
        """Global state at a key; failing that, outputs (the source's latest too) and inputs."""
        return self._runtime.get_global_state(key)
