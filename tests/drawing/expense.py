"""A workflow of forty components with Chinese labels, loops in sub-workflows in loops, and every kind of component."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from jiuwen_lg import (
    BranchComponent,
    ComponentAbility,
    End,
    LLMCompConfig,
    LLMComponent,
    LoopComponent,
    LoopGroup,
    RestfulApi,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    ToolComponent,
    ToolComponentConfig,
    Workflow,
)
from jiuwen_lg.testing import ScriptedChatModel

ARRAY = {"loop_type": "array", "loop_array": {"item": [1]}}


async def work(inputs: Any) -> dict[str, Any]:
    return {}


async def frames(inputs: Any) -> AsyncIterator[dict[str, Any]]:
    yield {"line": 1}


class Review(SimpleComponent):
    drawn_as = "question"

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return {"answer": await runtime.interact("?")}


def body(inner: Workflow) -> LoopGroup:
    """Four components and a sub-workflow."""
    group = LoopGroup().add_workflow_comp("b0", Review(), inputs_schema={}, label="人工复核")
    for number, label in enumerate(("核对发票金额", "登记到台账", "复核"), 1):
        group.add_workflow_comp(f"b{number}", work, inputs_schema={}, label=label)
        group.add_connection(f"b{number - 1}", f"b{number}")
    group.add_workflow_comp("inner", SubWorkflowComponent(inner), inputs_schema={}, label="逐项复核子流程")
    return group.add_connection("b3", "inner").start_nodes(["b0"]).end_nodes(["inner"])


def steps(count: int, loop: LoopGroup | None = None) -> Workflow:
    """A chain, perhaps with a loop at its end."""
    flow, last = Workflow().set_start_comp("start", Start(), inputs_schema={}, label="开始"), "start"
    for number in range(count):
        flow.add_workflow_comp(f"s{number}", work, inputs_schema={}, label=f"步骤{number}：检查供应商资质")
        flow.add_connection(last, f"s{number}")
        last = f"s{number}"
    if loop is not None:
        flow.add_workflow_comp("loop", LoopComponent(loop, {}), inputs_schema=ARRAY, label="逐条处理明细")
        flow.add_connection(last, "loop")
        last = "loop"
    return flow.set_end_comp("end", End(), inputs_schema={}, label="结束").add_connection(last, "end")


def expenses() -> Workflow:
    """Forty components."""
    flow = Workflow().set_start_comp(
        "start", Start(), inputs_schema={}, label="提交申请", description="员工填写的报销单"
    )
    model = LLMCompConfig(
        model=ScriptedChatModel("x"),
        template_content=[{"role": "user", "content": "x"}],
        response_format={"type": "text"},
        output_config={"kind": {"type": "string"}},
    )
    flow.add_workflow_comp("classify", LLMComponent(model), inputs_schema={}, label="识别费用类型")
    amount = BranchComponent()
    amount.add_branch("${start.n} > 5000", "manager", "超过五千")
    amount.add_branch("${start.n} > 500", "items", "逐项核对")
    amount.add_branch("true", "pay", "小额直付")
    flow.add_workflow_comp("amount", amount, label="金额分流")
    flow.add_workflow_comp("manager", Review(), inputs_schema={}, label="经理审批")
    items = LoopComponent(body(steps(3, body(steps(4)))), {})
    flow.add_workflow_comp("items", items, inputs_schema=ARRAY, label="逐项核对报销明细")
    tool = ToolComponent(ToolComponentConfig())
    tool.bind_tool(RestfulApi("pay", "pays", [], "http://127.0.0.1/", {}, "GET", []))
    flow.add_workflow_comp("pay", tool, inputs_schema={}, label="付款")
    streams = [ComponentAbility.STREAM]
    flow.add_workflow_comp("notify", frames, inputs_schema={}, label="生成通知", comp_ability=streams)
    flow.set_end_comp("end", End(), stream_inputs_schema={"line": "${notify.line}"}, label="完成")
    for number in range(10):
        label = ("归档", "通知财务", "更新预算", "发送邮件")[number % 4]
        flow.add_workflow_comp(f"x{number}", work, inputs_schema={}, label=f"{label}{number}")
        flow.add_connection("pay", f"x{number}").add_connection(f"x{number}", "end")
    flow.add_connection("start", "classify").add_connection("classify", "amount").add_connection("manager", "pay")
    return flow.add_connection("items", "pay").add_connection("pay", "notify").add_stream_connection("notify", "end")
