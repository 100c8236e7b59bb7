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
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Send
from pydantic import BaseModel

from jiuwen_lg.errors import StatusCode

# The wire format's extension codes (langgraph.checkpoint.serde.jsonplus).
_ONE_ARGUMENT, _ARGUMENTS, _FIELDS, _METHOD, _MODEL_V1, _MODEL, _ARRAY, _SNAPSHOT = range(8)
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
    uuid.UUID: (_ONE_ARGUMENT, lambda v: v.hex),
    decimal.Decimal: (_ONE_ARGUMENT, str),
    set: (_ONE_ARGUMENT, tuple),
    frozenset: (_ONE_ARGUMENT, tuple),
    deque: (_ONE_ARGUMENT, tuple),
    int: (_ONE_ARGUMENT, str),  # beyond 64 bits
    ipaddress.IPv4Address: (_ONE_ARGUMENT, str),
    ipaddress.IPv4Interface: (_ONE_ARGUMENT, str),
    ipaddress.IPv4Network: (_ONE_ARGUMENT, str),
    ipaddress.IPv6Address: (_ONE_ARGUMENT, str),
    ipaddress.IPv6Interface: (_ONE_ARGUMENT, str),
    ipaddress.IPv6Network: (_ONE_ARGUMENT, str),
    zoneinfo.ZoneInfo: (_ONE_ARGUMENT, lambda v: v.key),
    dt.datetime: (_METHOD, lambda v: v.isoformat()),
    dt.timedelta: (_ARGUMENTS, lambda v: (v.days, v.seconds, v.microseconds)),
    dt.date: (_ARGUMENTS, lambda v: (v.year, v.month, v.day)),
    dt.timezone: (_ARGUMENTS, lambda v: v.__getinitargs__()),
    dt.time: (
        _FIELDS,
        lambda v: {n: getattr(v, n) for n in ("hour", "minute", "second", "microsecond", "tzinfo", "fold")},
    ),
    pathlib.PosixPath: (_ARGUMENTS, lambda v: v.parts),
    pathlib.WindowsPath: (_ARGUMENTS, lambda v: v.parts),
    Send: (_ARGUMENTS, lambda v: (v.node, v.arg)),
}
"""Type → how it is written."""


def _immutable(item: Any) -> Any:
    """An element of a set as it was: a list in the file was a tuple."""
    return tuple(_immutable(i) for i in item) if isinstance(item, list) else item


