"""Random workflows with random scripts, as hypothesis strategies; hypothesis also shrinks them."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
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


ME = "@ME@"
"""Stands for the id of a component that has others inside, until it has one."""


@st.composite
def insides(draw: Any, names: list[str]) -> list[dict[str, Any]]:
    """A chain of parts inside another component; each may refer to those before it."""
    chain: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 2))):
        part = draw(parts([*names, *(part["id"] for part in chain)]))
        chain.append({**part, "id": f"{ME}_{'pq'[number]}"})
    return chain


@st.composite
def conditions(draw: Any, names: list[str]) -> str:
    """A comparison that never fails; its texts have no words that openJiuwen rewrites (Q33)."""
    left = draw(references(names))
    right = draw(st.sampled_from(["1", "0", "'x'", "None", "True", "''", "[]", "'文'"]))
    comparison = f"{left} {draw(st.sampled_from(['==', '!=']))} {right}"
    if _one_in(draw, 3):
        return f"not ({comparison})"
    return f"{comparison} && {draw(references(names))} != 2" if _one_in(draw, 3) else f"({comparison})"


@st.composite
def loops(draw: Any, earlier: list[str]) -> dict[str, Any]:
    """A loop: a chain of parts, a variable, and now and then a branch to a break."""
    mine = [f"{ME}.index", f"{ME}.item", f"{ME}.v"]
    body = draw(insides([*earlier, *mine]))
    ids = [part["id"] for part in body]
    scalars = st.lists(VALUES.filter(lambda v: not isinstance(v, list)), max_size=3)
    kind = draw(st.sampled_from(["number", "array", "expression", "always_true"]))
    inputs: dict[str, Any] = {"loop_type": kind}
    if kind == "number":
        inputs["loop_number"] = draw(st.integers(0, 3))
    elif kind == "array":  # items that are dicts merge there
        inputs["loop_array"] = {"item": draw(scalars)}
    elif kind == "expression":
        rounds = draw(st.integers(0, 3))
        inputs["bool_expression"] = f"(${{{ME}.index}} < {rounds})"
    if draw(st.booleans()):
        inputs["intermediate_var"] = {"v": draw(VALUES | references(earlier))}
        value = draw(VALUES.filter(lambda v: v is not None) | references([*ids, *mine]))
        body.append({"kind": "set", "id": f"{ME}_set", "mapping": {f"${{{ME}.v}}": value}})
    if kind == "always_true" or _one_in(draw, 4):
        last = draw(st.integers(0, 2))
        ways = [[f"${{{ME}.index}} >= {last}", [f"{ME}_stop"]], ["True", [f"{ME}_on"]]]
        body += [
            {"kind": "branch", "id": f"{ME}_way", "branches": ways},
            {"kind": "break", "id": f"{ME}_stop", "loose": True},
            {"kind": "set", "id": f"{ME}_on", "mapping": {f"${{{ME}.w}}": 1}, "loose": True},
        ]
    leaf = references([*ids, *earlier]) | st.just(f"${{{ME}.index}}") | st.just(f"${{{ME}.v}}") | VALUES
    collects = draw(st.dictionaries(st.sampled_from(["x", "y"]), leaf | st.lists(leaf, max_size=2), max_size=2))
    if "intermediate_var" not in inputs:
        collects = {k: v for k, v in collects.items() if f"{ME}.v" not in json.dumps(v)}
    return {"kind": "loop", "inputs": inputs, "body": body, "collects": {"out": collects}}


@st.composite
def subs(draw: Any, earlier: list[str]) -> dict[str, Any]:
    """A sub-workflow: a chain of parts, now and then with a loop in it."""
    given, start = f"i_{ME}", f"{ME}_s"
    chain = draw(insides([given, start]))
    ids = [part["id"] for part in chain]
    path = [start, *ids, f"{ME}_e"]
    flow = {
        "start": {"id": start, "inputs": draw(schemas([given]))},
        "parts": chain,
        "edges": [[before, after] for before, after in itertools.pairwise(path)],
        "end": {"id": path[-1], "inputs": draw(schemas([start, *ids]))},
    }
    return {"kind": "sub", "inputs": {given: draw(references(earlier) | TREES)}, "flow": flow}


@st.composite
def streams(draw: Any, earlier: list[str]) -> dict[str, Any]:
    """A producer of frames and a consumer; a frame that no reference matches hangs there (Q-09), so all do."""
    part: dict[str, Any] = {
        "kind": "stream",
        "inputs": draw(schemas(earlier)),
        "gives": draw(st.lists(TREES.filter(lambda v: v is not None), min_size=1, max_size=3)),
        "transforms": draw(st.integers(0, 2)),
    }
    if _one_in(draw, 3):
        part["fails"] = 1
    return part


def _has_containers(case: dict[str, Any]) -> bool:
    return any("kind" in part for part in case["parts"])


def _has_streams(case: dict[str, Any]) -> bool:
    return any(part.get("kind") == "stream" for part in case["parts"])


def _enter_once(case: dict[str, Any]) -> None:
    """Let nothing run twice: a loop that is entered again has no index there (Q-17).

    And let nothing ask or fail beside a stream: there its frames are lost to the consumer then (Q-08).
    """
    for part in case["parts"]:
        if part.get("wait") is False:
            part["wait"] = True
    branching = len({json.dumps(source) for source, _ in case["edges"]}) < len(case["edges"])
    if branching and _has_streams(case):
        for part in case["parts"]:
            for inner in _within(part):
                inner.pop("asks", None)
                inner.pop("fails", None)


def _visible(part: dict[str, Any]) -> str:
    """How later parts refer to a part; what openJiuwen shows besides of a loop or sub-workflow is a defect (Q-15)."""
    return part["id"] + {"loop": ".out", "sub": ".output"}.get(part.get("kind", ""), "")


def _within(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A part and those inside it."""
    yield part
    for inner in (*part.get("body", ()), *part.get("flow", {}).get("parts", ())):
        yield from _within(inner)


