"""ToolComponent: seed 003's plugin chapter, `components.md` 5.4 and the defects Q22–Q24, Q28."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import tool as langchain_tool
from langgraph.types import interrupt
from pydantic import BaseModel

from jiuwen_lg import (
    InteractiveInput,
    JiuWenBaseException,
    LocalFunction,
    Param,
    Tool,
    ToolComponent,
    ToolComponentConfig,
    Workflow,
    tool,
)
from tests.flows import asked, turn, workflow


def bound(thing: Any, inputs: dict[str, Any]) -> Workflow:
    """s → a tool component → an End that shows its output."""
    return showing(ToolComponent(ToolComponentConfig()).bind_tool(thing), inputs)


def showing(component: ToolComponent, inputs: dict[str, Any]) -> Workflow:
    from jiuwen_lg import End, Start

    flow = workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("tool", component, inputs_schema=inputs)
    flow.set_end_comp("e", End(), inputs_schema={"t": "${tool}"})
    return flow.add_connection("s", "tool").add_connection("tool", "e")


async def output(thing: Any, inputs: dict[str, Any], **given: Any) -> Any:
    return (await turn(bound(thing, inputs), given)).result["output"]["t"]


async def codes(thing: Any, inputs: dict[str, Any]) -> tuple[tuple[int, ...], str]:
    with pytest.raises(JiuWenBaseException) as error:
        await turn(bound(thing, inputs), {})
    return error.value.codes, error.value.message


def takes(kind: str, **options: Any) -> LocalFunction:
    """A function of one parameter `v` that gives it back, as a pair with its type's name."""
    return LocalFunction(
        "f", "gives it back", [Param("v", "a value", kind, **options)], lambda v=None: [v, type(v).__name__]
    )


@tool
def add(a: int, b: int = 3) -> int:
    """Adds two numbers."""
    return a + b


class Place(BaseModel):
    city: str


class TestOutput:
    async def test_of_a_function(self) -> None:
        assert await output(add, {"a": "${s.q}"}, q="4") == {"error_code": 0, "error_message": "", "data": 7}

    @pytest.mark.parametrize("asynchronous", [False, True])
    async def test_of_a_function_that_fails(self, asynchronous: bool) -> None:
        class Refused(Exception):
            code = 10000

        def fail() -> None:
            raise Refused("plugin service unavailable")

        async def fail_later() -> None:
            fail()

        found = await output(LocalFunction("f", "fails", [], fail_later if asynchronous else fail), {})
        assert found == {"error_code": 10000, "error_message": "plugin service unavailable", "data": ""}

    async def test_a_failure_without_a_code_is_minus_one(self) -> None:
        found = await output(LocalFunction("f", "divides", [], lambda: 1 / 0), {})
        assert found == {"error_code": -1, "error_message": "division by zero", "data": ""}

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ({"errCode": 0, "errMessage": "success", "data": [1]}, (0, "", [1])),
            ({"errCode": 5, "errMessage": "no", "data": ""}, (5, "no", "")),
            ({"errCode": "E1", "errMessage": "no"}, (-1, "no", "")),
            ({"result": "of an MCP server"}, (0, "", {"result": "of an MCP server"})),
            (None, (0, "", None)),
        ],
    )
    async def test_of_a_tool_of_ones_own(self, answer: Any, expected: tuple[int, str, Any]) -> None:
        class Own(Tool):
            name = "own"

            def invoke(self, inputs: dict[str, Any], **kwargs: Any) -> Any:
                return answer

        found = await output(Own(), {})
        assert tuple(found.values()) == expected


class TestBinding:
    async def test_the_last_tool_counts(self) -> None:
        component = ToolComponent(ToolComponentConfig()).bind_tool(add).bind_tool(LocalFunction("g", "", [], lambda: 9))
        assert (await turn(showing(component, {}), {})).result["output"]["t"]["data"] == 9

    async def test_q28_it_may_be_bound_after_it_was_added(self) -> None:
        component = ToolComponent()
        flow = showing(component, {"a": 1})
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, {}, "before")
        assert error.value.codes == (100005, 102000)
        component.bind_tool(add)
        assert (await turn(flow, {}, "after")).result["output"]["t"]["data"] == 4

    def test_what_is_no_tool_is_102000(self) -> None:
        with pytest.raises(JiuWenBaseException, match="LangChain") as error:
            ToolComponent().bind_tool(lambda: 1)
        assert error.value.error_code == 102000


