"""What in a definition means nothing: references that lead nowhere, texts that look like references, lonely components.

What can never be right is an error; what is legal and hardly meant is a warning. Both name component, field and remedy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from jiuwen_lg.engine.graph.definition import ComponentSpec, Definition, SubgraphSpec
from jiuwen_lg.engine.graph.reachability import steps_of
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.expression import parse_expression
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import Fields, Reference, parse_reference

_DOUBLE_QUOTES = re.compile(r'\["([^"\]]*)"\]')
_SLICE = re.compile(r"\[[^\[\]'\"]*:[^\[\]'\"]*\]")
_SLOT = re.compile(r"\{\{\s*([\w-]+)[.\w\[\]'-]*\s*\}\}")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that means nothing.

    Attributes:
        place: The component and the field.
        text: What is wrong, and what would be right.
        is_error: Whether it can never be right.
        input: The input of the workflow that would make it right; empty if none would.
    """

    place: str
    text: str
    is_error: bool = False
    input: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What names stand for in a definition.

    Attributes:
        definition: The definition.
        prefix: What stands before its ids.
        outer: The names of the definitions around a loop's body.
        loops: The variables of the loops around, by the loop's id.
        inputs: The declared inputs, or those that the component around gives; None if they are not known.
    """

    definition: Definition
    prefix: str = ""
    outer: frozenset[str] = frozenset()
    loops: Mapping[str, frozenset[str]] = field(default_factory=dict)
    inputs: frozenset[str] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The components that can be referred to."""
        return self.outer | frozenset(self.loops) | frozenset(self.definition.components)


def findings(definition: Definition, inputs: Collection[str] = ()) -> list[Finding]:
    """Look at a workflow and at those inside it.

    Args:
        definition: The workflow.
        inputs: The inputs that it declares.
    """
    return list(_of_scope(_Scope(definition, inputs=frozenset(inputs) or None), set()))


def require_sense(definition: Definition, inputs: Collection[str] = ()) -> None:
    """Refuse what can never be right.

    Raises:
        JiuWenBaseException: 110006, a reference leads nowhere.
    """
    for found in findings(definition, inputs):
        if found.is_error:
            ids = list(definition.components)
            raise StatusCode.WORKFLOW_COMPONENT_CONFIG_ERROR.error(
                missing=[found.input], reason=str(found), node_ids=ids
            )


def warnings_of(definition: Definition, inputs: Collection[str] = ()) -> list[str]:
    """Say what is hardly meant, as far as it can be told before a run: an unknown name may be an input."""
    found = findings(definition, inputs)
    return [str(one) for one in found if not one.is_error and (not one.input or "did you mean" in one.text)]


def _of_scope(scope: _Scope, seen: set[int]) -> Iterator[Finding]:
    if id(scope.definition) in seen:
        return  # a workflow may contain itself
    seen = {*seen, id(scope.definition)}
    yield from _of_shape(scope)
    for spec in scope.definition.components.values():
        place = f"component [{scope.prefix}{spec.id}]"
        for where, schema in (
            ("inputs_schema", spec.io.inputs_schema),
            ("stream_inputs_schema", spec.stream_io.inputs_schema),
        ):
            for path, text in _texts(schema, where):
                is_expression = spec.nested is not None and path.endswith("['bool_expression']")
                yield from (_of_expression if is_expression else _of_text)(text, f"{place}, {path}", scope)
        for router in scope.definition.routers.get(spec.id, ()):
            for text in getattr(router, "expressions", ()):
                yield from _of_expression(text, f"{place}, a condition of its branches", scope)
        if spec.nested is not None:
            yield from _of_scope(_scope_inside(spec, spec.nested, scope), seen)


def _scope_inside(spec: ComponentSpec, nested: SubgraphSpec, around: _Scope) -> _Scope:
    prefix = f"{around.prefix}{spec.id}."
    given = spec.io.inputs_schema or {}
    if nested.rounds is None:
        schema = nested.workflow_config.workflow_inputs_schema if nested.workflow_config is not None else None
        declared = frozenset(schema.properties) if schema is not None else frozenset()
        known = None if spec.io.inputs_transformer else frozenset(given)
        return _Scope(nested.definition, prefix, inputs=declared or known)
    variables = frozenset(
        name for key in ("loop_array", "intermediate_var") if isinstance(part := given.get(key), dict) for name in part
    )
    loops = {**around.loops, spec.id: variables | {"index"}}
    return replace(around, definition=nested.definition, prefix=prefix, outer=around.names, loops=loops)


def _of_shape(scope: _Scope) -> Iterator[Finding]:
    """Components that nothing leads to; Ends are looked at elsewhere."""
    definition, is_body = scope.definition, bool(scope.loops)
    if not definition.components or not definition.starts:
        return
    if not definition.ends and not is_body:
        where = f"the workflow in [{scope.prefix.removesuffix('.')}]" if scope.prefix else "the workflow"
        yield Finding(where, "it has no End, so its result is None: add one with set_end_comp")
    steps = steps_of(definition)
    reached, ahead = set(definition.starts), list(definition.starts)
    while ahead:
        new = steps.get(ahead.pop(), set()) - reached
        reached |= new
        ahead += new
    for id in definition.components:
        if id not in reached and id not in definition.ends:
            reason = "nothing leads to it from a start, so it never runs: connect it with add_connection"
            yield Finding(f"component [{scope.prefix}{id}]", reason)


