"""A real JupyterLab, and a real browser that opens notebooks in it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.notebooks.kernel import OFFLINE

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """A JupyterLab over a folder, with settings of its own and without a network; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    places = {f"JUPYTER_{kind}_DIR": str(folder / ".jupyter" / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    root = str(Path(__file__).parents[2])
    env = {**os.environ, **places, "HOME": str(folder), "PYTHONPATH": f"{OFFLINE}:{root}"}
    options = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root"]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1", *options]
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:  # it was seen to wait for a kernel for ever
            server.kill()
            server.wait()


def trust(folder: Path, name: str) -> None:
    """Sign a notebook, as its author's Jupyter does."""
    env = {**os.environ, "JUPYTER_DATA_DIR": str(folder / ".jupyter" / "data"), "HOME": str(folder)}
    subprocess.run([sys.executable, "-m", "jupyter", "trust", name], cwd=folder, env=env, check=True)


@contextmanager
def page() -> Iterator[Any]:
    """A page of a browser that reaches this machine only; `page.refused` is what it wanted from others."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        opened: Any = browser.new_page(viewport={"width": 1200, "height": 2400})
        opened.refused = []

        def route(request: Any) -> None:
            if request.request.url.startswith(("http://127.0.0.1", "file:", "data:", "blob:")):
                request.continue_()
            else:
                opened.refused.append(request.request.url)
                request.abort()

        opened.route("**/*", route)
        yield opened
        browser.close()


def chromium() -> str | None:
    """Where a browser is; None if there is none."""
    from shutil import which

    return next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            urlopen(address, timeout=30).close()
        except OSError:
            assert server.poll() is None, "JupyterLab has stopped"
        else:
            return
