"""The disk, the file, the event loop or the thread fails: a named error, and the session goes on after it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest

from jiuwen_lg import (
    ContextEngine,
    HumanMessage,
    InteractiveInput,
    JiuWenBaseException,
    Runner,
    Workflow,
    WorkflowRuntime,
    operations,
)
from jiuwen_lg.engine.store import close_all, open_store
from tests import forked
from tests.flows import Ask, Call, chain, turn

DOORS: dict[str, Callable[[Workflow], Awaitable[Any]]] = {
    "answer": lambda flow: turn(flow, InteractiveInput("yes")),
    "start": lambda flow: turn(flow, {"q": 1}, "another"),
    "pending": lambda flow: flow.pending(),
    "snapshot": lambda flow: flow.snapshot("s"),
    "history": lambda flow: flow.history("s"),
    "fork": lambda flow: flow.fork("s", 1),
    "discard": lambda flow: flow.discard("s"),
    "the inbox": lambda flow: Runner.pending(),
    "release": lambda flow: Runner.release("s"),
    "operations.sessions": lambda flow: asyncio.to_thread(operations.sessions),
    "operations.prune": lambda flow: asyncio.to_thread(operations.prune, 0),
    "operations.check": lambda flow: asyncio.to_thread(operations.check, [flow]),
    "a conversation": lambda flow: _say(),
}
"""Everything that looks into the store, or writes to it."""
WRITING = ("answer", "start", "a conversation")


async def _say() -> None:
    context = ContextEngine("a").get_agent_context("s")
    context.get_messages()
    context.add_message(HumanMessage(content="hello " * 1000))


def approval() -> Workflow:
    return chain(("before", Call()), ("ask", Ask()), id="approval")


async def fails(door: str) -> JiuWenBaseException:
    with pytest.raises(JiuWenBaseException) as error:
        await DOORS[door](approval())
    assert error.value.error_code == 100908
    return error.value


async def goes_on() -> None:
    """The session that was paused before it happened."""
    assert (await turn(approval(), InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"


def close() -> None:
    with suppress(JiuWenBaseException):  # it cannot even be opened
        open_store().database.close()


def _can_mount() -> bool:
    tried = ["unshare", "--mount", "true"]
    return os.geteuid() == 0 and subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of one megabyte, with the store on it."""
    if not _can_mount():
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    monkeypatch.setenv("JIUWEN_LG_DB", str(folder / "sessions.db"))
    yield folder
    close()
    subprocess.run(["umount", "--lazy", folder], check=True)


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", disk], check=True)


def fill(disk: Path) -> None:
    file = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(file, b"x" * 4096)
    except OSError:
        os.close(file)


class TestAFullDisk:
    @pytest.mark.parametrize("door", WRITING)
    async def test_before_a_turn(self, door: str, disk: Path) -> None:
        await turn(approval(), {"q": 1})
        fill(disk)
        assert "full" in (await fails(door)).message
        assert [p.session_id for p in await approval().pending()] == ["s"]
        (disk / "filler").unlink()
        await goes_on()

    async def test_in_the_middle_of_a_run(self, disk: Path) -> None:
        """What had been kept before is not run again."""
        first, filling = Call(), Call(lambda inputs, runtime: is_full or fill(disk))
        flow = chain(("first", first), ("filling", filling), ("big", Call(lambda i, r: "x" * 10_000)), id="w")
        is_full = False
        with pytest.raises(JiuWenBaseException, match="full") as error:
            await turn(flow, {"q": 1})
        assert error.value.error_code == 100908
        (disk / "filler").unlink()
        is_full = True
        assert len((await turn(flow, InteractiveInput())).result["output"]["big"]) == 10_000
        assert first.executions == 1

    async def test_a_file_that_may_not_grow(self, db: Path) -> None:
        """The same wherever the tests run: SQLite's own limit."""
        await turn(approval(), {"q": 1})
        connection: Any = open_store().database.connection  # type: ignore[attr-defined]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JiuWenBaseException, match="full"):
            await turn(approval(), {"q": "x" * 100_000}, "another")
        connection.execute("PRAGMA max_page_count = 1000000")
        await goes_on()


