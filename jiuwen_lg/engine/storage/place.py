"""Where `JIUWEN_LG_DB` says that sessions are: a file, memory or a Postgres database."""

from __future__ import annotations

import os
import re
from functools import lru_cache

from jiuwen_lg.errors import JiuWenBaseException, StatusCode

MEMORY = ":memory:"
DEFAULT_FOLDER = ".jiuwen_lg"

_SCHEMES = ("postgresql", "postgres")
_RIGHT = "postgresql://user:password@host:5432/name for Postgres, the path of a file for SQLite, :memory: or off"
_SECRETS = re.compile(r"\b(password|host|hostaddr|dbname|user|service)\s*=", re.IGNORECASE)
_NO_SCHEME = re.compile(r"(//)?[^/\s:@]+:[^/\s]*@[^/\s]+")


def file_of(setting: str) -> str:
    """The file that a setting names which is no URL; the default one if it is empty."""
    return setting if setting == MEMORY else os.path.realpath(setting or os.path.join(DEFAULT_FOLDER, "sessions.db"))


@lru_cache(maxsize=64)
def postgres_url(setting: str) -> str | None:
    """The URL of a Postgres database as libpq reads it; None if the setting names a file or memory.

    SQLAlchemy's forms (`postgresql+psycopg://`) and `postgres://` are understood.

    Raises:
        JiuWenBaseException: 100908, it is a URL of something else, or one without its scheme.
    """
    setting = setting.strip()
    scheme, separator, rest = setting.partition("://")
    if separator:
        name = scheme.lower().partition("+")[0]
        if name not in _SCHEMES:
            raise _refused(f"it is a URL of {name!r}" if re.fullmatch(r"[\w.:-]{1,20}", name) else "it is some URL")
        return f"postgresql://{rest}"
    if setting.lower().startswith("file:"):
        raise _refused("it is a URL of 'file'")
    if _NO_SCHEME.match(setting) or _SECRETS.search(setting):
        raise _refused("it seems to be the address of a database, and no URL")
    return None


def _refused(reason: str) -> JiuWenBaseException:
    """Without the setting itself, which may hold a password."""
    return StatusCode.STORE_UNAVAILABLE.error(store="JIUWEN_LG_DB", reason=f"{reason}; what is right: {_RIGHT}")
