"""The address of this machine that others in its network use."""

from __future__ import annotations

import ipaddress
import socket

_ELSEWHERE = {4: (socket.AF_INET, "192.0.2.1"), 6: (socket.AF_INET6, "2001:db8::1")}
"""Addresses of documentation, which are in no network; nothing is sent to them."""


def reachable(bind: str) -> str:
    """Return `bind`, or for "all addresses" (0.0.0.0, ::) the address from which this machine reaches others.

    Without a network it is 127.0.0.1, or ::1.
    """
    address = ipaddress.ip_address(bind)
    if not address.is_unspecified:
        return bind
    family, elsewhere = _ELSEWHERE[address.version]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1" if address.version == 4 else "::1"
