"""Small programs about frames between components and about the End's abilities; see `corpus`."""

from __future__ import annotations

PRELUDE = '''
class G(ComponentExecutable, WorkflowComponent):
    """Gives frames, one after the other; `pause` lets others run in between."""
    def __init__(self, *items, pause=0.01, fails_at=None):
        super().__init__()
        self.items, self.pause, self.fails_at = items, pause, fails_at
    async def invoke(self, inputs, runtime, context):
        return {"batch": inputs}
    async def stream(self, inputs, runtime, context):
        for number, item in enumerate(self.items or [inputs]):
            if number == self.fails_at:
                self.fails_at = None
                raise ValueError("mid-stream")
            yield item
            await asyncio.sleep(self.pause)

class T(ComponentExecutable, WorkflowComponent):
    """Takes frames: `collect` gives a list of what came by input, `transform` passes each on."""
    def __init__(self, fails_at=None):
        super().__init__()
        self.fails_at = fails_at
    async def invoke(self, inputs, runtime, context):
        return {"batch": inputs}
    async def collect(self, inputs, runtime, context):
        return {key: [item async for item in value] if hasattr(value, "__aiter__") else value for key, value in inputs.items()}
    async def transform(self, inputs, runtime, context):
        number = 0
        for key, value in inputs.items():
            async for item in value:
                if number == self.fails_at:
                    self.fails_at = None
                    raise ValueError("in transform")
                number += 1
                yield {key: item}

def streaming(*parts, edges, end, start={"q": "${q}"}):
    """start, the parts (id, component, options), and an End (conf, options); edges "a>b" are batch, "a=b" frames."""
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema=start)
    for name, part, options in parts:
        flow.add_workflow_comp(name, part, **options)
    flow.set_end_comp("e", End(end[0]), **end[1])
    for edge in edges.split():
        source, target = edge.replace("=", ">").split(">")
        (flow.add_stream_connection if "=" in edge else flow.add_connection)(source, target)
    return flow

async def watch(flow, given, session=None):
    """The frames of a stream, one a line, then how it ended."""
    try:
        async for f in flow.stream(given, WorkflowRuntime(session_id=session or SESSION), stream_modes=[BaseStreamMode.OUTPUT]):
            print(f)
    except JiuWenBaseException as error:
        print("error", error.error_code)

V = {"v": "${g.v}"}
A = [{"v": 1, "w": {"x": "a"}}, {"v": 2}, {"w": {"x": None}}, {"v": 0}]
'''

