"""The journal: what a run did, written with its steps, and shown as a timeline and on its drawing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jiuwen_lg import (
    BranchComponent,
    End,
    InteractiveInput,
    JiuWenBaseException,
    Journal,
    LLMCompConfig,
    LLMComponent,
    LoopComponent,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    Timeline,
    Workflow,
    WorkflowRuntime,
)
from jiuwen_lg.engine.store import open_store
from jiuwen_lg.testing import ScriptedChatModel, killed
from tests.flows import Ask, Call, FailOnce, Gate, chain, parallel, turn, workflow


def expenses(model: Any = None, **options: Any) -> Workflow:
    """A model, a branch, a loop over items in a sub-workflow, and a question."""
    body = LoopGroup().add_workflow_comp("check", Call(), inputs_schema={"item": "${items.item}"}, label="核对")
    body.start_nodes(["check"]).end_nodes(["check"])
    inner = workflow().set_start_comp("start", Start(), inputs_schema={"list": "${list}"})
    schema = {"loop_type": "array", "loop_array": {"item": "${start.list}"}}
    inner.add_workflow_comp("items", LoopComponent(body, {}), inputs_schema=schema)
    inner.set_end_comp("end", End(), inputs_schema={}).add_connection("start", "items").add_connection("items", "end")
    flow = workflow("expenses", **options).set_start_comp("start", Start(), inputs_schema={"n": "${n}"})
    config = LLMCompConfig(
        model=model or ScriptedChatModel(*["travel"] * 9),
        template_content=[{"role": "user", "content": "which kind?"}],
        response_format={"type": "text"},
        output_config={"kind": {"type": "string"}},
    )
    flow.add_workflow_comp("kind", LLMComponent(config), inputs_schema={})
    size = BranchComponent()
    size.add_branch("${start.n} > 100", ["large"], "large")
    size.add_branch("true", ["small"], "small")
    flow.add_workflow_comp("size", size)
    flow.add_workflow_comp("large", SubWorkflowComponent(inner), inputs_schema={"list": [1, 2, 3]})
    flow.add_workflow_comp("small", Call(), inputs_schema={})
    flow.add_workflow_comp("approve", Ask("ok?"), inputs_schema={})
    flow.set_end_comp("end", End(), inputs_schema={"a": "${approve.answer}"})
    flow.add_connection("start", "kind").add_connection("kind", "size").add_connection("large", "approve")
    return flow.add_connection("small", "approve").add_connection("approve", "end")


async def timeline(flow: Workflow, session: str = "s") -> Timeline:
    return await flow.timeline(session)


class TestWhatIsRecorded:
    async def test_the_path_the_branch_and_the_iterations(self) -> None:
        flow = expenses(journal=True)
        await turn(flow, {"n": 500})
        assert [entry.status for entry in (await timeline(flow)).of("approve")] == ["asked"]
        await turn(flow, InteractiveInput("yes"))
        found = await timeline(flow)
        assert found.path == [
            *("start", "kind", "size", "large", "large.start", "large.items"),
            *(f"large.items[{n}].check" for n in range(3)),
            *("large.end", "approve", "end"),
        ]
        assert found.branch("size") == "large"
        with pytest.raises(LookupError, match=r"\[kind\] has chosen nothing"):
            found.branch("kind")
        assert [entry.status for entry in found.of("approve")] == ["asked", "finished"]
        assert [entry.label for entry in found.of("large.items.check")] == ["核对"] * 3
        assert all(entry.began <= entry.ended for entry in found)
        assert found.of("large")[0].seconds >= found.of("large.items")[0].seconds

    async def test_sizes_and_no_values(self) -> None:
        flow = chain(("a", Call(lambda inputs, runtime: {"text": "x" * 1000})), id="w", journal=True)
        await turn(flow, {"q": 1})
        (entry,) = (await timeline(flow)).of("a")
        assert entry.output_bytes is not None and 1000 < entry.output_bytes < 1100
        assert entry.input_bytes is not None and entry.input_bytes < 20
        assert entry.inputs is entry.outputs is None

    async def test_values_are_redacted_by_key_and_cut(self) -> None:
        secret = {"user": {"name": "ann", "API_KEY": "sk-1"}, "passwords": ["p"], "long": "x"}
        flow = chain(
            ("a", Call(lambda inputs, runtime: secret)),
            ("b", Call(lambda inputs, runtime: {"text": "x" * 500})),
            id="w",
            journal=Journal(values=True, most_bytes=200),
        )
        await turn(flow, {"q": 1})
        found = await timeline(flow)
        assert found.of("a")[0].inputs == {"q": 1}
        assert found.of("a")[0].outputs == {"user": {"name": "ann", "API_KEY": "•••"}, "passwords": "•••", "long": "x"}
        assert found.of("b")[0].outputs == "(not kept: 511 bytes)"
        with open_store().database.transaction(write=False) as cursor:
            blobs = b"".join(row[0] for row in cursor.execute("SELECT entry FROM jiuwen_journal").fetchall())
        assert b"sk-1" not in blobs

    async def test_attempts_failures_and_fallbacks(self) -> None:
        flow = workflow("w", journal=True).set_start_comp("start", Start(), inputs_schema={})
        flow.add_workflow_comp("a", FailOnce(1, ConnectionError("lost")), inputs_schema={}, retry=3)
        flow.add_workflow_comp("b", FailOnce(9, ValueError("no")), inputs_schema={}, fallback={"x": 1})
        flow.set_end_comp("end", End(), inputs_schema={"x": "${b.x}"})
        flow.add_connection("start", "a").add_connection("a", "b").add_connection("b", "end")
        await turn(flow, {})
        found = await timeline(flow)
        assert [(e.status, e.attempt, e.error) for e in found.of("a")] == [
            *(("failed", 1, "ConnectionError: lost"), ("finished", 2, None))
        ]
        (fallen,) = found.of("b")
        assert (fallen.status, fallen.is_fallback) == ("finished", True)

    async def test_a_run_that_failed_and_went_on(self) -> None:
        flow = chain(("a", FailOnce()), id="w", journal=True)
        with pytest.raises(JiuWenBaseException):
            await turn(flow, {"q": 1})
        assert [(e.id, e.status) for e in await timeline(flow)] == [("start", "finished"), ("a", "failed")]
        await turn(flow, InteractiveInput())
        assert [e.status for e in (await timeline(flow)).of("a")] == ["failed", "finished"]

    async def test_tokens(self) -> None:
        from langchain_core.messages import AIMessage

        usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        flow = expenses(ScriptedChatModel(AIMessage("travel", usage_metadata=usage)), journal=True)
        await turn(flow, {"n": 1})
        found = await timeline(flow)
        assert {entry.id: entry.tokens for entry in found if any(entry.tokens)} == {"kind": (7, 3)}
        assert found.tokens == (7, 3)

    async def test_components_that_were_stopped(self) -> None:
        gate = Gate()
        flow = chain(("a", gate), id="w", journal=True)
        run = asyncio.ensure_future(turn(flow, {"q": 1}))
        await gate.begun.wait()
        run.cancel()
        await asyncio.wait({run})
        assert [(e.id, e.status) for e in await timeline(flow)] == [("start", "finished"), ("a", "cancelled")]


class TestWhereItIsKept:
    @pytest.mark.parametrize(("setting", "kept"), [("1", True), ("values", True), ("0", False), ("", False)])
    async def test_the_environment(self, setting: str, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_JOURNAL", setting)
        flow = chain(("a", Call()), id="w")
        await turn(flow, {"q": 1})
        found = await timeline(flow)
        assert bool(found) is kept
        assert any(entry.inputs for entry in found) is (setting == "values")

    async def test_a_workflow_says_otherwise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_JOURNAL", "1")
        flow = chain(("a", Call()), id="w", journal=False)
        await turn(flow, {"q": 1})
        assert len(await timeline(flow)) == 0
        with pytest.raises(JiuWenBaseException, match="journal is True, False or a Journal"):
            chain(("a", Call()), journal="yes")

    def test_what_a_killed_process_had_finished_is_there(self) -> None:
        """An entry goes on file with its step, or neither does."""
        flow = chain(("a", Call()), ("b", Call()), ("c", Call()), id="w", journal=True)
        killed(flow, {"q": 1}, at="c", session_id="s")
        assert flow.sync.timeline("s").path == ["start", "a", "b"]
        snapshot = flow.sync.snapshot("s")
        assert snapshot is not None and snapshot.next_nodes == ["c"]

    async def test_it_goes_with_its_session(self) -> None:
        flow, other = (chain(("a", Call()), id=id, journal=True) for id in ("w", "v"))
        await turn(flow, {"q": 1})
        await turn(other, {"q": 1})
        await turn(flow, {"q": 2})
        assert len(await timeline(flow)) == 3  # of the newest run only
        assert count() == 6
        await flow.discard("s")
        assert (len(await timeline(flow)), len(await timeline(other)), count()) == (0, 3, 3)

    async def test_it_is_bounded_by_number(self) -> None:
        flow = chain(*((f"c{n}", Call()) for n in range(20)), id="w", journal=Journal(most_entries=5))
        await turn(flow, {"q": 1})
        kept = [entry.id for entry in await timeline(flow)]
        assert 5 <= len(kept) < 10 and kept[-1] == "end"

    async def test_it_is_bounded_by_age(self) -> None:
        old = chain(("a", Ask("?")), id="old", journal=Journal(seconds=-1))
        await turn(old, {"q": 1})
        open_store().sessions._completed = 0  # as in a process that has just begun
        await turn(chain(("a", Call()), id="new", journal=True), {"q": 1}, session="t")
        assert len(await timeline(old)) == 0
        assert count() == 3

    async def test_a_receipt_that_is_gone_takes_its_entries_along(self, monkeypatch: pytest.MonkeyPatch) -> None:
        flow = chain(("a", Call()), id="w", journal=True)
        await turn(flow, {"q": 1}, session="first")
        monkeypatch.setenv("JIUWEN_LG_RECEIPT_SECONDS", "0.000001")
        open_store().sessions._completed = 0
        await turn(flow, {"q": 1}, session="second")
        open_store().sessions._completed = 0
        await turn(flow, {"q": 1}, session="third")
        assert len(await timeline(flow, "first")) == 0

    async def test_a_damaged_entry_hides_no_other(self) -> None:
        flow = chain(("a", Call()), id="w", journal=True)
        await turn(flow, {"q": 1})
        with open_store().database.transaction() as cursor:
            cursor.execute(DAMAGE, (b"junk",))
        assert [entry.id for entry in await timeline(flow)] == ["start", "end"]

    async def test_sessions_that_nobody_knows(self) -> None:
        assert list(await timeline(chain(("a", Call()), id="w"))) == []

    async def test_without_a_store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_DB", "off")
        flow = chain(("a", Call()), id="w", journal=True)
        assert (await flow.invoke({"q": 1})).result == {"output": {"a": {"q": 1}}}
        with pytest.raises(JiuWenBaseException) as error:
            await timeline(flow)
        assert error.value.error_code == 100909

    async def test_encrypted_with_the_store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LANGGRAPH_AES_KEY", "k" * 16)
        flow = chain(("visible", Call()), id="w", journal=True)
        await turn(flow, {"q": 1})
        assert (await timeline(flow)).path == ["start", "visible", "end"]
        with open_store().database.transaction(write=False) as cursor:
            blobs = [row[0] for row in cursor.execute("SELECT entry FROM jiuwen_journal").fetchall()]
        assert not any(b"visible" in blob for blob in blobs)


SECOND = "SELECT number FROM jiuwen_journal ORDER BY number LIMIT 1 OFFSET 1"
DAMAGE = f"UPDATE jiuwen_journal SET entry = ? WHERE number = ({SECOND})"


def count() -> int:
    with open_store().database.transaction(write=False) as cursor:
        return int(cursor.execute("SELECT count(*) FROM jiuwen_journal").fetchone()[0])


class TestHowItIsShown:
    async def test_a_table(self) -> None:
        flow = expenses(journal=True)
        await turn(flow, {"n": 500})
        lines = repr(await timeline(flow)).splitlines()
        assert lines[0] == "session s: 11 executions"
        assert lines[1].split() == ["STEP", "STATUS", "SECONDS", "WENT", "TO", "IN", "OUT"]
        assert any(line.startswith("large.items[2].check 核对") for line in lines)
        html = (await timeline(flow))._repr_mimebundle_()["text/html"]
        assert html.count("<tr ") == 11 and "→ large" in html

    async def test_the_drawing_of_a_finished_run(self) -> None:
        flow = expenses(journal=True)
        await turn(flow, {"n": 500})
        await turn(flow, InteractiveInput("yes"))
        picture = (await flow.snapshot("s")).picture  # type: ignore[union-attr]
        assert ("size", "large") in picture.taken and ("size", "small") not in picture.taken
        assert ("large.items", "large.end") in picture.taken and ("small", "approve") not in picture.taken
        assert "-!> large: large" in picture.text and "-?> small: small" in picture.text
        assert "items [done, 3 iterations" in picture.text and "[done, 3 ×]" in picture.text
        assert "small -> approve" in picture.text
        assert 'data-source="size" data-target="large" fill="none" data-taken=""' in picture.svg
        assert picture.svg.count("data-taken") == len(picture.taken)
        assert "linkStyle" in picture.mermaid

    async def test_failures_are_marked(self) -> None:
        flow = workflow("w", journal=True).set_start_comp("start", Start(), inputs_schema={})
        flow.add_workflow_comp("b", FailOnce(9, ValueError("no")), inputs_schema={}, fallback={"x": 1})
        flow.add_connection("start", "b")
        await turn(flow, {})
        assert "b [failed, fallback]" in (await flow.snapshot("s")).picture.text  # type: ignore[union-attr]

    async def test_without_a_journal_nothing_is_claimed(self) -> None:
        flow = expenses()
        await turn(flow, {"n": 1})
        picture = (await flow.snapshot("s")).picture  # type: ignore[union-attr]
        assert picture.taken == frozenset() and "data-taken" not in picture.svg and " opacity=" not in picture.svg

    async def test_two_at_once_do_not_mix(self) -> None:
        flow = parallel(("a", Call()), ("b", Call()), id="w")
        flow._journal = True
        await asyncio.gather(*(turn(flow, {"q": n}, session=f"s{n}") for n in range(8)))
        for n in range(8):
            assert sorted((await timeline(flow, f"s{n}")).path) == ["a", "b", "end", "start"]

    async def test_of_two_workflows_in_one_session(self) -> None:
        runtime = WorkflowRuntime(session_id="s")
        for id in ("w", "v"):
            await chain((id, Call()), id=id, journal=True).invoke({"q": 1}, runtime)
        assert (await timeline(chain(("v", Call()), id="v"))).path == ["start", "v", "end"]
