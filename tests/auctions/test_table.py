"""The table of auctions, in each kind of database: every version stays, two heads do not overwrite each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import func, select, text

from callcenter.app.settings_in_force import rules_in_force
from callcenter.auctions.csv_file import AuctionsFileError, FileRow
from callcenter.auctions.hours import HoursInForce
from callcenter.auctions.table import AuctionTable, ChangedMeanwhile, Imported, _corrected
from callcenter.calendar import auctions as rules
from callcenter.calendar.auctions import Auction, AuctionRefused, AuctionText, Why
from callcenter.config import Config
from callcenter.core.ids import LineId
from callcenter.store import Register
from callcenter.store.auction_tables import AuctionVersion
from tests.databases import Where

MOSCOW = ZoneInfo("Europe/Moscow")
ELOT = LineId("elot")
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=MOSCOW)
pytestmark = pytest.mark.clause("eLot 2.2a")


@pytest.fixture
async def register(where: Where) -> AsyncIterator[Register]:
    opened = await Register.open(where, busy_timeout=0.3)
    yield opened
    await opened.close()


@pytest.fixture
def table(register: Register) -> AuctionTable:
    return AuctionTable(register, {ELOT: MOSCOW})


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


def auction(name: str = "17-ОАОФ", start: str = "2026-11-24 15:00", results: str = "2026-11-26 14:00") -> AuctionText:
    return AuctionText(name, moscow(start), moscow(results))


async def why(work: Any) -> Why:
    with pytest.raises(AuctionRefused) as refused:
        await work
    return refused.value.why


async def test_an_auction_is_entered_corrected_and_withdrawn_and_every_version_stays(table: AuctionTable) -> None:
    entered = await table.add(ELOT, auction(), "401", NOW)
    corrected = await table.correct(entered.id, 1, auction(results="2026-11-26 19:30"), "402", NOW)
    assert (corrected.version, corrected.who) == (2, "402")
    assert await table.one(entered.id) == corrected
    gone = await table.withdraw(entered.id, 2, "401", NOW)
    assert (await table.one(entered.id)).withdrawn
    shown = [(one.version, one.who, one.withdrawn, one.written) for one in await table.versions(entered.id)]
    assert shown == [
        (3, "401", True, gone.written),
        (2, "402", False, corrected.written),
        (1, "401", False, auction()),
    ]
    assert await table.runs() == {}
    assert await why(table.correct(entered.id, 3, auction(), "401", NOW)) is Why.WITHDRAWN
    assert (await table.add(ELOT, auction(), "401", NOW)).id != entered.id, "its name is free again"


async def test_lists_tell_what_runs_what_comes_and_what_is_over(table: AuctionTable) -> None:
    later = await table.add(ELOT, auction("later", "2026-12-01 10:00", "2026-12-02 10:00"), "401", NOW)
    soon = await table.add(ELOT, auction("soon"), "401", NOW)
    held = await table.add(ELOT, auction("held", "2026-11-24 09:00", "2026-11-24 12:00"), "401", NOW)
    gone = await table.add(ELOT, auction("gone"), "401", NOW)
    await table.withdraw(gone.id, 1, "401", NOW)
    assert [one.id for one in await table.not_over(ELOT, NOW, 10)] == [soon.id, later.id]
    assert [one.id for one in await table.not_over(ELOT, NOW, 1, skip=1)] == [later.id]
    assert await table.number_not_over(ELOT, NOW) == 2
    assert [one.id for one in await table.over(ELOT, NOW, 10)] == [gone.id, held.id]
    assert [one.id for one in await table.all(ELOT)] == [held.id, soon.id, later.id]


async def test_of_two_heads_who_change_one_auction_at_once_the_second_is_told(table: AuctionTable) -> None:
    entered = await table.add(ELOT, auction(), "401", NOW)
    both = await asyncio.gather(
        table.correct(entered.id, 1, auction(results="2026-11-26 19:00"), "401", NOW),
        table.correct(entered.id, 1, auction(results="2026-11-26 20:00"), "402", NOW),
        return_exceptions=True,
    )
    [refused] = [one for one in both if isinstance(one, ChangedMeanwhile)]
    assert refused.present == await table.one(entered.id)
    assert refused.present.version == 2
    assert "its version is 2 now" in str(refused)


async def test_what_the_table_refuses(table: AuctionTable, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = await table.add(ELOT, auction(), "401", NOW)
    other = await table.add(ELOT, auction("18"), "401", NOW)
    assert await why(table.add(ELOT, auction(), "401", NOW)) is Why.NAME_TAKEN
    assert await why(table.correct(other.id, 1, auction(), "401", NOW)) is Why.NAME_TAKEN
    assert await why(table.add(LineId("estp"), auction(), "401", NOW)) is Why.NO_SUCH_LINE
    assert await why(table.one(99)) is Why.UNKNOWN
    assert await why(table.versions(99)) is Why.UNKNOWN
    assert await why(table.withdraw(99, 1, "401", NOW)) is Why.UNKNOWN
    assert await why(table.correct(entered.id, 1, auction(results="2026-11-20 10:00"), "401", NOW)) is (
        Why.ENDS_BEFORE_START
    )
    tomorrow = NOW + timedelta(days=1)
    assert await why(table.withdraw(entered.id, 1, "401", tomorrow)) is Why.HAS_BEGUN
    monkeypatch.setattr("callcenter.auctions.table.MOST", 2)
    assert await why(table.add(ELOT, auction("19"), "401", NOW)) is Why.TOO_MANY
    assert len(await table.versions(entered.id)) == 1


async def test_a_file_adds_corrects_and_leaves_the_others_all_or_nothing(table: AuctionTable) -> None:
    same = await table.add(ELOT, auction("same"), "401", NOW)
    moved = await table.add(ELOT, auction("moved"), "401", NOW)
    await table.add(ELOT, auction("other"), "401", NOW)
    file = [FileRow(2, auction("same")), FileRow(3, auction("moved", results="2026-11-27 10:00"))]
    file += [FileRow(4, auction("new")), FileRow(5, auction("newer"))]
    wrong = [
        FileRow(6, auction("past", "2026-11-20 10:00", "2026-11-21 10:00")),
        FileRow(7, auction("x", "2026-11-23 10:00")),
    ]
    with pytest.raises(AuctionsFileError) as refused:
        await table.take(ELOT, file + wrong, "402", NOW)
    assert [(one.line, one.why) for one in refused.value.mistakes] == [(6, Why.OVER), (7, Why.BEGAN_EARLIER)]
    assert {one.written.name for one in await table.all(ELOT)} == {"same", "moved", "other"}

    assert await table.take(ELOT, file, "402", NOW) == Imported(added=2, corrected=1, unchanged=1)
    assert {one.written.name for one in await table.all(ELOT)} == {"same", "moved", "other", "new", "newer"}
    assert [one.version for one in (await table.one(same.id), await table.one(moved.id))] == [1, 2]
    [new] = [one for one in await table.all(ELOT) if one.written.name == "newer"]
    [only] = await table.versions(new.id)
    assert (only.who, only.written) == ("402", auction("newer"))
    assert await table.take(ELOT, file, "402", NOW) == Imported(0, 0, 4), "again: nothing changes"


async def test_a_file_whose_auction_somebody_corrects_at_the_same_moment_is_not_taken(
    table: AuctionTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = await table.add(ELOT, auction(), "401", NOW)
    really = _corrected

    def two_versions_later(before: Auction, *more: Any) -> Auction:
        return replace(really(before, *more), version=before.version + 2)

    monkeypatch.setattr("callcenter.auctions.table._corrected", two_versions_later)
    with pytest.raises(AuctionsFileError, match="at the same moment; take the file over again"):
        await table.take(
            ELOT, [FileRow(2, auction(results="2026-11-27 10:00")), FileRow(3, auction("new"))], "402", NOW
        )
    assert await table.all(ELOT) == [entered]


async def test_somebody_who_is_faster_with_a_name_is_named_by_the_database_too(
    table: AuctionTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL two may look at the same moment; the index decides."""
    await table.add(ELOT, auction(), "401", NOW)
    monkeypatch.setattr("callcenter.auctions.table._check_name", lambda *_: None)
    assert await why(table.add(ELOT, auction(), "402", NOW)) is Why.NAME_TAKEN
    assert await table.number_not_over(ELOT, NOW) == 1


