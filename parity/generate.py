"""Random workflows with random scripts, as hypothesis strategies; hypothesis also shrinks them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as st

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(["", "x", "文"]),
    st.lists(st.integers(0, 2), max_size=2),
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=5,
)
PATHS = ["", ".a", ".b", ".a.b", ".a[0]", ".in", ".n", ".answers[0]", ".missing", "['c']", ".a[-1]"]


MOSTLY = st.integers(1, 3).map(lambda n: n > 1)
"""True in two of three cases; a smaller example has False."""


@st.composite
def references(draw: Any, names: list[str]) -> str:
    """A `${…}` to one of the names."""
    return f"${{{draw(st.sampled_from(names))}{draw(st.sampled_from(PATHS))}}}"


def schemas(names: list[str]) -> Any:
    """Dicts of references, literals, partial strings and nested schemas."""
    leaf = references(names) | VALUES | st.sampled_from(["hi ${q}", "${q} bye", "$q", "${}", "${q}[0]"])
    nested = st.recursive(
        leaf,
        lambda inner: (
            st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2) | st.lists(references(names), max_size=2)
        ),
        max_leaves=4,
    )
    return st.dictionaries(st.sampled_from(["p", "q", "r"]), nested, max_size=3)


def _one_in(draw: Any, n: int) -> bool:
    """True in one of n cases; a smaller example has False."""
    return draw(st.integers(1, n)) == n


@st.composite
def parts(draw: Any, earlier: list[str]) -> dict[str, Any]:
    """A component that may fail, ask, count, write and read."""
    part: dict[str, Any] = {
        "inputs": draw(st.none() | schemas([*earlier, "q", "deep"])),
        "echo": draw(st.booleans()),
    }
    if _one_in(draw, 4):
        part["asks"] = draw(st.lists(TREES, min_size=1, max_size=2))
    if _one_in(draw, 2):
        part["fails"] = draw(st.integers(1, 2))
    if _one_in(draw, 3):
        part["gives"] = draw(st.dictionaries(st.sampled_from(["a", "b", "d.b", "d.a", "c"]), TREES, max_size=3))
    if _one_in(draw, 3):
        part["counts"] = True
    if _one_in(draw, 3):
        part["world"] = draw(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), TREES, max_size=2), max_size=2))
    if _one_in(draw, 3):
        names = [*(f"w_{name}" for name in earlier), "start.q", "deep.a", "q", "nothing"]
        part["reads"] = draw(st.lists(st.sampled_from(names), max_size=3))
    if _one_in(draw, 5):
        part["frames"] = draw(st.lists(TREES.filter(lambda v: v is not None), max_size=2))
    if _one_in(draw, 6):
        part["returns"] = draw(TREES)
    if _one_in(draw, 5):
        part["outputs"] = draw(
            st.dictionaries(st.sampled_from(["a", "b"]), references(["a", "b", "in", "n"]), min_size=1, max_size=2)
        )
    return part


@st.composite
def cases(draw: Any) -> dict[str, Any]:
    """A workflow in layers, each part with predecessors in the layers before it, and a script of answers."""
    case: dict[str, Any] = {"parts": [], "edges": [], "routers": []}
    above, earlier, more = ["start"], ["start"], True
    for letter in "abcd":
        if more:
            layer, more = draw(layers(case, letter, above, earlier))
            above, earlier = layer, [*earlier, *layer]
    if draw(st.booleans()):
        _route(draw, case)
    if case["routers"]:  # then parts of several layers may run at once
        _spare(case["parts"])
    case["edges"] += [[id, "end"] for id in above] if draw(st.booleans()) else [[above, "end"]]
    case["start"] = {"id": "start", "inputs": draw(schemas(["q", "deep"]))}
    conf = st.none() | st.just({"responseTemplate": "P:{{p}} Q:{{q.x}}{{none}}!"})
    case["end"] = {"id": "end", "inputs": draw(schemas(earlier)), "conf": draw(conf)}
    case["inputs"] = draw(st.fixed_dictionaries({}, optional={"q": TREES, "deep": TREES, "other": VALUES}))
    case["answers"] = draw(
        st.lists(
            st.fixed_dictionaries({"count": st.integers(1, 3), "value": TREES.filter(lambda v: v is not None)}),
            max_size=4,
        )
    )
    case["streams"] = draw(st.booleans())
    return case


@st.composite
def layers(
    draw: Any, case: dict[str, Any], letter: str, above: list[str], earlier: list[str]
) -> tuple[list[str], bool]:
    """Parts that may run at once, put into the case; and whether a layer follows.

    Whether one follows is drawn with what is there, so that shrinking can take it out.
    """
    layer = []
    drawn = draw(st.lists(st.tuples(parts(earlier), _sources(above)), min_size=1, max_size=3))
    for number, (part, sources) in enumerate(drawn):
        _name(part, f"{letter}{number}")
        if len(sources) > 1:
            _join(draw, case, part, sources)
        else:
            case["edges"].append([sources[0], part["id"]])
        layer.append(part)
    if len(layer) > 1:
        _spare(layer)
    case["parts"] += layer
    return [part["id"] for part in layer], draw(MOSTLY)


def _name(part: dict[str, Any], id: str) -> None:
    """Give a part its id, and global state that no other writes."""
    part["id"] = id
    if "world" in part:
        part["world"] = [{f"w_{id}.{key}": value for key, value in update.items()} for update in part["world"]]


def _sources(above: list[str]) -> Any:
    return st.lists(st.sampled_from(above), min_size=1, max_size=len(above), unique=True)


def _spare(parts: list[dict[str, Any]]) -> None:
    """Let none of them fail: of parts that run at once, which had run by then is random there."""
    for part in parts:
        part.pop("fails", None)


def _join(draw: Any, case: dict[str, Any], part: dict[str, Any], sources: list[str]) -> None:
    kind = draw(st.sampled_from(["list", "wait", "any"]))
    if kind == "list":
        case["edges"].append([sources, part["id"]])
        return
    part["wait"] = kind == "wait"
    case["edges"] += [[source, part["id"]] for source in sources]


def _route(draw: Any, case: dict[str, Any]) -> None:
    """Now and then: a router to some other part, or a bounded cycle on a part that counts."""
    ids = [part["id"] for part in case["parts"]]
    if _one_in(draw, 3):
        source, targets = draw(st.sampled_from(ids)), draw(st.lists(st.sampled_from(ids), max_size=2, unique=True))
        forward = [target for target in targets if target > source]
        case["routers"].append({"kind": "constant", "source": source, "targets": forward})
    counting = [
        part for part in case["parts"] if part.get("counts") and "returns" not in part and "outputs" not in part
    ]
    if counting and _one_in(draw, 2):
        part = draw(st.sampled_from(counting))
        if all(router["source"] != part["id"] for router in case["routers"]):
            rounds = draw(st.integers(2, 3))
            case["routers"].append(
                {"kind": "rounds", "source": part["id"], "rounds": rounds, "back": part["id"], "on": []}
            )


def constructs(case: dict[str, Any]) -> Counter[str]:
    """Which constructs a case uses, for counting."""
    found: Counter[str] = Counter()
    for part in case["parts"]:
        for key, name in {
            "asks": "question",
            "fails": "failure",
            "counts": "private state",
            "world": "global state",
            "reads": "reads",
            "frames": "frames",
            "outputs": "outputs_schema",
            "gives": "outputs",
        }.items():
            found[name] |= bool(part.get(key))
        found["inputs_schema"] |= bool(part.get("inputs"))
        found["wait_for_all"] |= bool(part.get("wait"))
        found["cycle"] |= any(r["kind"] == "rounds" for r in case["routers"])
    found["list source"] = any(isinstance(source, list) and len(source) > 1 for source, _ in case["edges"])
    found["router"] = any(r["kind"] == "constant" for r in case["routers"])
    found["template"] = bool(case["end"].get("conf"))
    found["stream"] = bool(case["streams"])
    found["parallel"] = len({t for _, t in case["edges"]}) > 2 and len(case["parts"]) > 2
    found["invoke"] = not case["streams"]
    return Counter({name: 1 for name, used in found.items() if used})
