"""Methods with an underscore that openJiuwen's programs call."""

from __future__ import annotations

import pytest

from jiuwen_lg import (
    JiuWenBaseException,
    LLMCompConfig,
    LLMComponent,
    LocalFunction,
    Param,
    QuestionerComponent,
    QuestionerConfig,
    Start,
)
from jiuwen_lg.testing.server import ModelServer
from tests.models.config import config

CONF = {"inputs": [{"id": "who", "required": True}, {"id": "lang", "default_value": "en", "required": False}]}


def test_start_checks_and_fills() -> None:
    start = Start(CONF)
    start._validate_inputs({"who": 0})
    with pytest.raises(JiuWenBaseException, match="who") as raised:
        start._validate_inputs({"lang": "de"})
    assert raised.value.error_code == 102100
    given = {"z": 1, "who": "甲"}
    assert start._fill_default_values(given) == {"who": "甲", "lang": "en", "z": 1}
    assert given == {"z": 1, "who": "甲"}
    assert Start()._fill_default_values({"z": 1}) == {"z": 1}


def test_an_llm_fills_its_prompts(llm: ModelServer) -> None:
    template = [{"role": "system", "content": "S {{a}}"}, {"role": "user", "content": "U {{b}}"}]
    asked = LLMCompConfig(
        model=config(llm), template_content=template, response_format={"type": "text"}, output_config={"o": {}}
    )
    executable = LLMComponent(asked).executable
    assert executable._build_system_prompt({"a": 1}) == [{"role": "system", "content": "S 1"}]
    assert executable._build_user_prompt_content({"b": 2}) == [{"role": "user", "content": "U 2"}]


def test_a_questioner_keeps_its_config() -> None:
    given = QuestionerConfig(question_content="谁？")
    assert QuestionerComponent(given)._questioner_config is given


def test_the_parameters_of_a_tool_in_openjiuwens_notation() -> None:
    fields = [Param("x", "X", "integer"), Param("y", "Y", "array<number>", required=False)]
    params = [
        Param("o", "O", "object", schema=fields),
        Param("many", "M", "array<object>", schema=[Param("x", "X", "integer")]),
        Param("hidden", "H", visible=False),
    ]
    x = {"description": "X", "type": "integer"}
    y = {"description": "Y", "type": "array", "items": {"description": "Y", "type": "number"}}
    properties = {
        "o": {"description": "O", "type": "object", "properties": {"x": x, "required": ["x"], "y": y}},
        "many": {"description": "M", "type": "array", "items": {"x": x, "required": ["x"]}},
    }
    noted = Param.format_functions(LocalFunction(name="mix", description="mixes", params=params, func=dict))
    parameters = {"type": "object", "properties": properties, "required": ["o", "many"]}
    assert noted == {"name": "mix", "description": "mixes", "parameters": parameters}
