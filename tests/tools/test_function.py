"""Parameters and functions as tools: `components.md` 5.1, 5.2 and the defects Q25–Q27."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.tools import tool as langchain_tool
from pydantic import BaseModel, Field

from jiuwen_lg import JiuWenBaseException, LocalFunction, Param, tool
from jiuwen_lg.tools.langchain import as_tool


class Place(BaseModel):
    city: str = Field(description="which")
    code: int = 0


def error_of(make: Any) -> JiuWenBaseException:
    with pytest.raises(JiuWenBaseException) as error:
        make()
    return error.value


class TestParam:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("String", "string"),
            ("str", "string"),
            ("Float", "number"),
            ("int", "integer"),
            ("Bool", "boolean"),
            ("List", "array"),
            ("List<int>", "array<integer>"),
            ("array<String>", "array<string>"),
            ("INTEGER", "integer"),
            ("List[str]", "array<string>"),
            ("list[Int]", "array<integer>"),
            ("dict", "object"),
            ("any", "any"),
            ("array<any>", "array"),
            (None, "string"),
        ],
    )
    @pytest.mark.parametrize("keyword", ["type", "param_type"])
    def test_its_type_by_either_keyword(self, keyword: str, name: str | None, expected: str) -> None:
        assert Param("p", "", **{keyword: name}).type == expected

    @pytest.mark.parametrize("name", ["file", "array<array<int>>", "array<>x", "<", 5])
    def test_an_unknown_type_is_182005(self, name: Any) -> None:
        error = error_of(lambda: Param("p", "", name))
        assert error.error_code == 182005
        assert "array<string>" in error.message

    @pytest.mark.parametrize(
        ("make", "code", "words"),
        [
            (lambda: Param("", ""), 182000, "needs a name"),
            (lambda: Param("o", "", "object"), 182005, "the list of its fields"),
            (lambda: Param("o", "", "array<object>"), 182005, "the list of its fields"),
            (lambda: Param("o", "", "object", schema=[{"type": "int"}]), 182005, "name"),
            (lambda: Param("o", "", "object", schema=["a"]), 182005, "a list of parameters or dicts"),
            (lambda: Param("n", "", "int", default_value="x"), 182005, "which is no integer"),
            (lambda: Param("n", "", "array<int>", default_value=["x"]), 182005, "which is no array<integer>"),
            (lambda: Param("n", "", method="Cookie"), 182005, "Headers"),
        ],
    )
    def test_what_it_refuses(self, make: Any, code: int, words: str) -> None:
        error = error_of(make)
        assert error.error_code == code
        assert words in error.message

    def test_its_json_schema(self) -> None:
        fields = [{"name": "a", "description": "A", "type": "int"}, Param("b", "B", "List<str>", required=False)]
        function = LocalFunction(
            "f#*local",
            "does it",
            [
                Param("o", "an object", "object", schema=fields),
                Param("l", "a list", "array<object>", schema=fields[:1]),
                Param("n", "a number", "number", required=False),
                Param("hidden", "", visible=False),
            ],
            lambda **given: given,
        )
        info = function.get_tool_info()
        assert (info.type, info.name, info.description) == ("function", "f", "does it")
        a = {"description": "A", "type": "integer"}
        b = {"description": "B", "type": "array", "items": {"type": "string"}}
        one = {"type": "object", "properties": {"a": a}, "required": ["a"]}
        assert info.parameters.model_dump() == {
            "type": "object",
            "properties": {
                "o": {
                    "description": "an object",
                    "type": "object",
                    "properties": {"a": a, "b": b},
                    "required": ["a"],
                },
                "l": {"description": "a list", "type": "array", "items": one},
                "n": {"description": "a number", "type": "number"},
            },
            "required": ["o", "l"],
        }


class TestFunctions:
    async def test_q25_a_default_is_for_what_is_missing(self) -> None:
        function = LocalFunction("f", "", [Param("n", "", "int", 3)], lambda n: n)
        assert [await function.ainvoke(given) for given in ({}, {"n": None}, {"n": 0})] == [3, 3, 0]
        assert [function.invoke(given) for given in ({}, {"n": 0})] == [3, 0]

    async def test_the_inputs_stay_as_they_are(self) -> None:
        fields = [Param("a", "", default_value="x")]
        function = LocalFunction("f", "", [Param("o", "", "object", schema=fields)], lambda o: o)
        given: dict[str, Any] = {"o": {}}
        assert await function.ainvoke(given) == {"a": "x"}
        assert given == {"o": {}}

    async def test_q26_parameters_are_read_whatever_else_is_given(self) -> None:
        @tool(name="n", description="says it")
        def say(word: str, times: int = 2) -> str:
            return word * times

        assert [(param.name, str(param.type), param.required) for param in say.params] == [
            ("word", "string", True),
            ("times", "integer", False),
        ]
        assert (say.name, await say.ainvoke({"word": "a"})) == ("n", "aa")

    def test_q27_a_function_without_a_docstring_is_a_tool(self) -> None:
        assert tool(lambda: 1).get_tool_info().description == ""

    def test_annotations(self) -> None:
        @tool
        def all_kinds(
            s: str,
            i: int,
            f: float,
            b: bool,
            d: dict[str, Any],
            anything: list,
            texts: list[str],
            places: list[Place],
            place: Place,
            named: Annotated[str, Field(description="its name")],
            perhaps: int | None,
            late: int = 5,
        ) -> None:
            """Takes all."""

        found = {param.name: (param.type.value, param.required) for param in all_kinds.params}
        kinds = ["string", "integer", "number", "boolean", "object", "array", "array<string>", "array<object>"]
        expected = [*((kind, True) for kind in [*kinds, "object", "string"]), ("integer", False), ("integer", False)]
        assert list(found.values()) == expected
        properties = all_kinds.get_tool_info().parameters.properties
        assert properties["named"]["description"] == "its name"
        assert properties["place"]["required"] == ["city"]
        assert properties["places"]["items"]["properties"]["city"] == {"description": "which", "type": "string"}

    @pytest.mark.parametrize("annotation", [threading.Thread, Callable[[], int], "Nowhere", None])
    def test_an_annotation_that_no_tool_can_have_is_182005(self, annotation: Any) -> None:
        def function(x) -> None:
            """Takes one."""

        if annotation is not None:
            function.__annotations__ = {"x": annotation}
        error = error_of(lambda: tool(function))
        assert error.error_code == 182005
        assert "[Nowhere]" in error.message if annotation == "Nowhere" else "[x]" in error.message

    def test_a_type_that_contains_itself_is_182005(self) -> None:
        class Node(BaseModel):
            below: list[Node]

        Node.model_rebuild(_types_namespace={"Node": Node})

        def function(node) -> None: ...

        function.__annotations__ = {"node": Node}
        assert "contains itself" in error_of(lambda: tool(function)).message

    async def test_a_synchronous_function_does_not_block_the_loop(self) -> None:
        function = tool(lambda: threading.current_thread() is threading.main_thread())
        assert await function.ainvoke({}) is False

    async def test_an_async_function_can_only_be_awaited(self) -> None:
        @tool
        async def later() -> int:
            return 1

        assert error_of(lambda: later.invoke({})).error_code == 182000
        assert await later.ainvoke({}) == 1

    def test_a_tool_needs_a_function(self) -> None:
        assert error_of(lambda: LocalFunction("f", "", [])).error_code == 182005


def test_a_langchain_tool_tells_the_same_of_itself() -> None:
    @langchain_tool
    def add(a: int, b: int = 3) -> int:
        """Adds two."""
        return a + b

    info = as_tool(add).get_tool_info()
    assert (info.name, info.description, info.parameters.required) == ("add", "Adds two.", ["a"])
    assert info.parameters.properties["b"]["default"] == 3
