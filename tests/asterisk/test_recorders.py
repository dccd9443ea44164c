"""A recorder that was asked for begins, even if Asterisk misses the key that begins it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from callcenter.asterisk import recorders
from callcenter.asterisk.ami import Ami, AmiError
from callcenter.asterisk.recorders import Recorders
from callcenter.core.ids import CallId
from tests.e2e.station import until

pytestmark = pytest.mark.clause("ESTP 2.6")

CALL = CallId("1.7")


class FakeAmi:
    """An Asterisk that misses the first `deaf` keys. `over`: the call has ended."""

    def __init__(self, deaf: int = 0) -> None:
        self.connected = True
        self.deaf, self.over = deaf, False
        self.recorders = 0
        self.awaited = ""
        self.sent: list[str] = []

    def send(self, action: Mapping[str, Any]) -> asyncio.Future[Mapping[str, str]]:
        answer: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        assert action["Channel"] == CALL
        self.sent.append(action["Action"])
        match action["Action"]:
            case "Setvar":
                self.awaited = action["Value"]
            case "PlayDTMF" if self.deaf:
                self.deaf -= 1
            case "PlayDTMF" if self.awaited:
                self.awaited, self.recorders = "", self.recorders + 1
        if self.over:
            answer.set_exception(AmiError("No such channel"))
        else:
            answer.set_result({"Value": self.awaited} if action["Action"] == "Getvar" else {})
        return answer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "_FORGOTTEN", 0.001)
    monkeypatch.setattr(recorders, "_HEARD", 0.002)


def begins(ami: FakeAmi) -> Recorders:
    return Recorders(cast(Ami, ami))


async def test_a_key_that_is_heard_is_pressed_once() -> None:
    ami = FakeAmi()
    begins(ami).begin(CALL)
    await until(lambda: "Getvar" in ami.sent, what="looked")
    await asyncio.sleep(0)
    assert ami.sent == ["Setvar", "PlayDTMF", "Getvar"]
    assert ami.recorders == 1


@pytest.mark.parametrize("deaf", [1, 2, 3])
async def test_a_key_that_is_lost_is_pressed_again(deaf: int) -> None:
    ami = FakeAmi(deaf)
    begins(ami).begin(CALL)
    await until(lambda: ami.recorders == 1, what="a recorder has begun")
    assert ami.sent.count("PlayDTMF") == deaf + 1


class SlowAmi(FakeAmi):
    """An Asterisk that hears the first key only after it was asked whether it has."""

    def send(self, action: Mapping[str, Any]) -> asyncio.Future[Mapping[str, str]]:
        answer = super().send(action)
        if action["Action"] == "Getvar" and self.awaited:
            self.awaited, self.recorders = "", self.recorders + 1
        return answer


async def test_a_key_pressed_again_begins_no_second_recorder_beside_one_that_began_meanwhile() -> None:
    ami = SlowAmi(deaf=1)
    begins(ami).begin(CALL)
    await until(lambda: ami.sent.count("Getvar") == 2, what="looked again")
    assert (ami.sent.count("PlayDTMF"), ami.recorders) == (2, 1)


async def test_one_that_is_about_to_begin_is_enough() -> None:
    ami = FakeAmi()
    both = begins(ami)
    both.begin_anew(CALL)
    both.begin(CALL)
    await until(lambda: "Getvar" in ami.sent, what="looked")
    assert ami.recorders == 1


async def test_it_is_not_pressed_for_ever() -> None:
    ami = FakeAmi(99)
    begins(ami).begin(CALL)
    await until(lambda: ami.sent.count("PlayDTMF") == 4, what="the last attempt")
    for _ in range(5):
        await asyncio.sleep(0.002)
    assert ami.sent.count("PlayDTMF") == 4


async def test_a_recorder_is_ended_before_the_next_begins_and_two_wishes_are_one() -> None:
    ami = FakeAmi()
    both = begins(ami)
    both.begin_anew(CALL)
    both.begin_anew(CALL)
    assert ami.sent == ["StopMixMonitor"]
    await until(lambda: ami.recorders == 1, what="the next has begun")
    both.begin_anew(CALL)
    await until(lambda: ami.recorders == 2, what="and another one")
    assert ami.sent.count("StopMixMonitor") == 2


async def test_a_call_that_is_over_is_left_alone() -> None:
    ami = FakeAmi(9)
    ami.over = True
    begins(ami).begin(CALL)
    await until(lambda: "Getvar" in ami.sent, what="looked")
    for _ in range(3):
        await asyncio.sleep(0.002)
    assert ami.sent.count("PlayDTMF") == 1
