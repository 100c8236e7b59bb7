"""The documents are programs: every Python block runs, and prints the text block after it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITH_POSTGRES = {"postgres.md"}
"""Whose blocks need a server and a worker: `tests/postgres` runs them."""
DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    "document", [d for d in DOCUMENTS if d.name not in WITH_POSTGRES], ids=lambda d: str(d.relative_to(ROOT))
)
def test_a_documents_blocks_run_in_order_and_print_what_they_say(
    document: Path, child_env: dict[str, str], tmp_path: Path
) -> None:
    child_env.pop("JIUWEN_LG_DB")
    run_blocks(document, child_env, tmp_path)


def run_blocks(document: Path, env: dict[str, str], folder: Path) -> None:
    """Run the Python blocks of a document as one program; it prints what the text blocks say."""
    blocks = BLOCK.findall(document.read_text(encoding="utf-8"))
    program = folder / "document.py"
    program.write_text("\n".join(code for kind, code in blocks if kind == "python"), encoding="utf-8")
    done = subprocess.run([sys.executable, program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "".join(text for kind, text in blocks if kind == "text").strip()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_a_documents_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (document.parent / target).exists()] == []


def test_both_readmes_have_the_same_programs_but_for_their_words() -> None:
    def shape(name: str) -> list[str]:
        code = "".join(c for k, c in BLOCK.findall((ROOT / name).read_text(encoding="utf-8")) if k == "python")
        return re.sub(r"""f?"[^"\n]*"|'[^'\n]*'""", "TEXT", code).splitlines()

    assert shape("README.md") == shape("README.zh-CN.md")


def test_the_architecture_names_every_package_and_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "jiuwen_lg"
    parts = [*package.iterdir(), *(package / "engine").iterdir()]
    names = {f"{part.name}/" for part in parts if (part / "__init__.py").exists()}
    names |= {part.stem for part in parts if part.suffix == ".py" and part.stem != "__init__"}
    assert {name for name in names if f"[`{name}`]" not in text} == set()


def test_the_demo_shows_its_four_parts(child_env: dict[str, str]) -> None:
    child_env.pop("JIUWEN_LG_DB")
    demo = ROOT / "examples" / "demo" / "demo.py"
    done = subprocess.run([sys.executable, demo], env=child_env, capture_output=True, text=True, check=True)
    for expected in (
        "{'output': {'result': 'Yes'}}",
        "[100005] component [abnormal_node]",
        "\nhello\n",
        "flowchart TB",
        "No finished component ran twice.",
    ):
        assert expected in done.stdout


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda n: n.name)
def test_a_notebook_runs_in_a_real_kernel(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.delenv("JIUWEN_LG_DB")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    written = nbformat.read(notebook, as_version=4)
    ran = NotebookClient(written, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert ran.cells[-1].outputs
