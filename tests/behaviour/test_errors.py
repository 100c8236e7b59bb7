"""Errors carry their code, their text and what caused them."""

import pickle
import string
from pathlib import Path

import pytest

from jiuwen_lg import JiuWenBaseException, StatusCode
from jiuwen_lg.errors import is_engine_error


def test_an_error_shows_its_code_and_message() -> None:
    error = JiuWenBaseException(100005, "text")
    assert (error.error_code, error.message, str(error), error.args) == (
        100005,
        "text",
        "[100005] text",
        (100005, "text"),
    )


def test_codes_and_root_follow_the_chain_outermost_first() -> None:
    with pytest.raises(JiuWenBaseException) as caught:
        try:
            raise JiuWenBaseException(101074, "inner") from KeyError("root")
        except JiuWenBaseException as inner:
            raise StatusCode.COMPONENT_EXECUTE_ERROR.error(node_id="n", ability="invoke", error="x") from inner
    assert caught.value.codes == (100005, 101074)
    assert isinstance(caught.value.root, KeyError)
    assert caught.value.details == {"node_id": "n", "ability": "invoke", "error": "x"}


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(JiuWenBaseException(1, "m")))
    assert (error.error_code, error.message) == (1, "m")


def test_codes_are_unique() -> None:
    codes = [status.code for status in StatusCode]
    assert len(codes) == len(set(codes))


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("status", list(StatusCode), ids=lambda s: s.name)
def test_every_template_can_be_filled(status: StatusCode) -> None:
    error = status.error(**dict.fromkeys(placeholders(status._detailed), "value"))
    assert error.error_code == status.code
    assert status.value == (status.code, status.errmsg)


CODES = [line.split(" ") for line in Path(__file__).with_name("status_codes_0_1_1.txt").read_text().splitlines()]
"""Number, name and, if there are some, the placeholders of openJiuwen 0.1.1's status codes."""


@pytest.mark.parametrize(("code", "name", "names"), [(*row, "")[:3] for row in CODES], ids=[row[1] for row in CODES])
def test_codes_and_placeholders_are_openjiuwens(code: str, name: str, names: str) -> None:
    status = StatusCode[name]
    assert status.code == int(code)
    assert placeholders(status.errmsg) == set(filter(None, names.split(",")))


def test_only_session_errors_pass_a_component_unwrapped() -> None:
    assert is_engine_error(StatusCode.STORE_OFF.error(reason="x"))
    assert not is_engine_error(StatusCode.INTERACTIVE_UPDATE_FAILED.error())
    assert not is_engine_error(ValueError())
