"""`jiuwen-lg sessions ...`, and the same in Python."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import logging
import os
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest

from jiuwen_lg import End, InteractiveInput, JiuWenBaseException, Start, Workflow
from jiuwen_lg.command import main
from jiuwen_lg.engine.store import open_store
from jiuwen_lg.operations import check, prune, sessions
from jiuwen_lg.testing import killed, run
from tests.agents.test_workflow_agent import agent, say
from tests.agents.test_workflow_agent import flow as agent_flow
from tests.flows import Ask, Call, FailOnce, chain, workflow

APP = """
from tests.command.test_main import order, broken, changed
"""


def order() -> Workflow:
    """Asks two people."""

    async def count(inputs: Any, runtime: Any) -> Any:
        return {"n": await runtime.interact("how many?", schema=int)}

    async def size(inputs: Any, runtime: Any) -> Any:
        return {"s": await runtime.interact("which size?", schema=Literal["s", "l"])}

    flow = workflow("order")
    flow.set_start_comp("start", Start(), inputs_schema={})
    flow.add_workflow_comp("count", count, inputs_schema={})
    flow.add_workflow_comp("size", size, inputs_schema={})
    flow.set_end_comp("end", End(), inputs_schema={"n": "${count.n}", "s": "${size.s}"})
    flow.add_connection("start", "count").add_connection("start", "size")
    return flow.add_connection(["count", "size"], "end")


def broken() -> Workflow:
    """Fails until its file is there."""

    def needs_file(inputs: Any, runtime: Any) -> Any:
        return {"text": Path("needed.txt").read_text(encoding="utf-8")}

    return chain(("needs", Call(needs_file)), id="broken")


changed = chain(("needs", Call()), ("more", Call()), id="broken")


@pytest.fixture(autouse=True)
def app(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("app.py").write_text(APP, encoding="utf-8")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    sys.modules.pop("app", None)


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["sessions", *words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_listing_and_showing(capsys: pytest.CaptureFixture[str]) -> None:
    run(order(), {}, session_id="s1")
    with pytest.raises(JiuWenBaseException):
        run(broken(), {}, session_id="s2")
    run(chain(("a", Call()), id="done"), {}, session_id="s3")
    killed(chain(("a", Call()), id="dies"), {}, at="a", session_id="s4")
    code, out, _ = command(capsys, "list")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert lines[0] == ["SESSION", "WORKFLOW", "STATUS", "SINCE", "SIZE", "WHAT"]
    assert [line[:3] for line in lines[1:]] == [
        ["s1", "order", "waiting"],
        ["s2", "broken", "failed"],
        ["s3", "done", "done"],
        ["s4", "dies", "failed"],
    ]
    assert "[count] how many?; [size] which size?" in out
    assert "No such file" in command(capsys, "show", "s2")[1]
    assert "[count] asks: how many?" in command(capsys, "show", "s1")[1]
    assert [line.split()[0] for line in command(capsys, "list", "--status", "waiting")[1].splitlines()[1:]] == ["s1"]
    told = json.loads(command(capsys, "list", "--json")[1])
    assert [(one["session_id"], one["status"]) for one in told][:2] == [("s1", "waiting"), ("s2", "failed")]
    assert all(one["bytes"] > 10 for one in told)
    assert command(capsys, "show", "nobody")[0] == 2


def test_answering(capsys: pytest.CaptureFixture[str]) -> None:
    run(order(), {}, session_id="s1")
    code, _, err = command(capsys, "answer", "s1", "5", "--flow", "app:order")
    assert code == 2
    assert "write ID=ANSWER" in err
    code, _, err = command(capsys, "answer", "s1", "count=five", "--flow", "app:order")
    assert (code, "not of type 'integer'" in err) == (1, True)
    assert command(capsys, "answer", "s1", "count=5", "--flow", "app:order")[1] == "[size] asks: which size?\n"
    assert json.loads(command(capsys, "answer", "s1", "l", "--flow", "app:order")[1]) == {"output": {"n": 5, "s": "l"}}
    code, _, err = command(capsys, "answer", "s1", "l", "--flow", "app:order")
    assert (code, "has finished" in err) == (2, True)


def test_retrying(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(JiuWenBaseException):
        run(broken(), {}, session_id="s")
    assert command(capsys, "retry", "s", "--flow", "app:broken")[0] == 1
    Path("needed.txt").write_text("here", encoding="utf-8")
    assert "here" in command(capsys, "retry", "s", "--flow", "app:broken")[1]


@pytest.mark.parametrize("name", ["app", "app:nothing", "nowhere:flow", "app:APP", ":", "os:path"])
def test_what_is_no_workflow(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = command(capsys, "retry", "s", "--flow", name)
    assert code == 2
    assert "workflow" in err


async def test_a_conversation_of_an_agent() -> None:
    one = agent(agent_flow("order", ("ask", Ask("name?"))), id="helper")
    await say(one, "hello")
    Path("app.py").write_text(
        "from tests.agents.test_workflow_agent import flow\nfrom tests.flows import Ask\n"
        "order = flow('order', ('ask', Ask('name?')))\n"
    )
    (listed,) = sessions()
    assert (listed.agent_id, listed.workflow_id, listed.session_id) == ("helper", "order", "c")
    env = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}"}
    words = [sys.executable, "-m", "jiuwen_lg.command", "sessions", "answer", "c", "ann", "--flow", "app:order"]
    printed = await asyncio.to_thread(subprocess.check_output, words, env=env, text=True)
    assert json.loads(printed)["output"]["ask"]["answer"] == "ann"
    assert await one.pending() == []


def test_discarding_and_pruning(capsys: pytest.CaptureFixture[str]) -> None:
    for session in ("old", "new", "gone"):
        run(order(), {}, session_id=session)
    assert command(capsys, "discard", "gone")[0] == 0
    assert command(capsys, "discard", "gone")[0] == 2
    with open_store().database.transaction() as cursor:
        cursor.execute("UPDATE jiuwen_sessions SET updated_at = updated_at - 86400 * 31 WHERE session_id = 'old'")
    assert "1 sessions would be gone" in command(capsys, "prune", "--older", "30d", "--dry-run")[1]
    assert [info.session_id for info in sessions()] == ["old", "new"]
    assert command(capsys, "prune", "--older", "30d", "--status", "failed")[1].startswith("0 sessions are gone")
    assert command(capsys, "prune", "--older", "30d")[1].startswith("old  order  waiting  31d\n1 sessions are gone")
    assert [info.session_id for info in sessions()] == ["new"]
    assert not prune(older=30 * 86400)
    with open_store().database.transaction(write=False) as cursor:
        assert cursor.execute("SELECT count(DISTINCT thread_id) FROM checkpoints").fetchone() == (1,)
    with pytest.raises(SystemExit):
        command(capsys, "prune", "--older", "a month")


def test_checking_a_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(JiuWenBaseException):
        run(broken(), {}, session_id="s")
    run(order(), {}, session_id="t")
    names = ("--flow", "app:order", "--flow", "app:broken")
    assert command(capsys, "check", *names)[:2] == (0, "every unfinished session goes on\n")
    code, out, _ = command(capsys, "check", "--flow", "app:changed")
    assert code == 1
    assert out.splitlines()[0].startswith("s  broken: added more")
    assert out.splitlines()[1] == "t  order: no workflow with the id 'order' is given"
    assert [mismatch.session.session_id for mismatch in check([order()])] == ["s"]


def test_checking_workflows_without_ids() -> None:
    mine, other = chain(("ask", Ask("?"))), chain(("other", Call()))
    run(mine, {}, session_id="s")
    assert check([mine, other]) == []
    assert [mismatch.reason for mismatch in check([other])] == [
        "its workflow has no id, and none of its shape is given"
    ]


def test_a_damaged_row_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    run(order(), {}, session_id="s")
    run(chain(("f", FailOnce(times=0)), id="w"), {}, session_id="t")
    with open_store().database.transaction() as cursor:
        cursor.execute("UPDATE jiuwen_sessions SET questions = x'00' WHERE session_id = 's'")
    code, out, _ = command(capsys, "list")
    assert code == 0
    assert "column questions" in out
    assert len(out.splitlines()) == 3


def test_another_store(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", "other.db")
    run(order(), {}, session_id="elsewhere")
    monkeypatch.setenv("JIUWEN_LG_DB", "mine.db")
    capsys.readouterr()
    assert main(["--store", "other.db", "sessions", "list"]) == 0
    assert "elsewhere" in capsys.readouterr().out


EVIL = "\x1b]52;c;cm0gLXJmIH4=\x07\x1b[2K\x9b1A\r"


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--json"),
        ("show", f"s{EVIL}"),
        ("show", f"s{EVIL}", "--json"),
        ("show", f"no{EVIL}"),
        ("discard", f"no{EVIL}"),
        ("prune", "--older", "0s", "--dry-run"),
        ("check", "--flow", "app:order"),
        ("answer", f"s{EVIL}", f"no{EVIL}=x", "--flow", "app:evil"),
        ("answer", f"s{EVIL}", "x", "--flow", "app:evil"),
        ("retry", f"failed{EVIL}", "--flow", "app:evil"),
        ("list", f"--{EVIL}"),
        (f"no{EVIL}",),
    ],
)
def test_no_command_sends_escape_sequences(
    arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = chain(("ask", Ask(f"first{EVIL}?", f"second{EVIL}?")), ("bad", Call(_fails_evilly)), id="evil")
    monkeypatch.setattr(importlib.import_module("app"), "evil", asks, raising=False)
    run(asks, {}, session_id=f"s{EVIL}")
    run(asks, {}, session_id=f"failed{EVIL}")
    run(asks, InteractiveInput("x"), session_id=f"failed{EVIL}")
    with pytest.raises(JiuWenBaseException):
        run(asks, InteractiveInput("x"), session_id=f"failed{EVIL}")
    capfd.readouterr()
    with suppress(SystemExit):
        main(["sessions", *arguments])
    shown = "".join(capfd.readouterr())
    assert shown
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(shown)


def _fails_evilly(inputs: Any, runtime: Any) -> Any:
    logging.getLogger("app").warning("about to fail %s", EVIL)
    warnings.warn(f"really {EVIL}", RuntimeWarning, stacklevel=1)
    raise ValueError(f"failed {EVIL}")


def test_a_question_cannot_be_taken_for_a_line_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    run(chain(("ask", Ask("Agreed?\n  error: none")), id="w"), {}, session_id="s")
    _, out, _ = command(capsys, "show", "s")
    assert out.splitlines()[-2:] == ["  [ask] asks: Agreed?", "      error: none"]


def test_a_terminal_that_cannot_show_a_character(capfd: pytest.CaptureFixture[str], child_env: dict[str, str]) -> None:
    run(chain(("ask", Ask("好吗?")), id="w"), {}, session_id="s")
    line = [sys.executable, "-m", "jiuwen_lg.command", "sessions", "list"]
    shown = subprocess.run(line, env={**child_env, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=True)
    assert b"\\u597d\\u5417?" in shown.stdout


def test_answering_field_by_field(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without answers on the command line they are asked for, and refused at the field."""
    run(order(), {}, session_id="s1")
    typed = iter(["five", "5", "x", "2"])
    monkeypatch.setattr("rich.console.Console.input", lambda self, prompt: print(prompt, end="") or next(typed))
    code, out, _ = command(capsys, "answer", "s1", "--flow", "app:order")
    assert code == 0
    assert out.count("[count] how many? (integer)") == 2
    assert "'five' is not of type 'integer'" in out and "'x' is not one of ['s', 'l']" in out
    assert '{"output": {"n": 5, "s": "l"}}' in out


