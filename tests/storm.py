"""A storm of cancellations: turns of a workflow that has everything, cancelled at any moment in any way, then finished.

What must hold: when a turn has ended, none of its components runs; its lease is gone; the session goes on; no execution
runs beside itself; each keeps its idempotency key.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias
from uuid import uuid4

import anyio

from jiuwen_lg import (
    ComponentAbility,
    End,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowExecutionState,
    WorkflowRuntime,
)
from jiuwen_lg.engine.store import open_store
from tests.flows import workflow
from tests.loops import body

EXECUTIONS = {"left": 1, "right": 1, "gives": 1, "takes": 1, "first": 3, "last": 3, "inner": 1, "ask": 1}
RESULT = {"output": {"left": 1, "right": 2, "taken": [0, 1, 2], "rounds": [0, 1, 2], "inner": 3, "answer": "yes"}}

Moment: TypeAlias = Callable[[], Awaitable[None]]
"""Waits until it is time to cancel."""


class Site:
    """What the components of all sessions do, observed from outside.

    Attributes:
        inside: The executions that run now, by session.
        faults: What must not have happened.
        keys: The idempotency keys, by session and component.
    """

    def __init__(self) -> None:
        self.inside: dict[str, Counter[str]] = defaultdict(Counter)
        self.keys: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.faults: list[str] = []

    @asynccontextmanager
    async def entered(self, name: str, runtime: Any) -> AsyncIterator[None]:
        session, key = runtime.session_id(), runtime.idempotency_key
        self.keys[session][name].add(key)
        self.inside[session][key] += 1
        if self.inside[session][key] > 1:
            self.faults.append(f"{session}: {name} beside itself")
        try:
            await asyncio.sleep(0)
            yield
            await asyncio.sleep(0)
        finally:
            try:
                with anyio.CancelScope(shield=True):  # gives something back
                    for _ in range(4):
                        await asyncio.sleep(0)
            finally:
                self.inside[session][key] -= 1
                self.inside[session] += Counter()

    def ended(self, session: str) -> None:
        """A turn of the session has ended."""
        if +self.inside[session]:
            self.faults.append(f"{session}: its turn has ended, and {sum(self.inside[session].values())} go on")


class Step(SimpleComponent):
    """Gives a value."""

    def __init__(self, site: Site, name: str, value: Callable[[Any], Any]) -> None:
        self.site, self.name, self.value = site, name, value

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        async with self.site.entered(self.name, runtime):
            return {"value": self.value(inputs)}


class Gives(SimpleComponent):
    """Gives frames."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        async with self.site.entered("gives", runtime):
            for number in range(3):
                await asyncio.sleep(0)
                yield {"number": number}


class Takes(SimpleComponent):
    """Takes them, beside the component that gives them."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
        async with self.site.entered("takes", runtime):
            return {"taken": [number async for number in inputs["number"]]}


class Ask(SimpleComponent):
    """Asks."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        async with self.site.entered("ask", runtime):
            return {"answer": await runtime.interact("ok?")}


def everything(site: Site) -> Workflow:
    """Parallel branches, a stream edge, a loop, a sub-workflow and a question."""
    flow = workflow("everything")
    flow.set_start_comp("start", Start(), inputs_schema={"n": "${n}"})
    flow.add_workflow_comp("left", Step(site, "left", lambda i: 1), inputs_schema={"n": "${start.n}"})
    flow.add_workflow_comp("right", Step(site, "right", lambda i: 2), inputs_schema={"n": "${start.n}"})
    flow.add_workflow_comp("gives", Gives(site), comp_ability=[ComponentAbility.STREAM], wait_for_all=True)
    flow.add_workflow_comp(
        "takes",
        Takes(site),
        stream_inputs_schema={"number": "${gives.number}"},
        comp_ability=[ComponentAbility.COLLECT],
    )
    loop = body(("first", Step(site, "first", lambda i: i["i"])), ("last", Step(site, "last", lambda i: i["i"])))
    flow.add_workflow_comp(
        "l",
        LoopComponent(loop, {"rounds": "${last.value}"}),
        inputs_schema={"loop_type": "number", "loop_number": 3},
    )
    inner = workflow("inside")
    inner.set_start_comp("s", Start(), inputs_schema={"n": "${n}"})
    inner.add_workflow_comp("inner", Step(site, "inner", lambda i: 3), inputs_schema={"n": "${s.n}"})
    inner.set_end_comp("e", End(), inputs_schema={"value": "${inner.value}"})
    inner.add_connection("s", "inner").add_connection("inner", "e")
    flow.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema={"n": "${start.n}"})
    flow.add_workflow_comp("ask", Ask(site), inputs_schema={}, wait_for_all=True)
    flow.set_end_comp(
        "end",
        End(),
        inputs_schema={
            "left": "${left.value}",
            "right": "${right.value}",
            "taken": "${takes.taken}",
            "rounds": "${l.rounds}",
            "inner": "${sub.output.value}",
            "answer": "${ask.answer}",
        },
    )
    for source, target in (("start", "left"), ("start", "right"), ("left", "gives"), ("right", "gives")):
        flow.add_connection(source, target)
    flow.add_stream_connection("gives", "takes")
    for source, target in (("takes", "l"), ("takes", "sub"), ("l", "ask"), ("sub", "ask"), ("ask", "end")):
        flow.add_connection(source, target)
    return flow


