"""Values in a checkpoint: LangGraph's file format, read strictly.

LangGraph's default reader imports and calls whatever a stored value names. This one
never imports a module and makes only plain data, a fixed list of standard types, and
instances of pydantic models, dataclasses, NamedTuples and Enums whose class is already
imported (without running their validators), plus what `register_state_type` added.
What cannot be stored is replaced by a `NotSaved`, which raises when somebody reads it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import ipaddress
import pathlib
import re
import sys
import uuid
import warnings
import zoneinfo
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn, cast

import ormsgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send
from pydantic import BaseModel

from jiuwen_lg.engine.pregel.wire_format import (
    ARGUMENTS,
    ARRAY,
    FIELDS,
    METHOD,
    MODEL,
    ONE_ARGUMENT,
    SNAPSHOT,
    DeltaSnapshot,
    is_delta_snapshot,
)
from jiuwen_lg.errors import StatusCode

_REGISTERED = 64
"""Ours: a type added by `register_state_type`."""

_OPTIONS = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_UUID
    | ormsgpack.OPT_REPLACE_SURROGATES
)

_Form = tuple[int, Callable[[Any], Any]]
_STANDARD: dict[type, _Form] = {
    uuid.UUID: (ONE_ARGUMENT, lambda v: v.hex),
    decimal.Decimal: (ONE_ARGUMENT, str),
    set: (ONE_ARGUMENT, list),
    frozenset: (ONE_ARGUMENT, list),
    deque: (ONE_ARGUMENT, list),
    int: (ONE_ARGUMENT, str),  # beyond 64 bits
    ipaddress.IPv4Address: (ONE_ARGUMENT, str),
    ipaddress.IPv4Interface: (ONE_ARGUMENT, str),
    ipaddress.IPv4Network: (ONE_ARGUMENT, str),
    ipaddress.IPv6Address: (ONE_ARGUMENT, str),
    ipaddress.IPv6Interface: (ONE_ARGUMENT, str),
    ipaddress.IPv6Network: (ONE_ARGUMENT, str),
    zoneinfo.ZoneInfo: (ONE_ARGUMENT, lambda v: v.key),
    dt.datetime: (METHOD, lambda v: v.isoformat()),
    dt.timedelta: (ARGUMENTS, lambda v: (v.days, v.seconds, v.microseconds)),
    dt.date: (ARGUMENTS, lambda v: (v.year, v.month, v.day)),
    dt.timezone: (ARGUMENTS, lambda v: v.__getinitargs__()),
    dt.time: (
        FIELDS,
        lambda v: {n: getattr(v, n) for n in ("hour", "minute", "second", "microsecond", "tzinfo", "fold")},
    ),
    pathlib.PosixPath: (ARGUMENTS, lambda v: v.parts),
    pathlib.WindowsPath: (ARGUMENTS, lambda v: v.parts),
    Send: (ARGUMENTS, lambda v: (v.node, v.arg)),
}
"""Type → how it is written."""


_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {(t.__module__, t.__name__): t for t in _STANDARD} | {
    ("builtins", "tuple"): tuple,
    ("re", "compile"): re.compile,
    ("pathlib", "Path"): pathlib.Path,
}
"""(module, name) → what makes the value; nothing else is ever called by name."""

_registered: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {}


def register_state_type(cls: type, dump: Callable[[Any], Any], load: Callable[[Any], Any]) -> None:
    """Let sessions store instances of one more class.

    Args:
        cls: The class; instances of subclasses are not covered.
        dump: Makes plain data of an instance.
        load: Makes an instance of that data again.

    Examples:
        >>> import fractions
        >>> register_state_type(
        ...     fractions.Fraction,
        ...     dump=lambda number: [number.numerator, number.denominator],
        ...     load=lambda pair: fractions.Fraction(*pair),
        ... )
    """
    _registered[cls] = (dump, load)


@dataclasses.dataclass(frozen=True, slots=True)
class NotSaved:
    """Stands where a value could not be stored, or not be read back.

    Attributes:
        path: Where it was, the component's id first.
        type_name: What it was.
        reason: What would be right.
        raw: What the file holds for it, kept for a process that can read it.
    """

    path: str
    type_name: str
    reason: str
    raw: tuple[int, bytes] | None = None

    def __deepcopy__(self, memo: Any) -> NoReturn:
        """Every read of the state makes a copy, and this cannot be read.

        Raises:
            JiuWenBaseException: 100907, naming the component and the path.
        """
        raise StatusCode.STATE_NOT_SAVED.error(
            path=self.path or "a value", type_name=self.type_name, reason=self.reason
        )


class StrictSerializer(JsonPlusSerializer):
    """Writes what LangGraph's serializer writes, and reads it back without trusting it."""

    def __init__(self) -> None:
        super().__init__(__unpack_ext_hook__=_read_extension)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialize a value; never fails, see `NotSaved`."""
        if obj is None or isinstance(obj, (bytes, bytearray)):
            return super().dumps_typed(obj)
        if isinstance(obj, BaseException):  # LangGraph's record of a failed task: its text
            return "msgpack", _pack(repr(obj))
        return "msgpack", _pack_or_replace(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Read a value back.

        Raises:
            JiuWenBaseException: 100908, the stored value is damaged or of a kind never written here.
        """
        kind = data[0]
        if kind not in ("null", "bytes", "bytearray", "msgpack"):
            raise _damaged(f"a stored value is of kind {kind!r}")
        try:
            return super().loads_typed(data)
        except (ValueError, TypeError, RecursionError) as error:
            raise _damaged(f"a stored value cannot be read ({error})") from error


