"""The condition language: `${a.n} > 3 && is_not_empty(${a.items})`.

An expression is parsed once, when the workflow is built, into nested functions; nothing
of Python is reached from it but the operators, functions and methods listed here.
Grammar and limits: openJiuwen 0.1.1, `components.md` 6.3 (its defects Q31 to Q35 left out).
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, TypeAlias

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.expression_methods import attribute_of, call_method
from jiuwen_lg.schema.expression_numbers import MAX_ITEMS, OPERATORS, bounded
from jiuwen_lg.schema.expression_text import SourceText
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import Reader, Reference, parse_reference

MAX_LENGTH = 5000
"""Characters of an expression."""

MAX_DEPTH = 50
"""Levels of nesting."""

Evaluate: TypeAlias = Callable[[Callable[[Reference], Any]], Any]


class Expression:
    """A parsed expression.

    Args:
        text: The expression; an empty one is true.

    Raises:
        JiuWenBaseException: 140000 for one that cannot be parsed; 140001 for one that is too
            long, too deep, or uses what the language does not have.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MAX_LENGTH:
            reason = f"it has {len(text)} characters, {MAX_LENGTH} are allowed"
            raise StatusCode.EXPRESSION_CONDITION_EVAL_ERROR.error(error=f"{text[:60]}…: {reason}")
        self._source = SourceText(text)
        self._evaluate = _Compiler(self._source).compile(self._tree()) if text else lambda _: True

    @property
    def references(self) -> list[Reference]:
        """Every `${path}` in it, in order."""
        return list(self._source.references.values())

    @property
    def quoted(self) -> list[str]:
        """The string literals that hold a `${path}`, which is not filled in there."""
        return self._source.quoted

    def evaluate(self, read: Callable[[Reference], Any]) -> Any:
        """The value; `read` gives what a reference stands for, None if nothing.

        Raises:
            JiuWenBaseException: 140001, with the place where it went wrong.
        """
        try:
            return self._evaluate(read)
        except _Failed as failed:
            raise self._source.eval_error(str(failed), failed.node) from failed.__cause__

    def _tree(self) -> ast.expr:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of unknown escapes in strings
                tree = ast.parse(self._source.python, mode="eval").body
        except SyntaxError as error:
            reason = self._source.remedy() or error.msg
            raise self._source.syntax_error(reason, max(0, (error.offset or 1) - 1)) from None
        except (RecursionError, MemoryError, SystemError):  # CPython 3.11 miscounts the depth of a deep text
            reason = f"it has too many parts, or is nested too deeply ({MAX_DEPTH} levels are allowed)"
            raise self._source.eval_error(reason) from None
        except ValueError as error:  # a null byte, a number of thousands of digits
            raise self._source.syntax_error(str(error)) from None
        if _is_deeper(tree, MAX_DEPTH):
            raise self._source.eval_error(f"it is nested too deeply, {MAX_DEPTH} levels are allowed")
        return tree


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> Expression:
    """The expression of a text; equal texts share one."""
    return Expression(text)


def pure_reference(text: str) -> Reference | None:
    """The reference that an expression consists of and of nothing else: `"${s.flag}"`."""
    return parse_reference(text) if text.count("${") == 1 and "}" not in text[:-1] else None


class _Failed(Exception):
    """Evaluation went wrong at a node."""

    def __init__(self, reason: str, node: ast.AST) -> None:
        super().__init__(reason)
        self.node = node


def _is_deeper(tree: ast.AST, limit: int) -> bool:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > limit:
            return True
        level = [
            child
            for node in level
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop))
        ]
    return False


