"""The definition of a workflow, independent of how it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from jiuwen_lg.config import CompIOConfig, ComponentAbility, NodeSpec
from jiuwen_lg.engine.graph.loop_protocol import LoopProtocol, SetsVariables
from jiuwen_lg.engine.graph.policies import NO_POLICIES, Policies
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.reference import Schema, parse_schema, references
from jiuwen_lg.schema.values import normalize

_T = TypeVar("_T")


class SubgraphSpec:
    """An executable whose execution is a run of another definition.

    Attributes:
        inside: The definition.
        workflow_config: Its workflow's configuration; None if it belongs to the enclosing one.
        rounds: For a loop, what goes on between its rounds.
    """

    definition: Definition
    workflow_config: Any = None
    rounds: LoopProtocol | None = None

    def parse_inputs(self, schema: Any) -> Schema | None:
        """The parsed inputs schema."""
        return None if schema is None else parse_schema(schema)

    def begin(self, inputs: Any, envs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of the run inside, checked.

        Raises:
            JiuWenBaseException: They cannot be used.
        """
        if inputs is not None and not isinstance(inputs, dict):
            raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=f"a workflow takes a dict, not {inputs!r}")
        return {key: value for key, value in normalize(inputs or {}).items() if value is not None}

    def shape(self) -> Any:
        """Return what a paused session depends on besides the definition, as plain data; None if nothing."""
        return None

    def require_place(self, id: str) -> None:
        """Check that what is inside may stand there, in the component of this id.

        Raises:
            JiuWenBaseException: It may not.
        """


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """One component: what runs, and where its inputs come from and its outputs go.

    Attributes:
        io: The schemas and transformers as the user wrote them.
        inputs: The parsed inputs schema; None without one.
        outputs: The parsed outputs schema; None without one.
        wait_for_all: Whether it runs only when all its predecessors have run.
        is_exit: Whether its output is a result (an End keeps None values).
        stream_io: The same as `io` for frames.
        stream_inputs: The parsed schema of what it takes from frames; None without one.
        stream_outputs: The parsed schema of the frames that it gives; None without one.
        abilities: What it was told to run; empty if that follows from its connections.
        policies: What happens when it fails, is slow, or was asked the same before.
        label: How drawings, traces and questions name it; empty: by its id.
        description: A sentence about it, for those who look at it.
    """

    id: str
    executable: Any
    io: CompIOConfig
    inputs: Schema | None
    outputs: Schema | None
    wait_for_all: bool
    is_exit: bool
    stream_io: CompIOConfig
    stream_inputs: Schema | None
    stream_outputs: Schema | None
    abilities: tuple[ComponentAbility, ...]
    policies: Policies = NO_POLICIES
    label: str = ""
    description: str = ""

    @classmethod
    def parse(
        cls,
        id: str,
        executable: Any,
        node: NodeSpec,
        *,
        wait_for_all: bool,
        is_exit: bool,
        policies: Policies = NO_POLICIES,
        label: str = "",
        description: str = "",
    ) -> ComponentSpec:
        """Parse the schemas once, when the component is added."""
        io, stream_io = node.io_config, node.stream_io_configs
        nested = executable if isinstance(executable, SubgraphSpec) else None
        if nested is not None:
            nested.require_place(id)
            inputs = nested.parse_inputs(io.inputs_schema)
        else:
            inputs = None if io.inputs_schema is None else parse_schema(io.inputs_schema)
        return cls(
            id=id,
            executable=executable,
            io=io,
            inputs=inputs,
            outputs=parse_schema(io.outputs_schema) if io.outputs_schema else None,
            wait_for_all=wait_for_all,
            is_exit=is_exit,
            stream_io=stream_io,
            stream_inputs=None if stream_io.inputs_schema is None else parse_schema(stream_io.inputs_schema),
            stream_outputs=parse_schema(stream_io.outputs_schema) if stream_io.outputs_schema else None,
            abilities=tuple(node.abilities),
            policies=policies,
            label=label,
            description=description,
        )

    @property
    def nested(self) -> SubgraphSpec | None:
        """The executable, if it is a graph of its own."""
        return self.executable if isinstance(self.executable, SubgraphSpec) else None


@dataclass(frozen=True, slots=True)
class Connection:
    """An edge; several sources mean that the target waits for all of them.

    Attributes:
        is_stream: Whether frames flow along it, while its source runs.
    """

    sources: tuple[str, ...]
    target: str
    is_stream: bool = False

    def __str__(self) -> str:
        return f"{' + '.join(self.sources)} -> {self.target}"


