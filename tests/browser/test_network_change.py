"""The operator's network changes in a conversation: another address, and the sound is back (A3).

The browser is in a network of its own, joined to this machine by one cable whose other end gets another address.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.browser import browser
from tests.browser.cable import Cable
from tests.browser.test_page_phone import hears_tone
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, hears, hears_music, voice
from tests.e2e.softphone import Call
from tests.e2e.station import Station, free_port, station, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own for the browser: only root can make one"),
]
VANISHED_AFTER, TAKE_BACK = 8, 30
AWAY = 1.0
"""Seconds without any network, as when a laptop goes from the cable to Wi-Fi."""


@pytest.fixture
def cable() -> Iterator[Cable]:
    with Cable() as made:
        yield made


@asynccontextmanager
async def talking(folder: Path, cable: Cable, number: str) -> AsyncIterator[tuple[Station, Page, Call]]:
    """A caller in conversation with a page in the other network."""
    settings = {
        "ivr": {"ask_inn": "false", "urgency": {}},
        "prompts": str(brief_prompts(folder / "prompts", 0.3)),
        "people": {name: {"group": "operators"} for name in ("101", "102")},
        "http": {"bind": "0.0.0.0", "port": free_port(socket.SOCK_STREAM, "0.0.0.0")},  # noqa: S104
        "timings": {"vanished_after": VANISHED_AFTER, "take_back": TAKE_BACK, "ring_timeout": 20},
    }
    async with station(folder, browsers={"bind": "0.0.0.0", "sound_check": False}, **settings) as line:  # noqa: S104
        address = f"http://{cable.here}:{line.config.http.port}"
        flags = [f"--unsafely-treat-insecure-origin-as-secure={address}"]
        async with browser(folder, OPERATOR, program=cable.program(folder), flags=flags) as context:
            page = await context.new_page()
            await page.goto(address)
            initial = line.secrets.initial("101")
            assert initial
            await page.fill("[name=id]", "101")
            await page.fill("[name=password]", initial.password)
            await page.click("#login button")
            await expect(page.locator("#state")).to_have_text("На линии, свободны", timeout=15_000)
            caller = await line.caller(number)
            caller.media.say(voice(CALLER))
            await page.click("#answer")
            await hears(caller, OPERATOR)
            await listen(caller, 2.0)
            yield line, page, caller


async def test_another_address_in_a_conversation_costs_a_few_seconds(tmp_path: Path, cable: Cable) -> None:
    async with talking(tmp_path, cable, "+73425556001") as (line, page, caller):
        cable.goes(2)
        await asyncio.sleep(AWAY)
        cable.comes(3)
        await listen(caller, 0.5)  # what was on the way
        await hears(caller, OPERATOR, within=5.0)
        await hears_tone(page, CALLER)
        await page.click("#hangup")
        await caller.ended.wait()
        row = await line.ended(number="+73425556001")
        assert len(line.rows(f"select * from offers where call = '{row['call']}'")) == 1, "it never broke off"


@pytest.mark.clause("ESTP 2.3")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("lost", ["everything", "the sound"])
async def test_a_conversation_in_which_nobody_is_heard_ends(tmp_path: Path, cable: Cable, lost: str) -> None:
    """If only the sound is lost, the page agrees on new addresses with Asterisk again and again, and hopes in vain."""
    async with talking(tmp_path, cable, "+73425556002") as (line, page, caller):
        began = time.monotonic()
        with cable.loses_everything(2) if lost == "everything" else cable.loses_sound(2):
            await until(lambda: line.see("101").kept, VANISHED_AFTER + 4.0, "the caller waits for the page")
            print(f"The caller is kept after {time.monotonic() - began:.1f} s.")
            await hears_music(caller)
        await page.click("#answer", timeout=TAKE_BACK * 1000)
        await listen(caller, 0.5)  # what was on the way
        await hears(caller, OPERATOR, within=5.0)
        await listen(caller, 1.0)  # less would be a false answer
        await page.click("#hangup")
        await caller.ended.wait()
        row = await line.ended(number="+73425556002")
        offers = line.rows(f"select * from offers where call = '{row['call']}' order by id")
        assert [(offers[0]["kind"], offers[0]["result"]), offers[-1]["kind"]] == [("queue", "lost"), "take_back"]
        assert row["recording_problem"] == ""
