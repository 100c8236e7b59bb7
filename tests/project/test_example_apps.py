"""The examples, each run as a person would: commands in a folder, a model on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jiuwen_lg.testing import ModelServer

EXAMPLES = Path(__file__).parents[2] / "examples"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(child_env: dict[str, str], llm: ModelServer) -> Command:
    """Run an example in the test's folder."""
    env = {**child_env, "OPENAI_BASE_URL": llm.url, "OPENAI_API_KEY": "sk-x", "MODEL": "m"}
    env.pop("JIUWEN_LG_DB")

    def command(path: str, *arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        line = [sys.executable, str(EXAMPLES / path), *arguments]
        return subprocess.run(line, env=env, input=input, capture_output=True, text=True, check=False)

    return command


class TestApproval:
    def test_two_people_agree_and_it_is_paid_once(self, run: Command) -> None:
        asked = run("approval/approval.py", "request", "ann", "1200", "a desk").stdout.split()
        session = asked[0]
        assert asked[1:] == ["waits", "for", "manager,", "finance"]
        assert run("approval/approval.py", "inbox").stdout.splitlines() == [
            f"{session} manager ann wants a desk for 1200.0. Agreed?",
            f"{session} finance Is there a budget of 1200.0?",
        ]
        refused = run("approval/approval.py", "decide", session, "manager", "perhaps")
        assert refused.returncode == 1
        assert "'perhaps' is not one of ['yes', 'no']" in refused.stderr
        first = run("approval/approval.py", "decide", session, "manager", "yes")
        assert first.stdout == f"{session} waits for finance\n"
        assert run("approval/approval.py", "decide", session, "finance", "yes").stdout == f"{session} paid\n"
        assert run("approval/approval.py", "inbox").stdout == ""
        (row,) = Path("ledger.csv").read_text(encoding="utf-8").splitlines()
        assert row.endswith(",ann,a desk,1200.0")

    def test_a_small_amount_is_the_managers_and_may_be_refused(self, run: Command) -> None:
        session, *waits = run("approval/approval.py", "request", "bob", "10", "a pen").stdout.split()
        assert waits == ["waits", "for", "manager"]
        assert run("approval/approval.py", "decide", session, "manager", "no").stdout == f"{session} refused\n"
        assert not Path("ledger.csv").exists()


class TestReact:
    def test_it_uses_three_kinds_of_tools_and_another_process_answers(self, child_env: dict[str, str]) -> None:
        pytest.importorskip("mcp")
        env = {name: value for name, value in child_env.items() if name not in ("JIUWEN_LG_DB", "OPENAI_API_KEY")}
        for text, told in (
            ("Transfer 20 + 22 euros", "Who gets 42.0 euros?"),
            ("Ann", """Done: {"output": {"amount": 42.0, "receiver": "Ann"}}, at a rate of {'result': '1.1'}."""),
        ):
            line = [sys.executable, str(EXAMPLES / "react" / "react.py"), text]
            done = subprocess.run(line, env=env, capture_output=True, text=True, check=True)
            assert done.stdout.strip() == told


class TestIntake:
    def test_what_is_missing_is_asked_for_and_a_second_process_goes_on(self, run: Command, llm: ModelServer) -> None:
        llm.replies = ['{"first_day": "2026-12-21"}', '{"last_day": "2026-12-24"}']
        left = run("intake/intake.py", "ann", input="From December 21st\n")
        assert left.stdout.startswith("What do you need?\n")
        assert "the last day" in left.stdout.splitlines()[1]
        assert left.stderr == "Goodbye; nothing is lost.\n"
        question, request = run("intake/intake.py", "ann", input="until Christmas Eve\n").stdout.splitlines()
        assert question == left.stdout.splitlines()[1]
        assert json.loads(request) == {"first_day": "2026-12-21", "last_day": "2026-12-24", "reason": "holiday"}
        assert len(llm.requests) == 2


class TestResearch:
    ROUNDS = ('{"query": "green tea", "enough": false}', '{"query": "Longjing", "enough": false}', '{"enough": true}')

    def test_rounds_go_on_until_the_model_knows_enough(self, run: Command, llm: ModelServer) -> None:
        llm.replies = [*self.ROUNDS, "Heated leaves (tea.md), 80 °C (water.md)."]
        done = run("research/research.py", "How is green tea made?")
        assert done.stdout == "Heated leaves (tea.md), 80 °C (water.md).\n(3 rounds)\n", done.stderr
        told = [json.dumps(request["messages"]) for request in llm.requests]
        assert "oxidise" not in told[0]
        assert "oxidise" in told[1]
        assert told[3].count("tea.md") == 2
        assert [request.count("water.md") for request in told] == [0, 1, 2, 2]

    def test_after_a_failure_it_goes_on_in_the_same_round(self, run: Command, llm: ModelServer) -> None:
        llm.replies = [self.ROUNDS[0], 500]
        assert run("research/research.py", "Tea?").returncode == 1
        assert len(llm.requests) == 2
        llm.requests.clear()
        llm.replies = [*self.ROUNDS[1:], "Done."]
        assert run("research/research.py", "Tea?").stdout == "Done.\n(3 rounds)\n"
        assert "oxidise" in json.dumps(llm.requests[0]["messages"])


class TestChat:
    def test_answers_come_in_parts_and_the_next_process_knows_what_was_said(
        self, run: Command, llm: ModelServer
    ) -> None:
        llm.replies = [["Hel", "lo!"], ["You are ", "Ann."]]
        assert run("chat/chat.py", "ann", input="I am Ann\n\n").stdout == "Hello!\n"
        assert run("chat/chat.py", "ann", input="Who am I?\n\n").stdout == "You are Ann.\n"
        said = [(message["role"], message["content"]) for message in llm.requests[1]["messages"]]
        assert said[0] == ("system", "You are brief and friendly.")
        assert said[1:] == [("user", "I am Ann"), ("assistant", "Hello!"), ("user", "Who am I?")]
        assert llm.requests[1]["stream"] is True


class TestLangGraphApp:
    def test_a_complaint_waits_for_a_person_in_the_apps_own_file(self, run: Command) -> None:
        assert run("langgraph_app/app.py", "The tea was cold.").stdout == "'The tea was cold.': refund how much?\n"
        answered = run("langgraph_app/app.py", "The tea was cold.", input="5\n")
        assert answered.stdout == "We are sorry, and pay back 5.\n", answered.stderr
        assert not Path(".jiuwen_lg").exists()

    def test_praise_needs_nobody(self, run: Command) -> None:
        assert run("langgraph_app/app.py", "Lovely!").stdout == "Thank you!\n"