def _damaged(reason: str) -> Exception:
    return StatusCode.STORE_UNAVAILABLE.error(store="file", reason=reason)


def dump(value: Any) -> bytes:
    """A value as a blob of its own."""
    return _pack_or_replace([value])


def load(blob: bytes) -> Any:
    """Read what `dump` wrote.

    Raises:
        JiuWenBaseException: 100908, the blob is damaged.
    """
    return StrictSerializer().loads_typed(("msgpack", blob))[0]


# --- writing ---

_DEEPEST = 200
"""Levels to which the parts of a value that cannot be written are tried."""
_WIDEST_BITS = 10_000
"""Python refuses to turn longer numbers into text."""


def _pack(value: Any) -> bytes:
    return ormsgpack.packb(value, default=_write_extension, option=_OPTIONS)


def _pack_or_replace(value: Any) -> bytes:
    try:
        return _pack(value)
    except Exception:  # whatever a class does while it is taken apart
        return _pack(_normalize(value, "", 0))


def _normalize(value: Any, path: str, depth: int) -> Any:
    """The value with whatever cannot be written replaced, found by trying its parts."""
    if depth >= _DEEPEST and isinstance(value, (dict, list, tuple)):  # it may be sound itself, and too deep here
        return _not_saved(value, path, ValueError(f"it lies more than {_DEEPEST} levels deep"))
    try:
        _pack(value)
    except Exception as error:
        return _replaced(value, path, depth, error) if depth < _DEEPEST else _not_saved(value, path, error)
    return value


def _replaced(value: Any, path: str, depth: int, error: Exception) -> Any:
    if is_delta_snapshot(value):
        return DeltaSnapshot(_normalize(value.value, path, depth))
    if type(value) is int and value.bit_length() <= _WIDEST_BITS:
        return _extension(int, ONE_ARGUMENT, str(value))
    if type(value) is dict and all(type(key) in _KEYS for key in value):
        return {key: _normalize(item, f"{path}.{key}" if path else str(key), depth + 1) for key, item in value.items()}
    if type(value) in (list, tuple):
        # The outermost list is the engine's, not the user's.
        return [_normalize(item, f"{path}[{n}]" if path else "", depth + 1) for n, item in enumerate(value)]
    try:
        code, content, *more = _taken_apart(value)
        parts = {name: _normalize(item, f"{path}.{name}", depth + 1) for name, item in content.items()}
        return _extension(type(value), code, parts, *more)
    except Exception:  # not even its parts can be written
        return _not_saved(value, path, error)


