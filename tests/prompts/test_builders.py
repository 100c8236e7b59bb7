"""Builders that have a model write or change a prompt."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from jiuwen_lg import JiuWenBaseException, Template, ToolInfo
from jiuwen_lg.prompts.builders import BadCasePromptBuilder, FeedbackPromptBuilder, MetaTemplateBuilder
from jiuwen_lg.prompts.cases import Case, EvaluatedCase
from jiuwen_lg.testing.server import ModelServer
from tests.models.config import config


def sent(llm: ModelServer) -> list[list[tuple[str, str]]]:
    return [[(message["role"], message["content"]) for message in body["messages"]] for body in llm.requests]


def case(**more: Any) -> EvaluatedCase:
    return EvaluatedCase(
        case=Case(inputs={"q": "几点"}, label={"a": "三点"}), answer={"a": "?"}, reason="vague", **more
    )


class TestMeta:
    @pytest.mark.parametrize("kind", ["general", "plan"])
    def test_one_call_with_what_is_wanted(self, llm: ModelServer, kind: Any) -> None:
        llm.replies = ["the prompt"]
        tools = [ToolInfo(name="clock", description="time")]
        assert MetaTemplateBuilder(config(llm)).build("报时", tools=tools, template_type=kind) == "the prompt"
        ((system, user),) = sent(llm)
        assert (system[0], user[0]) == ("system", "user")
        assert "报时" in user[1]
        assert "clock" in user[1]

    def test_an_instruction_of_ones_own(self, llm: ModelServer) -> None:
        builder = MetaTemplateBuilder(config(llm))
        builder.register_meta_template("short", "Shorten: {{instruction}} ({{tools}})")
        builder.build(Template(content="{{a}} long"), template_type="other", custom_template_name="short")
        assert sent(llm) == [[("user", "Shorten: {{a}} long (None)")]]

    def test_it_streams(self, llm: ModelServer) -> None:
        llm.replies = [["the ", "prompt"]]
        assert "".join(MetaTemplateBuilder(config(llm)).stream_build("x")) == "the prompt"

    @pytest.mark.parametrize(
        ("call", "code"),
        [
            (lambda b: b.build(""), 173001),
            (lambda b: b.build(5), 170000),
            (lambda b: b.build("x", template_type="other"), 173001),
            (lambda b: b.build("x", template_type="other", custom_template_name="no"), 173001),
            (lambda b: b.register_meta_template("n", None), 173000),
        ],
    )
    def test_bad_arguments(self, llm: ModelServer, call: Any, code: int) -> None:
        with pytest.raises(JiuWenBaseException) as raised:
            call(MetaTemplateBuilder(config(llm)))
        assert raised.value.error_code == code
        assert llm.requests == []


class TestFeedback:
    def test_the_whole(self, llm: ModelServer) -> None:
        llm.replies = ["changed"]
        assert FeedbackPromptBuilder(config(llm)).build("Say {{x}}", "politely") == "changed"
        (((role, text),),) = sent(llm)
        assert role == "user"
        assert "Say {{x}}" in text
        assert "politely" in text

    @pytest.mark.parametrize(
        ("mode", "end", "marked"), [("insert", None, "abc[HERE]def"), ("select", 5, "abc[FROM]de[TO]f")]
    )
    def test_a_place_takes_two_calls(self, llm: ModelServer, mode: Any, end: int | None, marked: str) -> None:
        llm.replies = ["MEANT", "changed"]
        builder = FeedbackPromptBuilder(config(llm))
        assert builder.build("abcdef", "better", mode=mode, start_pos=3, end_pos=end) == "changed"
        first, second = sent(llm)
        assert "better" in first[0][1]
        assert marked in second[0][1]
        assert "MEANT" in second[0][1]

    @pytest.mark.parametrize(
        "given",
        [
            {"feedback": ""},
            {"mode": "insert"},
            {"mode": "insert", "start_pos": 7},
            {"mode": "select", "start_pos": 2, "end_pos": 2},
            {"mode": "select", "start_pos": 4, "end_pos": 2},
        ],
    )
    def test_bad_places(self, llm: ModelServer, given: dict[str, Any]) -> None:
        with pytest.raises(JiuWenBaseException) as raised:
            FeedbackPromptBuilder(config(llm)).build("abcdef", **{"feedback": "f", **given})
        assert raised.value.error_code == 173002
        assert llm.requests == []


class TestCases:
    def test_an_analysis_and_a_change(self, llm: ModelServer) -> None:
        llm.replies = ["ANALYSIS", "changed"]
        assert BadCasePromptBuilder(config(llm)).build("Tell the time", [case()]) == "changed"
        first, second = sent(llm)
        assert "三点" in first[0][1]
        assert "ANALYSIS" in second[0][1]

    @pytest.mark.parametrize("number", [0, 11])
    def test_the_number_of_cases(self, llm: ModelServer, number: int) -> None:
        with pytest.raises(JiuWenBaseException, match=f"1 to 10 cases, not {number}") as raised:
            BadCasePromptBuilder(config(llm)).build("x", [case()] * number)
        assert raised.value.error_code == 173003

    def test_a_case_says_what_is_right(self) -> None:
        assert (case().inputs, case().label, case().tools) == ({"q": "几点"}, {"a": "三点"}, None)
        assert case().case_id != case().case_id
        with pytest.raises(ValidationError):
            case(score=2)


def test_a_model_that_is_down_is_181001(llm: ModelServer) -> None:
    llm.replies = [500]
    with pytest.raises(JiuWenBaseException) as raised:
        MetaTemplateBuilder(config(llm)).build("x")
    assert raised.value.error_code == 181001