class _Compiler:
    """Turns a syntax tree into nested functions, refusing everything that it does not know."""

    def __init__(self, source: SourceText) -> None:
        self._source = source

    def compile(self, node: ast.AST) -> Evaluate:
        """The function of a node."""
        compile_node = getattr(self, f"_{type(node).__name__.lower()}", None)
        if compile_node is None:
            self._refuse(node, f"{_described(node)} is not part of the language")
        return _placed(compile_node(node), node)

    def _refuse(self, node: ast.AST, reason: str) -> NoReturn:
        raise self._source.eval_error(reason, node)

    def _constant(self, node: ast.Constant) -> Evaluate:
        value = node.value
        if not isinstance(value, (int, float, str, bool, type(None))):
            self._refuse(node, f"{value!r} is not a value of the language")
        return lambda _: value

    def _name(self, node: ast.Name) -> Evaluate:
        reference = self._source.reference_at(node)
        if reference is None:
            self._refuse(node, f"name {node.id!r} is not known: a string needs quotes, a value ${{...}}")
        return lambda read: read(reference)

    def _boolop(self, node: ast.BoolOp) -> Evaluate:
        parts = [self.compile(part) for part in node.values]
        if isinstance(node.op, ast.And):
            return lambda read: all(part(read) for part in parts)
        return lambda read: any(part(read) for part in parts)

    def _unaryop(self, node: ast.UnaryOp) -> Evaluate:
        apply, operand = _UNARY[type(node.op)], self.compile(node.operand)
        return lambda read: apply(operand(read))

    def _binop(self, node: ast.BinOp) -> Evaluate:
        apply = OPERATORS.get(type(node.op))
        if apply is None:
            self._refuse(node, "this operator is not part of the language")
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda read: apply(left(read), right(read))

    def _compare(self, node: ast.Compare) -> Evaluate:
        first = self.compile(node.left)
        rest = [(_COMPARE[type(op)], self.compile(part)) for op, part in zip(node.ops, node.comparators, strict=True)]

        def compare(read: Any) -> bool:
            left = first(read)
            for holds, part in rest:
                right = part(read)
                if not holds(left, right):
                    return False
                left = right
            return True

        return compare

    def _subscript(self, node: ast.Subscript) -> Evaluate:
        value, key = self.compile(node.value), self.compile(node.slice)
        return lambda read: value(read)[key(read)]

    def _slice(self, node: ast.Slice) -> Evaluate:
        lower, upper, step = (self._optional(part) for part in (node.lower, node.upper, node.step))
        return lambda read: slice(lower(read), upper(read), step(read))

    def _optional(self, node: ast.expr | None) -> Evaluate:
        return self.compile(node) if node else lambda _: None

    def _attribute(self, node: ast.Attribute) -> Evaluate:
        self._require_public(node)
        value, name = self.compile(node.value), node.attr
        return lambda read: attribute_of(value(read), name)

    def _call(self, node: ast.Call) -> Evaluate:
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            self._refuse(node, "functions take plain arguments")
        arguments = [self.compile(argument) for argument in node.args]
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, arguments)
        function = _FUNCTIONS.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if function is None:
            self._refuse(node, f"there are no other functions than {', '.join(_FUNCTIONS)}")
        return lambda read: function(*(argument(read) for argument in arguments))

    def _method(self, node: ast.Attribute, arguments: list[Evaluate]) -> Evaluate:
        self._require_public(node)
        value, name = self.compile(node.value), node.attr
        return lambda read: call_method(value(read), name, [argument(read) for argument in arguments])

    def _require_public(self, node: ast.Attribute) -> None:
        if node.attr.startswith("_"):
            self._refuse(node, f"attribute {node.attr!r} is private")

    def _list(self, node: ast.List) -> Evaluate:
        items = [self.compile(item) for item in node.elts]
        return lambda read: [item(read) for item in items]

    def _tuple(self, node: ast.Tuple) -> Evaluate:
        items = [self.compile(item) for item in node.elts]
        return lambda read: tuple(item(read) for item in items)

    def _dict(self, node: ast.Dict) -> Evaluate:
        if None in node.keys:
            self._refuse(node, "** is not part of the language")
        items = [
            (self.compile(key), self.compile(value)) for key, value in zip(node.keys, node.values, strict=True) if key
        ]
        return lambda read: {key(read): value(read) for key, value in items}


def _placed(evaluate: Evaluate, node: ast.AST) -> Evaluate:
    """The same function, whose errors tell at which node they happened."""

    def at_node(read: Any) -> Any:
        try:
            return evaluate(read)
        except (_Failed, JiuWenBaseException):
            raise
        except Exception as error:
            text = f"no key {error}" if isinstance(error, KeyError) else str(error)
            raise _Failed(text or type(error).__name__, node) from error

    return at_node


def _described(node: ast.AST) -> str:
    return {"IfExp": "if … else", "JoinedStr": "an f-string", "NamedExpr": ":="}.get(
        type(node).__name__, f"a {type(node).__name__}"
    )


def _contains(container: Any, item: Any) -> bool:
    """`in`; nothing is in what holds nothing."""
    try:
        return item in container
    except TypeError:
        return False


def _is_empty(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, (str, bytes, list, tuple, dict, set, frozenset)):
        return not value
    raise TypeError(f"is_empty takes text or a collection, not {value!r}")


def _sum(values: Any) -> Any:
    if len(values) > MAX_ITEMS:
        raise ValueError(f"sum takes up to {MAX_ITEMS} items, not {len(values)}")
    return bounded(sum(values))


_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, container: _contains(container, item),
    ast.NotIn: lambda item, container: not _contains(container, item),
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "length": len,
    "sum": _sum,
    "bool": bool,
    "is_empty": _is_empty,
    "is_not_empty": lambda value: not _is_empty(value),
}


def reading(read: Reader) -> Callable[[Reference], Any]:
    """Return what a reference stands for, read by names: for evaluating outside a run."""
    return lambda reference: None if (found := reference.find(read)) is MISSING else found
