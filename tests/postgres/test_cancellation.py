"""The storm of cancellations on a server, where what is cancelled is in the middle of an exchange."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.behaviour.test_soak import scaled
from tests.storm import WAYS, Storm, seconds


async def storm(way: str, count: int, seed: int = 1) -> list[str]:
    dice = random.Random(f"{seed} {way}")
    storm = Storm(dice)
    await storm.count_ticks()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await storm._turn({"n": 0}, "measured", streamed=False)
    whole = loop.time() - began
    together = 4
    for first in range(0, count, together):
        sessions = [f"{way} {number}" for number in range(first, min(first + together, count))]
        moments = [[seconds(dice.random() * whole) for _ in range(dice.randrange(1, 4))] for _ in sessions]
        await asyncio.gather(*(storm.cancel_at(id, way, *those) for id, those in zip(sessions, moments, strict=True)))
    return storm.site.faults


@pytest.mark.parametrize("way", WAYS)
async def test_a_storm(way: str) -> None:
    assert await storm(way, 8) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", WAYS)
async def test_a_long_storm(way: str) -> None:
    assert await storm(way, scaled(250), seed=2) == []
