"""The answers that a session has stored, for the components of one turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from jiuwen_lg.schema.path import MISSING


async def _no_store(id: str, token: str) -> Any:
    raise LookupError(f"no early answer is stored for [{id}] and {token}")


class AnswerBook:
    """Answers by the token of their question, and early answers by the component that has not asked yet.

    Args:
        answers: The stored answers, by token.
        early: The early answers, by executable id.
        claim: Makes an early answer the answer of a question, in the session's row too, and returns it.
        exact: The tokens of the questions whose answers are for them alone.
    """

    def __init__(
        self,
        answers: Mapping[str, Any] | None = None,
        early: Mapping[str, Any] | None = None,
        claim: Callable[[str, str], Awaitable[Any]] = _no_store,
        exact: Collection[str] = (),
    ) -> None:
        self.exact: Collection[str] = exact
        self._answers: Mapping[str, Any] = answers if answers is not None else {}
        self._early: Mapping[str, Any] = early if early is not None else {}
        self._claim = claim

    @property
    def tokens(self) -> list[str]:
        """The tokens of the questions that have an answer."""
        return [*self._answers]

    @property
    def early(self) -> dict[str, Any]:
        """The early answers that no question has claimed."""
        return dict(self._early)

    def answer_to(self, token: str) -> Any:
        """Return the stored answer to a question; MISSING if there is none."""
        return self._answers.get(token, MISSING)

    def is_exact(self, token: str) -> bool:
        """Whether the answer to a question was given to it and to no other."""
        return token in self.exact

    def has_early(self, id: str) -> bool:
        """Whether an early answer waits for the next question of a component."""
        return id in self._early

    async def claim(self, id: str, token: str) -> Any:
        """Make the early answer for a component the answer of its question."""
        return await self._claim(id, token)
