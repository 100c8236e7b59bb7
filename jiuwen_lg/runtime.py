"""The runtimes: what a caller hands in, and what a component receives.

Facts: openJiuwen 0.1.1, `engine.md` 3.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from uuid import uuid4

from jiuwen_lg.constants import LOOP_MAX_LIMIT_KEY, LOOP_NUMBER_MAX_LIMIT_KEY
from jiuwen_lg.environment import default_environment, parse_setting
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.output import CustomSchema, OutputSchema, output_frame
from jiuwen_lg.resources import ResourceAccess, Resources
from jiuwen_lg.runtime_state import RuntimeState
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import look_up
from jiuwen_lg.schema.values import deep_copy, equal, patch_global, patch_private

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

OnChange: TypeAlias = Literal["refuse", "continue"]
"""What to do with a paused session whose workflow has changed its shape."""


class Runtime(ABC):
    """The runtime that a component receives as its second argument."""

    @abstractmethod
    def executable_id(self) -> str:
        """The component's dotted path: `n`, `sub.n`, `loop.a`."""

    @abstractmethod
    def session_id(self) -> str:
        """The session (under a plain LangGraph caller: the thread id)."""

    @property
    @abstractmethod
    def idempotency_key(self) -> str:
        """A name of this execution, to hand to services that must do a thing once.

        It is the same whenever this execution is repeated: by `retry=`, after an answer, a failure or a killed
        process. It differs between components, rounds of a loop, runs, sessions and forks. 32 hexadecimal digits.
        """

    @property
    @abstractmethod
    def config(self) -> RunnableConfig:
        """LangChain's config of the run: callbacks, tags, metadata; hand it on to runnables of your own."""

    @abstractmethod
    def get_state(self, key: Any = None) -> Any:
        """The component's private state at a path, `${path}`, list or dict of references.

        Without a key the whole of it, None if empty. A copy; updates of this call show
        only after it.
        """

    @abstractmethod
    def update_state(self, data: dict[str, Any] | None) -> None:
        """Queue a change of the private state; keys are paths, dicts merge, None as `data` wipes."""

    @abstractmethod
    def get_global_state(self, key: Any = None) -> Any:
        """Global state at a key; failing that, component outputs and workflow inputs."""

    @abstractmethod
    def update_global_state(self, data: dict[str, Any] | None) -> None:
        """Queue a change of the global state; dicts merge, a None value deletes its key."""

    @abstractmethod
    def interact(
        self, value: Any, schema: Any = None, *, id: str | None = None, strict: bool = False
    ) -> Coroutine[Any, Any, Any]:
        """Ask the user and return the answer; await it.

        The run pauses here; when it is resumed, the component's method runs again from
        its top and earlier questions return their answers at once. A question is recognized by its value, wherever
        it comes in the method. An answer made by `InteractiveInput.reply_to` counts only for the question that was
        shown; another answer also counts for a question that is asked in its place, with a warning.

        Args:
            value: The question.
            schema: What the answer must be like: a type (`int`, a pydantic model, `Literal["yes", "no"]`),
                whose instance is returned, or a JSON schema. One that does not fit is refused with
                100000, and the question stays; inside a LangGraph app it is asked again, with the reason.
            id: A name by which the question is recognized although its value varies.
            strict: Whether no answer counts that was given to another value.

        Raises:
            InteractionRequired: No answer yet; let it pass.
            JiuWenBaseException: 100909, sessions are switched off.
        """

    @property
    @abstractmethod
    def has_answer(self) -> bool:
        """Whether an answer is kept for a question that the component has not asked yet."""

    @abstractmethod
    async def write_stream(self, data: dict[str, Any] | OutputSchema) -> None:
        """Send an output frame to the reader of the stream.

        Raises:
            JiuWenBaseException: 193001 unless it has type, index and payload; 193002 for None.
        """

    @abstractmethod
    async def write_custom_stream(self, data: dict[str, Any] | CustomSchema) -> None:
        """Send a frame of any shape, to readers of the CUSTOM mode."""

    @abstractmethod
    def get_env(self, key: str) -> Any:
        """A setting of this run, None if unknown."""


