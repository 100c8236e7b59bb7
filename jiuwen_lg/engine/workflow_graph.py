"""The compiled graph: what LangChain and LangGraph programs embed, serve and draw."""

from __future__ import annotations

import reprlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import RunnableConfig, ensure_config
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Durability, StateSnapshot

from jiuwen_lg.engine.concurrency.sync_bridge import run_in_loop_thread
from jiuwen_lg.engine.execution.stream_input import STREAMS_KEY, Streams
from jiuwen_lg.engine.graph.state import NEW, WORLD, declared_inputs
from jiuwen_lg.engine.pregel import support
from jiuwen_lg.engine.pregel.current_config import current_config
from jiuwen_lg.engine.pregel.interrupt_views import map_chunk, map_snapshot
from jiuwen_lg.engine.pregel.keys import is_nested
from jiuwen_lg.engine.runtime.interrupts import redacted
from jiuwen_lg.engine.runtime.parent import PARENT_KEY
from jiuwen_lg.engine.runtime.run_context import RUN_CONTEXT_KEY, run_context_of
from jiuwen_lg.environment import is_switched_off
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.input_schema import require_inputs
from jiuwen_lg.schema.values import MAX_DEPTH, require_depth

BREAKPOINTS = ("interrupt_before", "interrupt_after")
"""The options of LangGraph that name the nodes before and after which a run stops."""


class WorkflowGraph(CompiledStateGraph[Any, Any, Any, Any]):
    """A compiled workflow: LangGraph's own graph with two defaults changed.

    Its input is `{"inputs": {...}}`, its output `{"result": ...}`. Every step is durable
    (`durability="sync"`) unless the caller says otherwise, and an input of another shape
    is refused instead of silently dropped.
    """

    def stream(
        self, input: Any, config: RunnableConfig | None = None, *, durability: Durability | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """LangGraph's `stream`."""
        self._require_targets(input)
        self._require_inputs(input)
        config, streams = self._run_config(config, kwargs)
        chunks = super().stream(
            _checked(input, config), config, durability=self._durability(durability, config), **kwargs
        )
        try:
            for chunk in chunks:
                yield map_chunk(chunk, redacted)
        finally:
            run_in_loop_thread(streams.cancel())

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, *, durability: Durability | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """LangGraph's `astream`."""
        self._require_targets(input)
        self._require_inputs(input)
        config, streams = self._run_config(config, kwargs)
        durability, given = self._durability(durability, config), _checked(input, config)
        chunks: Any
        driver = None if is_switched_off("JIUWEN_LG_STRETCHES") else support.driver()
        if driver is not None and driver.is_plain(self, config, kwargs):
            output_keys = kwargs.get("output_keys")
            chunks = driver.astream_values(self, given, config, output_keys=output_keys, durability=durability)
        else:
            chunks = super().astream(given, config, durability=durability, **kwargs)
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield map_chunk(chunk, redacted)
        finally:
            await streams.cancel()

    def get_state(self, config: RunnableConfig, *, subgraphs: bool = False, **kwargs: Any) -> StateSnapshot:
        """LangGraph's `get_state`, without what questions carry for the engine."""
        return map_snapshot(super().get_state(config, subgraphs=subgraphs, **kwargs), redacted)

    async def aget_state(self, config: RunnableConfig, *, subgraphs: bool = False, **kwargs: Any) -> StateSnapshot:
        """LangGraph's `aget_state`, without what questions carry for the engine."""
        return map_snapshot(await super().aget_state(config, subgraphs=subgraphs, **kwargs), redacted)

    def get_state_history(self, config: RunnableConfig, **kwargs: Any) -> Iterator[StateSnapshot]:
        """LangGraph's `get_state_history`, without what questions carry for the engine."""
        for snapshot in super().get_state_history(config, **kwargs):
            yield map_snapshot(snapshot, redacted)

    async def aget_state_history(self, config: RunnableConfig, **kwargs: Any) -> AsyncIterator[StateSnapshot]:
        """LangGraph's `aget_state_history`, without what questions carry for the engine."""
        async for snapshot in super().aget_state_history(config, **kwargs):
            yield map_snapshot(snapshot, redacted)

    def _run_config(self, config: RunnableConfig | None, options: Mapping[str, Any]) -> tuple[RunnableConfig, Streams]:
        """The config of a run of its own: a scope and streams, and no host if a component starts it."""
        given = config or {}
        if "configurable" not in given and current_config() is not None:
            given = ensure_config(config)
        streams = Streams()
        if not given.get("configurable") and isinstance(self.checkpointer, BaseCheckpointSaver):
            return given, streams  # LangGraph explains that a thread is missing, where nothing of ours is there
        configurable = {k: v for k, v in given.get("configurable", {}).items() if k != PARENT_KEY}
        run_context = run_context_of({"configurable": configurable})
        if RUN_CONTEXT_KEY in configurable and is_nested(given):
            run_context = run_context.for_nested_run()
        if any((self.interrupt_before_nodes, self.interrupt_after_nodes)) or any(map(options.get, BREAKPOINTS)):
            run_context.is_stepwise = True
        configurable |= {RUN_CONTEXT_KEY: run_context, STREAMS_KEY: streams}
        return {**given, "configurable": configurable}, streams

    def _require_targets(self, input: Any) -> None:
        """LangGraph passes over a `goto` that leads nowhere."""
        goto = input.goto if isinstance(input, Command) else ()
        names = [name for name in (goto if isinstance(goto, (list, tuple)) else [goto]) if isinstance(name, str)]
        if not names:
            return
        ids = [id for id in self.nodes if not id.startswith("__")]
        if missing := [name for name in names if name not in ids]:
            raise StatusCode.WORKFLOW_COMPONENT_CONFIG_ERROR.error(
                missing=missing, reason="goto names them", node_ids=ids
            )

    def _require_inputs(self, input: Any) -> None:
        """Hold a caller to the workflow's declared inputs; the engine's own turns are held elsewhere."""
        if isinstance(input, dict) and NEW not in input:
            require_inputs(input.get("inputs"), declared_inputs(self.builder.input_schema))

    def _durability(self, asked: Durability | None, config: RunnableConfig | None) -> Durability | None:
        """The caller's word; else durable at every step, where there is a saver to be durable in."""
        if asked is None and isinstance(self.checkpointer, BaseCheckpointSaver):
            return None if is_nested(config) else "sync"
        return asked


def _checked(input: Any, config: RunnableConfig | None) -> Any:
    """The input, refused if it is of another shape; of a parent graph's state only `inputs` is taken."""
    if input is None or isinstance(input, Command):
        return input
    known = isinstance(input, dict) and isinstance(input.get("inputs", 0), (dict, type(None)))
    if not known or (not input.keys() <= {"inputs", WORLD, NEW} and not is_nested(config)):
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(
            error=f"a compiled workflow takes {{'inputs': {{...}}}}, not {reprlib.repr(input)}"
        )
    taken = {key: input[key] for key in ("inputs", WORLD, NEW) if key in input}
    try:
        require_depth(taken, MAX_DEPTH + 1)
    except ValueError as error:
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=f"the inputs cannot be kept: {error}") from error
    return taken
