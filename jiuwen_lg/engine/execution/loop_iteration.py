"""The step between two iterations of a loop: collect, decide, begin the next one or end.

A round ends when nothing of the body is left to run. Where the body's last component is
known beforehand (`last_component`), it decides in its own task; otherwise a node of its
own does (`IterationNode`), which LangGraph defers until everything else has finished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.types import Command

from jiuwen_lg.engine.concurrency.sync_bridge import run_in_loop_thread
from jiuwen_lg.engine.execution.loop_decision import begins_iteration, next_index
from jiuwen_lg.engine.execution.stream_input import streams_of
from jiuwen_lg.engine.graph.definition import Definition
from jiuwen_lg.engine.graph.loop_protocol import LoopProtocol
from jiuwen_lg.engine.graph.reachability import deferred_pending
from jiuwen_lg.engine.graph.state import RAN, ROUND, patched_loop
from jiuwen_lg.engine.pregel.keys import task_id_of
from jiuwen_lg.engine.runtime.component_runtime import ComponentRuntime
from jiuwen_lg.engine.runtime.parent import ParentComponent, parent_component_of, variables
from jiuwen_lg.engine.runtime.router_runtime import RouterRuntime
from jiuwen_lg.engine.runtime.run_context import run_context_of
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import Schema
from jiuwen_lg.schema.values import maybe_await, normalize


class IterationRuntime(RouterRuntime):
    """The runtime of a loop's condition and callbacks: the body's state, and what its last component adds to it."""

    def __init__(self, parent: ParentComponent, runtime: ComponentRuntime, output: Any = None) -> None:
        super().__init__(runtime, output)
        self.parent = parent
        self.patches: list[dict[str, Any]] = list(runtime.loop_patches)
        self.entries: dict[str, Any] = {}
        self._loop = patched_loop(runtime.view.channels["loop"], self.patches)
        self._callback = ""

    # --- the loop ---

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The loop's resolved inputs."""
        inputs: Mapping[str, Any] = self._runtime.view.channels["inputs"]
        return inputs

    @property
    def index(self) -> int:
        """The number of iterations that have ended."""
        return int(self._loop.get("index", 0))

    @property
    def has_begun(self) -> bool:
        """Whether the loop has been decided on before."""
        return "index" in self._loop

    @property
    def is_broken(self) -> bool:
        """Whether a BreakComponent has run in this round."""
        return bool(self._loop.get("broken"))

    def change(self, **part: Any) -> None:
        """Change the loop's state."""
        self.patches.append(part)
        self._loop = patched_loop(self._loop, [part])

    def give(self, outputs: Mapping[str, Any]) -> None:
        """Set variables of the loop."""
        if outputs:
            self.change(vars=[[[name], normalize(value)] for name, value in outputs.items()])

    # --- what rounds give ---

    def calling(self, number: int) -> None:
        """Set the callback that collects from now on."""
        self._callback = str(number)

    def collect(self, entry: Any) -> None:
        """Keep what this round gave."""
        self.entries[self._callback] = entry

    def collected(self) -> list[Any]:
        """Return what every iteration so far gave, in order."""
        kept = self._runtime.view.channels["collected"].get(self._callback, [])
        return [*kept, self.entries[self._callback]] if self._callback in self.entries else kept

    def resolve_round(self, schema: Schema) -> Any:
        """A schema resolved against what this round gave: a component that was skipped gave nothing."""
        return schema.resolve(self._read_round)

    # --- reading ---

    def _read(self, name: str) -> Any:
        if name == self.parent.local_id:
            return variables(self._loop)
        values = self._runtime.values_set()
        return values[name] if name in values else super()._read(name)

    def variables(self) -> dict[str, Any]:
        """Return what can be read of the loop once it has ended: its variables, and an index of 0 again."""
        values = self._loop.get("vars", {})
        items = {name: values[name] for name in self.inputs.get("loop_array") or {} if name in values}
        return {"index": 0, **items, **values}

    def _read_round(self, name: str) -> Any:
        if name in self.parent.ids and name not in self._ran():
            return MISSING
        return self._read(name)

    def _ran(self) -> set[str]:
        return {self._runtime.local_id, *self._runtime.view.channels["io"].get(RAN, ())}


