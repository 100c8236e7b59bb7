"""A real kernel, and what a frontend hears from it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

OFFLINE = Path(__file__).parent / "offline"
PRELUDE = "from jiuwen_lg import *\nfrom jiuwen_lg.notebook import chat\nfrom tests.flows import *"


class Cell:
    """What came of a cell.

    Attributes:
        text: What it printed.
        shown: The bundles that it displayed, its value included.
        error: The name of the error that it ended with, and its text.
        traceback: The lines that it shows of it.
    """

    def __init__(self) -> None:
        self.text = ""
        self.shown: list[dict[str, Any]] = []
        self.error: tuple[str, str] | None = None
        self.traceback: list[str] = []

    @property
    def value(self) -> str:
        """The last thing shown, as text."""
        return str(self.shown[-1]["text/plain"])


class Kernel:
    """A kernel in a process of its own, whose network is off."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        path = f"{OFFLINE}:{env['PYTHONPATH']}"
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env={**env, "PYTHONPATH": path}, cwd=str(folder))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def __enter__(self) -> Self:
        self.run(PRELUDE)
        return self

    def __exit__(self, *_: Any) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(
        self,
        code: str,
        *,
        hear: Callable[[dict[str, Any]], None] = lambda message: None,
        answer: Callable[[str], str] | None = None,
    ) -> Cell:
        """Run a cell to its end.

        Args:
            code: The cell.
            hear: Gets every message while it runs.
            answer: Answers `input()`; without it, there is nobody who could.
        """
        id = self.client.execute(code, allow_stdin=answer is not None)
        cell = Cell()
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=0.05)
            except queue.Empty:
                if answer is not None:
                    self._answer(answer)
                assert self.manager.is_alive()
                continue
            hear(message)
            if message["parent_header"].get("msg_id") == id and self._note(cell, message):
                return cell

    def _answer(self, answer: Callable[[str], str]) -> None:
        try:
            asked = self.client.get_stdin_msg(timeout=0.05)
        except queue.Empty:
            return
        self.client.input(answer(asked["content"]["prompt"]))

    @staticmethod
    def _note(cell: Cell, message: dict[str, Any]) -> bool:
        """Keep what a message tells; True if it is the last one."""
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            cell.text += content["text"]
        elif kind in ("display_data", "execute_result"):
            cell.shown.append(content["data"])
        elif kind == "error":
            cell.error = (content["ename"], content["evalue"])
            cell.traceback = content["traceback"]
        return bool(kind == "status" and content["execution_state"] == "idle")
