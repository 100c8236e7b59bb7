"""What `JIUWEN_LG_DB` may be: never a folder with a password in its name."""

from __future__ import annotations

import os
import warnings

import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException
from jiuwen_lg.engine.storage.place import postgres_url
from tests.flows import Ask, chain, turn

RIGHT = "postgresql://app:s3cret@db.example:5432/app"


@pytest.mark.parametrize(
    "setting",
    [
        RIGHT,
        RIGHT.replace("postgresql", "postgres"),
        RIGHT.replace("postgresql", "postgresql+psycopg"),
        RIGHT.replace("postgresql", "postgresql+asyncpg"),
        RIGHT.replace("postgresql", "POSTGRESQL"),
        f"  {RIGHT}\n",
    ],
)
def test_postgres_is_understood(setting: str) -> None:
    assert postgres_url(setting) == RIGHT


@pytest.mark.parametrize(
    "setting", ["sessions.db", "/var/lib/a b/sessions.db", ":memory:", "数据/会话.db", "a@b.db", ""]
)
def test_a_file_is_a_file(setting: str) -> None:
    assert postgres_url(setting) is None


@pytest.mark.parametrize(
    "setting",
    [
        "mysql://app:s3cret@db/app",
        "sqlite:///sessions.db",
        "jdbc:postgresql://db/app?password=s3cret",
        "postgresqll://app:s3cret@db/app",
        "'postgresql://app:s3cret@db/app'",
        "app:s3cret@db.example:5432/app",
        "//app:s3cret@db.example/app",
        "host=db password=s3cret dbname=app",
        "file:sessions.db?mode=ro",
    ],
)
async def test_anything_else_is_refused_with_the_right_form(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", setting)
    before = sorted(os.listdir())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(JiuWenBaseException, match=r"100908.*postgresql://user:password@host:5432/name") as caught:
            await turn(chain(("ask", Ask())), {"q": 1})
    assert "s3cret" not in str(caught.value)
    assert sorted(os.listdir()) == before


async def test_a_space_around_a_files_name_is_not_a_part_of_it(db: object, monkeypatch: pytest.MonkeyPatch) -> None:
    await turn(chain(("ask", Ask())), {"q": 1})
    monkeypatch.setenv("JIUWEN_LG_DB", f" {db} ")
    done = await turn(chain(("ask", Ask())), InteractiveInput("yes"))
    assert done.result["output"]["ask"]["answer"] == "yes"
