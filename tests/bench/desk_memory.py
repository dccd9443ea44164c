"""Does a desk that stays open grow? A page over one shift, its clock put forward, with many calls; without a phone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer
from playwright.async_api import CDPSession, Page

from callcenter.core.ids import PersonId, PhoneName
from callcenter.desk import make_app
from callcenter.desk.app import LIVE
from callcenter.desk.sessions import Sessions
from tests.browser.browser import browser
from tests.desk.fake_accounts import PASSWORD, FakeAccounts
from tests.desk.fake_backend import FakeBackend, call
from tests.wall import MONDAY_NOON

SHIFT = 8 * 3600
PARTS = 4
"""Looks at the memory."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the page, after its garbage was collected."""

    heap: int
    nodes: int
    listeners: int


async def measure(folder: Path, calls: int) -> list[tuple[int, Memory]]:
    """Return the memory at the beginning and after each part of the shift."""
    backend, accounts = FakeBackend(), FakeAccounts()
    app = make_app(
        backend,
        titles={"operators": "Операторы"},
        pause_reasons=("lunch",),
        metrics_text=bytes,
        accounts=accounts,
        sessions=Sessions(lambda: MONDAY_NOON, version=accounts.version),
    )
    found = []
    async with TestServer(app) as server, browser(folder, 440) as context:
        page = await context.new_page()
        await page.clock.install()
        await page.goto(str(server.make_url("/")))
        await page.fill("[name=id]", "101")
        await page.fill("[name=password]", PASSWORD)
        await page.click("#login button")
        await _shows(page, app, backend, "available", activity="idle")
        session = await context.new_cdp_session(page)
        await _calls(page, app, backend, 5, 0)
        found.append((5, await _memory(session)))
        for part in range(1, PARTS + 1):
            await _calls(page, app, backend, calls // PARTS, SHIFT / calls)
            found.append((5 + part * (calls // PARTS), await _memory(session)))
    return found


async def _calls(page: Page, app: Any, backend: FakeBackend, number: int, apart: float) -> None:
    for one in range(number):
        caller = replace(call(f"Администрация {one}"), call=f"1700.{one}", number=f"+7342000{one:04d}")
        await _shows(page, app, backend, "offered", activity="offered", call=caller)
        await _shows(page, app, backend, "talking", activity="talking", call=caller)
        await page.clock.fast_forward(int(1000 * apart / 2))
        await _shows(page, app, backend, "wrapping_up", activity="wrapping_up")
        await page.clock.fast_forward(int(1000 * apart / 2))
        await _shows(page, app, backend, "available", activity="idle")


async def _shows(page: Page, app: Any, backend: FakeBackend, state: str, **changes: Any) -> None:
    backend.change("101", "available", phone=PhoneName("101"), **changes)
    app[LIVE].changed([PersonId("101")])
    await page.clock.run_for(50)
    await page.wait_for_selector(f".bar[data-state={state}]", state="attached")


async def _memory(session: CDPSession) -> Memory:
    for _ in range(3):
        await session.send("HeapProfiler.collectGarbage")
        await asyncio.sleep(0.1)
    await session.send("Performance.enable")
    metrics = {one["name"]: int(one["value"]) for one in (await session.send("Performance.getMetrics"))["metrics"]}
    return Memory(metrics["JSHeapUsedSize"], metrics["Nodes"], metrics["JSEventListeners"])
