"""When an audio stream begins anew, and what was received of it, by Asterisk's reports."""

from __future__ import annotations

import pytest

from callcenter.asterisk.streams import Streams
from callcenter.core.events import ChannelSeen
from callcenter.core.ids import BridgeId, CallId, ChannelId, ChannelName
from callcenter.core.reception import Received, Side

pytestmark = pytest.mark.clause("ESTP 2.6")

CALL, LEG = CallId("1795298577.12"), "offer-0-0000001"


class Room:
    """One call in progress, and messages about it."""

    def __init__(self) -> None:
        self.streams = Streams()

    def told(self, event: str, channel: str, at: float, **headers: str) -> CallId | None:
        return self.streams.told({"Event": event, "Uniqueid": channel, **headers}, CALL.__eq__, at)

    def enters(self, channel: str, at: float, bridge: str = "b1", name: str = "PJSIP/101-1") -> CallId | None:
        return self.told("BridgeEnter", channel, at, BridgeUniqueid=bridge, Channel=name)

    def leaves(self, channel: str, at: float, bridge: str = "b1") -> CallId | None:
        return self.told("BridgeLeave", channel, at, BridgeUniqueid=bridge)

    def reports(self, channel: str, at: float, sequence: int, source: str = "0x1", **more: int) -> CallId | None:
        return self.told(
            "RTCPSent",
            channel,
            at,
            ReportCount="1",
            Report0SourceSSRC=source,
            Report0HighestSequence=str(sequence),
            Report0SequenceNumberCycles=str(more.get("cycles", 0)),
            Report0CumulativeLost=str(more.get("lost", 0)),
        )

    def lists(self, at: float, *channels: tuple[str, str], part: str = "1") -> list[CallId]:
        """A connection: Asterisk lists its channels and their bridges."""
        seen = [ChannelSeen(ChannelId(id), ChannelName(""), BridgeId(b), 0.0, {"CC_PART": part}) for id, b in channels]
        return self.streams.listed(seen, frozenset([CALL]), at)


@pytest.fixture
def room() -> Room:
    """The caller and an operator talk from 10.0 on."""
    room = Room()
    room.enters(LEG, 10.0)
    room.enters(CALL, 10.0)
    return room


@pytest.mark.parametrize("channel", [CALL, LEG])
def test_a_lower_sequence_number_is_a_stream_that_began_anew(room: Room, channel: str) -> None:
    assert room.reports(channel, 11.0, 30111) is None
    assert room.reports(channel, 12.0, 10000, cycles=1) == CALL
    assert room.reports(channel, 13.0, 10050, cycles=1) is None, "once is enough"


@pytest.mark.parametrize("channel", [CALL, LEG])
def test_another_source_is_a_stream_that_began_anew(room: Room, channel: str) -> None:
    assert room.reports(channel, 11.0, 30111) is None
    assert room.reports(channel, 12.0, 30500, source="0x2") == CALL


def test_a_number_that_passes_its_end_goes_on(room: Room) -> None:
    assert room.reports(LEG, 11.0, 65510) is None
    assert room.reports(LEG, 12.0, 24, cycles=1) is None


@pytest.mark.parametrize("channel", [CALL, LEG])
def test_after_a_hold_a_recorder_begins_at_once_and_only_one(room: Room, channel: str) -> None:
    room.reports(channel, 11.0, 30111)
    assert room.told("Hold", channel, 12.0) is None
    assert room.told("Unhold", channel, 14.0) == CALL
    assert room.reports(channel, 15.0, 10000, cycles=1) is None


def test_a_stream_that_began_anew_in_the_queue_needs_a_recorder_when_somebody_answers() -> None:
    room = Room()
    room.reports(CALL, 1.0, 30111)
    assert room.reports(CALL, 2.0, 10000, cycles=1) is None
    assert room.enters(LEG, 3.0) is None
    assert room.enters(CALL, 3.0) == CALL
    assert room.leaves(CALL, 4.0) is None
    assert room.enters(CALL, 5.0) is None


def test_what_was_received_is_told_by_side_and_second_of_conversation(room: Room) -> None:
    room.reports(CALL, 10.5, 100)
    room.reports(LEG, 11.0, 5000)
    room.reports(CALL, 11.5, 150)
    room.reports(LEG, 12.0, 5050, lost=10)
    assert room.streams.received(CALL) == [
        Received(Side.CALLER, 0.5, 1.5, 50),
        Received(Side.OPERATOR, 1.0, 2.0, 40),
    ]
    assert room.streams.received(CALL) == [], "it is kept no longer than needed"


def test_time_on_hold_is_no_conversation(room: Room) -> None:
    room.leaves(LEG, 12.0)
    room.leaves(CALL, 12.0)
    room.enters("offer-0-0000002", 20.0, "b2")
    room.enters(CALL, 20.0, "b2")
    room.reports(CALL, 21.0, 100)
    room.reports(CALL, 22.0, 150)
    assert room.streams.received(CALL) == [Received(Side.CALLER, 3.0, 4.0, 50)]


