"""The README's picture, made of real runs: `make picture`.

On the left a terminal in which `make demo` ran; on the right what `snapshot` draws of a session that waits.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "running.svg"
DEMO = ROOT / "examples" / "demo"

COLUMNS, LINE, LETTER, MARGIN = 92, 18, 7.9, 18
FRAME = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<title>make demo, and a session that waits</title>
<rect x="1" y="1" width="{left}" height="{inner}" rx="8" fill="#f6f8fa" stroke="#d0d7de"/>
<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" fill="#24292e">
{lines}
</g>
<g transform="translate({right}, 60)">{drawing}</g>
</svg>
"""


def demo() -> str:
    """What `make demo` prints, but for the graph's text."""
    done = subprocess.run([sys.executable, DEMO / "demo.py"], capture_output=True, text=True, check=True)
    lines = done.stdout.strip().splitlines()
    graph = [line for line in lines if line.startswith(("flowchart", "    node_"))]
    return "\n".join(line for line in ["$ make demo", "", *lines] if line not in graph)


async def waiting() -> str:
    """A session of the demo's workflow that waits, drawn."""
    sys.path.insert(0, str(DEMO))
    from flows import approval

    from jiuwen_lg import WorkflowRuntime

    flow = approval()
    await flow.invoke({"cmd": "delete all files"}, WorkflowRuntime(session_id="picture"))
    snapshot = await flow.snapshot("picture")
    assert snapshot is not None
    return snapshot.picture.svg


def drawn(text: str, drawing: str) -> str:
    """Both beside each other."""
    rows = [row for line in text.splitlines() for row in textwrap.wrap(line, COLUMNS) or [""]]
    lines = "\n".join(
        f'<text x="{MARGIN}" y="{(number + 2) * LINE}" xml:space="preserve">{escape(row)}</text>'
        for number, row in enumerate(rows)
    )
    left, height = round(COLUMNS * LETTER + 2 * MARGIN), (len(rows) + 3) * LINE
    return FRAME.format(
        width=left + 140, height=height, left=left, inner=height - 2, lines=lines, right=left + 20, drawing=drawing
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JIUWEN_LG_DB"] = f"{folder}/sessions.db"
        os.chdir(folder)
        PICTURE.write_text(drawn(demo(), asyncio.run(waiting())), encoding="utf-8")
