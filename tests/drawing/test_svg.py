"""The layout of drawings, and their SVG."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwen_lg.drawing.geometry import FRAME_TITLE, Label, Layout, Place
from jiuwen_lg.drawing.layout import layout_of
from jiuwen_lg.drawing.model import Arrow, Box, Drawing, Mark, drawing_of, marks_on
from jiuwen_lg.drawing.svg import to_svg
from tests.drawing.test_sessions import nested

SVG = "{http://www.w3.org/2000/svg}"
REPLACED = "\ufffd"
UNTIMED = settings(deadline=None)


def drawn(*arrows: tuple[str, str] | Arrow, boxes: str = "") -> Drawing:
    """A drawing of arrows, whose boxes come in the order of their names here."""
    made = [arrow if isinstance(arrow, Arrow) else Arrow(*arrow) for arrow in arrows]
    ids = dict.fromkeys([*boxes, *(end for arrow in made for end in (arrow.source, arrow.target))])
    return Drawing(tuple(Box(id, id, id in {"start", "end"}) for id in ids), tuple(made))


def if_chosen(source: str, target: str, label: str = "") -> Arrow:
    return Arrow(source, target, is_conditional=True, label=label)


@st.composite
def drawings(draw: st.DrawFn, prefix: str = "", levels: int = 2) -> Drawing:
    """Up to nine boxes, some of them opened, and any arrows between them."""
    count = draw(st.integers(0 if prefix else 1, 9))
    ids = [f"{prefix}{n}" for n in range(count)]
    boxes = []
    for id in ids:
        is_opened = levels > 0 and draw(st.integers(0, 5)) == 0
        inside = draw(drawings(f"{id}.", levels - 1)) if is_opened else None
        boxes.append(Box(id, draw(st.text(max_size=60)), draw(st.booleans()), inside))
    end, label = st.sampled_from(ids), st.sampled_from(["", "no", "否则", "on failure", "a long condition " * 5])
    arrows = st.builds(Arrow, end, end, is_conditional=st.booleans(), is_stream=st.booleans(), label=label)
    return Drawing(tuple(boxes), tuple(draw(st.lists(arrows, max_size=16)) if ids else ()))


def all_layouts(layout: Layout) -> Iterator[Layout]:
    yield layout
    for place in layout.places:
        if place.inside is not None:
            yield from all_layouts(place.inside)


def borders(item: Place | Label) -> tuple[int, int, int, int]:
    return item.x, item.y, item.x + item.width, item.y + item.height


def overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@UNTIMED
@given(drawings())
def test_boxes_and_labels_do_not_lie_on_each_other(drawing: Drawing) -> None:
    for layout in all_layouts(layout_of(drawing)):
        labels = [route.label for route in layout.routes if route.label is not None]
        assert len(labels) == sum(bool(route.arrow.label) for route in layout.routes)
        for a, b in combinations([*layout.places, *labels], 2):
            assert not overlap(borders(a), borders(b))


@UNTIMED
@given(drawings())
def test_everything_lies_within_what_it_is_in(drawing: Drawing) -> None:
    for layout in all_layouts(layout_of(drawing)):
        labels = [route.label for route in layout.routes if route.label is not None]
        for left, top, right, bottom in map(borders, [*layout.places, *labels]):
            assert 0 <= left < right <= layout.width and 0 <= top < bottom <= layout.height
        for route in layout.routes:
            assert route.reach <= layout.width
            assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in route.points)
        for place in layout.places:
            if place.inside is not None:
                assert 0 <= place.inside_x <= place.width - place.inside.width
                assert FRAME_TITLE + place.inside.height <= place.height


@UNTIMED
@given(drawings())
def test_every_arrow_leads_from_border_to_border_and_through_no_box(drawing: Drawing) -> None:
    originals = [drawing, *(box.contents for box in drawing.all_boxes() if box.contents is not None)]
    for original, layout in zip(originals, all_layouts(layout_of(drawing)), strict=True):
        places = {place.box.id: place for place in layout.places}
        assert [route.arrow for route in layout.routes] == list(original.arrows)
        for route in layout.routes:
            ends = (places[route.arrow.source], places[route.arrow.target])
            for (x, y), place in zip((route.points[0], route.points[-1]), ends, strict=True):
                left, top, right, bottom = borders(place)
                assert (left <= x <= right and y in {top, bottom}) or (x == right and route.reach > right)
            for (x, y), (to_x, to_y) in pairwise(route.points):
                span = (min(x, to_x), min(y, to_y), max(x, to_x, route.reach), max(y, to_y))
                assert not any(overlap(span, borders(place)) for place in layout.places)


def middles(drawing: Drawing) -> dict[str, float]:
    return {place.box.id: place.x + place.width / 2 for place in layout_of(drawing).places}


def test_a_chain_is_straight_beside_the_arrows_that_pass_it() -> None:
    chain = drawn(("start", "a"), ("a", "b_with_a_long_name"), ("b_with_a_long_name", "end"), if_chosen("a", "end"))
    assert len(set(middles(chain).values())) == 1
    back = drawn(("start", "a"), ("a", "b"), ("b", "c"), ("c", "end"), ("c", "a"))
    assert len(set(middles(back).values())) == 1
    tops = {place.box.id: place.y for place in layout_of(back).places}
    assert sorted(tops, key=tops.__getitem__) == ["start", "a", "b", "c", "end"]


def test_a_box_stands_in_the_middle_of_what_it_leads_to() -> None:
    x = middles(drawn(*[("s", c) for c in "abcd"], *[(c, "e") for c in "abcd"]))
    assert x["s"] == x["e"] == (x["a"] + x["d"]) / 2
    assert x["a"] < x["b"] < x["c"] < x["d"]


def test_arrows_do_not_cross_where_they_need_not() -> None:
    x = middles(drawn(("s", "a"), ("s", "b"), ("a", "c"), ("b", "d"), boxes="sabdc"))
    assert x["c"] < x["d"]


def test_arrows_of_one_label_join_on_their_way_to_one_target() -> None:
    boxes = ["a", "b", "c", "d", "handler"]
    detours = [if_chosen(id, "handler", "on failure") for id in boxes[:3]]
    routes = [route.points for route in layout_of(drawn(*pairwise(boxes), *detours)).routes[-3:]]
    assert len({points[-1] for points in routes}) == len({points[-2] for points in routes}) == 1
    assert len(routes[0]) == 4  # between its two ends the trunk is straight


def test_an_arrow_that_passes_a_box_keeps_near_to_it() -> None:
    passing = Arrow("s", "b")
    others = [("m", "wide" * 20), ("u", "v"), ("v", "b")]
    layout = layout_of(drawn(("r", "s"), ("s", "a"), ("a", "b"), passing, *others))
    (points,) = (route.points for route in layout.routes if route.arrow == passing)
    (a,) = (place for place in layout.places if place.box.id == "a")
    assert max(x for x, _ in points) == a.x + a.width + 20


def test_the_size_of_a_drawing_is_no_matter_of_recursion_or_of_hours() -> None:
    ids = [f"n{n}" for n in range(3000)]
    assert layout_of(drawn(*pairwise(ids))).width < 200
    fan = layout_of(drawn(*[("start", id) for id in ids[:300]], *[(id, "end") for id in ids[:300]]))
    assert len({place.y for place in fan.places}) == 3
    detours = layout_of(drawn(*pairwise(ids[:400]), *[(id, "end") for id in ids[:400]]))
    assert len(detours.routes) == 799


def test_chinese_characters_are_wider_than_latin_ones() -> None:
    latin, chinese = layout_of(Drawing((Box("a", "abcdefgh", False), Box("b", "知识库检索组件啊", False)), ())).places
    assert chinese.width - latin.width > 50


def test_long_texts_are_broken_and_cut() -> None:
    (box,) = layout_of(Drawing((Box("a", "word " * 100, False),), ())).places
    assert len(box.lines) == 2 and box.lines[-1].endswith("…") and box.width < 300


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg.encode())  # as a file would hold it: no surrogates


def by_id(svg: str) -> dict[str, ET.Element]:
    return {group.attrib["data-id"]: group for group in parsed(svg).iter(f"{SVG}g") if "data-id" in group.attrib}


def rectangles(element: ET.Element, x: float = 0, y: float = 0) -> Iterator[tuple[float, float, float, float]]:
    if move := element.get("transform"):
        dx, dy = map(float, move.removeprefix("translate(").removesuffix(")").split())
        x, y = x + dx, y + dy
    if element.tag == f"{SVG}rect":
        left, top, width, height = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
        yield x + left, y + top, x + left + width, y + top + height
    for child in element:
        yield from rectangles(child, x, y)


@UNTIMED
@given(drawings(), st.text(max_size=40))
def test_the_picture_is_xml_and_everything_is_in_view(drawing: Drawing, title: str) -> None:
    svg = to_svg(drawing, title)
    root = parsed(svg)
    assert by_id(svg).keys() == {box.id for box in drawing.all_boxes()}
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert (root.attrib["width"], root.attrib["height"]) == (f"{width:g}", f"{height:g}")
    for left, top, right, bottom in rectangles(root):
        assert 0 <= left < right <= width and 0 <= top < bottom <= height


HOSTILE = [
    '"/><script>alert(1)</script>',
    "a&b;'<![CDATA[",
    "\x00\x1b[31m\x7f",
    "\ud800\ufffe",
    "a\tb\nc\rd",
    "-->",
    " ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_may_have_any_characters(text: str) -> None:
    drawing = Drawing((Box(text, text, False), Box("b", "b", False)), (if_chosen(text, "b", text), Arrow(text, text)))
    svg = to_svg(drawing, text, {text: "done"})
    shown = "".join(REPLACED if char in "\x00\x1b\ud800\ufffe" else char for char in text)
    group = by_id(svg)[shown]
    assert group.findtext(f"{SVG}title") == shown
    assert group.attrib["data-mark"] == "done"
    assert parsed(svg).findtext(f"{SVG}title") == shown
    assert shown in {group.get("data-source") for group in parsed(svg).iter(f"{SVG}g")}
    assert {element.tag.removeprefix(SVG) for element in parsed(svg).iter()} <= {
        *("svg", "title", "g", "rect", "text", "tspan", "path", "circle")
    }


def test_several_pictures_may_stand_in_one_page() -> None:
    svg = to_svg(drawing_of(nested().definition), "Title", {"loop.a": "done"})
    names = {name for element in parsed(svg).iter() for name in element.attrib}
    assert not names & {"id", "class", "href"}
    assert "url(" not in svg and "<style" not in svg
    assert svg.count("http") == 1  # the namespace


def test_the_picture_has_a_title_and_a_role() -> None:
    root = parsed(to_svg(drawn(("a", "b")), "Two boxes"))
    assert root.attrib["role"] == "img"
    assert root[0].tag == f"{SVG}title" and root[0].text == "Two boxes"
    assert "Two boxes" in {text.findtext(f"{SVG}tspan") or text.text for text in root.iter(f"{SVG}text")}
    assert parsed(to_svg(drawn(("a", "b"))))[0].text == "Workflow"


def line_of(svg: str, source: str, target: str) -> dict[str, Any]:
    groups = parsed(svg).iter(f"{SVG}g")
    (line,) = (g[0] for g in groups if (g.get("data-source"), g.get("data-target")) == (source, target))
    return line.attrib


def test_arrows_differ_by_kind_and_stand_behind_boxes() -> None:
    stream = Arrow("b", "c", is_stream=True)
    svg = to_svg(drawn(("a", "b"), stream, if_chosen("c", "d", "if so")))
    plain, thick, dashed = (line_of(svg, *ends) for ends in ("ab", "bc", "cd"))
    assert "stroke-dasharray" in dashed and "stroke-dasharray" not in plain
    assert float(thick["stroke-width"]) > float(plain["stroke-width"])
    assert ">if so</tspan>" in svg
    assert svg.rindex("data-source") < svg.index("data-id")


def test_a_line_is_written_from_the_target_to_the_source() -> None:
    drawing = drawn(("a", "b"))
    upper, lower = layout_of(drawing).places
    x = upper.width // 2
    assert line_of(to_svg(drawing), "a", "b")["d"] == f"M{x} {lower.y - 8} V{upper.y + upper.height}"


def test_ends_are_rounded_and_opened_boxes_have_what_is_inside() -> None:
    boxes = by_id(to_svg(drawing_of(nested().definition)))
    outlines = {id: group.find(f"{SVG}rect") for id, group in boxes.items() if id != "branch"}
    radius = {id: float(outline.attrib["rx"]) for id, outline in outlines.items()}  # type: ignore[union-attr]
    assert radius["start"] > radius["loop"] > radius["loop.sub.inner"]
    within = {group.get("data-id") for group in boxes["loop"].iter(f"{SVG}g")}
    assert within >= {"loop.a", "loop.sub", "loop.sub.inner"} and "branch" not in within


def test_marks_are_told_by_colour_by_symbol_and_by_word() -> None:
    marks: dict[str, Mark] = {"a": "done", "b": "waiting", "c": "failed", "d": "next"}
    boxes = by_id(to_svg(drawn(("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")), marks=marks))
    fills = {group.find(f"{SVG}rect").attrib["fill"] for group in boxes.values()}  # type: ignore[union-attr]
    symbols = {path.attrib["d"] for group in boxes.values() for path in group.iter(f"{SVG}path")}
    words = [group.findtext(f"{SVG}g/{SVG}title") for group in boxes.values()]
    assert len(fills) == 5 and len(symbols) == 4
    assert words == ["done", "waiting", "failed", "next", None]
    assert [group.get("data-mark") for group in boxes.values()] == words


def test_a_mark_inside_a_closed_box_is_the_boxs() -> None:
    definition = nested().definition
    marks: dict[str, Mark] = {"loop.a": "done", "loop.sub.inner": "waiting", "start": "done", "ghost.a": "failed"}
    opened, closed = drawing_of(definition), drawing_of(definition, levels=0)
    assert marks_on(opened, marks) == {"loop.a": "done", "loop.sub.inner": "waiting", "start": "done"}
    assert marks_on(closed, marks) == {"loop": "waiting", "start": "done"}
    assert marks_on(drawing_of(definition, levels=1), marks)["loop.sub"] == "waiting"


def test_the_most_urgent_mark_inside_a_closed_box_counts_and_done_is_none() -> None:
    closed = Drawing((Box("sub", "sub", False),), ())
    assert marks_on(closed, {"sub.a": "done"}) == {}
    assert marks_on(closed, {"sub": "done", "sub.a": "done"}) == {"sub": "done"}
    assert marks_on(closed, {"sub.a": "next", "sub.b": "failed", "sub.c": "waiting"}) == {"sub": "failed"}
    assert marks_on(closed, {"sub.b": "waiting", "sub": "next"}) == {"sub": "waiting"}


def test_the_same_drawing_gives_the_same_picture_in_every_process() -> None:
    code = (
        "from jiuwen_lg.drawing.svg import to_svg\nfrom tests.drawing.test_svg import drawn, if_chosen\n"
        "print(to_svg(drawn(*[(a, b) for a in 'abcdef' for b in 'cedgf'], if_chosen('a', 'g', 'x'))))"
    )
    pictures = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(pictures) == 1


def test_nothing_is_drawn_of_nothing() -> None:
    assert parsed(to_svg(Drawing((), ()))).attrib["viewBox"] == "0 0 32 32"
