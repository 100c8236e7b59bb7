"""Conversations: `components.md` 9, on file."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage as LangChainHumanMessage
from pydantic import ValidationError

from jiuwen_lg import (
    AIMessage,
    BaseMessage,
    Context,
    ContextEngine,
    ContextEngineConfig,
    ContextOwner,
    End,
    HumanMessage,
    InteractiveInput,
    Start,
    ToolCall,
    Workflow,
    WorkflowRuntime,
)
from tests.flows import Ask


def said(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


def contents(context: Context, **which: Any) -> list[Any]:
    return [message.content for message in context.get_messages(**which)]


class TestMessages:
    def test_come_back_as_what_they_were(self) -> None:
        context = ContextEngine("a").get_agent_context("s")
        context.add_message(HumanMessage(content="h", name="ann"))
        context.add_message(AIMessage(content="a", tool_calls=[ToolCall(id="1", name="f", arguments="{}")]))
        context.add_message(LangChainHumanMessage("l"))
        context.batch_add_messages([{"role": "user", "content": ["p", {"type": "text", "text": "q"}]}])
        assert context.get_messages() == [
            HumanMessage(content="h", name="ann"),
            AIMessage(content="a", tool_calls=[ToolCall(id="1", name="f", arguments="{}")]),
            HumanMessage(content="l"),
            BaseMessage(role="user", content=["p", {"type": "text", "text": "q"}]),
        ]

    def test_which(self) -> None:
        context = ContextEngine("a", ContextEngineConfig(conversation_history_length=1000)).get_agent_context("s")
        assert context.get_latest_message() is None
        context.batch_add_messages(said(*map(str, range(150))))
        context.add_message({"role": "assistant", "content": "tagged"}, {"kind": "x", "of": "y"})
        assert contents(context)[0] == "51"
        assert len(contents(context)) == 100
        assert contents(context, num=2) == ["149", "tagged"]
        assert contents(context, num=120)[0] == "31"
        assert contents(context, num=0) == []
        assert contents(context, tags={"kind": "x"}) == ["tagged"]
        assert contents(context, tags={"kind": "x", "of": "z"}) == []
        assert context.get_latest_message("user") == BaseMessage(role="user", content="149")
        assert context.get_latest_message().content == "tagged"

    @pytest.mark.parametrize("bad", ["text", {"content": "x"}, 3])
    def test_what_is_none_is_refused_and_nothing_added(self, bad: Any) -> None:
        context = ContextEngine("a").get_agent_context("s")
        with pytest.raises(ValidationError):
            context.batch_add_messages([*said("x"), bad])
        with pytest.raises(ValidationError):
            context.add_message(said("x")[0], {"kind": 3})  # type: ignore[dict-item]
        assert contents(context) == []

    @pytest.mark.parametrize(("length", "left"), [(0, []), (1, ["5"]), (2, ["4", "5"]), (3, ["3", "4", "5"])])
    def test_a_conversation_twice_as_long_is_cut(self, length: int, left: list[str]) -> None:
        context = ContextEngine("a", ContextEngineConfig(conversation_history_length=length)).get_agent_context("s")
        for number in range(6):
            context.batch_add_messages(said(str(number)))
        assert contents(context) == left

    def test_a_length_below_zero_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            ContextEngineConfig(conversation_history_length=-1)

    def test_each_owner_has_its_own(self) -> None:
        for engine in (ContextEngine("a"), ContextEngine("b")):
            for session in ("s", "t"):
                engine.get_agent_context(session).add_message(said("agent")[0])
                engine.get_workflow_context("w", session).add_message(said("workflow")[0])
        ContextEngine("a").clear_context("s")
        assert contents(ContextEngine("a").get_agent_context("s")) == []
        assert contents(ContextEngine("a").get_workflow_context("w", "s")) == []
        assert contents(ContextEngine("a").get_agent_context("t")) == ["agent"]
        assert contents(ContextEngine("b").get_workflow_context("w", "s")) == ["workflow"]
        assert ContextOwner(agent_id="a").session_id == ""


class TestDurability:
    def test_another_process_reads_it(self, child_env: dict[str, str]) -> None:
        ContextEngine("a").get_agent_context("s").add_message(HumanMessage(content="杭州"))
        code = (
            "from jiuwen_lg import ContextEngine\n"
            "context = ContextEngine('a').get_agent_context('s')\n"
            "print(context.get_messages())\ncontext.add_message({'role': 'assistant', 'content': 'yes'})\n"
        )
        printed = subprocess.run(
            [sys.executable, "-c", code], env=child_env, capture_output=True, text=True, check=True
        )
        assert printed.stdout == "[HumanMessage(role='user', content='杭州', name=None)]\n"
        assert contents(ContextEngine("a").get_agent_context("s")) == ["杭州", "yes"]

    def test_without_a_file_it_lives_in_the_process(self, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_DB", "off")
        ContextEngine("a").get_agent_context("s").add_message(said("x")[0])
        assert contents(ContextEngine("a").get_agent_context("s")) == ["x"]
        assert not db.exists()


async def test_a_file_that_is_held_costs_no_turn(db: Path) -> None:
    """Another process writes for a while; nothing fails, no message is lost, and the event loop goes on."""
    contexts = [ContextEngine("a").get_agent_context(f"s{n}") for n in range(20)]
    contexts[0].get_messages()
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            held.set()
            free.wait(10)
            other.execute("COMMIT")

    holding = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.to_thread(held.wait)
    adding = [asyncio.create_task(context.abatch_add_messages(said("x"))) for context in contexts]
    await asyncio.wait(adding, timeout=0.3)
    assert not any(task.done() for task in adding)
    free.set()
    await asyncio.gather(holding, *adding)
    assert [contents(context) for context in contexts] == [["x"]] * 20


async def test_a_workflow_writes_what_was_said_and_answered() -> None:
    context = ContextEngine("a").get_workflow_context("w", "s")
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp("q", Ask("更多?"))
    flow.set_end_comp("e", End(), inputs_schema={"a": "${q.answer}"})
    flow.add_connection("s", "q").add_connection("q", "e")
    await flow.invoke({"query": "你好"}, WorkflowRuntime(session_id="s"), context)
    await flow.invoke(InteractiveInput("不"), WorkflowRuntime(session_id="s"), context)
    assert [(m.role, m.content) for m in context.get_messages()] == [
        ("user", "你好"),
        ("assistant", "更多?"),
        ("user", "不"),
        ("assistant", '{"output": {"a": "不"}}'),
    ]
