"""A real, small model behind LLM, questioner, intent detection, tools and agent (`make model`, then `make soak`).

It is a base model of 270 million parameters, so no answer is judged. What holds whatever it says: protocol, bounds, and
that each component gives a result in its own form or an error with its code. How often the result could be used is
printed (`pytest -s`).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from jiuwen_lg import (
    ComponentAbility,
    End,
    FieldInfo,
    IntentDetectionCompConfig,
    JiuWenBaseException,
    LLMCompConfig,
    LLMComponent,
    ModelFactory,
    Start,
    Workflow,
    WorkflowAgent,
    WorkflowAgentConfig,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowSchema,
)
from jiuwen_lg.models.structured import Form
from tests.components import test_intent as intent
from tests.components import test_questioner as questioner
from tests.components.test_llm import asked
from tests.real_model import config, real_model, why_missing

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(why_missing()), reason=why_missing()),
]

ROUNDS = max(2, round(10 * float(os.environ.get("SOAK", "1"))))
FORMS = ["auto", *get_args(Form)]
SENTENCES = [
    "The hotel in Berlin cost 120 euros.",
    "I paid 45 dollars for the taxi.",
    "Lunch was 8 pounds.",
    "Train to Hangzhou, 73 yuan.",
    "Coffee for 3 francs.",
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_model(tmp_path_factory.mktemp("model")) as url:
        yield url


def sentence(number: int) -> str:
    return SENTENCES[number % len(SENTENCES)]


def report(what: str, form: str, counted: Counter[str]) -> None:
    print(f"\n{what:10} {form:20} {dict(counted)}")


@pytest.mark.parametrize("form", FORMS)
async def test_json_is_what_was_asked_for_or_101004(form: str, url: str) -> None:
    outputs = {"amount": {"type": "number", "description": "the sum"}, "currency": {"type": "string"}}
    model = config(url, structured_output=form, max_tokens=200)
    counted: Counter[str] = Counter()
    for number in range(ROUNDS):
        template = [{"role": "user", "content": f"How much was paid? {sentence(number)}"}]
        made = LLMCompConfig(None, model, template, {"type": "json"}, outputs)
        try:
            found = await asked(made)
        except JiuWenBaseException as error:
            refused = form == "json_schema" and error.error_code == 101003  # this server does not know it
            assert refused or error.error_code == 101004
            counted["refused" if refused else "unreadable"] += 1
        else:
            assert found.keys() == outputs.keys()
            assert isinstance(found["amount"], int | float)
            counted["usable"] += 1
    report("json", form, counted)
    assert form != "auto" or counted["usable"] == ROUNDS


@pytest.mark.parametrize("form", ["auto", "prompt"])
async def test_a_category_is_chosen_or_the_default_says_why(form: str, url: str) -> None:
    model = config(url, structured_output=form, max_tokens=150)
    counted: Counter[str] = Counter()
    for number in range(ROUNDS):
        made = IntentDetectionCompConfig(category_name_list=["travel", "food", "sports"], model=model)
        found = await intent.detected(made, sentence(number))
        assert 0 <= found["classification_id"] <= 3
        is_fallback = "default category counts" in found.get("reason", "")
        counted["unreadable" if is_fallback else "usable"] += 1
    report("intent", form, counted)
    assert form != "auto" or counted["usable"] == ROUNDS


@pytest.mark.parametrize("form", ["auto", "prompt"])
async def test_a_questioner_has_the_field_or_asks(form: str, url: str) -> None:
    model = config(url, structured_output=form, max_tokens=150)
    counted: Counter[str] = Counter()
    for number in range(ROUNDS):
        flow = questioner.flow(questioner.made(model, FieldInfo(field_name="sum", description="sum", required=True)))
        try:
            output = await questioner.turn(flow, sentence(number))
        except JiuWenBaseException as error:
            assert error.codes == (100005, 101076)
            counted["no object"] += 1
            continue
        is_asked = output.state.value == "INPUT_REQUIRED"
        counted["asked" if is_asked else "usable"] += 1
    report("questioner", form, counted)
    assert form != "auto" or counted["no object"] == 0


async def test_text_streams_and_ends_within_its_bounds(url: str) -> None:
    """An endless base model is ended by its `max_tokens`; the parts make the whole."""
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={})
    made = LLMCompConfig(
        None,
        config(url, max_tokens=60),
        [{"role": "user", "content": "Count to one hundred."}],
        {"type": "text"},
        {"t": {}},
    )
    flow.add_workflow_comp("c", LLMComponent(made), inputs_schema={}, comp_ability=[ComponentAbility.STREAM])
    flow.set_end_comp("end", End({"responseTemplate": "{{t}}"}), stream_inputs_schema={"t": "${c.t}"})
    flow.add_connection("start", "c").add_stream_connection("c", "end")
    output = await flow.invoke({})
    assert isinstance(output.result["responseContent"], str)
    client = ModelFactory().get_model("openai", "none", url, temperature=0)
    chunks = [chunk async for chunk in client.astream("m", "One, two, three,", max_tokens=20)]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata is not None
    assert whole.usage_metadata.finish_reason in ("stop", "length")


async def test_too_long_and_too_late_an_answer_end(url: str) -> None:
    template = [{"role": "user", "content": "Count to one thousand."}]
    for more, words in (({"max_response_bytes": 2000}, "max_response_bytes"), ({"timeout": 1}, "in time")):
        made = LLMCompConfig(None, config(url, max_tokens=3000, **more), template, {"type": "text"}, {"t": {}})
        flow = Workflow()
        flow.set_start_comp("start", Start(), inputs_schema={})
        flow.add_workflow_comp("c", LLMComponent(made), inputs_schema={}, comp_ability=[ComponentAbility.STREAM])
        flow.set_end_comp("end", End({"responseTemplate": "{{t}}"}), stream_inputs_schema={"t": "${c.t}"})
        flow.add_connection("start", "c").add_stream_connection("c", "end")
        with pytest.raises(JiuWenBaseException, match=words):
            await flow.invoke({})


async def test_a_tool_call_is_well_formed(url: str) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "forecast", "description": "weather", "parameters": parameters}}
    choice = {"type": "function", "function": {"name": "forecast"}}
    client = ModelFactory().get_model("openai", "none", url)
    counted: Counter[str] = Counter()
    for number in range(ROUNDS):
        said = await client.ainvoke("m", sentence(number), tools=[tool], tool_choice=choice, max_tokens=100)
        for call in said.tool_calls or ():
            assert call.name == "forecast"
            counted["usable" if "city" in _parsed(call.arguments) else "cut off"] += 1
        counted["none"] += not said.tool_calls
    report("tool call", "-", counted)


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


async def test_an_agent_chooses_a_workflow_and_asks(url: str) -> None:
    model = config(url, max_tokens=150)
    schemas = [WorkflowSchema(id=id, name=id, version="1", description=id) for id in ("travel", "food")]
    agent = WorkflowAgent(WorkflowAgentConfig(id="a", version="1", description="d", workflows=schemas, model=model))
    agent.add_workflows([_workflow(schema.id) for schema in schemas])
    counted: Counter[str] = Counter()
    for number in range(ROUNDS):
        asked_for = {"conversation_id": f"c{number}", "query": sentence(number)}
        try:
            found = await asyncio.wait_for(agent.invoke(asked_for), 300)
        except JiuWenBaseException as error:
            counted[str(error.error_code)] += 1
        else:
            counted["usable" if found else "nothing"] += 1
    report("agent", "auto", counted)
    assert counted["usable"] == ROUNDS


def _workflow(id: str) -> Workflow:
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=id, name=id, version="1", description=id)))
    flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
    flow.set_end_comp("end", End(), inputs_schema={"went": "${start.query}"})
    flow.add_connection("start", "end")
    return flow
