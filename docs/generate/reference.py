"""Writes `docs/reference.md` from the docstrings: `make reference`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import griffe

import jiuwen_lg
from jiuwen_lg import testing

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference.md"

HEAD = """# Reference

The public names with what their docstrings say; made by `make reference`. All are imported from `jiuwen_lg`, unless a
heading says otherwise. Names that only keep a program of openJiuwen's running are here too.
"""
THEMES = {
    "Workflows": ("workflow", "builder", "config", "synchronous", "runner"),
    "Sessions and results": ("interaction", "output", "engine.runtime.interrupts", "engine.serializer"),
    "Writing components": (
        "component",
        "graph",
        "runtime",
        "engine.runtime.router_runtime",
        "testing.detached_runtime",
        "environment",
    ),
    "Control flow": (
        "components.branch",
        "components.condition",
        "components.loop",
        "components.loop_break",
        "components.loop_callback",
        "components.set_variable",
        "components.subworkflow",
    ),
    "Start and End": ("components.start", "components.end"),
    "Components that think": (
        "components.llm",
        "components.intent",
        "components.questioner",
        "components.questioner_config",
        "components.extraction",
    ),
    "Models": ("models.client", "models.config", "models.factory", "models.messages", "models.library"),
    "Prompts and answers": (
        "prompts.template",
        "prompts.assembler",
        "prompts.llm_call",
        "prompts.json_parser",
        "prompts.markdown_parser",
    ),
    "Tools": (
        "components.tool",
        "tools.base",
        "tools.function",
        "tools.param",
        "tools.restful",
        "tools.types",
        "tools.tool_info",
    ),
    "Agents": (
        "agents.agent",
        "agents.config",
        "agents.enums",
        "agents.workflow_agent",
        "agents.react_agent",
        "agents.llm_agent",
        "agents.chat_agent",
        "agents.controller_agent",
        "agents.controller",
        "agents.message",
        "agents.group",
        "agents.group_controller",
    ),
    "Tools of MCP servers": ("tools.mcp",),
    "Conversations and resources": (
        "context.context",
        "context.context_engine",
        "resources",
        "resource_managers",
    ),
    "What ran": ("timeline",),
    "Errors": ("errors",),
}
"""Theme → the modules whose public names it has."""
ALSO = {
    "Testing: `jiuwen_lg.testing`": {f"testing.{module}": names for module, names in testing._NAMES.items()},
    "Fixtures of the pytest plugin": {"pytest_plugin": ("jiuwen_run", "jiuwen_model", "jiuwen_server", "jiuwen_store")},
    "For operators: `jiuwen_lg.operations`": {"operations": ("sessions", "SessionInfo", "prune", "check", "Mismatch")},
    "Workers: `jiuwen_lg.workers`": {
        "workers.client": ("WorkflowClient", "SubmittedTurn"),
        "workers.worker": ("Worker",),
    },
    "Notebooks: `jiuwen_lg.notebook`": {"notebook": ("chat",)},
    "Terminals: `jiuwen_lg.terminal`": {"terminal": ("watch",)},
    "The alias: `jiuwen_lg.compat`": {"compat.alias": ("install",)},
}
"""Heading → module → what it offers besides."""
READING: Any = {"warnings": False, "returns_multiple_items": False, "returns_named_value": False}
"""Fields of models are told as arguments, which griffe would warn of."""
CONSTANTS = "The names of settings are constants of `jiuwen_lg.constants`; [production.md](production.md) lists them."


def reference() -> str:
    """The page."""
    package = griffe.load("jiuwen_lg", search_paths=[str(ROOT)], docstring_parser="google", docstring_options=READING)
    parts = [HEAD]
    for heading, offered in [*((theme, _public(modules)) for theme, modules in THEMES.items()), *ALSO.items()]:
        parts.append(f"## {heading}\n")
        parts += [_entry(package[module][name]) for module, names in offered.items() for name in names]
    return "\n".join([*parts, f"## Settings\n\n{CONSTANTS}\n"])


def _public(modules: Iterable[str]) -> dict[str, tuple[str, ...]]:
    listed = {**jiuwen_lg._NAMES, "synchronous": ("SyncWorkflow",)}
    return {module: listed[module] for module in modules}


def _entry(found: Any) -> str:
    parts = [f"### `{found.name}`\n"]
    if found.is_class:
        bases = ", ".join(str(base) for base in found.bases)
        called = f"\n{found.name}{_call(found)}" if _call(found) else ""
        parts.append(_fenced(f"class {found.name}({bases}){called}" if bases else f"class {found.name}{called}"))
    elif found.is_function:
        parts.append(_fenced(_signature(found)))
    parts.append(_text(found))
    if (owner := _owner(found)) is not None:
        parts += [_member(member) for member in owner.members.values() if _is_shown(member)]
    return "\n".join(part for part in parts if part)


def _owner(found: Any) -> Any:
    """The class whose members belong to an entry: itself, or that of the one object of a private class."""
    if found.is_class:
        return found
    made_by = str(found.value.function) if found.is_attribute and isinstance(found.value, griffe.ExprCall) else ""
    return found.module[made_by] if made_by.startswith("_") else None


def _is_shown(member: Any) -> bool:
    is_public = not member.name.startswith("_") and not member.is_alias
    return is_public and bool(member.docstring) and (member.is_function or member.is_attribute)


def _member(member: Any) -> str:
    if member.is_function:
        return f"**`{_signature(member)}`**\n\n{_text(member)}"
    typed = f": {member.annotation}" if member.annotation else ""
    return f"**`{member.name}{typed}`**\n\n{_text(member)}"


def _call(owner: Any) -> str:
    init = owner.members.get("__init__")
    return f"({_parameters(init)})" if init is not None and init.is_function else ""


def _signature(function: Any) -> str:
    result = f" -> {function.returns}" if function.returns else ""
    prefix = "async " if "async" in function.labels else ""
    return f"{prefix}{function.name}({_parameters(function)}){result}"


def _parameters(function: Any) -> str:
    shown: list[str] = []
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        kind = parameter.kind
        stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}.get(kind, "")
        if kind is griffe.ParameterKind.keyword_only and "*" not in [text[:1] for text in shown]:
            shown.append("*")
        text = f"{stars}{parameter.name}" + (f": {parameter.annotation}" if parameter.annotation else "")
        if parameter.default is not None and not stars:
            text += f" = {parameter.default}" if parameter.annotation else f"={parameter.default}"
        shown.append(text)
    return ", ".join(shown)


def _text(found: Any) -> str:
    """A docstring as Markdown."""
    if not found.docstring:
        return ""
    return "\n".join(_section(section) for section in found.docstring.parsed)


def _section(section: Any) -> str:
    if section.kind is griffe.DocstringSectionKind.text:
        return f"{_plain(section.value)}\n"
    if section.kind is griffe.DocstringSectionKind.examples:
        return "".join(_fenced(text) + "\n" if "examples" in str(kind) else f"{text}\n" for kind, text in section.value)
    title = section.kind.value.replace("parameters", "arguments").capitalize()
    if not isinstance(section.value, list):
        return f"{title}: {_plain(str(section.value))}\n"
    return f"{title}:\n\n" + "\n".join(f"- {_item(item)}" for item in section.value) + "\n"


def _item(item: Any) -> str:
    text = " ".join(item.description.split())
    name = getattr(item, "name", "") or (str(item.annotation) if type(item).__name__ == "DocstringRaise" else "")
    return f"`{name}`: {text}" if name else text


def _plain(text: str) -> str:
    """Indented blocks become fenced ones; where a fact comes from is for those who write the package."""
    text = re.sub(r" \(seed \d+\)", "", text)
    text = re.sub(r"\s*\b(?:Source|Facts): [^\n]*(?:\n(?!\n)[^\n]*)*", "", text)
    block = re.compile(r"(?:^ {4}.*\n?)+", re.MULTILINE)
    return block.sub(lambda found: _fenced(re.sub(r"(?m)^ {4}", "", found[0]).strip()), text.strip())


def _fenced(code: str) -> str:
    return f"```py\n{code}\n```\n"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
