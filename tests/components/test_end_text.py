"""A streaming End with a template: its parts make the text of the batch End."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwen_lg import BaseStreamMode, ComponentAbility, End, SimpleComponent, Start, Workflow, WorkflowRuntime
from tests.flows import turn, workflow

VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANY = VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text("ab.[]", max_size=3), VALUES, max_size=3)
TEMPLATES = st.lists(
    st.sampled_from(["{{a}}", "{{b}}", "{{a.x}}", "{{ b | default('-') }}", "x", "、", " "]), max_size=6
)


class Frames(SimpleComponent):
    """Gives each item of a list as a frame."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        for item in self.items:
            yield {"v": item}


def flow_of(template: str, **options: Any) -> Workflow:
    flow = workflow().set_start_comp("start", Start(), inputs_schema={"a": "${a}", "b": "${b}"})
    schema = {"a": "${start.a}", "b": "${start.b}"}
    flow.set_end_comp("end", End({"responseTemplate": template}), inputs_schema=schema, **options)
    return flow.add_connection("start", "end")


async def text_of_parts(flow: Workflow, inputs: Any) -> str:
    frames = flow.stream(inputs, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT])
    return "".join([frame.payload["answer"] async for frame in frames])


@given(TEMPLATES, ANY, ANY)
@settings(max_examples=40, deadline=None)
async def test_the_parts_make_the_whole(parts: list[str], a: Any, b: Any) -> None:
    template = "".join(parts) or "-"
    inputs = {"a": a, "b": b}
    whole = (await turn(flow_of(template), inputs)).result["responseContent"]
    assert await text_of_parts(flow_of(template, response_mode="streaming"), inputs) == whole


@given(st.lists(ANY.filter(lambda value: value is not None), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
async def test_frames_of_any_type_are_texts(items: list[Any]) -> None:
    def built(**options: Any) -> Workflow:
        flow = workflow().set_start_comp("start", Start(), inputs_schema={})
        flow.add_workflow_comp("s", Frames(items), inputs_schema={}, comp_ability=[ComponentAbility.STREAM])
        flow.set_end_comp("end", End({"responseTemplate": "<{{v}}>"}), stream_inputs_schema={"v": "${s.v}"}, **options)
        return flow.add_connection("start", "s").add_stream_connection("s", "end")

    whole = (await turn(built(), {})).result["responseContent"]
    assert await text_of_parts(built(response_mode="streaming"), {}) == whole
    assert whole == "<" + "".join(map(str, items)) + ">"
