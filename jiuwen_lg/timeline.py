"""What a run did: the journal's settings, its entries, and the timeline made of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any, Literal, NamedTuple, TypeAlias

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.values import as_text

JOURNAL_SETTING = "JIUWEN_LG_JOURNAL"
SECRETS = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "credential", "cookie")
"""Parts of keys whose values a journal does not keep by default."""

ExecutionStatus: TypeAlias = Literal["finished", "asked", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Journal:
    """How a workflow's runs are recorded, one entry for each execution of a component.

    Attributes:
        values: Whether inputs and outputs are kept, not only their sizes.
        redact: Parts of keys, in lower case, whose values are never kept.
        most_bytes: Inputs or outputs that are larger than this, as JSON, are left out.
        most_entries: Entries of one run; beyond that the oldest ones are dropped.
        seconds: How long entries are kept, if their session is.
    """

    values: bool = False
    redact: Collection[str] = SECRETS
    most_bytes: int = 16_384
    most_entries: int = 10_000
    seconds: float = 30 * 24 * 3600.0

    @classmethod
    def of(cls, given: Journal | bool | None) -> Journal | None:
        """The journal that a workflow is given, or else the environment asks for; None for none.

        Raises:
            JiuWenBaseException: -1, it is neither a journal nor True or False.
        """
        if given is None:
            setting = os.environ.get(JOURNAL_SETTING, "").strip().lower()
            return None if setting in ("", "0", "off", "false", "no") else cls(values=setting == "values")
        if not isinstance(given, (Journal, bool)):
            raise StatusCode.ERROR.error(reason=f"journal is True, False or a Journal, not {given!r}")
        return cls() if given is True else given or None


class JournalEntry(NamedTuple):
    """One execution of one component.

    Attributes:
        id: Its executable id.
        status: How it ended: `asked` stopped to ask, and runs again with the answer.
        began: When, in seconds since 1970.
        ended: When it ended.
        label: Its label; empty without one.
        attempt: Which attempt it was, from 1.
        iteration: The indexes of the loops around it, outermost first, from 0.
        targets: Where a branch or a router went on, by executable id.
        is_fallback: Whether it failed for good and its fallback counted.
        error: What it failed with.
        tokens: Tokens that models have read and written in it.
        input_bytes: The size of its inputs; None if they have none that can be told.
        output_bytes: The size of its output.
        inputs: Its inputs, if the journal keeps values.
        outputs: Its output, if the journal keeps values.
    """

    id: str
    status: ExecutionStatus
    began: float
    ended: float
    label: str = ""
    attempt: int = 1
    iteration: tuple[int, ...] = ()
    targets: tuple[str, ...] = ()
    is_fallback: bool = False
    error: str | None = None
    tokens: tuple[int, int] = (0, 0)
    input_bytes: int | None = None
    output_bytes: int | None = None
    inputs: Any = None
    outputs: Any = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    @property
    def step(self) -> str:
        """Its id with the indexes of the loops around it: `loop[2].a`."""
        return step_of(self.id, self.iteration)


def only(targets: Sequence[str]) -> str | list[str]:
    """The only one of several, or all of them."""
    return targets[0] if len(targets) == 1 else [*targets]


def step_of(id: str, iteration: Sequence[int], loops: Sequence[str] = ()) -> str:
    """An executable id with the indexes of the loops around it.

    Args:
        id: The executable id.
        iteration: The indexes, outermost first.
        loops: The executable ids of the loops around it, if that is known; else the outermost parts count.
    """
    parts = id.split(".")
    numbers = list(iteration)
    shown: list[str] = []
    for place, part in enumerate(parts[:-1], 1):
        is_loop = not loops or ".".join(parts[:place]) in loops
        shown.append(f"{part}[{numbers.pop(0)}]" if is_loop and numbers else part)
    return ".".join([*shown, parts[-1]])


@dataclass(frozen=True, slots=True)
class Timeline(Sequence[JournalEntry]):
    """The entries of a session's newest run, in the order in which they began.

    Attributes:
        session_id: The session.
        entries: The entries.
        loops: The executable ids of the workflow's loops.
    """

    session_id: str
    entries: tuple[JournalEntry, ...] = ()
    loops: tuple[str, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: Any) -> Any:
        return self.entries[index]

    def __iter__(self) -> Iterator[JournalEntry]:
        return iter(self.entries)

    @property
    def path(self) -> list[str]:
        """The steps that finished, in the order in which they began: `["start", "loop[0].a", …]`."""
        return [self.step(entry) for entry in self.entries if entry.status == "finished"]

    @property
    def seconds(self) -> float:
        """How long components ran, from the first begin to the last end, waiting for answers included."""
        return max((e.ended for e in self.entries), default=0) - min((e.began for e in self.entries), default=0)

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens that models have read and written."""
        return sum(e.tokens[0] for e in self.entries), sum(e.tokens[1] for e in self.entries)

    def of(self, id: str) -> list[JournalEntry]:
        """The executions of one component."""
        return [entry for entry in self.entries if entry.id == id]

    def branch(self, id: str) -> str | list[str]:
        """Where a component went on that chooses, the last time that it ran: an executable id, or several.

        Raises:
            LookupError: It has not chosen.
        """
        chosen = [entry.targets for entry in self.of(id) if entry.status == "finished" and entry.targets]
        if not chosen:
            raise LookupError(f"[{id}] has chosen nothing")
        return only(chosen[-1])

    def step(self, entry: JournalEntry) -> str:
        """An entry's id with the indexes of the loops around it."""
        return step_of(entry.id, entry.iteration, self.loops)

    def __repr__(self) -> str:
        head = ("STEP", "STATUS", "SECONDS", "TRIES", "WENT TO", "TOKENS", "IN", "OUT", "ERROR")
        rows = [head, *(self._row(entry) for entry in self.entries)]
        used = [n for n in range(len(head)) if n < 3 or any(row[n] for row in rows[1:])]
        widths = {n: max(_width(row[n]) for row in rows) for n in used}
        lines = ["  ".join(row[n] + " " * (widths[n] - _width(row[n])) for n in used).rstrip() for row in rows]
        return "\n".join([f"session {self.session_id}: {len(self)} executions", *lines])

    def _row(self, entry: JournalEntry) -> tuple[str, ...]:
        label = f" {entry.label}" if entry.label else ""
        return (
            f"{self.step(entry)}{label}",
            f"{entry.status}, fallback" if entry.is_fallback else entry.status,
            f"{entry.seconds:.3f}",
            str(entry.attempt) if entry.attempt > 1 else "",
            ", ".join(entry.targets),
            "/".join(map(str, entry.tokens)) if any(entry.tokens) else "",
            "" if entry.input_bytes is None else str(entry.input_bytes),
            "" if entry.output_bytes is None else str(entry.output_bytes),
            " ".join((entry.error or "").split()),
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": self._as_html(), "text/plain": repr(self)}

    def _as_html(self) -> str:
        """A table whose bars show when each execution ran."""
        first, whole = min((e.began for e in self.entries), default=0.0), max(self.seconds, 1e-9)
        rows = "".join(self._html_row(entry, first, whole) for entry in self.entries)
        heads = "".join(f'<th style="text-align:left">{name}</th>' for name in ("Step", "", "When", "Seconds", "Notes"))
        return f'<table style="width:100%"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'

    def _html_row(self, entry: JournalEntry, first: float, whole: float) -> str:
        left, width = 100 * (entry.began - first) / whole, max(100 * entry.seconds / whole, 0.6)
        colour = _COLOURS[entry.status]
        bar = (
            '<div style="position:relative;height:10px;min-width:160px;background:#e2e8f033">'
            f'<div style="position:absolute;height:10px;border-radius:2px;left:{min(left, 99.4):.2f}%;'
            f'width:{min(width, 100 - min(left, 99.4)):.2f}%;background:{colour}"></div></div>'
        )
        notes = [f"→ {', '.join(entry.targets)}"] if entry.targets else []
        notes += [f"attempt {entry.attempt}"] if entry.attempt > 1 else []
        notes += [f"{entry.tokens[0]} + {entry.tokens[1]} tokens"] if any(entry.tokens) else []
        notes += ["fallback"] if entry.is_fallback else []
        notes += [entry.error] if entry.error else []
        began = datetime.fromtimestamp(entry.began).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006 - of the reader
        name = f"{escape(entry.label)} <code>{escape(self.step(entry))}</code>".lstrip()
        cells = (name, f'<span style="color:{colour}">{entry.status}</span>', bar, f"{entry.seconds:.3f}")
        told = "".join(f'<td style="text-align:left">{cell}</td>' for cell in (*cells, escape("; ".join(notes))))
        return f'<tr title="{began}">{told}</tr>'


_COLOURS = {"finished": "#16a34a", "asked": "#d97706", "failed": "#dc2626", "cancelled": "#64748b"}


def _width(text: str) -> int:
    """How many columns a text takes in a terminal."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def redacted(value: Any, keys: Collection[str]) -> Any:
    """A JSON value without the values of keys that hold one of these parts."""
    if isinstance(value, dict):
        return {
            key: "•••" if any(part in str(key).lower() for part in keys) else redacted(inner, keys)
            for key, inner in value.items()
        }
    return [redacted(inner, keys) for inner in value] if isinstance(value, list) else value


def text_of(value: Any, most: int = 40) -> str:
    """A value in one short line."""
    line = " ".join(as_text(value).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
