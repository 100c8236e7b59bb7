"""What a turn leaves in the conversation that was handed to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from jiuwen_lg import (
    BaseStreamMode,
    Context,
    End,
    InteractiveInput,
    JiuWenBaseException,
    Start,
    Workflow,
    WorkflowRuntime,
)
from tests.flows import Ask, Call, parallel, workflow


class Messages(Context):
    """A list."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def get_messages(self, num: int = -1, tags: dict[str, str] | None = None) -> Sequence[Any]:
        return self.messages

    def get_latest_message(self, role: str | None = None) -> Any:
        return self.messages[-1]

    def add_message(self, message: Any, tags: dict[str, str] | None = None) -> None:
        self.messages.append(message)

    def batch_add_messages(self, messages: Sequence[Any], tags: dict[str, str] | None = None) -> None:
        self.messages += messages

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(message["role"], message["content"]) for message in self.messages]


def echo(conf: Any = None, mode: str | None = None, component: Any = None) -> Workflow:
    flow = workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp("n", component or Call(), inputs_schema={"query": "${s.query}"})
    flow.set_end_comp("e", End(conf), inputs_schema={"q": "${n.query}"}, response_mode=mode)
    return flow.add_connection("s", "n").add_connection("n", "e")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("flow", "inputs", "expected"),
    [
        (echo(), {"query": "文"}, [("user", "文"), ("assistant", '{"output": {"q": "文"}}')]),
        (echo(), {}, [("user", ""), ("assistant", '{"output": {}}')]),
        (echo(), {"query": {"k": 1}}, [("user", '{"k": 1}'), ("assistant", '{"output": {"q": {"k": 1}}}')]),
        (echo({"responseTemplate": "<{{q}}>"}, "streaming"), {"query": "a"}, [("user", "a"), ("assistant", "<a>")]),
        (echo(None, "streaming"), {"query": "a"}, [("user", "a")]),
    ],
    ids=["result", "nothing", "structured", "template", "frames"],
)
async def test_what_was_said_and_answered(flow: Workflow, inputs: Any, expected: Any, *, stream: bool) -> None:
    context = Messages()
    if stream:
        assert [frame async for frame in flow.stream(inputs, WorkflowRuntime(), context)]
    else:
        await flow.invoke(inputs, WorkflowRuntime(), context)
    assert context.said == expected


async def test_q45_questions_and_answers_each_stand_once() -> None:
    flow, context = parallel(("a", Ask("a?")), ("b", Ask({"value": "b?"}))), Messages()

    async def play(given: Any) -> None:
        await flow.invoke(given, WorkflowRuntime(session_id="s"), context)

    await play({"query": "go"})
    await play(InteractiveInput().update("a", "A").update("b", {"x": 1}))
    assert context.said[:3] == [("user", "go"), ("assistant", "a?\nb?"), ("user", 'A\n{"x": 1}')]
    single, context = echo(component=Ask("ok?")), Messages()
    flow = single
    await play({"query": "go"})
    await play(InteractiveInput("yes"))
    assert context.said[2] == ("user", "yes")


async def test_a_failed_turn_leaves_nothing_and_a_conversation_of_the_runtime_is_only_read() -> None:
    context = Messages()
    with pytest.raises(JiuWenBaseException):
        await echo(component=Call(lambda i, r: 1 / 0)).invoke({"query": "x"}, WorkflowRuntime(), context)
    await echo().invoke({"query": "x"}, WorkflowRuntime(context=context))
    assert context.messages == []


@pytest.mark.parametrize("modes", [None, [BaseStreamMode.CUSTOM], []])
async def test_the_answer_is_the_ends_whatever_is_read(modes: list[BaseStreamMode] | None) -> None:
    async def write(inputs: Any, runtime: Any) -> Any:
        await runtime.write_stream({"type": "progress", "index": 0, "payload": {"answer": "not the answer"}})
        return inputs

    flow, context = echo({"responseTemplate": "<{{q}}>"}, "streaming", Call(write)), Messages()
    async for _ in flow.stream({"query": "a"}, WorkflowRuntime(), context, stream_modes=modes):
        pass
    assert context.said == [("user", "a"), ("assistant", "<a>")]


async def test_a_conversation_that_fails_fails_no_turn(caplog: pytest.LogCaptureFixture) -> None:
    class Full(Messages):
        def batch_add_messages(self, messages: Sequence[Any], tags: dict[str, str] | None = None) -> None:
            raise RuntimeError("it is full")

    output = await echo().invoke({"query": "x"}, WorkflowRuntime(), Full())
    assert output.result == {"output": {"q": "x"}}
    assert "it is full" in caplog.text
    assert (await echo().invoke({"query": "x"}, WorkflowRuntime(), object())).result == {"output": {"q": "x"}}
