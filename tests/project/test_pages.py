"""The documents agree with the package and with each other: links, codes, names, figures, languages."""

from __future__ import annotations

import html
import os
import random
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import jiuwen_lg
from jiuwen_lg import End, SimpleComponent, Start, StatusCode, Workflow, WorkflowConfig, WorkflowRuntime, constants
from jiuwen_lg.command import main
from jiuwen_lg.engine.concurrency import frame_buffer as reader
from jiuwen_lg.engine.execution import subgraph
from jiuwen_lg.engine.sessions import heartbeat as lease
from jiuwen_lg.engine.sessions import repository as sessions
from jiuwen_lg.schema import expression
from jiuwen_lg.tools import restful

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted(DOCS.rglob("*.md")), ROOT / "examples" / "README.md"]
GENERATED = {"reference.md"}
"""Pages made of the docstrings, which are English."""
TRANSLATED = sorted(path.name for path in DOCS.glob("*.md") if path.name not in GENERATED)
OPENJIUWEN_0_1_19 = {100054, 111121, 111124}
"""Codes of that release, which the migration guides name."""
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its blocks."""
    return FENCED.sub("", text_of(page))


def headings(page: Path) -> list[tuple[int, str]]:
    """Depth and text of each heading."""
    return [(len(marks), text) for marks, text in re.findall(r"^(#+) (.*)$", prose(page), re.MULTILINE)]


def anchors(page: Path) -> set[str]:
    """What `#...` may lead to on a page, as GitHub makes it of a heading."""
    plain = (re.sub(r"[^\w\- ]", "", text.lower()) for _, text in headings(page))
    return {text.strip().replace(" ", "-") for text in plain}


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_they_lead_to_files_and_headings(self, page: Path) -> None:
        broken = []
        for link in links(page):
            if "://" in link:
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(link)
        assert broken == []

    @pytest.mark.parametrize("folder", [DOCS, DOCS / "zh-CN"], ids=name_of)
    def test_the_index_leads_to_every_page(self, folder: Path) -> None:
        linked = {(folder / link).resolve() for link in links(folder / "README.md") if "://" not in link}
        pages = {page.resolve() for page in folder.glob("*.md") if page.name != "README.md"}
        assert pages - linked == set()


class TestCodes:
    ROW = re.compile(r"^\| (-?\d+) \| `(\w+)` \| (.*?) \| (.*?) ?\|$", re.MULTILINE)

    @pytest.mark.parametrize("page", [DOCS / "errors.md", DOCS / "zh-CN" / "errors.md"], ids=name_of)
    def test_each_has_its_row_with_a_cause_and_a_cure(self, page: Path) -> None:
        rows = self.ROW.findall(text_of(page))
        assert sorted((int(code), name) for code, name, _, _ in rows) == sorted((s.code, s.name) for s in StatusCode)
        unraised = ("not raised here", "这里不会抛出")
        assert [code for code, _, cause, cure in rows if not cause or not (cure or cause.startswith(unraised))] == []

    def test_those_that_are_not_raised_are_said_to_be(self) -> None:
        package = [path for path in (ROOT / "jiuwen_lg").rglob("*.py") if path.name != "errors.py"]
        source = "\n".join(text_of(path) for path in package)
        raised = {status.name for status in StatusCode if re.search(rf"StatusCode\.{status.name}\b", source)}
        rows = self.ROW.findall(text_of(DOCS / "errors.md"))
        assert {name for _, name, cause, _ in rows if "not raised" not in cause} == raised

    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_those_that_a_page_names_exist(self, page: Path) -> None:
        named = {int(code) for code in re.findall(r"(?<![\d.])1\d{5}(?![\d.])", prose(page))}
        assert named - {status.code for status in StatusCode} - OPENJIUWEN_0_1_19 == set()


class TestNames:
    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_settings_that_a_page_names_exist(self, page: Path) -> None:
        source = "\n".join(text_of(path) for path in (ROOT / "jiuwen_lg").rglob("*.py"))
        named = set(re.findall(r"`((?:JIUWEN_LG|WORKFLOW|LOOP|COMP|LLM|RESTFUL)_[A-Z_]+)", prose(page)))
        unknown = {name for name in named if name not in source and not hasattr(StatusCode, name)}
        # `tls` puts these together; openJiuwen's own is not ours
        made = {f"{whose}_SSL_{what}" for whose in ("LLM", "RESTFUL") for what in ("CERT", "VERIFY")}
        assert unknown - made - {"WORKFLOW_DRAWABLE"} == set()

    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_tests_that_a_page_names_exist(self, page: Path) -> None:
        named = re.findall(r"`(test_\w+\.py|Test\w+)`", prose(page))
        files = {path.name: text_of(path) for path in (ROOT / "tests").rglob("*.py")}
        classes = "\n".join(files.values())
        assert [name for name in named if name not in files and f"class {name}" not in classes] == []


FIGURES = [
    ("control-flow.md", r"at most (\d+) rounds", constants.LOOP_NUMBER_MAX_LIMIT_DEFAULT),
    ("control-flow.md", r"at most (\d+) characters", expression.MAX_LENGTH),
    ("control-flow.md", r"characters and (\d+) levels", expression.MAX_DEPTH),
    ("control-flow.md", r"`workflow_max_nesting_depth` deep \((\d+)\)", WorkflowConfig().workflow_max_nesting_depth),
    ("components.md", r"may take ([\d,]+) steps", subgraph.RECURSION_LIMIT),
    ("production.md", r"among the newest ([\d,]+)", sessions.MOST_RECEIPTS),
    ("production.md", r"`JIUWEN_LG_LEASE_SECONDS` \((\d+)\)", lease.DEFAULT_SECONDS),
    ("recovery.md", r"`JIUWEN_LG_LEASE_SECONDS`, (\d+)", lease.DEFAULT_SECONDS),
    ("streams.md", r"while (\d+) frames are unread", reader.CAPACITY),
    ("tools.md", r"longer than (\d+) MiB", restful.LONGEST_ANSWER / (1 << 20)),
    ("tools.md", r"`timeout` \((\d+) s\)", 60),
    ("errors.md", r"ended after (\d+) rounds", constants.LOOP_NUMBER_MAX_LIMIT_DEFAULT),
    ("errors.md", r"`_execute_timeout` \((\d+) s\)", 60),
]


class TestFigures:
    @pytest.mark.parametrize(("page", "pattern", "value"), FIGURES, ids=lambda value: str(value)[:40])
    def test_a_page_tells_the_package_s(self, page: str, pattern: str, value: float) -> None:
        (told,) = re.findall(pattern, prose(DOCS / page))
        assert float(told.replace(",", "")) == value

    def test_the_readme_tells_what_make_bench_printed(self) -> None:
        """Its table is a part of the one in `speed.md`; a ratio of speeds is turned round."""
        rows = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", prose(DOCS / "speed.md"), re.MULTILINE)]
        printed = {(row[0], row[1]): float(row[2]) for row in rows if re.fullmatch(r"[\d.]+", row[2])}
        first, latest, hand = "openJiuwen 0.1.1", "openJiuwen 0.1.19", "LangGraph by hand"
        chain, frames = "chain of 100", "1000 frames through a connection (per second)"
        expected = [
            [printed[f"{chain}, in memory", first], printed[f"{chain}, in memory", latest], printed[chain, hand]],
            [printed[f"{chain}, SQLite, every step durable", hand]],
            [printed["loop of 1000 x 3", first], printed["loop of 1000 x 3", hand]],
            [1 / printed[frames, first], 1 / printed["the same beside LangGraph's custom stream", hand]],
        ]
        table = text_of(ROOT / "README.md").partition("| time of jiuwen_lg")[2].partition("\n\n")[0].splitlines()[2:]
        told = [re.findall(r"(?<=\| )\d\.\d\d", row) for row in table]
        assert told == [[f"{ratio:.2f}" for ratio in row] for row in expected]

    def test_both_readmes_tell_the_same(self) -> None:
        """Every number of the comparison's table."""

        def told(page: str) -> list[list[str]]:
            rows = [line for line in text_of(ROOT / page).splitlines() if line.startswith("|")]
            return [re.findall(r"\d[\d.,]*", row) for row in rows]

        assert told("README.md") == told("README.zh-CN.md")
        assert any(told("README.md"))


