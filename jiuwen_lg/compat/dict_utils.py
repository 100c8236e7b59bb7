"""Nested dicts as pairs of path and value, and back. Facts: what openJiuwen 0.1.1 prints.

A path is a list of keys; a place in a list is written `[0]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Path = list[str]


def extract_leaf_nodes(data: Any, current_path: Path | None = None) -> list[tuple[Path, Any]]:
    """Return the values of a nested dict or list, each with its path; None and empty ones are left out."""
    return list(_leaves(data, current_path or []))


def _leaves(data: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, [*path, key])
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from _leaves(value, [*path, f"[{place}]"])
    elif data is not None:
        yield path, data


def format_path(path: Iterable[str]) -> str:
    """Return a path as it is written in `${…}`.

    Examples:
        >>> format_path(["a", "c", "[0]"])
        'a.c[0]'
    """
    text = ""
    for key in path:
        text += key if not text or key.startswith("[") else f".{key}"
    return text


def create_nested_dict(path: str, value: Any = None, separator: str = ".") -> Any:
    """Return a value under a dotted path.

    Examples:
        >>> create_nested_dict("a.b", 1)
        {'a': {'b': 1}}
    """
    for key in reversed(path.split(separator) if path else []):
        value = {key: value}
    return value


def rebuild_dict_from_paths(path_value_pairs: Iterable[tuple[Path, Any]]) -> dict[str, Any]:
    """Return the nested dict of pairs; `[0]` is a key like any other."""
    rebuilt: dict[str, Any] = {}
    for path, value in path_value_pairs:
        inner = rebuilt
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = value
    return rebuilt


def rebuild_dict(path_value_pairs: Iterable[tuple[Path, Any]]) -> Any:
    """Return the nested dict of pairs, with lists where `[0]` says so; places without a value are None."""
    return _with_lists(rebuild_dict_from_paths(path_value_pairs))


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    places = {int(key[1:-1]): inner for key, inner in value.items() if _is_place(key)}
    if not places or len(places) < len(value):
        return {key: _with_lists(inner) for key, inner in value.items()}
    return [_with_lists(places.get(place)) for place in range(max(places) + 1)]


def _is_place(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("[") and key.endswith("]") and key[1:-1].isdigit()
