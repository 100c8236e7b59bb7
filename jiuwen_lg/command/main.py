"""`jiuwen-lg sessions ...`, `turns ...` and `worker ...`: sessions on the command line.

A workflow is named by its module and name, `app.flows:flow`; a function without parameters that builds it
will do, too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

from jiuwen_lg.agents.agent import BaseAgent
from jiuwen_lg.command.printing import QuietParser, indented, say, say_json, say_table, visible_logs
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.forms.dialogue import ask_question, asker, heading, rich_terminal
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.operations import STATUSES, SessionInfo, check, prune, sessions, trust
from jiuwen_lg.output import InteractionOutput, WorkflowExecutionState, WorkflowOutput, is_question
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.schema.answer_schema import typed
from jiuwen_lg.schema.values import as_text
from jiuwen_lg.schema.visible import visible
from jiuwen_lg.timeline import text_of
from jiuwen_lg.workflow import Workflow

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class UsageError(Exception):
    """The command line says something that cannot be done."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, 1 if something is wrong with sessions, 2 if with the command."""
    parsed = _parser().parse_args(arguments)
    if parsed.store:
        os.environ["JIUWEN_LG_DB"] = parsed.store
    sys.path.insert(0, os.getcwd())
    try:
        with visible_logs():
            code: int = parsed.run(parsed)
    except JiuWenBaseException as error:
        say(error, sys.stderr)
        return 1
    except UsageError as error:
        say(f"jiuwen-lg: {error}", sys.stderr)
        return 2
    return code


# --- commands ---


def _list(given: argparse.Namespace) -> int:
    found = sessions(statuses=given.status or STATUSES)
    if given.json:
        return say_json([_as_json(info) for info in found])
    rows = [
        (i.session_id, _whose(i), i.status, _ago(time.time() - i.updated_at), _bytes(i.bytes), _gist(i)) for i in found
    ]
    say_table(("SESSION", "WORKFLOW", "STATUS", "SINCE", "SIZE", "WHAT"), rows)
    return 0


def _show(given: argparse.Namespace) -> int:
    found = sessions(given.session)
    if given.json:
        return say_json([_as_json(info) for info in found])
    if not found:
        raise UsageError(f"session {given.session!r} is not on file")
    for info in found:
        say(visible(f"{info.session_id}  {_whose(info)}  {info.status}  {_bytes(info.bytes)}"))
        say(f"  began {_date(info.created_at)}, touched {_date(info.updated_at)}")
        for question in info.questions:
            say(f"  {visible(asker(question))} asks: {indented(as_text(question.value), '    ')}")
        if info.error:
            say(f"  error: {indented(info.error, '    ')}")
    return 0


def _answer(given: argparse.Namespace) -> int:
    flow = _flow(given.flow)
    info = _one(given.session, flow)
    asked = {question.id: question for question in info.questions}
    reply = InteractiveInput()
    for question in () if given.answers else info.questions:
        reply.update(question.id, _typed_in(question)).tokens[question.id] = question.token
    for part in given.answers:
        id, separator, text = part.partition("=")
        if not separator and len(asked) == 1:
            id, text = next(iter(asked)), part
        if id not in asked:
            raise UsageError(f"{part!r} answers none of {[*asked]}: write ID=ANSWER")
        reply.update(id, typed(text, asked[id].answer_schema)).tokens[id] = asked[id].token
    return _go_on(flow, info, reply)


def _typed_in(question: InteractionOutput) -> Any:
    """An answer that is typed into the fields that the question asks for."""
    try:
        return ask_question(rich_terminal(), question)
    except EOFError:
        raise UsageError(f"[{question.id}] has no answer: write [ID=]ANSWER, or answer at a terminal") from None


def _retry(given: argparse.Namespace) -> int:
    flow = _flow(given.flow)
    return _go_on(flow, _one(given.session, flow), InteractiveInput())


def _discard(given: argparse.Namespace) -> int:
    from jiuwen_lg.runner import Runner

    if not sessions(given.session):
        raise UsageError(f"session {given.session!r} is not on file")
    asyncio.run(Runner.release(given.session))
    return 0


def _prune(given: argparse.Namespace) -> int:
    gone = prune(given.older, given.status or ("waiting", "failed"), is_dry=given.dry_run)
    for info in gone:
        say(visible(f"{info.session_id}  {_whose(info)}  {info.status}  {_ago(time.time() - info.updated_at)}"))
    say(f"{len(gone)} sessions {'would be' if given.dry_run else 'are'} gone, {_bytes(sum(i.bytes for i in gone))}")
    return 0


