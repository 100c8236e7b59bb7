"""The pytest plugin, in pytest runs of its own: the suite of `docs/testing.md`, and stores."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "testing.md"
OTHERS = ("langsmith_plugin", "anyio", "hypothesispytest", "benchmark", "socket", "xdist", "inline_snapshot", "syrupy")
"""Plugins that are slow to start and are not needed for what is tested here."""
ALONE = ("-p", "no:cacheprovider", *(word for name in OTHERS for word in ("-p", f"no:{name}")))
STRICT = ("-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")
OPTIONS = (*ALONE, *STRICT)


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    pytester.makepyfile(test_press="\n".join(blocks))
    return pytester


@pytest.mark.parametrize(
    "options", [(), ("-n", "2"), ("--disable-socket", "--allow-unix-socket")], ids=["plain", "xdist", "no sockets"]
)
def test_the_guides_suite(suite: pytest.Pytester, options: tuple[str, ...]) -> None:
    """Beside whatever plugins are there."""
    suite.runpytest_subprocess("-p", "no:cacheprovider", *STRICT, *options).assert_outcomes(passed=11)


def test_the_guides_suite_fails_where_it_should(suite: pytest.Pytester) -> None:
    """Those that look at what was published notice that the model says something else."""
    text = (suite.path / "test_press.py").read_text(encoding="utf-8")
    (suite.path / "test_press.py").write_text(text.replace('replies = ["Tea"]', 'replies = ["Coffee"]'))
    suite.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=4, failed=7)


def test_every_test_has_its_own_store(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest
        from jiuwen_lg import Runner, Start, Workflow, WorkflowConfig, WorkflowMetadata
        from jiuwen_lg.testing import run

        def build():
            async def ask(inputs, runtime):
                return await runtime.interact("?")
            flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w")))
            flow.set_start_comp("s", Start(), inputs_schema={})
            flow.add_workflow_comp("ask", ask, inputs_schema={})
            return flow.add_connection("s", "ask")

        @pytest.mark.parametrize("number", range(4))
        def test_own(number, jiuwen_store):
            run(build(), {}, session_id="same")
            assert os.environ["JIUWEN_LG_DB"] == jiuwen_store
            assert os.path.exists(jiuwen_store)

        @pytest.mark.jiuwen_store("shared.db")
        def test_shared_1():
            run(build(), {}, session_id="same")

        @pytest.mark.jiuwen_store("shared.db")
        def test_shared_2():
            with pytest.raises(Exception, match="100006"):
                run(build(), {}, session_id="same")

        @pytest.mark.jiuwen_store(None)
        def test_as_the_environment_says(jiuwen_store):
            assert jiuwen_store is None
            assert os.environ["JIUWEN_LG_DB"] == "elsewhere.db"
        """
    )
    monkeypatch.setenv("JIUWEN_LG_DB", "elsewhere.db")
    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=7)
    assert pytester.path.joinpath("shared.db").exists()
    assert not pytester.path.joinpath("elsewhere.db").exists()


def test_wider_fixtures_do_not_write_where_the_user_works(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest
        from jiuwen_lg.testing import run
        from tests.flows import Call, chain

        @pytest.fixture(scope="module")
        def ready():
            return run(chain(("a", Call()), id="w"), {}, session_id="module")

        def test_it(ready):
            assert ready.result
            assert not os.path.exists(".jiuwen_lg")
        """
    )
    for _ in range(2):
        pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=1)


@pytest.mark.parametrize("marker", ["jiuwen_store", "jiuwen_store('a', 'b')", "jiuwen_store(file='a')"])
def test_a_marker_that_names_no_store(marker: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.{marker}\ndef test_it():\n    pass\n")
    outcome = pytester.runpytest_subprocess(*OPTIONS)
    assert outcome.ret != 0
    outcome.stdout.fnmatch_lines(["*jiuwen_store takes one path, or None*"])


def test_a_marker_names_its_store_by_keyword_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.jiuwen_store(path='a.db')\ndef test_it():\n    pass\n")
    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=1)


def test_a_server_that_fails_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request, urllib.error, pytest

        def ask(server):
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(f"{server.url}/chat/completions", b"{}")
            return error.value.read().decode()

        def test_answer(jiuwen_server):
            jiuwen_server.answer = lambda body: 1 / 0
            assert "ZeroDivisionError" in ask(jiuwen_server)

        def test_nothing(jiuwen_server):
            jiuwen_server.replies = []
            assert "give it replies" in ask(jiuwen_server)
        """
    )
    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=2, errors=2)


def test_a_model_that_is_asked_too_often_fails_the_test(pytester: pytest.Pytester) -> None:
    """Even if the component makes do without it."""
    pytester.makepyfile(
        """
        def test_it(jiuwen_model):
            jiuwen_model.replies = ["once"]
            assert jiuwen_model.invoke("a").text == "once"
            try:
                jiuwen_model.invoke("b")
            except AssertionError:
                pass
        """
    )
    outcome = pytester.runpytest_subprocess(*OPTIONS)
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*the script has 1 replies, and the model was asked once more: 'b'*"])