# --- the ways to cancel ---


async def once(work: Coroutine[Any, Any, Any], moment: Moment) -> None:
    """`task.cancel()`."""
    task = asyncio.ensure_future(work)
    await moment()
    task.cancel()
    await asyncio.wait({task})
    _raise_unless_cancelled(task)


async def twice(work: Coroutine[Any, Any, Any], moment: Moment) -> None:
    """Again and again, while it winds up."""
    task = asyncio.ensure_future(work)
    await moment()
    for ticks in (1, 0, 2, 3):
        task.cancel()
        for _ in range(ticks):
            await asyncio.sleep(0)
    await asyncio.wait({task})
    _raise_unless_cancelled(task)


async def scope(work: Coroutine[Any, Any, Any], moment: Moment) -> None:
    """A cancel scope of anyio, which cancels at every await."""
    with anyio.CancelScope() as cancel_scope:

        async def cancel() -> None:
            await moment()
            cancel_scope.cancel()

        cancelling = asyncio.ensure_future(cancel())
        await work
    await cancelling


async def scopes(work: Coroutine[Any, Any, Any], moment: Moment) -> None:
    """Scopes in a task group, as a web server has them."""
    async with anyio.create_task_group() as outer:

        async def request() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(_run, work)
                await moment()
                group.cancel_scope.cancel()

        outer.start_soon(request)


async def _run(work: Coroutine[Any, Any, Any]) -> None:
    await work


async def group(work: Coroutine[Any, Any, Any], moment: Moment) -> None:
    """A `TaskGroup` inside `wait_for`: a sibling fails, and the whole is cancelled, too."""

    class Fails(Exception):
        pass

    async def fail() -> None:
        await moment()
        raise Fails

    async def both() -> None:
        with suppress(BaseExceptionGroup):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(work)
                tasks.create_task(fail())

    waiting = asyncio.ensure_future(asyncio.wait_for(both(), 60))
    await moment()
    for _ in range(3):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    _raise_unless_cancelled(waiting)


WAYS = {way.__name__: way for way in (once, twice, scope, scopes, group)}


def _raise_unless_cancelled(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.result()


# --- the storm ---


class Storm:
    """Sessions of one workflow, each cancelled some times and then finished.

    Args:
        dice: The moments, and the ways.
    """

    def __init__(self, dice: random.Random) -> None:
        self.site = Site()
        self.flow = everything(self.site)
        self._dice = dice

    async def count_ticks(self) -> int:
        """How many turns of the event loop an undisturbed run takes up to its question."""
        await self._finish(uuid4().hex)  # the store is open, everything is imported
        session = uuid4().hex
        running, ticks = asyncio.ensure_future(self._turn({"n": 0}, session, streamed=False)), 0
        while not running.done():
            await asyncio.sleep(0)
            ticks += 1
        await running
        await self._finish(session)
        return ticks

    async def cancel_at(self, session: str, way: str, *moments: Moment) -> None:
        """Cancel a session's turns, one at each moment; then finish it, and see that all is well."""
        given: Any = {"n": 0}
        streamed = self._dice.random() < 0.5
        for moment in moments:
            with suppress(JiuWenBaseException):
                await WAYS[way](self._turn(given, session, streamed=streamed), moment)
            await self._rested(session)
            snapshot = await self.flow.snapshot(session)
            if snapshot is not None and snapshot.status == "done":
                break
            given = await self._next(session)
        await self._finish(session)

    async def _turn(self, given: Any, session: str, *, streamed: bool) -> Any:
        runtime = WorkflowRuntime(session_id=session)
        try:
            if not streamed:
                return await self.flow.invoke(given, runtime)
            return [frame async for frame in self.flow.stream(given, runtime)]
        except JiuWenBaseException as error:
            self.site.faults.append(f"{session}: {error}")
            raise
        finally:
            self.site.ended(session)

    async def _rested(self, session: str) -> None:
        """Until the lease is gone: at once, unless the store is busy."""
        deadline = asyncio.get_running_loop().time() + 10
        while any(lease.session_id == session for lease in open_store().sessions.leases()):
            if asyncio.get_running_loop().time() > deadline:
                self.site.faults.append(f"{session}: its lease is left")
                return
            await asyncio.sleep(0.001)

    async def _next(self, session: str) -> Any:
        snapshot = await self.flow.snapshot(session)
        if snapshot is None:
            return {"n": 0}
        return InteractiveInput("yes") if snapshot.status == "waiting" else InteractiveInput()

    async def _finish(self, session: str) -> None:
        for _ in range(4):
            snapshot = await self.flow.snapshot(session)
            if snapshot is not None and snapshot.status == "done":
                result = snapshot.result
                break
            output = await self._turn(await self._next(session), session, streamed=False)
            result = output.result if output.state is WorkflowExecutionState.COMPLETED else None
        found = {name: len(keys) for name, keys in self.site.keys.pop(session).items()}
        if result != RESULT or found != EXECUTIONS:
            self.site.faults.append(f"{session}: {result}, {found}")


def ticks(count: int) -> Moment:
    """After so many turns of the event loop."""

    async def wait() -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    return wait


def seconds(count: float) -> Moment:
    """After so many seconds."""

    async def wait() -> None:
        await asyncio.sleep(count)

    return wait