async def test_thousands_of_auctions_are_taken_corrected_and_the_hours_found(
    table: AuctionTable, register: Register
) -> None:
    first = moscow("2026-11-25 10:00")
    file = [
        FileRow(
            number + 2,
            AuctionText(f"№ {number}", first + timedelta(hours=number), first + timedelta(hours=number + 30)),
        )
        for number in range(2_000)
    ]
    assert await table.take(ELOT, file, "401", NOW) == Imported(2_000, 0, 0)
    async with register.session() as session:
        assert await session.scalar(select(func.count()).select_from(AuctionVersion)) == 2_000
    [runs] = (await table.runs()).values()
    assert len(rules.merged(runs)) == 1
    later = [FileRow(row.line, replace(row.text, results_at=row.text.results_at + timedelta(hours=1))) for row in file]
    assert await table.take(ELOT, later, "401", NOW) == Imported(0, 2_000, 0)


# -- the hours in force ------------------------------------------------------------------------------------------------

CONFIG = {
    "lines": {
        "elot": {
            "numbers": ["+7 812 908-09-70"],
            "hours": {"opens": "11:00", "closes": "18:00", "auctions": {"opens": "09:00", "closes": "21:00"}},
            "requests": {},
        },
        "estp": {"numbers": ["+7 342 292-19-60"], "requests": {}},
    },
}


