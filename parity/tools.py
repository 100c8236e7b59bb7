"""Small programs about tools; see `corpus`."""

from __future__ import annotations

PRELUDE = '''
from openjiuwen.core.component.tool_comp import ToolComponent, ToolComponentConfig
from openjiuwen.core.utils.tool.function.function import LocalFunction
from openjiuwen.core.utils.tool.param import Param
from openjiuwen.core.utils.tool.tool import tool

def call(function, inputs, given={"q": 1}):
    """One run of a workflow with a tool component."""
    asyncio.set_event_loop(asyncio.new_event_loop())  # openJiuwen wants one where a workflow is built
    component = ToolComponent(ToolComponentConfig())
    component.bind_tool(function)
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("tool", component, inputs_schema=inputs)
    flow.set_end_comp("end", End(), inputs_schema={"t": "${tool}"})
    flow.add_connection("start", "tool")
    flow.add_connection("tool", "end")
    try:
        print(asyncio.run(flow.invoke(given, WorkflowRuntime())).result)
    except JiuWenBaseException as error:
        print("error", error.error_code)

def takes(kind, **options):
    """A function that gives its parameter back, with its type."""
    param = Param(name="v", description="a value", param_type=kind, **options)
    return LocalFunction("f", "gives it back", [param], lambda v=None: [v, type(v).__name__])
'''

_PROGRAMS = {
    "tool_converts": """
for kind, value in [("integer", "5"), ("integer", 5.7), ("integer", True), ("number", 2), ("number", "2.5"),
                    ("boolean", True), ("boolean", "true"), ("string", 5), ("string", {"a": [1]}), ("string", ""),
                    ("integer", 0), ("array", [1, "a"])]:
    call(takes(kind), {"v": "${start.q}"}, {"q": value})
""",
    "tool_object": """
param = Param("o", "an object", "object", schema=[{"name": "a", "description": "", "type": "string"}])
call(LocalFunction("f", "", [param], lambda o: o), {"o": {"a": "x", "more": 1}})
call(LocalFunction("f", "", [param], lambda o: o), {"o": "text"})
""",
    "tool_refuses": """
for kind, value in [("integer", "five"), ("number", "x"), ("boolean", "perhaps"), ("array", "ab")]:
    call(takes(kind), {"v": value})
""",
    "tool_default": """
call(takes("integer", default_value=3), {})
call(takes("integer"), {})
call(takes("integer", required=False), {})
""",
    "tool_decorated": """
@tool(name="add", description="Adds.", params=[Param("a", "", "integer"), Param("b", "", "integer", 3, required=False)])
def add(a, b):
    "Adds."
    return a + b
call(add, {"a": "${start.q}"})
print([(p.name, p.required) for p in add.params], add.get_tool_info().parameters.required)
""",
    "tool_async_and_extra": """
async def f(**given): return given
call(LocalFunction("f", "", [Param("a", "", "integer")], f), {"a": 1, "b": [2]})
""",
    "tool_last_bound": """
component = ToolComponent(ToolComponentConfig())
print(component.bind_tool(takes("string")) is component)
""",
    "tool_unbound": """
flow = chain(("t", ToolComponent(ToolComponentConfig())))
try: print(asyncio.run(flow.invoke({"q": 1}, WorkflowRuntime())).result)
except JiuWenBaseException as error: print(error.error_code)
""",
    "param_types": """
for name in ["String", "Float", "int", "Bool", "List", "List<int>", "array<String>", "NUMBER"]:
    print(str(getattr(Param("p", "d", name).type, "value", Param("p", "d", name).type)))
for make in (lambda: Param("", "d"), lambda: Param("o", "d", "object"), lambda: Param("n", "d", "integer", "x")):
    attempt(make)
""",
    "differs_tool_none": "call(takes('integer', required=False), {'v': '${start.nothing}'})",
    "differs_tool_schema": """
param = Param("o", "an object", "object", schema=[{"name": "a", "description": "", "type": "string"}])
print(LocalFunction("f", "", [param], lambda o: o).get_tool_info().parameters.properties)
""",
    "differs_tool_failure": """
def fail(): raise ValueError("no such city")
call(LocalFunction("f", "", [], fail), {})
""",
}

PROGRAMS = {name: PRELUDE + body for name, body in _PROGRAMS.items()}

INTENDED = {
    "tool_converts": "5.7 for an `integer` of a tool becomes 5",
    "differs_tool_none": "an optional parameter of a tool that is None is an error",
    "differs_tool_schema": "a tool tells a model of an object's required fields among its fields",
    "differs_tool_failure": "a tool that raises gives a fixed message",
}
