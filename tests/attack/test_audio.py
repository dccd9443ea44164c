"""Somebody who guesses the port of a silent caller's audio hears nothing, and is not heard if that is configured."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from tests.e2e.hearing import listen
from tests.e2e.listening import CALLER, OPERATOR, hears, level, voice, voices
from tests.e2e.softphone import FRAME, Call, Media, Softphone, alaw, tone
from tests.e2e.station import NUMBER, Station, configuration, station, until

pytestmark = pytest.mark.e2e
STRAIGHT = {"ask_inn": "false", "urgency": {}}
INTRUDER = 620.0
"""Hertz. Neither the caller nor the operator says it."""


class Silence(Media):
    """Sends no packet until it is told to speak up."""

    def start(self, peer: tuple[str, int]) -> None:
        self.peer = peer

    def speak_up(self) -> None:
        assert self.peer
        super().start(self.peer)


class SilentPhone(Softphone):
    async def _new_call(self, call_id: str) -> Call:
        loop = asyncio.get_running_loop()
        _, media = await loop.create_datagram_endpoint(Silence, local_addr=(self.address, 0))
        call = self.calls[call_id] = Call(self, call_id, media)
        return call


class Intruder(asyncio.DatagramProtocol):
    """Sends audio from a strange address, and counts what comes back."""

    def __init__(self) -> None:
        self.received = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received += 1

    @classmethod
    @asynccontextmanager
    async def at(cls, address: str) -> AsyncIterator[Intruder]:
        loop = asyncio.get_running_loop()
        transport, found = await loop.create_datagram_endpoint(cls, local_addr=(address, 0))
        found._transport = transport
        yield found
        transport.close()

    async def sends(self, peer: tuple[str, int], packets: int) -> None:
        sound = alaw(tone(INTRUDER, FRAME * packets / 8000))
        for n in range(packets):
            header = struct.pack("!BBHII", 0x80, 8, 1000 + n, FRAME * n, 0xBADBAD)
            self._transport.sendto(header + sound[n * FRAME : (n + 1) * FRAME], peer)
            await asyncio.sleep(0.02)

    _transport: asyncio.DatagramTransport


async def silent_conversation(here: Station) -> tuple[Call, Call, tuple[str, int]]:
    """A caller who says nothing talks with 101. Returns both, and Asterisk's port for the caller's audio."""
    phone = await here.operator("101")
    quiet = await SilentPhone("+73425557001", f"{here.network}1.31", 0, here.proxy).__aenter__()
    here._phones["silent"] = quiet
    caller = await quiet.dial(NUMBER)
    leg = await phone.rings(20.0)
    leg.answer()
    leg.say(voice(OPERATOR))
    await until(caller.answered.is_set, what="answered")
    await hears(caller, OPERATOR)
    assert caller.media.peer
    return caller, leg, caller.media.peer


@pytest.mark.clause("ESTP 2.6")
@pytest.mark.parametrize("audio_from", ["learned", "announced"])
async def test_packets_from_elsewhere_take_nothing_away(tmp_path: Path, brief: Path, audio_from: str) -> None:
    data: dict[str, Any] = configuration(ivr=STRAIGHT, prompts=str(brief))
    data["asterisk"] |= {"audio_from": audio_from}
    async with station(tmp_path, **data) as here:
        caller, leg, port = await silent_conversation(here)
        async with Intruder.at(f"{here.network}3.77") as intruder:
            await intruder.sends(port, 60)
            assert intruder.received == 0, "what the operator says goes to the caller alone"
            await hears(caller, OPERATOR)
            heard = level(leg.heard(0.4), INTRUDER)
            assert (heard < 0.01) or audio_from == "learned", "and the operator hears the caller alone"
        caller.say(voice(CALLER))
        cast(Silence, caller.media).speak_up()
        await hears(leg, CALLER)
        await listen(leg, 0.3)
        assert voices(leg.heard(0.2)) == {CALLER}
        caller.hang_up()
