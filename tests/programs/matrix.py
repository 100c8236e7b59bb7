"""One conversation, killed at every commit in turn: before it, and after it.

    python -m tests.programs.matrix

The processes are real ones (forks of this small one, killed with `kill -9`), and the moments are counted,
not timed. A client goes on with whatever the session shows: it starts, answers, or says "go on".
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from jiuwen_lg import (
    BranchComponent,
    End,
    InteractiveInput,
    LoopComponent,
    LoopGroup,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowRuntime,
)
from jiuwen_lg.engine.storage.database import Database
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.engine.storage.sqlite_database import SqliteDatabase
from tests.flows import workflow
from tests.forked import in_a_fork

LOG = Path("log.txt")
ANSWERS = {"sub.x": "one", "asks": "two"}
INPUTS = {"n": 2}
RESULT = {"output": {"pair": ["p", "q"], "rounds": [1, 2], "inner": "one", "frames": "AB", "last": "two"}}

Moment = Literal["before", "after"]


def log(*words: Any) -> None:
    """A line that is in the file when this returns."""
    with LOG.open("a", encoding="utf-8") as file:
        file.write(" ".join(map(str, words)) + "\n")


class Logged(SimpleComponent):
    """Notes when it begins and ends, with its task and its key."""

    @contextmanager
    def noted(self, runtime: Any) -> Iterator[None]:
        task = runtime.config["configurable"]["__pregel_task_id"]
        log("begin", runtime.executable_id(), task, runtime.idempotency_key)
        yield
        log("end", runtime.executable_id(), task, runtime.idempotency_key)


class Gives(Logged):
    """Gives what it was made with."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        with self.noted(runtime):
            await asyncio.sleep(0)
            return {**inputs, **self.given}


