"""A workflow's picture, as notebooks, pages and terminals show it; made when it is shown, without a network.

JupyterLab draws the Mermaid text, pages that are made of a notebook take the SVG, terminals the text.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from jiuwen_lg.drawing.mermaid import to_mermaid
from jiuwen_lg.drawing.model import ALL_LEVELS, Drawing, Mark, drawing_of
from jiuwen_lg.drawing.svg import to_svg
from jiuwen_lg.drawing.text import to_text
from jiuwen_lg.engine.graph.definition import Definition
from jiuwen_lg.errors import JiuWenBaseException

_MOST_ARROWS, _MOST_CHARACTERS = 500, 50_000
"""What Mermaid draws at most, unless a page is told otherwise; beyond it shows an error instead."""


class Picture:
    """What a workflow looks like, and where a session of it stands.

    Args:
        definition: What was built.
        title: What stands above it.
        marks: Where a session stands, by executable id.
        levels: How many levels of loops and sub-workflows are opened.
    """

    def __init__(
        self, definition: Definition, title: str = "", marks: Mapping[str, Mark] | None = None, levels: int = ALL_LEVELS
    ) -> None:
        self._definition = definition
        self._title = title
        self._levels = levels
        self.marks: dict[str, Mark] = dict(marks or {})

    def _drawing(self) -> Drawing:
        return drawing_of(self._definition, self._levels)

    @property
    def mermaid(self) -> str:
        """Mermaid text.

        Raises:
            JiuWenBaseException: 110006, a connection names a component that was never added; as for the others.
        """
        return to_mermaid(self._drawing(), self._title, marks=self.marks)

    @property
    def svg(self) -> str:
        """A document that stands for itself: no scripts, no fonts, nothing from outside."""
        return to_svg(self._drawing(), self._title, self.marks)

    @property
    def text(self) -> str:
        """A list for terminals."""
        return to_text(self._drawing(), self._title, self.marks)

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
            drawing = self._drawing()
        except JiuWenBaseException:
            return {"text/plain": repr(self)}
        forms = {
            "text/vnd.mermaid": to_mermaid(drawing, self._title, marks=self.marks),
            "image/svg+xml": to_svg(drawing, self._title, self.marks),
            "text/plain": to_text(drawing, self._title, self.marks),
        }
        arrows = len(drawing.arrows) + sum(
            len(b.contents.arrows) for b in drawing.all_boxes() if b.contents is not None
        )
        if arrows > _MOST_ARROWS or len(forms["text/vnd.mermaid"]) > _MOST_CHARACTERS:
            del forms["text/vnd.mermaid"]
        return forms
