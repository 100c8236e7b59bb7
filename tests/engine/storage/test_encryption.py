"""Encryption: nothing that sessions hold can be read in the file; with the key everything goes on."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from jiuwen_lg import ContextEngine, InteractiveInput, JiuWenBaseException, WorkflowRuntime
from jiuwen_lg.command import main
from jiuwen_lg.engine import serializer, store
from jiuwen_lg.engine.storage.encryption import KEY, Place, Vault
from jiuwen_lg.engine.store import open_store
from jiuwen_lg.operations import sessions
from tests.flows import Ask, Call, FailOnce, chain, turn

SECRET = "tea-with-milk"
A_KEY = "0123456789abcdef"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, A_KEY)


def flow() -> Any:
    def fails(inputs: Any, runtime: Any) -> Any:
        raise ValueError(f"no {SECRET}")

    return chain(("gives", Call(lambda i, r: {"v": SECRET})), ("ask", Ask(SECRET)), ("fails", Call(fails)), id="w")


def on_file(db: Path) -> bytes:
    open_store().database.close()
    return b"".join(path.read_bytes() for path in db.parent.glob(f"{db.name}*"))


@pytest.mark.usefixtures("key")
async def test_nothing_can_be_read(db: Path) -> None:
    await turn(flow(), {"q": SECRET}, "asks")
    await turn(flow(), {"q": SECRET}, "fails")
    with pytest.raises(JiuWenBaseException, match=SECRET):
        await turn(flow(), InteractiveInput(SECRET), "fails")
    await turn(chain(("a", Call()), id="v"), {"q": SECRET}, "done")
    ContextEngine("agent").get_agent_context("c").add_message({"role": "user", "content": SECRET})
    written = on_file(db)
    assert b"asks" in written
    assert SECRET.encode() not in written
    assert [(i.session_id, i.error) for i in sessions() if i.status == "failed"][0][1].endswith(f"no {SECRET}")  # type: ignore[union-attr]  # noqa: RUF015
    assert (await flow().pending("asks"))[0].output.value == SECRET
    assert ContextEngine("agent").get_agent_context("c").get_messages()[0].content == SECRET


@pytest.mark.usefixtures("key")
async def test_another_process_with_the_key_goes_on(child_env: dict[str, str]) -> None:
    await turn(chain(("ask", Ask("?")), id="w"), {})
    code = (
        "import asyncio\nfrom tests.flows import *\nfrom jiuwen_lg import InteractiveInput\n"
        "print(asyncio.run(turn(chain(('ask', Ask('?')), id='w'), InteractiveInput('yes'))).result)"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.check_output(command, env={**child_env, KEY: A_KEY}, text=True)  # noqa: ASYNC221
    assert "'answer': 'yes'" in printed


@pytest.mark.parametrize(("other", "reason"), [(None, f"set {KEY}"), ("f" * 32, "cannot be decrypted")])
async def test_without_the_key(other: str | None, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused, and stays as it is."""
    monkeypatch.setenv(KEY, A_KEY)
    built = chain(("ask", Ask("?")), id="w")
    await turn(built, {"q": SECRET})
    monkeypatch.delenv(KEY) if other is None else monkeypatch.setenv(KEY, other)
    for work in (turn(built, InteractiveInput("yes")), built.snapshot("s")):
        with pytest.raises(JiuWenBaseException, match=reason) as error:
            await work
        assert error.value.error_code == 100908
    assert reason in str(sessions()[0].error)
    monkeypatch.setenv(KEY, A_KEY)
    assert (await turn(built, InteractiveInput("yes"))).state.name == "COMPLETED"


async def test_what_was_written_before_there_was_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    built = chain(("ask", Ask("?")), ("fails", FailOnce()), id="w")
    await turn(built, {"q": 1})
    context = ContextEngine("agent").get_agent_context("c")
    context.add_message({"role": "user", "content": "plain"})
    monkeypatch.setenv(KEY, A_KEY)
    with pytest.raises(JiuWenBaseException):
        await turn(built, InteractiveInput("yes"))
    assert (await turn(built, InteractiveInput())).result["output"]["ask"]["answer"] == "yes"
    assert context.get_messages()[0].content == "plain"


async def test_what_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "short")
    with pytest.raises(JiuWenBaseException, match="5 bytes; a key has 16, 24 or 32") as error:
        await turn(chain(("a", Call()), id="w"), {})
    assert error.value.error_code == 100908
    monkeypatch.setenv(KEY, "another-key-of-32-bytes-for-this")
    monkeypatch.setitem(sys.modules, "Crypto.Cipher", None)
    with pytest.raises(JiuWenBaseException, match=r"jiuwen-lg\[encryption\]"):
        await turn(chain(("a", Call()), id="w"), {})


@pytest.mark.usefixtures("key")
def test_a_blob_that_was_changed_is_refused() -> None:
    vault, place = Vault(), Place("sessions", "t", ("t", "result"))
    blob = bytearray(vault.dump({"a": 1}, place))
    assert vault.load(bytes(blob), place) == {"a": 1}
    blob[-1] ^= 1
    with pytest.raises(JiuWenBaseException, match="cannot be decrypted"):
        vault.load(bytes(blob), place)