class RuntimeConfig:
    """The settings of a `WorkflowRuntime` (`environment` lists those with a meaning)."""

    def __init__(self) -> None:
        self._envs = default_environment()

    def set_envs(self, envs: dict[str, Any] | None) -> None:
        """Set several; they win over the environment's.

        Raises:
            ValueError: A value makes no sense for its key.
        """
        given = {key: parse_setting(key, value) for key, value in (envs or {}).items()}
        if LOOP_NUMBER_MAX_LIMIT_KEY in given:  # the limit's old name
            given.setdefault(LOOP_MAX_LIMIT_KEY, given[LOOP_NUMBER_MAX_LIMIT_KEY])
        self._envs.update(given)

    def get_env(self, key: str, default: Any = None) -> Any:
        """One setting, or `default`."""
        return self._envs.get(key, default)

    def envs(self) -> dict[str, Any]:
        """All of them."""
        return dict(self._envs)


class Config(RuntimeConfig):
    """Settings together with the configurations of an agent and of workflows.

    Facts: openJiuwen 0.1.1, `agents.md` 7.
    """

    def __init__(self) -> None:
        super().__init__()
        self._agent_config: Any = None
        self._workflow_configs: dict[str, Any] = {}

    def get_agent_config(self) -> Any:
        """The agent's configuration, or None."""
        return self._agent_config

    def set_agent_config(self, agent_config: Any) -> None:
        """Set it."""
        self._agent_config = agent_config

    def get_workflow_config(self, workflow_id: str) -> Any:
        """A workflow's configuration, or None.

        Raises:
            JiuWenBaseException: 190012, there is no id.
        """
        if workflow_id is None:
            raise StatusCode.RUNTIME_WORKFLOW_CONFIG_GET_FAILED.error(reason="the workflow's id is None")
        return self._workflow_configs.get(workflow_id)

    def add_workflow_config(self, workflow_id: str, workflow_config: Any) -> None:
        """Add one.

        Raises:
            JiuWenBaseException: 190011, there is no id or no configuration.
        """
        if workflow_id is None or workflow_config is None:
            reason = f"workflow {workflow_id!r} has configuration {workflow_config!r}"
            raise StatusCode.RUNTIME_WORKFLOW_CONFIG_ADD_FAILED.error(reason=reason)
        self._workflow_configs[workflow_id] = workflow_config


class WorkflowRuntime:
    """Names the session that a run belongs to, and carries its settings.

    Args:
        workflow_id: Accepted for openJiuwen's sake; the workflow's own id counts.
        parent: A runtime whose session id and context are taken over.
        session_id: The session; a new one if absent.
        state: Accepted for openJiuwen's sake.
        context: What components receive as their third argument.
        turn_id: A name for this turn, for callers that may deliver it twice (queues):
            a start with the id of a run that exists goes on with it, or returns its
            result, instead of starting again.
        on_change: "continue" resumes a session although the workflow's shape has changed.
        task: The conversation that the run belongs to.
        config: LangChain's config: callbacks, tags, metadata and `configurable` keys of your own
            reach every component (`runtime.config`) and every model and tool.
        interrupt_before: Components of the workflow before which this run stops, `"*"` for all; a turn that
            stopped so is INPUT_REQUIRED without a question, and `InteractiveInput()` goes on.
        interrupt_after: The same after them.
        belongs_to: Whose run it is, if the workflow is part of something that has runs of its own (an agent).
        resume_from: Components to go on from, instead of those that are next; for a turn with an
            `InteractiveInput`, which may bring answers for them.
    """

    def __init__(
        self,
        workflow_id: str = "",
        parent: Any = None,
        session_id: str | None = None,
        state: Any = None,
        context: Any = None,
        *,
        turn_id: str | None = None,
        on_change: OnChange = "refuse",
        task: TaskRuntime | None = None,
        config: RunnableConfig | None = None,
        interrupt_before: Sequence[str] | Literal["*"] | None = None,
        interrupt_after: Sequence[str] | Literal["*"] | None = None,
        resume_from: Sequence[str] | None = None,
        belongs_to: str = "",
    ) -> None:
        inherited = parent.session_id() if parent is not None else None
        self._session_id = checked_id(str(session_id or inherited or uuid4().hex), "session")
        self._workflow_id = workflow_id
        self._context = context if context is not None or parent is None else parent.context()
        self._config = RuntimeConfig()
        self.turn_id: str | None = turn_id and checked_id(turn_id, "turn")
        self.on_change: OnChange = on_change
        self.task = task
        self.runnable_config: RunnableConfig = config or {}
        self.belongs_to = belongs_to
        self.interrupt_before = interrupt_before
        self.interrupt_after = interrupt_after
        self.resume_from: list[str] = [resume_from] if isinstance(resume_from, str) else list(resume_from or ())
        self._state = RuntimeState(task)
        self.resources: Resources = task.resources() if task is not None else Resources()

    def session_id(self) -> str:
        """The session's id."""
        return self._session_id

    def workflow_id(self) -> str:
        """The id given at construction."""
        return self._workflow_id

    def config(self) -> RuntimeConfig:
        """The run's settings."""
        return self._config

    def state(self) -> RuntimeState:
        """The global state: set it before the run, read it after it."""
        return self._state

    def tracer(self) -> None:
        """Nothing: a run makes its own tracer."""

    def context(self) -> Any:
        """The context that components receive as their third argument."""
        return self._context

    def set_context(self, context: Any) -> None:
        """Change it."""
        self._context = context

    async def close(self) -> None:
        """Nothing has to be closed; the object may be used again."""