def _not_saved(value: Any, path: str, error: Exception) -> NotSaved:
    name = _name_of(type(value))
    reason = "Return plain data instead, or call register_state_type for its class"
    warnings.warn(f"{path or 'a value'} ({name}) cannot be stored: {error}. {reason}", RuntimeWarning, stacklevel=2)
    return NotSaved(path=path, type_name=name, reason=reason)


def _write_extension(value: Any) -> Any:
    if isinstance(value, ormsgpack.Ext):
        return value
    if is_delta_snapshot(value):
        return ormsgpack.Ext(SNAPSHOT, _pack(value.value))
    if isinstance(value, NotSaved) and value.raw is not None:
        return ormsgpack.Ext(*value.raw)
    if isinstance(value, re.Pattern):
        return ormsgpack.Ext(ARGUMENTS, _pack(("re", "compile", (value.pattern, value.flags))))
    if (numpy := sys.modules.get("numpy")) is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return _write_array(numpy, value)
    return _extension(type(value), *_taken_apart(value))


def _extension(cls: type, code: int, content: Any, *more: Any) -> Any:
    """A value in the wire format: its class's module and name, its content, and what else is needed."""
    return ormsgpack.Ext(code, _pack((cls.__module__, cls.__qualname__, _kept(content), *map(_kept, more))))


_KEYS = (str, int, float, bool, type(None))


def _kept(content: Any) -> Any:
    """The content of an instance with its tuples marked, since the format knows only lists.

    Raises:
        TypeError: A dict has keys that would come back as something else.
    """
    if type(content) is tuple:
        return ormsgpack.Ext(ONE_ARGUMENT, _pack(("builtins", "tuple", [_kept(item) for item in content])))
    if type(content) is list:
        return [_kept(item) for item in content]
    if type(content) is not dict:
        return content
    if odd := next((key for key in content if type(key) not in _KEYS), None):
        raise TypeError(f"a dict has the key {odd!r}")
    return {key: _kept(item) for key, item in content.items()}


def _taken_apart(value: Any) -> tuple[Any, ...]:
    """The code and the content of an instance (and more), for the kinds of classes that can be stored."""
    cls = type(value)
    if cls in _registered:
        return _REGISTERED, _registered[cls][0](value)
    if isinstance(value, dt.datetime) and isinstance(value.tzinfo, zoneinfo.ZoneInfo):
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold")
        return FIELDS, {name: getattr(value, name) for name in names}
    if cls in _STANDARD:
        code, plain = _STANDARD[cls]
        return (code, plain(value), "fromisoformat") if code == METHOD else (code, plain(value))
    if _find(cls.__module__, cls.__qualname__) is not cls:
        raise TypeError(f"{_name_of(cls)} is not found at the top level of its module, so it could not be read back")
    return _fields_of(value)


def _fields_of(value: Any) -> tuple[Any, ...]:
    cls = type(value)
    if isinstance(value, BaseModel):
        hidden = {"private": value.__pydantic_private__, "set": sorted(value.__pydantic_fields_set__)}
        fields = {name: value.__dict__[name] for name in cls.model_fields if name in value.__dict__}
        return MODEL, {**fields, **(value.__pydantic_extra__ or {})}, "model_validate_json", hidden
    if isinstance(value, enum.Enum):
        return ONE_ARGUMENT, value.value
    if _is_named_tuple(cls):
        return FIELDS, value._asdict()
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if hasattr(value, f.name)}
        return FIELDS, fields | getattr(value, "__dict__", {})
    raise TypeError(f"{_name_of(cls)} is not a type that can be stored")


