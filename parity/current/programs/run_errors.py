import asyncio

from shared import *
from openjiuwen.core.workflow import (
    BranchComponent,
    LoopBreakComponent,
    LoopComponent,
    LoopGroup,
    SubWorkflowComponent,
    WorkflowCard,
    WorkflowComponent,
    create_workflow_session,
)
from pydantic import BaseModel


class Same(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return inputs


class BadFrame(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        await session.write_stream({"payload": 1})


class Synchronous(WorkflowComponent):
    def invoke(self, inputs, session, context):
        return {}


class Fails(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        raise ValueError("inside")


class Wanted(BaseModel):
    x: int
    note: str = "none"


async def attempt(name, flow, given=None, session=True):
    try:
        out = await flow.invoke(
            given if given is not None else {"x": 1}, create_workflow_session() if session else None
        )
        show(name, out)
    except Exception as error:
        innermost = error
        while innermost.__cause__ is not None:
            innermost = innermost.__cause__
        show(name, type(error).__name__, error.code, error.status.name, error.recoverable, type(innermost).__name__)


def routed(router):
    flow = flow_of(("a", Same(), {"x": "${in.x}"}), end={"x": "${a.x}"})
    return flow.add_conditional_connection("a", router)


def branching(expression):
    branch = BranchComponent()
    branch.add_branch(expression, ["a"])
    return flow_of(("branch", branch), ("a", Same(), {"x": "${in.x}"}), end={"x": "${a.x}"})


def looping(**inputs):
    body = LoopGroup()
    body.add_workflow_comp("a", Same(), inputs_schema={"i": "${loop.index}"})
    body.start_nodes(["a"])
    body.end_nodes(["a"])
    return flow_of(("loop", LoopComponent(body, {"i": "${a.i}"}), inputs), end={"i": "${loop.i}"})


async def main():
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    for params in (schema, Wanted):
        flow = flow_of(
            ("a", Same(), {"x": "${in.x}"}), end={"x": "${a.x}"}, card=WorkflowCard(id="w", input_params=params)
        )
        for given in ({}, {"x": "word"}, {"x": "5"}, {"x": 5}):
            await attempt(f"inputs {given}", flow, given)
    await attempt("no session", flow, session=False)
    await attempt("edge to nowhere", flow_of(("a", Same())).add_connection("a", "nowhere"))
    await attempt("router to nowhere", routed(lambda: "nowhere"))
    await attempt("router fails", routed(lambda: {}["k"]))
    await attempt("router gives nothing", routed(lambda: None))
    await attempt("no branch", branching("${in.x} > 5"))
    await attempt("branch without a value", branching("${in.none} > 5"))
    await attempt("frame", flow_of(("a", BadFrame())))
    await attempt("synchronous", flow_of(("a", Synchronous())))
    await attempt("too many iterations", looping(loop_type="number", loop_number=2000))
    await attempt("unknown type", looping(loop_type="spiral"))
    await attempt("no array", looping(loop_type="array", loop_array={"i": "${in.none}"}))
    await attempt("break outside", flow_of(("a", LoopBreakComponent())))
    inner = flow_of(("a", Fails()), card=WorkflowCard(id="inner"))
    await attempt("inside", flow_of(("sub", SubWorkflowComponent(inner), {"x": "${in.x}"})))


asyncio.run(main())
