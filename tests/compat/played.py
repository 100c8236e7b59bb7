"""Plays programs through the alias, each in a fork of one process that has imported what they need."""

import os
import runpy
import sys
import traceback
from importlib import import_module
from pathlib import Path

from jiuwen_lg.compat import install
from jiuwen_lg.compat.current.table import HOMES


def main() -> None:
    folder = Path(sys.argv[1])
    install("0.1.19")
    for home in HOMES:
        import_module(f"jiuwen_lg.{home}")
    for program in map(Path, sys.argv[2:]):
        child = os.fork()
        if child == 0:
            os._exit(play(program, folder / program.stem))
        os.waitpid(child, 0)


def play(program: Path, folder: Path) -> int:
    folder.mkdir(parents=True)
    os.chdir(folder)
    sys.path.insert(0, str(program.parent))
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    try:
        runpy.run_path(str(program), run_name="__main__")
    except BaseException:
        print(f"= {traceback.format_exc()}", flush=True)
        return 1
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    main()
