"""Drives LangGraph's loop for a plain run: values are streamed, and nothing else observes the steps.

`Pregel.astream` serves every caller; this serves one: no callbacks, no breakpoints, no debug output, not nested. It
makes the same loop and runner, and hands each superstep that consists of one plain task to `Stretch`.
Relies on `Pregel.astream` of LangGraph 1.2: what it gives to `AsyncPregelLoop` and `PregelRunner`.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._config import ensure_config, get_async_callback_manager_for_config
from langgraph._internal._constants import CONF, CONFIG_KEY_DURABILITY, CONFIG_KEY_RUNTIME
from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.pregel._loop import AsyncPregelLoop
from langgraph.pregel._runner import PregelRunner
from langgraph.pregel.main import _build_server_info, _coerce_parent_runtime
from langgraph.pregel.protocol import StreamProtocol
from langgraph.runtime import DEFAULT_RUNTIME, RunControl, Runtime

from jiuwen_lg.engine.pregel.keys import is_nested
from jiuwen_lg.engine.pregel.stretch import Stretch

SPECIAL_KEYS = ("__pregel_stream", "__pregel_runner_submit", "__pregel_node_finished", "__pregel_cache")
"""Keys of a `configurable` by which a caller takes part in the steps."""


def is_plain(graph: Any, config: RunnableConfig, options: Mapping[str, Any]) -> bool:
    """Whether a call of `astream` is served here.

    Args:
        graph: The graph.
        config: The caller's config.
        options: The other arguments of `astream`.
    """
    if options.get("stream_mode") != "values" or options.keys() - {"stream_mode", "output_keys"}:
        return False
    if graph.interrupt_before_nodes or graph.interrupt_after_nodes or graph.debug or graph.checkpointer is True:
        return False
    configurable = config.get("configurable", {})
    if is_nested(config) or any(key in configurable for key in SPECIAL_KEYS) or graph.cache is not None:
        return False
    if graph.retry_policy or graph.cache_policy or graph.step_timeout:
        return False
    manager = get_async_callback_manager_for_config(ensure_config(graph.config, config))
    return not (manager.handlers or manager.inheritable_handlers)


async def astream_values(
    graph: Any, input: Any, config: RunnableConfig, *, output_keys: Any = None, durability: Any = None
) -> AsyncIterator[Any]:
    """Run a graph and yield its values, as `astream(stream_mode="values")` does; see `is_plain`."""
    config = ensure_config(graph.config, config)
    manager = None
    try:
        given = graph._defaults(
            config,
            stream_mode="values",
            print_mode=(),
            output_keys=output_keys,
            interrupt_before=None,
            interrupt_after=None,
            durability=durability,
        )
        callbacks = get_async_callback_manager_for_config(config)
        if "ls_integration" not in callbacks.metadata:
            callbacks.add_metadata({"ls_integration": "langgraph"})
        name = config.get("run_name", graph.get_name())
        manager = await callbacks.on_chain_start(None, input, name=name, run_id=config.get("run_id"))
        chunks: deque[Any] = deque()
        async with _loop(graph, input, config, given, manager, chunks) as loop:
            async for _ in _steps(loop, _runner(loop, graph), is_durable=given[7] == "sync"):
                for chunk in _payloads(chunks):
                    yield chunk
        for chunk in _payloads(chunks):
            yield chunk
        _refuse_unfinished(loop, config)
        await manager.on_chain_end(loop.output)
    except BaseException as error:
        if manager is not None:
            await asyncio.shield(manager.on_chain_error(error))
        raise


@asynccontextmanager
async def _loop(
    graph: Any, input: Any, config: RunnableConfig, given: tuple[Any, ...], manager: Any, chunks: deque[Any]
) -> AsyncIterator[AsyncPregelLoop]:
    """LangGraph's loop, with what `astream` gives it."""
    _, output_keys, _, _, checkpointer, store, cache, durability = given
    parent = _coerce_parent_runtime(config[CONF].get(CONFIG_KEY_RUNTIME, DEFAULT_RUNTIME))
    if checkpointer is not None:
        config[CONF][CONFIG_KEY_DURABILITY] = durability
    own = Runtime(
        context=None,
        store=store,
        stream_writer=_ignore,
        previous=None,
        execution_info=None,
        server_info=_build_server_info(config, parent),
        control=parent.control or RunControl(),
    )
    config[CONF][CONFIG_KEY_RUNTIME] = parent.merge(own)
    async with AsyncPregelLoop(
        input,
        stream=StreamProtocol(chunks.append, {"values"}),
        config=config,
        store=store,
        cache=cache,
        checkpointer=checkpointer,
        nodes=graph.nodes,
        specs=graph.channels,
        output_keys=output_keys,
        input_keys=graph.input_channels,
        stream_keys=graph.stream_channels_asis,
        manager=manager,
        durability=durability,
        trigger_to_nodes=graph.trigger_to_nodes,
        migrate_checkpoint=graph._migrate_checkpoint,
        retry_policy=graph.retry_policy,
        cache_policy=graph.cache_policy,
    ) as loop:
        yield loop


def _runner(loop: AsyncPregelLoop, graph: Any) -> PregelRunner:
    return PregelRunner(
        submit=weakref.WeakMethod(loop.submit),
        put_writes=weakref.WeakMethod(loop.put_writes),
        node_error_handler_map=graph.node_error_handler_map,
        aschedule_error_handler=loop.aschedule_error_handler,
    )


async def _steps(loop: AsyncPregelLoop, runner: PregelRunner, *, is_durable: bool) -> AsyncIterator[None]:
    """Run the supersteps; those that consist of one plain task, and follow each other, in a stretch."""
    stretch = Stretch(loop, runner, is_durable=is_durable)
    while loop.tick():
        if await stretch.run():
            continue
        async for _ in runner.atick(
            [task for task in loop.tasks.values() if not task.writes], schedule_task=loop.aaccept_push
        ):
            yield
        loop.after_tick()
        if is_durable:
            saving: Any = loop._put_checkpoint_fut
            await saving


def _payloads(chunks: deque[Any]) -> Iterator[Any]:
    while chunks:
        yield chunks.popleft()[2]


def _refuse_unfinished(loop: AsyncPregelLoop, config: RunnableConfig) -> None:
    if loop.status == "out_of_steps":
        raise GraphRecursionError(
            f"Recursion limit of {config['recursion_limit']} reached without hitting a stop condition. You can "
            "increase the limit by setting the `recursion_limit` config key."
        )
    if loop.status == "draining":
        raise GraphDrained((loop.control.drain_reason if loop.control is not None else None) or "shutdown")


def _ignore(_: Any) -> None:
    """Nothing is written to a stream of custom chunks that is not read."""
