"""The examples in docstrings run, and there is no other code in them."""

from __future__ import annotations

import ast
import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

import jiuwen_lg

PACKAGE = Path(jiuwen_lg.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_modules_examples_print_what_they_say(path: Path) -> None:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    found = doctest.testmod(import_module(name), report=False, optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_code_in_a_docstring_is_an_example(path: Path) -> None:
    """An indented block that belongs to no heading would be code that nobody runs."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds)]
    docstrings = [ast.get_docstring(node) or "" for node in nodes]
    assert [text for text in docstrings if re.search(r"\n\n {4}|```|::\n", text)] == []
