"""The text of a drawing."""

from jiuwen_lg.drawing.model import Arrow, Box, Drawing, drawing_of
from jiuwen_lg.drawing.text import to_text
from tests.drawing.test_sessions import nested


def test_a_listing_has_every_component_with_where_it_leads() -> None:
    marks = {"start": "done", "branch": "done", "loop.a": "done", "loop.sub.inner": "waiting"}
    assert to_text(drawing_of(nested().definition), "A title", marks).splitlines() == [
        "A title",
        "start [done] -> branch",
        "branch [done]",
        '  -?> ${start.q} == "x" && ${start.q} < 3: loop',
        "  -?> no loop: end",
        "loop -> end",
        "    a [done] -> sub",
        "    sub",
        "        start -> inner",
        "        inner [waiting] -> end",
        "        end",
        "end",
    ]


def test_a_closed_box_has_the_mark_of_what_is_inside() -> None:
    lines = to_text(drawing_of(nested().definition, levels=0), marks={"loop.sub.inner": "failed"}).splitlines()
    assert lines[-2:] == ["loop [failed] -> end", "end"]


def test_streams_and_choices_differ_from_other_arrows() -> None:
    arrows = (
        *(Arrow("a", "b"), Arrow("a", "c"), Arrow("a", "b", is_stream=True)),
        *(Arrow("b", "c", is_conditional=True), Arrow("b", "a", is_conditional=True, label="again")),
    )
    drawing = Drawing(tuple(Box(id, id, False) for id in "abc"), arrows)
    assert to_text(drawing).splitlines() == ["a -> b, c => b", "b", "  -?> c", "  -?> again: a", "c"]


def test_a_terminal_is_not_given_control_characters() -> None:
    text = to_text(Drawing((Box("a", "\x1b[31mred\nline\u202e", False),), ()), "ti\x07tle\n2")
    assert text == "ti\ufffdtle 2\n\ufffd[31mred line\ufffd (a)"