def sql(db: Path, statement: str, *values: Any) -> None:
    open_store().database.close()
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(statement, values)


async def done(session: str, said: str) -> None:
    await turn(chain(("a", Call()), id="w"), {"q": said}, session)


async def result(session: str) -> Any:
    snapshot = await chain(("a", Call()), id="w").snapshot(session)
    assert snapshot is not None
    return snapshot.result["output"]["a"]["q"]


def afresh(monkeypatch: pytest.MonkeyPatch, key: str | None = A_KEY) -> None:
    """What a new process would begin with."""
    for opened in store._stores.values():
        opened.database.close()
    store._stores.clear()
    monkeypatch.setenv(KEY, key) if key else monkeypatch.delenv(KEY)


MOVED = "cannot be decrypted.*its row the one"
NOT_SEALED = "not sealed for its place.*jiuwen-lg sessions trust"


@pytest.mark.usefixtures("key")
class TestMoved:
    """What one place holds is refused in another."""

    async def test_a_result_of_another_session(self, db: Path) -> None:
        await done("alice", SECRET)
        await done("mallory", "nothing")
        theirs = "SELECT result FROM jiuwen_sessions WHERE session_id = 'alice'"
        sql(db, f"UPDATE jiuwen_sessions SET result = ({theirs}) WHERE session_id = 'mallory'")
        with pytest.raises(JiuWenBaseException, match=MOVED):
            await result("mallory")
        assert await result("alice") == SECRET

    @pytest.mark.parametrize("column", ["session_id", "workflow_id"])
    async def test_a_row_under_another_name(self, db: Path, column: str) -> None:
        await done("alice", SECRET)
        sql(db, f"UPDATE jiuwen_sessions SET {column} = 'other'")
        session = "other" if column == "session_id" else "alice"
        with pytest.raises(JiuWenBaseException, match=MOVED):
            await chain(("a", Call()), id="other" if column == "workflow_id" else "w").snapshot(session)

    async def test_another_column(self, db: Path) -> None:
        await turn(flow(), {"q": SECRET}, "s")
        sql(db, "UPDATE jiuwen_sessions SET answers = inputs")
        with pytest.raises(JiuWenBaseException, match=MOVED):
            await turn(flow(), InteractiveInput("x"), "s")

    @pytest.mark.parametrize(("table", "column"), [("checkpoints", "checkpoint"), ("writes", "value")])
    async def test_checkpoints_of_another_session(self, db: Path, table: str, column: str) -> None:
        for session in ("alice", "mallory"):
            await turn(flow(), {"q": session}, session)
        threads = {s: f"(SELECT thread_id FROM jiuwen_sessions WHERE session_id = '{s}')" for s in ("alice", "mallory")}
        theirs = f"SELECT {column} FROM {table} WHERE thread_id = {threads['alice']} LIMIT 1"
        sql(db, f"UPDATE {table} SET {column} = ({theirs}) WHERE thread_id = {threads['mallory']}")
        with pytest.raises(JiuWenBaseException, match=MOVED):
            await turn(flow(), InteractiveInput("x"), "mallory")

    async def test_an_older_checkpoint_in_the_place_of_the_newest(self, db: Path) -> None:
        await turn(flow(), {"q": "s"}, "s")
        oldest = "SELECT checkpoint FROM checkpoints ORDER BY checkpoint_id LIMIT 1"
        sql(db, f"UPDATE checkpoints SET checkpoint = ({oldest})")
        with pytest.raises(JiuWenBaseException, match="holds another one"):
            await turn(flow(), InteractiveInput("x"), "s")

    async def test_a_message_of_another_conversation(self, db: Path) -> None:
        for name in ("a", "b"):
            ContextEngine("agent").get_agent_context(name).add_message({"role": "user", "content": name})
        sql(db, "UPDATE jiuwen_messages SET session_id = 'b'")
        with pytest.raises(JiuWenBaseException, match=MOVED):
            ContextEngine("agent").get_agent_context("b").get_messages()

    async def test_a_fork_is_sealed_anew(self, db: Path) -> None:
        built = chain(("gives", Call(lambda i, r: {"v": SECRET})), ("ask", Ask("?")), id="w", keep_history=True)
        await turn(built, {"q": SECRET})
        await built.fork("s", (await built.history("s"))[0], new_session_id="f")
        await turn(built, InteractiveInput(), "f")
        assert (await turn(built, InteractiveInput("yes"), "f")).result["output"]["gives"] == {"v": SECRET}
        assert (await turn(built, InteractiveInput("no"))).result["output"]["ask"]["answer"] == "no"


