"""Values on their way into and out of the state: copying, normalising, merging.

Nothing here changes what it is given: merging copies each level that it changes, so
that a value read earlier (by a running component, in a checkpoint) stays as it was.
Facts: openJiuwen 0.1.1, `engine.md` 2.3, 3.2 and 3.3.
"""

from __future__ import annotations

import copy
import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.schema.path import MISSING, Path, parse_key, walk

MAX_DEPTH = 200
"""Levels of dicts and lists in what is kept: fewer than the file format can hold, and JSON needs a handful."""

_IMMUTABLE = frozenset((str, int, float, bool, bytes, type(None)))


def deep_copy(value: Any) -> Any:
    """A copy that shares nothing mutable with `value`.

    What cannot be copied (a lock, a client) is passed on as it is.
    """
    kind = type(value)
    if kind in _IMMUTABLE:
        return value
    if kind is dict:
        return {key: item if type(item) in _IMMUTABLE else deep_copy(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) in _IMMUTABLE else deep_copy(item) for item in value]
    return _copy_object(value)


def _copy_object(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except JiuWenBaseException:
        raise
    except Exception:  # noqa: BLE001 - whatever a class does in its own copying
        return value


def normalize(value: Any, room: int = MAX_DEPTH) -> Any:
    """The form in which a component's output is stored: detached and normalised.

    Tuples become lists, subclasses of dict and list become plain, so that a run sees the same values whether or not
    it was interrupted in between. Keys are data: those with dots or brackets stay as they are.

    Args:
        value: The output.
        room: How many levels of dicts and lists it may have.

    Raises:
        ValueError: A dict key is not a string, or there is no room.
    """
    kind = type(value)
    if kind in _IMMUTABLE:
        return value
    if isinstance(value, dict):
        return _plain_dict(value, room)
    if isinstance(value, list) or (isinstance(value, tuple) and not hasattr(value, "_fields")):
        inside = _room_below(1, room)
        return [item if type(item) in _IMMUTABLE else normalize(item, inside) for item in value]
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if (numpy := sys.modules.get("numpy")) is not None and isinstance(value, numpy.generic):
        return value.item()
    return _copy_object(value)


def storable_at(key: str, value: Any) -> Any:
    """The form in which a value is kept that lies at a path.

    Raises:
        ValueError: See `storable`.
    """
    return normalize(value, _room_below(len(parse_key(key)), MAX_DEPTH))


def require_depth(value: Any, room: int = MAX_DEPTH) -> None:
    """Check how deeply dicts and lists are nested in a value.

    Raises:
        ValueError: Too deeply.
    """
    if isinstance(value, (dict, list, tuple)):
        inside = _room_below(1, room)
        for item in value.values() if isinstance(value, dict) else value:
            require_depth(item, inside)


def _room_below(levels: int, room: int) -> int:
    if levels > room:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep, or holds itself")
    return room - levels


def _plain_dict(data: dict[Any, Any], room: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    inside = _room_below(1, room)
    for key, item in data.items():
        if not isinstance(key, str):
            raise ValueError(f"dict keys must be strings, {key!r} is a {type(key).__name__}")
        result[key] = item if type(item) in _IMMUTABLE else normalize(item, inside)
    return result


def merge(old: Any, new: Any) -> Any:
    """Lay `new` over `old`: dicts merge key by key, anything else is replaced."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    merged = dict(old)
    for key, item in new.items():
        merged[key] = merge(merged[key], item) if key in merged else item
    return merged


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same; those that cannot tell (arrays) are not, unless they are one object."""
    try:
        return one is other or bool(one == other)
    except Exception:  # noqa: BLE001 - whatever a class does in its own comparison
        return False


def assign(tree: Any, path: Path, value: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """A copy of `tree` in which `path` holds `combine(old, value)` (or `value`, where nothing was).

    Raises:
        ValueError: A position lies beyond the end of its list.
    """
    if not path:
        return value if tree is MISSING else combine(tree, value)
    key, rest = path[0], path[1:]
    if isinstance(key, int):
        return _assign_position(tree, key, rest, value, combine)
    level = dict(tree) if isinstance(tree, dict) else {}
    level[key] = assign(level.get(key, MISSING), rest, value, combine)
    return level


_WIDEST_GAP = 10_000
"""How many positions of a list may be passed over: a key such as `k[9999999]` must not fill the memory."""


def _assign_position(tree: Any, position: int, rest: Path, value: Any, combine: Callable[[Any, Any], Any]) -> list[Any]:
    level = list(tree) if isinstance(tree, list) else []
    if position >= len(level) + _WIDEST_GAP:
        raise ValueError(f"position [{position}] lies far beyond a list of {len(level)}")
    if position >= len(level) and not rest:
        level += [None] * (position - len(level))
    if position == len(level):
        level.append(MISSING)
    if not -len(level) <= position < len(level):
        raise ValueError(f"position [{position}] lies beyond a list of {len(level)}")
    level[position] = assign(level[position], rest, value, combine)
    return level


def remove(tree: Any, path: Path) -> Any:
    """A copy of `tree` without `path`; the same tree where there is nothing to remove."""
    if walk(tree, path) is MISSING:
        return tree
    key, rest = path[0], path[1:]
    level = dict(tree) if isinstance(tree, dict) else list(tree)
    if rest:
        level[key] = remove(level[key], rest)  # type: ignore[index]
    else:
        del level[key]  # type: ignore[arg-type]
    return level


def patch_private(state: dict[str, Any], patch: dict[str, Any] | None) -> dict[str, Any]:
    """Apply one `update_state`: keys are paths (see `parse_key`), dicts merge, None is stored; a None patch wipes."""
    if patch is None:
        return {}
    for key, value in patch.items():
        state = assign(state, parse_key(key), value, merge)
    return state


def patch_global(state: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply one `update_global_state`: like the private one, but None deletes its key."""
    for key, value in patch.items():
        path = parse_key(key)
        if value is not None:
            state = assign(state, path, value, merge)
        elif isinstance(path[-1], str):
            state = remove(state, path)
    return state


async def maybe_await(result: Any) -> Any:
    """Return the result of a user's function, which may be an async one."""
    return await result if inspect.isawaitable(result) else result


def as_text(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
