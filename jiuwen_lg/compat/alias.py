"""The import hook behind the alias."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import jiuwen_lg
from jiuwen_lg import constants
from jiuwen_lg.compat.table import LATER, MODULES, SUPPORTED_VERSION, all_modules, is_package, names_of

_ROOT = "openjiuwen"


class _AliasFinder(MetaPathFinder, Loader):
    """Finds `openjiuwen` and everything below it, in the table."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _ROOT and not fullname.startswith(f"{_ROOT}."):
            return None
        if names_of(fullname) is None and not is_package(fullname):
            raise ModuleNotFoundError(
                f"jiuwen_lg stands in for openjiuwen {SUPPORTED_VERSION}, which has no module {fullname!r}"
                f"{_nearest(fullname, all_modules())}",
                name=fullname,
            )
        return ModuleSpec(fullname, self, is_package=is_package(fullname))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AliasModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Names are looked up when they are imported."""


class _AliasModule(ModuleType):
    """A module whose names are ours."""

    def __getattr__(self, name: str) -> Any:
        if name in MODULES.get(self.__name__, ()):
            return _ours(name)
        if name in LATER.get(self.__name__, ()):
            return _not_yet(name)
        path = f"{self.__name__}.{name}"
        if names_of(path) is not None or is_package(path):
            return import_module(path)
        if name.startswith("__"):
            raise AttributeError(name)
        names = names_of(self.__name__) or ()
        raise ImportError(
            f"jiuwen_lg stands in for openjiuwen {SUPPORTED_VERSION}, where {self.__name__} has no {name!r}"
            f"{_nearest(name, names)}",
            name=name,
        )

    @property
    def __all__(self) -> list[str]:
        return list(names_of(self.__name__) or ())


def _ours(name: str) -> Any:
    return getattr(constants, name) if hasattr(constants, name) else getattr(jiuwen_lg, name)


class _NotYet(type):
    """The type of names that are not there yet: they can be imported and annotated with."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        raise NotImplementedError(f"{cls.__name__} comes with a later release of jiuwen_lg")

    def __getattr__(cls, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise NotImplementedError(f"{cls.__name__}.{attribute} comes with a later release of jiuwen_lg")


@cache
def _not_yet(name: str) -> type:
    return _NotYet(name, (), {"__doc__": "Not there yet."})


def _nearest(wanted: str, names: Iterable[str]) -> str:
    near = get_close_matches(wanted, list(names), n=1)
    return f"; the nearest is {near[0]!r}" if near else ""


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
