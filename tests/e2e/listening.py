"""Who hears whom: every party says a tone of its own, between the notes of the waiting music."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import numpy.typing as npt

from callcenter.core import events
from tests.e2e.hearing import heard_prompts, listen
from tests.e2e.softphone import RATE, Call, tone
from tests.e2e.station import Station, until
from tests.patience import patience

CALLER, OPERATOR, COLLEAGUE, GENERAL = 453.0, 1017.0, 719.0, 1280.0
TONES = (CALLER, OPERATOR, COLLEAGUE, GENERAL)
AUDIBLE = 0.1
"""Of full scale; a party's tone has 0.3."""
_WINDOW = RATE // 5


def voice(hertz: float) -> npt.NDArray[np.int16]:
    """What a party says: a whole number of waves, so that the loop does not click."""
    return tone(hertz, 1.0)


def level(samples: npt.NDArray[np.int16], hertz: float) -> float:
    """Amplitude of one frequency, as a part of full scale."""
    if not len(samples):
        return 0.0
    wave_ = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / RATE)
    return float(2 * abs(np.mean(samples / 32767 * wave_)))


def voices(samples: npt.NDArray[np.int16]) -> set[float]:
    """The parties that can be heard."""
    return {hertz for hertz in TONES if level(samples, hertz) > AUDIBLE}


async def told(call: Call, prompt: str, within: float = 15.0) -> None:
    """Wait until this prompt has been heard in the call."""
    what = f"{call.phone.user} is told {prompt}"
    await until(lambda: heard_prompts(call.heard(8.0), [prompt]), within, what, every=0.2)


async def hears(call: Call, *parties: float, within: float = 15.0) -> None:
    """Wait until exactly these parties are heard."""

    def fact() -> bool:
        return len(call.media.heard) > _WINDOW and voices(call.heard(0.2)) == set(parties)

    try:
        await until(fact, within, every=0.02)
    except AssertionError:
        raise AssertionError(f"{call.phone.user} should hear {parties}, but hears {voices(call.heard(0.2))}") from None


async def talking(here: Station, number: str) -> tuple[Call, Call]:
    """A caller and operator 101 who hear each other."""
    phone = await here.operator("101")
    caller = await here.caller(number)
    caller.say(voice(CALLER))
    call = await phone.rings()
    call.answer()
    call.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    await listen(call, 0.7)  # a shorter conversation would be a false answer
    return caller, call


async def hears_music(call: Call, within: float = 15.0) -> None:
    """Wait until nobody is heard, but something is, for half a second."""

    def fact() -> bool:
        recent = call.heard(0.5)
        loud = [np.sqrt(np.mean(np.square(part / 32767))) > 0.003 for part in np.split(recent, 5)]
        return not voices(recent) and all(loud)

    await until(fact, within, f"{call.phone.user} hears music", every=0.05)


async def channels(station: Station) -> list[str]:
    """What Asterisk has open."""
    return [message["Channel"] for message in await station.controller.link.ami.collect({"Action": "Status"}, 5.0)]


async def all_quiet(station: Station, within: float = 10.0) -> None:
    """Wait until no channel is left in Asterisk and nobody is busy in the controller: a ghost fails here."""

    def busy() -> list[tuple[str, str]]:
        people = station.controller.view().operators.values()
        return [(person.id, person.activity) for person in people if person.activity != "idle"]

    def quiet() -> bool:
        return not busy() and station.controller.view().lines["estp"].lines_in_use == 0

    try:
        await until(quiet, within)
        async with patience(within):
            while await channels(station):  # every question takes a round trip to Asterisk
                pass
    except (AssertionError, TimeoutError):
        raise AssertionError(f"left over: {busy()}, {await channels(station)}") from None


async def clear(station: Station) -> None:
    """As if nothing had been, whatever a failed story has left behind."""
    await station.hang_up_all()
    for person in station.controller.view().operators.values():
        if person.presence != "off":
            station.controller.take(events.LogOut(person.id))


async def one_story(station: Station) -> AsyncIterator[Station]:
    """For a fixture: a running line with nobody on shift; afterwards no ghost may be left."""
    yield station
    try:
        await all_quiet(station)
    finally:
        await clear(station)
