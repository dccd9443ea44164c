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
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.browser import browser, chromium
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

    @contextmanager
    def loses_everything(self, host: int) -> Iterator[None]:
        """Whatever is sent is lost meanwhile, both ways, and nobody is told: the wrong machine is addressed."""
        theirs, nobody = f"{self._net}.{host}", ("lladdr", "02:00:00:00:00:99", "nud", "permanent")
        _ip("neigh", "replace", theirs, *nobody, "dev", f"{self.space}a")
        _ip("-n", self.space, "neigh", "replace", self.here, *nobody, "dev", f"{self.space}b")
        yield
        _ip("neigh", "del", theirs, "dev", f"{self.space}a")
        _ip("-n", self.space, "neigh", "del", self.here, "dev", f"{self.space}b")

    @contextmanager
    def loses_sound(self, host: int) -> Iterator[None]:
        """No sound gets through meanwhile, but the page's connections do: as behind a firewall without UDP."""
        ours = ("ipproto", "udp", "to", f"{self._net}.{host}", "blackhole")
        theirs = ("ipproto", "udp", "to", self.here, "blackhole")
        _ip("rule", "add", *ours)
        _ip("-n", self.space, "rule", "add", *theirs)
        try:
            yield
        finally:
            _ip("rule", "del", *ours)
        _ip("-n", self.space, "rule", "del", *theirs)

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
        await page.click("#hangup")
        await caller.ended.wait()
        row = await line.ended(number="+73425556002")
        offers = line.rows(f"select * from offers where call = '{row['call']}' order by id")
        assert [(offers[0]["kind"], offers[0]["result"]), offers[-1]["kind"]] == [("queue", "lost"), "take_back"]
        assert row["recording_problem"] == ""
