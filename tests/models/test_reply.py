"""Replies of models that were asked for JSON, through each component that asks: more than sixty, with what is expected.

What can be read without a doubt is; what cannot makes the LLM component ask once more and then fail with 101004, and
the questioner ask the user. The intent detection takes its default with a reason, unless the reply names one category.
"""

from __future__ import annotations

from contextlib import suppress

import pytest

from jiuwen_lg import FieldInfo, JiuWenBaseException
from jiuwen_lg.models.reply import json_in
from jiuwen_lg.testing.server import ModelServer
from tests.components import test_intent as intent
from tests.components import test_llm as llm_tests
from tests.components import test_questioner as questioner
from tests.models.config import config

GOOD = {
    "bare": '{"class": "分类1"}',
    "spaces": '  \n{"class": "分类1"}\n ',
    "fence with its language": '```json\n{"class": "分类1"}\n```',
    "fence in capitals": '```JSON\n{"class": "分类1"}\n```',
    "plain fence": '```\n{"class": "分类1"}\n```',
    "fence on one line": '```json {"class": "分类1"} ```',
    "fence of quotes": "'''json\n{\"class\": \"分类1\"}\n'''",
    "fence that is not closed": '```json\n{"class": "分类1"}',
    "prose before": 'Here you are: {"class": "分类1"}',
    "prose after": '{"class": "分类1"} Anything else?',
    "prose around a fence": 'Sure!\n```json\n{"class": "分类1"}\n```\nDone.',
    "thoughts": '<think>{"class": "分类2"}? No.</think>{"class": "分类1"}',
    "thoughts without a beginning": 'hm {"a": 1}</think>\n{"class": "分类1"}',
    "thoughts and a fence": '<think>\nhm\n</think>\n\n```json\n{"class": "分类1"}\n```',
    "trailing comma": '{"class": "分类1",}',
    "single quotes": "{'class': '分类1'}",
    "Python's literals": "{'class': '分类1', 'sure': True, 'other': None}",
    "names without quotes": '{class: "分类1"}',
    "comments": '{"class": "分类1" /* the first */}',
    "line comment": '{"class": "分类1" // the first\n}',
    "raw newline in a text": '{"class": "分类1", "reason": "a\nb"}',
    "fence in a text": '{"class": "分类1", "reason": "```py\\nx\\n```"}',
    "braces in the text before": 'Use {{name}} and {a, b}: {"class": "分类1"}',
    "Python's literals in texts": "{'class': '分类1', 'reason': 'None is True'}",
    "byte order mark": '\ufeff{"class": "分类1"}',
    "thinking": '<thinking>maybe {"class": "分类2"}</thinking>\n{"class": "分类1"}',
    "thoughts in capitals": '<THINK>{"class": "分类2"}</THINK>{"class": "分类1"}',
    "thoughts of Seed": '<seed:think>{"class": "分类2"}</seed:think>{"class": "分类1"}',
    "thoughts of MiniMax": '<mm:think>{"class": "分类2"}</mm:think>{"class": "分类1"}',
    "thoughts twice": '<think>{</think>so <think>}</think>{"class": "分类1"}',
    "thoughts in thoughts": '<think>a<think>b</think>{"class": "分类1"}',
    "reasoning": '<reasoning>{"class": "分类2"}</reasoning>{"class": "分类1"}',
    "an end tag in a text": '{"class": "分类1", "reason": "</think>"}',
    "an end tag in a text, and prose": '{"class": "分类1", "reason": "</think>"} That is all.',
    "channels": (
        '<|channel|>analysis<|message|>{"class": "分类2"}<|end|><|start|>assistant'
        '<|channel|>final<|message|>{"class": "分类1"}<|return|>'
    ),
    "a channel with a format": '<|channel|>final <|constrain|>json<|message|>{"class": "分类1"}',
    "an answer's tag": '<answer>{"class": "分类1"}</answer>',
    "a call's tag": '<tool_call>\n{"class": "分类1"}\n</tool_call>',
    "byte order mark and a fence": '\ufeff```json\n{"class": "分类1"}\n```',
    "a set in the text before": 'The set {1,2} gives {"class": "分类1"}',
    "further keys": '{"class": "分类1", "confidence": 0.9}',
}

