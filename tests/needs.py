"""What some tests need from the machine: without it they are skipped, unless `JIUWEN_LG_COMPLETE` is set."""

from __future__ import annotations

import os

import pytest


def needs(is_there: bool, reason: str) -> pytest.MarkDecorator:
    """Skip a test and say why; where everything is to be tested, its failure says so."""
    is_complete = bool(os.environ.get("JIUWEN_LG_COMPLETE"))
    return pytest.mark.skipif(not is_there and not is_complete, reason=reason)
