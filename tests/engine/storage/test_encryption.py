"""Encryption: nothing that sessions hold can be read in the file; with the key everything goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg import ContextEngine, InteractiveInput, JiuWenBaseException
from jiuwen_lg.engine.storage.encryption import KEY
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
    from jiuwen_lg.engine.storage.encryption import dump, load

    blob = bytearray(dump({"a": 1}))
    assert load(bytes(blob)) == {"a": 1}
    blob[-1] ^= 1
    with pytest.raises(JiuWenBaseException, match="cannot be decrypted"):
        load(bytes(blob))
