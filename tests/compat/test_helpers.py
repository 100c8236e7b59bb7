"""openJiuwen's helpers: nested dicts, JSON, switches."""

from __future__ import annotations

import pytest

from jiuwen_lg import JiuWenBaseException
from jiuwen_lg.compat.dict_utils import (
    create_nested_dict,
    extract_leaf_nodes,
    format_path,
    rebuild_dict,
    rebuild_dict_from_paths,
)
from jiuwen_lg.compat.security import JsonUtils, SslUtils, UrlUtils, UserConfig

NESTED = {"甲": {"b": 1, "c": [1, {"d": 2}]}}


def test_a_dict_is_taken_apart_and_put_together() -> None:
    leaves = extract_leaf_nodes(NESTED)
    assert [format_path(path) for path, _ in leaves] == ["甲.b", "甲.c[0]", "甲.c[1].d"]
    assert rebuild_dict(leaves) == NESTED
    assert rebuild_dict_from_paths(leaves) == {"甲": {"b": 1, "c": {"[0]": 1, "[1]": {"d": 2}}}}
    assert rebuild_dict([(["a", "[2]"], 1)]) == {"a": [None, None, 1]}
    assert create_nested_dict("a/b", 1, "/") == {"a": {"b": 1}}


def test_json_has_codes_or_a_default() -> None:
    assert JsonUtils.safe_json_loads('{"a": 1}') == {"a": 1}
    assert JsonUtils.safe_json_loads("{", default=[]) == []
    assert JsonUtils.safe_json_dumps({"a": "中"}, ensure_ascii=False) == '{"a": "中"}'
    for call, code in (
        (lambda: JsonUtils.safe_json_loads("{"), 188002),
        (lambda: JsonUtils.safe_json_dumps({1}), 188003),
    ):
        with pytest.raises(JiuWenBaseException) as raised:
            call()
        assert raised.value.error_code == code


def test_the_switch_of_sensitive_errors_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IS_SENSITIVE", "true")
    UserConfig.set_is_sensitive(False)
    assert not UserConfig.is_sensitive()
    UserConfig.set_is_sensitive()
    assert UserConfig.is_sensitive()


def test_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFY", "false")
    assert SslUtils.get_ssl_config("VERIFY", "CERT", ["false"]) == (False, False)
    monkeypatch.setenv("VERIFY", "true")
    monkeypatch.setenv("CERT", "/authority.pem")
    assert SslUtils.get_ssl_config("VERIFY", "CERT", ["false"]) == (True, "/authority.pem")
    assert SslUtils.get_ssl_config("VERIFY", "CERT", ["false"], url_is_https=False) == (False, False)
    with pytest.raises(JiuWenBaseException) as raised:
        SslUtils.create_strict_ssl_context("/authority.pem")
    assert raised.value.error_code == 188000


@pytest.mark.parametrize("url", ["ftp://x", "http://", "nothing", None, "http://127.0.0.1/", "http://10.0.0.1"])
def test_addresses_that_may_not_be_called(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSRF_PROTECT_ENABLED", "true")
    with pytest.raises(JiuWenBaseException) as raised:
        UrlUtils.check_url_is_valid(url)
    assert raised.value.error_code == 188004


def test_private_addresses_may_be_called_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSRF_PROTECT_ENABLED", "false")
    UrlUtils.check_url_is_valid("http://127.0.0.1:80/x")
