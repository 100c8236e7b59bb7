"""Networks that lose and hold up, servers that fail over, poolers, hosts whose clocks differ."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException
from jiuwen_lg.engine.storage import postgres_connection
from jiuwen_lg.engine.store import close_all, open_store
from tests.flows import Ask, Call, chain, turn
from tests.forked import Forked, run
from tests.postgres_server import PostgresServer
from tests.saboteur import Saboteur, needs_pgbouncer, pooled, sabotaging


def asking() -> Any:
    return chain(("ask", Ask()), id="asking")


@pytest.fixture
def network(url: str, server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Saboteur]:
    with sabotaging(url, server.port) as (saboteur, through):
        monkeypatch.setenv("JIUWEN_LG_DB", through)
        yield saboteur
        saboteur.thaw()
        close_all()


class TestALostReply:
    """The connection breaks after the server has committed."""

    async def test_to_a_start_leaves_a_run_that_can_be_resumed(self, network: Saboteur) -> None:
        await turn(asking(), {"q": 0}, "opens the store")
        network.lost_commits = 1
        with pytest.raises(JiuWenBaseException, match="100908"):
            await turn(asking(), {"q": 1})
        assert not open_store().sessions._heartbeat.held()
        assert (await turn(asking(), InteractiveInput())).result[0].payload.value == "ok?"

    async def test_to_an_answer_leaves_the_question(self, network: Saboteur) -> None:
        await turn(asking(), {"q": 1})
        network.lost_commits = 1
        with pytest.raises(JiuWenBaseException, match="100908"):
            await turn(asking(), InteractiveInput("lost"))
        done = await turn(asking(), InteractiveInput("yes"))
        assert done.result["output"]["ask"]["answer"] == "yes"

    async def test_to_the_last_write_is_found_out(self, network: Saboteur) -> None:
        def lose(inputs: Any, runtime: Any) -> Any:
            asyncio.get_running_loop().call_soon(_lose_the_last, network)
            return inputs

        async def slow(inputs: Any, runtime: Any) -> Any:
            return inputs

        flow = chain(("slow", slow), ("lose", Call(lose)), id="w")
        await turn(flow, {"q": 1}, "opens the store")
        assert (await turn(flow, {"q": 2})).result["output"]["lose"] == {"q": 2}


def _lose_the_last(network: Saboteur) -> None:
    """Whatever is committed next but one or later: checkpoints are retried by the next turn, the receipt is here."""
    original = open_store().sessions.complete

    def complete(*given: Any, **named: Any) -> None:
        original(*given, **named)
        network.lost_commits = 1
        open_store().sessions.complete = original  # type: ignore[method-assign]

    open_store().sessions.complete = complete  # type: ignore[method-assign]


class TestASilentNetwork:
    async def test_a_turn_returns_about_when_its_time_is_up(
        self, network: Saboteur, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WORKFLOW_EXECUTE_TIMEOUT", "1")

        async def freezes(inputs: Any, runtime: Any) -> Any:
            network.freeze()
            return inputs

        flow = chain(("freezes", freezes), id="w")
        await turn(asking(), {"q": 1}, "opens the store")
        with pytest.raises(JiuWenBaseException) as caught:
            async with asyncio.timeout(20):
                await turn(flow, {"q": 1})
        assert caught.value.error_code in (100101, 100908)

    @pytest.mark.parametrize("when", ["start", "answer", "running"])
    async def test_a_cancelled_turn_ends_soon(self, when: str, network: Saboteur) -> None:
        await turn(asking(), {"q": 1}, "answer")
        if when != "running":
            network.freeze()
        begun = asyncio.Event()

        async def freezes(inputs: Any, runtime: Any) -> Any:
            network.freeze()
            begun.set()
            return inputs

        given: Any = InteractiveInput("yes") if when == "answer" else {"q": 1}
        flow = asking() if when != "running" else chain(("freezes", freezes), id="w")
        task = asyncio.ensure_future(turn(flow, given, when))
        await (asyncio.sleep(0.1) if when != "running" else begun.wait())
        task.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({task})
        assert task.cancelled()

    async def test_it_goes_on_afterwards(self, network: Saboteur, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgres_connection, "SILENCE", 0.5)
        monkeypatch.setitem(postgres_connection._NETWORK, "connect_timeout", 2)
        await turn(asking(), {"q": 1})
        network.freeze()
        with pytest.raises(JiuWenBaseException, match="100908"):
            await turn(asking(), InteractiveInput("lost"))
        network.thaw()
        done = await turn(asking(), InteractiveInput("yes"))
        assert done.result["output"]["ask"]["answer"] == "yes"


class TestAHostThatIsGone:
    async def test_what_it_has_locked_is_free_again_after_a_while(
        self, url: str, network: Saboteur, monkeypatch: pytest.MonkeyPatch, child_env: dict[str, str]
    ) -> None:
        """Its transaction is open, and nothing tells the server: the server's own limit does."""
        monkeypatch.setattr(postgres_connection, "SILENCE", 1.0)
        through = os.environ["JIUWEN_LG_DB"]
        os.environ["JIUWEN_LG_DB"] = url
        await turn(asking(), {"q": 1}, "locked")
        code = (
            "import asyncio\nfrom jiuwen_lg.engine.storage import postgres_connection\n"
            "postgres_connection.SILENCE = 1.0\n"
            "from tests.postgres.test_networks import asking\nfrom tests.flows import turn\n"
            "from jiuwen_lg import InteractiveInput\n"
            "asyncio.run(turn(asking(), InteractiveInput('gone'), 'locked'))\n"
        )
        network.freeze_at = b"locked"
        host = Forked("-c", code, env={**child_env, "JIUWEN_LG_DB": through})
        await asyncio.to_thread(network.frozen.wait, 60)
        host.kill()
        host.communicate()
        callers = [asyncio.ensure_future(turn(asking(), InteractiveInput("yes"), "locked")) for _ in range(10)]
        assert (await turn(asking(), {"q": 1}, "another")).result[0].payload.value == "ok?"
        done, _ = await asyncio.wait(callers, timeout=60)
        assert len(done) == len(callers)
        snapshot = await asking().snapshot("locked")
        assert snapshot is not None
        if snapshot.status != "done":
            await turn(asking(), InteractiveInput("yes"), "locked")


