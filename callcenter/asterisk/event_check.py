"""Checks that an event comes from Asterisk itself, and was not injected through a field of another event.

AMI is a line protocol in which Asterisk prints some fields unescaped: a line break in a field starts a new header or a
new event. Our settings keep such values out of every channel (pjsip.conf: `callerid` of the trunks); this check is the
second line of defence, for whatever bypasses the first. It knows nothing about calls and changes only its counters.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Collection, Mapping
from enum import StrEnum

from callcenter.core.ids import ChannelId
from callcenter.core.server import named_in

Message = Mapping[str, str]

TOKEN = "Token"  # noqa: S105 - the header's name
"""The header in which each UserEvent of the dialplan repeats the token that this controller set at its start."""

_CHANNEL_ID = re.compile(r"(?:[\w.-]{1,80}-)?\d{1,12}\.\d{1,12}|(?:offer|out)-[\w-]{1,40}", re.ASCII)
"""Asterisk's own ids, 1795298577.12 (after the systemname and a hyphen, if it has one), and the ids of our offers and
outgoing calls."""
_SIP_CHANNEL = re.compile(r"PJSIP/(.+)-[0-9a-f]{8}", re.ASCII)
_MANY_LINES = ("Variable", "Output")


class Refusal(StrEnum):
    """Why an event is refused."""

    TOKEN = "token"  # noqa: S105 - a reason
    REPEATED = "repeated header"
    CHANNEL_ID = "channel id"
    CHANNEL_NAME = "channel name"


class EventCheck:
    """`endpoints`: names of all phones and trunks in Asterisk's settings. `refused`: number of events by reason.

    `systemname`: set if there are several Asterisk servers; only events about this server's channels are accepted.
    """

    def __init__(self, token: str, endpoints: Collection[str], systemname: str = "") -> None:
        self._token = token.encode()
        self._systemname = systemname
        self._endpoints = frozenset(endpoints)
        self.refused: Counter[Refusal] = Counter()

    def believes(self, message: Message) -> bool:
        """Return whether the event may be acted on; a refused event is counted."""
        why = self._refusal(message)
        if why:
            self.refused[why] += 1
        return why is None

    def counts(self) -> Mapping[str, int]:
        """Return the number of events refused since the start, for every reason, 0 included."""
        return {reason.value: self.refused[reason] for reason in Refusal}

    def _refusal(self, message: Message) -> Refusal | None:
        kind = message.get("Event")
        if kind == "UserEvent":
            told = message.get(TOKEN, "").encode(errors="replace")
            if not hmac.compare_digest(told, self._token):
                return Refusal.TOKEN
        if "\n" in "".join(message.values()) and any(  # first all at once: hardly a message has any
            "\n" in value and not key.endswith(_MANY_LINES) for key, value in message.items()
        ):
            return Refusal.REPEATED  # the reader joins repeated headers with a line feed
        if kind == "PeerStatus":  # a phone or a trunk; it has no channel
            return None if message.get("Peer", "").removeprefix("PJSIP/") in self._endpoints else Refusal.CHANNEL_NAME
        channel, name = message.get("Uniqueid", ""), message.get("Channel", "")
        if kind == "OriginateResponse":  # a phone that got no channel: its name alone, no id
            return None if name.removeprefix("PJSIP/") in self._endpoints else self._strange_name(name)
        if channel and not self._is_its_own(ChannelId(channel)):
            return Refusal.CHANNEL_ID
        return self._strange_name(name)

    def _is_its_own(self, channel: ChannelId) -> bool:
        if not _CHANNEL_ID.fullmatch(channel):
            return False
        return not self._systemname or named_in(channel) == self._systemname

    def _strange_name(self, name: str) -> Refusal | None:
        if not name.startswith("PJSIP/"):
            return None  # Asterisk's internal channels have many kinds of names; none of them is one of our calls
        found = _SIP_CHANNEL.fullmatch(name)
        return None if found and found[1] in self._endpoints else Refusal.CHANNEL_NAME
