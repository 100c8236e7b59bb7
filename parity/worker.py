"""Runs cases, one JSON object a line, on whichever `openjiuwen` its interpreter has.

    python worker.py                                  # openJiuwen itself, in its own environment
    python -m jiuwen_lg.compat worker.py              # jiuwen_lg, through the alias

The same text runs on both. A case describes a workflow and the turns to play with it; the
answer tells what each turn gave and which components ran. Nothing here knows which engine
it runs on.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import logging
import os
import sys
import uuid

from openjiuwen.core.common.exception.exception import JiuWenBaseException
from openjiuwen.core.component.base import WorkflowComponent
from openjiuwen.core.component.branch_comp import BranchComponent
from openjiuwen.core.component.break_comp import BreakComponent
from openjiuwen.core.component.end_comp import End
from openjiuwen.core.component.loop_comp import LoopComponent, LoopGroup
from openjiuwen.core.component.set_variable_comp import SetVariableComponent
from openjiuwen.core.component.start_comp import Start
from openjiuwen.core.component.workflow_comp import SubWorkflowComponent
from openjiuwen.core.runtime.base import ComponentExecutable
from openjiuwen.core.runtime.interaction.interactive_input import InteractiveInput
from openjiuwen.core.runtime.workflow import WorkflowRuntime
from openjiuwen.core.stream.base import BaseStreamMode
from openjiuwen.core.workflow.base import Workflow
from openjiuwen.core.workflow.workflow_config import ComponentAbility

MAX_TURNS = 12


class Part(ComponentExecutable, WorkflowComponent):
    """A component that does what its description says: fail, ask, write, and return something."""

    def __init__(self, description, log):
        super().__init__()
        self.description = description
        self.log = log
        self.failures = description.get("fails", 0)

    async def invoke(self, inputs, runtime, context):
        does = self.description
        self.log.append(does["id"])
        if self.failures:
            self.failures -= 1
            raise ValueError(f"{does['id']} fails")
        output = dict(does.get("gives") or {})
        if does.get("echo"):
            output["in"] = inputs
        if does.get("counts"):
            count = (runtime.get_state("n") or 0) + 1
            runtime.update_state({"n": count})
            output["n"] = count
        if does.get("asks"):
            output["answers"] = [await runtime.interact(question) for question in does["asks"]]
        for update in does.get("world", []):
            runtime.update_global_state(update)
        if does.get("reads"):
            output["read"] = [runtime.get_global_state(key) for key in does["reads"]]
        for number, payload in enumerate(does.get("frames", [])):
            await runtime.write_stream({"type": does["id"], "index": number, "payload": payload})
        return does.get("returns", output)


class Gives(ComponentExecutable, WorkflowComponent):
    """Gives frames, letting others run in between; may fail in the middle."""

    def __init__(self, description, log):
        super().__init__()
        self.description = description
        self.log = log
        self.failures = description.get("fails", 0)

    async def stream(self, inputs, runtime, context):
        does = self.description
        self.log.append(does["id"] + "_g")
        for number, item in enumerate(does["gives"]):
            if number == len(does["gives"]) // 2 and self.failures:
                self.failures -= 1
                raise ValueError(f"{does['id']} fails")
            yield {"v": item}
            await asyncio.sleep(0)


class Takes(ComponentExecutable, WorkflowComponent):
    """Collects frames into a list, or passes each on in a list of its own."""

    def __init__(self, id, log):
        super().__init__()
        self.id = id
        self.log = log

    async def collect(self, inputs, runtime, context):
        self.log.append(self.id)
        return {"v": [item async for item in inputs["v"]]}

    async def transform(self, inputs, runtime, context):
        self.log.append(self.id)
        async for item in inputs["v"]:
            yield {"v": [item]}


def add_stream(builder, part, log):
    """A producer, perhaps one that transforms, and a consumer that has the part's id."""
    id = part["id"]
    names = [f"{id}_g", *(f"{id}_t{number}" for number in range(part["transforms"])), id]
    first = {"inputs_schema": part.get("inputs"), "wait_for_all": part.get("wait")}
    builder.add_workflow_comp(names[0], Gives(part, log), comp_ability=[ComponentAbility.STREAM], **first)
    for before, name in itertools.pairwise(names):
        ability = ComponentAbility.COLLECT if name == id else ComponentAbility.TRANSFORM
        schema = {"v": f"${{{before}.v}}"}
        builder.add_workflow_comp(name, Takes(name, log), comp_ability=[ability], stream_inputs_schema=schema)
        builder.add_stream_connection(before, name)


def router_of(description, log):
    """A routing function: constant targets, or back for a number of rounds and then on."""
    if description["kind"] == "constant":
        return lambda: description["targets"]

    def rounds(runtime):
        log.append(f"router of {description['source']}")
        n = runtime.get_global_state(f"{description['source']}.n")
        return description["back"] if n < description["rounds"] else description["on"]

    return rounds


def branch_of(description, _):
    branch = BranchComponent()
    for condition, targets in description["branches"]:
        branch.add_branch(condition, targets)
    return branch


