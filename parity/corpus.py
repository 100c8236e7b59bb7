"""Small programs in openJiuwen's API, one for each row of the fact files that a program can show.

Each is the prelude and a body; what it prints is compared. `INTENDED` names those whose
difference is in `docs/differences.md` or a defect there.
"""

from __future__ import annotations

from parity import agents, control_flow, models, streams, tool_agents, tools

PRELUDE = '''
import asyncio, uuid
from openjiuwen.core.common.exception.exception import JiuWenBaseException
from openjiuwen.core.common.exception.status_code import StatusCode
from openjiuwen.core.component.base import WorkflowComponent, SimpleComponent
from openjiuwen.core.component.end_comp import End
from openjiuwen.core.component.start_comp import Start
from openjiuwen.core.runtime.base import ComponentExecutable
from openjiuwen.core.runtime.interaction.interactive_input import InteractiveInput
from openjiuwen.core.runtime.interaction.interaction import InteractionOutput
from openjiuwen.core.runtime.workflow import WorkflowRuntime
from openjiuwen.core.runtime.wrapper import TaskRuntime
from openjiuwen.core.stream.base import BaseStreamMode, OutputSchema, CustomSchema
from openjiuwen.core.workflow.base import Workflow, WorkflowOutput, WorkflowExecutionState
from openjiuwen.core.workflow.workflow_config import (
    ComponentAbility, WorkflowConfig, WorkflowInputsSchema, WorkflowMetadata)

class C(ComponentExecutable, WorkflowComponent):
    """A component made of a function of (inputs, runtime)."""
    def __init__(self, function=lambda i, r: i):
        super().__init__()
        self.function = function
    async def invoke(self, inputs, runtime, context):
        result = self.function(inputs, runtime)
        return await result if asyncio.iscoroutine(result) else result

SESSION = uuid.uuid4().hex

async def play(flow, given, session=None):
    """One turn; prints the result, the questions or the error's code."""
    try:
        output = await flow.invoke(given, WorkflowRuntime(session_id=session or SESSION))
    except JiuWenBaseException as error:
        print("error", error.error_code, error.message if error.error_code == 100005 else "")
        return None
    if output.state is WorkflowExecutionState.COMPLETED:
        print("result", output.result)
    else:
        print("asked", sorted((f.payload.id, f.index, f.payload.value) for f in output.result
                              if f.type == "__interaction__"))
    return output

def chain(*parts, inputs={"q": "${q}"}, end=None, **options):
    """start -> the parts -> end."""
    flow, before = Workflow(), "start"
    flow.set_start_comp("start", Start(), inputs_schema=inputs)
    for name, part in parts:
        flow.add_workflow_comp(name, part, inputs_schema={"q": "${start.q}"}, **options.get(name, {}))
        flow.add_connection(before, name)
        before = name
    flow.set_end_comp("end", End(), inputs_schema=end or {name: "${%s}" % name for name, _ in parts})
    flow.add_connection(before, "end")
    return flow

def attempt(action):
    """What an action raises, by code or by type."""
    try:
        print("ok", action() is not None)
    except JiuWenBaseException as error:
        print("code", error.error_code)
    except Exception as error:
        print(type(error).__name__)
'''

PRELUDE += control_flow.PRELUDE + streams.PRELUDE

_SCHEMAS = {
    "nested": "${a.b}", "list_index": "${a.l[0]}", "two_indices": "${a.ll[1][0].z}", "negative": "${a.l[-1]}",
    "quoted_key": "${a['k-1']}", "quoted_key_with_space": "${a['k 2']}", "dashed": "${a.k-1}", "digit": "${a.0}",
    "missing": "${a.none.at.all}", "out_of_range": "${a.l[9]}", "through_scalar": "${a.b.c}", "through_none": "${n.x}",
    "double_quotes": '${a["b"]}', "outer_subscript": "${a.l}[0]", "partial_front": "hi ${q}", "partial_back": "${q} bye",
    "two_references": "${q}${a.b}", "reference_in_reference": "${${q}}", "spaces": "${ q }", "empty": "${}",
    "dollar": "$q", "unclosed": "${q", "int": 5, "none": None, "empty_list": [], "empty_dict": {}, "false": False,
    "dict": {"x": {"y": "${a.b}", "z": 1}}, "list": ["${a.b}", "${q}", 1], "whole": "${a}", "falsy": "${zero}",
}  # fmt: skip

