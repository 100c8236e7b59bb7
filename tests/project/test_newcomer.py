"""A newcomer with a fresh clone and an empty home does what the README says, in its order, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import needs

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(sh|python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
THEIRS = """
import asyncio
from openjiuwen.core.component.end_comp import End
from openjiuwen.core.component.start_comp import Start
from openjiuwen.core.runtime.workflow import WorkflowRuntime
from openjiuwen.core.workflow.base import Workflow

flow = Workflow()
flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
flow.set_end_comp("end", End(), inputs_schema={"query": "${start.query}"})
flow.add_connection("start", "end")
print(asyncio.run(flow.invoke({"query": "hello"}, WorkflowRuntime())))
"""
"""`program.py`: the openJiuwen program that a newcomer has."""


class Newcomer:
    """A person in a folder, with a home and a shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            "HOME": str(folder / "home"),
            "PATH": f"{folder / 'bin'}{os.pathsep}/usr/local/bin{os.pathsep}/usr/bin{os.pathsep}/bin",
            "LANG": "C.UTF-8",
        }
        # which index pip uses is the machine's business
        self.env |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        for name in ("home", "bin", "own"):
            (folder / name).mkdir()
        (folder / "bin" / "python3").symlink_to(Path(sys.executable).resolve())

    def types(self, command: str, where: str, **env: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=self.folder / where,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
@needs((ROOT / ".git").exists(), "there is no repository to clone")
def test_what_the_readme_says_works(readme: str, tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path)
    newcomer.types(f"git clone --quiet {ROOT} clone", ".")
    text = (tmp_path / "clone" / readme).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    (two_commands, a_program) = [block for kind, block in blocks if kind == "sh"]

    # the two commands; CI runs the whole suite by itself
    demo, test = two_commands.splitlines()
    assert "No finished component ran twice." in newcomer.types(demo, "clone")
    shortened = {} if float(os.environ.get("SOAK", "1")) >= 1 else {"PYTEST_ADDOPTS": "-k test_house"}
    assert " passed" in newcomer.types(test, "clone", **shortened)

    # a project of one's own: the index does not have this commit, so pip finds it in a folder
    newcomer.types("clone/.venv/bin/python -m build --wheel --outdir dist clone", ".")
    newcomer.types("python3 -m venv .venv", "own")
    (install,) = set(re.findall(r"`(pip install jiuwen-lg)`", text))
    newcomer.env["PATH"] = f"{tmp_path / 'own' / '.venv' / 'bin'}{os.pathsep}{newcomer.env['PATH']}"
    newcomer.types(install, "own", PIP_FIND_LINKS=f"{tmp_path / 'dist'} {os.environ.get('PIP_FIND_LINKS', '')}")

    # the blocks, as one program
    program = "\n".join(block for kind, block in blocks if kind == "python")
    (tmp_path / "own" / "read.py").write_text(program, encoding="utf-8")
    printed = newcomer.types("python read.py", "own")
    assert printed == "".join(block for kind, block in blocks if kind == "text")

    (tmp_path / "own" / "program.py").write_text(THEIRS, encoding="utf-8")
    assert "result={'output': {'query': 'hello'}}" in newcomer.types(a_program, "own")
    assert sorted(path.name for path in (tmp_path / "home").iterdir() if path.name != ".cache") == []
