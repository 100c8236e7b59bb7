"""Tests written for openJiuwen replace parts of it by name: the parts are there, and really lead to the calls.

Each runs through the alias, as such a test does; `components.md` 1.8.
"""

from __future__ import annotations

import pytest

from tests import forked

HEAD = """
from jiuwen_lg.compat import install; install()
import asyncio
from types import SimpleNamespace
from unittest.mock import AsyncMock, MagicMock, Mock, patch
from openjiuwen.core.component.common.configs.model_config import ModelConfig
from openjiuwen.core.component.end_comp import End
from openjiuwen.core.component.intent_detection_comp import *
from openjiuwen.core.component.llm_comp import *
from openjiuwen.core.component.branch_router import BranchRouter
from openjiuwen.core.component.questioner_comp import *
from openjiuwen.core.component.start_comp import Start
from openjiuwen.core.component.tool_comp import *
from openjiuwen.core.runtime.workflow import NodeRuntime, WorkflowRuntime
from openjiuwen.core.runtime.wrapper import WrappedNodeRuntime
from openjiuwen.core.utils.llm.base import BaseModelInfo
from openjiuwen.core.utils.llm.messages import AIMessage
from openjiuwen.core.utils.tool.param import Param
from openjiuwen.core.utils.tool.service_api.restful_api import RestfulApi
from openjiuwen.core.workflow.base import Workflow

LLM = "openjiuwen.core.utils.llm.model_utils.model_factory.ModelFactory"
QUESTIONER = "openjiuwen.core.component.questioner_comp"
mc = ModelConfig("openai", BaseModelInfo(api_key="mock", api_base="http://127.0.0.1:9", model="m"))
fields = [FieldInfo(field_name="location", description="地点", required=True)]
runtime = WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(), "id"))

def flow(component, **inputs):
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp("c", component, inputs_schema=inputs or {"query": "${s.query}"})
    flow.set_end_comp("e", End(), inputs_schema={"o": "${c}"})
    flow.add_connection("s", "c"); flow.add_connection("c", "e")
    return asyncio.run(flow.invoke({"query": "q"}, WorkflowRuntime())).result["output"]["o"]

def llm(kind="text"):
    return LLMComponent(LLMCompConfig(model=mc, template_content=[{"role": "user", "content": "{{query}}"}],
        response_format={"type": kind}, output_config={"o": {"type": "string"}}))

def intent():
    component = IntentDetectionComponent(IntentDetectionCompConfig(category_name_list=["a"], model=mc))
    component.add_branch("", "e")
    return component
"""

