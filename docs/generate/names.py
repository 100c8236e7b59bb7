"""Writes `openjiuwen-names.md`, in both languages, from the alias's table: `make reference`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from jiuwen_lg.compat.names import known_modules
from jiuwen_lg.compat.refused import REASONS, reason_for
from jiuwen_lg.compat.table import LATER, place_of

DOCS = Path(__file__).parents[1]
PAGE = "openjiuwen-names.md"


class Words(NamedTuple):
    """The words of one language."""

    head: str
    provided: tuple[str, str, str]
    annotated: str
    refused: tuple[str, str, str]
    reasons: dict[str, str]


ENGLISH = Words(
    head="""# Names of openJiuwen 0.1.1

Every public name of openJiuwen 0.1.1 by the module that defines it: provided by the alias (`jiuwen_lg.compat`), or
refused, and why. A module of openJiuwen's also has the names that it imports from others; they are found there too,
and are the same objects. Made by `make reference`; how programs are moved tells
[migrating-from-openjiuwen.md](migrating-from-openjiuwen.md), what behaves otherwise [differences.md](differences.md).
""",
    provided=("## Provided", "module", "names"),
    annotated="(to annotate with)",
    refused=("## Refused", "module", "names"),
    reasons={reason: f"{reason[0].upper()}{reason[1:]}." for reason in REASONS.values()},
)
_INTERNAL = "openJiuwen 引擎的内部部分，由 LangGraph 代替"
CHINESE = Words(
    head="""# openJiuwen 0.1.1 的名称

按定义模块列出 openJiuwen 0.1.1 的全部公开名称：别名（`jiuwen_lg.compat`）已提供，或不提供及其原因。
openJiuwen 的模块也能导入它从其他模块引入的名称，在这里同样可用，且是同一个对象。
本页由 `make reference` 生成；如何迁移程序见
[migrating-from-openjiuwen.md](migrating-from-openjiuwen.md)，行为上的差别见 [differences.md](differences.md)。
""",
    provided=("## 已提供", "模块", "名称"),
    annotated="（仅用于类型标注）",
    refused=("## 不提供", "模块", "名称"),
    reasons={
        "tuning prompts and agents is left to tools made for it": "提示词和智能体的调优交给专门的工具。",
        "long-term memory is left to LangGraph's stores and to vector stores of LangChain": (
            "长期记忆交给 LangGraph 的存储和 LangChain 的向量库。"
        ),
        "an internal part of openJiuwen's controllers": "openJiuwen 控制器的内部部分。",
        "an internal part of openJiuwen; conversations are kept by ContextEngine": (
            "openJiuwen 的内部部分；会话由 ContextEngine 保存。"
        ),
        "an internal part of openJiuwen's engine, whose place LangGraph takes": f"{_INTERNAL}。",
        "an internal part of openJiuwen; programs use Runner": "openJiuwen 的内部部分；程序使用 Runner。",
        "an internal part of openJiuwen's engine; trace frames are TraceSchema objects": (
            "openJiuwen 引擎的内部部分；调测帧是 TraceSchema 对象。"
        ),
        "an internal part of openJiuwen that its documentation does not show": (
            "openJiuwen 的内部部分，其文档没有介绍。"
        ),
    },
)
LANGUAGES = {DOCS / PAGE: ENGLISH, DOCS / "zh-CN" / PAGE: CHINESE}
"""Page → the words that it is written with."""


def page(words: Words) -> str:
    """The page in one language."""
    heading, *columns = words.provided
    parts = [words.head, f"{heading}\n", *_header(columns)]
    for module, names in known_modules().items():
        parts += _row(module, [_shown(module, name, words) for name in names.defined if _is_provided(module, name)])
    heading, *columns = words.refused
    parts.append(f"\n{heading}")
    for reason, text in words.reasons.items():
        if rows := [row for module in known_modules() for row in _row(module, _refused(module, reason))]:
            parts += [f"\n{text}\n", *_header(columns), *rows]
    return "\n".join([*parts, ""])


def _header(columns: Iterable[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---|---|"]


def _row(module: str, names: list[str]) -> list[str]:
    return [f"| `{module}` | {', '.join(names)} |"] if names else []


def _shown(module: str, name: str, words: Words) -> str:
    return f"`{name}` {words.annotated}" if place_of(module, name) is None else f"`{name}`"


def _refused(module: str, reason: str) -> list[str]:
    refused = [name for name in known_modules()[module].defined if not _is_provided(module, name)]
    return [f"`{name}`" for name in refused] if reason_for(module) == reason else []


def _is_provided(module: str, name: str) -> bool:
    return place_of(module, name) is not None or name in LATER.get(module, ())


if __name__ == "__main__":
    for path, words in LANGUAGES.items():
        path.write_text(page(words), encoding="utf-8")
