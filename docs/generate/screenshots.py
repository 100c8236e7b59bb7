"""The screenshots of `docs/see-a-run.md`: the notebook `see_a_run`, run and answered by hand in a real JupyterLab.

    python docs/generate/screenshots.py

Needs what `make browser` installs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT))

from tests.notebooks.lab import lab, page  # noqa: E402


def main() -> None:
    """Play the person in front of the notebook."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        book: Any = nbformat.read(ROOT / "notebooks" / "see_a_run.ipynb", as_version=4)
        for cell in book.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(book, folder / "see_a_run.ipynb")
        with lab(folder) as address, page() as browser:
            browser.goto(f"{address}/lab/tree/see_a_run.ipynb?reset")
            browser.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=120_000)
            browser.set_viewport_size({"width": 1150, "height": 7000})
            browser.click(".lm-MenuBar >> text=Run")
            browser.click("text=Run All Cells")
            play(browser)


def play(browser: Any) -> None:
    """Fill the form in, wrongly first, and keep what is shown."""
    browser.wait_for_selector("button:has-text('Answer')", timeout=180_000)
    browser.select_option(".widget-dropdown select", label="approve")
    browser.fill(".widget-text input[type=text] >> nth=0", "20000")
    browser.click("button:has-text('Answer')")
    browser.wait_for_selector("text=20000 is greater than the maximum", timeout=60_000)
    browser.wait_for_timeout(1500)  # the picture above is drawn again meanwhile
    shoot(browser, 'session_id="claim-1")', "running")
    shoot(browser, "await chat(flow", "form")
    browser.fill(".widget-text input[type=text] >> nth=0", "2000")
    browser.fill("input[type=date]", "2026-12-01")
    browser.click("button:has-text('Answer')")
    browser.wait_for_function("document.body.innerText.includes(`a receipt of -5 yuan`)", timeout=180_000)
    browser.wait_for_timeout(3000)
    shoot(browser, 'flow.timeline("claim-1")', "timeline")
    shoot(browser, 'flow.snapshot("claim-1")', "finished")
    shoot(browser, 'flow.snapshot("claim-2")', "failed")


def shoot(browser: Any, code: str, name: str) -> None:
    """Keep the output of the cell with this code."""
    cell = browser.locator(".jp-CodeCell").filter(has_text=code).first
    cell.scroll_into_view_if_needed()
    cell.locator(".jp-Cell-outputArea").screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
