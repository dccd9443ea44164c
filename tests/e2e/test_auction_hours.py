"""An auction begins and ends while somebody waits: the line opens and closes at once, and the queue is still served.

Heads enter both over the API. Without the controller, the dialplan keeps the hours that it was told last (eLot 2.2a).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.hearing import heard_prompts, listen, names
from tests.e2e.processes import asterisk_without_controller, controlled, serve
from tests.e2e.softphone import RATE, Call
from tests.e2e.station import Station, every_day, until
from tests.e2e.test_caller_arrival import ends

pytestmark = [pytest.mark.e2e, pytest.mark.clause("eLot 2.2a")]
HEAD = "401"


def noon() -> str:
    """A zone in which it is about noon now: an auction can begin and end today."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"  # their signs are the other way round


async def enter(station: Station, zone: str, name: str, results: timedelta, path: str = "", **more: Any) -> int:
    """An auction that has begun an hour ago; `results`: from now on. Returns its number."""
    now = datetime.now(ZoneInfo(zone)).replace(second=0, microsecond=0)
    times = {"starts_at": (now - timedelta(hours=1)).isoformat(), "results_at": (now + results).isoformat()}
    answer = await station.api(HEAD, f"auctions{path}", name=name, **times, **more)
    assert answer.status in (200, 201), await answer.text()
    return int((await answer.json())["id"])


def heard(caller: Call, brief: Path) -> list[str]:
    return names(heard_prompts(caller.heard(), ["greeting", "closed-hours"], brief))


def is_open(line: Station) -> bool:
    return line.controller.view().lines["estp"].open


async def test_an_auction_begins_and_ends_while_somebody_waits(tmp_path: Path, brief: Path) -> None:
    zone = noon()
    at_night = {"opens": "05:00", "closes": "06:00", "auctions": {"opens": "06:00", "closes": "22:00"}}
    async with asterisk_without_controller(
        tmp_path, brief, dialplan=every_day(tmp_path), hours=at_night | {"zone": zone}
    ) as line:
        async with controlled(line):
            phone = await line.operator("101")
            assert (await line.api("101", "pause", reason="lunch")).status == 200
            await line.api(HEAD)
            early = await line.caller("+73421111100")
            await ends(early)

            entered = await enter(line, zone, "17-ОАОФ", timedelta(hours=2), line="estp")
            assert is_open(line), "when the head has the answer, the line is open"
            waiter = await line.caller("+73421111101")
            await until(lambda: line.waiting() == 1, what="the caller waits")

            await enter(line, zone, "17-ОАОФ", timedelta(), f"/{entered}", version=1)
            assert not is_open(line), "the results are announced"
            late = await line.caller("+73421111102")
            await ends(late)
            assert not waiter.ended.is_set()
            assert (await line.api("101", "return")).status == 200
            assert await serve(line, phone, 1) == ["+73421111101"]
            served = await line.ended(number="+73421111101")

            await enter(line, zone, "18-ОАОФ", timedelta(hours=2), line="estp")
        alone = await line.caller("+73421111103")
        await until(lambda: len(alone.media.heard) > RATE, what="sound")
        await listen(alone, 1.0)
        outcomes = {row["number"]: row["outcome"] for row in line.rows()}
        versions = line.rows("select auction, version, what, who from auction_versions order by id")
        audited = [row["what"] for row in line.rows("select what from audit where what like 'auction%' order by id")]
    assert [heard(caller, brief) for caller in (early, late, alone)] == [
        ["closed-hours"],
        ["closed-hours"],
        ["greeting"],
    ]
    assert (served["outcome"], served["operator"]) == ("answered", "101")
    assert (outcomes["+73421111100"], outcomes["+73421111102"]) == ("closed", "closed")
    assert [(row["auction"], row["version"], row["what"], row["who"]) for row in versions] == [
        (1, 1, "added", HEAD),
        (1, 2, "corrected", HEAD),
        (2, 1, "added", HEAD),
    ]
    assert audited == ["auction added", "auction corrected", "auction added"]
