"""Thoughts in the text of a reply: told apart from the answer, in every form that services leave them in.

Known are tags (`<think>`, `<thinking>`, `<seed:think>`, in any case), replies that have only the end tag because the
chat template wrote the first one, and the channels of gpt-oss. Every step is linear in the reply's length.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TAG = re.compile(r"<(/?)(?:[a-z]{1,16}:)?(?:think|thinking|thought|thoughts|reasoning)>", re.IGNORECASE)
LONGEST_TAG = 32
"""In characters: a stream holds back so much of what may become a tag."""

_SPACE = "\ufeff \t\r\n"
_CHANNEL = re.compile(r"<\|channel\|>\s{0,8}(\w{1,32})[^<]{0,200}(?:<\|constrain\|>[^<]{0,64})?<\|message\|>")
_END_OF_MESSAGE = re.compile(r"<\|(?:end|return|call|start|channel)\|>")


class Separated(NamedTuple):
    """A reply, or a part of one, in two.

    Attributes:
        thoughts: What the model thought; empty if it showed nothing.
        answer: The rest, without spaces around it if there were thoughts.
    """

    thoughts: str
    answer: str


def separated(text: str, *, anywhere: bool = False) -> Separated:
    """Tell the thoughts of a reply from its answer.

    Args:
        text: The reply.
        anywhere: Whether tags count in the middle of the text too: in a reply that is to be JSON they are never
            part of the answer, in prose they may be what it is about.
    """
    if "<|channel|>" in text:
        return _of_channels(text)
    tags = [*_TAG.finditer(text)]
    if not tags or not (anywhere or _leads(text, tags[0])):
        return Separated("", text)
    return _of_tags(text, tags, anywhere=anywhere)


def _leads(text: str, tag: re.Match[str]) -> bool:
    """Whether a text begins with thoughts: with their tag, or with their end on a line's end."""
    if not tag[1]:
        return not text[: tag.start()].strip(_SPACE)
    before, after = text[tag.start() - 1 : tag.start()], text[tag.end() : tag.end() + 1]
    return before == "\n" or after in ("", "\n", "\r")


def _of_tags(text: str, tags: list[re.Match[str]], *, anywhere: bool) -> Separated:
    thoughts: list[str] = []
    answer: list[str] = []
    depth = at = 0
    for number, tag in enumerate(tags):
        piece = text[at : tag.start()]
        if depth == 0 and not tag[1] and not anywhere and number and piece.strip():
            break  # the answer has begun; a tag in it belongs to it
        if tag[1] and depth == 0 and (anywhere or number == 0):  # an end without a beginning: all before it was thought
            thoughts += [*answer, piece]
            answer.clear()
        elif tag[1] and depth == 0:
            break
        else:
            (thoughts if depth else answer).append(piece)
        depth = max(0, depth - 1) if tag[1] else 1
        at = tag.end()
    (thoughts if depth else answer).append(text[at:])
    return Separated("".join(thoughts).strip(_SPACE), "".join(answer).strip(_SPACE))


def _of_channels(text: str) -> Separated:
    """gpt-oss: `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…`."""
    thoughts: list[str] = []
    answer: list[str] = []
    starts = [*_CHANNEL.finditer(text)]
    if not starts:
        return Separated("", text)
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        body = text[start.end() : following.start() if following else len(text)]
        if end := _END_OF_MESSAGE.search(body):
            body = body[: end.start()]
        (answer if start[1] == "final" else thoughts).append(body)
    return Separated("\n".join(thoughts).strip(), "".join(answer).strip())


class ThoughtFilter:
    """Tells thoughts from the answer while a reply streams: only what leads the reply counts as thoughts.

    A reply that has only the end tag cannot be told apart before that tag has come, so it passes as it is.
    """

    def __init__(self) -> None:
        self._held = ""
        self._has_thoughts = self._thinks = self._answers = False

    def feed(self, part: str) -> Separated:
        """Return what of a part is known to be thoughts, and what the answer."""
        if self._answers:
            return Separated("", part)
        self._held += part
        return self._known(is_last=False)

    def end(self) -> Separated:
        """Return what is left when nothing more comes."""
        return self._known(is_last=True)

    def _known(self, *, is_last: bool) -> Separated:
        thoughts = ""
        while self._held and not self._answers:
            if self._thinks:
                thoughts += self._thought(is_last=is_last)
                if self._thinks:
                    break
                continue
            lead = self._held.lstrip(_SPACE)
            if (tag := _TAG.match(lead)) and not tag[1]:
                self._thinks = self._has_thoughts = True
                self._held = lead[tag.end() :]
            elif _may_become_tag(lead) and not is_last:
                break
            else:
                self._answers = True
                self._held = lead if self._has_thoughts else self._held
        answer = self._held if self._answers else ""
        self._held = "" if self._answers else self._held
        return Separated(thoughts, answer)

    def _thought(self, *, is_last: bool) -> str:
        """The thoughts up to their end tag, or all but what may be the beginning of it."""
        tag = next((found for found in _TAG.finditer(self._held) if found[1]), None)
        end = tag.start() if tag else len(self._held) if is_last else max(0, len(self._held) - LONGEST_TAG)
        thought = self._held[:end]
        self._held = self._held[tag.end() if tag else end :]
        self._thinks = tag is None
        return thought


def _may_become_tag(text: str) -> bool:
    """Whether a text may be the beginning of a tag, or nothing but spaces."""
    return len(text) < LONGEST_TAG and (not text or (text[0] == "<" and ">" not in text and " " not in text))
