"""Plays the programs: each in an empty folder and a process of its own, and keeps their marked lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = sorted(path for path in (HERE / "programs").glob("*.py") if path.stem != "shared")
MARK = "= "


def recorded(program: Path) -> str:
    """What openJiuwen 0.1.19.post2 printed."""
    lines = (HERE / "recorded" / f"{program.stem}.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


def marked(output: str) -> str:
    """The marked lines of an output; openJiuwen logs to stdout as well."""
    lines = [line.removeprefix(MARK) for line in output.splitlines() if line.startswith(MARK)]
    return "\n".join(line.rstrip() for line in lines).strip()


def play(command: list[str], program: Path, folder: Path, env: dict[str, str] | None = None) -> str:
    """What a program prints, played by a command."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**(env or os.environ), "SSRF_PROTECT_ENABLED": "false", "LLM_SSL_VERIFY": "false"}
    done = subprocess.run(
        [*command, str(program)], cwd=folder, env=settings, capture_output=True, text=True, timeout=120, check=False
    )
    error = f"\nexit {done.returncode}: {(done.stderr.strip().splitlines() or [''])[-1]}" if done.returncode else ""
    return marked(done.stdout) + error


OURS = [sys.executable, "-m", "jiuwen_lg.compat"]
