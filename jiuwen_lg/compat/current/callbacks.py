"""Callbacks: functions that are called when something happens to a workflow or a component."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jiuwen_lg.schema.values import maybe_await

_logger = logging.getLogger(__name__)

RECOVERY = "component_error_recovery"
"""A component has failed for good; a handler may give an output in its place."""
TIMED_OUT = "component_timeout_error"
"""A component has exceeded its time limit; a handler may give the exception to raise."""


def _event(name: str) -> str:
    return f"_framework:workflow_{name}"


class WorkflowEvents:
    """The names of the events of workflows.

    Those of hooks that transform inputs and outputs are not provided: `on` refuses them.
    """

    WORKFLOW_STARTED = _event("started")
    WORKFLOW_FINISHED = _event("finished")
    WORKFLOW_ERROR = _event("error")
    WORKFLOW_CANCELLED = _event("cancelled")
    NODE_EXECUTED = _event("node_executed")
    NODE_ERROR = _event("node_error")
    EDGE_TRAVERSED = _event("edge_traversed")
    LOOP_STARTED = _event("loop_started")
    LOOP_FINISHED = _event("loop_finished")
    WORKFLOW_INVOKE_INPUT = _event("invoke_input")
    WORKFLOW_INVOKE_OUTPUT = _event("invoke_output")
    WORKFLOW_STREAM_INPUT = _event("stream_input")
    WORKFLOW_STREAM_OUTPUT = _event("stream_output")
    COMPONENT_BATCH_INPUT = _event("component_batch_input")
    COMPONENT_BATCH_OUTPUT = _event("component_batch_output")
    COMPONENT_STREAM_INPUT = _event("component_stream_input")
    COMPONENT_STREAM_OUTPUT = _event("component_stream_output")


_NOT_PROVIDED = frozenset(value for name, value in vars(WorkflowEvents).items() if name.endswith(("_INPUT", "_OUTPUT")))
OBSERVED = frozenset(
    (
        WorkflowEvents.NODE_EXECUTED,
        WorkflowEvents.NODE_ERROR,
        WorkflowEvents.EDGE_TRAVERSED,
        WorkflowEvents.LOOP_STARTED,
        WorkflowEvents.LOOP_FINISHED,
    )
)
"""Events that are read off the traces of a run."""


@dataclass(slots=True)
class _Registration:
    """A handler of an event."""

    callback: Callable[..., Any]
    priority: int
    once: bool
    namespace: str


class CallbackFramework:
    """The handlers of events, in this process. One that raises is logged; it disturbs no run."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[_Registration]] = {}

    def on(
        self, event: str, *, priority: int = 0, once: bool = False, namespace: str = "default", **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the decorated function, which takes the event's values by keyword.

        Args:
            event: The name of the event.
            priority: Handlers of a higher priority are called first.
            once: Whether it is called once only.
            namespace: A name by which handlers are removed together.
            options: Not provided; anything but a default is refused.
        """

        def register(callback: Callable[..., Any]) -> Callable[..., Any]:
            self.register_sync(event, callback, priority=priority, once=once, namespace=namespace, **options)
            return callback

        return register

    def register_sync(
        self,
        event: str,
        callback: Callable[..., Any],
        *,
        priority: int = 0,
        once: bool = False,
        namespace: str = "default",
        **options: Any,
    ) -> None:
        """Register a handler; arguments as of `on`.

        Raises:
            NotImplementedError: The event or an option is not provided.
        """
        if event in _NOT_PROVIDED:
            raise NotImplementedError(f"jiuwen_lg does not provide {event!r}: a handler cannot transform inputs")
        if given := sorted(name for name, value in options.items() if value):
            raise NotImplementedError(f"jiuwen_lg does not provide these options of handlers: {', '.join(given)}")
        handlers = self._handlers.setdefault(str(event), [])
        handlers.append(_Registration(callback, priority, once, namespace))
        handlers.sort(key=lambda one: -one.priority)

    async def register(self, event: str, callback: Callable[..., Any], **options: Any) -> None:
        """`register_sync`, for callers that await it."""
        self.register_sync(event, callback, **options)

    def unregister_sync(self, event: str, callback: Callable[..., Any]) -> None:
        """Remove a handler."""
        self._handlers[event] = [one for one in self._handlers.get(event, ()) if one.callback is not callback]

    async def unregister(self, event: str, callback: Callable[..., Any]) -> None:
        """`unregister_sync`, for callers that await it."""
        self.unregister_sync(event, callback)

    async def unregister_event(self, event: str) -> None:
        """Remove all handlers of an event."""
        self._handlers.pop(event, None)

    async def unregister_namespace(self, namespace: str) -> None:
        """Remove all handlers of a namespace."""
        for event, handlers in self._handlers.items():
            self._handlers[event] = [one for one in handlers if one.namespace != namespace]

    def has_subscribers(self, event: str) -> bool:
        """Whether an event has handlers."""
        return bool(self._handlers.get(event))

    def is_observed(self) -> bool:
        """Whether an event that is read off traces has handlers."""
        return any(map(self.has_subscribers, OBSERVED))

    async def trigger(self, event: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Call all handlers of an event, and give what they return."""
        return [await self._call(event, one, args, kwargs) for one in list(self._handlers.get(event, ()))]

    async def first(self, event: str, **kwargs: Any) -> Any:
        """Call the handlers of an event until one gives something other than None."""
        for one in list(self._handlers.get(event, ())):
            if (found := await self._call(event, one, (), kwargs)) is not None:
                return found
        return None

    async def _call(self, event: str, one: _Registration, args: Any, kwargs: dict[str, Any]) -> Any:
        if one.once:
            self.unregister_sync(event, one.callback)
        try:
            return await maybe_await(one.callback(*args, **kwargs))
        except Exception:
            _logger.exception("a handler of %s failed; the run goes on", event)
            return None


callback_framework: CallbackFramework = CallbackFramework()
"""The one of the process, `Runner.callback_framework`."""
