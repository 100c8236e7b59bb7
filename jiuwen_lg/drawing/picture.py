"""A workflow's picture, as notebooks, pages and terminals show it; made when it is shown, without a network.

Notebooks and the pages that are made of them take the SVG, terminals the text; Mermaid text is for documents.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from html import escape
from pathlib import Path
from typing import Any

from jiuwen_lg.drawing.course import Course, course_of
from jiuwen_lg.drawing.mermaid import to_mermaid
from jiuwen_lg.drawing.model import ALL_LEVELS, Drawing, Mark, drawing_of
from jiuwen_lg.drawing.svg import to_svg
from jiuwen_lg.drawing.text import to_text
from jiuwen_lg.engine.graph.definition import Definition
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.timeline import Timeline


class Picture:
    """The picture of a workflow, and of the state of a session of it.

    Args:
        definition: What was built.
        title: What stands above it.
        marks: Where a session stands, by executable id.
        levels: How many levels of loops and sub-workflows are opened.
        timeline: What a run did; then the arrows that it took are marked.

    Attributes:
        marks: Where a session stands, by executable id; of a finished run how each component ended.
        timeline: What a run did.
    """

    def __init__(
        self,
        definition: Definition,
        title: str = "",
        marks: Mapping[str, Mark] | None = None,
        levels: int = ALL_LEVELS,
        timeline: Timeline | None = None,
    ) -> None:
        self._definition = definition
        self._title = title
        self._levels = levels
        self.marks: dict[str, Mark] = dict(marks or {})
        self.timeline: Timeline | None = timeline

    @property
    def taken(self) -> frozenset[tuple[str, str]]:
        """The ends of the arrows that the run took, by executable id."""
        return self._course(self._drawing()).taken

    def _course(self, drawing: Drawing) -> Course:
        if not self.timeline:
            return Course(self.marks, {}, frozenset())
        course = course_of(self.timeline, drawing)
        return Course({**course.marks, **self.marks}, course.notes, course.taken)

    def _drawn(self, form: Callable[..., str]) -> str:
        drawing = self._drawing()
        course = self._course(drawing)
        return form(drawing, self._title, marks=course.marks, notes=course.notes, taken=course.taken)

    def _drawing(self) -> Drawing:
        return drawing_of(self._definition, self._levels)

    @property
    def mermaid(self) -> str:
        """Mermaid text.

        Raises:
            JiuWenBaseException: 110006, a connection names a component that was never added; as for the others.
        """
        return self._drawn(to_mermaid)

    @property
    def svg(self) -> str:
        """A document that stands for itself: no scripts, no fonts, nothing from outside."""
        return self._drawn(to_svg)

    @property
    def text(self) -> str:
        """A list for terminals."""
        return self._drawn(to_text)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, in the form that its name asks for.

        Args:
            path: `.svg`, `.mmd` (Mermaid) or `.txt`.

        Raises:
            ValueError: It ends with something else.
        """
        forms = {".svg": "svg", ".mmd": "mermaid", ".txt": "text"}
        file = Path(path)
        if file.suffix not in forms:
            raise ValueError(f"{str(path)!r} names no form of picture: it ends with one of {[*forms]}")
        file.write_text(getattr(self, forms[file.suffix]) + "\n", encoding="utf-8")
        return file

    def __repr__(self) -> str:
        try:
            return self.text
        except JiuWenBaseException as error:
            return f"Picture of a workflow that is not complete: {error}"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        """The forms; of a workflow that is not complete, what is missing."""
        try:
            svg, text = self.svg, self.text
        except JiuWenBaseException:
            return {"text/plain": repr(self)}
        return {"text/html": _image(svg, text), "image/svg+xml": svg, "text/plain": text}


def _image(svg: str, text: str) -> str:
    """The SVG as an image: JupyterLab shows one in notebooks that are not trusted, too, where it shows no SVG."""
    data = b64encode(svg.encode(errors="replace")).decode()
    return f'<img alt="{escape(text)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
