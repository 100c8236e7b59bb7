"""A component called by hand: what its runtime does."""

from __future__ import annotations

import pytest

from jiuwen_lg import JiuWenBaseException, NodeRuntime, SimpleComponent, WorkflowRuntime, WrappedNodeRuntime
from jiuwen_lg.engine.runtime.interrupts import InteractionRequired


def runtime(**options: str) -> WrappedNodeRuntime:
    return WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(**options), "n"))


async def test_it_knows_where_the_component_would_be() -> None:
    at = runtime(session_id="s")
    assert (at.executable_id(), at.session_id(), at.base().node_id) == ("n", "s", "n")
    assert at.get_env("_execute_timeout") == 60


async def test_its_states_change_at_once() -> None:
    at = runtime()
    at.update_state({"a.b": 1})
    at.update_global_state({"g": {"x": 2}})
    assert (at.get_state("a.b"), at.get_global_state("g.x"), at.get_global_state()) == (1, 2, None)
    at.update_state(None)
    assert at.get_state() is None


async def test_it_keeps_what_is_written_and_traced() -> None:
    at = runtime()
    await at.write_stream({"type": "t", "index": 0, "payload": 1})
    await at.write_custom_stream({"x": 1})
    await at.trace({"k": 1})
    await at.trace_error(ValueError("v"))
    assert [len(at.frames), len(at.traced)] == [2, 2]
    with pytest.raises(JiuWenBaseException) as error:
        await at.trace_error(None)  # type: ignore[arg-type]
    assert error.value.error_code == 191001


async def test_a_question_leaves_the_component() -> None:
    class Asks(SimpleComponent):
        async def invoke(self, inputs: object, runtime: WrappedNodeRuntime, context: object) -> object:
            return await runtime.interact("ok?")

    with pytest.raises(InteractionRequired) as asked:
        await Asks().invoke({}, runtime(), None)
    assert (asked.value.id, asked.value.value) == ("n", "ok?")