CASES = {
    "a model with ainvoke, for the LLM": """
with patch(f"{LLM}.get_model") as get_model:
    fake = AsyncMock(); fake.ainvoke = AsyncMock(return_value=AIMessage(content="hi")); get_model.return_value = fake
    assert flow(llm()) == {"o": "hi"}
    fake.ainvoke.assert_awaited_once_with(model_name="m", messages=[{"role": "user", "content": "q"}])
    fake.ainvoke = AsyncMock(return_value=AIMessage(content='{"o": "x"}'))
    assert flow(llm("json")) == {"o": "x"}
""",
    "a stream of a model": """
class Fake:
    async def astream(self, model_name, messages):
        for part in "ab": yield SimpleNamespace(content=part)
async def main(): return [f async for f in llm().to_executable().stream({"query": "q"}, runtime, None)]
with patch(f"{LLM}.get_model", return_value=Fake()): assert asyncio.run(main()) == [{"o": "a"}, {"o": "b"}]
""",
    "a model with invoke, for the intent detection": """
fake = MagicMock(); fake.invoke.return_value = AIMessage(content='{"class": "分类1", "reason": "r"}')
with patch(f"{LLM}.get_model", return_value=fake):
    assert flow(intent()) == {"classification_id": 1, "reason": "r", "category_name": "a"}
assert fake.invoke.call_args.kwargs["model_name"] == "m"
""",
    "a model with invoke, for the questioner": """
class Fake:
    def invoke(self, model_name, messages): return AIMessage(content='{"location": "杭州"}')
    async def ainvoke(self, model_name, messages): raise AssertionError("0.1.1 calls invoke")
with patch(f"{LLM}.get_model", return_value=Fake()):
    assert flow(QuestionerComponent(QuestionerConfig(model=mc, field_names=fields)))["location"] == "杭州"
""",
    "a model that is described by a mock": """
config = ModelConfig("openai", Mock(api_key="k", api_base="b"))
with patch(f"{LLM}.get_model", return_value=MagicMock(invoke=lambda **_: AIMessage(content="{}"))) as get_model:
    QuestionerComponent(QuestionerConfig(model=config, field_names=fields)).to_executable()
assert get_model.call_args.kwargs == {"model_provider": "openai", "api_key": "k", "api_base": "b"}
""",
    "the extraction": """
handler = f"{QUESTIONER}.QuestionerDirectReplyHandler"
for kind in (MagicMock, AsyncMock):
    with patch(f"{handler}._invoke_llm_for_extraction", new_callable=kind) as extract, \\
         patch(f"{handler}._build_llm_inputs") as inputs, \\
         patch(f"{QUESTIONER}.QuestionerExecutable._init_prompt") as prompt:
        extract.return_value = {"location": "杭州"}; inputs.return_value = "inputs"
        assert flow(QuestionerComponent(QuestionerConfig(model=mc, field_names=fields)))["location"] == "杭州"
        extract.assert_called_once_with("inputs"); prompt.assert_called_once_with()
        assert inputs.call_args.kwargs["chat_history"][-1]["content"] == "q"
""",
    "the extraction, by a plain decorator": """
@patch(f"{QUESTIONER}.QuestionerDirectReplyHandler._invoke_llm_for_extraction")
def test(extract):
    extract.return_value = {"location": "杭州"}
    assert flow(QuestionerComponent(QuestionerConfig(model=mc, field_names=fields)))["location"] == "杭州"
test()
""",
    "the call of a tool": """
with patch("openjiuwen.core.component.tool_comp.ToolExecutable.invoke", new_callable=AsyncMock) as invoke:
    invoke.return_value = {"error_code": 0, "error_message": "", "data": 5}
    assert flow(ToolComponent(ToolComponentConfig()))["data"] == 5
""",
    "the request of a service": """
api = RestfulApi("n", "d", [Param("a", "d", param_type="integer")], "http://127.0.0.1:9/x", {}, "POST", [])
with patch("openjiuwen.core.utils.tool.service_api.restful_api.RestfulApi._async_request") as request:
    request.return_value = {"errCode": 0, "errMessage": "success", "data": {"k": 1}}
    assert asyncio.run(api.ainvoke({"a": 1}))["data"] == {"k": 1}
    assert flow(ToolComponent(ToolComponentConfig()).bind_tool(api), a=1)["data"] == {"k": 1}
""",
    "components driven by hand": """
fake = MagicMock(); fake.ainvoke = AsyncMock(return_value=AIMessage(content="hi"))
fake.invoke.return_value = AIMessage(content='{"class": "分类1"}')
async def main():
    assert await llm().to_executable().invoke({"query": "q"}, runtime, None) == {"o": "hi"}
    executable = intent().to_executable(); executable.set_router(BranchRouter())
    assert (await executable.invoke({"query": "q"}, runtime, None))["classification_id"] == 1
    asked = QuestionerExecutable(QuestionerConfig(question_content="?", extract_fields_from_response=False))
    try: await asked.invoke({"query": "q"}, runtime, None)
    except Exception as error: assert (error.id, error.value) == ("id", "?")
    assert runtime.get_state("questioner_state.status") == "user_interact"
with patch(f"{LLM}.get_model", return_value=fake): asyncio.run(main())
""",
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_part_can_be_replaced(case: str, child_env: dict[str, str]) -> None:
    done = forked.run("-c", HEAD + case, env=child_env)
    assert done.returncode == 0, done.stderr
