"""The command line: `jiuwen-lg`, also `python -m jiuwen_lg.command`."""

from jiuwen_lg.command.main import main

__all__ = ["main"]
