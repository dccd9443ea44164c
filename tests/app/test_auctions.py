"""What is entered of an auction takes effect in a running controller, without a restart (eLot 2.2a)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import yaml

from callcenter.app.controller import Controller
from callcenter.auctions.hours import HoursInForce
from callcenter.auctions.table import AuctionTable
from callcenter.calendar.auctions import AuctionText
from callcenter.config import Config
from callcenter.core.ids import LineId
from callcenter.requests.call_back_wish import Window
from callcenter.requests.targets import TargetKind
from callcenter.store import Register
from tests.app.harness import Harness, connection
from tests.e2e.station import until
from tests.request_register.stories import new
from tests.requests.lines import moscow

pytestmark = pytest.mark.clause("eLot 2.2a")
ESTP = LineId("estp")


@pytest.fixture
def elot(harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """A line with requests whose hours follow auctions; it is Monday evening, half an hour after closing."""
    monkeypatch.setattr("callcenter.app.controller.HOURS_REFRESH", 0.02)
    content = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    content["lines"]["estp"]["hours"] = {"opens": "11:00", "closes": "18:00", "auctions": {}}
    content["lines"]["estp"] |= {"requests": {}, "outgoing": {"ranges": ["+7342"]}}
    content["trunks"]["city"]["outgoing"] = "127.0.1.200:5060"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    harness.config = Config.load(tmp_path / "config.yaml")
    harness.wall.set(moscow("2026-11-23 18:30"))
    return harness


async def assignment(controller: Controller, request: str) -> datetime | None:
    filed = await controller.requests.register.numbered(request)
    target = filed.request.target(TargetKind.ASSIGNMENT)
    return target.due if target else None


def told(harness: Harness) -> list[str]:
    """The hours of today that the dialplan was told, one after the other."""
    days = [one["Value"].split("/") for one in harness.asterisk.actions("Setvar") if one["Variable"] == "CC_DAYS_estp"]
    assert all(one[0] == "20261123" for one in days)
    return [one[1] for one in days]


def moved(harness: Harness) -> int:
    """How often a target has moved with the calendar."""
    [(number,)] = harness.stored("SELECT count(*) FROM request_history WHERE \"by\" = 'calendar'")
    return int(number)


async def test_an_auction_entered_elsewhere_opens_the_line_and_moves_targets(elot: Harness) -> None:
    async with elot.running() as controller:
        await connection(controller)
        filed = await new(controller.requests.register, at=moscow("2026-11-23 16:58"))
        number = str(filed.request.number)
        assert not controller.view().lines["estp"].open
        assert await assignment(controller, number) == moscow("2026-11-24 12:00")
        terminal = await Register.open(elot.config.database, busy_timeout=5)
        table: AuctionTable = HoursInForce(elot.config.lines.values, terminal).table
        text = AuctionText("17", moscow("2026-11-23 17:30"), moscow("2026-11-23 20:00"))
        entered = await table.add(ESTP, text, "root", moscow("2026-11-23 18:30"))
        await until(lambda: controller.view().lines["estp"].open, what="the line is open")
        assert 'callcenter_line_open{line="estp"} 1.0' in controller.metrics.text().decode()
        await until(lambda: told(elot)[-1] == "11:00-19:59", what="the dialplan knows it")

        await until(lambda: moved(elot) == 1, what="the target has moved")
        assert await assignment(controller, number) == moscow("2026-11-23 19:00")
        [entry] = [one for one in await controller.requests.register.history(filed.request.id) if one.by == "calendar"]
        assert entry.why == "the calendar of the line has changed"

        await table.withdraw(entered.id, 1, "root", moscow("2026-11-23 18:30"))
        await until(lambda: not controller.view().lines["estp"].open, what="the line is closed")
        await until(lambda: moved(elot) == 2, what="the target has moved back")
        assert await assignment(controller, number) == moscow("2026-11-24 12:00")
        await until(lambda: told(elot)[-1] == "11:00-17:59", what="the dialplan knows it")
        await terminal.close()


async def test_a_call_back_promised_for_an_auction_s_hours_moves_when_it_is_withdrawn(elot: Harness) -> None:
    async with elot.running() as controller:
        now, requests, hours = moscow("2026-11-23 18:30"), controller.requests, controller.hours
        text = AuctionText("17", moscow("2026-11-24 08:00"), moscow("2026-11-24 20:00"))
        entered = await hours.table.add(ESTP, text, "401", now)
        await hours.refresh()
        filed = await new(requests.register, at=moscow("2026-11-23 16:58"))
        window = Window(moscow("2026-11-24 09:10"), moscow("2026-11-24 09:40"))
        number, seen = filed.requester.number, filed.request
        promised = await requests.book.order(seen.id, seen.version, number, window, (), "101", now)
        assert promised.next_at == moscow("2026-11-24 09:10")
        await hours.table.withdraw(entered.id, 1, "401", now)
        await hours.refresh()
        why = "the calendar of the line has changed"
        query = f"SELECT count(*) FROM request_history WHERE what = 'moved' AND why = '{why}'"  # noqa: S608 - ours
        await until(lambda: elot.stored(query) == [(1,)], what="the call-back has moved")
        assert (await requests.book.one(promised.id)).next_at == moscow("2026-11-24 11:00")


async def test_a_controller_that_starts_knows_the_auctions_that_run(elot: Harness) -> None:
    register = await Register.open(elot.config.database)
    table = HoursInForce(elot.config.lines.values, register).table
    text = AuctionText("17", moscow("2026-11-23 17:30"), moscow("2026-11-23 20:00"))
    await table.add(ESTP, text, "root", moscow("2026-11-23 18:30"))
    await register.close()
    async with elot.running() as controller:
        assert controller.view().lines["estp"].open
        await connection(controller)
        await until(lambda: told(elot)[-1:] == ["11:00-19:59"], what="the dialplan knows it")