@pytest.mark.parametrize("channel", [CALL, LEG])
def test_in_a_conversation_of_before_the_connection_a_recorder_begins_anew_too(channel: str) -> None:
    room = Room()
    assert room.lists(100.0, (LEG, "b1"), (CALL, "b1")) == []
    assert room.told("Unhold", channel, 101.0) == CALL
    assert room.reports(channel, 102.0, 30111) is None
    assert room.reports(channel, 103.0, 10000, cycles=1) == CALL
    assert room.streams.received(CALL) == [], "nobody knows which second of the recording that is"


def test_a_stream_that_began_anew_in_the_queue_needs_a_recorder_when_somebody_answered_unseen() -> None:
    room = Room()
    room.reports(CALL, 1.0, 30111)
    room.reports(CALL, 2.0, 10000, cycles=1)
    assert room.lists(9.0, (LEG, "b1"), (CALL, "b1")) == [CALL]
    assert room.lists(10.0, (LEG, "b1"), (CALL, "b1")) == []


def test_what_ended_unseen_is_over(room: Room) -> None:
    assert room.lists(20.0, (CALL, "")) == []
    assert room.told("Unhold", CALL, 21.0) is None
    room.enters("offer-0-0000002", 30.0, "b2")
    room.enters(CALL, 30.0, "b2")
    room.reports(CALL, 31.0, 100)
    room.reports(CALL, 32.0, 150)
    assert room.streams.received(CALL) == [], "nobody knows how long the first conversation was"


def test_a_conversation_that_goes_on_over_a_break_of_the_connection_is_measured(room: Room) -> None:
    room.reports(CALL, 10.5, 100)
    assert room.lists(20.0, (CALL, "b1"), (LEG, "b1")) == []
    room.reports(CALL, 21.5, 650)
    assert room.streams.received(CALL) == [Received(Side.CALLER, 0.5, 11.5, 550)]


@pytest.mark.parametrize(("part", "measured"), [("", True), ("1", True), ("2", False)])
def test_who_waits_at_the_connection_is_measured_unless_they_have_talked_before(part: str, measured: bool) -> None:
    room = Room()
    room.lists(5.0, (CALL, ""), part=part)
    room.enters(LEG, 10.0)
    room.enters(CALL, 10.0)
    room.reports(CALL, 11.0, 100)
    room.reports(CALL, 12.0, 150)
    assert bool(room.streams.received(CALL)) is measured


def test_a_conversation_with_the_general_line_is_not_recorded_and_not_measured(room: Room) -> None:
    room.leaves(LEG, 14.0)
    room.leaves(CALL, 14.0)
    room.enters("1795298600.7", 20.0, "b2", "PJSIP/trunk-city-00000007")
    room.enters(CALL, 20.0, "b2", "PJSIP/trunk-city-00000001")
    room.reports(CALL, 21.0, 100)
    room.reports(CALL, 29.0, 500)
    assert room.streams.received(CALL) == []


def test_a_third_who_joins_and_leaves_does_not_stop_the_clock_of_the_conversation(room: Room) -> None:
    """A supervisor in the same bridge: part of what the caller hears, like the operator."""
    supervisor = "1795298600.1"
    room.reports(LEG, 12.0, 100)
    room.enters(supervisor, 13.0)
    room.reports(supervisor, 14.0, 7000)
    room.reports(supervisor, 15.0, 7050)
    room.leaves(supervisor, 16.0)
    room.reports(LEG, 17.0, 350)
    room.leaves(LEG, 18.0)
    room.leaves(CALL, 18.0)
    room.enters(LEG, 30.0)
    room.enters(CALL, 30.0)
    room.reports(CALL, 30.5, 500)
    room.reports(CALL, 31.5, 550)
    assert room.streams.received(CALL) == [
        Received(Side.OPERATOR, 4.0, 5.0, 50),
        Received(Side.OPERATOR, 2.0, 7.0, 250),
        Received(Side.CALLER, 8.5, 9.5, 50),
    ]


def test_a_caller_who_leaves_two_others_talking_is_in_no_conversation(room: Room) -> None:
    room.enters("1795298600.1", 12.0)
    room.leaves(CALL, 14.0)
    room.enters(CALL, 20.0)
    room.reports(CALL, 21.0, 100)
    room.reports(CALL, 22.0, 150)
    assert room.streams.received(CALL) == [Received(Side.CALLER, 5.0, 6.0, 50)]


@pytest.mark.parametrize("strange", ["", "-1", "65536", "x", "9" * 500])
def test_a_report_that_makes_no_sense_is_passed_over(room: Room, strange: str) -> None:
    room.reports(LEG, 11.0, 30111)
    headers = {"Report0SourceSSRC": "0x1", "Report0SequenceNumberCycles": "0", "Report0CumulativeLost": "0"}
    message = {"Event": "RTCPSent", "Uniqueid": LEG, "ReportCount": "1", "Report0HighestSequence": strange, **headers}
    assert room.streams.told(message, CALL.__eq__, 12.0) is None


def test_channels_of_which_nobody_asks_cost_no_memory() -> None:
    streams = Streams()
    for number in range(3000):
        call = CallId(f"1795298577.{number}")
        for event, channel in (("BridgeEnter", call), ("BridgeEnter", LEG), ("Hangup", call), ("Hangup", LEG)):
            streams.told({"Event": event, "Uniqueid": channel, "BridgeUniqueid": call}, call.__eq__, 1.0)
    assert len(streams._talks) <= 1000
    assert not streams._bridge
    assert not streams._members
