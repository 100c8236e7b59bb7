"""Makes the golden store of this release: `python -m tests.golden.make` (once, when its format is final).

It holds a session that waits (`waiting`), one that failed (`failed`) and one that finished
(`done`); later releases must open it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import jiuwen_lg
from jiuwen_lg import InteractiveInput, JiuWenBaseException
from tests.flows import Ask, Call, FailOnce, chain, turn

FLOWS = {
    "asks": lambda: chain(("before", Call()), ("ask", Ask("first?", "second?")), ("after", Call()), id="asks"),
    "fails": lambda: chain(("before", Call()), ("broken", FailOnce()), id="fails"),
}


async def main() -> None:
    """Write `<version>.db` beside this file."""
    path = Path(__file__).with_name(f"{jiuwen_lg.__version__}.db")
    path.unlink(missing_ok=True)
    os.environ["JIUWEN_LG_DB"] = str(path)
    await turn(FLOWS["asks"](), {"q": {"nested": [1, None]}}, "waiting")
    await turn(FLOWS["asks"](), InteractiveInput("one"), "waiting")
    with contextlib.suppress(JiuWenBaseException):
        await turn(FLOWS["fails"](), {"q": 1}, "failed")
    done = chain(("only", Call()), id="done")
    os.environ["JIUWEN_LG_RECEIPT_SECONDS"] = "1e12"
    await turn(done, {"q": 1}, "done")


if __name__ == "__main__":
    asyncio.run(main())
