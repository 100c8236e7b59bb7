"""HTTP services as tools: seed 003's plugin chapter, `components.md` 5.3, 1.6 and the defects Q29, Q30, Q48."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import socket
import ssl
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiuwen_lg import JiuWenBaseException, Param, RestfulApi, address
from jiuwen_lg.tools import restful
from tests.components.test_tool import output
from tests.service import Service


def api(url: str, *params: Param, method: str = "GET", **options: Any) -> RestfulApi:
    return RestfulApi(
        "WeatherReporter", "天气查询插件", [*params], url, options.pop("headers", {}), method, [], **options
    )


KINDS = ["application/json", "text/plain; charset=gbk", "a; charset=utf-16", "b; charset=no-such", ""]


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


class TestRequests:
    async def test_seed_003s_plugin(self, service: Service) -> None:
        service.body = json.dumps({"city": "Hangzhou", "weather": "多云"}).encode()
        tool = api(
            service.url,
            Param(name="location", description="天气查询的地点，必须为英文", type="string", required=True),
            Param(name="date", description="天气查询的时间，格式为YYYY-MM-DD", type="string", required=True),
        )
        found = await output(tool, {"location": "hangzhou", "date": "2025-08-01"})
        assert found == {"error_code": 0, "error_message": "", "data": {"city": "Hangzhou", "weather": "多云"}}
        (asked,) = service.requests
        assert (asked["method"], asked["path"]) == ("GET", "/")
        assert asked["query"] == {"location": ["hangzhou"], "date": ["2025-08-01"]}
        assert asked["body"] == b""

    async def test_every_parameter_in_its_place(self, service: Service) -> None:
        tool = api(
            f"{service.url}/cities/{{city}}?lang=zh",
            Param("city", "", method="Path"),
            Param("days", "", "integer", method="query"),
            Param("key", "", method="Header"),
            Param("note", ""),
            method="post",
        )
        given = {"city": "杭 州/x", "days": 0, "key": "k1", "note": "", "more": {"n": 5, "none": None, "f": False}}
        assert (await tool.ainvoke(given))["errCode"] == 0
        (asked,) = service.requests
        assert asked["path"] == "/cities/%E6%9D%AD%20%E5%B7%9E%2Fx"
        assert asked["query"] == {"lang": ["zh"], "days": ["0"]}
        assert asked["headers"]["key"] == "k1"
        assert json.loads(asked["body"]) == {"note": "", "more": {"n": 5, "none": None, "f": False}}

    @pytest.mark.parametrize("city", ["..", ".", "", None])
    async def test_what_is_no_part_of_a_path_is_182005(self, city: str | None, service: Service) -> None:
        tool = api(f"{service.url}/cities/{{city}}", Param("city", "", method="Path"))
        found = await tool.ainvoke({"city": city})
        assert found["errCode"] == 182005
        assert "[city]" in found["errMessage"]
        assert service.requests == []

    async def test_q29_nothing_leaks_into_the_next_call(self, service: Service) -> None:
        headers = {"fixed": "f"}
        tool = api(service.url, Param("token", "", required=False, method="Headers"), headers=headers)
        for inputs in ({"token": "secret"}, {}):
            await tool.ainvoke(inputs)
        assert [asked["headers"].get("token") for asked in service.requests] == ["secret", None]
        assert headers == {"fixed": "f"}

    async def test_q30_values_keep_their_types(self, service: Service) -> None:
        tool = api(service.url, Param("n", "", "integer"), method="POST")
        await tool.ainvoke({"n": 5, "o": {"k": "v"}, "l": [1, 0], "zero": 0})
        assert json.loads(service.requests[0]["body"]) == {"n": 5, "o": {"k": "v"}, "l": [1, 0], "zero": 0}

    async def test_built_in_parameters_are_sent_and_not_told(self, service: Service) -> None:
        tool = api(service.url, Param("q", ""), builtin_params=[Param("app", "", default_value="a1")])
        assert list(tool.get_tool_info().parameters.properties) == ["q"]
        await tool.ainvoke({"q": "x", "app": "other"})
        assert service.requests[0]["query"] == {"q": ["x"], "app": ["a1"]}

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
    async def test_further_methods(self, method: str, service: Service) -> None:
        await api(service.url, method=method).ainvoke({"a": 1})
        assert (service.requests[0]["method"], service.requests[0]["body"]) == (method, b'{"a":1}')

    def test_an_unknown_method_is_182005(self) -> None:
        with pytest.raises(JiuWenBaseException, match="PATCH") as error:
            api("http://x", method="TRACE")
        assert error.value.error_code == 182005

    def test_it_can_only_be_awaited(self) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            api("http://x").invoke({})
        assert error.value.error_code == 182000


class TestAnswers:
    @pytest.mark.parametrize(
        ("body", "data"),
        [
            (b'{"a": 1}', {"a": 1}),
            (b"[1, 2]", [1, 2]),
            (b"5", 5),
            (b"null", None),
            (b"", ""),
            ("晴".encode(), "晴"),
            (b"[" * 100_000, "[" * 100_000),
        ],
    )
    async def test_what_a_service_gives_is_the_data(self, body: bytes, data: Any, service: Service) -> None:
        service.body = body
        assert await api(service.url).ainvoke({}) == {"errCode": 0, "errMessage": "success", "data": data}

    async def test_a_services_own_failure_passes_through(self, service: Service) -> None:
        service.body = b'{"errCode": 10000, "errMessage": "plugin service unavailable", "data": ""}'
        expected = {"error_code": 10000, "error_message": "plugin service unavailable", "data": ""}
        assert await output(api(service.url), {}) == expected

    @pytest.mark.parametrize("status", [404, 500, 302, 401])
    async def test_a_status_that_is_no_success_is_182004(self, status: int, service: Service) -> None:
        service.status, service.headers = status, {"Location": f"{service.url}/elsewhere"}
        found = await output(api(service.url), {})
        assert (found["error_code"], found["data"]) == (182004, "")
        assert str(status) in found["error_message"]
        assert len(service.requests) == 1

    async def test_bytes_that_are_no_text_are_182000(self, service: Service) -> None:
        service.body = b"\xff\xfe\x00"
        assert (await api(service.url).ainvoke({}))["errCode"] == 182000

    async def test_too_long_an_answer_is_182003(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(restful, "LONGEST_ANSWER", 1000)
        service.body = b"x" * 1001
        assert (await api(service.url).ainvoke({}))["errCode"] == 182003

    @pytest.mark.parametrize(("packed", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
    async def test_a_packed_answer_is_unpacked_as_far_as_it_may_be_long(
        self, packed: str, pack: Callable[[bytes], bytes], service: Service
    ) -> None:
        service.headers = {"Content-Encoding": packed}
        service.body = pack(b'{"a": 1}')
        assert (await api(service.url).ainvoke({}))["data"] == {"a": 1}
        service.body = pack(b"0" * 100_000_000)
        tracemalloc.start()
        try:
            assert (await api(service.url).ainvoke({}))["errCode"] == 182003
            assert tracemalloc.get_traced_memory()[1] < 5 * restful.LONGEST_ANSWER
        finally:
            tracemalloc.stop()
        for body, reason in ((pack(b"0" * 1000)[:-1], "cut off"), (b"no such thing", "cannot be unpacked")):
            service.body = body
            found = await api(service.url).ainvoke({})
            assert found["errCode"] == 182000
            assert reason in found["errMessage"]

    @pytest.mark.parametrize("packed", ["gzip, gzip", "br", "x"])
    async def test_an_answer_that_is_packed_otherwise_is_182000(self, packed: str, service: Service) -> None:
        """Packed twice, a kilobyte is a gigabyte."""
        service.headers = {"Content-Encoding": packed}
        found = await api(service.url).ainvoke({})
        assert found["errCode"] == 182000
        assert f"'{packed}'" in found["errMessage"]

    @settings(
        max_examples=int(os.environ.get("FUZZ", "60")),
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        body=st.binary(max_size=200) | (st.text() | st.text('[]{}:,"019eE.-\\untrfals ', max_size=40)).map(_encoded),
        kind=st.sampled_from(KINDS),
        packed=st.sampled_from(["", "gzip", "deflate"]),
    )
    def test_whatever_is_answered_is_data_or_has_a_code(
        self, body: bytes, kind: str, packed: str, service: Service
    ) -> None:
        service.body, service.kind = body, kind
        service.headers = {"Content-Encoding": packed} if packed else {}
        found = asyncio.run(output(api(service.url), {}))
        assert found["error_code"] in (0, 182000) or {"errCode", "errMessage"} <= json.loads(body).keys()

    async def test_too_late_an_answer_is_182001(self, service: Service) -> None:
        service.gate.clear()
        assert (await api(service.url, timeout=0.1).ainvoke({}))["errCode"] == 182001

    async def test_nobody_there_is_182002(self, service: Service) -> None:
        url = service.url
        service.server_close()
        assert (await api(url, timeout=5).ainvoke({}))["errCode"] == 182002


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            *("http://127.0.0.1:1", "http://localhost:1", "http://10.0.0.1", "http://192.168.1.1", "http://172.16.0.1"),
            *("http://169.254.169.254/latest", "http://100.64.0.1", "http://0.0.0.0", "http://224.0.0.1"),
            *("http://[::1]:1", "http://[::ffff:127.0.0.1]", "http://[2002:7f00:1::]", "http://[fe80::1]"),
            *("http://2130706433", "http://nowhere.invalid"),
            *("http://", "ftp://example.org", "file:///etc/passwd", "no address"),
        ],
    )
    async def test_q48_what_no_tool_may_reach_is_188004(self, url: str) -> None:
        found = await api(url, timeout=5).ainvoke({})
        assert (found["errCode"], found["data"]) == (188004, "")

    async def test_the_checked_address_is_the_one_connected_to(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name that leads elsewhere at the second look is looked up once."""
        looked_up = []

        find = socket.getaddrinfo

        def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
            looked_up.append(host)
            return find("127.0.0.1" if host == "service.test" else host, *args, **options)

        monkeypatch.delenv("SSRF_PROTECT_ENABLED")
        monkeypatch.setattr(address, "_is_public", lambda found: found == "127.0.0.1")
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        found = await api(f"http://service.test:{service.server_port}").ainvoke({})
        assert found["errCode"] == 0
        assert looked_up[0] == "service.test"
        assert looked_up.count("service.test") == 1
        assert service.requests[0]["headers"]["Host"] == f"service.test:{service.server_port}"