PROGRAMS: dict[str, str] = {
    f"schema_{name}": f"""
flow = Workflow()
flow.set_start_comp("s", Start(), inputs_schema={{"v": {schema!r}}})
flow.add_workflow_comp("n", C(lambda i, r: {{"got": i}}), inputs_schema={{"v": {schema!r}, "w": "${{s.v}}"}})
flow.set_end_comp("e", End(), inputs_schema={{"n": "${{n.got}}"}})
flow.add_connection("s", "n"); flow.add_connection("n", "e")
asyncio.run(play(flow, {{"q": "Q", "zero": 0, "n_": 1,
    "a": {{"b": 1, "l": [1, 2], "ll": [[0], [{{"z": 3}}]], "k-1": 4, "k 2": 5, "0": 6}}}}))
"""
    for name, schema in _SCHEMAS.items()
}

_OUTPUTS = {
    "text": "'text'", "int": "5", "zero": "0", "list": "[1, {'a': 2}]", "tuple": "(1, (2, 3))", "none": "None",
    "dotted": "{'a.b': 1, 'a.c': 2}", "subscript": "{'a[0]': 1}", "nested_none": "{'a': {'b': None}, 'c': None}",
    "set": "sorted({'s': {1}}['s'])", "int_key": "{1: 'x'}", "gap": "{'x.l[2].k': 1}", "empty": "{}", "false": "False",
}  # fmt: skip

PROGRAMS |= {
    f"output_{name}": f"asyncio.run(play(chain(('n', C(lambda i, r: {output}))), {{'q': 1}}))"
    for name, output in _OUTPUTS.items()
}

_MERGES = {
    "dicts": ("{'d': {'a': 1}, 's': 'x'}", "{'d': {'b': 2}}"), "lists": ("{'l': [1, 2]}", "{'l': [3]}"),
    "none_overwrites": ("{'a': 1, 'b': 2}", "{'a': None}"), "none_output": ("{'a': 1}", "None"),
}  # fmt: skip

PROGRAMS |= {
    f"merge_{name}": f"""
outputs = [{second}, {first}]
flow = Workflow()
flow.set_start_comp("s", Start())
flow.add_workflow_comp("n", C(lambda i, r: outputs.pop()))
flow.set_end_comp("e", End(), inputs_schema={{"n": "${{n}}"}})
flow.add_connection("s", "n")
flow.add_conditional_connection("n", lambda: "n" if outputs else "e")
asyncio.run(play(flow, {{}}))
"""
    for name, (first, second) in _MERGES.items()
}

_ROUTERS = {
    "id": "lambda: 'a'", "list": "lambda: ['a', 'b']", "tuple": "lambda: ('b',)", "twice": "lambda: ['a', 'a']",
    "nothing": "lambda: []", "end": "lambda: '__end__'", "none": "lambda: None", "int": "lambda: 5",
    "unknown": "lambda: 'zz'", "empty": "lambda: ''", "raises": "lambda: 1 / 0", "other_parameter": "lambda x: 'a'",
    "runtime": "lambda runtime: 'a' if runtime.get_global_state('s.q') == 1 else 'b'",
    "runtime_session": "lambda runtime: 'a' if runtime.session_id() == SESSION else 'b'",
}  # fmt: skip

PROGRAMS |= {
    f"router_{name}": f"""
flow = Workflow()
flow.set_start_comp("s", Start(), inputs_schema={{"q": "${{q}}"}})
for name in "ab":
    flow.add_workflow_comp(name, C(lambda i, r: {{"by": r.executable_id()}}))
    flow.add_connection(name, "e")
flow.set_end_comp("e", End(), inputs_schema={{"a": "${{a.by}}", "b": "${{b.by}}"}})
flow.add_conditional_connection("s", {router})
asyncio.run(play(flow, {{"q": 1}}))
"""
    for name, router in _ROUTERS.items()
}

