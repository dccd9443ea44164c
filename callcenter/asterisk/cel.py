"""Builds call histories from the lines of Asterisk's journal. Pure: lines in, `CallHistory` out.

A line has six columns (`dialplan/cel_custom.conf.j2`): time, event, the channel's unique id, linked id, the channel's
name, and JSON. A caller is a channel that reached a line (CC_ARRIVED) or another step of the dialplan (CC_STAGE). A leg
of the call is a phone's channel that Asterisk created for it (its linked id is the caller's), that was offered the call
(CC_OFFER), or that was in a bridge with the caller.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from callcenter.core.call_history import CallHistory, LegHistory
from callcenter.core.ids import (
    NO_BRIDGE,
    NO_CHANNEL,
    NO_LINE,
    NO_PHONE,
    BridgeId,
    CallId,
    ChannelId,
    ChannelName,
    LineId,
    PhoneName,
)
from callcenter.core.records import HungUpBy

ARRIVING = "arriving"
"""The dialplan step that CC_ARRIVED stands for."""
REFUSED = frozenset({"closed", "full"})
"""Dialplan steps in which the system ends the call."""
CALL_BACK = "call-back"
"""The dialplan step that ends the call of a caller who keeps the place."""
FAREWELL = "leaving"
"""The dialplan step (good-bye) after a conversation that the operator ended."""

CAUSES = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    26: "Answered elsewhere",
    27: "Destination out of order",
    31: "Normal, unspecified",
    34: "Circuit/channel congestion",
    38: "Network out of order",
    41: "Temporary failure",
    44: "Requested channel not available",
    102: "Recover on timer expiry",
    127: "Interworking, unspecified",
}
"""Texts of the Q.850 hang-up causes, worded as in AMI."""

_COLUMNS = 6
_END_OF_TIME = 1e11
"""Largest accepted time, in seconds of the epoch; later ones could not be converted to a date."""
_BEGINNING = re.compile(rb'"\d{1,11}\.\d{6}","')


class Entry(NamedTuple):
    """One line of the journal."""

    at: float
    """Seconds of the epoch."""
    kind: str
    channel: ChannelId
    linked: ChannelId
    name: ChannelName
    extra: dict[str, object]

    def text(self, key: str = "extra") -> str:
        """Return a value of the JSON; '' if it is missing."""
        return str(self.extra.get(key, ""))


def parse(line: bytes) -> Entry | None:
    """Return the entry of a line; None if the line is damaged.

    If a line was cut off (disk full, Asterisk killed), the next one is appended to it; that one is recovered.
    """
    entry = _entry(line)
    if entry is None:
        beginnings = [found.start() for found in _BEGINNING.finditer(line, 1)]
        entry = _entry(line[beginnings[-1] :]) if beginnings else None
    return entry


def _entry(line: bytes) -> Entry | None:
    text = line.decode("utf-8", errors="replace").rstrip("\r\n")
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return None
    *columns, extra = text[1:-1].split('","', _COLUMNS - 1)
    if len(columns) != _COLUMNS - 1 or any('"' in column for column in columns):
        return None
    try:
        at = float(columns[0])
        found = json.loads(extra.replace('""', '"')) if extra else {}
    except (ValueError, RecursionError):
        return None
    if not 0.0 < at < _END_OF_TIME or not isinstance(found, dict):
        return None
    channel, linked, name = ChannelId(columns[2]), ChannelId(columns[3]), ChannelName(columns[4])
    return Entry(at, columns[1], channel, linked, name, found)


@dataclass(slots=True)
class _Channel:
    id: ChannelId
    name: ChannelName
    phone: PhoneName
    fresh: bool = False
    """Something was written about it after the position up to which the controller saw everything live."""
    began_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    cause: int = 0
    source: str = ""
    """Name of the channel that hung up first, as reported by Asterisk."""
    bridge: BridgeId = NO_BRIDGE
    caller: _Caller | None = None
    calls: set[CallId] = field(default_factory=set)
    """For a phone's channel: the calls of which it is a leg."""


@dataclass(slots=True)
class _Caller:
    line: LineId = NO_LINE
    number: str = ""
    caller_name: str = ""
    arrived_at: float | None = None
    dialplan_steps: list[tuple[float, str]] = field(default_factory=list)
    legs: dict[ChannelId, list[tuple[float, float | None]]] = field(default_factory=dict)
    """By the leg's unique id: start and end of each time in a bridge with the caller; None: not ended."""