@st.composite
def cases(draw: Any) -> dict[str, Any]:
    """A workflow in layers, each part with predecessors in the layers before it, and a script of answers."""
    case: dict[str, Any] = {"parts": [], "edges": [], "routers": [], "inside": draw(st.booleans())}
    above, earlier, more = ["start"], ["start"], True
    for letter in "abcd":
        if more:
            layer, more = draw(layers(case, letter, above, earlier))
            above = [part["id"] for part in layer]
            earlier = [*earlier, *map(_visible, layer)]
    if _has_containers(case):
        _enter_once(case)
    elif draw(st.booleans()):
        _route(draw, case)
    if case["routers"]:  # then parts of several layers may run at once
        _spare(case["parts"])
    # where an End may run twice, the first time sees there what a consumer of frames gives later
    apart = draw(st.booleans()) and not _has_streams(case)
    case["edges"] += [[id, "end"] for id in above] if apart else [[above, "end"]]
    case["start"] = {"id": "start", "inputs": draw(schemas(["q", "deep"]))}
    conf = st.none() | st.just({"responseTemplate": "P:{{p}} Q:{{q.x}}{{none}}!"})
    case["end"] = {"id": "end", "inputs": draw(schemas(earlier)), "conf": draw(conf)}
    if _one_in(draw, 4):  # without a template: a slot without a value costs five seconds there
        case["end"] |= {"streams": True, "conf": None}
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
) -> tuple[list[dict[str, Any]], bool]:
    """Parts that may run at once, put into the case; and whether a layer follows.

    Whether one follows is drawn with what is there, so that shrinking can take it out.
    """
    layer = []
    part_of = parts(earlier)
    if case["inside"]:
        part_of = part_of | loops(earlier) | subs(earlier) | streams(earlier)
    drawn = draw(st.lists(st.tuples(part_of, _sources(above)), min_size=1, max_size=3))
    for number, (unnamed, sources) in enumerate(drawn):
        part = _named(unnamed, f"{letter}{number}")
        if len(sources) > 1:
            _join(draw, case, part, sources)
        else:
            case["edges"].append([sources[0], part["id"]])
        layer.append(part)
    if len(layer) > 1:
        _spare(layer)
    case["parts"] += layer
    return layer, draw(MOSTLY)


def _named(part: dict[str, Any], id: str) -> dict[str, Any]:
    """A part with its id, and global state that no other writes."""
    named: dict[str, Any] = json.loads(json.dumps({"id": ME, **part}).replace(ME, id))
    for inner in _within(named):
        if "world" in inner:
            inner["world"] = [
                {f"w_{inner['id']}.{key}": value for key, value in update.items()} for update in inner["world"]
            ]
    return named


def _sources(above: list[str]) -> Any:
    return st.lists(st.sampled_from(above), min_size=1, max_size=len(above), unique=True)


def _spare(parts: list[dict[str, Any]]) -> None:
    """Let none of them fail: of parts that run at once, which had run by then is random there."""
    for part in parts:
        for inner in _within(part):
            inner.pop("fails", None)


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
    names = ["start", "q", *map(_visible, case["parts"])]
    if _one_in(draw, 2):
        source = draw(st.sampled_from(ids))
        ahead = [id for id in ids if id > source] or ["end"]
        targets = st.lists(st.sampled_from([*ahead, "end"]), min_size=1, max_size=2, unique=True)
        ways = [[draw(conditions(names)), draw(targets)] for _ in range(draw(st.integers(1, 2)))]
        branch = {"kind": "branch", "id": f"{source}_way", "branches": [*ways, ["True", draw(targets)]]}
        case["routers"].append({"kind": "branch", "source": source})
        case["branch"] = branch
        case["edges"].append([source, branch["id"]])
    if _one_in(draw, 3):
        source, targets = draw(st.sampled_from(ids)), draw(st.lists(st.sampled_from(ids), max_size=2, unique=True))
        forward = [target for target in targets if target > source]
        case["routers"].append({"kind": "constant", "source": source, "targets": forward})
    if case["routers"]:  # what runs again beside its reader is seen there at once, here after the step
        for part in case["parts"]:
            part.pop("counts", None)
    counting = [
        part
        for part in case["parts"]
        if part.get("counts") and "kind" not in part and "returns" not in part and "outputs" not in part
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
    everything = [inner for part in case["parts"] for inner in _within(part)]
    kinds = {"loop": "loop", "sub": "sub-workflow", "branch": "branch", "break": "break", "stream": "stream edge"}
    for kind, name in kinds.items():
        found[name] = any(part.get("kind") == kind for part in everything)
    found["streaming end"] = bool(case["end"].get("streams"))
    found["failure in a stream"] = any(part.get("kind") == "stream" and part.get("fails") for part in everything)
    found["branch"] |= "branch" in case
    found["set variable"] = any(part.get("kind") == "set" for part in everything)
    found["question inside"] = any(part.get("asks") for part in everything if part not in case["parts"])
    found["failure inside"] = any(part.get("fails") for part in everything if part not in case["parts"])
    for part in everything:
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
