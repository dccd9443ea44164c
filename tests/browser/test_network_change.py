"""The operator's network changes in a conversation: another address, and the sound is back (A3).

The browser is in a network of its own, joined to this machine by one cable whose other end gets another address.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.browser import browser
from tests.browser.cable import Cable
from tests.browser.test_page_phone import free, hears_tone
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, hears, voice
from tests.e2e.station import free_port, station

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own for the browser: only root can make one"),
]
AWAY = 1.0
"""Seconds without any network, as when a laptop goes from the cable to Wi-Fi."""


@pytest.fixture
def cable() -> Iterator[Cable]:
    with Cable() as made:
        yield made


async def test_another_address_in_a_conversation_costs_a_few_seconds(tmp_path: Path, cable: Cable) -> None:
    settings = {
        "ivr": {"ask_inn": "false", "urgency": {}},
        "prompts": str(brief_prompts(tmp_path / "prompts", 0.3)),
        "people": {name: {"group": "operators"} for name in ("101", "102")},
        "http": {"bind": "0.0.0.0", "port": free_port(socket.SOCK_STREAM, "0.0.0.0")},  # noqa: S104
    }
    async with station(tmp_path, browsers={"bind": "0.0.0.0", "sound_check": False}, **settings) as line:  # noqa: S104
        address = f"http://{cable.here}:{line.config.http.port}"
        flags = [f"--unsafely-treat-insecure-origin-as-secure={address}"]
        async with browser(tmp_path, OPERATOR, program=cable.program(tmp_path), flags=flags) as context:
            page = await context.new_page()
            await page.goto(address)
            initial = line.secrets.initial("101")
            assert initial
            await page.fill("[name=id]", "101")
            await page.fill("[name=password]", initial.password)
            await page.click("#login button")
            await free(page)
            caller = await line.caller("+73425556001")
            caller.media.say(voice(CALLER))
            await page.click("#answer")
            await hears(caller, OPERATOR)
            await listen(caller, 2.0)
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
