"""What workflows can be drawn with: Mermaid text, SVG, and pictures that notebooks show."""

from __future__ import annotations

from typing import Any

from jiuwen_lg.builder import BaseWorkFlow
from jiuwen_lg.drawing.mermaid import require_title, to_mermaid
from jiuwen_lg.drawing.model import drawing_of, levels_of
from jiuwen_lg.drawing.picture import Picture
from jiuwen_lg.errors import StatusCode


class Drawable(BaseWorkFlow):
    """A workflow as a picture."""

    def to_mermaid(self, title: str = "", expand_subgraph: int | bool = True, enable_animation: bool = False) -> str:
        """The workflow as Mermaid text, made without a network.

        Args:
            title: A line above the picture.
            expand_subgraph: Whether loops and sub-workflows are opened; a number opens so many levels.
            enable_animation: Whether the links of streams move.

        Raises:
            JiuWenBaseException: 110006, a connection names a component that was never added;
                110024, 110025 or 110026 for an argument that cannot be used.
        """
        require_title(title)
        if not isinstance(enable_animation, bool):
            raise StatusCode.DRAWABLE_GRAPH_INVALID_ENABLE_ANIMATION.error(
                reason=f"it is True or False, not {enable_animation!r}"
            )
        drawing = drawing_of(self._definition, levels_of(expand_subgraph))
        return to_mermaid(drawing, title, enable_animation=enable_animation)

    def to_mermaid_svg(self, title: str = "", expand_subgraph: int | bool = False) -> bytes:
        """The workflow as an SVG document, made without a network.

        Args:
            title: As in `to_mermaid`.
            expand_subgraph: As in `to_mermaid`.

        Raises:
            JiuWenBaseException: As `to_mermaid`.
        """
        return self.draw(title, expand_subgraph).svg.encode()

    def draw(self, title: str = "", expand_subgraph: int | bool = True, *, session_id: str | None = None) -> Picture:
        """The workflow's picture: a notebook shows it, `save` writes it to a file.

        Args:
            title: A line above it.
            expand_subgraph: As in `to_mermaid`.
            session_id: Show where this session stands, too, and with a journal the path that it took; a notebook
                updates the picture in place while the session runs.

        Raises:
            JiuWenBaseException: 110024 or 110025 for an argument that cannot be used.
        """
        require_title(title)
        picture = Picture(self._definition, title, levels=levels_of(expand_subgraph))
        return picture if session_id is None else self._picture_of(picture, session_id)

    def _picture_of(self, picture: Picture, session_id: str) -> Picture:
        """A picture with where a session stands."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Show it in a notebook; a terminal gets the list of its components."""
        return self._picture()._repr_mimebundle_(include, exclude)

    def _picture(self) -> Picture:
        return Picture(self._definition, self._config.metadata.name)
