"""Who owns a session, and when an owner counts as dead."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from jiuwen_lg.engine.sessions.heartbeat import Heartbeat
from jiuwen_lg.engine.sessions.process_identity import ProcessIdentity
from jiuwen_lg.engine.storage.fence import Lease


def test_this_process_is_alive_and_known_by_its_start() -> None:
    owner = ProcessIdentity.current()
    assert not owner.is_known_dead()
    assert dataclasses.replace(owner, started="another time").is_known_dead()
    assert ProcessIdentity.parse(str(owner)) == owner
    assert str(os.getpid()) in owner.describe()


def test_a_process_that_was_killed_is_dead_even_before_its_parent_reaps_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(99)"], stdout=-1)
    assert process.stdout
    process.stdout.readline()
    from jiuwen_lg.engine.sessions import process_identity as lease

    owner = ProcessIdentity(ProcessIdentity.current().host, process.pid, lease._start_time(process.pid))
    assert not owner.is_known_dead()
    process.kill()
    while not owner.is_known_dead():
        time.sleep(0.001)
    process.communicate()
    assert owner.is_known_dead()


def test_nobody_here_knows_of_another_machine() -> None:
    assert not ProcessIdentity("elsewhere", 1, "x").is_known_dead()


def test_a_lease_is_lost_once() -> None:
    lost: list[int] = []
    lease = Lease("s", "t", 1, on_lost=lambda: lost.append(1))
    lease.lose()
    lease.lose()
    assert lost == [1]


def test_the_heartbeat_survives_a_file_that_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWEN_LG_LEASE_SECONDS", "0")
    beats: list[int] = []
    twice = threading.Event()

    def renew() -> None:
        beats.append(1)
        if len(beats) == 2:
            twice.set()
        raise sqlite3.OperationalError("disk I/O error")

    heartbeat = Heartbeat(renew)
    lease = Lease("s", "t", 1)
    heartbeat.add(lease)
    assert twice.wait(10)
    heartbeat.remove(lease)


def test_the_heartbeat_renews_while_leases_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWEN_LG_LEASE_SECONDS", "0.1")
    beat = threading.Event()
    heartbeat = Heartbeat(beat.set)
    lease = Lease("s", "t", 1)
    heartbeat.add(lease)
    assert beat.wait(10)
    heartbeat.remove(lease)
    assert heartbeat.held() == {}
