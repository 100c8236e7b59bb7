"""Where a request may go: no tool reaches this machine or its network unless that is allowed.

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


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = [ip.ipv4_mapped, ip.sixtofour] if isinstance(ip, ipaddress.IPv6Address) else []
    return all(one.is_global and not one.is_multicast for one in [ip, *inner] if one is not None)


def _refused(reason: str) -> JiuWenBaseException:
    return StatusCode.URL_INVALID_ERROR.error(reason=reason)
