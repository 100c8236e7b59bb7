"""Expenses that people approve. Every command is a process of its own; what waits, waits on file.

python approval.py request ann 1200 "a standing desk"
python approval.py inbox
python approval.py decide SESSION manager yes
python approval.py decide SESSION finance no
"""

from __future__ import annotations

import argparse
import asyncio
import csv
from pathlib import Path
from typing import Any, Literal

from jiuwen_lg import (
    BranchComponent,
    End,
    InteractiveInput,
    JiuWenBaseException,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowExecutionState,
    WorkflowMetadata,
    WorkflowOutput,
    WorkflowRuntime,
)

LIMIT = 1000
"""Above this amount, finance is asked as well."""
LEDGER = Path("ledger.csv")

Verdict = Literal["yes", "no"]


async def manager(inputs: dict[str, Any], runtime: Any) -> dict[str, str]:
    """Is asked about everything."""
    question = "{who} wants {what} for {amount}. Agreed?".format_map(inputs)
    return {"verdict": await runtime.interact(question, schema=Verdict)}


async def finance(inputs: dict[str, Any], runtime: Any) -> dict[str, str]:
    """Is asked about large amounts."""
    if inputs["amount"] <= LIMIT:
        return {"verdict": "yes"}
    return {"verdict": await runtime.interact(f"Is there a budget of {inputs['amount']}?", schema=Verdict)}


def pay(inputs: dict[str, Any], runtime: Any) -> str:
    """Writes into the ledger: once, even if the process is killed right after it has."""
    key = runtime.idempotency_key
    if key not in {row[0] for row in _ledger()}:
        with LEDGER.open("a", encoding="utf-8", newline="") as ledger:
            csv.writer(ledger).writerow([key, inputs["who"], inputs["what"], inputs["amount"]])
    return "paid"


def refuse(_: dict[str, Any]) -> str:
    """Nobody is paid."""
    return "refused"


def _ledger() -> list[list[str]]:
    if not LEDGER.exists():
        return []
    with LEDGER.open(encoding="utf-8", newline="") as ledger:
        return list(csv.reader(ledger))


def build() -> Workflow:
    """start → manager and finance → decision → pay, or not."""
    request = {name: f"${{start.{name}}}" for name in ("who", "what", "amount")}
    conf = {"inputs": [{"id": name, "required": True} for name in request]}
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="expenses", name="expenses")))
    flow.set_start_comp("start", Start(conf), inputs_schema={name: f"${{{name}}}" for name in request})
    flow.add_workflow_comp("manager", manager, inputs_schema=request)
    flow.add_workflow_comp("finance", finance, inputs_schema=request)
    decision = BranchComponent()
    decision.add_branch("${manager.verdict} == 'yes' and ${finance.verdict} == 'yes'", "pay", "agreed")
    decision.add_branch("true", "refuse", "refused")
    flow.add_workflow_comp("decision", decision)
    flow.add_workflow_comp("pay", pay, inputs_schema=request)
    flow.add_workflow_comp("refuse", refuse, inputs_schema={})
    flow.set_end_comp("end", End(), inputs_schema={"paid": "${pay}", "refused": "${refuse}"})
    flow.add_connection("start", "manager").add_connection("start", "finance")
    flow.add_connection(["manager", "finance"], "decision")
    return flow.add_connection("pay", "end").add_connection("refuse", "end")


async def request(who: str, amount: float, what: str) -> None:
    """Start a run, in a session of its own."""
    _show(await build().invoke({"who": who, "amount": amount, "what": what}))


async def inbox() -> None:
    """What waits, oldest first."""
    for waiting in await build().pending():
        print(waiting.session_id, waiting.output.id, waiting.output.value)


async def decide(session: str, who: str, verdict: str) -> None:
    """Answer one question of one session."""
    answer = InteractiveInput().update(who, verdict)
    _show(await build().invoke(answer, WorkflowRuntime(session_id=session)))


def _show(output: WorkflowOutput) -> None:
    if output.state is WorkflowExecutionState.INPUT_REQUIRED:
        print(output.session_id, "waits for", ", ".join(question.payload.id for question in output.result))
    else:
        print(output.session_id, *output.result["output"].values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    asking = commands.add_parser("request")
    asking.add_argument("who")
    asking.add_argument("amount", type=float)
    asking.add_argument("what")
    commands.add_parser("inbox")
    deciding = commands.add_parser("decide")
    for name in ("session", "who", "verdict"):
        deciding.add_argument(name)
    given = vars(parser.parse_args())
    command = {"request": request, "inbox": inbox, "decide": decide}[given.pop("command")]
    try:
        asyncio.run(command(**given))
    except JiuWenBaseException as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