def loop_of(description, log):
    """A loop whose body is a chain of parts."""
    group, before = LoopGroup(), None
    for part in description["body"]:
        add_part(group, part, log)
        if before is not None and not part.get("loose"):
            group.add_connection(before, part["id"])
        if "branches" not in part:
            before = part["id"]
    ids = [part["id"] for part in description["body"]]
    group.start_nodes(ids[:1])
    group.end_nodes(ids[-1:])
    return LoopComponent(group, description["collects"])


KINDS = {
    "part": Part,
    "branch": branch_of,
    "loop": loop_of,
    "sub": lambda description, log: SubWorkflowComponent(build(description["flow"], log)),
    "set": lambda description, _: SetVariableComponent(description["mapping"]),
    "break": lambda *_: BreakComponent(),
}


def add_part(builder, part, log):
    if part.get("kind") == "stream":
        add_stream(builder, part, log)
        return
    builder.add_workflow_comp(
        part["id"],
        KINDS[part.get("kind", "part")](part, log),
        wait_for_all=part.get("wait"),
        inputs_schema=part.get("inputs"),
        outputs_schema=part.get("outputs"),
    )


def build(case, log):
    flow = Workflow()
    start = case["start"]
    flow.set_start_comp(start["id"], Start(start.get("conf")), inputs_schema=start.get("inputs"))
    for part in [*case["parts"], *([case["branch"]] if "branch" in case else [])]:
        add_part(flow, part, log)
    end = case["end"]
    flow.set_end_comp(
        end["id"],
        End(end.get("conf")),
        inputs_schema=end.get("inputs"),
        outputs_schema=end.get("outputs"),
        **({"response_mode": "streaming"} if end.get("streams") else {}),
    )
    streams = {part["id"] for part in case["parts"] if part.get("kind") == "stream"}
    for source, target in case["edges"]:
        flow.add_connection(source, f"{target}_g" if target in streams else target)
    for router in [router for router in case.get("routers", []) if router["kind"] != "branch"]:
        flow.add_conditional_connection(router["source"], router_of(router, log))
    return flow


def is_stream(result):
    return isinstance(result, list) and all(hasattr(chunk, "payload") for chunk in result)


def shown(chunk):
    if chunk.type == "__interaction__":
        return {"asks": chunk.payload.id, "index": chunk.index, "value": chunk.payload.value}
    return {"type": chunk.type, "index": chunk.index, "payload": chunk.payload}


async def play_turn(flow, given, session, streams):
    runtime = WorkflowRuntime(session_id=session)
    if streams:
        frames = [shown(f) async for f in flow.stream(given, runtime, stream_modes=[BaseStreamMode.OUTPUT])]
        return {"frames": frames}
    output = await flow.invoke(given, runtime)
    if output.state.value == "COMPLETED":
        return {"result": [shown(chunk) for chunk in output.result] if is_stream(output.result) else output.result}
    return {"frames": [shown(chunk) for chunk in output.result]}


def next_input(outcome, answers):
    """Answer some or all of what was asked, go on after a failure; None when there is nothing to do."""
    if outcome.get("error") == 100005:
        return InteractiveInput()
    asked = sorted({frame["asks"] for frame in outcome.get("frames", []) if "asks" in frame})
    if not asked:
        return None
    plan = answers.pop(0) if answers else {"count": len(asked), "value": "last"}
    given = InteractiveInput()
    for id in asked[: max(1, plan["count"])]:
        given.update(id, plan["value"])
    return given


async def play(case):
    log = []
    flow = build(case, log)
    session, answers, turns = uuid.uuid4().hex, list(case.get("answers", [])), []
    given = case["inputs"]
    while given is not None and len(turns) < MAX_TURNS:
        try:
            outcome = await play_turn(flow, given, session, case.get("streams"))
        except JiuWenBaseException as error:
            outcome = {"error": error.error_code, "message": error.message}
        turns.append(outcome)
        given = next_input(outcome, answers)
    return {"turns": turns, "ran": {id: log.count(id) for id in sorted(set(log))}}


def run_program(text):
    """What a program prints, and how it ends if not well."""
    printed = io.StringIO()
    asyncio.set_event_loop(asyncio.new_event_loop())  # openJiuwen builds workflows with one only
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(text, "program.py", "exec"), {"__name__": "__main__"})
        except BaseException as error:
            print("ended with", type(error).__name__, error)
    return {"printed": printed.getvalue()}


async def answer(case):
    try:
        return await asyncio.wait_for(play(case), 20)
    except TimeoutError:
        return {"hang": True}
    except Exception as error:
        return {"crash": f"{type(error).__name__}: {error}"}


def main():
    logging.disable(logging.CRITICAL)
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # openJiuwen logs to standard output
    out.write("ready\n")
    for line in sys.stdin:
        case = json.loads(line)
        outcome = run_program(case["program"]) if "program" in case else asyncio.run(answer(case))
        out.write(json.dumps(outcome, default=repr, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
