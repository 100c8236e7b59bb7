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
DRAWN = "img[src^='data:image/svg+xml']"
SIZE = "images => Promise.all(images.map(async image => (await image.decode(), [image.width, image.height])))"
TEXT = """images => images.map(image => new TextDecoder().decode(
    Uint8Array.from(atob(image.src.split(',')[1]), char => char.charCodeAt(0))))"""

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
    browser.wait_for_function(f'document.querySelectorAll("{DRAWN}").length >= 3', timeout=120_000)
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
    sizes = browser.eval_on_selector_all(DRAWN, SIZE)
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
    browser.wait_for_function(f'document.querySelectorAll("{DRAWN}").length >= 3', timeout=120_000)
    assert browser.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    keep(browser, "run")


FORM = """
from datetime import date
from typing import Literal
from pydantic import BaseModel, Field
from jiuwen_lg import *
from jiuwen_lg.notebook import chat
class Decision(BaseModel):
    verdict: Literal["approve", "refuse"]
    limit: int = Field(ge=0, le=10_000)
async def decide(inputs, runtime):
    return (await runtime.interact("What do you decide?", schema=Decision)).model_dump()
flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="form")), journal=True)
flow.set_start_comp("start", Start(), inputs_schema={}, label="提交")
flow.add_workflow_comp("decide", decide, inputs_schema={}, label="经理审批")
flow.set_end_comp("end", End(), inputs_schema={"limit": "${decide.limit}"}).add_connection("start", "decide")
flow.add_connection("decide", "end")
"""


def test_a_form_is_filled_in_and_a_picture_follows(address: str, folder: Path, browser: Any) -> None:
    """A person's view: the picture shows where the run is, a wrong field is refused there, and the run goes on."""
    book = nbformat.v4.new_notebook()
    cells = (FORM, 'flow.draw(session_id="form")', '(await chat(flow, {}, WorkflowRuntime(session_id="form"))).result')
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    book.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(book, folder / "form.ipynb")
    browser.goto(f"{address}/lab/tree/form.ipynb?reset")
    browser.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=120_000)
    browser.click(".lm-MenuBar >> text=Run")
    browser.click("text=Run All Cells")
    browser.wait_for_selector("text=[decide] 经理审批 What do you decide?", timeout=120_000)
    marked = f'() => [...document.querySelectorAll("{DRAWN}")].some(i => atob(i.src.split(",")[1]).includes("%s"))'
    browser.wait_for_function(marked % 'data-mark=\\"waiting\\"', timeout=60_000)
    browser.select_option(".widget-dropdown select", label="approve")
    browser.fill(".widget-text input", "20000")
    browser.click("button:has-text('Answer')")
    browser.wait_for_selector("text=20000 is greater than the maximum of 10000", timeout=30_000)
    keep(browser, "form")
    browser.fill(".widget-text input", "2000")
    browser.click("button:has-text('Answer')")
    browser.wait_for_function("document.body.innerText.includes(`'limit': 2000`)", timeout=60_000)
    browser.wait_for_function(marked % "data-taken", timeout=60_000)
    keep(browser, "form-done")


def test_mermaid_takes_our_text(address: str, folder: Path, browser: Any) -> None:
    """JupyterLab's own Mermaid draws all kinds, labels and marks."""
    code = (
        "from tests.drawing.expense import expenses\nfrom IPython.display import display\n"
        "display({'text/vnd.mermaid': expenses().draw('费用').mermaid}, raw=True)"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    book.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(book, folder / "mermaid.ipynb")
    browser.goto(f"{address}/lab/tree/mermaid.ipynb?reset")
    browser.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=120_000)
    browser.click(".lm-MenuBar >> text=Run")
    browser.click("text=Run All Cells")
    browser.wait_for_selector(".jp-RenderedMermaid img", timeout=120_000)
    (drawn,) = browser.eval_on_selector_all(
        ".jp-RenderedMermaid img", "images => images.map(image => decodeURIComponent(image.src))"
    )
    assert all(label in drawn for label in ("提交申请", "金额分流", "逐项核对报销明细", "经理审批", "小额直付"))
    keep(browser, "mermaid")
