"""Stories of days that are summed up before anybody asks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from callcenter.cli.main import main
from callcenter.config import Config
from callcenter.core.commands import Save
from callcenter.core.records import Outcome, PromiseResult
from callcenter.reports import past_days
from callcenter.reports.day_sums import DaySums
from callcenter.reports.past_days import keep_past_days, summed_up
from callcenter.store import Register, RegisterError
from tests.databases import Where
from tests.store.stories import announcement, arrival, eventually, fill, stored

DAY = 24 * 3600.0
TUESDAY_NIGHT = datetime(2026, 11, 25, 0, 0, 1, tzinfo=ZoneInfo("Europe/Moscow"))
STORY: list[Save] = [
    save
    for day in (0, 1, 2)
    for save in (
        arrival(f"{day}", day * DAY, outcome=Outcome.ABANDONED, joined_at=day * DAY, waiting=9.0),
        announcement(f"{day}", 1, day * DAY, waited=9.0, result=PromiseResult.GAVE_UP),
    )
]


def kept(database: Where) -> Collection[tuple[str, str]]:
    rows = stored(database, "SELECT kind, ends, CAST(sums AS text) FROM day_sums ORDER BY kind, ends")
    return [(kind, ends[:10]) for kind, ends, sums in rows if sums != "[]"]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_AFTER", "_EVERY", "_PAUSE"):
        monkeypatch.setattr(past_days, name, 0.0)


async def test_all_days_that_are_over_are_summed_up_once(register: Register, where: Where, config: Path) -> None:
    lines = Config.load(config).lines.values()
    await fill(register, STORY)
    assert await summed_up(register, lines, TUESDAY_NIGHT) > 0
    both_days = ["2026-11-23", "2026-11-24"]
    assert kept(where) == [(kind, day) for kind in ("calls", "promises") for day in both_days]
    assert await summed_up(register, lines, TUESDAY_NIGHT) == 0

    await fill(register, [arrival("1", DAY, outcome=Outcome.ABANDONED, joined_at=DAY, waiting=10.0)])
    assert await summed_up(register, lines, TUESDAY_NIGHT) == 2, "a late fact: the day's calls and promises, again"


async def test_the_reports_find_what_the_controller_has_kept(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the answer counts: limits in another order would be other sums, and all days made from rows again."""
    register = await Register.open(tmp_path / "var" / "register.sqlite")
    await fill(register, STORY)
    await summed_up(register, Config.load(config).lines.values(), TUESDAY_NIGHT)
    await register.close()

    def never(*_: object) -> NoReturn:
        raise AssertionError("made from rows")

    monkeypatch.setattr(DaySums, "of", never)
    question: list[str] = ["--config", str(config)]
    days = ["--from", "2026-11-23", "--to", "2026-11-24"]
    for arguments in (["register", *question, "days", *days], ["promises", *question, *days]):
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        assert result.exit_code == 0, result.output
        assert "2026-11-24" in result.output


async def test_trouble_with_the_register_is_told_and_it_goes_on(
    register: Register, config: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    async def fails(*_: Any) -> NoReturn:
        nonlocal tries
        tries += 1
        raise RegisterError("it is locked")

    monkeypatch.setattr(past_days, "summed_up", fails)
    task = asyncio.create_task(keep_past_days(register, Config.load(config).lines.values(), lambda: TUESDAY_NIGHT))
    await eventually(lambda: tries > 2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert "could not be summed up: it is locked" in caplog.text
