"""An expression's text: made into Python's syntax, with the way back to where each part stood."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.reference import Reference

_TOKEN = re.compile(
    r"""
      (?P<reference> \$\{ (?: \['(?:\\.|[^'\\])*'\] | [^{}] )* \} )
    | (?P<string>    '''(?:[^\\]|\\.)*?''' | \"""(?:[^\\]|\\.)*?\"""
                   | '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" )
    | (?P<unclosed>  '(?:[^'\\\n]|\\.)*+ | "(?:[^"\\\n]|\\.)*+ )
    | (?P<word>      [^\W\d]\w* )
    | (?P<number>    \d\w* )
    | (?P<symbol>    && | \|\| )
    | (?P<space>     \s+ )
    | (?P<other>     . )
    """,
    re.VERBOSE | re.DOTALL,
)

_WORDS = {"true": "True", "false": "False", "null": "None", "not_in": "not in"}
_SYMBOLS = {"&&": " and ", "||": " or "}
_PLACEHOLDER = "reference"

_FOREIGN = [
    (re.compile(r"!=="), "'!='"),
    (re.compile(r"==="), "'=='"),
    (re.compile(r"<>"), "'!='"),
    (re.compile(r"=>"), "'>='"),
    (re.compile(r"=<"), "'<='"),
    (re.compile(r"(?<![=!<>:])=(?!=)"), "'==' to compare"),
    (re.compile(r"\b(?:not\s+contains|doesn't\s+contain)\b", re.IGNORECASE), "'x not in text'"),
    (re.compile(r"\b(?:contains|includes)\b", re.IGNORECASE), "'x in text'"),
    (re.compile(r"\bAND\b|\bAnd\b|且"), "'and' or '&&'"),
    (re.compile(r"\bOR\b|\bOr\b|或"), "'or' or '||'"),
    (re.compile(r"\bNOT\b|\bNot\b|!(?!=)"), "'not'"),
    (re.compile(r"\?\?|\?\.|\?"), "two branches: there is no conditional value"),
    (
        re.compile(r"\b(?:startswith|startsWith|endsWith|matches|like|LIKE)\b"),
        "'text.startswith(x)', 'text.endswith(x)' or 'x in text'",
    ),
    (re.compile(r"[“”‘’]"), "straight quotes"),
    (re.compile(r"（|）|，|；|：|＝|＞|＜|！"), "the ASCII sign"),
]
"""Signs and words of other languages, and what this one has."""


class SourceText:
    """An expression as the user wrote it, and as Python reads it.

    Only whole words and symbols outside string literals are rewritten.

    Attributes:
        text: As written.
        python: With each `${path}` replaced by a name.
        references: What those names stand for, by their position in `python`.
        quoted: The string literals that look as if they held a reference.

    Raises:
        JiuWenBaseException: 140000, a reference is empty.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.references: dict[int, Reference] = {}
        self.quoted: list[str] = []
        self._written: list[int] = []  # where each piece begins in `text` …
        self._read: list[int] = []  # … and in `python`
        pieces: list[str] = []
        length = 0
        for start, piece, reference in self._pieces():
            if reference is not None:
                self.references[length + piece.index(_PLACEHOLDER)] = reference
            self._written.append(start)
            self._read.append(length)
            pieces.append(piece)
            length += len(piece)
        self.python: str = "".join(pieces)

    def _pieces(self) -> Iterator[tuple[int, str, Reference | None]]:
        """The pieces of Python, with where they come from; spaces before the first one are dropped."""
        before = ""
        for token in _TOKEN.finditer(self.text):
            kind, text, start = token.lastgroup, token.group(), token.start()
            if kind == "space":
                if before:
                    yield start, " ", None
                continue
            if kind == "reference":
                yield start, f"{' ' if before else ''}{_PLACEHOLDER} ", self._reference(text[2:-1], start)
            elif kind == "word" and before != ".":
                yield start, _WORDS.get(text, text), None
            elif kind == "string":
                self.quoted.extend([text] if "${" in text else ())
                yield start, text.replace("\\\n", "").replace("\r", "\\r").replace("\n", "\\n"), None
            else:
                yield start, _SYMBOLS.get(text, text), None
            before = text

    def _reference(self, path: str, start: int) -> Reference:
        if not path.strip():
            raise self._error(StatusCode.EXPRESSION_CONDITION_SYNTAX_ERROR, "a reference needs a path", start)
        return Reference.to(path.strip())

    def remedy(self) -> str:
        """What to write instead of an operator of another language; empty if there is none."""
        bare = "".join(
            t.group() if t.lastgroup not in ("string", "reference") else " x " for t in _TOKEN.finditer(self.text)
        )
        found = (
            f"there is no {m.group().strip()!r} here: write {right}" for p, right in _FOREIGN if (m := p.search(bare))
        )
        return next(found, "")

    def reference_at(self, node: ast.Name) -> Reference | None:
        """The reference that a name stands for; None for a name that the user wrote."""
        return self.references.get(self._column(node)) if node.id == _PLACEHOLDER else None

    def syntax_error(self, reason: str, column: int | None = None) -> JiuWenBaseException:
        """140000 with a caret under a column of `python`."""
        place = len(self.text) if column is None else self._place(column)
        return self._error(StatusCode.EXPRESSION_CONDITION_SYNTAX_ERROR, reason, place)

    def eval_error(self, reason: str, node: ast.AST | None = None) -> JiuWenBaseException:
        """140001 with a caret under a node."""
        place = 0 if node is None else self._place(self._column(node))
        return self._error(StatusCode.EXPRESSION_CONDITION_EVAL_ERROR, reason, place)

    def _error(self, code: StatusCode, reason: str, place: int) -> JiuWenBaseException:
        start = max(0, place - 60)
        line = re.sub(r"\s", " ", self.text[start : place + 60]).encode(errors="replace").decode()
        return code.error(error=f"{reason}\n    {line}\n    {' ' * (place - start)}^")

    def _column(self, node: ast.AST) -> int:
        """A node's column in characters (Python counts bytes)."""
        column = getattr(node, "col_offset", 0)
        return len(self.python.encode(errors="surrogatepass")[:column].decode(errors="ignore"))

    def _place(self, column: int) -> int:
        """Return the place in `text` that a column of `python` comes from."""
        piece = bisect_right(self._read, column) - 1
        if piece < 0:
            return 0
        return min(self._written[piece] + self._inside(piece, column), len(self.text))

    def _inside(self, piece: int, column: int) -> int:
        """Return the offset of a column in an unchanged piece; a rewritten one is pointed at from its start."""
        end = self._read[piece + 1] if piece + 1 < len(self._read) else len(self.python)
        start = self._read[piece]
        piece_text = self.python[start:end]
        same = self.text.startswith(piece_text, self._written[piece])
        return column - start if same else 0
