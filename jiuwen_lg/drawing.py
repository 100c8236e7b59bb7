"""A workflow as a Mermaid flowchart, made without a network.

Shapes and edges as in openJiuwen 0.1.1 (`engine.md` 1.9), whether or not
`WORKFLOW_DRAWABLE` is set.
"""

from __future__ import annotations

from jiuwen_lg.engine.definition import Definition


def to_mermaid(definition: Definition, title: str = "") -> str:
    """The flowchart: round nodes for entries and exits, square ones for the rest.

    Nodes are numbered in the order in which they were added, since a component's own id
    may be a Mermaid keyword (`end`).
    """
    numbers = {id: f"node_{number}" for number, id in enumerate(definition.components, start=1)}
    rounded = {*definition.starts, *definition.ends}
    lines = [f"---\ntitle: {title}\n---"] if title else []
    lines.append("flowchart TB")
    lines += [f'    {numbers[id]}("{id}")' if id in rounded else f'    {numbers[id]}["{id}"]' for id in numbers]
    edges = dict.fromkeys((source, join.target) for join in definition.joins() for source in join.sources)
    lines += [f"    {numbers[source]} --> {numbers[target]}" for source, target in edges]
    return "\n".join(lines)
