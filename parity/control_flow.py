"""Small programs about branches, expressions, loops and sub-workflows; see `corpus`."""

from __future__ import annotations

PRELUDE = '''
import json, os
from openjiuwen.core.component.branch_comp import BranchComponent
from openjiuwen.core.component.branch_router import BranchRouter
from openjiuwen.core.component.break_comp import BreakComponent
from openjiuwen.core.component.condition.array import ArrayCondition
from openjiuwen.core.component.condition.condition import AlwaysTrue, Condition, FuncCondition
from openjiuwen.core.component.condition.expression import ExpressionCondition
from openjiuwen.core.component.condition.number import NumberCondition
from openjiuwen.core.component.loop_callback.intermediate_loop_var import IntermediateLoopVarCallback
from openjiuwen.core.component.loop_callback.loop_callback import LoopCallback
from openjiuwen.core.component.loop_callback.output import OutputCallback
from openjiuwen.core.component.loop_comp import AdvancedLoopComponent, LoopComponent, LoopGroup, LoopType
from openjiuwen.core.component.set_variable_comp import SetVariableComponent
from openjiuwen.core.component.workflow_comp import SubWorkflowComponent

def go(work):
    """Run something; openJiuwen builds no workflow afterwards unless there is a current loop (Q-24)."""
    try:
        return asyncio.run(work)
    finally:
        asyncio.set_event_loop(asyncio.new_event_loop())

def branching(*branches, router=False):
    """start -> branch -> a, b or end; the end shows who ran and what the branch put out."""
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"n": "${n}", "t": "${t}", "l": "${l}", "d": "${d}"})
    chooser = BranchRouter() if router else BranchComponent()
    for branch in branches:
        chooser.add_branch(*branch)
    flow.add_workflow_comp("way", C(lambda i, r: {}) if router else chooser)
    if router:
        flow.add_conditional_connection("way", chooser)
    flow.add_connection("s", "way")
    for name in "ab":
        flow.add_workflow_comp(name, C(lambda i, r: {"ran": r.executable_id()}))
        flow.add_connection(name, "e")
    flow.set_end_comp("e", End(), inputs_schema={"a": "${a.ran}", "b": "${b.ran}", "way": "${way}"})
    return flow

INPUTS = {"n": 3, "t": "ab", "l": [1, 2], "d": {"k": 1, "m": {"x": "y"}}, "e": []}

def holds(text):
    go(play(branching((text, "a"), (lambda: True, "b")), INPUTS))

def body(*parts, **schemas):
    """The parts one after the other; each gets its schema, else the index."""
    group, before = LoopGroup(), None
    for name, part in parts:
        group.add_workflow_comp(name, part, inputs_schema=schemas.get(name, {"i": "${l.index}"}))
        if before:
            group.add_connection(before, name)
        before = name
    group.start_nodes([parts[0][0]]); group.end_nodes([before])
    return group

def looping(loop, inputs, keys=("o",), name="l"):
    """start -> the loop -> end, which shows the keys of its output."""
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}", "l": "${list}"})
    flow.add_workflow_comp(name, loop, inputs_schema=inputs)
    flow.set_end_comp("e", End(), inputs_schema={key: "${%s.%s}" % (name, key) for key in keys})
    flow.add_connection("s", name); flow.add_connection(name, "e")
    return flow

def number(n, **more):
    return {"loop_type": "number", "loop_number": n, **more}

def around(inner, schema={"q": "${s.q}"}, **options):
    """start -> sub -> end, which shows the sub-workflow's output."""
    flow = Workflow(**options)
    flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema=schema)
    flow.set_end_comp("e", End(), inputs_schema={"sub": "${sub.output}"})
    flow.add_connection("s", "sub"); flow.add_connection("sub", "e")
    return flow

def count(i, r):
    n = (r.get_state("n") or 0) + 1
    r.update_state({"n": n})
    return {"n": n}
'''

