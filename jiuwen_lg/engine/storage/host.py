"""Which host this is, since when."""

from __future__ import annotations

from pathlib import Path


def boot_id() -> str:
    """What tells this boot of the host from any other; empty where the kernel does not say it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