@dataclass(frozen=True, slots=True)
class _Index:
    """The lookup tables of a definition, for one state of it.

    Attributes:
        edits: Which state.
        into: The connections that lead to a component.
        out_of: Those that lead away from it.
        fallback_targets: Where a run goes on after components that failed for good, if not along their connections.
        places: The order in which the components were added.
    """

    edits: int
    into: dict[str, list[Connection]]
    out_of: dict[str, list[Connection]]
    fallback_targets: dict[str, tuple[str, ...]]
    places: dict[str, int]

    @classmethod
    def of(cls, definition: Definition) -> _Index:
        """The index of a definition as it is now."""
        into: dict[str, list[Connection]] = {}
        out_of: dict[str, list[Connection]] = {}
        for connection in definition.connections:
            into.setdefault(connection.target, []).append(connection)
            for source in dict.fromkeys(connection.sources):
                out_of.setdefault(source, []).append(connection)
        specs = definition.components.values()
        fallback_targets = {spec.id: spec.policies.targets for spec in specs if spec.policies.targets}
        places = {id: place for place, id in enumerate(definition.components)}
        return cls(definition.edits, into, out_of, fallback_targets, places)


@dataclass(slots=True)
class Definition:
    """A workflow, or the body of a loop, as it has been built so far; `edits` counts the changes."""

    components: dict[str, ComponentSpec] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)
    routers: dict[str, list[Any]] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    edits: int = 0
    nested: list[SubgraphSpec] = field(default_factory=list)
    _index: _Index | None = field(default=None, init=False, repr=False, compare=False)

    def _indexed(self) -> _Index:
        index = self._index
        if index is None or index.edits != self.edits:
            index = self._index = _Index.of(self)
        return index

    def into(self, id: str) -> Sequence[Connection]:
        """The connections that lead to a component."""
        return self._indexed().into.get(id, ())

    def out_of(self, id: str) -> Sequence[Connection]:
        """The connections that lead away from a component."""
        return self._indexed().out_of.get(id, ())

    def identity(self) -> Any:
        """All that tells it from other definitions, for a digest of it."""
        return self.components, self.connections, self.routers, self.starts, self.ends

    def version(self) -> int:
        """A number that grows with every change, here or in a definition inside."""
        seen, found = {id(self)}, [self]
        for definition in found:  # a workflow may contain itself
            below = [n.definition for n in definition.nested if id(n.definition) not in seen]
            seen.update(map(id, below))
            found += below
        return sum(definition.edits for definition in found)

    def walk(self, depth: int, prefix: str = "") -> Iterator[tuple[str, ComponentSpec]]:
        """Every component with its executable id, those inside another after it.

        Args:
            depth: How many workflows may be nested in another; loops do not count.
            prefix: What stands before the ids.
        """
        for spec in self.components.values():
            yield f"{prefix}{spec.id}", spec
            if spec.nested is not None and (room := depth - (spec.nested.rounds is None)) >= 0:
                yield from spec.nested.definition.walk(room, f"{prefix}{spec.id}.")

    def add(self, spec: ComponentSpec) -> None:
        """Add a component."""
        self.components[spec.id] = spec
        if spec.nested is not None:
            self.nested.append(spec.nested)
        self.edits += 1

    def connect(self, connection: Connection) -> None:
        """Add an edge."""
        self.connections.append(connection)
        self.edits += 1

    def route(self, source: str, router: Any) -> None:
        """Let a router choose where the run goes on after a component; several add up."""
        self.routers.setdefault(source, []).append(router)
        self.edits += 1

    def start_at(self, id: str) -> None:
        """Let runs begin at a component."""
        if id not in self.starts:
            self.starts.append(id)
        self.edits += 1

    def end_at(self, id: str) -> None:
        """Let a component give the result; the last one set counts."""
        self.ends = [*(e for e in self.ends if e != id), id]
        self.edits += 1

    def joins(self) -> list[Connection]:
        """The edges as they fire: one for all sources of a target that waits for all, or that takes their frames.

        Raises:
            JiuWenBaseException: 110006, a connection names a component that was never added.
        """
        self._require_components()
        return list(_unique(join for connection in self.connections for join in self._joined(connection)))

    def _joined(self, connection: Connection) -> list[Connection]:
        target = connection.target
        if self.waits_until_the_end(target):
            return [Connection((source,), target) for source in connection.sources]
        if self.components[target].wait_for_all or self.producers_of(target):
            return [Connection(_unique(s for c in self.into(target) for s in c.sources), target)]
        return [Connection(connection.sources, target)]

    def predecessors_of(self, id: str) -> list[str]:
        """The components with a connection to a component, in the order in which they were added."""
        places = self._indexed().places
        leading = {source for c in self.into(id) for source in c.sources if source in places}
        return sorted(leading, key=places.__getitem__)

    def producers_of(self, id: str) -> tuple[str, ...]:
        """The components whose frames a component takes."""
        return _unique(s for c in self.into(id) if c.is_stream for s in c.sources)

    def consumers_of(self, id: str) -> tuple[str, ...]:
        """The components that take a component's frames."""
        return _unique(c.target for c in self.out_of(id) if c.is_stream)

    @property
    def fallback_targets(self) -> dict[str, tuple[str, ...]]:
        """The components that run after those that failed for good, if not along their connections."""
        return self._indexed().fallback_targets

    @property
    def has_streams(self) -> bool:
        """Whether frames flow between components."""
        return any(c.is_stream for c in self.connections)

    def waits_until_the_end(self, id: str) -> bool:
        """Whether a component takes frames, and some of those before it may be skipped.

        A join would then wait for ever, so it runs when nothing before it is left to run.
        """
        is_chosen = bool(self.routers or self.fallback_targets)
        return is_chosen and bool(self.producers_of(id)) and len(self.predecessors_of(id)) > 1

    def _require_components(self) -> None:
        connected = (id for c in self.connections for id in (*c.sources, c.target))
        fallen_to = [target for targets in self.fallback_targets.values() for target in targets]
        named = _unique([*connected, *self.routers, *self.starts, *self.ends, *fallen_to])
        if missing := [i for i in named if i not in self.components]:
            where = [str(c) for c in self.connections if not {*c.sources, c.target}.isdisjoint(missing)]
            where += [f"router of {source}" for source in self.routers if source in missing]
            where += [f"fallback of {id}" for id, t in self.fallback_targets.items() if not {*t}.isdisjoint(missing)]
            where += [f"start_nodes {self.starts}"] if not {*self.starts}.isdisjoint(missing) else []
            where += [f"end_nodes {self.ends}"] if not {*self.ends}.isdisjoint(missing) else []
            hint = "".join(_nearest(i, self.components) for i in missing)
            raise self._not_found(missing, f"{', '.join(where)} need them{hint}")

    def _not_found(self, missing: list[str], reason: str) -> JiuWenBaseException:
        return StatusCode.WORKFLOW_COMPONENT_CONFIG_ERROR.error(
            missing=missing, reason=reason, node_ids=list(self.components)
        )

    def require_ids(self, ids: Iterable[str], reason: str) -> None:
        """Check that components are there.

        Raises:
            JiuWenBaseException: 110006, naming those that are not.
        """
        if missing := [id for id in ids if id not in self.components]:
            near = "".join(_nearest(id, self.components) for id in missing)
            raise self._not_found(missing, f"{reason}{near}")

    def inputs(self) -> list[str]:
        """The workflow's inputs that its components refer to."""
        specs = self.components.values()
        names = [reference.name for spec in specs if spec.inputs for reference in references(spec.inputs)]
        known = {*self.components, *self.values_set()}
        return [name for name in dict.fromkeys(names) if name not in known]

    def values_set(self) -> list[str]:
        """The names that components set which no component need have."""
        specs = self.components.values()
        setting = [spec.executable for spec in specs if isinstance(spec.executable, SetsVariables)]
        return [name for executable in setting for name in executable.names_in(None)]

    def unreachable_ends(self) -> list[str]:
        """The ends that no run can reach; routers may lead anywhere, so with one there is none."""
        if self.routers or self.fallback_targets:
            return []
        joins = self.joins()
        waiting = [set(join.sources) for join in joins]
        waited_for: dict[str, list[int]] = {}
        for number, sources in enumerate(waiting):
            for source in sources:
                waited_for.setdefault(source, []).append(number)
        reached, ahead = set[str](), [*self.starts]
        while ahead:
            if (id := ahead.pop()) in reached:
                continue
            reached.add(id)
            for number in waited_for.get(id, ()):
                waiting[number].discard(id)
                ahead += [] if waiting[number] else [joins[number].target]
        return [end for end in self.ends if end not in reached]


def _nearest(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _unique(items: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(items))