class TestArguments:
    @pytest.mark.parametrize(
        ("kind", "given", "expected"),
        [
            ("integer", "5", [5, "int"]),
            ("integer", 5.0, [5, "int"]),
            ("integer", str(2**63 + 1), [2**63 + 1, "int"]),
            ("number", 2**63 + 1, [2**63 + 1, "int"]),
            ("number", "7615917337495251231", [7615917337495251231, "int"]),
            ("string", {"城": [True]}, ['{"城": [true]}', "str"]),
            ("string", True, ["true", "str"]),
            ("any", {"k": 1}, [{"k": 1}, "dict"]),
            ("integer", True, [1, "int"]),
            ("number", "2.5", [2.5, "float"]),
            ("number", 2, [2, "int"]),
            ("boolean", "false", [False, "bool"]),
            ("boolean", "True", [True, "bool"]),
            ("boolean", 0, [False, "bool"]),
            ("string", 5, ["5", "str"]),
            ("string", "", ["", "str"]),
            ("integer", 0, [0, "int"]),
            ("array", [1, "a"], [[1, "a"], "list"]),
            ("array<integer>", ["1", 2], [[1, 2], "list"]),
        ],
    )
    async def test_q22_q23_values_become_the_declared_type(self, kind: str, given: Any, expected: Any) -> None:
        assert (await output(takes(kind), {"v": "${s.q}"}, q=given))["data"] == expected

    @pytest.mark.parametrize(
        ("kind", "given", "where"),
        [
            ("integer", [1], "[v] is to be integer"),
            ("integer", 3.7, "[v] is to be integer"),
            ("integer", "five", "[v] is to be integer"),
            ("integer", float("inf"), "[v] is to be integer"),
            ("number", {}, "[v] is to be number"),
            ("number", "nan", "[v] is to be number"),
            ("boolean", "perhaps", "[v] is to be boolean"),
            ("array", "ab", "[v] is to be array"),
            ("array<integer>", ["1", "x"], "[v[1]] is to be integer"),
        ],
    )
    async def test_q24_what_cannot_is_102002(self, kind: str, given: Any, where: str) -> None:
        found, message = await codes(takes(kind), {"v": given})
        assert found[:2] == (100005, 102002)
        assert where in message

    async def test_a_missing_one_is_its_default_or_102002(self) -> None:
        assert (await output(takes("integer", default_value=3), {}))["data"] == [3, "int"]
        found, message = await codes(takes("integer"), {})
        assert found[:2] == (100005, 102002)
        assert "[v] is required (integer)" in message
        assert (await output(takes("integer", required=False), {"v": "${s.q}"}))["data"] == [None, "NoneType"]

    async def test_objects_and_lists_of_objects_are_checked_inside(self) -> None:
        fields = [{"name": "n", "description": "", "type": "int"}, Param("s", "", default_value="x")]
        place = Param("place", "", "object", schema=fields)
        many = Param("many", "", "List<Object>", schema=[place])
        function = LocalFunction("f", "", [many], lambda many: many)
        found = await output(function, {"many": [{"place": {"n": "1", "more": 2}}]})
        assert found["data"] == [{"place": {"n": 1, "s": "x", "more": 2}}]
        _, message = await codes(function, {"many": [{"place": {"n": "x"}}]})
        assert "[many[0].place.n] is to be integer" in message
        _, message = await codes(function, {"many": [{"place": {}}]})
        assert "[many[0].place.n] is required" in message

    async def test_undeclared_ones_pass(self) -> None:
        function = LocalFunction("f", "", [Param("a", "")], lambda **given: given)
        assert (await output(function, {"a": 1, "b": 2}))["data"] == {"a": "1", "b": 2}

    async def test_inputs_that_are_no_dict_are_102001(self) -> None:
        with pytest.raises(JiuWenBaseException, match="takes a dict") as error:
            await ToolComponent().bind_tool(add).to_executable().invoke("text", None, None)
        assert error.value.error_code == 102001


class TestLangChain:
    async def test_its_tools_are_bound_as_they_are(self) -> None:
        @langchain_tool
        async def weather(place: Place, days: int = 1) -> str:
            """Tells the weather."""
            return f"{place.city} {days}"

        found = await output(weather, {"place": {"city": "杭州"}, "days": 2})
        assert found == {"error_code": 0, "error_message": "", "data": "杭州 2"}
        missing = await output(weather, {})
        assert (missing["error_code"], missing["data"]) == (-1, "")
        assert "place" in missing["error_message"]

    @pytest.mark.parametrize("kind", [langchain_tool, tool])
    async def test_a_tool_may_ask(self, kind: Any) -> None:
        def book(place: str) -> str:
            """Books it."""
            return f"{place}: {interrupt('sure?')}"

        flow = bound(kind(book), {"place": "杭州"})
        assert asked(await turn(flow, {})) == [("tool", 0, "sure?")]
        found = (await turn(flow, InteractiveInput("yes"))).result["output"]["t"]
        assert found["data"] == "杭州: yes"