class TestAReadOnlyFileSystem:
    @pytest.mark.parametrize("is_open", [True, False])
    async def test_it_is_said_by_every_door_and_no_memory_stands_in(self, is_open: bool, disk: Path) -> None:
        await turn(approval(), {"q": 1})
        close()
        if not is_open:
            close_all()
        remount(disk, "ro")
        for door in DOORS:
            assert str(disk) in (await fails(door)).message
        remount(disk, "rw")
        await goes_on()


class TestADamagedFile:
    @pytest.mark.parametrize("part", ["header", "pages"])
    @pytest.mark.parametrize("is_open", [True, False])
    async def test_it_is_said_by_every_door_and_the_file_is_left_as_it_is(
        self, part: str, is_open: bool, db: Path
    ) -> None:
        await turn(approval(), {"q": 1})
        close()
        if not is_open:
            close_all()
        sound = db.read_bytes()
        damaged = b"no database, " * 10 + sound[130:] if part == "header" else sound[:4096] + b"?" * (len(sound) - 4096)
        db.write_bytes(damaged)
        for door in DOORS:
            await fails(door)
        close()
        assert db.read_bytes() == damaged
        db.write_bytes(sound)
        await goes_on()


class TestADeletedFile:
    async def test_in_the_middle_of_a_run(self, db: Path) -> None:
        """The run ends as if nothing had happened; the next one makes the file again."""

        def delete(inputs: Any, runtime: Any) -> str:
            for file in db.parent.glob("sessions.db*"):
                file.unlink()
            return "deleted"

        flow = chain(("deletes", Call(delete)), ("after", Call()), id="w")
        output = await turn(flow, {"q": 1})
        assert output.result["output"]["deletes"] == "deleted"
        await turn(approval(), {"q": 1})
        await goes_on()


class TestAnEventLoop:
    def test_closed_in_the_middle_of_a_run(self, child_env: dict[str, str]) -> None:
        """A run cannot go on in a closed loop, so another loop may take its session at once."""
        code = (
            "import asyncio\nfrom jiuwen_lg import InteractiveInput\nfrom tests.flows import Call, chain, turn\n"
            "loop, ran = asyncio.new_event_loop(), []\n"
            "async def stops(inputs, runtime):\n"
            "    ran.append('stops')\n"
            "    if len(ran) == 1:\n"
            "        loop.stop()\n"
            "        await asyncio.Event().wait()\n"
            "    return 'done'\n"
            "flow = chain(('before', Call()), ('stops', stops), id='w')\n"
            "task = loop.create_task(turn(flow, {'q': 1}))\n"
            "loop.run_forever()\n"
            "try:\n    asyncio.run(turn(flow, InteractiveInput()))\n"
            "except Exception as error:\n    print(error.error_code)\n"
            "loop.close()\n"
            "print(asyncio.run(flow.snapshot('s')).status)\n"
            "print(asyncio.run(turn(flow, InteractiveInput())).result['output']['stops'], ran)\n"
            "import os; os._exit(0)\n"
        )
        done = forked.run("-c", code, env=child_env)
        assert done.stdout.splitlines() == ["100904", "failed", "done ['stops', 'stops']"], done.stderr


class TestAThread:
    def test_interrupted_by_a_signals_handler(self) -> None:
        """As `pytest-timeout` and web servers do it: the run is stopped, and can be gone on with at once."""

        def alarm(number: int, frame: FrameType | None) -> NoReturn:
            raise TimeoutError("the request took too long")

        async def slow(inputs: Any, runtime: Any) -> str:
            ran.append("slow")
            if len(ran) == 1:
                os.kill(os.getpid(), signal.SIGUSR1)
                await asyncio.Event().wait()
            return "done"

        ran: list[str] = []
        flow = chain(("slow", slow), id="w")
        before = signal.signal(signal.SIGUSR1, alarm)
        try:
            with pytest.raises(TimeoutError, match="too long"):
                flow.sync.invoke({"q": 1}, WorkflowRuntime(session_id="s"))
        finally:
            signal.signal(signal.SIGUSR1, before)
        done = flow.sync.invoke(InteractiveInput(), WorkflowRuntime(session_id="s"))
        assert done.result == {"output": {"slow": "done"}}
