"""From which address a request comes. Behind our own reverse proxies, they say so (`X-Forwarded-For`)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from aiohttp import web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Proxies = Sequence[Network]

_OF_ONE_PERSON = 64
"""Bits of an IPv6 address that belong to one connection to the Internet; its owner chooses the rest at will."""
_MOST_PROXIES = 10
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::\d{1,5})?", re.ASCII)


def address_of(request: web.BaseRequest, proxies: Proxies) -> str:
    """Return the address of the nearest sender that is not one of our proxies."""
    return nearest(request.remote or "", request.headers.getall("X-Forwarded-For", ()), proxies)


def over_tls(request: web.BaseRequest, proxies: Proxies) -> bool:
    """Return whether the browser sent the request over TLS, to us or to a proxy of ours (`X-Forwarded-Proto`)."""
    if request.secure:
        return True
    peer = _address(request.remote or "")
    told = request.headers.getall("X-Forwarded-Proto", ())
    return peer is not None and is_proxy(peer, proxies) and list(told)[-1:] == ["https"]


def nearest(peer: str, forwarded: Sequence[str], proxies: Proxies) -> str:
    """Return the last address that our proxies did not add themselves. What strangers write in front is not read.

    That is everything in front of the first part, from the end, that is not a proxy of ours: also one that is no
    address, such as `unknown`, which some proxies write.
    """
    told = [part.strip() for part in ",".join(forwarded)[-1000:].split(",")] if forwarded else []
    found = _address(peer)
    for part in reversed(told[-_MOST_PROXIES:]):
        if found is None or not is_proxy(found, proxies):
            break
        if (told_by_proxy := _address(_without_port(part))) is None:
            break
        found = told_by_proxy
    return group(found) if found else peer


def group(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return the address; of an IPv6 address the network that one person has alone."""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _OF_ONE_PERSON), strict=False))


def is_proxy(address: ipaddress.IPv4Address | ipaddress.IPv6Address, proxies: Proxies) -> bool:
    """Return whether this is one of our proxies."""
    return any(address.version == network.version and address in network for network in proxies)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _without_port(text: str) -> str:
    """Return the address of `198.51.100.1:4711` or `[2001:db8::1]:4711`, as some proxies write it."""
    with_port = _WITH_PORT.fullmatch(text)
    return (with_port[1] or with_port[2]) if with_port else text


def peer_group(peer: str, proxies: Proxies) -> str | None:
    """Return the group of a connection's peer; None for a proxy of ours, behind which there are many people."""
    found = _address(peer)
    if found is None:
        return peer
    return None if is_proxy(found, proxies) else group(found)
