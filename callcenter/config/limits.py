"""How many calls and RTP ports there are at most, from the settings of lines, phones and trunks."""

from __future__ import annotations

from callcenter.config.description import Description
from callcenter.config.sections import Trunk

BEING_REFUSED = 50
"""Calls that may arrive in the moment (tens of milliseconds) before the dialplan refuses them. Asterisk gives each its
RTP ports before its first step of the dialplan."""

PORTS_PER_SESSION = 2
"""RTP and RTCP."""


def callers(config: Description) -> int:
    """Return the most callers at the same time: those admitted, and those who hear that they are not."""
    return sum(line.capacity + line.spoken_refusals for line in config.lines.values())


def trunk_calls(config: Description, trunk: Trunk) -> int:
    """Return the most callers of a trunk at the same time."""
    return trunk.max_calls or callers(config)


def channels(config: Description) -> int:
    """Return Asterisk's limit of channels in the dialplan: callers, and each phone with an offer and a code."""
    return callers(config) + BEING_REFUSED + 2 * len(config.phones)


def rtp_ports(config: Description) -> int:
    """Return the number of RTP ports that all these calls need, with the calls to general lines."""
    general = sum(line.general_calls for line in config.lines.values() if line.general_line)
    return PORTS_PER_SESSION * (channels(config) + general)