def _trust(_: argparse.Namespace) -> int:
    if not trust():
        raise UsageError("LANGGRAPH_AES_KEY is not set, so there is nothing to seal with")
    say("what is on file now is believed, sealed or not")
    return 0


def _check(given: argparse.Namespace) -> int:
    found = check([_flow(name) for name in given.flow])
    for mismatch in found:
        say(visible(f"{mismatch.session.session_id}  {_whose(mismatch.session)}: {mismatch.reason}"))
    if not found:
        say("every unfinished session goes on")
    return 1 if found else 0


def _worker(given: argparse.Namespace) -> int:
    from jiuwen_lg.workers.worker import Worker, served_id

    flows = [flow for name in given.flows for flow in ([_served(name)] if ":" in name else _flows(name))]
    try:
        worker = Worker(
            flows, concurrency=given.concurrency, takeover=given.takeover, max_deliveries=given.max_deliveries
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    say(f"serving {', '.join(map(served_id, flows))}")
    asyncio.run(worker.run())
    return 0


def _turns(given: argparse.Namespace) -> int:
    from jiuwen_lg.workers.turns import TurnQueue

    found = TurnQueue().waiting()
    if given.json:
        return say_json([asdict(turn) for turn in found])
    rows = [
        (
            t.turn_id,
            t.workflow_id,
            t.session_id,
            t.status,
            _ago(time.time() - t.updated_at),
            str(t.deliveries),
            t.reason,
        )
        for t in found
    ]
    say_table(("TURN", "WORKFLOW", "SESSION", "STATUS", "SINCE", "TRIES", "WHAT"), rows)
    return 0


def _redeliver(given: argparse.Namespace) -> int:
    from jiuwen_lg.workers.turns import TurnQueue

    TurnQueue().redeliver(given.turn)
    say(f"turn {visible(given.turn)} is delivered again")
    return 0


def _go_on(flow: Workflow, info: SessionInfo, given: InteractiveInput) -> int:
    output = asyncio.run(flow.invoke(given, WorkflowRuntime(session_id=info.session_id, belongs_to=info.owner)))
    _print_output(output)
    return 0


def _print_output(output: WorkflowOutput) -> None:
    if output.state is WorkflowExecutionState.COMPLETED:
        say(as_text(output.result))
        return
    for frame in output.result:
        if is_question(frame):
            say(f"{visible(asker(frame.payload))} asks: {indented(as_text(frame.payload.value), '    ')}")


# --- what the arguments mean ---


def _flow(name: str) -> Workflow:
    flow = _loaded(name)
    if not isinstance(flow, Workflow):
        raise UsageError(f"{name!r} is a {type(flow).__name__}, no workflow")
    return flow


def _loaded(name: str) -> Any:
    """What `MODULE:NAME` names, built if it is a function that builds it."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{name!r} cannot be loaded, it is MODULE:NAME of a workflow: {error}") from error
    return found() if callable(found) and not isinstance(found, Workflow) else found


def _served(name: str) -> Workflow | BaseAgent:
    """A workflow or an agent."""
    found = _loaded(name)
    if not isinstance(found, (Workflow, BaseAgent)):
        raise UsageError(f"{name!r} is a {type(found).__name__}, no workflow and no agent")
    return found


def _flows(module: str) -> list[Workflow | BaseAgent]:
    """The workflows and agents that a module holds under names of its own."""
    try:
        names = vars(import_module(module))
    except (ImportError, ValueError) as error:
        raise UsageError(f"{module!r} cannot be loaded: {error}") from error
    kinds = (Workflow, BaseAgent)
    found = {id(value): value for name, value in names.items() if isinstance(value, kinds) and name[0] != "_"}
    if not found:
        raise UsageError(f"{module!r} holds no workflow; a function that builds one is named MODULE:NAME")
    return list(found.values())


def _one(session: str, flow: Workflow) -> SessionInfo:
    """The unfinished run of a workflow in a session."""
    id = flow.identity().workflow_id
    found = [info for info in sessions(session, ("waiting", "failed")) if info.workflow_id == id]
    if len(found) != 1:
        what = "is not on file, or has finished" if not found else "is on file several times, of several agents"
        raise UsageError(f"session {session!r} of workflow {id!r} {what}")
    return found[0]


def _duration(text: str) -> float:
    number, unit = text[:-1], text[-1:]
    if unit not in _SECONDS or not number.replace(".", "", 1).isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; it is a number and s, m, h or d: 30d")
    return float(number) * _SECONDS[unit]


def _parser() -> argparse.ArgumentParser:
    parser = QuietParser("jiuwen-lg", description="Sessions of workflows on the command line.")
    parser.add_argument("--store", help="a file or a Postgres URL (else JIUWEN_LG_DB, else .jiuwen_lg/sessions.db)")
    parts = parser.add_subparsers(required=True, metavar="sessions|turns|worker")
    _add_worker(parts.add_parser("worker", help="run the turns that clients submit, until SIGTERM"))
    _add_turns(parts.add_parser("turns", help="turns that wait for a worker, or for an operator"))
    what = parts.add_parser("sessions", help="sessions on file")
    commands = what.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        return made

    flow: dict[str, Any] = {"required": True, "metavar": "MODULE:NAME", "help": "the workflow"}
    listing = command("list", _list, "All sessions, the longest untouched first.")
    listing.add_argument("--status", action="append", choices=STATUSES)
    listing.add_argument("--json", action="store_true")
    showing = command("show", _show, "One session: what it asks, and what it failed with.")
    showing.add_argument("session")
    showing.add_argument("--json", action="store_true")
    answering = command("answer", _answer, "Answer what a session asks, and run it on.")
    answering.add_argument("session")
    answering.add_argument("answers", nargs="*", metavar="[ID=]ANSWER", help="without any: asked for, field by field")
    answering.add_argument("--flow", **flow)
    retrying = command("retry", _retry, "Go on with a session that has failed or was killed.")
    retrying.add_argument("session")
    retrying.add_argument("--flow", **flow)
    command("discard", _discard, "Drop a session.").add_argument("session")
    pruning = command("prune", _prune, "Drop sessions that nobody has touched for a while.")
    pruning.add_argument("--older", type=_duration, required=True, metavar="30d")
    pruning.add_argument("--status", action="append", choices=[s for s in STATUSES if s != "running"])
    pruning.add_argument("--dry-run", action="store_true")
    command("trust", _trust, "Believe what is on file unencrypted though there is a key.")
    checking = command("check", _check, "Which sessions would not go on with these workflows.")
    checking.add_argument("--flow", **{**flow, "action": "append"})
    return parser


def _add_turns(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    text = "Turns that have not ended: queued, running, unserved, stuck; and those that were abandoned."
    listing = commands.add_parser("list", help=text, description=text)
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_turns)
    text = "Deliver a turn afresh that was abandoned, or that is stuck."
    retrying = commands.add_parser("retry", help=text, description=text)
    retrying.add_argument("turn")
    retrying.set_defaults(run=_redeliver)


def _add_worker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "flows", nargs="+", metavar="MODULE[:NAME]", help="workflows and agents: all of a module, or one"
    )
    parser.add_argument("--concurrency", type=int, default=16, metavar="N", help="turns at once (16)")
    parser.add_argument("--takeover", type=_duration, default=10.0, metavar="10s", help="when a silent worker is dead")
    text = "how often a turn is begun that workers die of (3)"
    parser.add_argument("--max-deliveries", type=int, default=3, metavar="N", help=text)
    parser.set_defaults(run=_worker)


# --- what is printed ---


def _whose(info: SessionInfo) -> str:
    return f"{info.agent_id}/{info.workflow_id}" if info.agent_id else info.workflow_id or "-"


def _gist(info: SessionInfo) -> str:
    return text_of("; ".join(map(heading, info.questions)) or info.error or "", 60)


def _as_json(info: SessionInfo) -> dict[str, Any]:
    return {**asdict(info), "questions": [_question_as_json(question) for question in info.questions]}


def _question_as_json(question: InteractionOutput) -> dict[str, Any]:
    return {**question.model_dump(), **({"label": question.label} if question.label else {})}


def _ago(seconds: float) -> str:
    unit = next((unit for unit in "dhm" if seconds >= _SECONDS[unit]), "s")
    return f"{int(seconds / _SECONDS[unit])}{unit}"


def _bytes(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.0f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"


def _date(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
