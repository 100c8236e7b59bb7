"""Large drawings in a real browser, which knows how wide its letters are: what is written is where it belongs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.drawing.expense import expenses
from tests.needs import needs
from tests.notebooks.lab import chromium, page

MEASURE = """() => [...document.querySelectorAll('g[data-id]')].map(group => {
    const round = element => { const b = element.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] }
    const own = tag => [...group.children].find(child => child.tagName === tag)
    const inner = group.querySelector(':scope > g:not([data-loop]) g[data-id]')
    return {id: group.dataset.id, kind: group.dataset.kind, border: round(own('rect') || own('path')),
            text: round(own('text')), icon: [...group.children].filter(c => c.dataset.icon).map(round),
            opened: !!inner}
})"""

pytestmark = [
    needs(chromium() is not None, "there is no Chromium (make browser)"),
    needs(bool(find_spec("playwright")), "Playwright (make browser)"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with page() as opened:
        yield opened


@pytest.fixture(scope="module")
def boxes(browser: Any) -> list[dict[str, Any]]:
    browser.set_content(f"<body>{expenses().draw('费用报销审批').svg.replace('max-width:100%;', '')}</body>")
    if folder := os.environ.get("SCREENSHOTS"):
        browser.screenshot(path=Path(folder) / "forty.png", full_page=True)
    found: list[dict[str, Any]] = browser.evaluate(MEASURE)
    return found


def within(inner: list[float], outer: list[float], by: float = 0) -> bool:
    return (
        outer[0] + by <= inner[0]
        and outer[1] + by <= inner[1]
        and inner[2] <= outer[2] - by
        and inner[3] <= outer[3] - by
    )


def apart(a: list[float], b: list[float]) -> bool:
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_there_are_forty_and_every_label_is_in_its_box(boxes: list[dict[str, Any]]) -> None:
    assert len(boxes) == 40
    for box in boxes:
        assert within(box["text"], box["border"], by=2), box


def test_a_label_in_a_diamond_does_not_touch_its_sides(boxes: list[dict[str, Any]]) -> None:
    (diamond,) = (box for box in boxes if box["kind"] == "branch")
    left, top, right, bottom = diamond["border"]
    across, down = (right - left) / 2, (bottom - top) / 2
    for x in (diamond["text"][0], diamond["text"][2]):
        for y in (diamond["text"][1] + 3, diamond["text"][3] - 3):  # the line's height is more than the letters'
            assert abs(x - left - across) / across + abs(y - top - down) / down <= 1


def test_icons_stand_before_labels_and_not_on_them(boxes: list[dict[str, Any]]) -> None:
    with_icons = [box for box in boxes if box["icon"]]
    assert {box["kind"] for box in with_icons} == {"model", "question", "tool", "loop", "workflow"}
    for box in with_icons:
        (icon,) = box["icon"]
        assert within(icon, box["border"], by=2)
        assert icon[2] <= box["text"][0] + 1


def test_boxes_at_one_level_do_not_lie_on_each_other(boxes: list[dict[str, Any]]) -> None:
    for a, b in combinations(boxes, 2):
        if a["id"].rpartition(".")[0] == b["id"].rpartition(".")[0]:
            assert apart(a["border"], b["border"]), (a["id"], b["id"])