class TestAFailover:
    async def test_connections_to_what_is_read_only_now_are_dropped(self, url: str) -> None:
        """As after a failover: what was connected to the primary finds a standby, new connections find the new one."""
        await turn(asking(), {"q": 1})
        name = url.rpartition("/")[2]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        close_all()
        with pytest.raises(JiuWenBaseException, match="100908"):
            await turn(asking(), InteractiveInput("yes"))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        done = await turn(asking(), InteractiveInput("yes"))
        assert done.result["output"]["ask"]["answer"] == "yes"


@needs_pgbouncer
class TestPgBouncer:
    """In transaction mode, as Supabase, Neon, Heroku and RDS Proxy have it."""

    async def test_many_sessions(
        self, url: str, server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pooled(url, server.port, tmp_path / "bouncer") as through:
            monkeypatch.setenv("JIUWEN_LG_DB", through)

            async def session(n: int) -> Any:
                await turn(asking(), {"n": n}, f"s{n}")
                return (await turn(asking(), InteractiveInput(f"a{n}"), f"s{n}")).result["output"]["ask"]["answer"]

            assert await asyncio.gather(*(session(n) for n in range(30))) == [f"a{n}" for n in range(30)]
            close_all()

    @pytest.mark.parametrize("size", [1, 4])
    def test_ten_processes_make_the_tables_at_once(
        self, size: int, url: str, server: PostgresServer, tmp_path: Path, child_env: dict[str, str]
    ) -> None:
        code = "from jiuwen_lg.engine.store import open_store; open_store()"
        with pooled(url, server.port, tmp_path / "bouncer", size) as through:
            env = {**child_env, "JIUWEN_LG_DB": through}
            made = [Forked("-c", code, env=env) for _ in range(10)]
            ended = [(child.communicate(timeout=100)[1], child.returncode) for child in made]
        assert ended == [("", 0)] * 10
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM jiuwen_store").fetchone() == (1,)


class TestOneDatabaseUnderTwoUrls:
    @pytest.mark.parametrize(
        "other",
        [
            lambda url: url.replace("postgresql://", "postgres://"),
            lambda url: url.replace("postgresql://", " postgresql+psycopg://"),
            lambda url: url.replace("127.0.0.1", "localhost"),
            lambda url: f"{url}?application_name=x",
        ],
    )
    def test_it_is_one_store(self, other: Callable[[str], str], url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        store = open_store()
        monkeypatch.setenv("JIUWEN_LG_DB", other(url))
        assert open_store() is store

    def test_another_database_is_another(self, server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
        store = open_store()
        with server.database() as url:
            monkeypatch.setenv("JIUWEN_LG_DB", url)
            assert open_store() is not store
            close_all()


class TestClocksThatDiffer:
    """Leases are judged by the server's clock: a host's own may be wrong by minutes."""

    @pytest.mark.parametrize("ahead", [-300, 300])
    def test_a_living_holder_on_another_host_keeps_its_lease(self, ahead: float, child_env: dict[str, str]) -> None:
        assert _another_host(child_env, ahead, lease=30) == "100904"

    @pytest.mark.parametrize("ahead", [-300, 300])
    def test_one_that_is_gone_loses_it_when_it_has_run_out(self, ahead: float, child_env: dict[str, str]) -> None:
        assert _another_host(child_env, ahead, lease=1, is_killed=True) == "INPUT_REQUIRED"


def _another_host(env: dict[str, str], ahead: float, *, lease: float, is_killed: bool = False) -> str:
    """What a process on another host gets whose clock is ahead, while one here runs the session, or has been killed."""
    holder = (
        "import asyncio\nfrom tests.flows import chain, Ask\nfrom jiuwen_lg import WorkflowRuntime\n"
        "async def holds(inputs, runtime):\n    print('runs', flush=True)\n    await asyncio.sleep(600)\n"
        "asyncio.run(chain(('holds', holds), ('ask', Ask()), id='w').invoke({}, WorkflowRuntime(session_id='s')))\n"
    )
    other = (
        "import asyncio, time\nreal = time.time\n"
        f"time.time = lambda: real() + {ahead}\n"
        "from jiuwen_lg.engine.sessions import host_locks, process_identity\n"
        "host_locks.host_locks.is_held = lambda name: None\n"
        "process_identity._host.cache_clear()\nprocess_identity._host = lambda: 'another'\n"
        "from jiuwen_lg import InteractiveInput, JiuWenBaseException, WorkflowRuntime\n"
        "from tests.flows import chain, Ask\n"
        "async def holds(inputs, runtime):\n    return {}\n"
        "async def main():\n"
        "    flow = chain(('holds', holds), ('ask', Ask()), id='w')\n"
        "    for _ in range(TRIES):\n"
        "        try:\n"
        "            print((await flow.invoke(InteractiveInput(), WorkflowRuntime(session_id='s'))).state.name)\n"
        "            return\n"
        "        except JiuWenBaseException as error:\n"
        "            code = error.error_code\n"
        "            await asyncio.sleep(0.1)\n"
        "    print(code)\n"
        "asyncio.run(main())\n"
    ).replace("TRIES", "300" if is_killed else "3")
    env = {**env, "JIUWEN_LG_LEASE_SECONDS": str(lease)}
    first = Forked("-c", holder, env=env)
    try:
        assert first.stdout.readline() == "runs\n"
        if is_killed:
            first.kill()
        done = run("-c", other, env=env)
    finally:
        first.kill()
        first.communicate()
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_row_of_an_earlier_release_gets_its_new_column(url: str) -> None:
    open_store()
    close_all()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE jiuwen_sessions DROP COLUMN host_lock")
    assert open_store().runs.of_agent("", None) == []


def test_a_call_that_waits_for_a_lock_holds_up_no_other(url: str) -> None:
    """Ten callers wait for a session that another client has locked; a process has eight connections."""

    async def main() -> float:
        await turn(asking(), {"q": 1}, "locked")
        with psycopg.connect(url) as other:
            other.execute("SELECT pg_advisory_xact_lock(hashtextextended('locked', 7231))")
            callers = [asyncio.ensure_future(turn(asking(), InteractiveInput("x"), "locked")) for _ in range(10)]
            await asyncio.sleep(0.5)
            began = time.monotonic()
            async with asyncio.timeout(15):
                await turn(asking(), {"q": 1}, "free")
            took = time.monotonic() - began
        await asyncio.wait(callers)
        return took

    assert asyncio.run(main()) < 15
