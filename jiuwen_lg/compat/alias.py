"""The import hook behind the alias."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, cast

import jiuwen_lg
from jiuwen_lg import constants
from jiuwen_lg.compat.current import table as current
from jiuwen_lg.compat.layout import ROOT, Layout, importing_source, imports_in, told_apart
from jiuwen_lg.compat.names import known_modules
from jiuwen_lg.compat.refused import reason_for
from jiuwen_lg.compat.table import SUPPORTED_VERSION, Place, all_modules, names_of, place_of

_READ_ON = "docs/openjiuwen-names.md lists every name"
_ONLY_ANNOTATED = "jiuwen_lg has it only to be annotated with"

_ROOT = ROOT

VERSION_SETTING = "JIUWEN_LG_COMPAT"
"""The environment variable by which a process tells those that it starts which version they stand in for."""


class _AliasFinder(MetaPathFinder, Loader):
    """Finds `openjiuwen` and everything below it, in the table of the layout that the program uses.

    Args:
        layout: The layout, if it was said; else the program's first import of something that only one
            layout has says it.
    """

    def __init__(self, layout: Layout | None = None) -> None:
        self._layout = layout
        self._reason = "install() was told so" if layout is not None else ""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _ROOT and not fullname.startswith(f"{_ROOT}."):
            return None
        self._consider(fullname)
        if not any(layout.knows(fullname) for layout in self._possible()):
            raise ModuleNotFoundError(self._missing(fullname), name=fullname)
        is_package = any(layout.is_package(fullname) for layout in LAYOUTS)
        return ModuleSpec(fullname, self, is_package=is_package)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AliasModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Names are looked up when they are imported."""
        cast("_AliasModule", module).finder = self

    def choose(self, layout: Layout, reason: str) -> None:
        """Serve this layout from now on."""
        self._layout, self._reason = layout, reason

    def require(self, layout: Layout | None) -> None:
        """Serve this layout, unless another one is in use.

        Raises:
            ImportError: Another one is.
        """
        if layout is None or layout is self._layout:
            return
        if self._layout is not None:
            raise ImportError(
                f"jiuwen_lg stands in for openjiuwen {self._layout.version} in this process, since {self._reason}; "
                f"{layout.version} has to be chosen before that"
            )
        self.choose(layout, "install() was told so")

    def _possible(self) -> tuple[Layout, ...]:
        return LAYOUTS if self._layout is None else (self._layout,)

    def _consider(self, path: str, name: str = "") -> None:
        """Choose the layout, if this import tells the layouts apart."""
        if self._layout is None and (layout := told_apart(LAYOUTS, [(path, name)])) is not None:
            self.choose(layout, f"it has imported {_spelled(path, name)}")

    def choose_for_star(self, path: str) -> None:
        """Choose the layout before `from module import *`."""
        if self._layout is None:
            found = told_apart(LAYOUTS, [(path, "*"), *imports_in(importing_source())])
            self.choose(found or LAYOUTS[0], f"it has imported {path}")

    def names_of(self, path: str) -> tuple[str, ...]:
        """The names of a module; of the layouts that are possible."""
        return tuple(dict.fromkeys(n for layout in self._possible() for n in layout.names_of(path) or ()))

    def find(self, path: str, name: str) -> Any:
        """The object of a name.

        Raises:
            ImportError: There is none.
        """
        self._consider(path, name)
        if self._layout is None and any(layout.knows(path, name) for layout in LAYOUTS):
            found = told_apart(LAYOUTS, imports_in(importing_source()))
            self.choose(found or LAYOUTS[0], f"it has imported {_spelled(path, name)}")
        for layout in self._possible():
            if name in (layout.names_of(path) or ()):
                return layout.find(path, name)
            if layout.knows(f"{path}.{name}"):
                return import_module(f"{path}.{name}")
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(self._missing(path, name), name=name)

    def _missing(self, path: str, name: str = "") -> str:
        """Say what is not there, and what to do."""
        spelled = _spelled(path, name)
        versions = " and ".join(layout.version for layout in self._possible())
        other = next((one for one in LAYOUTS if one not in self._possible() and one.knows(path, name)), None)
        if what := next((found for one in self._possible() if (found := one.left_out(path, name))), None):
            return f"{spelled} is not provided by jiuwen_lg, which stands in for openjiuwen {versions}: {what}"
        if self._layout is not None and other is not None:
            return (
                f"jiuwen_lg stands in for openjiuwen {versions} in this process, since {self._reason}, and {spelled} "
                f"is of openjiuwen {other.version}: a program uses one layout. To choose the other one, call "
                f"jiuwen_lg.compat.install({other.version!r}) before the first import, or run the program with "
                f"python -m jiuwen_lg.compat --for {other.version}"
            )
        module = known_modules().get(path)
        if module is not None and LAYOUTS[0] in self._possible() and name in ("", *module.defined, *module.imported):
            return f"{name!r} of {path} is {_refusal(path, name)}" if name else f"{path} is {_refusal(path)}"
        near = self._nearest_to(path, name)
        what = f"{name!r} of {path}" if name else path
        return f"{what} is not provided by jiuwen_lg, which stands in for openjiuwen {versions}{near}. {_READ_ON}"

    def _nearest_to(self, path: str, name: str) -> str:
        if name:
            return _nearest(name, self.names_of(path))
        return _nearest(path, [module for layout in self._possible() for module in layout.all_modules()])


