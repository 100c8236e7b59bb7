"""The notebooks of the project: executed without a network, they give the outputs that are kept in them."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from notebooks.execute import executed
from tests.notebooks.kernel import OFFLINE

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def outputs(book: Any) -> list[str]:
    """What each cell shows, without addresses in memory."""
    kept = ("text", "data", "evalue")
    shown = [
        [{name: output.get(name) for name in kept} for output in cell.outputs]
        for cell in book.cells
        if cell.cell_type == "code"
    ]
    return [re.sub(r" at 0x[0-9a-f]+", "", json.dumps(cell, sort_keys=True)) for cell in shown]


def timeless(shown: list[str]) -> list[str]:
    """The same without numbers and pictures: in a notebook that shows how long a run took they vary."""
    return [re.sub(r"\d+(\.\d+)?", "0", re.sub(r"base64,[\w+/=]+", "", cell)) for cell in shown]


def test_all_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "embedding",
        "human_in_the_loop",
        "quickstart",
        "recovery",
        "see_a_run",
        "streaming",
        "testing",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_what_it_says(path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "JIUWEN_LG_DB"}
    book = executed(path, {**env, "PYTHONPATH": f"{OFFLINE}:{ROOT}"})
    shown, kept = outputs(book), outputs(nbformat.read(path, as_version=4))
    if path.stem == "see_a_run":
        shown, kept = timeless(shown), timeless(kept)
    assert shown == kept


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_page_shows_its_drawings(path: Path) -> None:
    page, _ = HTMLExporter().from_filename(str(path))
    drawn = [
        base64.b64encode(output.data["image/svg+xml"].encode()).decode()
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", ())
        if "image/svg+xml" in output.get("data", {})
    ]
    assert drawn
    assert all(f"data:image/svg+xml;base64,{svg}" in page for svg in drawn)
