"""Structured output, negotiated: the strictest form that a service takes, and a refusal is remembered."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from langchain_openai import ChatOpenAI

from jiuwen_lg import FieldInfo, JiuWenBaseException
from jiuwen_lg.models import structured
from jiuwen_lg.models.model import Model
from jiuwen_lg.models.structured import Form
from jiuwen_lg.testing.server import KEY, ModelServer
from tests.components import test_intent as intent
from tests.components import test_llm as llm_tests
from tests.components import test_questioner as questioner
from tests.models.config import config

ASK = [{"role": "user", "content": "q"}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORMS = get_args(Form)


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structured, "_refused", {})


def form_of(body: dict[str, Any]) -> str:
    """How a request asks for structured output."""
    wanted = body.get("response_format") or {}
    if body.get("tools"):
        return "tool_call"
    return "json_object_schema" if "schema" in wanted else str(wanted.get("type", "prompt"))


def service(llm: ModelServer, *known: str, says: str = "{} is not known here", status: int = 422) -> list[str]:
    """Make the server one that knows some forms only; what it was asked for."""
    asked: list[str] = []

    def answer(body: dict[str, Any]) -> Any:
        form = form_of(body)
        asked.append(form)
        if form not in known:
            return json.dumps({"error": {"message": says.format(form)}}).encode(), status
        if form == "tool_call":
            function = {"name": "answer", "arguments": '{"a": 1}'}
            return {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": function}]}
        return '{"a": 1}'

    llm.answer = answer
    return asked


@pytest.mark.parametrize("known", FORMS)
async def test_the_strictest_form_that_is_known_is_found_once(known: Form, llm: ModelServer) -> None:
    asked = service(llm, known)
    model = Model.of(config(llm))
    assert [json.loads(await model.ask_for(ASK, SCHEMA)) for _ in range(2)] == [{"a": 1}] * 2
    assert asked == [*FORMS[: FORMS.index(known) + 1], known]
    again = Model.of(config(llm))  # another component, the same endpoint and model
    await again.ask_for(ASK, SCHEMA)
    assert asked[-1] == known
    assert len(asked) == FORMS.index(known) + 3
    other = Model.of(config(llm, "another-model"))
    await other.ask_for(ASK, SCHEMA)
    assert asked[FORMS.index(known) + 3] == "json_schema"


async def test_a_failure_that_names_the_field_is_a_refusal(llm: ModelServer) -> None:
    """As llama-cpp-python's server refuses: 500 with the words of its own validation."""
    asked = service(llm, "json_object_schema", says="validation error: response_format.type {}", status=500)
    assert json.loads(await Model.of(config(llm)).ask_for(ASK, SCHEMA)) == {"a": 1}
    assert asked == ["json_schema", "json_object_schema"]


async def test_the_schema_is_sent(llm: ModelServer) -> None:
    service(llm, "json_schema")
    await Model.of(config(llm)).ask_for(ASK, SCHEMA)
    assert llm.requests[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA},
    }


@pytest.mark.parametrize("form", FORMS)
async def test_a_form_that_is_configured_is_the_only_one(form: Form, llm: ModelServer) -> None:
    asked = service(llm, form)
    model = Model.of(config(llm, structured_output=form))
    assert json.loads(await model.ask_for(ASK, SCHEMA)) == {"a": 1}
    assert asked == [form]
    assert "structured_output" not in llm.requests[0]
    service(llm)
    with pytest.raises(JiuWenBaseException, match=f"{form} is not known here"):
        await model.ask_for(ASK, SCHEMA)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_another_failure_is_no_refusal(status: int, llm: ModelServer) -> None:
    llm.replies = [status]
    with pytest.raises(JiuWenBaseException, match=str(status)):
        await Model.of(config(llm)).ask_for(ASK, SCHEMA)
    assert len(llm.requests) == 1


async def test_a_request_that_is_wrong_in_every_form_costs_three(llm: ModelServer) -> None:
    asked = service(llm, says="the context is too long")
    with pytest.raises(JiuWenBaseException, match="too long"):
        await Model.of(config(llm)).ask_for(ASK, SCHEMA)
    assert asked == ["json_schema", "json_object_schema", "prompt"]
    asked = service(llm, *FORMS)  # and nothing was learned from it
    await Model.of(config(llm)).ask_for(ASK, SCHEMA)
    assert asked == ["json_schema"]


async def test_a_limit_is_sent_unless_there_is_one_or_it_is_refused(llm: ModelServer) -> None:
    service(llm, *FORMS)
    await Model.of(config(llm)).ask_for(ASK, SCHEMA, cap=99)
    await Model.of(config(llm, max_tokens=5)).ask_for(ASK, SCHEMA, cap=99)
    await Model.of(config(llm, max_completion_tokens=5)).ask_for(ASK, SCHEMA, cap=99)
    assert [body.get("max_tokens") for body in llm.requests] == [99, 5, None]
    refusal = json.dumps({"error": {"message": "max_tokens is not supported, use max_completion_tokens"}}).encode()
    llm.answer = lambda body: (refusal, 400) if "max_tokens" in body else '{"a": 1}'
    model = Model.of(config(llm, "o-model"))
    for _ in range(2):
        await model.ask_for(ASK, SCHEMA, cap=99)
    assert ["max_tokens" in body for body in llm.requests[3:]] == [True, False, False]


async def test_a_users_own_chat_model_is_asked_so_too(llm: ModelServer) -> None:
    asked = service(llm, "json_object")
    chat = ChatOpenAI(model="m", api_key=KEY, base_url=llm.url, max_retries=0, extra_body={"seed": 7})  # type: ignore[arg-type]
    assert json.loads(await Model.of(chat).ask_for(ASK, SCHEMA)) == {"a": 1}
    assert asked == ["json_schema", "json_object_schema", "json_object"]
    assert llm.requests[-1]["seed"] == 7


async def test_every_component_that_wants_json_asks_so(llm: ModelServer) -> None:
    """An intent detection has an enum for its categories, and extraction and choice are bounded."""
    llm.replies = ['{"class": "分类1", "a": "x"}']
    await llm_tests.asked(llm_tests.made(config(llm), kind="json", outputs={"a": {"type": "String"}}))
    await intent.detected(intent.made(config(llm)))
    field = FieldInfo(field_name="a", description="A", required=True)
    await questioner.turn(questioner.flow(questioner.made(config(llm), field)), "q")
    schemas = [body["response_format"]["json_schema"]["schema"] for body in llm.requests]
    assert schemas[0]["properties"]["a"]["type"] == "string"
    assert schemas[1]["properties"]["class"]["enum"] == ["分类0", "分类1", "分类2"]
    assert schemas[2]["properties"] == {"a": {"description": "A"}}
    assert ["max_tokens" in body for body in llm.requests] == [False, True, True]
