"""Helpers for tests of workflows, with pytest or without; `jiuwen_lg.pytest_plugin` has the fixtures.

Each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_NAMES = {
    "branch_coverage": ("BranchCoverage",),
    "cassettes": ("Cassette", "CassetteError", "cassette"),
    "crashes": ("killed",),
    "faults": ("failing",),
    "model": ("ScriptedChatModel", "ScriptEndedError"),
    "runs": ("arun", "run"),
    "server": ("ModelServer",),
    "trace": ("Execution", "Trace"),
    "virtual_time": ("VirtualTimeLoop",),
}

_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - a list made of the table above

if TYPE_CHECKING:
    from jiuwen_lg.testing.branch_coverage import BranchCoverage as BranchCoverage
    from jiuwen_lg.testing.cassettes import Cassette as Cassette
    from jiuwen_lg.testing.cassettes import CassetteError as CassetteError
    from jiuwen_lg.testing.cassettes import cassette as cassette
    from jiuwen_lg.testing.crashes import killed as killed
    from jiuwen_lg.testing.faults import failing as failing
    from jiuwen_lg.testing.model import ScriptedChatModel as ScriptedChatModel
    from jiuwen_lg.testing.model import ScriptEndedError as ScriptEndedError
    from jiuwen_lg.testing.runs import arun as arun
    from jiuwen_lg.testing.runs import run as run
    from jiuwen_lg.testing.server import ModelServer as ModelServer
    from jiuwen_lg.testing.trace import Execution as Execution
    from jiuwen_lg.testing.trace import Trace as Trace
    from jiuwen_lg.testing.virtual_time import VirtualTimeLoop as VirtualTimeLoop


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
