"""The import hook behind the alias."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import jiuwen_lg
from jiuwen_lg import constants
from jiuwen_lg.compat.names import ROOT as _ROOT
from jiuwen_lg.compat.names import known_modules
from jiuwen_lg.compat.refused import reason_for
from jiuwen_lg.compat.table import LATER, SUPPORTED_VERSION, Place, all_modules, is_package, names_of, place_of

_READ_ON = "docs/openjiuwen-names.md lists every name"
_ONLY_ANNOTATED = "jiuwen_lg has it only to be annotated with"


class _AliasFinder(MetaPathFinder, Loader):
    """Finds `openjiuwen` and everything below it, in the table."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _ROOT and not fullname.startswith(f"{_ROOT}."):
            return None
        if names_of(fullname) is None and not is_package(fullname):
            raise ModuleNotFoundError(f"{fullname} is {_refusal(fullname)}", name=fullname)
        return ModuleSpec(fullname, self, is_package=is_package(fullname))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AliasModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Names are looked up when they are imported."""


class _AliasModule(ModuleType):
    """A module whose names are ours."""

    def __getattr__(self, name: str) -> Any:
        if (place := place_of(self.__name__, name)) is not None:
            return _ours(place)
        if name in LATER.get(self.__name__, ()):
            return _not_yet(name)
        path = f"{self.__name__}.{name}"
        if names_of(path) is not None or is_package(path):
            return import_module(path)
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(f"{name!r} of {self.__name__} is {_refusal(self.__name__, name)}", name=name)

    @property
    def __all__(self) -> list[str]:
        return list(names_of(self.__name__) or ())


def _ours(place: Place) -> Any:
    if place.module:
        return getattr(import_module(f"jiuwen_lg.{place.module}"), place.name)
    return getattr(constants, place.name) if hasattr(constants, place.name) else getattr(jiuwen_lg, place.name)


class _NotYet(type):
    """The type of names that are only there to be imported and annotated with."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        raise NotImplementedError(f"{cls.__name__} is an internal part of openJiuwen: {_ONLY_ANNOTATED}")

    def __getattr__(cls, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise NotImplementedError(f"{cls.__name__}.{attribute} is an internal part of openJiuwen: {_ONLY_ANNOTATED}")


@cache
def _not_yet(name: str) -> type:
    return _NotYet(name, (), {"__doc__": "There to be annotated with."})


def _refusal(path: str, name: str | None = None) -> str:
    """Say that a module or a name is not provided: why, what is near, and where to read on."""
    module = known_modules().get(path)
    if module is None or (name is not None and name not in (*module.defined, *module.imported)):
        wanted, names = (path, all_modules()) if name is None else (name, names_of(path) or ())
        near = get_close_matches(wanted, list(names), n=1)
        reason = f"; the nearest is {near[0]!r}" if near else ""
        return f"not provided by jiuwen_lg, which stands in for openjiuwen {SUPPORTED_VERSION}{reason}. {_READ_ON}"
    home = path if name is None else module.imported.get(name, path)
    return f"not provided by jiuwen_lg: {reason_for(home)}. {_READ_ON}"


def install() -> None:
    """Let `import openjiuwen…` find jiuwen_lg; calling it again changes nothing.

    Raises:
        ImportError: An installed openjiuwen has been imported already, so its objects and
            ours would mix.
    """
    if any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
        return
    if loaded := [name for name in sys.modules if name == _ROOT or name.startswith(f"{_ROOT}.")]:
        raise ImportError(
            f"{loaded[0]} is imported already: call jiuwen_lg.compat.install() before the first import of openjiuwen"
        )
    if PathFinder.find_spec(_ROOT) is not None:
        warnings.warn(
            "openjiuwen is installed, but jiuwen_lg stands in for it in this process", RuntimeWarning, stacklevel=2
        )
    sys.meta_path.insert(0, _AliasFinder())
