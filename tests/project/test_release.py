"""What is published: a wheel and an sdist that install into an empty environment, and say who they are."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import jiuwen_lg

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys
import jiuwen_lg
assert "langgraph" not in sys.modules
from jiuwen_lg import End, Start, Workflow
flow = Workflow()
flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
flow.set_end_comp("end", End(), inputs_schema={"query": "${start.query}"})
flow.add_connection("start", "end")
print(jiuwen_lg.__version__, asyncio.run(flow.invoke({"query": "hello"})).result)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both files."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    return folder


@pytest.fixture
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture
def sdist(built: Path) -> Path:
    return next(built.glob("*.tar.gz"))


def test_the_changelog_speaks_of_this_version() -> None:
    newest = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert newest == "Unreleased" or newest.split()[0] == jiuwen_lg.__version__


@pytest.mark.soak
class TestFiles:
    def test_the_wheel_holds_the_package_and_nothing_else(self, wheel: Path) -> None:
        files = zipfile.ZipFile(wheel).namelist()
        assert {name.split("/")[0] for name in files} == {"jiuwen_lg", f"jiuwen_lg-{jiuwen_lg.__version__}.dist-info"}
        assert "jiuwen_lg/py.typed" in files

    def test_its_metadata_is_complete(self, wheel: Path) -> None:
        archive = zipfile.ZipFile(wheel)
        metadata = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        fields = HeaderParser().parsestr(archive.read(metadata).decode())
        assert (fields["Name"], fields["Version"], fields["License-Expression"]) == (
            "jiuwen-lg",
            jiuwen_lg.__version__,
            "MIT",
        )
        assert fields["Requires-Python"] == ">=3.11"
        assert "Typing :: Typed" in (fields.get_all("Classifier") or [])
        assert [need for need in fields.get_all("Requires-Dist") or [] if "==" in need.partition(";")[0]] == []

    def test_the_sdist_holds_what_a_wheel_is_made_of(self, sdist: Path) -> None:
        with tarfile.open(sdist) as archive:
            names = {name.partition("/")[2].split("/")[0] for name in archive.getnames()}
        expected = {
            "jiuwen_lg",
            "README.md",
            "README.zh-CN.md",
            "CHANGELOG.md",
            "LICENSE",
            "pyproject.toml",
            "PKG-INFO",
        }
        assert names - {"", ".gitignore"} == expected

    @pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
    def test_the_readme_tells_its_size(self, readme: str, wheel: Path) -> None:
        (told,) = re.findall(r"wheel[^\d\n]*([\d.]+) MB", (ROOT / readme).read_text(encoding="utf-8"))
        assert float(told) == round(wheel.stat().st_size / 1e6, 1)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_installs_into_an_empty_environment_beside_langchain_openai(kind: str, built: Path, tmp_path: Path) -> None:
    python = str(tmp_path / "environment" / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "environment"], check=True)
    file = str(next(built.glob(kind)))
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--upgrade", "langchain-openai", file], check=True, capture_output=True)
    subprocess.run([*pip, "check"], check=True)
    done = subprocess.run(
        [python, "-W", "error", "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{jiuwen_lg.__version__} {{'output': {{'query': 'hello'}}}}"
    command = tmp_path / "environment" / "bin" / "jiuwen-lg"
    assert "sessions" in subprocess.run([command, "--help"], capture_output=True, text=True, check=True).stdout