_BUILD = {
    "same_id": "Workflow().set_start_comp('a', Start()).set_end_comp('a', End())",
    "id_with_space": "Workflow().add_workflow_comp('a b', C())", "id_empty": "Workflow().add_workflow_comp('', C())",
    "id_long": "Workflow().add_workflow_comp('x' * 101, C())", "id_100": "Workflow().add_workflow_comp('x' * 100, C())",
    "id_chinese": "Workflow().add_workflow_comp('组件', C())", "id_dot": "Workflow().add_workflow_comp('a.b', C())",
    "not_executable": "Workflow().add_workflow_comp('a', WorkflowComponent())",
    "connection_none": "Workflow().add_connection(None, 'a')", "connection_to_none": "Workflow().add_connection('a', None)",
    "connection_list_none": "Workflow().add_connection(['a', None], 'b')",
    "router_none_source": "Workflow().add_conditional_connection(None, lambda: 'a')",
    "start_none": "Workflow().start_comp(None)", "end_none": "Workflow().end_comp(None)",
    "schema_str": "Workflow().add_workflow_comp('a', C(), inputs_schema='${q}')",
    "schema_list": "Workflow().add_workflow_comp('a', C(), outputs_schema=['${q}'])",
    "transformer": "Workflow().add_workflow_comp('a', C(), inputs_transformer=5)",
    "ability_strings": "Workflow().add_workflow_comp('a', C(), comp_ability=['invoke'])",
    "collect_without_waiting": "Workflow().add_workflow_comp('a', C(), comp_ability=[ComponentAbility.COLLECT], wait_for_all=False)",
    "start_conf_no_list": "Start({'inputs': {}})", "start_conf_no_id": "Start({'inputs': [{}]})",
    "start_conf_text_item": "Start({'inputs': ['a']})", "end_conf_number": "End({'responseTemplate': 5})",
    "end_conf_empty": "End({'responseTemplate': ''})",
    "answer_none": "InteractiveInput(None)", "answer_empty": "InteractiveInput('')",
    "update_none_id": "InteractiveInput().update(None, 1)", "update_none_value": "InteractiveInput().update('a', None)",
    "update_after_raw": "InteractiveInput('x').update('a', 1)", "update_after_falsy_raw": "InteractiveInput('').update('a', 1)",
    "nesting_depth": "WorkflowConfig(workflow_max_nesting_depth=11)",
}  # fmt: skip

PROGRAMS |= {f"build_{name}": f"attempt(lambda: {action})" for name, action in _BUILD.items()}

_TEMPLATES = {
    "plain": "A{{a}}B", "path": "{{c.x}}", "position": "{{c.y[0]}}", "nested_position": "{{c.y[1].z}}",
    "missing": "[{{none}}]", "zero": "{{zero}}", "false": "{{no}}", "list": "{{l}}", "dict": "{{c}}", "chinese": "{{输出}}",
    "single_braces": "{a} $a", "lone_braces": "{{ }} }} {{", "triple": "{{{a}}}", "twice": "{{a}}{{a}}", "no_slots": "text",
    "value_with_slot": "{{tricky}}",
}  # fmt: skip

PROGRAMS |= {
    f"template_{name}": f"""
flow = Workflow()
flow.set_start_comp("s", Start(), inputs_schema={{"v": "${{v}}"}})
flow.set_end_comp("e", End({{"responseTemplate": {template!r}}}), inputs_schema={{
    "a": 1, "c": {{"x": 2, "y": [3, {{"z": 4}}]}}, "zero": 0, "no": False, "l": ["c", "d"], "输出": "月", "tricky": "{{{{a}}}}"}})
flow.add_connection("s", "e")
asyncio.run(play(flow, {{"v": 1}}))
"""
    for name, template in _TEMPLATES.items()
}