def without_comments(code: str) -> str:
    return re.sub(r"(?m)(^|  )# .*$", "", code).strip()


class TestLanguages:
    def test_every_page_is_there_in_chinese(self) -> None:
        assert sorted(path.name for path in (DOCS / "zh-CN").glob("*.md")) == TRANSLATED

    @pytest.mark.parametrize("name", TRANSLATED)
    def test_a_page_has_the_same_parts(self, name: str) -> None:
        english, chinese = DOCS / name, DOCS / "zh-CN" / name
        assert [depth for depth, _ in headings(chinese)] == [depth for depth, _ in headings(english)]
        ours = [(kind, without_comments(code)) for kind, code in FENCED.findall(text_of(chinese))]
        assert ours == [(kind, without_comments(code)) for kind, code in FENCED.findall(text_of(english))]
        # the same tables, row by row
        rows = [len(re.findall(r"^\|", prose(page), re.MULTILINE)) for page in (english, chinese)]
        assert rows[0] == rows[1]

    @pytest.mark.parametrize("name", TRANSLATED)
    def test_a_page_has_the_same_links(self, name: str) -> None:
        assert self.targets(DOCS / "zh-CN" / name) == self.targets(DOCS / name)

    @pytest.mark.parametrize("name", TRANSLATED)
    def test_a_page_is_written_in_its_language(self, name: str) -> None:
        def share(page: Path) -> float:
            letters = re.findall(r"[a-z]|[一-鿿]", re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose(page)))
            return sum(letter >= "一" for letter in letters) / len(letters)

        assert share(DOCS / "zh-CN" / name) > 0.4
        assert share(DOCS / name) < 0.05

    def targets(self, page: Path) -> list[str]:
        """Where a page's links lead, a translation taken for its original."""
        found = []
        for link in links(page):
            path = link.partition("#")[0]
            if "://" in link:
                found.append(link)
            elif path:
                target = (page.parent / path).resolve()
                original = DOCS / target.name if target.parent == DOCS / "zh-CN" else target
                found.append(str(original.relative_to(ROOT)).replace("README.zh-CN.md", "README.md"))
        return sorted(found)