async def advance_loop(rounds: LoopProtocol, view: IterationRuntime, starts: Sequence[str], step: int) -> Command[Any]:
    """End a round (none, the first time) and begin the next one, or end the loop.

    Raises:
        JiuWenBaseException: 101151, the loop has had as many rounds as are allowed; whatever
            the condition or a callback raises.
    """
    inputs = view.inputs
    callbacks = rounds.callbacks(inputs)

    async def tell(event: Callable[[Any], Any]) -> list[Any]:
        return [await _told(view, number, event(callback)) for number, callback in enumerate(callbacks)]

    async def take(event: Callable[[Any], Any]) -> None:
        for outputs in await tell(event):
            view.give(outputs if isinstance(outputs, dict) else {})

    was_begun = view.has_begun
    view.change(index=next_index(view.index if was_begun else None))
    if was_begun:
        await take(lambda callback: lambda: callback.end_round(view, view.index))
    else:
        await take(lambda callback: lambda: callback.first_in_loop(view))
    holds = not view.is_broken and await _condition_holds(rounds, view)
    limit = view.parent.limit
    if begins_iteration(condition_holds=holds, is_broken=view.is_broken, index=view.index, limit=limit):
        view.change(since=step, waits=ROUND in starts)
        await take(lambda callback: lambda: callback.start_round(view))
        return Command(update=_update(view), goto=list(starts))
    given = await tell(lambda callback: lambda: callback.out_loop(view))
    collected = {key: value for outputs in given if isinstance(outputs, dict) for key, value in outputs.items()}
    return Command(update={**_update(view), "result": normalize({**view.variables(), **collected})})


async def _told(view: IterationRuntime, number: int, call: Callable[[], Any]) -> Any:
    view.calling(number)
    return await maybe_await(call())


async def _condition_holds(rounds: LoopProtocol, view: IterationRuntime) -> bool:
    goes_on, outputs = await rounds.condition(view.inputs).evaluate(view)
    view.give(outputs)
    return bool(goes_on)


def _update(view: IterationRuntime) -> dict[str, Any]:
    update: dict[str, Any] = {"io": {ROUND: view.index}, "loop": view.patches}
    return {**update, "collected": view.entries} if view.entries else update


class IterationEnd:
    """Lets the last component of a loop's body decide on the next round in its own task."""

    def __init__(self, rounds: LoopProtocol, starts: Sequence[str]) -> None:
        self._rounds = rounds
        self._starts = starts

    async def close(
        self, update: dict[str, Any], runtime: ComponentRuntime, output: Any, config: Mapping[str, Any]
    ) -> Command[Any]:
        """The component's update, with what comes after the round.

        A decision that fails is left to the loop's own node, so that a retry repeats the
        decision and not the component.
        """
        assert runtime.parent is not None
        view = IterationRuntime(runtime.parent, runtime, output)
        if runtime.view.channels["loop"].get("waits"):  # the round began when its last component was not known
            return Command(update=update)
        try:
            turned = await advance_loop(self._rounds, view, self._starts, step_of(config))
        except Exception as error:
            runtime.parent.failures.append(error)
            return Command(update=update, goto=[ROUND])
        await streams_of(config).cancel()  # what had begun on frames and did not come to its turn
        changes: Any = turned.update
        return Command(update={**update, **changes, "io": {**update["io"], **changes["io"]}}, goto=turned.goto)


class IterationNode(Runnable[Any, Any]):
    """The node that begins a loop, and ends its rounds unless the body's last component does."""

    def __init__(self, rounds: LoopProtocol, starts: Sequence[str], deferred: Mapping[str, tuple[str, ...]]) -> None:
        self.name: str = ROUND
        self._rounds = rounds
        self._starts = starts
        self._deferred = deferred

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """For synchronous callers of the graph."""
        return run_in_loop_thread(self.ainvoke(input, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Decide on the next round."""
        config = config or {}
        parent = parent_component_of(config)
        assert parent is not None
        if parent.failures:
            raise parent.failures.pop()
        if deferred_pending(self._deferred, input["io"].get(RAN, {})):
            return Command(goto=[ROUND])  # the round ends when they have run, too
        await streams_of(config).cancel()  # what had begun on frames and did not come to its turn
        runtime = ComponentRuntime(ROUND, task_id_of(config), run_context_of(config), input, parent=parent)
        return await advance_loop(self._rounds, IterationRuntime(parent, runtime), self._starts, step_of(config))


def step_of(config: Mapping[str, Any]) -> int:
    """The superstep that a node runs in."""
    return int((config.get("metadata") or {}).get("langgraph_step", 0))


def last_component(definition: Definition) -> str | None:
    """The component with which every round ends, if that is known beforehand.

    It is where nothing is chosen while the body runs: then its supersteps can be played
    through, and the last one may consist of one component.
    """
    if definition.routers or definition.fallback_targets or not definition.starts:
        return None
    joins = definition.joins()
    waiting: list[set[str]] = [set(join.sources) for join in joins]
    running, ran = list(dict.fromkeys(definition.starts)), set[str]()
    while True:
        if not ran.isdisjoint(running):
            return None  # it goes in a circle, or some component runs twice
        ran.update(running)
        fired: dict[str, None] = {}
        for number, join in enumerate(joins):
            waiting[number] -= set(running)
            if not waiting[number]:
                fired[join.target] = None
                waiting[number] = set(join.sources)
        if not fired:
            return running[0] if len(running) == 1 else None
        running = list(fired)
