"""The programs that the specification's seeds print, run unmodified through the alias.

The seeds lie beside the repository (`../shared/spec/seeds`); where they are absent these
tests are skipped, and the rest of the suite covers the same ground with its own examples.
"""

from __future__ import annotations

import doctest
import json
import re
import textwrap
from pathlib import Path

import pytest

from jiuwen_lg.testing.server import ModelServer
from tests import forked
from tests.service import Service

SEEDS = Path(__file__).parents[3] / "shared" / "spec" / "seeds"
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
    done = forked.run("-m", "jiuwen_lg.compat", "program.py", env=env)
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


class TestSeed002:
    """Its programs, with the model played on this machine: what they print, and how many frames."""

    COMPLETED = (
        "{'output': WorkflowOutput(result={'responseContent': '姓名：张三 | 年龄：25'}, "
        "state=<WorkflowExecutionState.COMPLETED: 'COMPLETED'>), 'result_type': 'answer'}"
    )

    def programs(self) -> tuple[str, list[str]]:
        """What builds workflow and agent, and the six programs."""
        parts = blocks(seed("002"))
        build = [part for part in parts if "def _build_workflow" in part or "def _create_model" in part]
        return "\n".join(build), [part for part in parts if "async def main" in part]

    def env(self, llm: ModelServer, env: dict[str, str]) -> dict[str, str]:
        model = {"API_BASE": llm.url, "API_KEY": "sk-x", "MODEL_NAME": "m", "MODEL_PROVIDER": "openai"}
        return {**env, **model}

    def play(self, number: int, llm: ModelServer, env: dict[str, str], replies: list[str]) -> list[str]:
        build, programs = self.programs()
        llm.requests.clear()
        llm.replies = replies
        return run(f"{build}\n{programs[number]}", self.env(llm, env)).splitlines()

    def test_there_are_six(self) -> None:
        assert len(self.programs()[1]) == 6

    def test_in_one_go(self, llm: ModelServer, child_env: dict[str, str]) -> None:
        (printed,) = self.play(0, llm, child_env, ['{"name": "张三", "age": 25}'])
        assert printed.removeprefix("WorkflowAgent非流式调用的输出结果 >>> ") == self.COMPLETED

    def test_in_one_go_streamed(self, llm: ModelServer, child_env: dict[str, str]) -> None:
        printed = self.play(1, llm, child_env, ['{"name": "张三", "age": 25}'])
        kinds = [re.findall(r">>> type='(\w+)'", line)[0] for line in printed]
        assert kinds == ["tracer_workflow"] * 7 + ["workflow_final"]
        assert printed[-1].endswith(f"payload={self.COMPLETED}")

    def test_asked_and_answered(self, llm: ModelServer, child_env: dict[str, str]) -> None:
        replies = ['{"name": "张三"}', '{"age": 25}']
        asked = "[OutputSchema(type='__interaction__', index=0, payload=InteractionOutput(id='questioner', "
        asked += "value='请您提供用户年龄相关的信息'))]"
        (printed,) = self.play(2, llm, child_env, replies[:1])
        assert printed == f"WorkflowAgent 批调用的输出结果 >>> {asked}"
        Path("other").mkdir()
        env = {**child_env, "JIUWEN_LG_DB": "other/sessions.db"}
        first, second = self.play(3, llm, env, replies)
        assert first == f"WorkflowAgent 批调用的输出结果 >>> {asked}"
        assert second == f"WorkflowAgent 用户反馈后的批调用输出结果 >>> {self.COMPLETED}"

    def test_asked_and_answered_streamed(self, llm: ModelServer, child_env: dict[str, str]) -> None:
        replies = ['{"name": "张三"}', '{"age": 25}']
        printed = self.play(4, llm, child_env, replies[:1])
        kinds = [re.findall(r">>> type='(\w+)'", line)[0] for line in printed]
        assert kinds == ["tracer_workflow"] * 4 + ["__interaction__"]
        Path("other").mkdir()
        env = {**child_env, "JIUWEN_LG_DB": "other/sessions.db"}
        printed = self.play(5, llm, env, replies)
        kinds = [re.findall(r">>> type='(\w+)'", line)[0] for line in printed]
        assert kinds == ["tracer_workflow"] * 4 + ["__interaction__"] + ["tracer_workflow"] * 5 + ["workflow_final"]
        assert printed[-1].endswith(f"payload={self.COMPLETED}")