def test_what_is_typed_answers_only_what_was_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one person types, another one answers, and the component asks something else."""
    flow = chain(("ask", Ask("Order tea?", "Delete all?")), id="w")
    monkeypatch.setattr(importlib.import_module("app"), "two", flow, raising=False)
    run(flow, {}, session_id="s")

    def typed(console: Any, prompt: Any) -> str:
        run(flow, InteractiveInput("no"), session_id="s")
        return "yes"

    monkeypatch.setattr("rich.console.Console.input", typed)
    _, out, _ = command(capsys, "answer", "s", "--flow", "app:two")
    assert "[ask] asks: Delete all?" in out
    (open_one,) = [question.value for info in sessions("s") for question in info.questions]
    assert open_one == "Delete all?"


@pytest.mark.parametrize("schema", [None, int])
def test_a_question_that_is_typed_in_steers_no_terminal(
    schema: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(inputs: Any, runtime: Any) -> Any:
        return await runtime.interact(f"how many{EVIL}?", schema=schema)

    flow = chain(("ask", ask), id="w")
    monkeypatch.setattr(importlib.import_module("app"), "evil", flow, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("x\n1\n" if schema else "1\n"))
    run(flow, {}, session_id="s")
    main(["sessions", "answer", "s", "--flow", "app:evil"])
    shown = "".join(capfd.readouterr())
    assert "how many" in shown
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(shown)


def test_answering_where_nobody_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(order(), {}, session_id="s1")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, _, err = command(capsys, "answer", "s1", "--flow", "app:order")
    assert code == 2 and "[count] has no answer" in err
    assert [q.id for q in sessions("s1")[0].questions] == ["count", "size"]
