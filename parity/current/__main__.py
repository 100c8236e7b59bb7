"""`python -m parity.current PYTHON`: the programs on another openJiuwen and on ours, and what has changed."""

from __future__ import annotations

import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

from parity.current.play import OURS, PROGRAMS, play, recorded

_VERSION = "from importlib.metadata import version; print(version('openjiuwen'))"


def main() -> None:
    """Play all programs with the Python of an environment that has openJiuwen; exit 1 if anything differs."""
    python = sys.argv[1]
    version = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=True).stdout.strip()
    print(f"openjiuwen {version}, {len(PROGRAMS)} programs")
    drifted = differing = 0
    with tempfile.TemporaryDirectory() as folder:
        for program in PROGRAMS:
            then, ours = recorded(program), play(OURS, program, Path(folder) / "ours" / program.stem)
            now = play([python], program, Path(folder) / "theirs" / program.stem)
            drifted += show(f"{program.stem}: 0.1.19.post2 and {version}", then, now)
            differing += show(f"{program.stem}: {version} and jiuwen_lg", now, ours)
    print(
        f"{drifted} of {len(PROGRAMS)} programs print something else than with 0.1.19.post2; {differing} differ from ours"
    )
    sys.exit(1 if drifted or differing else 0)


def show(title: str, one: str, other: str) -> bool:
    """Print how two outputs differ; whether they do."""
    if one == other:
        return False
    print(f"\n{title}")
    print("\n".join(list(difflib.unified_diff(one.splitlines(), other.splitlines(), lineterm="", n=0))[2:]))
    return True


if __name__ == "__main__":
    main()