class TestSeed003:
    """Its chapters, assembled from their fragments; models and services are played on this machine."""

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

    def test_the_branch_program_prints_what_it_says(self, child_env: dict[str, str]) -> None:
        chapter = self.chapter("# 分支组件", "# 循环组件")
        program = next(block for block in blocks(chapter) if "async def main()" in block)
        expected = re.findall(r"^When the user input num is .*$", chapter, re.MULTILINE)
        printed = run(program, child_env).splitlines()
        assert [line for line in printed if line.startswith("When")] == expected
        error = "workflow execute error: [101102] Branch meeting the condition was not found."
        assert [line for line in printed if not line.startswith("When")] == [error]

    @pytest.mark.parametrize("number", [1, 2, 3], ids=["add", "conditions", "callable"])
    def test_the_branch_fragments_run(self, number: int, child_env: dict[str, str]) -> None:
        parts = blocks(self.chapter("# 分支组件", "# 循环组件"))
        run("\n".join([parts[0], *parts[1 : number + 1]]), child_env)

    @pytest.mark.parametrize(
        ("heading", "until", "shown"),
        [
            ("## 数组循环", "## 指定次数循环", {"user_var": {"a": [1, 2, 3], "b": [1, 2, 3], "c": [1, 2, 3]}}),
            ("## 指定次数循环", "## 表达式循环", {"user_var": {"a": [0, 1, 2], "b": [0, 1, 2], "c": [0, 1, 2]}}),
            ("## 表达式循环", "## 无限循环", {"array_result": [10, 11], "user_var": 22}),
            ("## 无限循环", "# 工作流执行组件", {"user_var": 2, "loop_count": 3, "results": [True, True, True]}),
        ],
        ids=["array", "number", "expression", "always_true"],
    )
    def test_the_loop_programs_hold_what_they_assert(
        self, heading: str, until: str, shown: dict[str, object], child_env: dict[str, str]
    ) -> None:
        program = "\n".join(blocks(self.chapter(heading, until)))
        printed = run(f"{program}\nprint(result.result['output'])", child_env).splitlines()
        assert eval(printed[-1]) == shown
        assert printed[:-1] in ([], [f"执行结果: {{'output': {shown}}}"])

    def test_the_sub_workflow_program_prints_what_it_says(self, child_env: dict[str, str]) -> None:
        chapter = seed("003")[seed("003").index("# 工作流执行组件") :]
        expected = re.findall(r"^main workflow with .*$", chapter, re.MULTILINE)
        assert run("\n".join(blocks(chapter)), child_env).splitlines() == expected

    @pytest.mark.parametrize(
        "schema",
        [
            '{"loop_type": "array", "loop_array": {"item": "${a.b}[0]"}}',
            '{"loop_type": "number", "loop_number": "${a.b}[0][\'c\']"}',
            '{"loop_type": "always_true", "intermediate_var": {"user_var": "${a.b}[0][\'c\']"}}',
        ],
    )
    def test_a_subscript_outside_the_braces_is_refused(self, schema: str, child_env: dict[str, str]) -> None:
        parts = blocks(self.chapter("## 数组循环", "## 指定次数循环"))[:2]
        refused = (
            "from openjiuwen.core.workflow.base import Workflow\n"
            f"try: Workflow().add_workflow_comp('loop', loop_component, inputs_schema={schema})\n"
            "except Exception as error: print(error)\n"
        )
        assert "LoopComponent error" in run("\n".join([*parts, refused]), child_env)

    @pytest.mark.parametrize("templated", [False, True], ids=["plain", "template"])
    @pytest.mark.parametrize(
        ("kind", "until"),
        [("stream", "- **transform**："), ("transform", "- **collect**："), ("collect", "# 大模型组件")],
    )
    def test_the_ends_of_streams_print_what_they_say(
        self, kind: str, until: str, templated: bool, child_env: dict[str, str]
    ) -> None:
        parts = blocks(self.chapter(f"- **{kind}**：", until))
        ends = [part for part in parts if "set_end_comp" in part]
        printed = [part for part in parts if re.match(r"(#.*\n)*\s*(type=|result=)", part)]
        program = [part for part in parts if part not in printed and part not in ends]
        runs = next(i for i, part in enumerate(program) if "add_connection" in part)
        end = f"from openjiuwen.core.component.end_comp import End\n{ends[templated]}"
        text = "\n".join([*program[:runs], end, *program[runs:]]).replace("\n  # 运行异步函数", "\n# 运行异步函数")
        # the seed comments its frames; a line of a program has no leading spaces
        expected = [line.strip() for line in printed[templated].splitlines() if not line.strip().startswith("#")]
        assert [line.strip() for line in run(text, child_env).splitlines()] == [line for line in expected if line]

    def test_the_plugin_chapter(self, service: Service, child_env: dict[str, str]) -> None:
        """Its address is replaced, its workflow completed; a template prints the data as the chapter shows it."""
        parts = blocks(self.chapter("# 插件组件", "# 意图识别组件"))
        weather, config, component, flow, success, failure = parts
        end = "from openjiuwen.core.component.end_comp import End\n"
        end += "from openjiuwen.core.component.start_comp import Start\n"
        end += "import asyncio\nfrom openjiuwen.core.runtime.workflow import WorkflowRuntime\n"
        end += "flow.set_start_comp('s', Start())\nflow.set_end_comp('e', End(), inputs_schema={'t': '${tool}'})\n"
        end += "flow.add_connection('s', 'tool')\nflow.add_connection('tool', 'e')\n"
        end += "print(asyncio.run(flow.invoke({}, WorkflowRuntime())).result['output']['t'])\n"
        program = "".join([weather, config, component, flow, end]).replace("your weather search api url", service.url)
        env = {**child_env, "SSRF_PROTECT_ENABLED": "false"}
        expected = eval(success)
        service.body = json.dumps(eval(expected["data"])).encode()
        printed = eval(run(program, env))
        assert {**printed, "data": str(printed["data"])} == expected
        assert service.requests[0]["query"] == {"location": ["hangzhou"], "date": ["2025-08-01"]}
        told = eval(failure)
        answer = {"errCode": told["error_code"], "errMessage": told["error_message"], "data": told["data"]}
        service.body = json.dumps(answer).encode()
        assert eval(run(program, env)) == told

    FRAME = (
        "from openjiuwen.core.component.end_comp import End\n"
        "from openjiuwen.core.component.start_comp import Start\n"
        "import asyncio\nfrom openjiuwen.core.runtime.workflow import WorkflowRuntime\n"
    )

    def chapter_with_model(self, heading: str, until: str, llm: ModelServer) -> list[str]:
        """A chapter's programs and its printed JSON, with the model's address replaced."""
        return blocks(self.chapter(heading, until).replace("https://xxx", llm.url))

    def printed_json(self, heading: str, until: str) -> list[dict[str, object]]:
        shown = re.findall(r"^ *```json\n(.*?)^ *```", self.chapter(heading, until), re.DOTALL | re.MULTILINE)
        return [json.loads(text) for text in shown if "id =" not in text]

    @pytest.mark.parametrize(
        ("kind", "query", "shown"),
        [("text", None, 1), ("markdown", None, 2), ("json", "提取《我爱北京天安门》歌名中的地点信息", 3)],
    )
    def test_the_llm_chapter(
        self, kind: str, query: str | None, shown: int, llm: ModelServer, child_env: dict[str, str]
    ) -> None:
        chapter = ("# 大模型组件", "# 插件组件")
        config, component, flow = self.chapter_with_model(*chapter, llm)
        prompt, *printed = self.printed_json(*chapter)
        expected = printed[shown - 1]
        reply = expected["output"] if kind != "json" else json.dumps(expected, ensure_ascii=False)
        llm.replies = [reply]
        config = config.replace('{"type": "text"}', f'{{"type": "{kind}"}}')
        if query:
            flow = flow.replace("生成一句关于月亮的诗句", query)
        end = (
            "flow.set_start_comp('s', Start())\nflow.set_end_comp('e', End(), inputs_schema={'t': '${llm}'})\n"
            "flow.add_connection('s', 'llm')\nflow.add_connection('llm', 'e')\n"
            "print(asyncio.run(flow.invoke({}, WorkflowRuntime())).result['output']['t'])\n"
        )
        assert eval(run("".join([config, component, flow, self.FRAME, end]), child_env)) == expected
        if kind == "text":
            assert llm.asked() == prompt
        assert (llm.requests[0]["model"], llm.requests[0]["temperature"]) == ("gpt-3.5-turbo", 0.7)

    @pytest.mark.parametrize("case", [0, 1], ids=["weather", "restaurant"])
    def test_the_intent_chapter(self, case: int, llm: ModelServer, child_env: dict[str, str]) -> None:
        chapter = ("# 意图识别组件", "# 提问器组件")
        config, component, flow = self.chapter_with_model(*chapter, llm)
        expected = self.printed_json(*chapter)[case]
        label = f"分类{expected['classification_id']}"
        llm.replies = [json.dumps({"class": label, "reason": expected["reason"]}, ensure_ascii=False)]
        query = ["查询今天上海的天气", "请推荐一家餐厅"][case]
        end = (
            "workflow.set_start_comp('start', Start(), inputs_schema={'query': '${query}'})\n"
            "workflow.add_workflow_comp('llm', Start(), inputs_schema={'went': 'llm'})\n"
            "workflow.set_end_comp('end', End(), inputs_schema={'i': '${intent}', 'l': '${llm.went}'})\n"
            "workflow.add_connection('start', 'intent')\nworkflow.add_connection('llm', 'end')\n"
            f"print(asyncio.run(workflow.invoke({{'query': {query!r}}}, WorkflowRuntime())).result['output'])\n"
        )
        printed = eval(run("".join([config, component, flow, self.FRAME, end]), child_env))
        assert printed == ({"i": expected, "l": "llm"} if case == 0 else {"i": expected})

    def questioner(self, llm: ModelServer) -> list[str]:
        config, component, flow, run_it, shown, answer = self.chapter_with_model("# 提问器组件", "# 分支组件", llm)
        return ["".join([config, component, flow]), run_it, shown, answer]

    def test_the_questioner_chapter(self, llm: ModelServer, child_env: dict[str, str]) -> None:
        """Its workflow has no End, so one is added to see the output that the chapter shows."""
        build, run_it, shown, answer = self.questioner(llm)
        llm.replies = ['{"date": "2025-08-01"}', '{"location": "杭州"}']
        end = f"{self.FRAME}workflow.set_end_comp('e', End(), inputs_schema={{'o': '${{questioner}}'}})\n"
        end += "workflow.add_connection('questioner', 'e')\n"
        printed = run("".join([build, end, run_it, answer, "print(result.result['output']['o'])\n"]), child_env)
        asked, given = printed.splitlines()
        assert "".join(asked.split()) == "".join(shown.split())
        expected = self.printed_json("# 提问器组件", "# 分支组件")
        assert eval(given) == expected[-1]
        assert len(llm.requests) == 2
        llm.requests.clear()
        llm.replies = ['{"location": "上海", "date": "2025-08-01"}']
        at_once = run_it.replace("test_questioner", "other").replace("时间是2025年8月1日", "2025年8月1日的上海")
        printed = run("".join([build, end, at_once, "print(workflow_result.result['output']['o'])\n"]), child_env)
        assert eval(printed.splitlines()[-1]) == expected[0]

    def test_the_questioner_without_an_end_and_at_its_limit(self, llm: ModelServer, child_env: dict[str, str]) -> None:
        build, run_it, _, answer = self.questioner(llm)
        llm.replies = ['{"date": "d"}', '{"location": "杭州"}']
        assert run("".join([build, run_it, answer, "print(result)\n"]), child_env).splitlines()[-1] == (
            "result=None state=<WorkflowExecutionState.COMPLETED: 'COMPLETED'>"
        )
        llm.replies = ["{}"]
        chapter = self.chapter("# 提问器组件", "# 分支组件")
        code, text = re.findall(r"错误码为(\d+)\s+错误信息为\"(.*?)\"", chapter)[0]
        again = answer.replace("result = asyncio", "workflow_result = asyncio")
        failing = "\n".join(f"    {line}" for line in (again * 3).splitlines())
        caught = "except Exception as error: print(error.codes[-1], error.root.message)\n"
        run_it = run_it.replace("test_questioner", "other").replace("时间是2025年8月1日", "帮我订机票")
        printed = run("".join([build, run_it, "try:\n", failing, "\n", caught]), child_env)
        assert printed.splitlines()[-1] == f"{code} {text}"
