"""The layered layout, top to bottom, phase by phase: sizes, layers, coordinates, routes.

Arrows run upright through rows and bend only between them, so that none crosses a box.
"""

from __future__ import annotations

from collections import Counter

from jiuwen_lg.drawing.coordinates import centres_of
from jiuwen_lg.drawing.geometry import Layout, label_lines, label_size, sized
from jiuwen_lg.drawing.layering import Edge, Layers
from jiuwen_lg.drawing.model import Drawing
from jiuwen_lg.drawing.routing import routed


def layout_of(drawing: Drawing) -> Layout:
    """Place a drawing and all that is inside it; the same drawing always gives the same layout.

    What is inside a box is laid out first: to the layout around it, it is a size.
    """
    insides = [None if box.contents is None else layout_of(box.contents) for box in drawing.boxes]
    edges = _edges(drawing)
    loops = Counter(edge.source for edge in edges if edge.is_loop)
    boxes = [sized(box, inside, loops[n]) for n, (box, inside) in enumerate(zip(drawing.boxes, insides, strict=True))]
    layers = Layers([(place.width, place.height) for place in boxes], edges)
    return routed(boxes, edges, layers, centres_of(layers))


def _edges(drawing: Drawing) -> list[Edge]:
    number = {box.id: n for n, box in enumerate(drawing.boxes)}
    return [
        Edge(arrow, number[arrow.source], number[arrow.target], label_size(label_lines(arrow)))
        for arrow in drawing.arrows
        if arrow.source in number and arrow.target in number
    ]
