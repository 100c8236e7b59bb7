"""Builders that have a model write or change a prompt.

They ask synchronously, as openJiuwen's do; the instructions that they send are this project's own.
Facts: openJiuwen 0.1.1, `agents.md` 17.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.models.client import BaseModelClient
from jiuwen_lg.models.config import ModelConfig
from jiuwen_lg.models.factory import ModelFactory
from jiuwen_lg.prompts.cases import EvaluatedCase
from jiuwen_lg.prompts.template import Template, fill_content

_MOST_CASES = 10

_WRITE = (
    "You write system prompts for assistants. From what the user wants, write one prompt with these parts: the role, "
    "the task, the rules, the form of the answer. Keep slots in double braces as they are. Write in the language of "
    "the user's text, and give the prompt alone."
)
_PLAN = (
    "You write system prompts for assistants that reach a goal in steps with tools. From what the user wants, write "
    "one prompt with these parts: the role, the goal, the steps and when each is done, which tool serves which step, "
    "the form of the answer. Keep slots in double braces as they are. Write in the language of the user's text, and "
    "give the prompt alone."
)
_WANTED = "What is wanted:\n{{instruction}}\n\nTools:\n{{tools}}"
_CHANGE = (
    "Change this prompt as the feedback asks, and leave everything else as it is, slots in double braces too. Give "
    "the whole changed prompt alone.\n\nPrompt:\n{{prompt}}\n\nFeedback:\n{{feedback}}"
)
_MEANT = (
    "Say in one or two sentences what this feedback wants changed in the prompt at the place that is marked.\n\n"
    "Prompt:\n{{prompt}}\n\nPlace:\n{{place}}\n\nFeedback:\n{{feedback}}"
)
_INSERT = (
    "Write the text to be inserted at the mark [HERE], as the feedback asks. Give the whole prompt with the text "
    "instead of the mark, alone.\n\nPrompt:\n{{prompt}}\n\nFeedback:\n{{feedback}}"
)
_REPLACE = (
    "Rewrite only the marked part of the prompt, between [FROM] and [TO], as the feedback asks. Give the new text of "
    "that part alone.\n\nPrompt:\n{{prompt}}\n\nFeedback:\n{{feedback}}"
)
_ANALYZE = (
    "An assistant with this prompt answered the cases below badly. Say what in the prompt caused it and what would "
    "help, briefly.\n\nPrompt:\n{{prompt}}\n\nCases:\n{{cases}}"
)
_IMPROVE = (
    "Change this prompt so that the assistant answers the cases rightly, as the analysis says; keep what works, and "
    "slots in double braces as they are. Give the whole changed prompt alone.\n\nPrompt:\n{{prompt}}\n\n"
    "Analysis:\n{{analysis}}\n\nCases:\n{{cases}}"
)


class _Builder:
    """What the builders have in common: a model that is asked.

    Args:
        model_config: The model.

    Raises:
        JiuWenBaseException: 181000, there is no such provider.
    """

    def __init__(self, model_config: ModelConfig) -> None:
        info = model_config.model_info
        self._model_name = info.model_name
        self._client: BaseModelClient = ModelFactory().get_model(
            model_config.model_provider,
            api_key=info.api_key,
            api_base=info.api_base,
            timeout=info.timeout,
            temperature=info.temperature,
            top_p=info.top_p,
            **info.extras,
        )

    def _asked(self, messages: Any) -> str:
        return str(self._client.invoke(self._model_name, messages).content)

    def _streamed(self, messages: Any) -> Iterator[str]:
        for chunk in self._client.stream(self._model_name, messages):
            yield str(chunk.content)


class MetaTemplateBuilder(_Builder):
    """Has a model write a prompt from what is wanted."""

    def __init__(self, model_config: ModelConfig) -> None:
        super().__init__(model_config)
        self._templates: dict[str, Template] = {}

    def register_meta_template(self, name: str, meta_template: str | Template) -> None:
        """Keep an instruction of one's own, with the slots `{{instruction}}` and `{{tools}}`.

        Raises:
            JiuWenBaseException: 173000, there is none.
        """
        if not isinstance(meta_template, (str, Template)):
            raise StatusCode.AGENT_BUILDER_META_TEMPLATE_REGISTER_ERROR.error(
                error_msg=f"{name!r} is {meta_template!r}, neither a text nor a Template"
            )
        self._templates[name] = Template(content=meta_template) if isinstance(meta_template, str) else meta_template

    def build(
        self,
        prompt: str | Template,
        tools: Sequence[Any] | None = None,
        template_type: Literal["general", "plan", "other"] = "general",
        custom_template_name: str | None = None,
    ) -> str:
        """Return the prompt that the model writes.

        Args:
            prompt: What is wanted.
            tools: What the assistant may call.
            template_type: What kind of assistant; `"other"` takes an instruction of one's own.
            custom_template_name: The name of that instruction.

        Raises:
            JiuWenBaseException: 170000, the prompt is of another kind; 173001, it is empty, or there is no
                instruction of that name; 181001, the call failed.
        """
        return self._asked(self._messages(prompt, tools, template_type, custom_template_name))

    def stream_build(
        self,
        prompt: str | Template,
        tools: Sequence[Any] | None = None,
        template_type: Literal["general", "plan", "other"] = "general",
        custom_template_name: str | None = None,
    ) -> Iterator[str]:
        """Yield the prompt in parts; see `build`."""
        yield from self._streamed(self._messages(prompt, tools, template_type, custom_template_name))

    def _messages(self, prompt: Any, tools: Any, template_type: str, name: str | None) -> list[dict[str, Any]]:
        values = {"instruction": _text(prompt, StatusCode.AGENT_BUILDER_META_TEMPLATE_ERROR), "tools": str(tools)}
        if template_type != "other":
            instruction = _PLAN if template_type == "plan" else _WRITE
            asked = fill_content(_WANTED, values)
            return [{"role": "system", "content": instruction}, {"role": "user", "content": asked}]
        if name not in self._templates:
            reason = f"there is no meta template {name!r}; there are {[*self._templates]}"
            raise StatusCode.AGENT_BUILDER_META_TEMPLATE_ERROR.error(error_msg=reason)
        return _user(_joined(self._templates[name].format(values)))


class FeedbackPromptBuilder(_Builder):
    """Has a model change a prompt as feedback asks."""

    def build(
        self,
        prompt: str | Template,
        feedback: str,
        mode: Literal["general", "insert", "select"] = "general",
        start_pos: int | None = None,
        end_pos: int | None = None,
    ) -> str:
        """Return the changed prompt; in the mode `"select"` the new text of the part.

        Args:
            prompt: The prompt.
            feedback: What should be different.
            mode: Whether anything may change, a text is inserted, or a part is replaced.
            start_pos: The position of the insertion, or of the part's first character.
            end_pos: The position after the part.

        Raises:
            JiuWenBaseException: 170000, the prompt is of another kind; 173002, something is empty, or a position
                is missing or lies outside the prompt; 181001, the call failed.
        """
        return self._asked(self._messages(prompt, feedback, mode, start_pos, end_pos))

    def stream_build(
        self,
        prompt: str | Template,
        feedback: str,
        mode: Literal["general", "insert", "select"] = "general",
        start_pos: int | None = None,
        end_pos: int | None = None,
    ) -> Iterator[str]:
        """Yield the changed prompt in parts; see `build`."""
        yield from self._streamed(self._messages(prompt, feedback, mode, start_pos, end_pos))

    def _messages(
        self, prompt: Any, feedback: str, mode: str, start: int | None, end: int | None
    ) -> list[dict[str, Any]]:
        text = _text(prompt, StatusCode.AGENT_BUILDER_FEEDBACK_TEMPLATE_ERROR)
        if not feedback:
            raise _bad_feedback("there is no feedback")
        if mode not in ("insert", "select"):
            return _user(fill_content(_CHANGE, {"prompt": text, "feedback": feedback}))
        marked = _marked(text, start, start if mode == "insert" else end, is_part=mode == "select")
        meant = self._asked(_user(fill_content(_MEANT, {"prompt": text, "place": marked, "feedback": feedback})))
        wanted = {"prompt": marked, "feedback": f"{feedback}\n{meant}"}
        return _user(fill_content(_INSERT if mode == "insert" else _REPLACE, wanted))


class BadCasePromptBuilder(_Builder):
    """Has a model change a prompt so that cases come out right."""

    def build(self, prompt: str | Template, cases: Sequence[EvaluatedCase]) -> str:
        """Return the changed prompt.

        Args:
            prompt: The prompt.
            cases: One to ten cases that came out wrong.

        Raises:
            JiuWenBaseException: 170000, the prompt is of another kind; 173003, it is empty, or the number of cases
                is another; 181001, the call failed.
        """
        return self._asked(self._messages(prompt, cases))

    def stream_build(self, prompt: str | Template, cases: Sequence[EvaluatedCase]) -> Iterator[str]:
        """Yield the changed prompt in parts; see `build`."""
        yield from self._streamed(self._messages(prompt, cases))

    def _messages(self, prompt: Any, cases: Sequence[EvaluatedCase]) -> list[dict[str, Any]]:
        failed = StatusCode.AGENT_BUILDER_BAD_CASE_TEMPLATE_ERROR
        text = _text(prompt, failed)
        if not cases or len(cases) > _MOST_CASES:
            raise failed.error(error_msg=f"it takes 1 to {_MOST_CASES} cases, not {len(cases or ())}")
        values = {"prompt": text, "cases": "\n".join(map(_told, cases))}
        analysis = self._asked(_user(fill_content(_ANALYZE, values)))
        return _user(fill_content(_IMPROVE, {**values, "analysis": analysis}))


def _user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def _text(prompt: Any, empty: StatusCode) -> str:
    """A prompt as a text.

    Raises:
        JiuWenBaseException: 170000, it is of another kind; the given code, it is empty.
    """
    if not isinstance(prompt, (str, Template)):
        raise StatusCode.AGENT_BUILDER_AGENT_PARAMS_ERROR.error(
            error_msg=f"a prompt is a text or a Template, not {type(prompt).__name__}"
        )
    text = prompt if isinstance(prompt, str) else _joined(prompt)
    if not text.strip():
        raise empty.error(error_msg="the prompt is empty")
    return text


def _joined(template: Template) -> str:
    return "\n".join(str(message.content) for message in template.to_messages())


def _marked(text: str, start: int | None, end: int | None, *, is_part: bool) -> str:
    """The prompt with the place marked.

    Raises:
        JiuWenBaseException: 173002, the place is missing or lies outside.
    """
    if start is None or end is None or not 0 <= start <= end <= len(text) or (is_part and start == end):
        raise _bad_feedback(f"start_pos {start!r} and end_pos {end!r} name no place in {len(text)} characters")
    inside = f"[FROM]{text[start:end]}[TO]" if is_part else "[HERE]"
    return f"{text[:start]}{inside}{text[end:]}"


def _told(case: EvaluatedCase) -> str:
    told = {"inputs": case.inputs, "right": case.label, "answered": case.answer, "reason": case.reason}
    return json.dumps(told, ensure_ascii=False, default=str)


def _bad_feedback(reason: str) -> JiuWenBaseException:
    return StatusCode.AGENT_BUILDER_FEEDBACK_TEMPLATE_ERROR.error(error_msg=reason)
