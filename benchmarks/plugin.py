"""What the pytest plugin costs a run that does not use it: bare pytest, with and without, in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 15


def seconds(folder: Path, *options: str) -> float:
    """How long a run of pytest with one empty test takes."""
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print the medians, their difference and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
        pairs = [(seconds(folder), seconds(folder, "-p", "jiuwen_lg.pytest_plugin")) for _ in range(REPEATS)][1:]
    bare, plugged = (statistics.median(column) for column in zip(*pairs, strict=True))
    more = statistics.median(after - before for before, after in pairs)
    print(f"pytest with one empty test: {bare * 1000:.0f} ms bare, {plugged * 1000:.0f} ms with the plugin")
    print(f"the plugin adds {more * 1000:.0f} ms (wanted: under 50); ratio {plugged / bare:.2f}")


if __name__ == "__main__":
    main()
