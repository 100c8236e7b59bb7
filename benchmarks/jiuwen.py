"""The workloads in openJiuwen's API: here, on openJiuwen 0.1.1 and on 0.1.19.

    python benchmarks/jiuwen.py here|0.1.1|0.1.19 off|FILE

`off` runs without a store. Each workload is built once, and one object serves all sessions where
the engine allows that.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from functools import cache
from types import SimpleNamespace
from typing import Any

from program import checkpoints, in_lanes, serve, timed, used_bytes


class Quiet:
    """A logger that does nothing: openJiuwen's own would take most of the time."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: {}


class Everything(dict[str, Any]):
    """The same logger by every name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        return Quiet()

    def values(self) -> Any:
        return []


def here() -> Any:
    """This package."""
    import jiuwen_lg as api

    class Component(api.ComponentExecutable, api.WorkflowComponent):
        pass

    return _names(api, Component, lambda name: api.WorkflowRuntime(session_id=name), _named(api))


def first() -> Any:
    """OpenJiuwen 0.1.1."""
    from openjiuwen.core.common.logging import LogManager

    for kind in ("common", "interface", "prompt_builder", "performance"):
        LogManager.register_logger(kind, Quiet())
    from openjiuwen.core.component import end_comp, loop_comp, start_comp
    from openjiuwen.core.component.base import WorkflowComponent
    from openjiuwen.core.runtime.base import ComponentExecutable
    from openjiuwen.core.runtime.interaction import interactive_input
    from openjiuwen.core.runtime.workflow import WorkflowRuntime
    from openjiuwen.core.stream import base as stream
    from openjiuwen.core.workflow import base, workflow_config

    class Component(ComponentExecutable, WorkflowComponent):
        pass

    modules = (end_comp, loop_comp, start_comp, interactive_input, stream, base, workflow_config)
    api = SimpleNamespace(**{name: value for module in modules for name, value in vars(module).items()})
    return _names(api, Component, lambda name: WorkflowRuntime(session_id=name), _named(api))


def latest() -> Any:
    """OpenJiuwen 0.1.19."""
    from openjiuwen.core.common.logging import LogManager

    LogManager._loggers = Everything()
    LogManager._initialized = True
    from openjiuwen.core import session, workflow
    from openjiuwen.core.session import stream

    api = SimpleNamespace(**{**vars(workflow), "InteractiveInput": session.InteractiveInput})
    api.BaseStreamMode, api.Start = stream.base.BaseStreamMode, lambda _: workflow.Start()

    def named(id: str) -> Any:
        return workflow.Workflow(workflow.WorkflowCard(id=id, name=id))

    def opened(id: str) -> Any:
        return workflow.create_workflow_session(session_id=id)

    return _names(api, workflow.WorkflowComponent, opened, named)


def _named(api: Any) -> Any:
    return lambda name: api.Workflow(api.WorkflowConfig(metadata=api.WorkflowMetadata(id=name)))


def _names(api: Any, component: type, session: Any, workflow: Any) -> Any:
    names = ("Start", "End", "LoopGroup", "LoopComponent", "InteractiveInput", "BaseStreamMode")
    found = {name: getattr(api, name) for name in names}
    return SimpleNamespace(**found, Component=component, session=session, workflow=workflow)


class Workloads:
    """What is measured.

    Args:
        api: One engine's names.
        store: `off`, or the file that sessions live in.
    """

    def __init__(self, api: Any, store: str) -> None:
        self.api = api
        self.store = store
        self.chain_of = cache(self._chain)
        self.loop_of = cache(self._loop)
        self.fan_of = cache(self._fan)
        self.frames_of = cache(self._frames)
        base = api.Component

        class Increment(base):
            def __init__(self, payload: Any = None) -> None:
                super().__init__()
                self.payload = payload

            async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
                more = {} if self.payload is None else {"blob": self.payload}
                return {"out": inputs["x"] + 1, **more}

        class Ask(base):
            async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
                return {"out": await runtime.interact("ok?")}

        class Produce(base):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> Any:
                for number in range(inputs["x"]):
                    await asyncio.sleep(0)
                    yield {"token": number}

        self.increment, self.ask, self.produce = Increment, Ask, Produce

    async def open(self) -> None:
        """Nothing to open."""

    # --- graphs ---

    def _begun(self) -> Any:
        flow = self.api.workflow("measured")
        flow.set_start_comp("start", self.api.Start({}), inputs_schema={"x": "${x}"})
        return flow

    def _chain(self, length: int, size: int = 0, *, asks: bool = False) -> Any:
        """Start → so many components → perhaps one that asks → End."""
        flow, before, reference = self._begun(), "start", "${start.x}"
        for number in range(length):
            payload = blob(number, size) if size else None
            flow.add_workflow_comp(f"n{number}", self.increment(payload), inputs_schema={"x": reference})
            flow.add_connection(before, f"n{number}")
            before, reference = f"n{number}", f"${{n{number}.out}}"
        if asks:
            flow.add_workflow_comp("ask", self.ask(), inputs_schema={"x": reference})
            flow.add_connection(before, "ask")
            before, reference = "ask", "${ask.out}"
        flow.set_end_comp("end", self.api.End(), inputs_schema={"out": reference})
        flow.add_connection(before, "end")
        return flow

    def _fan(self, width: int) -> Any:
        flow, names = self._begun(), [f"n{number}" for number in range(width)]
        for name in names:
            flow.add_workflow_comp(name, self.increment(), inputs_schema={"x": "${start.x}"})
            flow.add_connection("start", name)
        flow.set_end_comp("end", self.api.End(), inputs_schema={name: f"${{{name}.out}}" for name in names})
        for name in names:
            flow.add_connection(name, "end")
        return flow

    def _loop(self, size: int = 0, components: int = 3) -> Any:
        group = self.api.LoopGroup()
        names = [f"n{number}" for number in range(components)]
        for before, name in zip(["loop", *names], names, strict=False):
            reference = "${loop.index}" if before == "loop" else f"${{{before}.out}}"
            payload = blob(0, size) if size else None
            group.add_workflow_comp(name, self.increment(payload), inputs_schema={"x": reference})
            if before != "loop":
                group.add_connection(before, name)
        group.start_nodes(names[:1])
        group.end_nodes(names[-1:])
        collected = {"results": f"${{{names[-1]}.out}}", **({"blobs": f"${{{names[-1]}.blob}}"} if size else {})}
        flow = self._begun()
        inputs = {"loop_type": "number", "loop_number": "${start.x}"}
        flow.add_workflow_comp("loop", self.api.LoopComponent(group, collected), inputs_schema=inputs)
        flow.set_end_comp("end", self.api.End(), inputs_schema={"results": "${loop.results}"})
        flow.add_connection("start", "loop")
        flow.add_connection("loop", "end")
        return flow

    def _frames(self) -> Any:
        flow = self._begun()
        flow.add_workflow_comp("produce", self.produce(), inputs_schema={"x": "${start.x}"})
        schema = {"token": "${produce.token}"}
        flow.set_end_comp("end", self.api.End(), stream_inputs_schema=schema, response_mode="streaming")
        flow.add_connection("start", "produce")
        flow.add_stream_connection("produce", "end")
        return flow

    # --- workloads ---

    async def _run(self, flow: Any, given: Any, id: str | None = None) -> Any:
        return await flow.invoke(given, self.api.session(id or uuid.uuid4().hex))

    async def chain(self, length: int, size: int = 0) -> dict[str, float]:
        """A chain."""
        flow, measured = self.chain_of(length, size), {}
        with timed(measured):
            done = await self._run(flow, {"x": 0})
        assert done.result["output"] == {"out": length}, done
        return measured

    async def fan(self, width: int) -> dict[str, float]:
        """So many components side by side."""
        flow, measured = self.fan_of(width), {}
        with timed(measured):
            done = await self._run(flow, {"x": 0})
        assert done.result["output"] == {f"n{number}": 1 for number in range(width)}, done
        return measured

    async def loop(self, rounds: int, size: int = 0, components: int = 3) -> dict[str, float]:
        """So many rounds, what the last component gives collected."""
        flow, measured = self.loop_of(size, components), {}
        with timed(measured):
            done = await self._run(flow, {"x": rounds})
        assert done.result["output"]["results"] == [n + components for n in range(rounds)], done
        return measured

    async def question(self, before: int) -> dict[str, float]:
        """So many components, a question, its answer, the end."""
        flow, measured, id = self.chain_of(before, asks=True), {}, uuid.uuid4().hex
        with timed(measured):
            asked = await self._run(flow, {"x": 0}, id)
        assert asked.state.value == "INPUT_REQUIRED", asked
        answer = self.api.InteractiveInput()
        answer.update("ask", "yes")
        with timed(measured):
            done = await self._run(flow, answer, id)
        assert done.result["output"] == {"out": "yes"}, done
        return measured

    async def answer(self, before: int) -> dict[str, float]:
        """The second half of `question`."""
        flow, measured, id = self.chain_of(before, asks=True), {}, uuid.uuid4().hex
        await self._run(flow, {"x": 0}, id)
        with timed(measured):
            done = await self._run(flow, self.api.InteractiveInput("yes"), id)
        assert done.result["output"] == {"out": "yes"}, done
        return measured

    async def sessions(self, total: int, lanes: int) -> dict[str, float]:
        """Sessions of five components, some at the same time."""
        flow, measured, run = self.chain_of(5), {}, uuid.uuid4().hex

        async def one(number: int) -> None:
            await asyncio.sleep(0)
            done = await self._run(flow, {"x": number}, f"{run} {number}")
            assert done.result["output"] == {"out": number + 5}, done

        with timed(measured):
            await in_lanes(total, lanes, one)
        return measured

    async def disk(self, total: int, length: int, size: int = 0) -> dict[str, float]:
        """The bytes of a suspended session for each of its checkpoints."""
        flow = self.chain_of(length, size, asks=True)
        await self._run(flow, {"x": 0})
        before, known = used_bytes(self.store), checkpoints(self.store)
        for _ in range(total):
            await self._run(flow, {"x": 0})
        return {"bytes": (used_bytes(self.store) - before) / (checkpoints(self.store) - known)}

    async def frames(self, count: int) -> dict[str, float]:
        """Frames through a stream connection to a streaming End."""
        flow, measured, found = self.frames_of(), {}, 0
        session = self.api.session(uuid.uuid4().hex)
        with timed(measured):
            async for _ in flow.stream({"x": count}, session, stream_modes=[self.api.BaseStreamMode.OUTPUT]):
                found += 1
        assert found in {count, count + 1}, found
        return measured

    async def growth(self, short: int, long: int) -> dict[str, float]:
        """What a component of a long chain costs more than one of a short one."""
        costs = [await self.chain(length) for length in (short, long)]
        return {name: costs[1][name] / long - costs[0][name] / short for name in costs[0]}

    async def rounds(self, early: int, late: int, size: int, components: int) -> dict[str, float]:
        """What a round costs between two counts."""
        costs = [await self.loop(count, size, components) for count in (early, late)]
        return {name: (costs[1][name] - costs[0][name]) / max(late - early, 1) for name in costs[0]}


def blob(number: int, size: int) -> str:
    """A text of so many characters, another one for each number."""
    return (f"{number:08d}" * (size // 8 + 1))[:size]


if __name__ == "__main__":
    engine, store = sys.argv[1:3]
    os.environ["JIUWEN_LG_DB"] = store
    serve(Workloads({"here": here, "0.1.1": first, "0.1.19": latest}[engine](), store))