class TestCertificates:
    @pytest.fixture
    def secure(self, service: Service, tmp_path: Path) -> Service:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        service.socket = context.wrap_socket(service.socket, server_side=True)
        service.scheme = "https"
        return service

    async def test_they_are_checked(self, secure: Service) -> None:
        found = await api(secure.url).ainvoke({})
        assert found["errCode"] == 182002
        assert "CERTIFICATE_VERIFY_FAILED" in found["errMessage"]

    @pytest.mark.parametrize(
        ("name", "value"), [("RESTFUL_SSL_CERT", "{}/authority.pem"), ("RESTFUL_SSL_VERIFY", "false")]
    )
    async def test_by_these_settings(
        self, name: str, value: str, secure: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv(name, value.format(tmp_path))
        assert (await api(secure.url).ainvoke({}))["errCode"] == 0

    async def test_one_that_cannot_be_used_is_188005(
        self, secure: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("RESTFUL_SSL_CERT", str(tmp_path / "missing.pem"))
        assert (await api(secure.url).ainvoke({}))["errCode"] == 188005
        monkeypatch.setenv("RESTFUL_SSL_CERT", str(tmp_path / "authority.pem"))
        monkeypatch.setenv("SAFE_CERT_DIR", str(tmp_path / "elsewhere"))
        assert (await api(secure.url).ainvoke({}))["errCode"] == 188000


SECRET = "s3cret-4711"


class TestSecrets:
    """What a tool sends with its requests stands in no log, no error and no output."""

    async def test_a_parameter_may_be_the_port(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        tool = api("http://someone:@127.0.0.1:{port}/x?a=b", Param("port", "", method="Path"))
        assert (await output(tool, {"port": str(service.server_port)}))["error_code"] == 0
        assert "GET http://127.0.0.1:{port}/… 200" in caplog.text

    async def test_logs_say_where_a_request_went_only(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        service.headers = {"Set-Cookie": f"session={SECRET}"}
        tool = api(
            f"{service.url}/{{city}}",
            Param("city", "", method="Path"),
            Param("note", ""),
            headers={"Authorization": f"Bearer {SECRET}"},
        )
        tool.builtin_params = [Param("api_key", "", method="Query", default_value=SECRET)]
        assert (await output(tool, {"city": "patient-mueller", "note": "private"}))["error_code"] == 0
        assert f"GET {service.url}/…" in caplog.text
        assert not [word for word in (SECRET, "patient-mueller", "private") if word in caplog.text]
        logging.getLogger("httpx").info("of others: %s", "stays")
        assert "of others: stays" in caplog.text

    @pytest.mark.parametrize(
        ("value", "what"),
        [
            (f"Bearer {SECRET}\n", "a line break"),
            (f"{SECRET}\r\nX-More: 1", "a line break"),
            (f"{SECRET}\x00", "a character that no header may hold"),
        ],
    )
    async def test_a_header_that_cannot_be_sent(self, service: Service, value: str, what: str) -> None:
        found = await output(api(service.url, headers={"Authorization": value}), {})
        assert found["error_code"] == 182005
        assert (
            found["error_message"].endswith(f"header [Authorization] of tool [WeatherReporter] holds {what}")
            or what in found["error_message"]
        )
        assert SECRET not in str(found)
        assert not service.requests
        by_param = api(service.url, Param("X-Key", "", method="Headers"))
        assert SECRET not in str(await output(by_param, {"X-Key": value}))

    @pytest.mark.parametrize("path", [f"ftp://me:{SECRET}@host/", f"//host/?key={SECRET}", f"http://host:{SECRET}/"])
    async def test_an_address_that_cannot_be_reached(self, path: str) -> None:
        tool = api(path, headers={"X-Key": SECRET})
        found = await output(tool, {})
        assert found["error_code"] != 0
        assert SECRET not in str(found)
