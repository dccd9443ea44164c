"""Quiet channels are asked for a sign of life, and only those."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from callcenter.asterisk.ami import Ami, AmiError
from callcenter.asterisk.watch import LOOKS, Watch, signs
from callcenter.core.ids import PhoneName

QUALITY = (
    "ssrc=1;themssrc=2;lp=0;rxjitter=0.000000;rxcount={};txjitter=0.000000;txcount={};rlp=0;rtt={};rxmes=0;txmes=0"
)


class FakeAmi:
    """Asterisk's answers: `channels` as it lists them, `figures` by channel."""

    def __init__(self, *channels: Mapping[str, str]) -> None:
        self.channels = channels
        self.figures: dict[str, str] = {}
        self.asked: list[str] = []
        self.ended: list[str] = []

    async def collect(self, action: Mapping[str, Any], timeout: float) -> list[Mapping[str, str]]:
        return list(self.channels)

    def send(self, action: Mapping[str, Any]) -> asyncio.Future[Mapping[str, str]]:
        answer: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        channel = str(action["Channel"])
        if action["Action"] == "Setvar":
            assert (action["Variable"], action["Value"]) == ("PJSIP_SEND_SESSION_REFRESH()", "invite")
            self.asked.append(channel)
            answer.set_result({})
        elif action["Action"] == "Hangup":
            assert action["Cause"] == "44", "as Asterisk does it"
            self.ended.append(channel)
            answer.set_result({})
        elif channel in self.figures:
            answer.set_result({"Value": self.figures[channel]})
        else:
            answer.set_exception(AmiError("No such channel"))
        return answer


def leg(id: str, name: str = "PJSIP/101-00000001", state: str = "6") -> dict[str, str]:
    """A channel in Asterisk's list."""
    return {"Uniqueid": id, "Channel": name, "ChannelState": state}


async def test_a_channel_without_news_is_asked() -> None:
    ami = FakeAmi(leg("1.1"), leg("1.2"), leg("1.3"), leg("1.4", state="5"), leg("1.5", "Surrogate/x"), leg("1.6"))
    watch = Watch(cast(Ami, ami), 20.0, lambda message: message["Uniqueid"] != "1.6")
    for look in range(3):
        ami.figures = {
            "1.1": QUALITY.format(7, look, 0.01),  # only we send
            "1.2": QUALITY.format(look, look, 0.01),  # RTP arrives
            "1.3": QUALITY.format(7, look, 0.01 + look / 1000),  # RTCP arrives
            "1.6": QUALITY.format(7, look, 0.01),  # not Asterisk's own
        }
        await watch.look()
    assert ami.asked == ["1.1", "1.1"], "at the second look and the third"


async def test_a_page_is_not_asked_because_no_browser_is_silent() -> None:
    """Its SIP may be there again over another network when its audio is not: an answer would prolong the silence."""
    ami = FakeAmi(leg("1.1", "PJSIP/101-web-00000001"), leg("1.2", "PJSIP/101-00000002"))
    watch = Watch(cast(Ami, ami), 3.0, lambda message: True, {PhoneName("101-web")})
    for _ in range(2):
        ami.figures = {"1.1": QUALITY.format(7, 7, 0.01), "1.2": QUALITY.format(7, 7, 0.01)}
        await watch.look()
    assert (ami.asked, ami.ended) == (["1.2"], [])


async def test_a_page_of_which_nothing_comes_is_ended_within_the_countdown() -> None:
    """Whatever its SIP says: each of its own attempts to find a way starts Asterisk's countdown again."""
    ami = FakeAmi(
        leg("1.1", "PJSIP/101-web-00000001"), leg("1.2", "PJSIP/102-web-00000002"), leg("1.3", "PJSIP/1-0001")
    )
    watch = Watch(cast(Ami, ami), 20.0, lambda message: True, {PhoneName("101-web"), PhoneName("102-web")})
    for look in range(LOOKS):
        ami.figures = {
            "1.1": QUALITY.format(7, look, 0.01),
            "1.2": QUALITY.format(7 + look // 2, look, 0.01),  # it comes and goes
            "1.3": QUALITY.format(7, look, 0.01),  # a telephone: it is asked
        }
        assert not ami.ended
        await watch.look()
    assert ami.ended == ["1.1"]
    assert set(ami.asked) == {"1.3"}


async def test_a_page_whose_figures_are_not_known_is_left_alone() -> None:
    ami = FakeAmi(leg("1.1", "PJSIP/101-web-00000001"))
    watch = Watch(cast(Ami, ami), 20.0, lambda message: True, {PhoneName("101-web")})
    ami.figures = {"1.1": ""}
    for _ in range(2 * LOOKS):
        await watch.look()
    assert not ami.ended


async def test_a_channel_that_ends_meanwhile_is_passed_over() -> None:
    ami = FakeAmi(leg("1.1"), leg("1.2"))
    watch = Watch(cast(Ami, ami), 20.0, lambda message: True)
    for _ in range(2):
        ami.figures = {"1.2": QUALITY.format(7, 7, 0.01)}
        await watch.look()
    assert ami.asked == ["1.2"]


@pytest.mark.parametrize("value", ["", "nonsense", "rxcount", "rxcount=;rtt"])
def test_figures_of_any_form_are_compared(value: str) -> None:
    assert isinstance(signs({"Value": value}), str)
    assert signs({}) == signs({"Value": ""})
