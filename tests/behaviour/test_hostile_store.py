"""A store whose contents somebody else has written: nothing executes, errors have names, other sessions stay usable."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jiuwen_lg import ContextEngine, HumanMessage, InteractiveInput, JiuWenBaseException, Runner, Workflow, operations
from jiuwen_lg.engine import store
from tests.flows import Ask, Call, FailOnce, chain, turn

EXAMPLES = int(os.environ.get("FUZZ", "30"))
DOORS: list[Callable[[Workflow], Awaitable[Any]]] = [
    lambda flow: flow.pending(),
    lambda flow: flow.snapshot("s"),
    lambda flow: flow.history("s"),
    lambda flow: flow.fork("s", 1, new_session_id="forked"),
    lambda flow: Runner.pending(),
    lambda flow: asyncio.to_thread(operations.sessions),
    lambda flow: asyncio.to_thread(operations.check, [flow]),
    lambda flow: asyncio.to_thread(ContextEngine("a").get_agent_context("s").get_messages),
    lambda flow: turn(flow, InteractiveInput()),
    lambda flow: turn(flow, InteractiveInput("yes")),
    lambda flow: turn(flow, InteractiveInput().update("ask", "yes")),
    lambda flow: turn(flow, {"q": 1}),
    lambda flow: flow.discard("s"),
]
COLUMNS = {
    "jiuwen_sessions": (
        *(
            "workflow_id",
            "fingerprint",
            "status",
            "turn_id",
            "inputs",
            "questions",
            "answers",
            "kept",
            "result",
            "error",
        ),
        *("keep", "owner", "fence", "lease_until", "created_at", "updated_at"),
    ),
    "checkpoints": ("checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "type", "checkpoint", "metadata"),
    "writes": ("checkpoint_ns", "checkpoint_id", "task_id", "task_path", "idx", "channel", "type", "value"),
    "jiuwen_shapes": ("shape",),
    "jiuwen_messages": ("message",),
}


class _Touch:
    def __reduce__(self) -> Any:
        return os.system, ("touch pwned",)


def _extension(code: int, *content: Any) -> bytes:
    return ormsgpack.packb([{"a": ormsgpack.Ext(code, ormsgpack.packb(content))}])


def _nested_extension(levels: int) -> bytes:
    blob = ormsgpack.packb(1)
    for _ in range(levels):
        blob = ormsgpack.packb(ormsgpack.Ext(7, blob))
    return blob


CALLS = [
    ("os", "system", ("touch pwned",)),
    ("subprocess", "run", (["touch", "pwned"],)),
    ("builtins", "exec", ("open('pwned', 'w')",)),
    ("pathlib", "Path", ("pwned",)),
    ("builtins", "set", [[]]),
    ("re", "compile", ("(" * 5000, 0)),
    ("builtins", "int", "9" * 10_000),
    ("tests.flows", "Ask", {}),
    ("zoneinfo", "ZoneInfo", "../../etc/passwd"),
]
BLOBS = [
    *(_extension(code, *call, "touch") for code in range(7) for call in CALLS),
    *(_nested_extension(levels) for levels in (2, 300, 20_000)),
    pickle.dumps(_Touch()),
    b"\x91" * 100_000,  # lists in lists
    b"\xdd\xff\xff\xff\xff",  # a list of four milliards, which ends here
    b"\xc6\xff\xff\xff\xff",
    b"x" * 1_000_000,
    ormsgpack.packb([1]),
    ormsgpack.packb([{"io": 5, "channel_values": 7}]),
    ormsgpack.packb({"v": 4, "ts": 1, "id": [], "channel_values": [], "channel_versions": 5, "versions_seen": None}),
]
cells = (
    st.sampled_from(BLOBS)
    | st.binary(max_size=60)
    | st.text(max_size=20)
    | st.sampled_from(
        ["pickle", "json", "msgpack", "null", "bytes", "../../x", "{}", "[", '{"host": 1}', "done", "running"]
    )
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.none()
)
"""What is written into a cell of the file."""


def approval() -> Workflow:
    return chain(("before", Call()), ("ask", Ask()), ("after", Call()), id="approval", keep_history=True)


def broken() -> Workflow:
    return chain(("before", Call()), ("fails", FailOnce(times=100)), id="broken", keep_history=True)


KINDS: dict[str, Callable[[], Workflow]] = {"waiting": approval, "failed": broken, "done": approval}


class Stores(dict[str, bytes]):
    """Files, by what is in them."""

    def __repr__(self) -> str:
        return f"Stores({[*self]})"  # in what Hypothesis prints of a failure, their bytes would hide the rest


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """For each kind of session a file that holds it, as `s`, and another one that waits."""
    made = Stores()
    with pytest.MonkeyPatch.context() as patch:
        for kind, flow in KINDS.items():
            path = tmp_path_factory.mktemp("made") / "made.db"
            patch.setenv("JIUWEN_LG_DB", str(path))
            asyncio.run(_fill(kind, flow()))
            store.close_store(str(path))
            made[kind] = path.read_bytes()
    return made


async def _fill(kind: str, flow: Workflow) -> None:
    with contextlib.suppress(JiuWenBaseException):
        await turn(flow, {"q": {"nested": [1]}})
    if kind == "done":
        await turn(flow, InteractiveInput("yes"))
    await turn(approval(), {"q": 1}, "sound")
    ContextEngine("a").get_agent_context("s").add_message(HumanMessage(content="hello"))


def _write(db: Path, table: str, column: str, cell: Any) -> None:
    of_session = "thread_id IN (SELECT thread_id FROM jiuwen_sessions WHERE session_id = 's')"
    where = {"jiuwen_shapes": "1", "jiuwen_messages": "1", "jiuwen_sessions": "session_id = 's'"}.get(table, of_session)
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {where}", (cell,))


async def _try_all_doors(flow: Callable[[], Workflow]) -> None:
    for door in DOORS:
        with contextlib.suppress(JiuWenBaseException):
            await door(flow())
    await Runner.release("s")  # whatever has become of it
    assert (await turn(approval(), InteractiveInput("yes"), "sound")).result["output"]["ask"]["answer"] == "yes"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.sampled_from([(table, column) for table in COLUMNS for column in COLUMNS[table]]), cell=cells)
def test_whatever_is_in_a_cell(
    kind: str, place: tuple[str, str], cell: Any, stores: Stores, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in db.parent.glob("sessions.db*"):
        file.unlink()
    db.write_bytes(stores[kind])
    with contextlib.suppress(sqlite3.IntegrityError):  # the file itself refuses it
        _write(db, *place, cell)
    try:
        asyncio.run(_try_all_doors(KINDS[kind]))
    finally:
        store.close_store(str(db))
    assert not Path("pwned").exists()


@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(length=1.0, place=0.03125, change=b"\x80")
@given(length=st.floats(0, 1) | st.just(1.0), place=st.floats(0, 1), change=st.binary(min_size=1, max_size=8))
def test_whatever_bytes_of_the_file_are_changed(
    length: float, place: float, change: bytes, stores: Stores, db: Path
) -> None:
    """The file as a whole may be lost then; it is an error with a name, or works."""
    sound = stores["waiting"]
    for file in db.parent.glob("sessions.db*"):
        file.unlink()
    changed = bytearray(sound[: int(length * len(sound))])
    at = int(place * len(changed))
    changed[at : at + len(change)] = change
    db.write_bytes(changed)

    async def try_all() -> None:
        for door in DOORS:
            with contextlib.suppress(JiuWenBaseException):
                await door(approval())

    try:
        asyncio.run(try_all())
    finally:
        store.close_store(str(db))