class TestReference:
    def test_it_says_what_the_docstrings_say(self) -> None:
        """`make reference` writes it."""
        made = subprocess.run(
            [sys.executable, "-c", "import reference; print(reference.reference(), end='')"],
            cwd=DOCS / "generate",
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert made.stdout == text_of(DOCS / "reference.md")

    def test_the_table_of_openjiuwens_names_says_what_the_alias_does(self) -> None:
        code = "import names; print(*(names.page(words) for words in names.LANGUAGES.values()), sep='', end='')"
        made = subprocess.run(
            [sys.executable, "-c", code],
            cwd=DOCS / "generate",
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        pages = [DOCS / "openjiuwen-names.md", DOCS / "zh-CN" / "openjiuwen-names.md"]
        assert made.stdout == "".join(map(text_of, pages))

    def test_every_public_name_has_an_entry_that_says_something(self) -> None:
        entries = re.split(r"^### ", text_of(DOCS / "reference.md"), flags=re.MULTILINE)[1:]
        said = {entry.partition("`\n")[0].strip("`"): FENCED.sub("", entry.partition("\n")[2]) for entry in entries}
        assert {name for name in jiuwen_lg.__all__ if not said.get(name, "").strip()} == set()


class TestPicture:
    def test_it_shows_what_the_demo_prints(self, child_env: dict[str, str]) -> None:
        """`make picture` draws it."""
        child_env.pop("JIUWEN_LG_DB")
        code = "import picture; print(picture.demo())"
        env = {**child_env, "PYTHONPATH": f"{child_env['PYTHONPATH']}:{DOCS / 'generate'}"}
        printed = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        ).stdout
        shown = re.findall(r'<text x="18"[^>]*>(.*?)</text>', text_of(DOCS / "running.svg"))
        assert html.unescape(" ".join(shown)).split() == printed.split()


class TestCommands:
    @pytest.mark.parametrize("line", FENCED.findall(text_of(DOCS / "production.md"))[0][1].splitlines())
    def test_a_command_of_the_operators_page_has_what_it_shows(
        self, line: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        program, *words = line.split()
        assert program == "jiuwen-lg"
        with pytest.raises(SystemExit) as ended:
            main([*words[:2], "--help"])
        assert ended.value.code == 0
        told = capsys.readouterr().out
        assert [option for option in re.findall(r"--[a-z-]+", line) if option not in told] == []
        statuses = re.findall(r"--status ([a-z|]+)", line)
        assert [status for given in statuses for status in given.split("|") if status not in told] == []


class Page(SimpleComponent):
    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return {"page": random.Random(runtime.executable_id()).randbytes(5000).hex()}


async def test_a_file_grows_with_the_outputs_as_the_architecture_says(db: Path) -> None:
    """100 components, 10 KB each; stopped before its end, so that its checkpoints are there."""
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema={})
    for number in range(100):
        flow.add_workflow_comp(f"n{number}", Page(), inputs_schema={})
        flow.add_connection(f"n{number - 1}" if number else "s", f"n{number}")
    flow.set_end_comp("e", End(), inputs_schema={"last": "${n99.page}"}).add_connection("n99", "e")
    await flow.invoke({}, WorkflowRuntime(session_id="1", interrupt_before=["e"]))
    (told,) = re.findall(r"10 KB each leave ([\d.]+) MB", prose(DOCS / "architecture.md"))
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert db.stat().st_size / 1e6 == pytest.approx(float(told), rel=0.1)
