"""The operator's network changes in a conversation: another address, and the sound is back (A3).

The browser is in a network of its own, joined to this machine by one cable whose other end gets another address.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.browser.browser import browser, chromium
from tests.browser.test_page_phone import free, hears_tone
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, hears, hears_music, voice
from tests.e2e.softphone import Call
from tests.e2e.station import Station, free_port, station

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own for the browser: only root can make one"),
]
NOBODY = "02:00:00:00:00:99"
AWAY = 1.0
"""Seconds without any network, as when a laptop goes from the cable to Wi-Fi."""


class Cable:
    """From this machine to the browser's network."""

    def __init__(self) -> None:
        self.space = f"cc{os.getpid()}"
        self._net = f"10.{77 + os.getpid() % 100}.{os.getpid() % 250}"
        self.here = f"{self._net}.1"

    def __enter__(self) -> Cable:
        ours, theirs = f"{self.space}a", f"{self.space}b"
        _ip("netns", "add", self.space)
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", self.space)
        _ip("addr", "add", f"{self.here}/24", "dev", ours)
        _ip("link", "set", ours, "up")
        _ip("-n", self.space, "link", "set", "lo", "up")
        _ip("-n", self.space, "link", "set", theirs, "up")
        self.comes(2)
        return self

    def __exit__(self, *exc: object) -> None:
        _ip("link", "del", f"{self.space}a")
        _ip("netns", "del", self.space)

    def comes(self, host: int) -> None:
        """The browser's network has this address from now on."""
        _ip("-n", self.space, "addr", "add", f"{self._net}.{host}/24", "dev", f"{self.space}b")

    def goes(self, host: int) -> None:
        """… and not any more."""
        _ip("-n", self.space, "addr", "del", f"{self._net}.{host}/24", "dev", f"{self.space}b")

    def swallows(self, host: int) -> None:
        """Whatever is sent is lost from now on, both ways, and nobody is told: the wrong machine is addressed."""
        _ip("neigh", "replace", f"{self._net}.{host}", "lladdr", NOBODY, "dev", f"{self.space}a", "nud", "permanent")
        there = ("lladdr", NOBODY, "dev", f"{self.space}b", "nud", "permanent")
        _ip("-n", self.space, "neigh", "replace", self.here, *there)

    def carries(self, host: int) -> None:
        """… and arrives again."""
        _ip("neigh", "del", f"{self._net}.{host}", "dev", f"{self.space}a")
        _ip("-n", self.space, "neigh", "del", self.here, "dev", f"{self.space}b")

    def carries_no_udp(self, host: int) -> None:
        """No sound gets through from now on, but the page's connections do: as behind a strict firewall."""
        _ip("rule", "add", "ipproto", "udp", "to", f"{self._net}.{host}", "blackhole")
        _ip("-n", self.space, "rule", "add", "ipproto", "udp", "to", self.here, "blackhole")

    def carries_udp(self, host: int) -> None:
        """… and it does again."""
        _ip("rule", "del", "ipproto", "udp", "to", f"{self._net}.{host}", "blackhole")

    def program(self, folder: Path) -> str:
        """Chromium, in that network."""
        script = folder / "chromium"
        script.write_text(f'#!/bin/sh\nexec ip netns exec {self.space} {chromium()} "$@"\n')
        script.chmod(0o755)
        return str(script)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


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
            await free(page)
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


async def test_a_network_that_swallows_everything_ends_the_conversation(tmp_path: Path, cable: Cable) -> None:
    """Nobody is told, so the page only notices that it hears nothing; the caller must not talk to a void."""
    async with talking(tmp_path, cable, "+73425556002") as (line, page, caller):
        began = time.monotonic()
        cable.swallows(2)
        try:
            await hears_music(caller, within=30.0)
            print("MUSIC AFTER", time.monotonic() - began)
        finally:
            for _ in range(1):
                print(line.see("101").activity, line.see("101").kept)
            cable.carries(2)


async def test_a_firewall_that_swallows_the_sound_ends_the_conversation(tmp_path: Path, cable: Cable) -> None:
    """Nobody is told, so the page only notices that it hears nothing; the caller must not talk to a void."""
    async with talking(tmp_path, cable, "+73425556003") as (line, page, caller):
        began = time.monotonic()
        cable.carries_no_udp(2)
        try:
            await hears_music(caller, within=40.0)
            print("MUSIC AFTER", time.monotonic() - began)
        finally:
            print(line.see("101").activity, line.see("101").kept)
            cable.carries_udp(2)
