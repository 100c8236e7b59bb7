"""The `openjiuwen` alias, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jiuwen_lg import constants
from jiuwen_lg.compat.names import known_modules
from jiuwen_lg.compat.table import MODULES, all_modules, names_of


def run(code: str, env: dict[str, str], *, ok: bool = True) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is ok, done.stderr
    return done.stdout if ok else done.stderr


INSTALL = "from jiuwen_lg.compat import install; install(); "


def test_every_path_gives_its_names_and_ours_are_ours(child_env: dict[str, str]) -> None:
    code = [f"{INSTALL}import jiuwen_lg; from jiuwen_lg import constants"]
    for module in all_modules():
        code.append(f"from {module} import {', '.join(names_of(module) or ())}")
        for name in (entry for entry in MODULES.get(module, ()) if ":" not in entry):
            ours = f"constants.{name} if hasattr(constants, {name!r}) else jiuwen_lg.{name}"
            code.append(f"assert {name} is ({ours})")
    run("\n".join(code), child_env)


def test_a_name_is_the_same_under_every_path_that_has_it(child_env: dict[str, str]) -> None:
    code = (
        "from openjiuwen.core.component.loop_comp import BreakComponent as one\n"
        "from openjiuwen.core.component.break_comp import BreakComponent as other\n"
        "from openjiuwen.core.stream.writer import OutputSchema\n"
        "from openjiuwen.core.workflow.base import WorkflowConfig, OutputSchema as again\n"
        "assert one is other and OutputSchema is again\n"
    )
    run(INSTALL + code, child_env)


def test_the_table_knows_only_modules_and_names_of_openjiuwen() -> None:
    known = known_modules()
    for module, entries in MODULES.items():
        assert module in known, module
        names = {entry.partition(":")[0] for entry in entries} - set(vars(constants))
        assert names <= {*known[module].defined, *known[module].imported}, module


def test_what_is_there_to_be_annotated_with_raises_when_it_is_used(child_env: dict[str, str]) -> None:
    code = (
        "from openjiuwen.core.graph.executable import GeneralExecutor\n"
        "def annotated(one: GeneralExecutor) -> GeneralExecutor | None: ...\n"
        "for use in (lambda: GeneralExecutor(None), lambda: GeneralExecutor.anything):\n"
        "    try: use()\n"
        "    except NotImplementedError as error: assert 'only to be annotated' in str(error)\n"
        "    else: raise SystemExit('nothing was raised')\n"
    )
    run(INSTALL + code, child_env)


def test_a_module_can_be_imported_whole(child_env: dict[str, str]) -> None:
    code = (
        "import openjiuwen.core.workflow.base as base; import openjiuwen.core; "
        "from openjiuwen.core.workflow.base import *; assert base.Workflow is Workflow; "
        "from openjiuwen.core.component import start_comp; from openjiuwen.core import workflow; "
        "assert start_comp.Start"
    )
    run(INSTALL + code, child_env)


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("import openjiuwen.core.workflow.bose", "'openjiuwen.core.workflow.base'"),
        ("from openjiuwen.core.runner.runner import Runer", "'Runner'"),
        ("from openjiuwen.core.workflow.base import Workfow", "'Workflow'"),
        ("from openjiuwen.core.memory.engine import MemoryEngine", "memory is left to"),
        ("from openjiuwen.core.workflow.base import Tracer", "TraceSchema"),
        ("from openjiuwen.agent_builder.tune.trainer.trainer import Trainer", "tuning"),
    ],
)
def test_what_is_not_provided_says_so_and_why(statement: str, hint: str, child_env: dict[str, str]) -> None:
    error = run(INSTALL + statement, child_env, ok=False)
    assert "not provided by jiuwen_lg" in error
    assert hint in error
    assert "docs/openjiuwen-names.md" in error


def fake_openjiuwen(folder: Path, env: dict[str, str]) -> dict[str, str]:
    """An environment in which some openjiuwen is installed."""
    (folder / "openjiuwen").mkdir()
    (folder / "openjiuwen" / "__init__.py").touch()
    return {**env, "PYTHONPATH": f"{folder}:{env['PYTHONPATH']}"}


def test_it_wins_over_an_installed_openjiuwen_with_one_warning(tmp_path: Path, child_env: dict[str, str]) -> None:
    code = (
        "import warnings\nwith warnings.catch_warnings(record=True) as seen:\n"
        "    warnings.simplefilter('always')\n    from jiuwen_lg.compat import install\n    install(); install()\n"
        "assert len(seen) == 1, seen\nfrom openjiuwen.core.workflow.base import Workflow"
    )
    run(code, fake_openjiuwen(tmp_path, child_env))


def test_it_refuses_once_the_other_is_imported(tmp_path: Path, child_env: dict[str, str]) -> None:
    error = run(f"import openjiuwen; {INSTALL}", fake_openjiuwen(tmp_path, child_env), ok=False)
    assert "before the first import" in error


def test_a_program_runs_with_its_arguments_and_its_neighbours(tmp_path: Path, child_env: dict[str, str]) -> None:
    (tmp_path / "neighbour.py").write_text("from openjiuwen.core.component.end_comp import End\n", encoding="utf-8")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, neighbour; print(__name__, sys.argv[1:], neighbour.End.__name__)\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "jiuwen_lg.compat", str(program), "a", "b"],
        env=child_env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "__main__ ['a', 'b'] End\n"
    usage = subprocess.run(
        [sys.executable, "-m", "jiuwen_lg.compat"], env=child_env, capture_output=True, text=True, check=False
    )
    assert usage.returncode != 0
    assert "usage" in usage.stderr
