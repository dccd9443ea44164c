"""Watches the audio streams of conversations, by Asterisk's own receiver reports (RTCP) and hold events.

Debian's Asterisk translates no frame whose RTP sequence number is behind the last of the same translation path, up to
eleven minutes (its patch of `ast_translate` for packet loss concealment). A recorder keeps its path. So if a stream
begins anew in the middle of a conversation, people hear each other, but the recorder may no longer hear one of them: a
new recorder is needed. The same reports say how much was received, which tells later whether a recording is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from callcenter.config.values import TRUNK_PREFIX
from callcenter.core.events import ChannelSeen
from callcenter.core.ids import BridgeId, CallId, ChannelId
from callcenter.core.reception import Received, Side

Message = Mapping[str, str]

_CYCLE = 1 << 16
_MOST_CALLS = 1000
"""Reports are kept of so many calls; those that are never asked for give way."""
_MOST_REPORTS = 20_000
"""Of one call: some hours."""


@dataclass(frozen=True, slots=True)
class _Report:
    """The last receiver report of a channel. `expected`, `lost`: packets since the stream began."""

    source: str
    highest: int
    expected: int
    lost: int
    at: float


@dataclass(slots=True)
class _Talk:
    """A call's conversations: seconds of those that are over, and since when the present one goes on."""

    before: float = 0.0
    since: float | None = None
    received: list[Received] = field(default_factory=list)
    measured: bool = True
    """Whether all of it was seen: otherwise nobody knows which second of the recording a report belongs to."""

    def at(self, now: float) -> float:
        return self.before + (0.0 if self.since is None else now - self.since)


