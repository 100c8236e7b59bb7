"""Start: `components.md` 7.1, seed 003 and the settled points."""

from typing import Any

import pytest

from jiuwen_lg import JiuWenBaseException, Start


async def run(conf: Any, inputs: Any) -> Any:
    return await Start(conf).invoke(inputs, None, None)


CONF = {
    "inputs": [
        {"id": "query", "required": True},
        {"id": "infos", "default_value": ["c", "d"], "required": False},
        {"id": "tokens", "default_value": [], "required": False},
    ]
}


async def test_defaults_fill_in_what_is_absent_falsy_ones_too() -> None:
    assert await run(CONF, {"query": "hi"}) == {"query": "hi", "infos": ["c", "d"], "tokens": []}


async def test_the_output_follows_conf_then_the_other_keys() -> None:
    result = await run(CONF, {"extra": 1, "tokens": ["a"], "query": "hi"})
    assert list(result) == ["query", "infos", "tokens", "extra"]


@pytest.mark.parametrize("value", [0, "", [], False])
async def test_a_falsy_value_is_a_value(value: Any) -> None:
    assert (await run(CONF, {"query": value}))["query"] == value


@pytest.mark.parametrize("inputs", [{}, {"query": None}, None])
async def test_an_absent_required_input_is_refused(inputs: Any) -> None:
    with pytest.raises(JiuWenBaseException) as caught:
        await run(CONF, inputs)
    assert caught.value.error_code == 102100
    assert caught.value.details["variable_name"] == ["query"]


async def test_a_default_does_not_rescue_a_required_input() -> None:
    with pytest.raises(JiuWenBaseException, match="102100"):
        await run({"inputs": [{"id": "a", "required": True, "default_value": 1}]}, {})


@pytest.mark.parametrize(
    ("required", "refused"), [("true", True), ("false", False), (1, True), (0, False), (None, False)]
)
async def test_required_is_read_as_a_boolean(required: Any, refused: bool) -> None:
    conf = {"inputs": [{"id": "a", "required": required}]}
    if refused:
        with pytest.raises(JiuWenBaseException, match="102100"):
            await run(conf, {})
    else:
        assert await run(conf, {}) == {}


@pytest.mark.parametrize("conf", [{"inputs": {}}, {"x": 1}, {"inputs": ["a"]}, {"inputs": [{"id": ""}]}, "text", [1]])
def test_a_conf_of_another_shape_is_refused(conf: Any) -> None:
    with pytest.raises(JiuWenBaseException) as caught:
        Start(conf)
    assert caught.value.error_code == 102101


@pytest.mark.parametrize("conf", [None, {}, []])
async def test_without_conf_the_inputs_pass_through(conf: Any) -> None:
    assert await run(conf, {"a": None, "b": 0}) == {"a": None, "b": 0}
    assert await run(conf, None) is None
