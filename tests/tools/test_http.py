"""HTTP as the world sends it: charsets, packings, URLs, headers and bodies, each as a service means them."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import logging
import zlib
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from jiuwen_lg import JiuWenBaseException, Param, RestfulApi
from jiuwen_lg.tools import restful
from jiuwen_lg.unpacking import TooLongError, Unpacker, text_of_body
from tests.service import Service
from tests.tools.test_restful import api

CITY = {"城": "杭州", "n": 1}


def raw(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


def unpacked(packing: str, body: bytes, step: int, limit: int = 1000) -> bytes:
    unpacker = Unpacker(packing, limit)
    found = b"".join(unpacker.feed(body[at : at + step]) for at in range(0, len(body), step))
    unpacker.end()
    return found


class TestUnpacking:
    @pytest.mark.parametrize("step", [1, 2, 7, 10_000])
    @pytest.mark.parametrize(
        ("packing", "body", "expected"),
        [
            ("gzip", gzip.compress(b"hello" * 20), b"hello" * 20),
            ("GZIP ", gzip.compress(b"a"), b"a"),
            ("x-gzip", gzip.compress(b"a") + gzip.compress(b"b") + gzip.compress(b""), b"ab"),
            ("gzip", gzip.compress(b"a") + b"\0" * 8, b"a"),
            ("deflate", zlib.compress(b"hello" * 20), b"hello" * 20),
            ("deflate", raw(b"hello" * 20), b"hello" * 20),
            ("", b"plain", b"plain"),
            ("gzip", b"", b""),
            ("deflate", b"", b""),
        ],
        ids=[
            "gzip",
            "name",
            "members",
            "padding",
            "zlib",
            "raw",
            "plain",
            "no gzip",
            "no deflate",
        ],  # gzip has the time
    )
    def test_in_parts_of_any_length(self, packing: str, body: bytes, expected: bytes, step: int) -> None:
        assert unpacked(packing, body, step) == expected

    @pytest.mark.parametrize("step", [1, 10_000])
    @pytest.mark.parametrize(
        "body",
        [gzip.compress(b"0" * 2000), gzip.compress(b"0" * 600) * 2, gzip.compress(b"") * 100],
        ids=["one", "two members", "many empty members"],
    )
    def test_what_is_too_long_is_refused_while_it_is_unpacked(self, body: bytes, step: int) -> None:
        with pytest.raises(TooLongError, match="1000 bytes"):
            unpacked("gzip", body, step)

    @pytest.mark.parametrize("packing", ["gzip", "deflate"])
    def test_what_is_cut_off_is_an_error(self, packing: str) -> None:
        body = (gzip.compress if packing == "gzip" else zlib.compress)(b"hello" * 20)
        for end in (1, 5, len(body) - 1):
            with pytest.raises(ValueError, match="cut off"):
                unpacked(packing, body[:end], 3)

    @pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip", "x-unknown"])
    def test_other_packings_are_refused(self, packing: str) -> None:
        with pytest.raises(ValueError, match="gzip or deflate"):
            Unpacker(packing, 10)


class TestCharsets:
    @pytest.mark.parametrize(
        ("body", "kind", "text"),
        [
            ("杭州".encode(), "application/json", "杭州"),
            (b"\xef\xbb\xbf" + "杭州".encode(), "text/plain; charset=gbk", "杭州"),
            ("杭州".encode("utf-16"), "application/json", "杭州"),
            ("杭州".encode("utf-32"), "application/json", "杭州"),
            ("杭州".encode("utf-16-be"), "a/b; charset=UTF-16BE", "杭州"),
            ("朱镕基".encode("gbk"), "text/html; charset=gb2312", "朱镕基"),
            ("㐀".encode("gb18030"), "text/html; charset=GBK", "㐀"),
            ("杭州".encode(), 'text/html; charset="utf8mb4"', "杭州"),
            ("臺灣".encode("big5"), "text/html;charset=Big5", "臺灣"),
            ("日本①".encode("cp932"), "text/html; charset=Shift_JIS", "日本①"),
            ("한국".encode("cp949"), "text/html; x=y; charset=euc-kr", "한국"),
            ("é€".encode("iso-8859-15"), "application/json; charset=iso-8859-15", "é€"),
            ("杭州".encode(), "application/json; charset=iso-8859-1", "杭州"),
            ("“é”".encode("cp1252"), "text/html; charset=iso-8859-1", "“é”"),
            ("é".encode("latin-1"), "text/plain", "é"),
            ("<meta charset=gbk>杭州".encode("gbk"), "text/html", "<meta charset=gbk>杭州"),
            (b"", "application/json", ""),
        ],
    )
    def test_a_body_is_read_in_the_charset_it_is_in(self, body: bytes, kind: str, text: str) -> None:
        assert text_of_body(body, kind) == text

    @pytest.mark.parametrize("label", ["idna", "punycode", "unicode_escape", "utf-7", "rot13", "zlib", "hex", "mbcs"])
    def test_a_label_never_chooses_a_codec_that_takes_long(self, label: str) -> None:
        """`punycode` takes minutes for what fits into an answer."""
        assert text_of_body(b"a-" + b"b" * 100_000, f"text/plain; charset={label}").startswith("a-bbb")

    @pytest.mark.parametrize("kind", ["application/json", "text/html; charset=utf-8", "a/b; charset=euc-jp"])
    def test_what_is_no_text_is_an_error(self, kind: str) -> None:
        with pytest.raises(ValueError, match="no text"):
            text_of_body(b"\xff\x81\xfe", kind)


class TestAnswers:
    @pytest.mark.parametrize(
        ("packing", "body"),
        [
            ("gzip", gzip.compress(json.dumps(CITY).encode()[:10]) + gzip.compress(json.dumps(CITY).encode()[10:])),
            ("deflate", raw(json.dumps(CITY).encode())),
            ("", b"\xef\xbb\xbf" + json.dumps(CITY, ensure_ascii=False).encode()),
        ],
        ids=["gzip", "deflate", "mark"],
    )
    async def test_they_are_read(self, packing: str, body: bytes, service: Service) -> None:
        service.body, service.headers = body, {"Content-Encoding": packing} if packing else {}
        assert (await api(service.url).ainvoke({}))["data"] == CITY

    async def test_one_without_a_body(self, service: Service) -> None:
        service.body, service.status = b"", 204
        assert await api(service.url).ainvoke({}) == {"errCode": 0, "errMessage": "success", "data": ""}

    async def test_a_large_one_is_read_outside_of_the_event_loop(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(restful, "_QUICK", 10)
        service.body = json.dumps([CITY] * 100).encode()
        assert (await api(service.url).ainvoke({}))["data"] == [CITY] * 100

    async def test_large_whole_numbers_stay_exact(self, service: Service) -> None:
        service.body = b'{"id": 7615917337495251231}'
        tool = api(service.url, Param("id", "", "number"), method="POST")
        assert (await tool.ainvoke({"id": 2**70}))["data"] == {"id": 7615917337495251231}
        assert json.loads(service.requests[0]["body"]) == {"id": 2**70}


class TestUrls:
    @pytest.mark.parametrize(
        ("path", "given", "sent"),
        [
            ("/x?flag", {}, "flag"),
            ("/x?flag", {"a": 1}, "flag&a=1"),
            ("/x?q=a+b&sig=a%2Bb%2F%3D", {"a": "b&c"}, "q=a+b&sig=a%2Bb%2F%3D&a=b%26c"),
            ("/x?a=1&a=2#top", {"b": True}, "a=1&a=2&b=true"),
            ("/x?a=1", {"a": 2}, "a=2"),
            ("/x", {"a": ["1", 2], "e": "", "none": None}, "a=1&a=2&e="),
            ("/x", {"a": 2**70, "f": 5, "d": Decimal("1.50")}, "a=1180591620717411303424&f=5&d=1.50"),
            ("/x", {"城": dt.date(2026, 1, 2)}, "%E5%9F%8E=2026-01-02"),
            ("/x", {"o": {"k": "杭"}}, "o=%7B%22k%22%3A+%22%E6%9D%AD%22%7D"),
            ("/x", {}, ""),
        ],
    )
    async def test_a_query_is_sent_as_it_is_written(
        self, path: str, given: dict[str, Any], sent: str, service: Service
    ) -> None:
        assert (await api(service.url + path).ainvoke(given))["errCode"] == 0
        assert service.requests[0]["raw_query"] == sent

    async def test_neither_url_nor_inputs_are_logged(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        tool = api(
            f"{service.url}/{{city}}",
            Param("city", "", method="Path"),
            builtin_params=[Param("key", "", method="Query", default_value="s3cret")],
        )
        await tool.ainvoke({"city": "somewhere"})
        assert service.requests[0]["query"] == {"key": ["s3cret"]}
        assert "s3cret" not in caplog.text
        assert "somewhere" not in caplog.text


class TestHeaders:
    @pytest.mark.parametrize(
        ("value", "sent"), [("abc", b"abc"), ("杭州", "杭州".encode()), (5, b"5"), (True, b"true"), (["a"], b'["a"]')]
    )
    async def test_a_value_as_it_is_sent(self, value: Any, sent: bytes, service: Service) -> None:
        tool = api(service.url, Param("X-Name", "", method="Headers"), headers={"X-None": None})
        assert (await tool.ainvoke({"X-Name": value}))["errCode"] == 0
        headers = service.requests[0]["headers"]
        assert headers["X-Name"].encode("latin-1") == sent
        assert "X-None" not in headers

    @pytest.mark.parametrize("value", ["Bearer s3cret\n", "s3cret\r\nX-Evil: 1", "s3cret\0", "s3cret\ud800"])
    async def test_what_cannot_stand_in_one_is_named_and_not_quoted(self, value: str, service: Service) -> None:
        found = await api(service.url, headers={"Authorization": value}).ainvoke({})
        assert found["errCode"] == 182005
        assert "[Authorization]" in found["errMessage"]
        assert "s3cret" not in found["errMessage"]
        assert service.requests == []

    async def test_a_name_that_is_none_is_named(self, service: Service) -> None:
        found = await api(service.url, headers={"no name": "x"}).ainvoke({})
        assert (found["errCode"], service.requests) == (182005, [])
        assert "'no name'" in found["errMessage"]


class TestBodies:
    async def sent(self, service: Service, value: Any, kind: str = "") -> dict[str, Any]:
        headers = {"content-type": kind} if kind else {}
        found = await api(service.url, headers=headers, method="POST").ainvoke({"v": value})
        assert found["errCode"] == 0
        asked: dict[str, Any] = service.requests[-1]
        return asked

    @pytest.mark.parametrize(
        ("value", "sent"),
        [
            (dt.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),  # noqa: DTZ001
            ([{"d": dt.date(2026, 1, 2)}], [{"d": "2026-01-02"}]),
            (Decimal("1.50"), "1.50"),
            (UUID(int=1), str(UUID(int=1))),
            (2**70, 2**70),
            ("杭州", "杭州"),
            ({"a": (1, True, None)}, {"a": [1, True, None]}),
        ],
    )
    async def test_json(self, value: Any, sent: Any, service: Service) -> None:
        asked = await self.sent(service, value)
        assert json.loads(asked["body"]) == {"v": sent}
        assert asked["headers"]["Content-Type"] == "application/json"

    @pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, "half \ud800", object(), b"\xff"])
    async def test_what_is_no_json_is_named(self, value: Any, service: Service) -> None:
        found = await api(service.url, method="POST").ainvoke({"fine": 1, "v": value})
        assert (found["errCode"], service.requests) == (182005, [])
        assert "[v]" in found["errMessage"]

    async def test_a_form(self, service: Service) -> None:
        asked = await self.sent(service, ["a b", True, {"k": "杭"}], "application/x-www-form-urlencoded")
        assert asked["body"] == b"v=a+b&v=true&v=%7B%22k%22%3A+%22%E6%9D%AD%22%7D"
        assert asked["headers"]["content-type"] == "application/x-www-form-urlencoded"

    async def test_files(self, service: Service) -> None:
        file = {"filename": "a.txt", "content": "inhalt", "content_type": "text/x"}
        asked = await self.sent(service, [file, b"bytes", 5], "multipart/form-data")
        boundary = asked["headers"]["Content-Type"].partition("boundary=")[2].encode()
        parts = asked["body"].split(b"--" + boundary)
        assert b'name="v"; filename="a.txt"\r\nContent-Type: text/x\r\n\r\ninhalt' in parts[1]
        assert b'filename="v"' in parts[2]
        assert parts[2].strip().endswith(b"bytes")
        assert parts[3].strip() == b'Content-Disposition: form-data; name="v"\r\n\r\n5'

    async def test_text_of_another_kind(self, service: Service) -> None:
        asked = await self.sent(service, "<a>杭</a>", "application/xml; charset=utf-8")
        assert asked["body"].decode() == "<a>杭</a>"
        assert asked["headers"]["content-type"] == "application/xml; charset=utf-8"


def test_an_open_object_needs_no_schema_if_it_is_declared_by_type() -> None:
    assert Param("o", "", type="object").json_schema() == {"description": "", "type": "object"}
    with pytest.raises(JiuWenBaseException):
        Param("o", "", param_type="object")
    assert RestfulApi("n", "d", [], "http://x", {}, "GET", []).get_tool_info().name == "n"
