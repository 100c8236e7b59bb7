"""Who is alive: the kernel says it, to every user, whatever clocks and interpreters do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jiuwen_lg.engine.sessions import host_locks
from jiuwen_lg.engine.sessions.host_locks import HostLocks
from jiuwen_lg.engine.sessions.process_identity import ProcessIdentity
from tests.behaviour.test_processes import wait_for
from tests.forked import Forked, in_a_fork, run

HOLDER = (
    "import sys\nfrom jiuwen_lg.engine.sessions.host_locks import HostLocks\n"
    "locks = HostLocks(sys.argv[1])\nname = locks.hold()\nprint(name, flush=True)\n"
    "sys.stdin.readline()\nlocks.free(name)\nprint('freed', flush=True)\nsys.stdin.readline()\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path)


def test_a_lock_is_held_until_it_is_freed(folder: str, child_env: dict[str, str]) -> None:
    holder, locks = Forked("-c", HOLDER, folder, env=child_env), HostLocks(folder)
    name = holder.stdout.readline().strip()
    assert locks.is_held(name) is True
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "freed\n"
    assert locks.is_held(name) is False
    holder.communicate()


def test_a_lock_is_free_when_its_holder_is_killed(folder: str, child_env: dict[str, str]) -> None:
    holder, locks = Forked("-c", HOLDER, folder, env=child_env), HostLocks(folder)
    name = holder.stdout.readline().strip()
    holder.kill()
    holder.communicate()
    assert locks.is_held(name) is False


def test_a_child_of_the_holder_does_not_hold_it(folder: str) -> None:
    locks = HostLocks(folder)
    name = locks.hold()

    def look() -> None:
        assert locks.is_held(name) is True  # its parent does
        assert HostLocks(folder).is_held(name) is True

    assert os.waitstatus_to_exitcode(in_a_fork(look)) == 0
    locks.free(name)


@pytest.mark.parametrize("name", [None, "", "elsewhere/1", "nonsense", "/", "é/ü"])
def test_of_another_host_nothing_is_known(name: str | None, folder: str) -> None:
    assert HostLocks(folder).is_held(name) is None


def test_a_file_that_was_made_anew_is_another_one(folder: str) -> None:
    """Its locks say nothing of those in the file before, whatever its number."""
    before = HostLocks(folder)
    name = before.hold()
    os.unlink(Path(folder) / "jiuwen_lg.leases")
    assert HostLocks(folder).is_held(name) is None


def test_where_no_file_can_be_made_there_are_no_locks(tmp_path: Path) -> None:
    locks = HostLocks(str(tmp_path / "absent"))
    assert locks.hold() is None
    assert locks.is_held("x/1") is None
    locks.free(None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_sees_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for place in tmp_path.parents:
        if place.stat().st_uid == 0 and place != Path("/"):
            place.chmod(place.stat().st_mode | 0o011)
    locks = HostLocks(str(tmp_path))
    name = locks.hold()

    def look() -> None:
        os.setgid(65534)
        os.setuid(65534)
        assert HostLocks(str(tmp_path)).is_held(name) is True

    assert os.waitstatus_to_exitcode(in_a_fork(look)) == 0


def test_a_process_that_proc_hides_is_not_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `hidepid` there is no `/proc/<pid>` of others; the kernel still answers a signal that does nothing."""
    from jiuwen_lg.engine.sessions import process_identity

    owner = ProcessIdentity(ProcessIdentity.current().host, 1, "whenever")
    monkeypatch.setattr(process_identity, "_read", lambda path: "")
    assert not owner.is_known_dead()
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert ProcessIdentity(owner.host, gone.pid, "whenever").is_known_dead()


STARVING = (
    "import asyncio, re, sys\nfrom jiuwen_lg import JiuWenBaseException\nfrom tests.flows import Call, chain, turn\n"
    "def starves(inputs, runtime):\n"
    "    with open('steps.log', 'a') as log: log.write('s begins\\n')\n"
    "    re.match(r'(a+)+$', 'a' * 25 + 'b')\n"  # it holds the interpreter all the time
    "    return {'ok': 1}\n"
    "print(asyncio.run(turn(chain(('starves', Call(starves)), id='w'), {'q': 1})).state.name)\n"
)
TAKING = (
    "import asyncio, time\nfrom jiuwen_lg import InteractiveInput, JiuWenBaseException\n"
    "from tests.flows import Call, chain, turn\n"
    "real = time.time\ntime.time = lambda: real() + 60\n"
    "ran = []\n"
    "async def main():\n"
    "    flow = chain(('starves', Call(lambda i, r: ran.append(1))), id='w')\n"
    "    for _ in range(10):\n"
    "        try: await turn(flow, InteractiveInput())\n"
    "        except JiuWenBaseException as error: print(error.error_code)\n"
    "        await asyncio.sleep(0.02)\n"
    "asyncio.run(main())\nprint(ran)\n"
)


def test_a_busy_interpreter_and_a_clock_put_forward_cost_no_lease(child_env: dict[str, str]) -> None:
    env = {**child_env, "JIUWEN_LG_LEASE_SECONDS": "0.1"}
    holder = Forked("-c", STARVING, env=env)
    wait_for("s begins")
    printed = run("-c", TAKING, env=env).stdout.split()
    assert holder.communicate()[0] == "COMPLETED\n"
    assert set(printed) <= {"100904", "100900", "[]"}, printed
    assert "100904" in printed


def test_the_locks_of_this_process_are_where_all_users_find_them() -> None:
    name = host_locks.host_locks.hold()
    assert name is not None
    host_locks.host_locks.free(name)
