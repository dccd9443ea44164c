"""What is Asterisk's own word, and what somebody wrote into a field of it."""

from __future__ import annotations

import pytest

from callcenter.asterisk.event_check import EventCheck, Refusal
from callcenter.asterisk.messages import parse

TOKEN = "6f1ed002ab5595859014ebf0951522d9"
ENDPOINTS = ("101", "desk-00000001", "trunk-city")


def check(systemname: str = "") -> EventCheck:
    return EventCheck(TOKEN, ENDPOINTS, systemname)


@pytest.mark.parametrize(
    "told",
    [
        f"Event: UserEvent\r\nToken: {TOKEN}\r\nUserEvent: CCArrived\r\nUniqueid: 1795298577.12",
        "Event: Hangup\r\nChannel: PJSIP/trunk-city-0000002a\r\nUniqueid: 1795298577.12",
        "Event: Newstate\r\nChannel: PJSIP/101-0000002b\r\nUniqueid: offer-6b0c1d25f7b2-0000281",
        "Event: Hangup\r\nChannel: PJSIP/desk-00000001-0000002b\r\nUniqueid: 1795298577.13",
        "Event: BridgeLeave\r\nChannel: Surrogate/PJSIP/101-1;2\r\nUniqueid: 1795298577.13",
        "Event: OriginateResponse\r\nResponse: Failure\r\nChannel: PJSIP/101\r\nUniqueid: <null>\r\nReason: 0",
        "Event: OriginateResponse\r\nResponse: Success\r\nChannel: PJSIP/101-0000002c\r\nUniqueid: offer-6b-0000281",
        "Event: Status\r\nUniqueid: 1795298577.12\r\nVariable: CC_LINE=estp\r\nVariable: CC_STAGE=waiting",
        "Event: FullyBooted\r\nStatus: Fully Booted",
        "Event: PeerStatus\r\nChannelType: PJSIP\r\nPeer: PJSIP/101\r\nPeerStatus: Unreachable",
        "Event: DeviceStateChange\r\nDevice: PJSIP/101\r\nState: NOT_INUSE",
    ],
)
def test_asterisks_own_word_is_believed(told: str) -> None:
    message = parse(told)
    assert message
    guard = check()
    assert guard.believes(message)
    assert not any(guard.counts().values())


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("Event: UserEvent\r\nUserEvent: CCLogOut\r\nPhone: 101", Refusal.TOKEN),
        ("Event: UserEvent\r\nToken: \r\nUserEvent: CCLogOut\r\nPhone: 101", Refusal.TOKEN),
        (f"Event: UserEvent\r\nToken: {TOKEN[:-1]}\r\nUserEvent: CCLogOut", Refusal.TOKEN),
        (f"Event: UserEvent\r\nToken: x\r\nToken: {TOKEN}\r\nUserEvent: CCLogOut", Refusal.TOKEN),
        ("Event: UserEvent\r\nToken: Ж\r\nUserEvent: CCLogOut", Refusal.TOKEN),
        (f"Event: UserEvent\r\nLine: x\r\nToken: {TOKEN}\r\nLine: estp", Refusal.REPEATED),
        ("Event: Hangup\r\nCallerIDNum: 7\nUniqueid: 1.1\r\nUniqueid: 1795298577.12", Refusal.REPEATED),
        ("Event: Hangup\r\nUniqueid: e", Refusal.CHANNEL_ID),
        ("Event: Hangup\r\nUniqueid: 1795298577.12 ", Refusal.CHANNEL_ID),
        ("Event: Hangup\r\nUniqueid: ١.٢", Refusal.CHANNEL_ID),
        ("Event: Hangup\r\nChannel: PJSIP/trunk-town-0000002a\r\nUniqueid: 1.12", Refusal.CHANNEL_NAME),
        ("Event: Hangup\r\nChannel: PJSIP/101\r\nUniqueid: 1.12", Refusal.CHANNEL_NAME),
        ("Event: PeerStatus\r\nPeer: PJSIP/666\r\nPeerStatus: Unreachable", Refusal.CHANNEL_NAME),
        ("Event: PeerStatus\r\nPeerStatus: Unreachable", Refusal.CHANNEL_NAME),
        ("Event: PeerStatus\r\nPeer: PJSIP/101\r\nPeer: PJSIP/102\r\nPeerStatus: Unreachable", Refusal.REPEATED),
        ("Event: OriginateResponse\r\nChannel: PJSIP/666\r\nUniqueid: <null>", Refusal.CHANNEL_NAME),
    ],
)
def test_what_cannot_be_asterisks_is_refused_and_counted_by_its_reason(told: str, why: Refusal) -> None:
    message = parse(told)
    assert message
    guard = check()
    assert not guard.believes(message)
    assert {reason: count for reason, count in guard.counts().items() if count} == {why.value: 1}


def test_one_of_several_speaks_for_its_own_channels_alone() -> None:
    guard = check("a")
    assert guard.believes({"Event": "Hangup", "Uniqueid": "a-1795298577.12"})
    assert not guard.believes({"Event": "Hangup", "Uniqueid": "b-1795298577.12"})
    assert not guard.believes({"Event": "Hangup", "Uniqueid": "1795298577.12"})