class Streams:
    """The streams of one Asterisk. `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._bridge: dict[ChannelId, BridgeId] = {}
        self._members: dict[BridgeId, set[ChannelId]] = {}
        self._reports: dict[ChannelId, _Report] = {}
        self._talks: dict[CallId, _Talk] = {}
        self._outside: set[ChannelId] = set()
        """Channels of trunks: callers, whom operators have called, and the general line, which is not recorded."""
        self._begun_anew: set[CallId] = set()
        """Callers whose stream began anew while nobody was talking with them."""

    def told(self, message: Message, is_call: Callable[[ChannelId], bool], now: float) -> CallId | None:
        """Take one AMI message. Returns the call whose recorder must begin anew, if there is one.

        `is_call`: whether a channel is the caller's of a call in progress; others are the legs of operators.
        """
        channel = ChannelId(message.get("Uniqueid", ""))
        match message.get("Event"):
            case "BridgeEnter":
                self._note_outside(channel, message.get("Channel", ""))
                return self._entered(channel, BridgeId(message.get("BridgeUniqueid", "")), is_call, now)
            case "BridgeLeave":
                self._left(channel, now)
            case "Hangup":
                self._left(channel, now)
                self._reports.pop(channel, None)
                self._begun_anew.discard(CallId(channel))
                self._outside.discard(channel)
            case "Unhold":
                self._reports.pop(channel, None)  # whatever comes now is a new beginning
                return self._partner(channel, is_call)
            case "RTCPSent" if message.get("ReportCount", "0") != "0":
                return self._reported(channel, _report(message, now), is_call)
        return None

    def listed(self, channels: Collection[ChannelSeen], calls: frozenset[CallId], now: float) -> list[CallId]:
        """Take over who is in which bridge, after a connection. Returns the calls whose recorder must begin anew.

        What began or ended unseen is watched from now on, but not measured.
        """
        there = {channel.channel_id: channel.bridge for channel in channels}
        for channel, bridge in list(self._bridge.items()):
            if there.get(channel) != bridge:
                self._unmeasured(bridge, calls)
                self._left(channel, now)
        for channel in self._reports.keys() - there.keys():
            del self._reports[channel]
        self._outside &= there.keys()
        for one in channels:
            self._note_outside(one.channel_id, one.channel)
        anew = []
        for channel, bridge in there.items():
            if bridge and bridge != self._bridge.get(channel):
                anew.append(self._entered(channel, bridge, calls.__contains__, now))
                self._unmeasured(bridge, calls)
        for one in channels:  # CC_PART: later parts of a recording begin after the first conversation
            call = CallId(one.channel_id)
            if call in calls and call not in self._talks and one.variables.get("CC_PART", "") not in ("", "1"):
                self._talk(call).measured = False
        return [call for call in anew if call]

    def received(self, call: CallId) -> list[Received]:
        """Return what was received in a call that is over, in order; it is forgotten then."""
        talk = self._talks.pop(call, None)
        return talk.received if talk else []

    def _entered(
        self, channel: ChannelId, bridge: BridgeId, is_call: Callable[[ChannelId], bool], now: float
    ) -> CallId | None:
        self._left(channel, now)
        self._bridge[channel] = bridge
        members = self._members.setdefault(bridge, set())
        members.add(channel)
        call = self._partner(channel, is_call)
        others = members - {ChannelId(call)} if call else set()
        if call is None or not others - self._outside:
            return None  # alone, or with the general line
        talk = self._talk(call)
        if talk.since is None:  # a third one joins a conversation that goes on
            talk.since = now
        if call in self._begun_anew:
            self._begun_anew.discard(call)
            return call
        return None

    def _note_outside(self, channel: ChannelId, name: str) -> None:
        if name.startswith(f"PJSIP/{TRUNK_PREFIX}"):
            self._outside.add(channel)

    def _unmeasured(self, bridge: BridgeId, calls: frozenset[CallId]) -> None:
        for call in calls & set(map(CallId, self._members[bridge])):
            self._talk(call).measured = False

    def _left(self, channel: ChannelId, now: float) -> None:
        bridge = self._bridge.pop(channel, None)
        if bridge is None:
            return
        members = self._members[bridge]
        for one in members if len(members) < 3 else (channel,):  # two who are left go on talking
            talk = self._talks.get(CallId(one))
            if talk and talk.since is not None:
                talk.before, talk.since = talk.at(now), None
        members.discard(channel)
        if not members:
            del self._members[bridge]

    def _partner(self, channel: ChannelId, is_call: Callable[[ChannelId], bool]) -> CallId | None:
        """Return the call in whose conversation the channel is: itself, or the caller in the same bridge."""
        bridge = self._bridge.get(channel)
        members = self._members.get(bridge, ()) if bridge else ()
        return next((CallId(one) for one in members if is_call(one)), None)

    def _talk(self, call: CallId) -> _Talk:
        if call not in self._talks and len(self._talks) >= _MOST_CALLS:
            del self._talks[next(iter(self._talks))]
        return self._talks.setdefault(call, _Talk())

    def _reported(
        self, channel: ChannelId, report: _Report | None, is_call: Callable[[ChannelId], bool]
    ) -> CallId | None:
        before = self._reports.get(channel)
        if report is None:
            return None
        self._reports[channel] = report
        call = self._partner(channel, is_call)
        talk = self._talks.get(call) if call else None
        if before and _began_anew(before, report):
            if talk is None or talk.since is None:
                if is_call(channel):
                    self._begun_anew.add(CallId(channel))
                return None
            return call
        if before is None or talk is None or talk.since is None:
            return None
        if talk.measured and len(talk.received) < _MOST_REPORTS:
            side = Side.CALLER if channel == call else Side.OPERATOR
            packets = report.expected - before.expected - (report.lost - before.lost)
            since = talk.at(max(before.at, talk.since))
            talk.received.append(Received(side, since, talk.at(report.at), max(0, packets)))
        return None


def _report(message: Message, now: float) -> _Report | None:
    """Return the report; None if a number is missing or out of range."""
    try:
        highest = int(message["Report0HighestSequence"])
        cycles, lost = int(message["Report0SequenceNumberCycles"]), int(message["Report0CumulativeLost"])
        source = message["Report0SourceSSRC"]
    except (KeyError, ValueError):
        return None
    if not (0 <= highest < _CYCLE and 0 <= cycles < _CYCLE and 0 <= lost < 1 << 24):
        return None
    return _Report(source, highest, cycles * _CYCLE + highest, lost, now)


def _began_anew(before: _Report, report: _Report) -> bool:
    """Return whether the stream is another one: another source, or a sequence number from before."""
    return report.source != before.source or (report.highest - before.highest) % _CYCLE > _CYCLE // 2
