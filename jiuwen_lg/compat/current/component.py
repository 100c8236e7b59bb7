"""Components: what an author derives from, and how an author's component becomes one of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

from langgraph.errors import GraphBubbleUp
from langgraph.runtime import get_runtime

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import BaseError, build_error
from jiuwen_lg.compat.current.observer import Observer
from jiuwen_lg.compat.current.session import OBSERVER_KEY, Session, enter_session
from jiuwen_lg.compat.current.translation import translated
from jiuwen_lg.component import Executable as OurExecutable
from jiuwen_lg.component import WorkflowComponent as OurComponent
from jiuwen_lg.components.loop_break import BreakComponent
from jiuwen_lg.engine.graph.definition import SubgraphSpec
from jiuwen_lg.engine.graph.router import BringsRouter
from jiuwen_lg.engine.runtime.interrupts import interrupts_in
from jiuwen_lg.errors import JiuWenBaseException, is_engine_error


class Executable:
    """Runs in a workflow: override the methods of the abilities that the component has."""

    async def invoke(self, inputs: Any, session: Any, context: Any) -> Any:
        """Batch in, batch out."""
        raise _missing(self, "invoke")

    async def stream(self, inputs: Any, session: Any, context: Any) -> AsyncIterator[Any]:
        """Batch in, frames out (an async generator)."""
        raise _missing(self, "stream")
        yield

    async def collect(self, inputs: Any, session: Any, context: Any) -> Any:
        """Frames in, batch out; `inputs` holds async generators."""
        raise _missing(self, "collect")

    async def transform(self, inputs: Any, session: Any, context: Any) -> AsyncIterator[Any]:
        """Frames in, frames out (an async generator)."""
        raise _missing(self, "transform")
        yield


def _missing(executable: Any, method: str) -> NotImplementedError:
    return NotImplementedError(f"{type(executable).__name__} does not implement {method}()")


class ComponentExecutable(Executable):
    """The executable that a component author writes."""


class ComponentComposable:
    """A component that makes its executable."""

    def to_executable(self) -> Any:
        """The executable: the component itself, if it is one."""
        if isinstance(self, Executable):
            return self
        raise NotImplementedError(f"{type(self).__name__} does not implement to_executable()")


class WorkflowComponent(ComponentComposable, ComponentExecutable):
    """A component that is its own executable."""

    def __init__(self) -> None:
        super().__init__()


def adapted(component: Any, max_retries: int = 0) -> Any:
    """A component as our builder takes it.

    Args:
        component: A component of this layout, one of ours, or anything else that our builder takes.
        max_retries: How many attempts may follow the first one.
    """
    if isinstance(component, type) or component is None:
        return component
    if isinstance(component, OurComponent) and isinstance(component, (SubgraphSpec, BreakComponent)):
        return component
    if not hasattr(component, "to_executable") and not callable(getattr(component, "invoke", None)):
        return component  # a function or a runnable: ours to adapt
    is_ours = not hasattr(component, "to_executable") and not isinstance(component, (Executable, OurExecutable))
    if is_ours and not _takes_session(component):
        return component
    kind = _RoutingComponent if isinstance(component, BringsRouter) else _Component
    return kind(component, max_retries)


def _takes_session(component: Any) -> bool:
    """Whether an object's `invoke` is a component's; LangChain's runnables take a config instead."""
    from langchain_core.runnables import Runnable

    return not isinstance(component, Runnable)


class _Component(OurComponent):
    """A component of ours that makes the executable of one of this layout."""

    def __init__(self, component: Any, max_retries: int) -> None:
        self._component = component
        self._max_retries = max_retries

    def to_executable(self) -> Any:
        make = getattr(self._component, "to_executable", None)
        executable = self._component if make is None else make()
        if isinstance(executable, (SubgraphSpec, BreakComponent)):
            return executable
        kind: Any = type(executable)
        return _class_for(kind)(executable, self._max_retries)


class _RoutingComponent(BringsRouter, _Component):
    """The same for a component that chooses where the run goes on."""

    def router(self) -> Callable[..., Any]:
        router: Callable[..., Any] = self._component.router()
        return router


class _Adapter:
    """Runs an executable of this layout in our engine: gives it its session, and names its failures."""

    def __init__(self, executable: Any, max_retries: int) -> None:
        self._executable = executable
        self._max_retries = max_retries
        self._class_name = type(executable).__name__

    @property
    def executable(self) -> Any:
        """The executable of this layout."""
        return self._executable

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executable, name)

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return await self._awaited("invoke", inputs, runtime, context)

    async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return await self._awaited("collect", inputs, runtime, context)

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        async for item in self._iterated("stream", inputs, runtime, context):
            yield item

    async def transform(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        async for item in self._iterated("transform", inputs, runtime, context):
            yield item

    async def _awaited(self, ability: str, inputs: Any, runtime: Any, context: Any) -> Any:
        session, observer = self._begin(runtime)
        try:
            output = await getattr(self._executable, ability)(inputs, session, context)
        except Exception as error:  # noqa: BLE001 - every failure leaves with its code
            failure = self._failed(error, ability, session, observer)
            raise failure from failure.__cause__
        self._end(runtime, observer)
        return output

    async def _iterated(self, ability: str, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        session, observer = self._begin(runtime)
        try:
            async for item in getattr(self._executable, ability)(inputs, session, context):
                yield item
        except Exception as error:  # noqa: BLE001 - every failure leaves with its code
            failure = self._failed(error, ability, session, observer)
            raise failure from failure.__cause__
        self._end(runtime, observer)

    def _begin(self, runtime: Any) -> tuple[Session, Observer | None]:
        observer = runtime.run_context.envs.get(OBSERVER_KEY)
        session = Session(runtime, observer, self._class_name)
        enter_session(session)
        if observer is not None:
            info = get_runtime().execution_info
            attempt = info.node_attempt if info else 1
            observer.begun(runtime.executable_id(), _step(runtime), self._max_retries + 1 - attempt)
        return session, observer

    def _end(self, runtime: Any, observer: Observer | None) -> None:
        if observer is not None:
            observer.done(runtime.executable_id(), _step(runtime))

    def _failed(self, error: Exception, ability: str, session: Session, observer: Observer | None) -> Exception:
        """The error that leaves a component: a question as it is, a failure with its code and place."""
        if isinstance(error, GraphBubbleUp) or interrupts_in(error) is not None or is_engine_error(error):
            return error
        failure: BaseException = error
        if not isinstance(error, (BaseError, JiuWenBaseException)):
            failure = build_error(
                StatusCode.WORKFLOW_COMPONENT_EXECUTION_ERROR,
                cause=error,
                comp=session.get_component_id(),
                ability=ability,
                reason=str(error),
                workflow=session.get_workflow_id(),
            )
        if observer is not None:
            observer.failed(session.get_executable_id(), translated(failure))
        assert isinstance(failure, Exception)
        return failure


def _step(runtime: Any) -> int:
    return int(runtime.config.get("metadata", {}).get("langgraph_step", 0))


@cache
def _class_for(cls: type) -> type[_Adapter]:
    """The adapter of a class, under the class's own name: it is a part of a workflow's shape."""
    return type(cls.__name__, (_Adapter,), {"__module__": cls.__module__, "__qualname__": cls.__qualname__})