def _texts(schema: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(schema, str):
        yield where, schema
    elif isinstance(schema, (dict, list)):
        for key, part in schema.items() if isinstance(schema, dict) else enumerate(schema):
            yield from _texts(part, f"{where}[{key!r}]")


def _of_text(text: str, place: str, scope: _Scope) -> Iterator[Finding]:
    reference = parse_reference(text)
    if reference is not None:
        if text.count("${") > 1 and "['" not in text:
            yield Finding(place, f"of {text!r} only the first reference counts: write one reference, or a list of them")
        yield from _of_reference(reference, place, scope)
    elif "${" in text and "}" in text.partition("${")[2]:
        reason = "is a text: a reference in it is not filled in. Refer to the value alone, and join texts in a template"
        yield Finding(place, f"{text!r} {reason} ('{{{{name}}}}') or in a component")
    elif (slot := _SLOT.fullmatch(text.strip())) and slot.group(1) in scope.names:
        inner = text.strip()[2:-2].strip()
        yield Finding(place, f"{text!r} is a text, slots are filled in templates only: write '${{{inner}}}'")


def _of_expression(text: str, place: str, scope: _Scope) -> Iterator[Finding]:
    try:
        expression = parse_expression(text)
    except JiuWenBaseException:
        return  # refused where it is given
    for quoted in expression.quoted:
        yield Finding(
            place,
            f"{quoted} is a text, a reference in quotes is not filled in: write {quoted.strip(chr(39) + chr(34))}",
        )
    for reference in expression.references:
        yield from _of_reference(reference, place, scope)


def _of_reference(reference: Reference, place: str, scope: _Scope) -> Iterator[Finding]:
    written = f"${{{reference.text}}}"
    if _DOUBLE_QUOTES.search(reference.text):
        right = _DOUBLE_QUOTES.sub(r"['\1']", reference.text)
        yield Finding(place, f"{written}: double quotes are passed over: write ${{{right}}}")
    elif _SLICE.search(reference.text):
        yield Finding(place, f"{written}: a reference has no slices, it gives the whole: cut it in a component")
    name = reference.name
    if name in scope.definition.components:
        yield from _of_output(reference, scope.definition.components[name], place)
    elif name not in scope.names:
        yield from _of_unknown(reference, written, place, scope)


def _of_output(reference: Reference, spec: ComponentSpec, place: str) -> Iterator[Finding]:
    """A reference to a key that a component's output never has."""
    keys = _keys_of(spec)
    if keys is None or len(reference.path) < 2 or reference.path[1] in keys:
        return
    if any(reference.text.startswith(f"{reference.name}.{key}") for key in keys):
        return  # a key with dots or brackets
    key = str(reference.path[1])
    near = next(iter(get_close_matches(key, keys, n=1)), None)
    hint = f"; did you mean ${{{reference.name}.{near}}}?" if near else ""
    gives = f"[{reference.name}] gives {sorted(keys)}"
    yield Finding(place, f"${{{reference.text}}} leads nowhere: {gives}{hint}", is_error=True, input=key)


def _keys_of(spec: ComponentSpec) -> frozenset[str] | None:
    """The keys of a component's output, if they are known beforehand."""
    if spec.io.outputs_transformer is not None or spec.io.inputs_transformer is not None:
        return None
    if spec.policies.fallback is not MISSING:
        return None
    if isinstance(spec.outputs, Fields):
        return frozenset(str(key) for key, _ in spec.outputs.items)
    known = getattr(spec.executable, "known_keys", None)
    found: frozenset[str] | None = known(spec.io.inputs_schema) if callable(known) and spec.outputs is None else None
    return found


def _of_unknown(reference: Reference, written: str, place: str, scope: _Scope) -> Iterator[Finding]:
    """A name that is no component: an input, perhaps."""
    name, path = reference.name, reference.path
    if scope.inputs is not None and (name in scope.inputs or _is_input(reference.text, scope.inputs)):
        return
    loop = next((loop for loop, known in scope.loops.items() if len(path) > 1 and path[1] in known), None)
    near = loop or next(iter(get_close_matches(name, [*scope.names, *(scope.inputs or ())], n=1, cutoff=0.7)), None)
    if near is None and scope.inputs is None and len(path) == 1:
        return  # an optional input
    rest = reference.text.removeprefix(name)
    hint = f"; did you mean ${{{near}{rest}}}?" if near is not None else ""
    declared = f", the inputs are {sorted(scope.inputs)}" if scope.inputs is not None else ""
    reason = f"{written}: {name!r} is neither a component nor an input{declared}, so it is None{hint}"
    yield Finding(place, reason, input="" if scope.inputs is not None else name)


def _is_input(text: str, inputs: Iterable[str]) -> bool:
    return any(text == name or text.startswith((f"{name}.", f"{name}[")) for name in inputs)