PROGRAMS |= {
    "start_required_missing": "flow = Workflow()\nflow.set_start_comp('s', Start({'inputs': [{'id': 'a', 'required': True}]}), inputs_schema={'a': '${a}'})\nflow.set_end_comp('e', End())\nflow.add_connection('s', 'e')\ntry: asyncio.run(flow.invoke({}, WorkflowRuntime()))\nexcept JiuWenBaseException as error: print(error.error_code)",
    "start_default": "flow = Workflow()\nflow.set_start_comp('s', Start({'inputs': [{'id': 'a', 'default_value': 5}]}), inputs_schema={'b': '${b}'})\nflow.set_end_comp('e', End(), inputs_schema={'s': '${s}'})\nflow.add_connection('s', 'e')\nasyncio.run(play(flow, {'b': 1}))",
    "no_inputs_schema": "flow = Workflow()\nflow.set_start_comp('s', Start(), inputs_schema={'q': '${q}'})\nflow.add_workflow_comp('n', C(lambda i, r: {'got': i}))\nflow.set_end_comp('e', End(), inputs_schema={'n': '${n}'})\nflow.add_connection('s', 'n'); flow.add_connection('n', 'e')\nasyncio.run(play(flow, {'q': 1}))",
    "end_without_schema": "flow = Workflow()\nflow.set_start_comp('s', Start())\nflow.set_end_comp('e', End())\nflow.add_connection('s', 'e')\nasyncio.run(play(flow, {'q': 1}))",
    "end_drops_none": "asyncio.run(play(chain(('n', C(lambda i, r: {'a': 1})), end={'a': '${n.a}', 'b': '${n.b}', 'c': {'d': '${n.b}'}}), {'q': 1}))",
    "no_end": "flow = Workflow()\nflow.set_start_comp('s', Start())\nasyncio.run(play(flow, {'q': 1}))",
    "two_ends": "flow = Workflow()\nflow.set_start_comp('s', Start())\nflow.set_end_comp('a', End(), inputs_schema={'by': 'a'})\nflow.set_end_comp('b', End(), inputs_schema={'by': 'b'})\nflow.add_connection('s', 'a'); flow.add_connection('s', 'b')\nasyncio.run(play(flow, {}))",
    "inputs_list": "asyncio.run(play(chain(('n', C())), [1]))",
    "inputs_none": "asyncio.run(play(chain(('n', C())), None))",
    "connection_to_nobody": "flow = chain(('n', C()))\nflow.add_connection('n', 'ghost')\nasyncio.run(play(flow, {'q': 1}))",
    "outputs_schema": "asyncio.run(play(chain(('n', C(lambda i, r: {'x': {'y': 1}})), n={'outputs_schema': {'z': '${x.y}', 'no': '${none}', 'deep': {'no': '${none}'}}}), {'q': 1}))",
    "outputs_transformer": "asyncio.run(play(chain(('n', C(lambda i, r: {'x': 1})), n={'outputs_transformer': lambda o: {'sum': o['x'] + 1}}), {'q': 1}))",
    "inputs_transformer": "flow = Workflow()\nflow.set_start_comp('s', Start(), inputs_schema={'q': '${q}'})\nflow.add_workflow_comp('n', C(lambda i, r: {'got': i}), inputs_transformer=lambda s: [s.get('s.q'), s.get('${q}'), s.get({'x': '${s.q}'})])\nflow.set_end_comp('e', End(), inputs_schema={'n': '${n}'})\nflow.add_connection('s', 'n'); flow.add_connection('n', 'e')\nasyncio.run(play(flow, {'q': 1}))",
    "transformer_raises": "asyncio.run(play(chain(('n', C()), n={'outputs_transformer': lambda o: 1 / 0}), {'q': 1}))",
    "error_key": "def f(i, r): raise KeyError('kk')\nasyncio.run(play(chain(('n', C(f))), {'q': 1}))",
    "error_empty": "def f(i, r): raise Exception()\nasyncio.run(play(chain(('n', C(f))), {'q': 1}))",
    "error_coded": "def f(i, r): raise JiuWenBaseException(12345, 'inner text')\nasyncio.run(play(chain(('n', C(f))), {'q': 1}))",
    "error_100005": "def f(i, r): raise JiuWenBaseException(100005, 'as it is')\nasyncio.run(play(chain(('n', C(f))), {'q': 1}))",
    "retry": "first = [True]\ndef f(i, r):\n    if first: first.pop(); raise ValueError('once')\n    return i\nflow = chain(('a', C(lambda i, r: print('a runs'))), ('n', C(f)))\nasyncio.run(play(flow, {'q': 1})); asyncio.run(play(flow, {'q': 2})); asyncio.run(play(flow, InteractiveInput()))",
    "ask_twice": "async def f(i, r): return [await r.interact('one'), await r.interact({'two': 2})]\nflow = chain(('n', C(f)))\nsecond, third = InteractiveInput(), InteractiveInput()\nsecond.update('n', 'A'); third.update('n', {'b.c': (1, 2)})\nfor given in ({'q': 1}, second, third): asyncio.run(play(flow, given))",
    "ask_raw": "async def f(i, r): return await r.interact(None)\nflow = chain(('n', C(f)))\nfor given in ({'q': 1}, InteractiveInput(0)): asyncio.run(play(flow, given))",
    "ask_over_state": "async def f(i, r): return await r.interact('?')\nflow = chain(('n', C(f)))\nfor given in ({'q': 1}, {'q': 2}, InteractiveInput('x'), {'q': 3}): asyncio.run(play(flow, given))",
    "ask_in_end": "async def f(i, r): return {'got': await r.interact('?')}\nflow = Workflow()\nflow.set_start_comp('s', Start())\nflow.set_end_comp('e', C(f))\nflow.add_connection('s', 'e')\nfor given in ({}, InteractiveInput('x')): asyncio.run(play(flow, given))",
    "ask_private_state": "async def f(i, r):\n    n = (r.get_state('n') or 0) + 1\n    r.update_state({'n': n})\n    await r.interact('?')\n    return n\nflow = chain(('n', C(f)))\nfor given in ({'q': 1}, InteractiveInput('x')): asyncio.run(play(flow, given))",
    "state_own_updates_invisible": "def f(i, r):\n    r.update_state({'a': 1}); r.update_global_state({'b': 1})\n    return [r.get_state('a'), r.get_global_state('b')]\nasyncio.run(play(chain(('n', C(f))), {'q': 1}))",
    "state_global_paths": "asyncio.run(play(chain(('a', C(lambda i, r: r.update_global_state({'x.y': 1, 'l': [1]}))), ('b', C(lambda i, r: [r.get_global_state('x'), r.get_global_state('x.y'), r.get_global_state('${x.y}'), r.get_global_state('l[0]'), r.get_global_state(None)]))), {'q': 1}))",
    "state_global_delete": "asyncio.run(play(chain(('a', C(lambda i, r: r.update_global_state({'x': 1, 'y': {'z': 1, 'w': 2}}))), ('b', C(lambda i, r: r.update_global_state({'x': None, 'y.z': None}))), ('c', C(lambda i, r: [r.get_global_state('x'), r.get_global_state('y')]))), {'q': 1}))",
    "state_global_merge_none": "asyncio.run(play(chain(('a', C(lambda i, r: r.update_global_state({'y': {'z': 1}}))), ('b', C(lambda i, r: r.update_global_state({'y': {'z': None}}))), ('c', C(lambda i, r: [r.get_global_state('y')]))), {'q': 1}))",
    "state_global_fallback": "asyncio.run(play(chain(('a', C(lambda i, r: [r.get_global_state('start.q'), r.get_global_state('q'), r.get_global_state('no')]))), {'q': 7}))",
    "state_session_and_id": "asyncio.run(play(chain(('a', C(lambda i, r: [r.session_id() == SESSION, r.executable_id(), r.get_env('_execute_timeout'), r.get_env('no')]))), {'q': 1}))",
    "state_shadow": "asyncio.run(play(chain(('a', C(lambda i, r: r.update_global_state({'start': {'q': 'G'}}))), ('b', C(lambda i, r: [i['q'], r.get_global_state('start.q')]))), {'q': 'I'}))",
    "task_runtime": "task = TaskRuntime(trace_id='t-' + SESSION)\ntask.update_global_state({'g': 1})\nflow = chain(('a', C(lambda i, r: (r.update_global_state({'h': 2}), [r.get_global_state('g')])[1])))\nprint(asyncio.run(flow.invoke({'q': 1}, task.create_workflow_runtime())).result)\nprint(task.get_global_state('h'), task.get_global_state('q'), task.get_state('x'))",
    "join_list": "ran = []\nflow = Workflow()\nflow.set_start_comp('s', Start())\nfor n in 'ab':\n    flow.add_workflow_comp(n, C()); flow.add_connection('s', n)\nflow.add_workflow_comp('t', C(lambda i, r: ran.append(1)))\nflow.add_connection(['a', 'b'], 't')\nasyncio.run(play(flow, {})); print(len(ran))",
    "join_any_at_two_times": "ran = []\nflow = Workflow()\nflow.set_start_comp('s', Start())\nfor n in 'abc': flow.add_workflow_comp(n, C())\nflow.add_connection('s', 'a'); flow.add_connection('s', 'b'); flow.add_connection('b', 'c')\nflow.add_workflow_comp('t', C(lambda i, r: ran.append(1)))\nflow.add_connection('a', 't'); flow.add_connection('c', 't')\nasyncio.run(play(flow, {})); print(len(ran))",
    "join_skipped": "flow = Workflow()\nflow.set_start_comp('s', Start())\nfor n in 'ab': flow.add_workflow_comp(n, C())\nflow.add_conditional_connection('s', lambda: 'a')\nflow.set_end_comp('e', End(), inputs_schema={'x': 1})\nflow.add_connection(['a', 'b'], 'e')\nasyncio.run(play(flow, {}))",
    "router_passes_join": "ran = []\nflow = Workflow()\nflow.set_start_comp('s', Start())\nflow.add_workflow_comp('a', C())\nflow.add_workflow_comp('t', C(lambda i, r: ran.append(1)), wait_for_all=True)\nflow.add_connection('a', 't'); flow.add_connection('s', 't')\nflow.add_conditional_connection('s', lambda: 't')\nasyncio.run(play(flow, {})); print(len(ran))",
    "end_has_successor": "ran = []\nflow = Workflow()\nflow.set_start_comp('s', Start())\nflow.set_end_comp('e', End(), inputs_schema={'x': 1})\nflow.add_workflow_comp('after', C(lambda i, r: ran.append(1)))\nflow.add_connection('s', 'e'); flow.add_connection('e', 'after')\nasyncio.run(play(flow, {})); print(ran)",
    "result_types": "print(repr(WorkflowOutput(result=1, state=WorkflowExecutionState.COMPLETED)), str(OutputSchema(type='t', index=0, payload=1)), CustomSchema(a=1), repr(InteractionOutput(id='a', value='b')), repr(InteractiveInput('x')), repr(InteractiveInput()))",
    "modes": "print([(m.value, m.mode, m.options) for m in BaseStreamMode], [(a.ability_name, a.desc) for a in ComponentAbility])",
    "exception": "e = JiuWenBaseException(5, 'm'); print(str(e), e.args, e.error_code, e.message, StatusCode.COMPONENT_EXECUTE_ERROR.code)",
    "tool_info": "t = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id='i', name='n', description='d'), workflow_inputs_schema=WorkflowInputsSchema(type='object', properties={'a': {'type': 'string'}}, required=['a']))).get_tool_info()\nprint(t.type, t.name, t.description, t.parameters)",
    "config_spec": "f = chain(('n', C()))\nprint(f.config().spec.edges, list(f.config().spec.comp_configs))",
    "frames": "async def f(i, r):\n    await r.write_stream({'type': 't', 'index': '3', 'payload': 1, 'more': 2}); await r.write_custom_stream({'a': 1})\nasync def main():\n    for modes in (None, [BaseStreamMode.OUTPUT], [BaseStreamMode.CUSTOM], []):\n        print([str(c) async for c in chain(('n', C(f))).stream({'q': 1}, WorkflowRuntime(), stream_modes=modes) if 'tracer' not in str(c)])\nasyncio.run(main())",
    "frame_malformed": "async def f(i, r): await r.write_stream({'type': 't'})\nasync def main():\n    try:\n        async for c in chain(('n', C(f))).stream({'q': 1}, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT]): print(c)\n    except JiuWenBaseException as error: print(error.error_code)\nasyncio.run(main())",
    "timeout": "async def f(i, r): await asyncio.sleep(5)\nasync def main():\n    for kind in ('invoke', 'stream'):\n        runtime = WorkflowRuntime(); runtime.config().set_envs({'_execute_timeout': 0.2})\n        try:\n            if kind == 'invoke': await chain(('n', C(f))).invoke({'q': 1}, runtime)\n            else:\n                async for c in chain(('n', C(f))).stream({'q': 1}, runtime, stream_modes=[BaseStreamMode.OUTPUT]): print(c)\n        except JiuWenBaseException as error: print(error.error_code)\nasyncio.run(main())",
    "recursion": "flow = Workflow()\nflow.set_start_comp('a', C())\nflow.add_workflow_comp('b', C())\nflow.add_connection('a', 'b'); flow.add_connection('b', 'b')\nasyncio.run(play(flow, {}))",
}

