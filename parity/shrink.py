"""The last step of making a case small: hypothesis makes its values small, but keeps most parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Case = dict[str, Any]


def shrink(case: Case, still: Callable[[Case], bool]) -> Case:
    """Take out one part after the other, as long as `still` holds of what is left."""
    smaller = next((candidate for candidate in _without_a_part(case) if still(candidate)), None)
    return case if smaller is None else shrink(smaller, still)


def _without_a_part(case: Case) -> Iterator[Case]:
    """The case without each of its parts; what came after nothing else comes after what was before it."""
    for part in case["parts"]:
        id = part["id"]
        before = [name for source, target in case["edges"] if target == id for name in _names(source)]
        yield {
            **case,
            "parts": [other for other in case["parts"] if other is not part],
            "edges": [[_rewired(source, id, before), target] for source, target in case["edges"] if target != id],
            "routers": [
                router
                for router in case["routers"]
                if id not in (router["source"], router.get("back"), *router.get("targets", ()))
            ],
        }


def _rewired(source: str | list[str], id: str, before: list[str]) -> str | list[str]:
    names = _names(source)
    if id not in names:
        return source
    rest = [name for name in names if name != id] or list(dict.fromkeys(before))
    return rest if isinstance(source, list) or len(rest) > 1 else rest[0]


def _names(source: str | list[str]) -> list[str]:
    return source if isinstance(source, list) else [source]
