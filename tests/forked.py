"""Second processes that begin where their imports are done.

`run` and `Forked` are `subprocess.run` and `Popen` for another Python, with a second's less work: the process is forked
from one that has imported the library and has run nothing. It is a real one, with a memory, connections and a death of
its own. What is about imports, the start of an interpreter or the order of its sets uses `subprocess`.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from multiprocessing.reduction import DupFd
from typing import IO, Any

_context: Any = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["langchain_openai", "jiuwen_lg.runner", "jiuwen_lg.testing.server", "tests.flows"])


class Forked:
    """A Python process: `-m module` or `-c code`, and arguments.

    Attributes:
        stdin: What is written here it reads.
        stdout: What it prints.
        pid: Its number.
    """

    def __init__(self, *command: str, env: dict[str, str]) -> None:
        given, stdin = os.pipe()
        stdout, printed = os.pipe()
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - it is closed by `communicate`
        streams = given, printed, self._errors.fileno()
        self._process = _context.Process(target=_run, args=(command, env, os.getcwd(), _Streams(streams)))
        self._process.start()
        os.close(given)
        os.close(printed)
        self.stdin, self.stdout = os.fdopen(stdin, "w", encoding="utf-8"), os.fdopen(stdout, encoding="utf-8")
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        code: int | None = self._process.exitcode
        return code

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it printed, on both streams.

        Raises:
            subprocess.TimeoutExpired: It goes on.
        """
        self.stdin.close()
        printed = self.stdout.read()
        self.stdout.close()
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked Python", timeout or 0)
        self._errors.seek(0)
        errors = self._errors.read()
        self._errors.close()
        return printed, errors


def run(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a Python process to its end."""
    process = Forked(*command, env=env)
    printed, errors = process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(command, process.returncode, printed, errors)


def in_a_fork(work: Callable[[], None]) -> int:
    """Do something in a fork of this very process, with all that it has open; the status that it ended with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


class _Streams:
    """Descriptors on their way into a process."""

    def __init__(self, descriptors: tuple[int, int, int]) -> None:
        self.descriptors: tuple[Any, ...] = descriptors

    def __getstate__(self) -> Any:
        return tuple(map(DupFd, self.descriptors))

    def __setstate__(self, received: Any) -> None:
        self.descriptors = tuple(descriptor.detach() for descriptor in received)


def _run(command: tuple[str, ...], env: dict[str, str], folder: str, streams: _Streams) -> None:
    """In the new process: what an interpreter does for a command line."""
    for number, descriptor in enumerate(streams.descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout, sys.stderr = (os.fdopen(n, "w", encoding="utf-8", buffering=1) for n in (1, 2))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = ["", *env.get("PYTHONPATH", "").split(os.pathsep)]
    kind, what, *arguments = command
    sys.argv = [what if kind == "-m" else kind, *arguments]
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            main = sys.modules["__main__"] = type(sys)("__main__")
            exec(compile(what, "<string>", "exec"), main.__dict__)
    finally:
        atexit._run_exitfuncs()