_EXPRESSIONS = [
    "${s.n} > 2", "${s.n}>5 || ${s.t} == 'ab'", "2 < ${s.n} < 9 && not ${s.no}", "length(${s.l}) == 2",
    "is_empty(${e}) and is_not_empty(${s.l})", "9 not_in ${s.l}", "'b' in ${s.t}", "1 in 5", "${s.l}[-1] == 2",
    "${s.l[0]} == 1", "${s.d}['k'] == 1", "${s.d}.k == 1", "${s.t}.upper() == 'AB'", "${s.no} == None", "${s.n}",
    "${s.no}", "${ s.n } == None", "sum(${s.l}) == 3 and bool(1) == true", "(${s.n} + 1) * 2 - 7 // 2 == 5",
    "2 ** 3 % 5 == 3 and ~0 == -1", "6 & 3 == 3 or 1 << 2 == 4", "[1, 2] == ${s.l} and (1, 2) != ${s.l}",
    "{'k': 1} != ${s.d}", "0x10 == 16", "1 is 1", "'%s' % ${s.n} == '3'", "'a' 'b' == ${s.t}", "len(${s.t}) == 2",
    # what fails when it runs
    "${s.n} > 'x'", "1 / 0", "${s.l}[9] == 1", "${s.d}['no'] == 1", "${s.d}.no == 1", "is_empty(5)", "len(None)",
    "${s.t}.nothing()", "9 ** 999",
]  # fmt: skip

_RAISED_EARLY = [
    "${s.t}.__class__",
    "!${s.n}",
    "(${s.n} > 1",
    "${s.n} = 3",
    "word == 1",
    "abs(1)",
    "1 if 1 else 2",
    "lambda: 1",
]
"""What is refused here when it is given, and there when it is evaluated; the codes are the same."""

PROGRAMS: dict[str, str] = {f"expression_{number}": f"holds({text!r})" for number, text in enumerate(_EXPRESSIONS)} | {
    f"expression_refused_{number}": f"try: holds({text!r})\nexcept JiuWenBaseException as error: print('error', error.error_code, '')"
    for number, text in enumerate(_RAISED_EARLY)
}

