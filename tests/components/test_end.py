"""End in batch mode: `engine.md` 2.6 and 7.6."""

from typing import Any

import pytest

from jiuwen_lg import End, JiuWenBaseException


async def run(conf: Any, inputs: Any) -> Any:
    return await End(conf).invoke(inputs, None, None)


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        ({"a": 1, "b": None, "c": {"d": None}}, {"a": 1, "c": {"d": None}}),
        ({"a": 0, "b": "", "c": False, "d": []}, {"a": 0, "b": "", "c": False, "d": []}),
        ({"a": None}, {}),
        ({}, {}),
        (None, None),
        ([1], [1]),
    ],
)
async def test_without_a_template_the_inputs_come_out(inputs: Any, output: Any) -> None:
    assert await run(None, inputs) == {"output": output}


async def test_with_a_template_the_text_comes_out() -> None:
    conf = {"responseTemplate": "渲染结果:{{param1}},{{param2}}"}
    assert await run(conf, {"param1": "你好", "param2": "杭州"}) == {"responseContent": "渲染结果:你好,杭州"}


@pytest.mark.parametrize("inputs", [None, {}, {"b": 1}])
async def test_missing_values_leave_empty_slots(inputs: Any) -> None:
    assert await run({"responseTemplate": "[{{a}}]"}, inputs) == {"responseContent": "[]"}


@pytest.mark.parametrize("conf", [None, {}, {"responseTemplate": ""}, {"responseTemplate": None}])
async def test_an_empty_template_is_none(conf: Any) -> None:
    assert await run(conf, {"a": 1}) == {"output": {"a": 1}}


@pytest.mark.parametrize("conf", [{"responseTemplate": 5}, "text", [1]])
def test_a_conf_of_another_shape_is_refused(conf: Any) -> None:
    with pytest.raises(JiuWenBaseException) as caught:
        End(conf)
    assert caught.value.error_code == 102120
