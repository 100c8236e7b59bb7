"""Digests of values and of code: equal only where nothing tells the two apart.

A digest never rests on `repr`, which hides fields, cuts arrays and shows addresses that are used again: a value
is taken apart as `pickle` would, a function into its code and what it holds on to. What cannot be taken apart has none.
"""

from __future__ import annotations

import copyreg
import functools
import hashlib
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

_PLAIN = (str, int, float, bool, bytes, complex, type(None), type(Ellipsis))
_SCALARS = frozenset(_PLAIN)
_DATA = _SCALARS | {dict, list, tuple, set, frozenset}
_DEEPEST = 300
_OUR_OWN = ("builtins", "jiuwen_lg")


class IndistinctError(ValueError):
    """A value, or a part of it, that cannot be told apart from others surely."""


def digest_of(value: Any) -> str:
    """The digest of a value: of data, of a configured object, of a function.

    Dicts are equal in any order. It is the same in every process, as long as the code is.

    Raises:
        IndistinctError: The value, or a part of it, cannot be taken apart: a lock, a connection, a generator.
    """
    return _Walk().node(value).hex()


class _Walk:
    """One walk through a value; it knows what it is inside of, so that a value may hold itself."""

    def __init__(self) -> None:
        self._around: dict[int, int] = {}

    def node(self, value: Any) -> bytes:
        """The digest of a part."""
        kind = type(value)
        if kind in _SCALARS:
            return _hash(kind.__name__, _scalar(value))
        key = id(value)
        if key in self._around:
            return _hash("around", str(len(self._around) - self._around[key]).encode())
        if len(self._around) >= _DEEPEST:
            raise IndistinctError(f"it is nested more than {_DEEPEST} levels deep")
        self._around[key] = len(self._around)
        try:
            return self._inner(value, kind)
        finally:
            del self._around[key]

    def _inner(self, value: Any, kind: type) -> bytes:
        if kind in _KINDS:
            return _KINDS[kind](self, value)
        if isinstance(value, type):
            return self._class(value)
        if (numpy := sys.modules.get("numpy")) is not None and kind is numpy.ndarray and not value.dtype.hasobject:
            return _hash("array", str(numpy.lib.format.dtype_to_descr(value.dtype)).encode(), *_array(value))
        if _is_known(kind) and callable(parts := getattr(kind, "identity", None)):
            return _hash("parts", self._class(kind), self.node(parts(value)))
        return self._object(value, kind)

    def pairs(self, value: dict[Any, Any]) -> bytes:
        """The digest of a dict, in any order."""
        return _hash("dict", *sorted(self.node(key) + self.node(item) for key, item in value.items()))

    def items(self, value: list[Any] | tuple[Any, ...]) -> bytes:
        """The digest of a list or tuple."""
        return _hash(type(value).__name__, *map(self.node, value))

    def members(self, value: set[Any] | frozenset[Any]) -> bytes:
        """The digest of a set."""
        return _hash(type(value).__name__, *sorted(map(self.node, value)))

    def function(self, function: types.FunctionType) -> bytes:
        """The digest of a function: its code, what it closes over, its defaults, the plain constants that it reads."""
        cells = [self._cell(cell) for cell in function.__closure__ or ()]
        held = (function.__defaults__, function.__kwdefaults__, {**vars(function)})
        name = f"{function.__module__}.{function.__qualname__}".encode()
        read = self._globals(function)
        return _hash("function", name, self.code(function.__code__), *cells, *map(self.node, held), *read)

    def _cell(self, cell: Any) -> bytes:
        try:
            return self.node(cell.cell_contents)
        except ValueError as error:
            if isinstance(error, IndistinctError):
                raise
            return _hash("empty")  # it is filled later

    def code(self, code: types.CodeType) -> bytes:
        """The digest of a code object; where its text stands does not count."""
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags, code.co_argcount)
        return _hash("code", code.co_code, self.node(names), *map(self.node, code.co_consts))

    def _globals(self, function: types.FunctionType) -> Iterable[bytes]:
        """What a function reads of its module, as far as it is fixed: constants, and functions beside it."""
        for name in sorted(_names_of(function.__code__)):
            found = function.__globals__.get(name)
            if type(found) in _SCALARS or (type(found) is types.FunctionType and _is_beside(found, function)):
                yield _hash("global", name.encode(), self.node(found))

    def method(self, method: types.MethodType) -> bytes:
        """The digest of a function with the object that it belongs to."""
        return _hash("method", self.node(method.__func__), self.node(method.__self__))

    def built_in(self, function: Any) -> bytes:
        """The digest of a function that is not written in Python."""
        owner = function.__self__
        held = b"" if owner is None or isinstance(owner, types.ModuleType) else self.node(owner)
        return _hash("built-in", f"{function.__module__}.{function.__qualname__}".encode(), held)

    def wrapped(self, value: Any) -> bytes:
        """The digest of a static or a class method, or a property."""
        inner = [value.fget, value.fset] if isinstance(value, property) else [value.__func__]
        return _hash(type(value).__name__, *map(self.node, inner))

    def module(self, module: types.ModuleType) -> bytes:
        """The digest of a module: its name."""
        return _hash("module", module.__name__.encode())

    def _class(self, cls: type) -> bytes:
        """The digest of a class: its name, and what those written beside it consist of."""
        found = _classes.get(cls)
        if found is None:
            name = f"{cls.__module__}.{cls.__qualname__}".encode()
            _classes[cls] = _hash("class", name)  # for its own methods, which may refer to it
            try:
                own = [base for base in cls.__mro__ if base.__module__ == cls.__module__ and not _is_known(base)]
                found = _classes[cls] = _hash("class", name, *(part for base in own for part in self._content(base)))
            except BaseException:
                del _classes[cls]
                raise
        return found

    def _content(self, cls: type) -> Iterable[bytes]:
        """The code of a class's methods with what they close over, and its constants."""
        for name, attribute in sorted(vars(cls).items(), key=lambda item: item[0]):
            function = getattr(attribute, "__func__", getattr(attribute, "fget", attribute))
            if isinstance(function, types.FunctionType):
                cells = [self._cell(cell) for cell in function.__closure__ or ()]
                yield _hash("method", name.encode(), self.code(function.__code__), *cells)
            elif type(attribute) in _DATA and not name.startswith(("__", "_abc_")):
                yield _hash("constant", name.encode(), self.node(attribute))

    def _object(self, value: Any, kind: type) -> bytes:
        """The digest of anything else, by what it is made of; an object without content is its class."""
        try:
            reduce = copyreg.dispatch_table.get(kind)
            reduced: Any = value.__reduce_ex__(4) if reduce is None else reduce(value)
        except Exception as error:
            raise IndistinctError(f"a {kind.__module__}.{kind.__qualname__} cannot be taken apart: {error}") from error
        if kind is object:
            raise IndistinctError("an object() is like every other one")
        if isinstance(reduced, str):
            return _hash("global", self._class(kind), reduced.encode())
        maker, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        content = [maker, arguments, state, list(items or ()), list(pairs or ())]
        if not _shows_all(kind):  # what it leaves out of itself counts, too
            content.append(dict(getattr(value, "__dict__", {})))
        return _hash("object", self._class(kind), *map(self.node, content))