PROGRAMS |= {
    "branch_order": "for n in (9, 5, 0): go(play(branching(('${s.n} > 7', 'a'), ('${s.n} > 3', ['a', 'b']), (lambda: True, 'e', 'else')), {'n': n}))",
    "branch_router": "for n in (9, 0): go(play(branching(('${s.n} > 7', 'a'), ('True', ('b',)), router=True), {'n': n}))",
    "branch_kinds": "for c in (ExpressionCondition('${s.n} > 1'), FuncCondition(lambda: []), AlwaysTrue(), lambda: 'yes'): go(play(branching((c, 'a'), (AlwaysTrue(), 'b')), {'n': 3}))",
    "branch_none": "flow = branching(('${s.n} > 7', 'a'))\nfor given in ({'n': 1}, InteractiveInput()): go(play(flow, given))",
    "branch_condition_outputs": "class D(Condition):\n    def invoke(self, inputs, runtime): return inputs['n'] > 2, {'saw': inputs['n']}\nfor n in (1, 5): go(play(branching((D({'n': '${s.n}'}), 'a'), (AlwaysTrue(), 'b')), {'n': n}))",
    "branch_bad": "for args in (('', 'a'), (None, 'a'), ('True', ''), ('True', ['a', '']), (3, 'a'), ('1' * 5001, 'a')): attempt(lambda: BranchComponent().add_branch(*args))",
    "branch_callable_raises": "go(play(branching((lambda: 1 / 0, 'a')), {'n': 1}))",
    "branch_unknown_target": "go(play(branching(('True', 'ghost')), {'n': 1}))",
    "branch_and_edges": "flow = branching(('True', 'a'))\nflow.add_connection('way', 'b')\ngo(play(flow, {'n': 1}))",
    "branch_back": "flow = Workflow()\nflow.set_start_comp('s', Start())\nflow.add_workflow_comp('n', C(count))\nway = BranchComponent(); way.add_branch('${n.n} < 3', 'n'); way.add_branch('True', 'e')\nflow.add_workflow_comp('way', way)\nflow.set_end_comp('e', End(), inputs_schema={'n': '${n.n}'})\nflow.add_connection('s', 'n'); flow.add_connection('n', 'way')\ngo(play(flow, {}))",
    "loop_array": "go(play(looping(LoopComponent(body(('a', C()), a={'x': '${l.item}', 'y': '${l.other}', 'i': '${l.index}'}), {'o': '${a}'}), {'loop_type': 'array', 'loop_array': {'item': '${s.l}', 'other': ['p', 'q', 'r']}}), {'list': [1, None]}))",
    "loop_counts": "for n in (2, '2', 2.0, True, 0, -1): go(play(looping(LoopComponent(body(('a', C())), {'o': '${a.i}'}), number('${s.q}')), {'q': n}, uuid.uuid4().hex))",
    "loop_number_missing": "go(play(looping(LoopComponent(body(('a', C())), {'o': '${a.i}'}), {'loop_type': 'number'}), {}))",
    "loop_expression": "go(play(looping(LoopComponent(body(('a', C()), ('v', SetVariableComponent({'${l.u}': '${a.i}'}))), {'o': '${a.i}', 'u': '${l.u}'}), {'loop_type': 'expression', 'bool_expression': '(${l.u} != 2)', 'intermediate_var': {'u': '${s.q}'}}, ('o', 'u')), {'q': 7}))",
    "loop_expression_reference": "for q in (False, '${l.index} < 2 '): go(play(looping(LoopComponent(body(('a', C())), {'o': '${a.i}'}), {'loop_type': 'expression', 'bool_expression': '${s.q}'}), {'q': q}, uuid.uuid4().hex))",
    "loop_collects": "go(play(looping(LoopComponent(body(('a', C())), {'o': {'x': '${a.i}', 'lit': 'z', 'list': ['${a.i}', '${l.index}'], 'q': '${s.q}', 'no': '${a.no}'}, 'n': '${l.index}'}), number(2), ('o', 'n')), {'q': {'k': 1}}))",
    "loop_zero_rounds": "go(play(looping(LoopComponent(body(('a', C())), {'o': {'x': '${a.i}', 'lit': 'z'}, 'n': '${l.index}'}), number(0), ('o', 'n')), {}))",
    "loop_variables": "go(play(looping(LoopComponent(body(('v', SetVariableComponent({'${l.u}': '${l.index}', 'l.d.e': '${s.q[0]}', '${l.lit}': {'x': '${q}'}})), ('a', C()), a={'u': '${l.u}', 'd': '${l.d}', 'lit': '${l.lit}', 't': '${l.t}'}), {'o': '${a}'}), number(2, intermediate_var={'u': 9, 'd': {'f': 1}, 't': ['${s.q}', 2]})), {'q': [5]}))",
    "loop_break": "way = BranchComponent(); way.add_branch('${l.index} >= 2', ['stop', 'b']); way.add_branch('True', 'b')\ngroup = body(('a', C()), ('way', way))\ngroup.add_workflow_comp('stop', BreakComponent()); group.add_workflow_comp('b', C(), inputs_schema={'i': '${l.index}'})\ngroup.end_nodes(['b'])\ngo(play(looping(LoopComponent(group, {'o': '${b.i}', 'n': '${l.index}'}), {'loop_type': 'always_true'}, ('o', 'n')), {}))",
    "loop_after_break": "go(play(looping(LoopComponent(body(('a', C()), ('stop', BreakComponent()), ('b', C())), {'o': '${b.i}', 'n': '${l.index}'}), number(5), ('o', 'n')), {}))",
    "loop_state": "def f(i, r):\n    g = r.get_global_state('g') or 0\n    r.update_global_state({'g': g + 1})\n    return {**count(i, r), 'g': g, 'id': r.executable_id(), 'loop': r.get_global_state('__sys_loop_id'), 'index': r.get_global_state('l.index'), 'q': r.get_global_state('q'), 'last': i['last']}\nflow = looping(LoopComponent(body(('a', C(f)), ('b', C()), a={'last': '${b.i}'}), {'o': '${a}'}), number(2))\nflow.add_workflow_comp('g', C(lambda i, r: r.get_global_state('g'))); flow.add_connection('l', 'g')\ngo(play(flow, {'q': 4}))",
    "loop_entered_again": "times = iter(['l', 'l', 'e'])\nflow = looping(LoopComponent(body(('a', C(count))), {'o': '${a.n}'}), number(2))\nflow.add_workflow_comp('keep', C(lambda i, r: print(i)), inputs_schema={'o': '${l.o}'})\nflow.add_connection('l', 'keep'); flow.add_conditional_connection('keep', lambda: next(times))\ngo(play(flow, {}))",
    "loop_errors": "for given in ({}, {'loop_type': 'x'}, None, number('${s.no}'), number('x'), number(2.5), {'loop_type': 'array', 'loop_array': {'item': '${s.no}'}}, {'loop_type': 'array', 'loop_array': {'item': 'abc'}}, {'loop_type': 'expression', 'bool_expression': '(${l.index} > ${s.no})'}):\n    try: go(looping(LoopComponent(body(('a', C())), {'o': '${a.i}'}), given).invoke({}, WorkflowRuntime()))\n    except JiuWenBaseException as error: print(error.error_code)",
    "loop_build_errors": "attempt(lambda: LoopComponent(LoopGroup(), {})); attempt(lambda: LoopGroup().add_workflow_comp('x', LoopComponent(body(('a', C())), {})) or 1); attempt(lambda: SetVariableComponent({})); attempt(lambda: SubWorkflowComponent(None))",
    "loop_body_without_ends": "for n in (0, 1):\n    group = LoopGroup(); group.add_workflow_comp('a', C())\n    (group.start_nodes if n else group.end_nodes)(['a'])\n    try: go(looping(LoopComponent(group, {}), number(1)).invoke({}, WorkflowRuntime()))\n    except JiuWenBaseException as error: print(error.error_code)",
    "loop_break_outside": "go(play(chain(('b', BreakComponent())), {'q': 1})) if 0 else None\ntry: go(chain(('b', BreakComponent())).invoke({'q': 1}, WorkflowRuntime()))\nexcept JiuWenBaseException as error: print(error.error_code)",
    "loop_asks": "async def f(i, r): return {'a': await r.interact(i['i'])}\nflow = looping(LoopComponent(body(('n', C(count)), ('a', C(f))), {'o': ['${a.a}', '${n.n}']}), number(3))\ngo(play(flow, {}))\nfor word in 'xyz':\n    answer = InteractiveInput(); answer.update('l.a', word); go(play(flow, answer))",
    "loop_fails": "ran = []\ndef f(i, r):\n    ran.append(i['i'])\n    if ran == [0, 1]: raise ValueError('round 1')\n    return i\nflow = looping(LoopComponent(body(('n', C(count)), ('a', C(f))), {'o': ['${a.i}', '${n.n}']}), number(3))\nfor given in ({}, InteractiveInput()): go(play(flow, given))\nprint(ran)",
    "loop_parallel_join": "group = LoopGroup()\nfor n in 'abc': group.add_workflow_comp(n, C(), inputs_schema={'i': '${l.index}'})\ngroup.add_workflow_comp('j', C(), wait_for_all=True, inputs_schema={'a': '${a.i}', 'c': '${c.i}'})\ngroup.start_nodes(['a', 'b']); group.end_nodes(['j'])\ngroup.add_connection('a', 'j'); group.add_connection('b', 'c'); group.add_connection('c', 'j')\ngo(play(looping(LoopComponent(group, {'o': '${j}'}), number(2)), {}))",
    "loop_router": "group = body(('a', C(count)))\ngroup.add_workflow_comp('z', C(), inputs_schema={'n': '${a.n}'})\ngroup.add_conditional_connection('a', lambda runtime: 'a' if runtime.get_global_state('a.n') % 3 else 'z')\ngroup.end_nodes(['z'])\ngo(play(looping(LoopComponent(group, {'o': '${z.n}'}), number(2)), {}))",
    "loop_advanced": "for c in (NumberCondition('${s.q}'), NumberCondition(2), ArrayCondition({'item': '${s.l}'}), '(${l.index} < 3)', FuncCondition(lambda: False)): go(play(looping(AdvancedLoopComponent(body(('a', C()), a={'i': '${l.index}', 'item': '${l.item}'}), c, callbacks=[OutputCallback({'o': '${a}'})]), None), {'q': 1, 'list': ['x', 'y']}, uuid.uuid4().hex))",
    "loop_callbacks": "heard = []\nclass H(LoopCallback):\n    def first_in_loop(self, runtime): heard.append('first'); return {'k': 'first'}\n    def start_round(self, runtime): heard.append('start'); return {'sr': 1}\n    def end_round(self, runtime, loop_times): heard.append(('end', loop_times)); return {'er': loop_times}\n    def out_loop(self, runtime): heard.append('out'); return {'done': True}\ngo(play(looping(AdvancedLoopComponent(body(('a', C()), a={'k': '${l.k}', 'sr': '${l.sr}', 'er': '${l.er}', 'v': '${l.v}'}), NumberCondition(2), callbacks=[H(), IntermediateLoopVarCallback({'v': '${s.q}'}), OutputCallback({'o': '${a}'})]), None, ('o', 'done')), {'q': 5}))\nprint(heard)",
    "loop_type": "print([(t.name, t.value) for t in LoopType])",
    "sub_maps": "go(play(around(chain(('a', C()))), {'q': {'k': 1}}))",
    "sub_template": "inner = Workflow()\ninner.set_start_comp('s', Start(), inputs_schema={'q': '${q}'}); inner.set_end_comp('e', End({'responseTemplate': '<{{q}}>'}), inputs_schema={'q': '${s.q}'}); inner.add_connection('s', 'e')\nflow = around(inner)\nflow.add_workflow_comp('t', C(lambda i, r: print(i)), inputs_schema={'t': '${sub.responseContent}'}); flow.add_connection('sub', 't')\ngo(play(flow, {'q': '文'}))",
    "sub_isolates": "look = C(lambda i, r: {'i': i, 'id': r.executable_id(), 's': r.get_global_state('s.q'), 'raw': r.get_global_state('raw'), 'g': r.get_global_state('g')})\ninner = Workflow()\ninner.set_start_comp('x', Start(), inputs_schema={'q': '${mine}', 's': '${s.q}', 'raw': '${raw}'})\ninner.add_workflow_comp('look', look, inputs_schema={'x': '${x}', 'raw': '${raw}'}); inner.set_end_comp('e', End(), inputs_schema={'look': '${look}'})\ninner.add_connection('x', 'look'); inner.add_connection('look', 'e')\nflow = around(inner, {'mine': '${s.q}'})\ngo(play(flow, {'q': 1, 'raw': 2}))",
    "sub_global": "def f(i, r): r.update_global_state({'g': {'in': 1}})\nflow = around(chain(('a', C(f)), ('b', C(lambda i, r: {'g': r.get_global_state('g')}))))\nflow.add_workflow_comp('t', C(lambda i, r: print(r.get_global_state('g')))); flow.add_connection('sub', 't')\ngo(play(flow, {'q': 1}))",
    "sub_asks": "async def f(i, r): return {'a': await r.interact('1?'), 'b': await r.interact('2?')}\nran = []\nflow = around(chain(('n', C(lambda i, r: ran.append(1))), ('a', C(f))))\ngo(play(flow, {'q': 1}))\nfor word in 'xy':\n    answer = InteractiveInput(); answer.update('sub.a', word); go(play(flow, answer))\nprint(len(ran))",
    "sub_fails": "ran = []\ndef f(i, r):\n    ran.append(1)\n    if len(ran) == 1: raise ValueError('once')\n    return i\nflow = around(chain(('n', C(count)), ('a', C(f))))\nfor given in ({'q': 1}, InteractiveInput()): go(play(flow, given))",
    "sub_twice_in_a_row": "inner = chain(('a', C(count)))\nflow = around(inner)\nflow.add_workflow_comp('again', SubWorkflowComponent(inner), inputs_schema={'q': 2}); flow.add_connection('sub', 'again')\nflow.add_workflow_comp('t', C(lambda i, r: print(i)), inputs_schema={'t': '${again.output}'}); flow.add_connection('again', 't')\ngo(play(flow, {'q': 1}))",
    "sub_depth": "for depth, limit in ((5, 5), (6, 5), (1, 0)):\n    inner = chain(('a', C()))\n    for _ in range(depth - 1): inner = around(inner)\n    try: print(go(around(inner, workflow_config=WorkflowConfig(workflow_max_nesting_depth=limit)).invoke({'q': 1}, WorkflowRuntime())).state)\n    except JiuWenBaseException as error: print(error.error_code)",
    "sub_in_loop": "go(play(looping(LoopComponent(body(('sub', SubWorkflowComponent(chain(('a', C(count))))), sub={'q': '${l.index}'}), {'o': '${sub.output}'}), number(2)), {}))",
    "loop_in_sub": "inner = looping(LoopComponent(body(('a', C()), a={'i': '${l.index}', 'q': '${s.q}'}), {'o': '${a}'}), number('${s.q}'))\ngo(play(around(inner), {'q': 2}))",
    "sub_transformer_schema": "flow = Workflow()\nflow.set_start_comp('s', Start(), inputs_schema={'q': '${q}'})\nflow.add_workflow_comp('sub', SubWorkflowComponent(chain(('a', C()))), inputs_transformer=lambda state: {'q': state.get('s.q')}, outputs_transformer=lambda o: {'x': o['output']['a']['q']})\nflow.set_end_comp('e', End(), inputs_schema={'sub': '${sub.x}'})\nflow.add_connection('s', 'sub'); flow.add_connection('sub', 'e')\ngo(play(flow, {'q': 4}))",
}  # fmt: skip