class Histories:
    """Takes the entries one by one, in order, and keeps the state to report. `phones`: ids of the configured phones."""

    def __init__(self, phones: Set[PhoneName]) -> None:
        self._phones = phones
        self._channels: dict[ChannelId, _Channel] = {}
        self._names: dict[ChannelName, ChannelId] = {}
        self._bridges: dict[BridgeId, set[ChannelId]] = {}
        self._fresh = False

    def now_fresh(self) -> None:
        """Treat later entries as not seen by the controller. Calls that have ended by now are known and forgotten."""
        self._fresh = True
        for channel in [channel for channel in self._channels.values() if channel.ended_at is not None]:
            if channel.caller or not channel.calls:
                self._forget(channel)

    def take(self, entry: Entry) -> None:
        """Process one entry; kinds that we do not use are ignored."""
        act = _KINDS.get(entry.kind)
        if act is None or not entry.channel:
            return
        channel = self._channels.get(entry.channel)
        if channel is None:
            channel = _Channel(entry.channel, entry.name, self._phone(entry.name))
            self._channels[channel.id], self._names[channel.name] = channel, channel.id
        channel.fresh |= self._fresh
        act(self, channel, entry)

    def told(self) -> Iterator[_Channel]:
        """Yield the callers' channels that have new entries, their own or their legs'."""
        for channel in self._channels.values():
            if channel.caller is None:
                continue
            legs = (self._channels.get(leg) for leg in channel.caller.legs)
            if channel.fresh or any(leg and leg.fresh for leg in legs):
                yield channel

    def histories(self, normalise: Callable[[str], str], clock: Callable[[float], float]) -> list[CallHistory]:
        """Return the histories of the calls with new entries, in order of their start, with times of `clock`."""
        return [self._history(channel, channel.caller, normalise, clock) for channel in self.told() if channel.caller]

    # -- what entries mean -------------------------------------------------------------------------------------

    def _start(self, channel: _Channel, entry: Entry) -> None:
        channel.began_at = entry.at
        caller = self._channels.get(entry.linked)
        if channel.phone and caller and caller.caller:
            self._attach(channel, caller.caller, CallId(caller.id))

    def _arrived(self, channel: _Channel, entry: Entry) -> None:
        caller = self._as_caller(channel)
        line, _, who = entry.text().partition(":")
        number, _, name = who.partition(":")
        caller.line = LineId(line)
        caller.number = unquote(number, errors="replace")
        caller.caller_name = unquote(name, errors="replace")
        caller.arrived_at = entry.at
        caller.dialplan_steps.append((entry.at, ARRIVING))

    def _stage(self, channel: _Channel, entry: Entry) -> None:
        self._as_caller(channel).dialplan_steps.append((entry.at, entry.text()))

    def _offer(self, channel: _Channel, entry: Entry) -> None:
        caller = self._channels.get(self._names.get(ChannelName(entry.text()), NO_CHANNEL))
        if channel.phone and caller and caller.caller:
            self._attach(channel, caller.caller, CallId(caller.id))

    def _answer(self, channel: _Channel, entry: Entry) -> None:
        if channel.answered_at is None:
            channel.answered_at = entry.at

    def _enter(self, channel: _Channel, entry: Entry) -> None:
        bridge = BridgeId(entry.text("bridge_id"))
        if channel.bridge == bridge:
            return
        self._leave(channel, entry.at)
        members = self._bridges.setdefault(bridge, set())
        for other in members:
            self._together(channel, self._channels[other], entry.at)
            self._together(self._channels[other], channel, entry.at)
        members.add(channel.id)
        channel.bridge = bridge

    def _exit(self, channel: _Channel, entry: Entry) -> None:
        if not channel.bridge:
            self._as_unknown_caller(channel)
        self._leave(channel, entry.at)

    def _hangup(self, channel: _Channel, entry: Entry) -> None:
        self._as_unknown_caller(channel)
        self._leave(channel, entry.at)
        channel.ended_at = entry.at
        cause = entry.text("hangupcause")
        channel.cause = int(cause) if cause.isdecimal() and len(cause) < 4 else 0
        channel.source = entry.text("hangupsource")

    def _end(self, channel: _Channel, entry: Entry) -> None:
        self._leave(channel, entry.at)
        if channel.ended_at is None:
            channel.ended_at = entry.at
        known = not channel.fresh and not channel.calls
        stranger = channel.caller is None and not channel.calls
        if known or stranger:
            self._forget(channel)

    # -- helpers -----------------------------------------------------------------------------------------------

    def _phone(self, name: str) -> PhoneName:
        """Return the configured phone of a channel: PJSIP/101-0000002a belongs to phone 101. Else NO_PHONE."""
        id = PhoneName(name.removeprefix("PJSIP/").rpartition("-")[0] if name.startswith("PJSIP/") else "")
        return id if id in self._phones else NO_PHONE

    def _as_caller(self, channel: _Channel) -> _Caller:
        if channel.caller is None:
            channel.caller = _Caller()
        return channel.caller

    def _as_unknown_caller(self, channel: _Channel) -> None:
        """Recognise a caller whose start is missing from the journal: only the end of the call is there."""
        if channel.began_at is None and not channel.phone and channel.name.startswith("PJSIP/"):
            self._as_caller(channel)

    def _attach(self, leg: _Channel, caller: _Caller, call: CallId) -> None:
        caller.legs.setdefault(leg.id, [])
        leg.calls.add(call)

    def _together(self, channel: _Channel, leg: _Channel, at: float) -> None:
        if channel.caller and leg.phone:
            self._attach(leg, channel.caller, CallId(channel.id))
            channel.caller.legs[leg.id].append((at, None))

    def _leave(self, channel: _Channel, at: float) -> None:
        members = self._bridges.get(channel.bridge, set())
        members.discard(channel.id)
        for other in members:
            self._apart(channel, self._channels[other], at)
            self._apart(self._channels[other], channel, at)
        if not members:
            self._bridges.pop(channel.bridge, None)
        channel.bridge = NO_BRIDGE

    def _apart(self, channel: _Channel, leg: _Channel, at: float) -> None:
        talks = channel.caller.legs.get(leg.id) if channel.caller else None
        if talks and talks[-1][1] is None:
            talks[-1] = talks[-1][0], at

    def _forget(self, channel: _Channel) -> None:
        """Forget a call that is over, and its ended legs, except those that another call has, too."""
        self._channels.pop(channel.id, None)
        if self._names.get(channel.name) == channel.id:  # a restarted Asterisk reuses channel names
            del self._names[channel.name]
        for id in channel.caller.legs if channel.caller else ():
            leg = self._channels.get(id)
            if leg:
                leg.calls.discard(channel.id)
                if leg.ended_at is not None and not leg.calls:
                    self._forget(leg)

    def _history(
        self, channel: _Channel, caller: _Caller, normalise: Callable[[str], str], clock: Callable[[float], float]
    ) -> CallHistory:
        ended = channel.ended_at is not None
        return CallHistory(
            CallId(channel.id),
            channel.name,
            caller.line,
            normalise(caller.number) or caller.number,
            caller.caller_name,
            _moment(caller.arrived_at, clock),
            tuple((clock(at), dialplan_step) for at, dialplan_step in caller.dialplan_steps),
            tuple(self._leg(self._channels[id], talks, clock) for id, talks in caller.legs.items()),
            _moment(channel.ended_at, clock),
            channel.cause,
            CAUSES.get(channel.cause, "") if ended else "",
            self._hung_up_by(channel, caller) if ended else HungUpBy.NOBODY,
        )

    def _leg(
        self, leg: _Channel, talks: list[tuple[float, float | None]], clock: Callable[[float], float]
    ) -> LegHistory:
        return LegHistory(
            leg.id,
            leg.phone,
            _moment(leg.began_at, clock),
            _moment(leg.answered_at, clock),
            tuple((clock(begun), _moment(over, clock)) for begun, over in talks),
            _moment(leg.ended_at, clock),
            leg.cause,
        )

    def _hung_up_by(self, channel: _Channel, caller: _Caller) -> HungUpBy:
        """Return who ended the call. The dialplan steps decide first.

        Asterisk reports the first channel that hung up; after a transfer that is the former operator's.
        """
        last = caller.dialplan_steps[-1] if caller.dialplan_steps else (0.0, "")
        if last[1] in REFUSED or last[1].startswith(CALL_BACK):
            return HungUpBy.SYSTEM
        ends = [over for talks in caller.legs.values() for _, over in talks if over is not None]
        if last[1] == FAREWELL and ends and last[0] >= max(ends):
            return HungUpBy.OPERATOR
        legs = {self._channels[id].name for id in caller.legs}
        return HungUpBy.CALLER if channel.source in {channel.name, *legs} else HungUpBy.SYSTEM


_KINDS: dict[str, Callable[[Histories, _Channel, Entry], None]] = {
    "CHAN_START": Histories._start,
    "ANSWER": Histories._answer,
    "BRIDGE_ENTER": Histories._enter,
    "BRIDGE_EXIT": Histories._exit,
    "HANGUP": Histories._hangup,
    "CHAN_END": Histories._end,
    "CC_ARRIVED": Histories._arrived,
    "CC_STAGE": Histories._stage,
    "CC_OFFER": Histories._offer,
}


def _moment(at: float | None, clock: Callable[[float], float]) -> float | None:
    return None if at is None else clock(at)
