"""openJiuwen's loggers: quiet until a program says where to write."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg import JiuWenBaseException
from jiuwen_lg.compat import log_config as settings
from jiuwen_lg.compat.log_config import LogConfig
from jiuwen_lg.compat.loggers import (
    DefaultLogger,
    LogManager,
    configure_log,
    get_log_max_bytes,
    get_thread_session,
    logger,
    set_thread_session,
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings.log_config, "_settings", settings.log_config._settings)
    monkeypatch.setattr(settings.log_config, "is_given", False)
    LogManager.reset()
    yield
    for known in LogManager.get_all_loggers().values():
        known.reconfigure({"output": []})
    LogManager.reset()


class TestQuiet:
    def test_nothing_is_printed_and_no_file_is_made(self, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        logger.info("hello %s", "you")
        logger.error("not so well")
        assert capfd.readouterr() == ("", "")
        assert list(tmp_path.iterdir()) == []

    def test_handlers_of_the_program_get_the_columns(self, caplog: pytest.LogCaptureFixture) -> None:
        set_thread_session("trace-7")
        with caplog.at_level(logging.INFO):
            logger.warning("hello %s", "you")
        record: Any = caplog.records[-1]
        assert (record.getMessage(), record.trace_id, record.log_type) == ("hello you", get_thread_session(), "common")
        assert record.filename == Path(__file__).name

    def test_levels_hold(self, caplog: pytest.LogCaptureFixture) -> None:
        logger.setLevel(logging.ERROR)
        logger.warning("not shown")
        assert caplog.records == []


class TestWhereItWrites:
    def test_settings_of_a_file(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        page = "logging:\n  log_path: ./日志\n  output: [file]\n  level: DEBUG\n  format: '%(levelname)s %(message)s'\n"
        (tmp_path / "log.yaml").write_text(page, encoding="utf-8")
        configure_log("log.yaml")
        logger.debug("你好")
        assert (tmp_path / "日志" / "run" / "jiuwen.log").read_text(encoding="utf-8") == "DEBUG 你好\n"
        assert capfd.readouterr() == ("", "")

    def test_a_logger_given_other_settings(self, capsys: pytest.CaptureFixture[str]) -> None:
        common = LogManager.get_logger("common")
        common.reconfigure({**common.get_config(), "output": ["console"], "format": "%(message)s"})
        logger.info("once")
        common.reconfigure({**common.get_config(), "output": []})
        logger.info("no more")
        assert capsys.readouterr().out == "once\n"

    def test_a_file_that_is_not_there_is_ignored(self) -> None:
        assert LogConfig("nowhere.yaml").get_all_configs() == LogConfig().get_all_configs()


class TestManager:
    def test_a_registered_logger_is_the_one_that_programs_use(self) -> None:
        class Lines(DefaultLogger):
            lines: list[str] = []  # noqa: RUF012

            def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
                self.lines.append(msg % args)

        logger.info("before")
        LogManager.register_logger("common", Lines("common", {}))
        logger.info("after %d", 1)
        assert Lines.lines == ["after 1"]

    def test_only_loggers_are_registered(self) -> None:
        with pytest.raises(TypeError, match="'x' must be a LoggerProtocol, not object"):
            LogManager.register_logger("x", object())  # type: ignore[arg-type]

    def test_new_kinds_are_made(self) -> None:
        assert LogManager.get_logger("mine") is LogManager.get_logger("mine")
        assert sorted(LogManager.get_all_loggers()) == ["common", "interface", "mine", "performance", "prompt_builder"]
        assert LogManager.get_logger("mine").get_config()["log_file"] == "./logs/mine.log"


@pytest.mark.parametrize(("given", "size"), [(1024, 1024), ("2048", 2048), (0, 104857600), (10**12, 104857600)])
def test_sizes(given: Any, size: int) -> None:
    assert get_log_max_bytes(given) == size


def test_a_size_that_is_no_number_is_refused() -> None:
    with pytest.raises(JiuWenBaseException, match="'much'"):
        get_log_max_bytes("much")
