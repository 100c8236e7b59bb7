"""Programs for today's layout of openJiuwen, through the alias."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jiuwen_lg.compat.current.table import LEFT_OUT, MODULES, NOT_PROVIDED, names_of, place_of
from parity.current.play import OURS, PROGRAMS, marked, play, recorded

PLAYER = Path(__file__).with_name("played.py")


def run(code: str, env: dict[str, str], *, ok: bool = True) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is ok, done.stderr
    return done.stdout if ok else done.stderr


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what every program printed."""
    import os

    folder = tmp_path_factory.mktemp("programs")
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root, "SSRF_PROTECT_ENABLED": "false"}
    env.pop("JIUWEN_LG_DB", None)
    subprocess.run([sys.executable, str(PLAYER), str(folder), *map(str, PROGRAMS)], env=env, check=True, timeout=240)
    return folder


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_prints_what_openjiuwen_prints(program: Path, outputs: Path) -> None:
    assert marked((outputs / program.stem / "output").read_text(encoding="utf-8")) == recorded(program)


def test_the_command_plays_a_program_and_those_that_it_starts(tmp_path: Path, child_env: dict[str, str]) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import subprocess, sys\n"
        "from openjiuwen.core.workflow import Workflow\n"
        "print('= ' + Workflow.__module__, flush=True)\n"
        "if len(sys.argv) == 1:\n"
        "    subprocess.run([sys.executable, __file__, 'again'], check=True)\n"
    )
    assert play(OURS, program, tmp_path / "at", child_env) == "\n".join(["jiuwen_lg.compat.current.workflow"] * 2)


# --- the choice of the layout ---

INSTALL = "from jiuwen_lg.compat import install\ninstall()\n"
OLD, NEW = "jiuwen_lg.workflow", "jiuwen_lg.compat.current.workflow"


@pytest.mark.parametrize(
    ("first", "then", "home"),
    [
        ("openjiuwen.core.component.start_comp import Start", "openjiuwen.core.workflow.base import Workflow", OLD),
        ("openjiuwen.core.session import InteractiveInput", "openjiuwen.core.workflow import Workflow", NEW),
        ("openjiuwen.core.foundation.llm import UserMessage", "openjiuwen.core.workflow.workflow import Workflow", NEW),
        ("openjiuwen.core.workflow import Start", "openjiuwen.core.workflow import Workflow", NEW),
    ],
)
def test_the_first_import_chooses(first: str, then: str, home: str, child_env: dict[str, str]) -> None:
    printed = run(f"{INSTALL}from {first}\nfrom {then}\nprint(Workflow.__module__)", child_env)
    assert printed.strip() == home


