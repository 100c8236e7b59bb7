"""How long an import takes in a new process.

python benchmarks/cold.py
"""

from __future__ import annotations

import asyncio
import json
import sys

from program import serve

CODE = """
import json, time
cpu, began = time.process_time(), time.perf_counter()
import {module}
print(json.dumps({{"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}}))
"""


class Workloads:
    """What is measured."""

    async def open(self) -> None:
        """Nothing to open."""

    async def imported(self, module: str) -> dict[str, float]:
        """The time of one import; starting Python does not count."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CODE.format(module=module), stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
        found: dict[str, float] = json.loads(printed)
        return found


if __name__ == "__main__":
    serve(Workloads())