def _names_of(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_of(constant)
    return names


def _is_beside(one: types.FunctionType, other: types.FunctionType) -> bool:
    return one.__globals__ is other.__globals__ and not one.__module__.startswith("jiuwen_lg")


def _is_known(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in _OUR_OWN


def _shows_all(kind: type) -> bool:
    """Whether instances are taken apart by Python's own rules, which leave nothing out."""
    names = ("__reduce_ex__", "__reduce__", "__getstate__")
    return all(getattr(kind, name, None) is getattr(object, name, None) for name in names)


def _scalar(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return (value if isinstance(value, str) else repr(value)).encode(errors="surrogatepass")


def _array(array: Any) -> tuple[bytes, bytes]:
    return str(array.shape).encode(), array.tobytes()


def _hash(kind: str, *parts: bytes) -> bytes:
    made = hashlib.sha256(kind.encode())
    for part in parts:
        made.update(len(part).to_bytes(8, "little"))
        made.update(part)
    return made.digest()


_classes: WeakKeyDictionary[type, bytes] = WeakKeyDictionary()

_KINDS: dict[type, Callable[[_Walk, Any], bytes]] = {
    dict: _Walk.pairs,
    list: _Walk.items,
    tuple: _Walk.items,
    set: _Walk.members,
    frozenset: _Walk.members,
    types.FunctionType: _Walk.function,
    types.CodeType: _Walk.code,
    types.MethodType: _Walk.method,
    types.BuiltinFunctionType: _Walk.built_in,
    types.ModuleType: _Walk.module,
    staticmethod: _Walk.wrapped,
    classmethod: _Walk.wrapped,
    property: _Walk.wrapped,
    functools.partial: lambda walk, value: _hash(
        "partial", walk.node(value.func), walk.node(value.args), walk.node(value.keywords)
    ),
}
"""How values of these kinds are taken apart."""
