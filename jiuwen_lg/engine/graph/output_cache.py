"""The outputs of one component, by its inputs, in a cache of LangGraph's."""

from __future__ import annotations

import hashlib
import heapq
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from langgraph.cache.base import BaseCache, FullKey
from langgraph.cache.memory import InMemoryCache
from langgraph.types import CachePolicy

from jiuwen_lg.engine.graph.digest import IndistinctError, digest_of
from jiuwen_lg.schema.path import MISSING

_logger = logging.getLogger(__name__)


class OutputCache:
    """The outputs of one component, by its inputs.

    An output belongs to the place of a component (a sub-workflow may stand in two) and to what it is: its class and
    configuration, or its code. Where these cannot be taken apart, it belongs to this object alone.

    Args:
        cache: Where they are stored.
        policy: Which inputs are the same, and for how long.
        workflow: The id and the version of the workflow.
        component: The component, with all that tells it from others.
    """

    def __init__(
        self, cache: BaseCache[Any], policy: CachePolicy[Any], workflow: tuple[str, str], component: Any
    ) -> None:
        self._cache = cache
        self._policy = policy
        self._workflow = workflow
        self._identity = _identity(component)
        self._has_warned = False

    async def find(self, key: FullKey) -> Any:
        """Return the output under a key; `MISSING` if there is none."""
        return (await self._cache.aget([key])).get(key, {}).get("output", MISSING)

    async def keep(self, key: FullKey, output: Any) -> None:
        """Store an output, if it comes back as it is."""
        try:
            digest = digest_of(output)
            await self._cache.aset({key: ({"output": output}, self._policy.ttl)})
            found = (await self._cache.aget([key])).get(key, {}).get("output", MISSING)
            if found is MISSING or digest_of(found) == digest:  # MISSING: its time is over already
                return
            reason = "it comes back from the cache as something else"
        except IndistinctError as error:
            reason = str(error)
        await self._cache.aset({key: ({}, self._policy.ttl)})
        self._warn(key[0][2], "output", reason)

    def key(self, place: str, inputs: Any) -> FullKey | None:
        """Return the key of inputs at a component's place; None, with a warning, if they cannot be compared."""
        try:
            made = self._policy.key_func(inputs)
        except IndistinctError as error:
            self._warn(place, "inputs", str(error))
            return None
        key = hashlib.sha256(made if isinstance(made, bytes) else str(made).encode(errors="surrogatepass")).hexdigest()
        return (*self._workflow, place, self._identity), key

    def _warn(self, place: str, what: str, reason: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "the %s of component [%s]: not cached, since equal ones cannot be recognized: %s. "
                "Use plain data, or say what counts with CachePolicy(key_func=...)",
                what,
                place,
                reason,
            )


def _identity(component: Any) -> str:
    try:
        return digest_of(component)
    except IndistinctError:
        return uuid4().hex


class ExpiringCache(InMemoryCache[Any]):
    """LangGraph's cache in memory; entries whose time is over leave it, read again or not."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._ends: list[tuple[float, FullKey]] = []

    def set(self, keys: Mapping[FullKey, tuple[Any, int | None]]) -> None:
        """Store values, each for its number of seconds, and drop those that are over."""
        with self._lock:
            super().set(keys)
            for key, (_, ttl) in keys.items():
                if ttl is not None:
                    heapq.heappush(self._ends, (time.time() + ttl, key))
            self._drop()

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        """The values of the keys that are there, and not over."""
        with self._lock:
            self._drop()
            return super().get(keys)

    def _drop(self) -> None:
        now = time.time()
        while self._ends and self._ends[0][0] <= now:
            _, (namespace, key) = heapq.heappop(self._ends)
            entry = self._cache.get(namespace, {}).get(key)
            if entry is not None and entry[2] is not None and entry[2] <= now:  # not stored again since
                del self._cache[namespace][key]
                if not self._cache[namespace]:
                    del self._cache[namespace]