def _write_array(numpy: Any, array: Any) -> Any:
    if isinstance(array, numpy.generic):
        return array.item()
    if type(array) is not numpy.ndarray or array.dtype.hasobject:
        raise TypeError("only plain arrays of numbers, texts and records can be stored")
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    descr = _kept(numpy.lib.format.dtype_to_descr(array.dtype))
    return ormsgpack.Ext(ARRAY, _pack((descr, array.shape, order, array.tobytes(order="A"))))


# --- reading ---


def _read_extension(code: int, data: bytes) -> Any:
    content = _unpack(data)
    if code == SNAPSHOT:
        return DeltaSnapshot(content)
    if not isinstance(content, list) or len(content) < 3:
        raise ValueError("a value of unknown form")
    try:
        return _read_array(content) if code == ARRAY else _read_value(code, content)
    except Exception as error:  # a class that has changed costs one value, not the checkpoint
        name = "numpy.ndarray" if code == ARRAY else f"{content[0]}.{content[1]}"
        return NotSaved(path="", type_name=name, reason=f"It cannot be read back: {error}", raw=(code, data))


def _read_value(code: int, content: list[Any]) -> Any:
    module, name, payload, *more = content
    if maker := _MAKERS.get((module, name)):
        return _make(maker, code, payload)
    cls = _find(module, name)
    if cls is None or not _is_known(cls, code):
        raise TypeError(f"import the module {module} before the session is resumed, or return plain data")
    return _read_instance(cls, code, payload, more)


def _unpack(data: bytes) -> Any:
    return ormsgpack.unpackb(data, ext_hook=_read_extension, option=ormsgpack.OPT_NON_STR_KEYS)


def _make(maker: Callable[..., Any], code: int, payload: Any) -> Any:
    if code == METHOD:
        return dt.datetime.fromisoformat(payload)
    if code == ARGUMENTS:
        return maker(*payload)
    return maker(**payload) if code == FIELDS else maker(payload)


def _is_known(cls: type, code: int) -> bool:
    if code == _REGISTERED:
        return cls in _registered
    return issubclass(cls, (BaseModel, enum.Enum)) or dataclasses.is_dataclass(cls) or _is_named_tuple(cls)


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def _read_instance(cls: type, code: int, payload: Any, more: list[Any]) -> Any:
    if code == _REGISTERED:
        return _registered[cls][1](payload)
    if issubclass(cls, enum.Enum):
        return cls(payload)
    if not isinstance(payload, dict):
        raise ValueError(f"the fields of a {_name_of(cls)} are not a dict")
    if _is_named_tuple(cls):
        return cast("Any", cls)._make(payload[field] for field in cast("Any", cls)._fields)
    if issubclass(cls, BaseModel):
        return _read_model(cls, payload, more[1] if len(more) > 1 else {})
    instance = object.__new__(cls)
    for field, value in payload.items():
        object.__setattr__(instance, field, value)
    return instance


def _read_model(cls: type[BaseModel], fields: dict[str, Any], hidden: dict[str, Any]) -> BaseModel:
    """A model with these field values; no validator runs (they ran when it was made)."""
    model = cls.__new__(cls)
    known = {name: fields.get(name, f.default) for name, f in cls.model_fields.items()}
    extra = {name: value for name, value in fields.items() if name not in known}
    object.__setattr__(model, "__dict__", known)
    object.__setattr__(model, "__pydantic_fields_set__", set(hidden.get("set", fields)))
    object.__setattr__(model, "__pydantic_extra__", extra if cls.model_config.get("extra") == "allow" else None)
    object.__setattr__(model, "__pydantic_private__", hidden.get("private"))
    return model


def _read_array(content: list[Any]) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        raise TypeError("import numpy before the session is resumed")
    descr, shape, order, buffer = content
    dtype = numpy.lib.format.descr_to_dtype(descr)
    return numpy.frombuffer(buffer, dtype=dtype).reshape(shape, order=order).copy(order=order)


def _find(module: str, qualname: str) -> Any:
    """A class that is already imported, or None."""
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = vars(found).get(part) if found is not None and hasattr(found, "__dict__") else None
    return found if isinstance(found, type) else None


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