class Asks(Logged):
    """Asks, and gives the answer."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        with self.noted(runtime):
            return {"answer": await runtime.interact(f"{runtime.executable_id()}?")}


class Letters(Logged):
    """Gives frames."""

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> Any:
        with self.noted(runtime):
            for letter in "AB":
                yield {"letter": letter}


class Joins(Logged):
    """Takes frames."""

    async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
        with self.noted(runtime):
            return {"text": "".join([letter async for letter in inputs["letter"]])}


def build() -> Workflow:
    """start → branch → p and q → loop → sub (asks) → letters ⇒ joins → asks → end."""
    body = LoopGroup().add_workflow_comp("round", Gives(), inputs_schema={"item": "${loop.item}"})
    body.start_nodes(["round"])
    body.end_nodes(["round"])
    inner = workflow("inner")
    inner.set_start_comp("s", Start(), inputs_schema={})
    inner.add_workflow_comp("x", Asks(), inputs_schema={})
    inner.set_end_comp("e", End(), inputs_schema={"answer": "${x.answer}"})
    inner.add_connection("s", "x").add_connection("x", "e")
    flow = workflow("matrix")
    flow.set_start_comp("start", Start(), inputs_schema={"n": "${n}"})
    branch = BranchComponent()
    branch.add_branch("${start.n} > 1", ["p", "q"], "many")
    branch.add_branch("${start.n} <= 1", ["end"], "few")
    flow.add_workflow_comp("branch", branch)
    flow.add_workflow_comp("p", Gives(v="p"), inputs_schema={})
    flow.add_workflow_comp("q", Gives(v="q"), inputs_schema={})
    items = {"loop_type": "array", "loop_array": {"item": [1, 2]}}
    flow.add_workflow_comp("loop", LoopComponent(body, {"items": "${round.item}"}), inputs_schema=items)
    flow.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema={})
    flow.add_workflow_comp("letters", Letters(), inputs_schema={})
    flow.add_workflow_comp("joins", Joins(), stream_inputs_schema={"letter": "${letters.letter}"})
    flow.add_workflow_comp("asks", Asks(), inputs_schema={})
    schema = {"pair": ["${p.v}", "${q.v}"], "rounds": "${loop.items}", "inner": "${sub.output.answer}"}
    flow.set_end_comp("end", End(), inputs_schema={**schema, "frames": "${joins.text}", "last": "${asks.answer}"})
    flow.add_connection("start", "branch").add_connection(["p", "q"], "loop").add_connection("loop", "sub")
    flow.add_connection("sub", "letters").add_stream_connection("letters", "joins")
    return flow.add_connection("joins", "asks").add_connection("asks", "end")


async def converse(flow: Workflow, session: str) -> Any:
    """Do what the session shows to be next until it has finished."""
    while True:
        seen = await flow.snapshot(session)
        if seen is not None and seen.status == "done":
            return seen.result
        given: Any = INPUTS if seen is None else InteractiveInput()
        if seen is not None and seen.questions:
            question = seen.questions[0]
            given = InteractiveInput.reply_to(question, ANSWERS[question.id])
        await flow.invoke(given, WorkflowRuntime(session_id=session))


def is_outermost(database: Database, arguments: Sequence[Any]) -> bool:
    """Whether a transaction that begins writes, and is a part of no other."""
    if isinstance(database, SqliteDatabase):
        cursor, write, _ = arguments
        return bool(write) and not cursor.connection.in_transaction
    return bool(arguments[1])


@contextmanager
def killing(number: int, moment: Moment) -> Iterator[None]:
    """Notes every commit, and kills the process at one of them."""
    of_database: Any = SqliteDatabase
    if os.environ["JIUWEN_LG_DB"].startswith("postgresql:"):
        from jiuwen_lg.engine.storage.postgres_database import PostgresDatabase as of_database  # noqa: N813
    begun, put_writes = of_database._begun, FencedSaver.put_writes
    commits = 0
    counting = threading.Lock()

    @contextmanager
    def counted(self: Any, *arguments: Any) -> Iterator[Any]:
        nonlocal commits
        is_commit, mine = is_outermost(self, arguments), 0
        with begun(self, *arguments) as cursor:
            yield cursor
            if is_commit:
                with counting:
                    commits += 1
                    mine = commits
                if (mine, moment) == (number, "before"):
                    os.kill(os.getpid(), signal.SIGKILL)
        if is_commit and (mine, moment) == (number, "after"):
            os.kill(os.getpid(), signal.SIGKILL)

    def put_writes_noted(self: Any, config: Any, writes: Any, task_id: str, *rest: Any) -> Any:
        given = put_writes(self, config, writes, task_id, *rest)
        if not any(channel.startswith("__") for channel, _ in writes):
            log("saved", "-", task_id)
        return given

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_database, "_begun", counted)
        patch.setattr(FencedSaver, "put_writes", put_writes_noted)
        yield


def in_a_process(session: str, number: int = 0, moment: Moment = "before") -> bool:
    """Converse in a second process; False if it was killed."""

    def work() -> None:
        with killing(number, moment):
            result = asyncio.run(converse(build(), session))
        Path(f"{session}.json").write_text(json.dumps(result), encoding="utf-8")

    status = in_a_fork(work)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return not os.WIFSIGNALED(status)


def check(session: str, calm: Counter[str]) -> None:
    """What must be true of a session that was killed once."""
    story = (session, LOG.read_text(encoding="utf-8"))
    assert json.loads(Path(f"{session}.json").read_text(encoding="utf-8")) == RESULT, story
    lines = [line.split() for line in LOG.read_text(encoding="utf-8").splitlines()]
    saved: set[str] = set()
    keys: dict[str, set[str]] = defaultdict(set)
    for word, id, task, *key in lines:
        if word == "saved":
            saved.add(task)
        elif word == "begin":
            assert task not in saved, story
            keys[id].update(key)
    assert {id: len(of_id) for id, of_id in keys.items()} == {**dict.fromkeys(calm, 1), "loop.round": 2}, story
    begun = Counter(id for word, id, *_ in lines if word == "begin")
    more = begun - calm
    assert begun.keys() == calm.keys(), story
    assert more.total() <= 2, story  # the component in flight; of the pair both
    assert len({*more} - {"p", "q", "letters", "joins"}) <= 1, story


def main() -> None:
    """Kill at every commit (or each so many, if an argument says so), and print how often that was."""
    assert in_a_process("calm")
    calm = Counter(line.split()[1] for line in LOG.read_text(encoding="utf-8").splitlines() if line.startswith("begin"))
    assert calm == {"p": 1, "q": 1, "loop.round": 2, "sub.x": 2, "letters": 1, "joins": 1, "asks": 2}
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    kills = 0
    moments: tuple[Moment, ...] = ("before", "after")
    for number in itertools.count(1, every):
        finished = []
        for moment in moments:
            LOG.unlink()
            session = f"{moment}-{number}"
            finished.append(in_a_process(session, number, moment))
            assert finished[-1] or in_a_process(session)
            check(session, calm)
        kills += finished.count(False)
        if all(finished):
            break
    print(kills)


if __name__ == "__main__":
    main()
