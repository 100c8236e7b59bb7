"""Where a run stands, judged from what was read: no event loop, no store."""

from __future__ import annotations

from typing import Any

from langgraph.types import Interrupt

from jiuwen_lg import LoopComponent, LoopGroup, SubWorkflowComponent, Workflow
from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.runtime.interrupts import PausedTask
from jiuwen_lg.engine.serializer import dump
from jiuwen_lg.engine.sessions.row import Record, Row
from jiuwen_lg.engine.storage.encryption import Vault
from jiuwen_lg.engine.turns.graph_reading import ReadGraph, ReadTask
from jiuwen_lg.engine.turns.run_state import judge
from tests.flows import Ask, Call, chain


def compiled(flow: Workflow) -> CompiledWorkflow:
    return flow._compiled()


def record(status: str = "waiting", **columns: Any) -> Record:
    blank: dict[str, Any] = dict.fromkeys(Row.__slots__, None)
    given = {"thread_id": "t", "session_id": "s", "workflow_id": "", "fingerprint": "", "status": status, "keep": 0}
    times = {"fence": 1, "lease_until": 0.0, "created_at": 0.0, "updated_at": 0.0}
    return Record(Row(**{**blank, **given, **times, **{name: dump(value) for name, value in columns.items()}}), Vault())


def asks(id: str, value: str = "ok?") -> PausedTask:
    return PausedTask([Interrupt({"id": id, "index": 0, "value": value}, "i")])


def graph(*tasks: ReadTask, done: tuple[str, ...] = ("start",), world: Any = None, **more: Any) -> ReadGraph:
    values = {"io": {id: {} for id in done}, "world": world or {}, **more}
    return ReadGraph(values, tasks, has_next=bool(tasks), checkpoint_ids=("c2", "c1"))


FLOW = chain(("ask", Ask()), ("call", Call()))


def test_a_run_that_asks() -> None:
    found = judge(compiled(FLOW), graph(ReadTask("t1", "ask", is_finished=False, paused=asks("ask"))), record())
    assert [(q.id, q.token) for q in found.run_status.questions] == [("ask", "t1:0")]
    assert not found.run_status.is_broken
    assert found.run_status.completed_ids == {"start"}
    assert found.next_ids == ["ask"]


def test_a_stored_answer_closes_the_question() -> None:
    at = graph(ReadTask("t1", "ask", is_finished=False, paused=asks("ask")))
    found = judge(compiled(FLOW), at, record("failed", answers={"t1:0": "yes"}))
    assert found.run_status.questions == []
    assert found.run_status.is_broken
    assert found.command({"t1:0": "yes"}).resume == {"i": "yes"}  # type: ignore[union-attr]


def test_a_run_that_failed_or_never_began() -> None:
    failed = judge(compiled(FLOW), graph(ReadTask("t1", "call", is_finished=False)), record("failed"))
    assert failed.run_status.is_broken
    assert failed.next_ids == ["call"]
    fresh = judge(compiled(FLOW), ReadGraph({}, has_begun=False), record("failed"))
    assert (fresh.has_begun, fresh.run_status.is_broken) == (False, True)


def test_a_sibling_that_finished_counts_before_its_superstep_has_ended() -> None:
    at = graph(ReadTask("t1", "ask", is_finished=False, paused=asks("ask")), ReadTask("t2", "call", is_finished=True))
    found = judge(compiled(FLOW), at, record())
    assert found.run_status.completed_ids == {"start", "call"}
    assert found.next_ids == ["ask"]


def test_an_early_answer_for_a_component_that_has_finished_is_dropped() -> None:
    at = graph(ReadTask("t1", "ask", is_finished=False, paused=asks("ask")), ReadTask("t2", "call", is_finished=True))
    found = judge(compiled(FLOW), at, record(kept={"call": 1, "end": 2}))
    assert found.early_answers == {"end": 2}


def test_a_component_that_runs_again_is_not_completed_and_nor_is_what_follows() -> None:
    at = graph(ReadTask("t1", "ask", is_finished=False), done=("start", "ask", "call"))
    assert judge(compiled(FLOW), at, record("failed")).run_status.completed_ids == {"start"}


def test_a_question_in_a_sub_workflow_has_a_path() -> None:
    flow = chain(("sub", SubWorkflowComponent(chain(("ask", Ask())))))
    inner = graph(ReadTask("t2", "ask", is_finished=False, paused=asks("sub.ask")), told=[{"seen": 1}])
    found = judge(compiled(flow), graph(ReadTask("t1", "sub", is_finished=False, inside=inner)), record())
    assert [q.id for q in found.run_status.questions] == ["sub.ask"]
    assert found.run_status.completed_ids == {"start", "sub.start"}
    assert found.next_ids == ["sub.ask"]
    assert found.state["world"] == {"seen": 1}


def test_nothing_in_a_loop_has_finished_for_good() -> None:
    group = LoopGroup()
    group.add_workflow_comp("a", Call(), inputs_schema={})
    group.add_workflow_comp("b", Ask(), inputs_schema={})
    group.start_nodes(["a"])
    group.end_nodes(["b"])
    group.add_connection("a", "b")
    flow = chain(("l", LoopComponent(group, {})))
    inner = graph(ReadTask("t2", "b", is_finished=False, paused=asks("l.b")), done=("a",))
    found = judge(compiled(flow), graph(ReadTask("t1", "l", is_finished=False, inside=inner)), record())
    assert found.run_status.completed_ids == {"start"}
    assert [q.id for q in found.run_status.questions] == ["l.b"]
