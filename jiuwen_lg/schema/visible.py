"""Text of strangers as it may be shown: what would steer a terminal, or reorder a line, is written out."""

from __future__ import annotations

import re

_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters (ESC and the eight-bit CSI among them), marks of direction, line separators, lone surrogates."""


def visible(text: str, *, kept: str = "") -> str:
    r"""Return a text with what would act on a terminal written as an escape.

    Args:
        text: Any text.
        kept: Characters that stay as they are, for example a line break.

    Example:
        >>> visible("red: \x1b[31m")
        'red: \\x1b[31m'
    """
    return _STEERING.sub(lambda found: found[0] if found[0] in kept else _escaped(found[0]), text)


def visible_json(text: str) -> str:
    """Return JSON that means the same and acts on no terminal."""
    return _STEERING.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
