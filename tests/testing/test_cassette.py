"""Model calls that are recorded once and replayed, over real HTTP, without keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg import LLMCompConfig, LLMComponent, Workflow
from jiuwen_lg.testing import CassetteError, ModelServer, cassette, run
from jiuwen_lg.testing.server import KEY
from tests.flows import chain


def asking(config: Any, text: str = "Hello {{q}}", **options: Any) -> Workflow:
    llm = LLMCompConfig(
        model=config,
        template_content=[{"role": "user", "content": text}],
        response_format={"type": "text"},
        output_config={"text": {"type": "string"}},
    )
    return chain(("say", LLMComponent(llm)), id="w")


def said(flow: Workflow, q: str = "ann") -> Any:
    return run(flow, {"q": q}).result["output"]["say"]["text"]


def test_recorded_once_and_replayed_without_the_model(jiuwen_server: ModelServer, tmp_path: Path) -> None:
    path = tmp_path / "tapes" / "one.json"
    jiuwen_server.replies = [f"hi, your key is {KEY}", "again"]
    with cassette(path, jiuwen_server.config()) as tape:
        assert said(asking(tape.config)).startswith("hi, your key is (key removed)")
        assert said(asking(tape.config), "bob") == "again"
    assert len(jiuwen_server.requests) == 2
    assert jiuwen_server.headers[0]["Authorization"] == f"Bearer {KEY}"
    text = path.read_text(encoding="utf-8")
    assert KEY not in text and "authorization" not in text.lower()
    with cassette(path, jiuwen_server.config(api_base="http://192.0.2.1/v1", api_key="none at all")) as tape:
        assert said(asking(tape.config), "bob") == "again"  # in any order
        assert said(asking(tape.config)).startswith("hi")
    assert len(jiuwen_server.requests) == 2


def test_a_stream(jiuwen_server: ModelServer, tmp_path: Path) -> None:
    from langchain_openai import ChatOpenAI

    jiuwen_server.replies = [["hel", "lo"]]
    for _ in range(2):
        with cassette(tmp_path / "s.json", jiuwen_server.config()) as tape:
            model = ChatOpenAI(base_url=tape.url, api_key="x", model="gpt-test")
            assert "".join(part.text for part in model.stream("hi")) == "hello"
    assert len(jiuwen_server.requests) == 1


def test_a_call_that_is_not_recorded(jiuwen_server: ModelServer, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    with cassette(path, jiuwen_server.config()) as tape:
        said(asking(tape.config))
    whole = pytest.raises(CassetteError, match="does not hold this call.*Goodbye")
    call = pytest.raises(Exception, match="does not hold this call")
    with whole, cassette(path, jiuwen_server.config()) as tape, call:
        said(asking(tape.config, "Goodbye"))
    assert len(jiuwen_server.requests) == 1


def test_a_recorded_call_that_is_not_made(jiuwen_server: ModelServer, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    with cassette(path, jiuwen_server.config()) as tape:
        said(asking(tape.config))
    with pytest.raises(CassetteError, match="1 calls that were not made"), cassette(path, jiuwen_server.config()):
        pass


def test_errors_of_the_model_are_recorded_too(jiuwen_server: ModelServer, tmp_path: Path) -> None:
    jiuwen_server.replies = [400]
    for _ in range(2):
        with cassette(tmp_path / "e.json", jiuwen_server.config()) as tape, pytest.raises(Exception, match="refused"):
            said(asking(tape.config))
    assert len(jiuwen_server.requests) == 1


def test_a_test_that_fails_writes_nothing(jiuwen_server: ModelServer, tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    with pytest.raises(ZeroDivisionError), cassette(path, jiuwen_server.config()) as tape:
        said(asking(tape.config))
        raise ZeroDivisionError
    assert not path.exists()


@pytest.mark.parametrize("text", ["{", "{}", '[{"path": 1}]', "[1]"])
def test_a_damaged_file(text: str, jiuwen_server: ModelServer, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is no cassette"), cassette(path, jiuwen_server.config()):
        pass


def test_modes(jiuwen_server: ModelServer, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with pytest.raises(FileNotFoundError), cassette(path, jiuwen_server.config(), "replay"):
        pass
    for _ in range(2):
        with cassette(path, jiuwen_server.config(), "record") as tape:
            said(asking(tape.config))
    assert len(jiuwen_server.requests) == 2
    assert len(json.loads(path.read_text())) == 1
    with pytest.raises(ValueError, match="'auto', 'replay' or 'record'"), cassette(path, jiuwen_server.config(), "x"):  # type: ignore[arg-type]
        pass
