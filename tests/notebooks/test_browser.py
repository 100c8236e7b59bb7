"""Notebooks opened in a real browser, in JupyterLab and as pages: the drawings are there.

Screenshots are kept in `SCREENSHOTS`, if that is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.needs import needs
from tests.notebooks.lab import chromium, lab, page, trust

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
DRAWN = ".jp-RenderedMermaid img"
SIZE = "images => Promise.all(images.map(async image => (await image.decode(), [image.width, image.height])))"
TEXT = "images => images.map(image => decodeURIComponent(image.src))"

pytestmark = [
    needs(chromium() is not None, "there is no Chromium (make browser)"),
    needs(bool(find_spec("jupyterlab") and find_spec("playwright")), "JupyterLab and Playwright (make browser)"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),  # its tests share JupyterLab and the page
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lab")
    for name in ("trusted", "untrusted"):
        shutil.copy(NOTEBOOKS / "quickstart.ipynb", made / f"{name}.ipynb")
    trust(made, "trusted.ipynb")
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with lab(folder) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with page() as opened:
        yield opened


def keep(browser: Any, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        browser.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("name", ["trusted", "untrusted"])
def test_jupyterlab_draws(name: str, address: str, browser: Any) -> None:
    """The workflow, its session, and the loop with a sub-workflow in it, and nothing comes from elsewhere."""
    browser.goto(f"{address}/lab/tree/{name}.ipynb?reset")
    browser.wait_for_function(f"document.querySelectorAll('{DRAWN}').length >= 3", timeout=120_000)
    drawings = browser.eval_on_selector_all(DRAWN, TEXT)
    assert "confirm" in drawings[0]
    assert all(name in drawings[2] for name in ("One by one", "each", "ask", "confirm"))
    sizes = browser.eval_on_selector_all(DRAWN, SIZE)
    assert all(width > 80 and height > 150 for width, height in sizes), sizes
    assert browser.refused == []
    keep(browser, f"jupyterlab-{name}")


def test_a_page_draws(folder: Path, browser: Any) -> None:
    """nbconvert's HTML, offline: the SVG is drawn, of its size."""
    html, _ = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="").from_filename(
        str(NOTEBOOKS / "quickstart.ipynb")
    )
    (folder / "page.html").write_text(html, encoding="utf-8")
    browser.goto(f"file://{folder}/page.html")
    images = "img[src^='data:image/svg']"
    sizes = browser.eval_on_selector_all(images, SIZE)
    assert len(sizes) == 3
    assert all(width > 80 and height > 150 for width, height in sizes)
    assert browser.refused == []
    keep(browser, "page")


def test_a_cell_that_is_run_draws(address: str, folder: Path, browser: Any) -> None:
    """Not only what was kept: a live kernel's output, too."""
    book: Any = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(book, folder / "fresh.ipynb")
    browser.goto(f"{address}/lab/tree/fresh.ipynb?reset")
    browser.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=120_000)
    assert browser.locator(DRAWN).count() == 0
    browser.click(".lm-MenuBar >> text=Run")
    browser.click("text=Run All Cells")
    browser.wait_for_function(f"document.querySelectorAll('{DRAWN}').length >= 3", timeout=120_000)
    assert browser.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    keep(browser, "run")