class TestNotSealed:
    """A value that is not sealed is believed only where the key is younger than its row."""

    @pytest.mark.usefixtures("key")
    async def test_a_forged_value(self, db: Path) -> None:
        await done("s", SECRET)
        sql(db, "UPDATE jiuwen_sessions SET result = ?", serializer.dump({"output": {"a": {"q": "FORGED"}}}))
        with pytest.raises(JiuWenBaseException, match=NOT_SEALED):
            await result("s")

    @pytest.mark.usefixtures("key")
    async def test_a_forged_value_that_is_sealed_for_no_place(self, db: Path) -> None:
        await done("s", SECRET)
        sealed = _unbound(serializer.dump({"output": {"a": {"q": "FORGED"}}}))
        sql(db, "UPDATE jiuwen_sessions SET result = ?", sealed)
        with pytest.raises(JiuWenBaseException, match=NOT_SEALED):
            await result("s")

    async def test_rows_from_before_the_key_and_after(self, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        await done("before", "plain")
        sql(db, "INSERT INTO jiuwen_messages (agent_id, workflow_id, session_id, message) VALUES ('a', '', 's', '{}')")
        afresh(monkeypatch)
        await done("after", SECRET)
        forged = serializer.dump({"output": {"a": {"q": "FORGED"}}})
        sql(db, "UPDATE jiuwen_sessions SET result = ? WHERE session_id = 'after'", forged)
        afresh(monkeypatch)
        assert await result("before") == "plain"
        with pytest.raises(JiuWenBaseException, match=NOT_SEALED):
            await result("after")

    async def test_what_release_0_1_0_sealed(self, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is believed, wherever it is, in the rows that were there when this release first opened the store."""
        await done("old", SECRET)
        blob = serializer.dump({"output": {"a": {"q": SECRET}}})
        monkeypatch.setenv(KEY, A_KEY)
        sql(db, "UPDATE jiuwen_sessions SET result = ?", _unbound(blob))
        afresh(monkeypatch)
        assert await result("old") == SECRET
        await done("new", SECRET)
        sql(db, "UPDATE jiuwen_sessions SET result = ? WHERE session_id = 'new'", _unbound(blob))
        with pytest.raises(JiuWenBaseException, match=NOT_SEALED):
            await result("new")

    async def test_a_marker_that_is_gone_is_not_made_again(self, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(KEY, A_KEY)
        await done("sealed", SECRET)
        await done("s", SECRET)
        forged = serializer.dump({"output": {"a": {"q": "FORGED"}}})
        sql(db, "UPDATE jiuwen_sessions SET result = ? WHERE session_id = 's'", forged)
        sql(db, "DELETE FROM jiuwen_sealing")
        afresh(monkeypatch)
        with pytest.raises(JiuWenBaseException, match=NOT_SEALED):
            await result("s")
        assert await result("sealed") == SECRET

    async def test_a_marker_cannot_be_forged(self, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(KEY, "f" * 16)
        await done("s", SECRET)  # makes a marker, with a key of their own
        afresh(monkeypatch)
        await done("mine", SECRET)
        forged = serializer.dump({"output": {"a": {"q": "FORGED"}}})
        sql(db, "UPDATE jiuwen_sessions SET result = ?", forged)
        with pytest.raises(JiuWenBaseException, match=NOT_SEALED):
            await result("s")

    async def test_an_operator_may_believe_it(
        self, db: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(KEY, A_KEY)
        await done("sealed", SECRET)
        afresh(monkeypatch, None)
        await done("by a process without the key", "plain")
        afresh(monkeypatch)
        with pytest.raises(JiuWenBaseException, match=NOT_SEALED):
            await result("by a process without the key")
        assert main(["sessions", "trust"]) == 0
        assert capsys.readouterr().out == "what is on file now is believed, sealed or not\n"
        assert await result("by a process without the key") == "plain"
        afresh(monkeypatch)
        assert await result("by a process without the key") == "plain"
        afresh(monkeypatch, None)
        assert main(["sessions", "trust"]) == 2


@pytest.mark.usefixtures("key")
async def test_the_config_of_a_run_is_sealed_too(db: Path) -> None:
    built = chain(("ask", Ask("?")), id="w")
    config: Any = {"configurable": {"api_token": SECRET}, "metadata": {"who": f"me and {SECRET}"}, "tags": [SECRET]}
    await built.invoke({"q": 1}, WorkflowRuntime(session_id="s", config=config))
    saver = open_store().saver
    (found, *_) = [*saver.list(None)]
    assert found.metadata["api_token"] == SECRET  # type: ignore[typeddict-item]
    assert found.metadata["who"] == f"me and {SECRET}"  # type: ignore[typeddict-item]
    assert found.metadata["source"] == "loop"
    assert SECRET.encode() not in on_file(db)


async def test_files_are_private(db: Path) -> None:
    await done("s", "x")
    assert {stat.S_IMODE(path.stat().st_mode) for path in db.parent.glob(f"{db.name}*")} == {0o600}
    db.chmod(0o660)
    open_store().database.close()
    await done("t", "x")
    assert stat.S_IMODE(db.stat().st_mode) == 0o660


def _unbound(data: bytes) -> bytes:
    """As release 0.1.0 sealed."""
    sealing = EncryptedSerializer.from_pycryptodome_aes(key=A_KEY.encode())
    return b"\xc1" + sealing.cipher.encrypt(data)[1]
