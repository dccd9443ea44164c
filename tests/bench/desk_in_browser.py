"""A desk in a real browser: how soon it is ready, and how soon it rings beside a desk phone."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page

from callcenter.core.ids import PersonId
from tests.browser.browser import browser
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import OPERATOR
from tests.e2e.softphone import Call
from tests.e2e.station import Station, station, until

# When the page shows that the phone rings, in seconds since 1970 (the same clock as Python's).
_STAMP = """
window.rangAt = [];
new MutationObserver(() => {
  const rings = !!document.querySelector("#answer");
  if (rings && !window.rings) window.rangAt.push((performance.timeOrigin + performance.now()) / 1000);
  window.rings = rings;
}).observe(document, { childList: true, subtree: true });
"""


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds."""

    median: float
    p95: float
    n: int

    @classmethod
    def of(cls, seconds: list[float]) -> Delay:
        """Of these."""
        found = sorted(1000 * one for one in seconds)
        return cls(statistics.median(found), found[int(0.95 * len(found))], len(found))


@dataclass(frozen=True, slots=True)
class InBrowser:
    """What was measured. Bytes for memory and what was fetched."""

    ready_ms: list[float]
    """From asking for the page to «free», log-in included, in browsers with an empty cache; and the bytes fetched."""
    fetched: int
    page: Delay
    """From the core's offer to the button «answer»."""
    desk_phone: Delay
    """From the core's offer to INVITE at a phone."""


async def measure(folder: Path, calls: int) -> InBrowser:
    """Measure with one operator in a page and one at a desk phone, in turn."""
    settings = {
        "ivr": {"ask_inn": "false", "urgency": {}},
        "prompts": str(brief_prompts(folder / "prompts", 0.3)),
        "people": {name: {"group": "operators"} for name in ("101", "102", "103", "104")},
    }
    async with station(folder, browsers=True, **settings) as line:
        ready, fetched = [], 0
        for turn in range(3):
            (folder / f"cold-{turn}").mkdir()
            async with browser(folder / f"cold-{turn}", OPERATOR) as context:
                seconds, fetched = await _ready(context, line)
                ready.append(1000 * seconds)
            await line.api("101")
            await line.api("101", "logout")
        async with browser(folder, OPERATOR) as context:
            await context.add_init_script(_STAMP)
            page = await _desk(context, line)
            await until(lambda: line.see("101").phone_trouble == "" and line.see("101").presence == "available")
            in_page = await _rung(line, "101", calls, lambda: _last_ring(page))
            await line.api("101")
            await line.api("101", "logout")
        phone = await line.operator("102")
        rung: list[float] = []

        def note(call: Call) -> None:
            rung.append(time.time())

        phone.on_call = note

        async def at_phone() -> float | None:
            return rung[-1] if rung else None

        at_desk = await _rung(line, "102", calls, at_phone)
    return InBrowser(ready, fetched, Delay.of(in_page), Delay.of(at_desk))


async def _ready(context: BrowserContext, line: Station) -> tuple[float, int]:
    page = await context.new_page()
    sizes: list[int] = []
    session = await context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    began = await _log_in(page, line)
    await page.wait_for_selector("[data-state=available]")
    return time.monotonic() - began, sum(sizes)


async def _desk(context: BrowserContext, line: Station) -> Page:
    page = await context.new_page()
    await _log_in(page, line)
    await page.wait_for_selector("[data-state=available]")
    return page


async def _log_in(page: Page, line: Station) -> float:
    """Returns the moment before the page is asked for: with a cold cache all of it is loaded first."""
    began = time.monotonic()
    await page.goto(f"http://127.0.0.1:{line.config.http.port}/")
    initial = line.secrets.initial("101")
    assert initial
    await page.fill("[name=id]", "101")
    await page.fill("[name=password]", initial.password)
    await page.check("[name=seat][value=page]")
    await page.click("#login button")
    return began


async def _last_ring(page: Page) -> float | None:
    found: list[float] = await page.evaluate("window.rangAt")
    return found[-1] if found else None


async def _rung(line: Station, person: str, calls: int, last_ring: Callable[[], Any]) -> list[float]:
    """Call so often; return the seconds from each offer to the ringing."""
    delays = []
    for number in range(calls):
        before = await last_ring()
        caller = await line.caller(f"+7342555{number:04d}")
        offered = await _offered(line, person)
        for _ in range(500):
            await asyncio.sleep(0.02)
            if (rang := await last_ring()) not in (None, before):
                delays.append(rang - offered)
                break
        caller.hang_up()
        await until(lambda: line.controller.operator(PersonId(person)).activity == "idle")  # type: ignore[union-attr]
        await asyncio.sleep(0.3)
    return delays


async def _offered(line: Station, person: str) -> float:
    """Wait until the core offers the caller; return when, to the millisecond."""

    def since() -> float | None:
        own = line.controller.operator(PersonId(person))
        return time.time() - own.since if own is not None and own.activity == "offered" else None

    found: float = await until(since)
    return found
