"""What the journal costs a durable chain: the same workflow with and without, in turn; lower is better."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from typing import Any

REPEATS, LENGTH, WANTED = 60, 50, 0.10


def chain(journal: bool) -> Any:
    """Fifty components after each other."""
    from jiuwen_lg import End, SimpleComponent, Start, Workflow, WorkflowConfig, WorkflowMetadata

    class Pass(SimpleComponent):
        async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
            return inputs

    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=f"chain{journal}")), journal=journal)
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    last = "start"
    for number in range(LENGTH):
        flow.add_workflow_comp(f"c{number}", Pass(), inputs_schema={"q": "${start.q}"})
        flow.add_connection(last, f"c{number}")
        last = f"c{number}"
    flow.set_end_comp("end", End(), inputs_schema={"q": f"${{{last}.q}}"})
    return flow.add_connection(last, "end")


async def measure(clock: Any) -> tuple[list[float], list[float]]:
    """Seconds of each run, without the journal and with it."""
    flows: dict[bool, Any] = {journal: chain(journal) for journal in (False, True)}
    found: dict[bool, list[float]] = {False: [], True: []}
    for repeat in range(REPEATS):
        for journal in (False, True) if repeat % 2 else (True, False):
            began = clock()
            await flows[journal].invoke({"q": 1})
            found[journal].append(clock() - began)
    return found[False][4:], found[True][4:]


def main() -> None:
    """Measure, and print both medians and what the journal adds."""
    clock = time.process_time if "--cpu" in sys.argv else time.perf_counter
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JIUWEN_LG_DB"] = os.path.join(folder, "sessions.db")
        without, with_it = asyncio.run(measure(clock))
    bare, recorded = statistics.median(without), statistics.median(with_it)
    each = (recorded - bare) / (LENGTH + 2) * 1e6
    print(f"durable chain of {LENGTH}: {bare * 1000:.1f} ms, {recorded * 1000:.1f} ms with the journal")
    print(f"the journal adds {recorded / bare - 1:.1%} (wanted: under {WANTED:.0%}), {each:.0f} µs an execution")


if __name__ == "__main__":
    main()
