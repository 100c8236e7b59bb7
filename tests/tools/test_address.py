"""Addresses that no tool may reach, in every form that leads to them."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from jiuwen_lg import JiuWenBaseException
from jiuwen_lg.address import address_now, address_of


@pytest.fixture(autouse=True)
def protected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSRF_PROTECT_ENABLED", raising=False)


@pytest.mark.parametrize(
    "host",
    [
        *("64:ff9b::a9fe:a9fe", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::7f00:1"),  # NAT64
        *("::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:0:127.0.0.1"),  # compatible, mapped, translated
        *("2002:7f00:1::", "2001:0:7f00:1::", "fec0::1", "feff::1", "fe80::1", "::", "::1"),
        *("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "64:ff9b::a83f:8110"),  # metadata
        *("127.1", "0177.0.0.1", "0x7f000001", "2130706433", "127.0.0.1.", "0.0.0.0", "224.0.0.1", "255.255.255.255"),
    ],
)
def test_it_is_refused(host: str) -> None:
    with pytest.raises(JiuWenBaseException) as error:
        address_now(host, 80)
    assert error.value.error_code == 188004


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::"])
def test_a_public_one_passes(host: str) -> None:
    assert address_now(host, 443) is not None


async def test_a_resolver_that_changes_its_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: the address that was checked is the one that is used, whatever the name leads to later."""
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert await address_of("rebinding.test", 80) == "93.184.216.34"
    with pytest.raises(JiuWenBaseException, match=r"127\.0\.0\.1"):
        await address_of("rebinding.test", 80)


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(JiuWenBaseException):
        address_now("both.test", 80)