PROGRAMS |= {
    # What is intended to differ: each explained by a line of docs/differences.md (INTENDED).
    "differs_dotted_through_scalar": "flow = chain(('n', C(lambda i, r: {'a': 1, 'a.b': 2})))\nasyncio.run(play(flow, {'q': 1}))",
    "differs_answer_to_nothing": "flow = chain(('n', C()))\nasyncio.run(play(flow, InteractiveInput('x')))",
    "differs_answer_to_unknown": "async def f(i, r): return await r.interact('?')\nflow = chain(('n', C(f)))\nasyncio.run(play(flow, {'q': 1}))\nanswer = InteractiveInput(); answer.update('other', 1)\nasyncio.run(play(flow, answer))",
    "differs_timeout_keeps_state": "ran = []\nasync def f(i, r):\n    ran.append('n')\n    if ran.count('n') == 1: await asyncio.sleep(5)\n    return 'done'\nflow = chain(('a', C(lambda i, r: ran.append('a'))), ('n', C(f)))\nasync def main():\n    for given in ({'q': 1}, InteractiveInput()):\n        runtime = WorkflowRuntime(session_id=SESSION); runtime.config().set_envs({'_execute_timeout': 0.3})\n        try: print((await flow.invoke(given, runtime)).result)\n        except JiuWenBaseException as error: print(error.error_code)\nasyncio.run(main()); print(ran)",
    "differs_failed_updates": "ran = []\ndef f(i, r):\n    ran.append(1); r.update_global_state({'n': 'lost'} if len(ran) == 1 else {'m': 1})\n    if len(ran) == 1: raise ValueError('no')\nflow = chain(('a', C(f)), ('b', C(lambda i, r: [r.get_global_state('n'), r.get_global_state('m')])))\nfor given in ({'q': 1}, InteractiveInput()): asyncio.run(play(flow, given))",
    "differs_update_with_scalar": "ran = []\ndef f(i, r):\n    ran.append(1)\n    if len(ran) == 1: r.update_state(5)\n    return 'done'\nflow = chain(('n', C(f)))\nfor given in ({'q': 1}, InteractiveInput()): asyncio.run(play(flow, given))",
    "differs_edit_after_run": "flow, ran = chain(('n', C())), []\nasync def main():\n    print((await flow.invoke({'q': 1}, WorkflowRuntime())).result)\n    flow.add_workflow_comp('late', C(lambda i, r: ran.append(1)), inputs_schema={})\n    flow.add_connection('n', 'late')\n    print((await flow.invoke({'q': 2}, WorkflowRuntime())).result)\nasyncio.run(main()); print(ran)",
    "differs_router_none": "flow = Workflow()\nflow.set_start_comp('s', Start())\nattempt(lambda: flow.add_conditional_connection('s', None) or 1)",
    "differs_component_none": "attempt(lambda: Workflow().add_workflow_comp('n', None))",
    "differs_async_transformer": "async def t(state): return {'x': 1}\nflow = Workflow()\nflow.set_start_comp('s', Start())\nflow.add_workflow_comp('n', C(lambda i, r: {'kind': type(i).__name__}), inputs_transformer=t)\nflow.set_end_comp('e', End(), inputs_schema={'n': '${n.kind}'})\nflow.add_connection('s', 'n'); flow.add_connection('n', 'e')\nasyncio.run(play(flow, {}))",
    "differs_update_chains": "print(InteractiveInput().update('a', 1) is None)",
    "differs_runtime_twice": "flow, runtime = chain(('n', C())), WorkflowRuntime(session_id=SESSION)\nfor q in (1, 2):\n    try: print(asyncio.run(flow.invoke({'q': q}, runtime)).result)\n    except Exception as error: print(type(error).__name__)",
    "differs_task_runtime_meanwhile": "task = TaskRuntime(trace_id='t-' + SESSION)\ndef f(i, r): task.update_global_state({'g': 1})\nflow = chain(('a', C(f)), ('b', C(lambda i, r: r.get_global_state('g'))))\nprint(asyncio.run(flow.invoke({'q': 1}, task.create_workflow_runtime())).result)",
    "differs_shared_config": "config = WorkflowConfig()\nfor name in 'ab':\n    flow = Workflow(config)\n    flow.set_start_comp('s_' + name, Start()); flow.set_end_comp('e_' + name, End()); flow.add_connection('s_' + name, 'e_' + name)\nprint(sorted(flow.config().spec.comp_configs))",
    "differs_drawing": "print(bool(chain(('n', C())).to_mermaid()))",
}  # fmt: skip

