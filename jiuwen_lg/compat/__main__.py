"""`python -m jiuwen_lg.compat [--for VERSION] program.py [arguments]`: run an openJiuwen program on LangGraph."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from jiuwen_lg.compat import install
from jiuwen_lg.compat.alias import VERSION_SETTING

_USAGE = "usage: python -m jiuwen_lg.compat [--for VERSION] program.py [arguments]"


def main() -> None:
    """Run the program named on the command line as `__main__`."""
    arguments, version = sys.argv[1:], None
    if arguments[:1] == ["--for"]:
        version, arguments = (arguments[1] if len(arguments) > 1 else ""), arguments[2:]
    if not arguments:
        sys.exit(_USAGE)
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
    try:
        install(version)
    except ValueError as error:
        sys.exit(f"{error}\n{_USAGE}")
    _let_children_find_us(version)
    runpy.run_path(arguments[0], run_name="__main__")


def _let_children_find_us(version: str | None) -> None:
    """Let Python processes that the program starts find the alias, too."""
    paths = [str(Path(__file__).with_name("children")), str(Path(__file__).parents[2])]
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, known] if known else paths)
    if version is not None:
        os.environ[VERSION_SETTING] = version


if __name__ == "__main__":
    main()
