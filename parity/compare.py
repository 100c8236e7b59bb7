"""What counts as the same outcome, and which differences are intended (`docs/differences.md`)."""

from __future__ import annotations

import json
from typing import Any

SAME, RANDOM, PEER_FAILED, DIFFERENT = "same", "random there", "peer failed", "different"


def verdict(ours: dict[str, Any], theirs: list[dict[str, Any]]) -> str:
    """Compare what a case gave here with what it gave there under several hash seeds."""
    if any("hang" in outcome or "crash" in outcome for outcome in theirs):
        return PEER_FAILED
    variants = {canonical(outcome) for outcome in theirs}
    if canonical(ours) in variants:
        return SAME
    return RANDOM if len(variants) > 1 else DIFFERENT


def canonical(outcome: dict[str, Any]) -> str:
    """An outcome as text in which only what is promised counts.

    Questions are listed in no promised order there, so they are sorted; the text of an
    error counts where a seed prints it (100005).
    """
    turns = [_turn(turn) for turn in outcome.get("turns", [])]
    kept = {key: value for key, value in outcome.items() if key in {"hang", "crash"}}
    return json.dumps({"turns": turns, "ran": outcome.get("ran"), **kept}, sort_keys=True, ensure_ascii=False)


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    if "error" in turn:
        return turn if turn["error"] == 100005 else {"error": turn["error"]}
    if "frames" not in turn:
        return turn
    asked = [frame for frame in turn["frames"] if "asks" in frame]
    other = [frame for frame in turn["frames"] if "asks" not in frame]
    # A run that stops at a question has no final frame.
    if asked:
        other = [frame for frame in other if frame.get("type") != "workflow_final"]
    # Siblings that run at once interleave their frames as they please.
    other.sort(key=lambda frame: str(frame.get("type")))
    return {"asks": sorted(asked, key=lambda f: (f["asks"], f["index"], str(f["value"]))), "frames": other}