def test_a_name_that_both_layouts_have_waits_for_the_rest_of_the_file(
    tmp_path: Path, child_env: dict[str, str]
) -> None:
    program = tmp_path / "both.py"
    for later, home in (
        ("openjiuwen.core.component.end_comp import End", "jiuwen_lg.output"),
        ("openjiuwen.core.workflow import End", "jiuwen_lg.compat.current.output"),
    ):
        program.write_text(
            f"{INSTALL}from openjiuwen.core.workflow.base import WorkflowOutput\n"
            f"from {later}\nprint(WorkflowOutput.__module__)\n"
        )
        done = subprocess.run([sys.executable, program], env=child_env, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == home


@pytest.mark.parametrize(("version", "home"), [("0.1.1", OLD), ("0.1.4", NEW), ("0.1.19.post2", NEW)])
def test_a_version_can_be_chosen(version: str, home: str, tmp_path: Path, child_env: dict[str, str]) -> None:
    path = "base" if home == OLD else "workflow"
    code = f"from openjiuwen.core.workflow.{path} import Workflow\nprint('= ' + Workflow.__module__)"
    program = tmp_path / "program.py"
    program.write_text(code)
    assert play([*OURS, "--for", version], program, tmp_path / "at", child_env) == home
    run(f"from jiuwen_lg.compat import install\ninstall({version!r})\n{code}", child_env)


def test_a_version_that_is_none_is_refused(tmp_path: Path, child_env: dict[str, str]) -> None:
    assert "0.1.19" in run("from jiuwen_lg.compat import install\ninstall('2.0')", child_env, ok=False)
    done = subprocess.run(
        [*OURS, "--for", "0.2", "program.py"], env=child_env, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "'0.2'" in done.stderr
    assert "usage" in done.stderr


@pytest.mark.parametrize(
    ("first", "second", "version"),
    [
        (
            "from openjiuwen.core.component.start_comp import Start",
            "from openjiuwen.core.session import Config",
            "0.1.19",
        ),
        ("from openjiuwen.core.workflow import Start", "from openjiuwen.core.component.end_comp import End", "0.1.1"),
        ("from openjiuwen.core.workflow import Start", "import openjiuwen.core.runtime.runtime", "0.1.1"),
    ],
)
def test_a_program_that_mixes_layouts_gets_one_clear_error(
    first: str, second: str, version: str, child_env: dict[str, str]
) -> None:
    error = run(f"{INSTALL}{first}\n{second}", child_env, ok=False)
    assert "uses one layout" in error
    assert f"install('{version}')" in error
    assert f"--for {version}" in error


def test_another_version_cannot_be_chosen_later(child_env: dict[str, str]) -> None:
    code = f"{INSTALL}from openjiuwen.core.workflow import Start\ninstall('0.1.19')\ninstall('0.1.1')"
    assert "has to be chosen before" in run(code, child_env, ok=False)


# --- names ---


def test_every_path_gives_its_names(child_env: dict[str, str]) -> None:
    code = ["from jiuwen_lg.compat import install", "install('0.1.19')"]
    code += [f"from {module} import {', '.join(names_of(module))}" for module in MODULES]
    run("\n".join(code), child_env)
    assert all(place_of(module, name) for module in MODULES for name in names_of(module))


def test_the_package_can_be_imported_with_a_star(child_env: dict[str, str]) -> None:
    run(
        f"{INSTALL}from openjiuwen.core.workflow import *\nWorkflow, End, create_workflow_session, WorkflowCard",
        child_env,
    )


def test_names_outside_say_that_they_are_left_out(child_env: dict[str, str]) -> None:
    statements = [f"import {path}" for path in NOT_PROVIDED if path != "openjiuwen.core.single_agent"]
    statements += [f"from openjiuwen.core.workflow import {name}" for name in LEFT_OUT]
    statements.append("from openjiuwen.core.single_agent import ReActAgent")  # other names of it are there
    code = (
        "from jiuwen_lg.compat import install\ninstall('0.1.19')\n"
        f"for statement in {statements!r}:\n"
        "    try: exec(statement)\n"
        "    except ImportError as error: assert 'not provided by jiuwen_lg' in str(error), error\n"
        "    else: raise SystemExit(statement)\n"
    )
    run(code, child_env)


def test_a_misspelled_name_names_the_nearest(child_env: dict[str, str]) -> None:
    install = "from jiuwen_lg.compat import install\ninstall('0.1.19')\n"
    assert "'Workflow'" in run(f"{install}from openjiuwen.core.workflow import Workfow", child_env, ok=False)
    assert "'openjiuwen.core.session'" in run(f"{install}import openjiuwen.core.sesion", child_env, ok=False)


def test_a_program_of_0_1_1_imports_none_of_the_adapters(child_env: dict[str, str]) -> None:
    code = (
        f"{INSTALL}import sys\nfrom openjiuwen.core.workflow.base import Workflow\n"
        "from openjiuwen.core.component.start_comp import Start\n"
        "print([name for name in sys.modules if name.startswith('jiuwen_lg.compat.current.') "
        "and not name.endswith('.table')])"
    )
    assert run(code, child_env).strip() == "[]"