PROGRAMS: dict[str, str] = {
    "stream_end_batch": "asyncio.run(watch(streaming(edges='s>e', end=(None, {'inputs_schema': {'a': '${s.q}', 'b': '${s.no}', 'c': {'d': 1}}, 'response_mode': 'streaming'})), {'q': [1, 2]}))",
    "stream_end_template": "asyncio.run(watch(streaming(edges='s>e', end=({'responseTemplate': 'A{{a}}{{b.d}}-{{a}}'}, {'inputs_schema': {'a': '${s.q}', 'b': {'d': 0}}, 'response_mode': 'streaming'})), {'q': [1, 2]}))",
    "stream_end_no_inputs": "asyncio.run(watch(streaming(edges='s>e', end=({'responseTemplate': 'only text'}, {'response_mode': 'streaming'})), {'q': 1}))",
    "stream_invoke_of_streaming": "asyncio.run(play(streaming(edges='s>e', end=(None, {'inputs_schema': {'a': '${s.q}'}, 'response_mode': 'streaming'})), {'q': 1}))",
    "stream_other_mode": "asyncio.run(watch(streaming(edges='s>e', end=(None, {'inputs_schema': {'a': '${s.q}'}, 'response_mode': 'other'})), {'q': 1}))",
    "stream_transform": "asyncio.run(watch(streaming(('g', G(*A), {'comp_ability': [ComponentAbility.STREAM]}), edges='s>g g=e', end=(None, {'stream_inputs_schema': {'a': '${g.v}', 'n': {'x': '${g.w.x}'}}, 'response_mode': 'streaming'})), {'q': 1}))",
    "stream_transform_template": "asyncio.run(watch(streaming(('g', G(*A), {'comp_ability': [ComponentAbility.STREAM]}), edges='s>g g=e', end=({'responseTemplate': 'X{{a}}Y{{b}}Z'}, {'stream_inputs_schema': {'b': '${g.v}', 'a': '${g.w.x}'}, 'response_mode': 'streaming'})), {'q': 1}))",
    "stream_collect": "asyncio.run(play(streaming(('g', G(*A), {'comp_ability': [ComponentAbility.STREAM]}), edges='s>g g=e', end=(None, {'stream_inputs_schema': {'a': '${g.v}', 'l': ['${g.w.x}'], 'whole': '${g}'}})), {'q': 1}))",
    "stream_collect_template": "asyncio.run(play(streaming(('g', G(*A), {'comp_ability': [ComponentAbility.STREAM]}), edges='s>g g=e', end=({'responseTemplate': 'X{{a}}Y'}, {'stream_inputs_schema': {'a': '${g.v}'}})), {'q': 1}))",
    "stream_collect_and_batch": "asyncio.run(play(streaming(('g', G(*A), {'comp_ability': [ComponentAbility.STREAM]}), edges='s>g g=e', end=(None, {'stream_inputs_schema': V and {'a': '${g.v}'}, 'inputs_schema': {'q': '${s.q}', 'no': '${s.no}'}})), {'q': 1}))",
    "stream_zero_frames": "class Z(G):\n    async def stream(self, inputs, runtime, context):\n        return\n        yield\nasyncio.run(play(streaming(('g', Z(), {'comp_ability': [ComponentAbility.STREAM]}), edges='s>g g=e', end=(None, {'stream_inputs_schema': V})), {'q': 1}))\nasyncio.run(watch(streaming(('g', Z(), {'comp_ability': [ComponentAbility.STREAM]}), edges='s>g g=e', end=(None, {'stream_inputs_schema': V, 'response_mode': 'streaming'})), {'q': 1}, uuid.uuid4().hex)) if 0 else None",
    "stream_zero_frames_consumer": "class Z(G):\n    async def stream(self, inputs, runtime, context):\n        return\n        yield\nasyncio.run(play(streaming(('g', Z(), {'comp_ability': [ComponentAbility.STREAM]}), ('t', T(), {'stream_inputs_schema': V}), edges='s>g g=t t>e', end=(None, {'inputs_schema': {'t': '${t}'}})), {'q': 1}))",
    "stream_no_producer": "asyncio.run(play(streaming(('g', G(*A), {'comp_ability': [ComponentAbility.INVOKE]}), ('t', T(), {'stream_inputs_schema': V, 'comp_ability': [ComponentAbility.COLLECT]}), edges='s>g g=t t>e', end=(None, {'inputs_schema': {'t': '${t}'}})), {'q': 1}))",
    "stream_inferred_chain": "asyncio.run(watch(streaming(('g', G(*A), {}), ('t', T(), {'stream_inputs_schema': V}), edges='s>g g=t t=e', end=(None, {'stream_inputs_schema': {'r': '${t.v}'}, 'response_mode': 'streaming'})), {'q': 1}))",
    "stream_inferred_collect": "asyncio.run(play(streaming(('g', G(*A), {}), ('t', T(), {'stream_inputs_schema': {'v': '${g.v}', 'const': 5, 'zero': 0, 'text': ''}}), edges='s>g g=t t>e', end=(None, {'inputs_schema': {'t': '${t}'}})), {'q': 1}))",
    "stream_both_ways": "asyncio.run(play(streaming(('g', G(*A), {'inputs_schema': {'q': '${s.q}'}}), ('t', T(), {'stream_inputs_schema': V}), ('u', T(), {'inputs_schema': {'b': '${g.batch}'}}), edges='s>g g=t g>u t>e u>e', end=(None, {'inputs_schema': {'t': '${t}', 'u': '${u}'}})), {'q': 1}))",
    "stream_two_consumers": "asyncio.run(play(streaming(('g', G(*A), {}), ('t', T(), {'stream_inputs_schema': V}), ('u', T(), {'stream_inputs_schema': {'x': '${g.w.x}'}}), edges='s>g g=t g=u t>e u>e', end=(None, {'inputs_schema': {'t': '${t}', 'u': '${u}'}})), {'q': 1}))",
    "stream_output_schema": "asyncio.run(play(streaming(('g', G(*A), {'comp_ability': [ComponentAbility.STREAM], 'stream_outputs_schema': {'v': '${w.x}', 'k': '${v}'}}), edges='s>g g=e', end=(None, {'stream_inputs_schema': {'a': '${g}'}})), {'q': 1}))",
    "stream_output_transformer": "asyncio.run(play(streaming(('g', G(*A), {'comp_ability': [ComponentAbility.STREAM], 'stream_outputs_transformer': lambda f: {'v': sorted(f)}}), edges='s>g g=e', end=(None, {'stream_inputs_schema': V})), {'q': 1}))",
    "stream_producer_fails": "flow = streaming(('g', G(*A, fails_at=2), {}), ('t', T(), {'stream_inputs_schema': V}), edges='s>g g=t t>e', end=(None, {'inputs_schema': {'t': '${t}'}}))\nfor given in ({'q': 1}, InteractiveInput()): asyncio.run(play(flow, given))",
    "stream_producer_asks": "class Q(G):\n    async def stream(self, inputs, runtime, context):\n        yield {'v': 1}\n        yield {'v': await runtime.interact('?')}\nflow = streaming(('g', Q(), {}), ('t', T(), {'stream_inputs_schema': V}), edges='s>g g=t t>e', end=(None, {'inputs_schema': {'t': '${t}'}}))\nfor given in ({'q': 1}, InteractiveInput('yes')): asyncio.run(play(flow, given))",
    "stream_consumer_asks": "class Q(T):\n    async def collect(self, inputs, runtime, context):\n        await runtime.interact('?')\nasyncio.run(watch(streaming(('g', G(*A), {}), ('t', Q(), {'stream_inputs_schema': V}), edges='s>g g=t t>e', end=(None, {'inputs_schema': {'t': '${t}'}})), {'q': 1}))",
    "stream_not_implemented": "asyncio.run(watch(streaming(('g', C(), {'comp_ability': [ComponentAbility.STREAM]}), edges='s>g g=e', end=(None, {'stream_inputs_schema': V})), {'q': 1}))",
    "stream_wait_conflict": "attempt(lambda: Workflow().add_workflow_comp('t', T(), wait_for_all=False, comp_ability=[ComponentAbility.COLLECT]))",
    "stream_sub": "inner = streaming(('g', G(*A), {}), edges='s>g g=e', end=(None, {'stream_inputs_schema': V, 'response_mode': 'streaming'}))\nflow = Workflow()\nflow.set_start_comp('s', Start(), inputs_schema={'q': '${q}'})\nflow.add_workflow_comp('sub', SubWorkflowComponent(inner), inputs_schema={'q': '${s.q}'})\nflow.set_end_comp('e', End(), inputs_schema={'sub': '${sub.stream}'})\nflow.add_connection('s', 'sub'); flow.add_connection('sub', 'e')\nasyncio.run(play(flow, {'q': 1}))",
    "stream_sub_frames": "inner = streaming(('g', G(*A), {}), edges='s>g g=e', end=(None, {'stream_inputs_schema': V, 'response_mode': 'streaming'}))\nflow = Workflow()\nflow.set_start_comp('s', Start(), inputs_schema={'q': '${q}'})\nflow.add_workflow_comp('sub', SubWorkflowComponent(inner), inputs_schema={'q': '${s.q}'})\nflow.set_end_comp('e', End(), stream_inputs_schema={'v': '${sub.output.v}'}, response_mode='streaming')\nflow.add_connection('s', 'sub'); flow.add_stream_connection('sub', 'e')\nasyncio.run(watch(flow, {'q': 1}))",
    "stream_in_loop": "group = LoopGroup()\ngroup.add_workflow_comp('g', G(), inputs_schema={'v': '${l.index}'}); group.add_workflow_comp('t', T(), stream_inputs_schema=V)\ngroup.start_nodes(['g']); group.end_nodes(['t']); group.add_stream_connection('g', 't')\nasyncio.run(play(looping(LoopComponent(group, {'o': '${t.v}'}), number(2)), {}))",
}  # fmt: skip

PROGRAMS |= {
    # What is intended to differ: each explained by a line of docs/differences.md (INTENDED).
    "differs_stream_and_batch_edge": "asyncio.run(play(streaming(('g', G(*A), {}), ('t', T(), {'stream_inputs_schema': V, 'inputs_schema': {'q': '${s.q}'}}), edges='s>g s>t g=t t>e', end=(None, {'inputs_schema': {'t': '${t}'}})), {'q': 1}))",
}  # fmt: skip

INTENDED: dict[str, str] = {
    "differs_stream_and_batch_edge": "a component with a batch and a stream connection runs after either",
}