PROGRAMS |= {
    # What is intended to differ: each explained by a line of docs/differences.md (INTENDED).
    "differs_expression_early": "attempt(lambda: branching(('(${s.n} >', 'a')) and 1)",
    "differs_expression_word": "attempt(lambda: branching(('word == 1', 'a')) and 1)",
    "differs_expression_method": "holds(\"${s.t}.center(4) == ' ab '\")",
    "differs_branch_in_body": "way = BranchComponent(); way.add_branch('${l.index} > 5', 'a')\ngroup = body(('way', way)); group.add_workflow_comp('a', C()); group.end_nodes(['a'])\ngo(play(looping(LoopComponent(group, {}), number(1)), {}))",
    "set_outside": "attempt(lambda: chain(('v', SetVariableComponent({'${start.q}': 5}))))",
    "differs_subscript_outside": "attempt(lambda: looping(LoopComponent(body(('a', C())), {}), number(1, intermediate_var={'x': '${s.q}[0]'})))",
    "differs_skipped_in_round": "way = BranchComponent(); way.add_branch('${l.index} == 0', 'x'); way.add_branch('True', 'y')\ngroup = body(('way', way))\nfor n in 'xy': group.add_workflow_comp(n, C(), inputs_schema={'i': '${l.index}'})\ngroup.end_nodes(['x', 'y'])\ngo(play(looping(LoopComponent(group, {'o': '${x.i}'}), number(2)), {}))",
    "callback_outputs": "class H(LoopCallback):\n    def first_in_loop(self, runtime): return {'k': 1}\n    def start_round(self, runtime): return None\n    def end_round(self, runtime, loop_times): return None\n    def out_loop(self, runtime): return None\ngo(play(looping(AdvancedLoopComponent(body(('a', C())), NumberCondition(1), callbacks=[H()]), None, ('k',)), {}))",
}  # fmt: skip

INTENDED: dict[str, str] = {
    "differs_expression_early": "an expression that cannot be parsed fails when it is evaluated",
    "differs_expression_word": "an expression that cannot be parsed fails when it is evaluated",
    "differs_expression_method": "an expression may call any public method",
    "differs_branch_in_body": "an error between the components of a loop's body names `body`",
    "differs_subscript_outside": "a subscript outside the braces is a text",
    "differs_skipped_in_round": "a component that was skipped in a round is collected with its last value",
}
