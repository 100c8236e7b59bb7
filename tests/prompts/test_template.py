"""Prompt templates and assemblers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from jiuwen_lg import (
    AIMessage,
    Assembler,
    HumanMessage,
    JiuWenBaseException,
    SystemMessage,
    Template,
    TextableVariable,
    Variable,
)


class TestTemplate:
    def test_a_text_is_filled_in_a_copy(self) -> None:
        letter = Template(name="letter", content="亲爱的{{name}}：{{ news }}（{{absent}}）")
        filled = letter.format({"name": "小李", "news": 7, "surplus": 1})
        assert filled.content == "亲爱的小李：7（{{absent}}）"
        assert letter.content == "亲爱的{{name}}：{{ news }}（{{absent}}）"
        assert filled.to_messages() == [HumanMessage(content=str(filled.content))]

    def test_messages_keep_their_kind_and_their_further_keys(self) -> None:
        dicts = Template(content=[{"role": "system", "content": "In {{lang}}.", "name": "s"}])
        assert dicts.format({"lang": "Thai"}).content == [{"role": "system", "content": "In Thai.", "name": "s"}]
        objects = Template(content=[SystemMessage(content="In {{lang}}."), AIMessage(content="{{a}}")])
        filled = objects.format({"lang": "Thai"}).to_messages()
        assert filled == [SystemMessage(content="In Thai."), AIMessage(content="{{a}}")]

    @pytest.mark.parametrize(
        ("value", "shown"), [(None, "{{a}}"), ("", ""), (0, "0"), (False, "False"), ([1], "[1]"), ("{{b}}", "{{b}}")]
    )
    def test_values_are_text_and_none_counts_as_absent(self, value: object, shown: str) -> None:
        assert Template(content="{{a}}").format({"a": value, "b": "no"}).content == shown

    def test_a_dotted_slot_reads_nested_values(self) -> None:
        user = Template(content="{{user.name}} {{user.age}}")
        assert user.format({"user": {"name": "Ida"}}).content == "Ida {{user.age}}"

    @pytest.mark.parametrize("text", ["{{}}", "{{ }}", "{{.a}}"])
    def test_a_slot_without_a_name_is_refused(self, text: str) -> None:
        with pytest.raises(JiuWenBaseException, match="names nothing") as raised:
            Template(content=text).format({})
        assert raised.value.error_code == 180000

    def test_values_that_are_no_dict_are_refused(self) -> None:
        with pytest.raises(JiuWenBaseException, match="by slot; str") as raised:
            Template(content="{{a}}").format("a")  # type: ignore[arg-type]
        assert raised.value.error_code == 180001

    @pytest.mark.parametrize("content", [None, 5, ["x"]])
    def test_other_contents_are_refused(self, content: object) -> None:
        with pytest.raises(ValidationError):
            Template(content=content)  # type: ignore[arg-type]

    def test_messages_of_unknown_roles_are_left_out(self) -> None:
        roles = Template(content=[{"role": "nobody", "content": "x"}, {"content": "y"}, {"role": "user"}])
        assert roles.to_messages() == [HumanMessage(content="")]


class TestAssembler:
    def test_variables_are_made_of_values(self) -> None:
        class Loud(Variable):
            def update(self, **kwargs: object) -> None:
                self.value = str(kwargs["word"]).upper()

        prompt = Assembler("{{a}} {{b}} {{c}}", a=TextableVariable("{{x}}-{{y}}"), b=Loud("b", ["word"]))
        assert prompt.input_keys == ["x", "y", "word", "c"]
        assert prompt.assemble(x=1, word="hey") == "1-None HEY {{c}}"

    def test_messages_become_dicts(self) -> None:
        assert Assembler([HumanMessage(content="{{q}}")]).assemble(q="Q") == [{"role": "user", "content": "Q"}]

    @pytest.mark.parametrize("variables", [{"b": TextableVariable("x")}, {"a": "x"}])
    def test_variables_that_do_not_fit_are_refused(self, variables: dict[str, object]) -> None:
        with pytest.raises(JiuWenBaseException) as raised:
            Assembler("{{a}}", **variables)
        assert raised.value.error_code == 180000
