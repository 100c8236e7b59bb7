"""`python -m jiuwen_lg.compat program.py [arguments]`: run an openJiuwen program on LangGraph."""

from __future__ import annotations

import os
import runpy
import sys

from jiuwen_lg.compat import install


def main() -> None:
    """Run the program named on the command line as `__main__`."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m jiuwen_lg.compat program.py [arguments]")
    program = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(program))
    install()
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