_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {(t.__module__, t.__name__): t for t in _STANDARD} | {
    ("builtins", "set"): lambda items: {_immutable(i) for i in items},
    ("builtins", "frozenset"): lambda items: frozenset(_immutable(i) for i in items),
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
        component, _, path = self.path.partition(".")
        raise StatusCode.STATE_NOT_SAVED.error(
            node_id=component or "?", path=path or "its value", type_name=self.type_name, reason=self.reason
        )


class StrictSerializer(JsonPlusSerializer):
    """Writes what LangGraph's serializer writes, and reads it back without trusting it."""

    def __init__(self) -> None:
        super().__init__(__unpack_ext_hook__=_read_extension)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialize a value; never fails, see `NotSaved`."""
        if obj is None or isinstance(obj, (bytes, bytearray)):
            return super().dumps_typed(obj)
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


# --- writing ---


def _pack(value: Any) -> bytes:
    return ormsgpack.packb(value, default=_write_extension, option=_OPTIONS)


def _pack_or_replace(value: Any) -> bytes:
    try:
        return _pack(value)
    except (TypeError, ValueError, RecursionError):  # ormsgpack's errors are TypeErrors
        return _pack(_storable(value, ""))


def _storable(value: Any, path: str) -> Any:
    """The value with whatever cannot be written replaced, found by trying its parts."""
    try:
        _pack(value)
    except (TypeError, ValueError, RecursionError) as error:
        return _replaced(value, path, error)
    return value


def _replaced(value: Any, path: str, error: Exception) -> Any:
    if isinstance(value, _DeltaSnapshot):
        return _DeltaSnapshot(_storable(value.value, path))
    if type(value) is int:
        return ormsgpack.Ext(*_named(value, _ONE_ARGUMENT, str(value)))
    if isinstance(value, dict) and all(isinstance(key, (str, int)) for key in value) and path.count(".") < 100:
        return {key: _storable(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()}
    if type(value) in (list, tuple) and path.count("[") < 100:
        return [_storable(item, f"{path}[{position}]") for position, item in enumerate(value)]
    return _not_saved(value, path, error)


def _not_saved(value: Any, path: str, error: Exception) -> NotSaved:
    name = _name_of(type(value))
    reason = "Return plain data instead, or call register_state_type for its class"
    warnings.warn(f"{path or 'a value'} ({name}) cannot be stored: {error}. {reason}", RuntimeWarning, stacklevel=2)
    return NotSaved(path=path, type_name=name, reason=reason)


def _write_extension(value: Any) -> Any:
    if isinstance(value, ormsgpack.Ext):
        return value
    if isinstance(value, _DeltaSnapshot):
        return ormsgpack.Ext(_SNAPSHOT, _pack(value.value))
    if isinstance(value, NotSaved) and value.raw is not None:
        return ormsgpack.Ext(*value.raw)
    cls = type(value)
    if cls in _registered:
        dump, _ = _registered[cls]
        return ormsgpack.Ext(_REGISTERED, _pack((cls.__module__, cls.__qualname__, dump(value))))
    if cls in _STANDARD:
        code, plain = _STANDARD[cls]
        return ormsgpack.Ext(*_named(value, code, plain(value)))
    return _write_instance(value)


def _named(value: Any, code: int, data: Any) -> tuple[int, bytes]:
    cls = type(value)
    entry = (cls.__module__, cls.__qualname__, data)
    return code, _pack((*entry, "fromisoformat") if code == _METHOD else entry)


def _write_instance(value: Any) -> Any:
    if isinstance(value, re.Pattern):
        return ormsgpack.Ext(_ARGUMENTS, _pack(("re", "compile", (value.pattern, value.flags))))
    if isinstance(value, BaseException):
        return repr(value)
    if (numpy := sys.modules.get("numpy")) is not None and isinstance(value, numpy.ndarray):
        return _write_array(value)
    code, content = _content(value)
    _require_found(type(value))
    return ormsgpack.Ext(*_named(value, code, content))


def _content(value: Any) -> tuple[int, Any]:
    """What makes up an instance of the kinds of classes that can be stored."""
    if isinstance(value, BaseModel):
        return _MODEL, {**value.__dict__, **(value.__pydantic_extra__ or {})}
    if isinstance(value, enum.Enum):
        return _ONE_ARGUMENT, value.value
    if _is_named_tuple(type(value)):
        return _FIELDS, value._asdict()
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _FIELDS, fields | getattr(value, "__dict__", {})
    raise TypeError(f"{_name_of(type(value))} is not a type that can be stored")


def _write_array(array: Any) -> Any:
    if array.dtype.hasobject:
        raise TypeError("an array of objects cannot be stored")
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    return ormsgpack.Ext(_ARRAY, _pack((array.dtype.str, array.shape, order, array.tobytes(order="A"))))


def _require_found(cls: type) -> None:
    if _find(cls.__module__, cls.__qualname__) is not cls:
        raise TypeError(f"{_name_of(cls)} is not found at the top level of its module, so it could not be read back")


# --- reading ---


def _read_extension(code: int, data: bytes) -> Any:
    content = _unpack(data)
    if code == _SNAPSHOT:
        return _DeltaSnapshot(content)
    if code == _ARRAY:
        return _read_array(code, data, content)
    if not isinstance(content, list) or len(content) < 3 or not all(isinstance(part, str) for part in content[:2]):
        raise ValueError("a value of unknown form")
    module, name, payload = content[0], content[1], content[2]
    if maker := _MAKERS.get((module, name)):
        return _make(maker, code, payload)
    cls = _find(module, name)
    if cls is None or not _is_known(cls, code):
        reason = f"Import the module {module} before the session is resumed, or return plain data"
        return NotSaved(path="", type_name=f"{module}.{name}", reason=reason, raw=(code, data))
    return _read_instance(cls, code, payload)


def _unpack(data: bytes) -> Any:
    return ormsgpack.unpackb(data, ext_hook=_read_extension, option=ormsgpack.OPT_NON_STR_KEYS)


def _make(maker: Callable[..., Any], code: int, payload: Any) -> Any:
    if code == _METHOD:
        return dt.datetime.fromisoformat(payload)
    if code == _ARGUMENTS:
        return maker(*payload)
    return maker(**payload) if code == _FIELDS else maker(payload)


def _is_known(cls: type, code: int) -> bool:
    if code == _REGISTERED:
        return cls in _registered
    return issubclass(cls, (BaseModel, enum.Enum)) or dataclasses.is_dataclass(cls) or _is_named_tuple(cls)


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def _read_instance(cls: type, code: int, payload: Any) -> Any:
    if code == _REGISTERED:
        return _registered[cls][1](payload)
    if issubclass(cls, enum.Enum):
        return cls(payload)
    if not isinstance(payload, dict):
        raise ValueError(f"the fields of a {_name_of(cls)} are not a dict")
    if _is_named_tuple(cls):
        return cast("Any", cls)._make(payload[field] for field in cast("Any", cls)._fields)
    if issubclass(cls, BaseModel):
        return _read_model(cls, payload)
    instance = object.__new__(cls)
    for field, value in payload.items():
        object.__setattr__(instance, field, value)
    return instance


def _read_model(cls: type[BaseModel], fields: dict[str, Any]) -> BaseModel:
    """A model with these field values; no validator runs (they ran when it was made)."""
    model = cls.__new__(cls)
    known = {name: fields.get(name, f.default) for name, f in cls.model_fields.items()}
    extra = {name: value for name, value in fields.items() if name not in known}
    private = {name: attribute.get_default() for name, attribute in cls.__private_attributes__.items()}
    object.__setattr__(model, "__dict__", known)
    object.__setattr__(model, "__pydantic_fields_set__", {*fields} & {*known})
    object.__setattr__(model, "__pydantic_extra__", extra if cls.model_config.get("extra") == "allow" else None)
    object.__setattr__(model, "__pydantic_private__", private or None)
    return model


def _read_array(code: int, data: bytes, content: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return NotSaved("", "numpy.ndarray", "Import numpy before the session is resumed", raw=(code, data))
    dtype, shape, order, buffer = content
    return numpy.frombuffer(buffer, dtype=numpy.dtype(dtype)).reshape(shape, order=order).copy(order=order)


def _find(module: str, qualname: str) -> Any:
    """A class that is already imported, or None."""
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = vars(found).get(part) if found is not None and hasattr(found, "__dict__") else None
    return found if isinstance(found, type) else None


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
