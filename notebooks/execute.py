"""Run the notebooks, each in a kernel and a folder of its own, and keep their outputs in them.

    python notebooks/execute.py [NAME ...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def executed(path: Path, env: dict[str, str] | None = None) -> Any:
    """A notebook with the outputs that it has now; an error in a cell is raised.

    Args:
        path: The notebook.
        env: The kernel's environment; this process's if absent.
    """
    book: Any = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(book, timeout=120, resources={"metadata": {"path": folder}}, record_timing=False)
        client.execute(env=env) if env else client.execute()
    book.metadata.pop("widgets", None)
    book.metadata["language_info"] = {"name": "python"}
    return book


def main(names: list[str]) -> None:
    """Execute all notebooks, or those that are named."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not names or path.stem in names:
            nbformat.write(executed(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