def configured(folder: Path) -> Config:
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    return Config.load(folder / "config.yaml")


async def test_the_hours_follow_what_was_entered_whoever_entered_it(register: Register, tmp_path: Path) -> None:
    config = configured(tmp_path)
    hours = HoursInForce(config.lines.values, register)
    told: list[str] = []
    hours.changed.append(lambda: told.append("changed"))
    assert list(hours.table.zones) == ["elot"]
    assert not await hours.refresh()
    before, other_line = hours.of(ELOT), hours.of(LineId("estp"))
    rules_of_lines = hours.rules(config.request_rules)()
    kept = rules_of_lines[ELOT]
    assert rules_of_lines[ELOT] is kept, "until something changes"

    terminal = AuctionTable(register, {ELOT: MOSCOW})
    entered = await terminal.add(ELOT, auction(), "root", NOW)
    assert hours.of(ELOT) is before
    assert await hours.refresh()
    assert told == ["changed"]
    day = moscow("2026-11-25 00:00").date()
    assert [f"{at:%H}" for at in hours.of(ELOT).clock(day)] == ["09", "21"]
    assert hours.of(LineId("estp")) is other_line
    assert rules_of_lines[ELOT].time.hours.clock(day) == hours.of(ELOT).clock(day)
    assert rules_of_lines[ELOT].time.hours is not hours.of(ELOT), "each thread has a calendar of its own"
    assert not await hours.refresh()

    assert (await rules_in_force(config, register, NOW))()[ELOT].time.hours.clock(day) == hours.of(ELOT).clock(day)
    await terminal.withdraw(entered.id, 1, "root", NOW)
    assert await hours.refresh()
    assert hours.of(ELOT).clock(day) == before.clock(day)


async def test_a_register_that_fails_leaves_the_hours_as_they_were(register: Register, tmp_path: Path) -> None:
    hours = HoursInForce(configured(tmp_path).lines.values, register)
    await hours.table.add(ELOT, auction(), "401", NOW)
    await hours.refresh()
    before = hours.of(ELOT)
    async with register.session() as session:
        await session.execute(text("ALTER TABLE auctions RENAME TO auctions_away"))
        await session.execute(text("DELETE FROM auction_versions"))
    with pytest.raises(Exception, match="auctions"):
        await hours.refresh()
    assert hours.of(ELOT) is before