_END: Any = object()


class TaskRuntime(ResourceAccess):
    """A conversation outside a workflow.

    The workflow runtimes made from it share its session id, its global state and its
    resources; what is written to it is read from `stream_iterator`. Source: `components.md` 8.8, `agents.md` 7.

    Args:
        trace_id: The session's id; a new one if absent.
        inner: Accepted for openJiuwen's sake.
        is_from_group: Accepted for openJiuwen's sake.
        config: The agent's settings.
        resources: The registry to share; one of its own if absent.
    """

    def __init__(
        self,
        trace_id: str | None = None,
        inner: Any = None,
        is_from_group: bool = True,
        *,
        config: Config | None = None,
        resources: Resources | None = None,
    ) -> None:
        self._session_id = checked_id(trace_id or uuid4().hex, "session")
        self._is_from_group = is_from_group
        self._config = config or Config()
        self._private: dict[str, Any] = {}
        self._world: dict[str, Any] = {}
        self._is_used = False
        self._resources = resources or Resources()
        self._frames: asyncio.Queue[Any] = asyncio.Queue()
        self._ask: Callable[[Any], Awaitable[Any]] | None = None
        self._emit: Callable[[Any], Awaitable[None]] | None = None
        self._store: Callable[[TaskRuntime], Awaitable[None]] | None = None

    def session_id(self) -> str:
        """The session's id."""
        return self._session_id

    def is_from_group(self) -> bool:
        """As given at construction."""
        return self._is_from_group

    def config(self) -> Config:
        """The settings."""
        return self._config

    def get_agent_config(self) -> Any:
        """The agent's configuration, or None."""
        return self._config.get_agent_config()

    def get_env(self, key: str) -> Any:
        """A setting, None if unknown."""
        return self._config.get_env(key)

    def base(self) -> TaskRuntime:
        """The inner runtime, which is this one."""
        return self

    def resources(self) -> Resources:
        """The registry that its workflow runtimes share."""
        return self._resources

    def create_workflow_runtime(self) -> WorkflowRuntime:
        """A runtime for one run in this session."""
        return WorkflowRuntime(session_id=self._session_id, task=self)

    # --- frames ---

    async def write_stream(self, data: dict[str, Any] | OutputSchema) -> None:
        """Send an output frame.

        Raises:
            JiuWenBaseException: 193001 unless it has type, index and payload; 193002 for None.
        """
        await self._deliver(output_frame(data))

    async def write_custom_stream(self, data: dict[str, Any] | CustomSchema) -> None:
        """Send a frame of any shape."""
        await self._deliver(data if isinstance(data, CustomSchema) else CustomSchema(**data))

    async def _deliver(self, frame: Any) -> None:
        if self._emit is None:
            self.send(frame)
        else:
            await self._emit(frame)

    def sends_by(self, emit: Callable[[Any], Awaitable[None]]) -> None:
        """Say where frames go instead of `stream_iterator`."""
        self._emit = emit

    def send(self, frame: Any) -> None:
        """Append a frame to what `stream_iterator` gives."""
        self._frames.put_nowait(frame)

    async def stream_iterator(self) -> AsyncGenerator[Any, None]:
        """The frames, while they are written; it ends at `post_run`."""
        while (frame := await self._frames.get()) is not _END:
            yield frame
        self._frames.put_nowait(_END)

    async def trace(self, data: dict[str, Any]) -> None:
        """Does nothing: nobody reads traces of it."""

    async def trace_error(self, error: Exception) -> None:
        """Does nothing: nobody reads traces of it."""

    def tracer(self) -> None:
        """What traces; nothing does here."""

    # --- a turn of an agent ---

    async def interact(self, value: Any) -> Any:
        """Ask the user, if the agent runs this turn as a workflow: a `ControllerAgent` does.

        Raises:
            JiuWenBaseException: 100003, nothing here can wait for an answer.
        """
        if self._ask is None:
            reason = "only a ControllerAgent's handle_message can wait for an answer: ask in a workflow"
            raise StatusCode.CONTROLLER_INTERRUPTED_ERROR.error(reason=reason)
        return await self._ask(value)

    def asks_by(self, ask: Callable[[Any], Awaitable[Any]]) -> None:
        """Say what `interact` does."""
        self._ask = ask

    def stores_by(self, store: Callable[[TaskRuntime], Awaitable[None]]) -> None:
        """Say how `post_run` stores the state."""
        self._store = store

    async def post_run(self) -> None:
        """End the turn: the state is stored, and `stream_iterator` ends."""
        if self._store is not None:
            await self._store(self)
        self._frames.put_nowait(_END)

    # --- state ---

    def get_state(self, key: Any = None) -> Any:
        """This object's own state."""
        return read_state(self._private, key)

    def update_state(self, data: dict[str, Any] | None) -> None:
        """Change it, at once."""
        self._private = patch_private(self._private, deep_copy(data))

    def get_global_state(self, key: Any = None) -> Any:
        """The global state; its runs' inputs and updates are in it."""
        return None if key is None else read_state(self._world, key)

    def update_global_state(self, data: dict[str, Any] | None) -> None:
        """Change it, at once; runs that begin later see it."""
        self._is_used = True
        self._world = patch_global(self._world, deep_copy(data or {}))

    def states(self) -> dict[str, Any]:
        """A copy of both states: `own` and `world`."""
        return {"own": deep_copy(self._private), "world": deep_copy(self._world)}

    def restore(self, states: Mapping[str, Any]) -> None:
        """Take over states that `states` gave."""
        self._private, self._world = dict(states.get("own") or {}), dict(states.get("world") or {})
        self._is_used = self._is_used or bool(self._world)

    def world(self) -> dict[str, Any]:
        """A copy of the whole global state."""
        return dict(deep_copy(self._world))

    def changes_since(self, world: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the updates that make a resumed run's global state this object's own.

        An object that has never been used takes the run's global state over instead.
        """
        if not self._is_used:
            self._world = world
        gone = dict.fromkeys((*(k for k in world if not equal(world[k], self._world.get(k))),))
        new = {key: value for key, value in self._world.items() if key in gone or key not in world}
        return [deep_copy(update) for update in (gone, new) if update]


def read_state(state: dict[str, Any], key: Any) -> Any:
    """A state at `key`; all of it (None if empty) without one."""
    if key is None:
        return deep_copy(state) or None
    return look_up(key, lambda name: state.get(name, MISSING))


def checked_id(id: str, what: str) -> str:
    """The id of a session or turn, if a store can hold it.

    Raises:
        JiuWenBaseException: 100000, it holds half a surrogate pair, as JSON may bring it.
    """
    try:
        str(id).encode()
    except UnicodeEncodeError:
        reason = f"the id of a {what} is text that can be stored, not {id!a}, which holds half a surrogate pair"
        raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=reason) from None
    return id
