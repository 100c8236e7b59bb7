"""Whether this LangGraph has what straight stretches rely on; otherwise LangGraph runs every superstep itself."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

_logger = logging.getLogger(__name__)

_LOOP_NAMES = """
channels checkpoint checkpoint_config checkpoint_metadata checkpoint_pending_writes checkpoint_previous_versions
checkpointer checkpointer_get_next_version checkpointer_put_writes checkpointer_put_writes_accepts_task_path config
control durability is_replaying managed manager nodes output output_keys prev_checkpoint_config status step stop
submit tasks updated_channels _checkpointer_put_after_previous _delta_channels_forced_snapshot _delta_write_futs
_resume_loaded_writes
"""
_LOOP = frozenset(_LOOP_NAMES.split())
"""The attributes of `AsyncPregelLoop`."""

_CALLS = """
langgraph.pregel._loop AsyncPregelLoop: input stream config store cache checkpointer nodes specs output_keys input_keys
 stream_keys manager durability trigger_to_nodes migrate_checkpoint retry_policy cache_policy
langgraph.pregel._runner PregelRunner: submit put_writes node_error_handler_map aschedule_error_handler
langgraph.pregel._runner _acall: task func input retry_policy futures schedule_task submit loop
langgraph.pregel._algo _scratchpad: parent_scratchpad pending_writes task_id task_checkpoint_ns resume_map step stop
langgraph.pregel._algo _proc_input: proc managed channels for_execution scratchpad input_cache
langgraph.pregel._algo _xxhash_str: namespace parts
langgraph.pregel._algo local_read: scratchpad channels managed task select fresh
langgraph.runtime Runtime: context store stream_writer heartbeat previous execution_info server_info control
langgraph.runtime ExecutionInfo: checkpoint_id checkpoint_ns task_id thread_id run_id node_attempt
 node_first_attempt_time
langgraph.types PregelExecutableTask: name input proc writes config triggers retry_policy cache_key id path writers
"""
"""Functions and classes that are called, with the parameters that are given to them."""


@cache
def driver() -> Any:
    """Return the module that drives plain runs; None, with one warning, if this LangGraph does not fit it."""
    try:
        missing = missing_parts()
        found = import_module("jiuwen_lg.engine.pregel.driver") if not missing else None
    except ImportError as error:
        missing, found = [str(error)], None
    if found is None:
        _logger.warning("this LangGraph has no %s: runs take its own, slower path", ", ".join(missing))
    return found


def missing_parts() -> list[str]:
    """Name what this LangGraph lacks."""
    loop: Any = getattr(import_module("langgraph.pregel._loop"), "AsyncPregelLoop", None)
    known = {name for base in getattr(loop, "__mro__", ()) for name in (*vars(base), *inspect.get_annotations(base))}
    missing = [f"AsyncPregelLoop.{name}" for name in sorted(_LOOP - known)]
    for line in _CALLS.strip().replace("\n ", " ").splitlines():
        target, _, parameters = line.partition(": ")
        module, name = target.split()
        found: Callable[..., Any] | None = getattr(import_module(module), name, None)
        has = set(inspect.signature(found).parameters) if found is not None else set()
        missing += [f"{name}({parameter})" for parameter in parameters.split() if parameter not in has]
    return missing
