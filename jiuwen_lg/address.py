"""Addresses that a request may go to: no tool reaches this machine or its network unless that is allowed.

Facts: openJiuwen 0.1.1, `components.md` 1.6. `SSRF_PROTECT_ENABLED=false` allows every address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from jiuwen_lg.environment import is_switched_off
from jiuwen_lg.errors import JiuWenBaseException, StatusCode


async def address_of(host: str, port: int) -> str | None:
    """The address to connect to; None if every one is allowed and none needs to be settled beforehand.

    The request has to go to this very address: a name may lead somewhere else a moment later.

    Raises:
        JiuWenBaseException: 188004, the name leads nowhere, or to an address that is not public.
    """
    if is_switched_off("SSRF_PROTECT_ENABLED"):
        return None
    return await asyncio.to_thread(address_now, host, port)


def address_now(host: str, port: int) -> str | None:
    """The same for synchronous callers."""
    if is_switched_off("SSRF_PROTECT_ENABLED"):
        return None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _refused(f"{host!r} cannot be found: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not _is_public(address):
            raise _refused(
                f"{host!r} leads to {address}, which is not public; SSRF_PROTECT_ENABLED=false allows every address"
            )
    return addresses[0]


_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's wire server, a public address in form only
        "fec0::/10",  # site-local, deprecated but routed where it is configured
        "64:ff9b:1::/48",  # NAT64 of the local network: the prefix does not tell where the IPv4 address stands
        "::ffff:0:0:0/96",  # IPv4-translated
    )
)
"""Refused although Python's `is_global` lets them through."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    return all(_is_global(one) for one in (ip, *_carried_by(ip)))


def _is_global(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    is_refused = any(ip in network for network in _REFUSED if network.version == ip.version)
    return ip.is_global and not ip.is_multicast and not is_refused


def _carried_by(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address carries: a gateway sends its packets there."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return []
    carried = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64 or ip in _IPV4_COMPATIBLE:
        carried.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [one for one in carried if one is not None]


def _refused(reason: str) -> JiuWenBaseException:
    return StatusCode.URL_INVALID_ERROR.error(reason=reason)
