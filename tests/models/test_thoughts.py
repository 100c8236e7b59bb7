"""Thoughts told from the answer: whole replies, and replies that stream in parts of any length."""

from __future__ import annotations

import pytest

from jiuwen_lg import AIMessage, LLMExecutable, NodeRuntime, WorkflowRuntime, WrappedNodeRuntime
from jiuwen_lg.models.thoughts import ThoughtFilter, separated
from jiuwen_lg.testing.server import ModelServer
from tests.components.test_llm import asked, made
from tests.models.config import config

REPLIES = [
    ("<think>a</think>b", "a", "b"),
    ("\ufeff \n<think>\na\n</think>\n\nb\n", "a", "b"),
    ("<THINKING>a</THINKING>b", "a", "b"),
    ("<seed:think>a</seed:think>b", "a", "b"),
    ("<mm:think>a</mm:think>b", "a", "b"),
    ("<think>a</think>\n<think>c</think>b", "ac", "b"),
    ("<think>a", "a", ""),
    ("<think></think>b", "", "b"),
    ("b", "", "b"),
    ("  b ", "", "  b "),
    ("Use <think> in HTML, and </think>.", "", "Use <think> in HTML, and </think>."),
    ("<thinker>b", "", "<thinker>b"),
    ("a < b", "", "a < b"),
    ("<think>a</think>b <think>c</think>", "a", "b <think>c</think>"),
    ("", "", ""),
]


@pytest.mark.parametrize(("text", "thoughts", "answer"), REPLIES)
def test_a_whole_reply(text: str, thoughts: str, answer: str) -> None:
    assert separated(text) == (thoughts, answer)
    message = AIMessage(content=text)
    assert (message.reasoning, message.answer) == (thoughts, answer)


@pytest.mark.parametrize("step", [1, 2, 5, 100])
@pytest.mark.parametrize(("text", "thoughts", "answer"), REPLIES)
def test_a_reply_in_parts(text: str, thoughts: str, answer: str, step: int) -> None:
    parts = ThoughtFilter()
    found = [parts.feed(text[at : at + step]) for at in range(0, len(text), step)] + [parts.end()]
    assert "".join(part.thoughts for part in found).strip() == thoughts
    assert "".join(part.answer for part in found).strip() == answer.strip()


@pytest.mark.parametrize(
    ("text", "thoughts", "answer"),
    [
        ("let me see\n</think>\n\nb", "let me see", "b"),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "a", "b"),
        ("<|channel|>final <|constrain|>json<|message|>b", "", "b"),
        ("<|channel|> is a token", "", "<|channel|> is a token"),
    ],
)
def test_forms_that_only_a_whole_reply_shows(text: str, thoughts: str, answer: str) -> None:
    assert separated(text) == (thoughts, answer)


def test_anywhere_in_what_is_to_be_json() -> None:
    assert separated("x <think>a</think> y", anywhere=True) == ("a", "x  y")
    assert separated("<think>{</think>y<think>}</think>z", anywhere=True) == ("{}", "yz")


def test_a_reply_of_tags_ends_soon() -> None:
    for text in ("<think>" * 50_000, "</think>" * 50_000, "<" * 300_000, "<|channel|>" * 20_000):
        separated(text, anywhere=True)
        parts = ThoughtFilter()
        parts.feed(text)
        parts.end()


class TestComponent:
    @pytest.mark.parametrize("reply", ["<think>a</think>b", {"content": "b", "reasoning_content": "a"}])
    @pytest.mark.parametrize("kind", ["text", "markdown"])
    async def test_the_output_is_the_answer_and_the_thoughts_if_they_are_wanted(
        self, kind: str, reply: object, llm: ModelServer
    ) -> None:
        llm.replies = [reply]
        assert await asked(made(config(llm), kind=kind)) == {"output": "b"}
        wanted = made(config(llm), kind=kind)
        wanted.response_format = {"type": kind, "reasoning": True}
        assert await asked(wanted) == {"reasoning": "a", "output": "b"}

    async def test_while_it_streams(self, llm: ModelServer) -> None:
        llm.replies = [["<th", "ink>a", "</thi", "nk>b", "c"]]
        executable = LLMExecutable(made(config(llm)))
        runtime = WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(), "llm"))
        found = [frame async for frame in executable.stream({}, runtime, None)]
        assert [*found[0]] == ["output"]
        assert "".join(frame["output"] for frame in found) == "bc"