def _spelled(path: str, name: str) -> str:
    return f"{path}.{name}" if name else path


class _AliasModule(ModuleType):
    """A module whose names are ours."""

    finder: _AliasFinder

    def __getattr__(self, name: str) -> Any:
        if name in ("finder", "__path__", "__file__"):
            raise AttributeError(name)
        return self.finder.find(self.__name__, name)

    @property
    def __all__(self) -> list[str]:
        self.finder.choose_for_star(self.__name__)
        return list(self.finder.names_of(self.__name__))


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


def _nearest(wanted: str, names: Iterable[str]) -> str:
    near = get_close_matches(wanted, list(names), n=1)
    return f"; the nearest is {near[0]!r}" if near else ""


def _old(path: str, name: str) -> Any:
    place = place_of(path, name)
    return _not_yet(name) if place is None else _ours(place)


def _today(path: str, name: str) -> Any:
    place = current.place_of(path, name)
    assert place is not None
    return getattr(import_module(f"jiuwen_lg.{place[0]}"), place[1])


LAYOUTS: tuple[Layout, ...] = (
    Layout(SUPPORTED_VERSION, names_of, lambda: [*all_modules()], _old, lambda _path, _name: None),
    Layout(current.VERSION, current.names_of, lambda: [*current.MODULES], _today, current.left_out),
)


def layout_of(version: str) -> Layout:
    """The layout of a version: up to 0.1.3 the old one, from 0.1.4 on today's.

    Raises:
        ValueError: It is no version of openJiuwen that jiuwen_lg stands in for.
    """
    found = re.fullmatch(r"0\.1\.(\d+)(?:\.post\d+)?", str(version))
    if found is None:
        versions = " or ".join(layout.version for layout in LAYOUTS)
        raise ValueError(f"jiuwen_lg stands in for openjiuwen {versions}, not {version!r}")
    return LAYOUTS[int(found[1]) >= 4]


def install(version: str | None = None) -> None:
    """Let `import openjiuwen…` find jiuwen_lg; calling it again changes nothing.

    Args:
        version: The version of openJiuwen that programs are written for, `"0.1.1"` or `"0.1.19"`; without it
            the first import that only one of the two has chooses.

    Raises:
        ImportError: An installed openjiuwen has been imported already, so its objects and
            ours would mix; or another version was chosen already.
        ValueError: There is no such version.
    """
    layout = None if version is None else layout_of(version)
    for finder in sys.meta_path:
        if isinstance(finder, _AliasFinder):
            finder.require(layout)
            return
    if loaded := [name for name in sys.modules if name == _ROOT or name.startswith(f"{_ROOT}.")]:
        raise ImportError(
            f"{loaded[0]} is imported already: call jiuwen_lg.compat.install() before the first import of openjiuwen"
        )
    if (found := PathFinder.find_spec(_ROOT)) is not None and "jiuwen_lg" not in str(found.origin):
        warnings.warn(
            "openjiuwen is installed, but jiuwen_lg stands in for it in this process", RuntimeWarning, stacklevel=2
        )
    sys.meta_path.insert(0, _AliasFinder(layout))