BAD = {
    "empty": "",
    "spaces only": " \n ",
    "null content": {"content": None},
    "prose only": "I think it is 分类1.",
    "thoughts only": '<think>maybe {"class": "分类1"}',
    "refusal": "I cannot help with that.",
    "cut in a text": '{"class": "分',
    "cut after a value": '{"class": "分类1"',
    "cut in a nested object": '{"class": "分类1", "more": {"a": 1',
    "cut after a nested object": '{"more": {"a": 1}, "class": "分类1',
    "cut list": '{"list": [{"class": "分类1"}',
    "two objects": '{"class": "分类1"} {"class": "分类2"}',
    "braces in prose": "the set {a, b} and {c}",
    "not a number": '{"class": NaN',
    "a missing comma": '{"class": "分类1" "x": 1}',
    "Chinese quotes": "{“class”: “分类1”}",
    "undefined": '{"class": undefined}',
    "dots": '{"class": ...}',
    "a leading zero": '{"class": "分类1", "code": 0571}',
    "two texts": '{"class": "分类1"\n"分类2"}',
    "a text without an end": '{"class": "分类1 }',
    "a percentage": '{"class": "分类1", "p": 50%}',
    "infinite": '{"class": "分类1", "p": 1e999}',
    "infinite and nearly JSON": "{'class': '分类1', 'p': 1e999}",
    "two nearly JSON": "{'class': '分类1'} {'class': '分类2'}",
    "lone brace": "}",
    "open brace": "{",
}

NAMES_ONE = {
    *("prose only", "cut after a value", "cut in a nested object", "cut after a nested object", "cut list"),
    *("a missing comma", "Chinese quotes", "a leading zero", "a text without an end", "a percentage", "infinite"),
    "infinite and nearly JSON",
}
"""Of the bad ones, those whose words leave no doubt which category is meant."""

OTHER = {"a number": "5", "null": "null", "true": "true", "several": '[{"class": "分类1"}, {"class": "分类2"}]'}
WRAPPED = {"a list of one": '[{"class": "分类1"}]', "JSON in a text": '"{\\"class\\": \\"分类1\\"}"'}


def test_there_are_sixty() -> None:
    assert len({**GOOD, **BAD, **OTHER, **WRAPPED}) >= 60


@pytest.mark.parametrize("reply", GOOD.values(), ids=GOOD.keys())
async def test_what_can_be_read_is(reply: str, llm: ModelServer) -> None:
    llm.replies = [reply]
    outputs = {"class": {"type": "string"}}
    assert await llm_tests.asked(llm_tests.made(config(llm), kind="json", outputs=outputs)) == {"class": "分类1"}
    assert (await intent.detected(intent.made(config(llm))))["classification_id"] == 1
    wanted = FieldInfo(field_name="class", description="类", required=True)
    found = questioner.output(await questioner.turn(questioner.flow(questioner.made(config(llm), wanted)), "q"))
    assert found["class"] == "分类1"
    assert len(llm.requests) == 3


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_read_is_no_answer(name: str, llm: ModelServer) -> None:
    llm.replies = [BAD[name]]
    outputs = {"class": {"type": "string", "required": False}}
    with pytest.raises(JiuWenBaseException) as error:
        await llm_tests.asked(llm_tests.made(config(llm), kind="json", outputs=outputs))
    assert error.value.error_code == 101004
    assert len(llm.requests) == 2
    found = await intent.detected(intent.made(config(llm)))
    assert found["classification_id"] == (1 if name in NAMES_ONE else 0)
    assert name in NAMES_ONE or "default" in found["reason"]
    wanted = FieldInfo(field_name="class", description="类", required=True)
    asked = questioner.made(config(llm), wanted)
    assert questioner.question(await questioner.turn(questioner.flow(asked), "q")) == "请您提供类相关的信息"


@pytest.mark.parametrize("reply", WRAPPED.values(), ids=WRAPPED.keys())
async def test_the_one_object_that_is_wrapped_counts(reply: str, llm: ModelServer) -> None:
    """For the questioner it is 101076 as in openJiuwen: JSON, but no object."""
    llm.replies = [reply]
    outputs = {"class": {"type": "string"}}
    assert await llm_tests.asked(llm_tests.made(config(llm), kind="json", outputs=outputs)) == {"class": "分类1"}
    assert (await intent.detected(intent.made(config(llm))))["classification_id"] == 1
    wanted = FieldInfo(field_name="class", description="类", required=True)
    with pytest.raises(JiuWenBaseException) as error:
        await questioner.turn(questioner.flow(questioner.made(config(llm), wanted)), "q")
    assert error.value.codes == (100005, 101076)


@pytest.mark.parametrize("reply", OTHER.values(), ids=OTHER.keys())
async def test_json_of_another_kind_is_named(reply: str, llm: ModelServer) -> None:
    llm.replies = [reply]
    with pytest.raises(JiuWenBaseException, match="the answer:") as error:
        await llm_tests.asked(llm_tests.made(config(llm), kind="json"))
    assert error.value.error_code == 101004
    assert (await intent.detected(intent.made(config(llm))))["classification_id"] == 0
    wanted = FieldInfo(field_name="class", description="类", required=True)
    with pytest.raises(JiuWenBaseException) as error:
        await questioner.turn(questioner.flow(questioner.made(config(llm), wanted)), "q")
    assert error.value.codes == (100005, 101076)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        "{'a': " * 20_000 + "}" * 20_000,
        '{"a": 1e999999}',
        "{" * 300_000 + "}" * 300_000,
    ],
)
def test_hostile_replies_end_soon(text: str) -> None:
    with suppress(ValueError):
        json_in(text)