def test_a_run_that_uses_nothing_of_it_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            heavy = {"langgraph", "langchain_core", "pydantic", "sqlite3", "jinja2", "asyncio"}
            ours = {name for name in sys.modules if name.startswith("jiuwen_lg")}
            assert ours == {"jiuwen_lg", "jiuwen_lg.pytest_plugin"}
            assert not heavy & set(sys.modules) - {"asyncio"}
        """
    )
    pytester.runpytest_subprocess(*ALONE, "-p", "no:asyncio").assert_outcomes(passed=1)


BRANCHES = """
from jiuwen_lg import BranchComponent, End, Start, Workflow, WorkflowConfig, WorkflowMetadata
from jiuwen_lg.testing import run

def build():
    async def pay(inputs):
        if inputs["n"] == 13:
            raise ValueError("unlucky")
        return {}
    async def plain(inputs):
        return {}
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="bill")))
    flow.set_start_comp("start", Start(), inputs_schema={"n": "${n}"})
    size = BranchComponent()
    size.add_branch("${start.n} > 100", "boss")
    size.add_branch("${start.n} > 10", "pay")
    size.add_branch("true", "free")
    flow.add_workflow_comp("size", size).add_connection("start", "size")
    flow.add_workflow_comp("boss", plain, inputs_schema={}).add_workflow_comp("free", plain, inputs_schema={})
    flow.add_workflow_comp("pay", pay, inputs_schema={"n": "${start.n}"}, fallback={})
    return flow
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["plain", "xdist"])
def test_coverage_of_branches(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    """Counted over all tests and processes, whatever starts the runs."""
    pytester.makepyfile(
        BRANCHES
        + """
def test_run():
    run(build(), {"n": 20})

def test_invoke():
    build().sync.invoke({"n": 500})
"""
    )
    plugins = STRICT if options else OPTIONS
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *plugins, "--jiuwen-coverage", *options)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*branches of workflows*",
            "bill: pay -> its fallback was never taken",
            "bill: size -> free was never taken",
            "2 of 4 branch targets and fallbacks were taken",
        ]
    )


def test_a_failure_shows_the_workflow_before_the_traceback(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        BRANCHES.replace(", fallback={}", "")
        + """
def test_unlucky():
    run(build(), {"n": 13})
"""
    )
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The workflow:",
            "size*finished*-> pay*",
            "pay*failed*",
            "error: *unlucky*",
            "*def test_unlucky*",
        ]
    )


def test_virtual_time_for_a_suite(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\njiuwen_virtual_time = true\nasyncio_mode = auto\n")
    pytester.makepyfile(
        """
        import asyncio
        from jiuwen_lg import Start, Workflow
        from jiuwen_lg.testing import arun, run

        def build():
            async def slow(inputs):
                await asyncio.sleep(50)
                return {"done": True}
            flow = Workflow().set_start_comp("s", Start(), inputs_schema={})
            return flow.add_workflow_comp("slow", slow, inputs_schema={}).add_connection("s", "slow")

        def test_run():
            assert run(build(), {}).path == ["s", "slow"]

        async def test_arun():
            assert (await arun(build(), {})).path == ["s", "slow"]
        """
    )
    pytester.runpytest_subprocess(*OPTIONS, "--timeout", "30").assert_outcomes(passed=2)


def test_cassettes(pytester: pytest.Pytester) -> None:
    """Recorded beside the test, and replayed without the model."""
    pytester.makepyfile(
        """
        from langchain_openai import ChatOpenAI

        def test_said(jiuwen_cassette, jiuwen_server):
            tape = jiuwen_cassette(jiuwen_server.config())
            assert ChatOpenAI(base_url=tape.url, api_key="x", model="m").invoke("hi").text == "hi"
            print("asked", len(jiuwen_server.requests))
        """
    )
    socket = ("-W", "ignore::ResourceWarning")
    first = pytester.runpytest_subprocess(*OPTIONS, *socket, "-s")
    first.assert_outcomes(passed=1)
    first.stdout.fnmatch_lines(["*asked 1"])
    assert (pytester.path / "cassettes" / "test_said.json").exists()
    second = pytester.runpytest_subprocess(*OPTIONS, *socket, "-s", "--jiuwen-cassettes=replay")
    second.stdout.fnmatch_lines(["*asked 0"])


@pytest.mark.parametrize("library", ["inline_snapshot", "syrupy"])
def test_snapshots(pytester: pytest.Pytester, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace is compared with a snapshot of its table: made once, equal later, different after a change."""
    pytest.importorskip(library)
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)  # of the pytest that runs this test
    fixture, value = ("snapshot", "snapshot") if library == "syrupy" else ("", "snapshot()")
    first = "" if library == "syrupy" else "from inline_snapshot import snapshot\n"
    pytester.makepyfile(
        f"{first}{BRANCHES}\ndef test_trace({fixture}):\n    assert run(build(), {{'n': 20}}) == {value}\n"
    )
    create = ("--snapshot-update",) if library == "syrupy" else ("--inline-snapshot=create",)
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", *STRICT)
    pytester.runpytest_subprocess(*options, *create)
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)
    file = next(pytester.path.glob("test_*.py"))
    file.write_text(file.read_text().replace("{'n': 20}", "{'n': 5}"))
    assert pytester.runpytest_subprocess(*options).parseoutcomes()["failed"] == 1
