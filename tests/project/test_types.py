"""The public names are typed completely, as a type checker of a user's sees them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.needs import needs

ROOT = Path(__file__).parents[2]


def plain_package(name: str, folder: Path) -> None:
    """A namespace package as an ordinary one: pyright, when it verifies, sees no further."""
    spec = find_spec(name)
    assert spec is not None
    for place in spec.submodule_search_locations or ():
        _link(Path(place), folder / name)


def _link(place: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").touch()
    for entry in place.iterdir():
        if entry.is_dir() and not (entry / "__init__.py").exists() and any(entry.glob("*/__init__.py")):
            _link(entry, folder / entry.name)  # a namespace within
        elif entry.name != "__init__.py":
            (folder / entry.name).symlink_to(entry)


@pytest.mark.timeout(300)
@needs(find_spec("basedpyright") is not None, "basedpyright is not installed")
def test_every_public_name_has_a_known_type(tmp_path: Path) -> None:
    plain_package("langgraph", tmp_path)
    binaries = str(Path(sys.executable).parent)
    path = {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-m", "basedpyright", "--verifytypes", "jiuwen_lg", "--ignoreexternal"]
    found = subprocess.run(
        command, env={**os.environ, **path}, cwd=tmp_path, capture_output=True, text=True, check=False
    ).stdout
    assert re.findall(r"error: .*\n.*", found) == []
    assert "Type completeness score: 100%" in found