PROGRAMS |= control_flow.PROGRAMS | streams.PROGRAMS | tools.PROGRAMS | models.PROGRAMS | agents.PROGRAMS
PROGRAMS |= tool_agents.PROGRAMS

INTENDED: dict[str, str] = {
    "start_default": "Start's output follows the order of its conf",
    "differs_dotted_through_scalar": "keys of data with dots or brackets are paths",
    "output_dotted": "keys of data with dots or brackets are paths",
    "output_subscript": "keys of data with dots or brackets are paths",
    "output_gap": "keys of data with dots or brackets are paths",
    "merge_dicts": "is merged into the previous one",
    "merge_none_overwrites": "is merged into the previous one",
    "merge_none_output": "is merged into the previous one",
    "ask_twice": "keys of data with dots or brackets are paths",
    "expression_16": "spaces around a reference do not count",
    "loop_zero_rounds": "a loop without iterations gives None for its variables",
    "stream_end_template": "the frames of a streaming End with a template hold values of any type",
    "schema_spaces": "spaces around a reference do not count",
    "error_key": "the error of a component tells the text of the exception only",
    "error_empty": "the error of a component tells the text of the exception only",
    "retry": "the error of a component tells the text of the exception only",
    "sub_fails": "the error of a component tells the text of the exception only",
    "stream_producer_fails": "the error of a component tells the text of the exception only",
    "stream_transform_template": "the frames of a streaming End with a template hold values of any type",
    "stream_collect": "keys of data with dots or brackets are paths",
    "differs_answer_to_nothing": "starts the workflow without inputs | 100900",
    "differs_answer_to_unknown": "an answer to an unknown or finished id is ignored | 100901",
    "differs_timeout_keeps_state": "a timeout saves no state",
    "differs_failed_updates": "updates queued by a component that failed are committed later",
    "differs_update_with_scalar": "`update_state(5)`",
    "differs_edit_after_run": "a workflow object's edits after a run are accepted and ignored",
    "differs_router_none": "a router that is None fails when it runs",
    "differs_component_none": "a component that is None raises AttributeError",
    "differs_async_transformer": "an async transformer hands its coroutine on",
    "differs_update_chains": "`InteractiveInput().update(...)` gives None",
    "differs_runtime_twice": "a runtime can be used once",
    "differs_task_runtime_meanwhile": "a component of a run sees what its `TaskRuntime` is told meanwhile",
    "differs_shared_config": "collects the components of both in its `spec`",
    "differs_drawing": "the drawing is empty unless `WORKFLOW_DRAWABLE` is set",
    **control_flow.INTENDED,
    **streams.INTENDED,
    **tools.INTENDED,
    **models.INTENDED,
    **agents.INTENDED,
    **tool_agents.INTENDED,
}
"""Program → the line of `docs/differences.md`, or the defect, that explains why it prints something else."""
