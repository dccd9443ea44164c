"""Keys that are tones in the voice: of phones that offer no telephone events, of gateways that never send any."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import OPERATOR, all_quiet, hears, voice
from tests.e2e.softphone import RATE, Call, Media, Softphone
from tests.e2e.station import NUMBER, PROJECT, Station, own_network, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 2.1, 4.2"), pytest.mark.asyncio(loop_scope="module")]

KEYPAD = "123A456B789C*0#D"
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
CUSTOMER_INN = "5900000010"
Sound = npt.NDArray[np.int16]


def tones(keys: str, level: float = 0.2) -> Sound:
    """The keys as tones of 80 ms with pauses, and then a long silence: a call repeats what it says."""
    pause = np.zeros(int(0.1 * RATE))
    parts = [pause]
    t = np.arange(int(0.08 * RATE)) / RATE
    for key in keys:
        row, column = divmod(KEYPAD.index(key), 4)
        both = np.sin(2 * np.pi * ROWS[row] * t) + np.sin(2 * np.pi * COLUMNS[column] * t)
        parts += [both * level, pause]
    return (np.concatenate([*parts, np.zeros(30 * RATE)]) * 32767).astype(np.int16)


def speech() -> Sound:
    """What the line itself says, as if a caller said it."""
    parts = []
    for name in ("greeting", "info-menu", "closed-hours", "ask-inn"):
        with wave.open(str(PROJECT / "ivr_prompts" / "ru" / f"{name}.wav")) as file:
            parts.append(np.frombuffer(file.readframes(file.getnframes()), np.int16))
    return np.concatenate(parts)


class WithoutEvents(Softphone):
    """A phone that does not know telephone events."""

    def sdp(self, media: Media) -> str:
        lines = super().sdp(media).replace("RTP/AVP 8 101", "RTP/AVP 8").split("\r\n")
        return "\r\n".join(line for line in lines if ":101 " not in line)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    """Two trunks: on one, keys are never looked for in the voice. Everybody is asked for INN and urgency."""
    folder = tmp_path_factory.mktemp("keys")
    prompts = brief_prompts(folder / "prompts", 0.5)
    network = own_network()
    trunks = {
        "city": {"networks": [f"{network}1.0/24"], "outgoing": f"{network}1.200:5060"},
        "clean": {"networks": [f"{network}4.0/24"], "dtmf": "events"},
    }
    async with station(
        folder, prompts=str(prompts), trunks=trunks, ivr={"inn_tries": "2", "identify": "before_queue"}
    ) as found:
        yield found
        await all_quiet(found)


async def asked(here: Station, call: Call, number: str, what: str) -> None:
    """Wait until this caller is asked."""

    def found() -> bool:
        callers = here.controller._center._floor.callers.values()
        return any(one.record.number == number and one.state.value == what for one in callers)

    await until(found, 20.0, f"{number} is {what}")


async def answers_both(here: Station, phone: Softphone, number: str) -> None:
    """The caller gives the INN and chooses «urgent» with tones in the voice, and the register has both."""
    call = await phone.dial(NUMBER)
    await asked(here, call, number, "identifying")
    call.say(tones(f"{CUSTOMER_INN}#"))
    await asked(here, call, number, "choosing")
    call.say(tones("1"))
    await asked(here, call, number, "waiting")
    call.hang_up()
    row = await here.ended(number=number)
    assert (row["inn"], row["urgency"]) == (CUSTOMER_INN, "urgent")


async def test_a_phone_without_telephone_events(here: Station) -> None:
    async with WithoutEvents("+73425552001", f"{here.network}1.21", 0, here.proxy) as phone:
        await answers_both(here, phone, "+73425552001")


async def test_a_gateway_that_offers_telephone_events_and_never_sends_any(here: Station) -> None:
    async with Softphone("+73425552002", f"{here.network}1.22", 0, here.proxy) as phone:
        await answers_both(here, phone, "+73425552002")


async def test_telephone_events_are_heard_once(here: Station) -> None:
    """Listening to the voice as well doubles nothing."""
    call = await here.caller("+73425552003")
    await asked(here, call, "+73425552003", "identifying")
    await call.press(f"{CUSTOMER_INN}#")
    await asked(here, call, "+73425552003", "choosing")
    await call.press("1")
    await asked(here, call, "+73425552003", "waiting")
    call.hang_up()
    row = await here.ended(number="+73425552003")
    assert (row["inn"], row["urgency"]) == (CUSTOMER_INN, "urgent")


async def test_speech_is_no_key(here: Station) -> None:
    """Somebody who talks while the menu waits for a key; then a real key is understood."""
    async with WithoutEvents("+73425552004", f"{here.network}1.24", 0, here.proxy) as phone:
        call = await phone.dial(NUMBER)
        call.say(speech())
        await asked(here, call, "+73425552004", "choosing")
        await asked(here, call, "+73425552004", "waiting")
        await here.row(number="+73425552004", inn="", urgency="normal", info_visits=0)
        call.say(tones("1"))
        await here.row(number="+73425552004", info_visits=1)
        call.hang_up()


async def test_a_trunk_of_clean_events_is_never_searched_for_tones(here: Station) -> None:
    async with Softphone("+73425552005", f"{here.network}4.25", 0, here.proxy) as phone:
        call = await phone.dial(NUMBER)
        await asked(here, call, "+73425552005", "identifying")
        call.say(tones(f"{CUSTOMER_INN}#"))
        await asked(here, call, "+73425552005", "choosing")
        call.hang_up()
        assert (await here.ended(number="+73425552005"))["inn"] == ""


async def test_an_operators_codes(here: Station) -> None:
    """Log in, and transfer, from a phone whose keys are tones."""
    address = here.config.phones["101"].address
    assert address
    initial = here.secrets.initial("101")
    assert initial
    async with WithoutEvents("101", address.host, address.port, here.proxy) as phone:
        code = await phone.dial("*11")
        await until(code.answered.is_set, what="the code is answered")
        code.say(tones(f"101#{initial.pin}#"))
        await until(lambda: here.see("101").presence == "available", what="logged in")
        caller = await here.caller("+73425552006")
        await asked(here, caller, "+73425552006", "identifying")
        await caller.press(f"{CUSTOMER_INN}#")
        leg = await phone.rings(20.0)
        leg.answer()
        leg.say(voice(OPERATOR))
        await hears(caller, OPERATOR)
        leg.say(tones("*9"))
        await until(lambda: here.see("101").activity != "talking", what="the caller goes to the general line")
        caller.hang_up()
        assert (await here.api("101")).status == 200
        assert (await here.api("101", "logout")).status == 200
