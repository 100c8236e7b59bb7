"""The house: imports go one way, and the public face is complete and light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jiuwen_lg

PACKAGE = Path(jiuwen_lg.__file__).parent

ROWS = [
    ["compat", "pytest_plugin", "command"],
    ["testing"],
    ["runner", "operations", "terminal", "notebook", "workers"],
    ["resource_managers"],
    ["agents"],
    ["components", "workflow"],
    ["builder", "graph", "nested_runs", "interop", "drawing", "synchronous"],
    ["context"],
    ["engine"],
    ["component", "runtime", "interaction", "forms"],
    ["prompts"],
    ["resources", "tools", "models"],
    ["output", "timeline", "address", "tls", "request_log", "unpacking", "runtime_state"],
    ["config", "environment"],
    ["schema"],
    ["errors", "error_report", "error_text", "constants"],
]
"""The packages and modules from top to bottom; each imports only from its own row or rows below it."""

ENGINE = [
    ["turns"],
    ["store"],
    ["sessions"],
    ["journal"],
    ["compiled_workflow"],
    ["compiler"],
    ["workflow_graph"],
    ["storage"],
    ["execution"],
    ["runtime"],
    ["graph"],
    ["serializer"],
    ["concurrency", "pregel"],
]
"""The same within the engine: no package imports one above it."""

MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py")


def imported(path: Path, prefix: str) -> set[str]:
    """The rooms (first name after `prefix`) that a module imports at run time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    names = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in typing_only
    }
    return {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}


def level(rows: list[list[str]], room: str) -> int:
    return next(number for number, row in enumerate(rows) if room in row)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for other in imported(path, "jiuwen_lg."):
        assert level(ROWS, other) >= level(ROWS, room), f"{room} imports {other}"
    if room == "engine":
        package = path.relative_to(PACKAGE).parts[1].removesuffix(".py")
        for other in imported(path, "jiuwen_lg.engine."):
            assert level(ENGINE, other) >= level(ENGINE, package), f"engine/{package} imports engine/{other}"


def test_every_public_name_is_there_and_listed() -> None:
    for name in jiuwen_lg.__all__:
        assert getattr(jiuwen_lg, name) is not None
    assert set(jiuwen_lg.__all__) <= set(dir(jiuwen_lg))
    with pytest.raises(AttributeError, match="Workfow"):
        jiuwen_lg.Workfow  # noqa: B018


def test_the_type_checkers_face_names_the_same() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    named = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert named == set(jiuwen_lg.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, jiuwen_lg; print([m for m in ('langgraph', 'langchain_core', 'pydantic') if m in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert printed.stdout.strip() == "[]"


def test_no_file_is_long() -> None:
    lengths = {str(p.relative_to(PACKAGE)): len(p.read_text(encoding="utf-8").splitlines()) for p in MODULES}
    assert {name: n for name, n in lengths.items() if n > 500} == {}
