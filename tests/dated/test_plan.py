"""What customers were told stays so for the days of the notice; whatever nobody has to be told is taken over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from callcenter.config import Config
from callcenter.config.dated import ALWAYS
from callcenter.core.ids import LineId
from callcenter.dated.plan import Plan, Published, holdings, plan

pytestmark = [pytest.mark.clause("ESTP 6.2"), pytest.mark.clause("eLot 4.3")]

LINE = LineId("estp")
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
"""Monday noon in Moscow."""


class Line:
    """A line whose file is edited and whose settings are published."""

    def __init__(self, folder: Path, notice: int = 5) -> None:
        self.path, self.notice = folder / "config.yaml", notice
        self.published: list[Published] = []
        self.publish(self.writes(), NOW - timedelta(days=100))

    def writes(self, *sections: str, above: str = "closes: 18:00", more: str = "") -> Config:
        changes = "".join(f"      - {{{section}}}\n" for section in sections)
        self.path.write_text(
            f'lines:\n  estp:\n    numbers: ["+73422921960"]\n    notice_days: {self.notice}\n    hours: {{{above}}}\n'
            f"{more}    changes:\n{changes}",
            encoding="utf-8",
        )
        return Config.load(self.path)

    def plan(self, config: Config, now: datetime = NOW, *, without: bool = False) -> Plan:
        return plan(config, LINE, self.published, now, without_notice=without)

    def publish(self, config: Config, now: datetime = NOW, *, without: bool = False) -> Plan:
        """As the table does."""
        found = self.plan(config, now, without=without)
        assert without or not found.held
        rows = [one for one in self.published if one.id not in found.withdrawn]
        rows = [
            Published(one.id, LINE, one.first, found.replaced.get(one.id, one.content), one.published_at, one.by)
            for one in rows
        ]
        next_id = 1 + max((one.id for one in self.published), default=0)
        rows += [Published(next_id + n, LINE, one.first, one.content, now, "x") for n, one in enumerate(found.new)]
        self.published = sorted(rows, key=lambda one: (one.first, one.id))
        return found

    def closes(self, config: Config, now: datetime) -> str:
        """At which hour the line closes by what holds at a moment."""
        line = config.holding(holdings(config, self.published), now).lines[LINE]
        return f"{line.hours.closes:%H}"


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


@pytest.mark.parametrize(("day", "in_time"), [("2026-12-04", False), ("2026-12-05", True), ("2026-12-06", True)])
def test_five_calendar_days_before_the_day_it_holds(line: Line, day: str, in_time: bool) -> None:
    """Monday for Saturday is in time, for Friday it is not; days, not hours, and weekends count."""
    found = line.plan(line.writes(f"from: {day}, hours: {{closes: 20:00}}"))
    assert bool(found.new) is in_time
    assert [str(one) for one in found.held] == (
        []
        if in_time
        else [
            "lines.estp: hours.closes: 18:00 → 20:00: from 2026-12-04 on is too soon, customers have to be told "
            "before; write it with `from: 2026-12-05` or later, or publish it --without-notice"
        ]
    )


def test_the_day_is_that_of_the_line(tmp_path: Path) -> None:
    """At 22:30 UTC it is Tuesday already in Moscow."""
    line = Line(tmp_path)
    assert line.plan(line.writes("from: 2026-12-05, hours: {closes: 20:00}"), NOW.replace(hour=22)).held


def test_three_days_on_another_line(tmp_path: Path) -> None:
    line = Line(tmp_path, notice=3)
    assert not line.plan(line.writes("from: 2026-12-03, hours: {closes: 20:00}")).held
    assert line.plan(line.writes("from: 2026-12-02, hours: {closes: 20:00}")).held


def test_an_edit_without_a_date_does_not_slip_through(line: Line) -> None:
    """The hours above the sections are edited, and the controller is started again: the old ones hold."""
    edited = line.writes(above="closes: 17:00")
    assert line.plan(edited).held
    assert line.closes(edited, NOW) == "18"


def test_a_section_that_is_past_when_it_is_first_seen_does_not_either(line: Line) -> None:
    edited = line.writes("from: 2026-11-01, hours: {closes: 17:00}")
    assert line.plan(edited).held
    line.publish(edited, without=True)
    assert line.closes(edited, NOW - timedelta(seconds=1)) == "18", "nobody knew of it then"
    assert line.closes(edited, NOW) == "17"


def test_what_was_published_holds_from_midnight_and_stays_past_it(line: Line) -> None:
    edited = line.writes("from: 2026-12-06, hours: {closes: 20:00}")
    line.publish(edited)
    midnight = datetime(2026, 12, 5, 21, tzinfo=UTC)
    assert [line.closes(edited, midnight + timedelta(seconds=s)) for s in (-1, 0, 86_400 * 300)] == ["18", "20", "20"]
    assert line.plan(edited, midnight + timedelta(days=9)).empty


def test_a_section_that_has_come_may_be_folded_into_what_is_above(line: Line) -> None:
    line.publish(line.writes("from: 2026-12-06, hours: {closes: 20:00}"))
    later = NOW + timedelta(days=30)
    folded = line.writes(above="closes: 20:00")
    assert line.plan(folded, later).empty
    assert line.closes(folded, NOW) == "18", "requests of that time keep their rules"


def test_what_is_announced_is_not_taken_back_in_the_last_days(line: Line) -> None:
    line.publish(line.writes("from: 2026-12-06, hours: {closes: 20:00}"))
    taken_back = line.writes()
    assert line.plan(taken_back, NOW).withdrawn
    held = line.plan(taken_back, NOW + timedelta(days=2)).held
    assert [(one.day, str(one.changes[0])) for one in held] == [(date(2026, 12, 6), "hours.closes: 20:00 → 18:00")]


def test_a_later_day_than_announced_is_in_time_only_for_the_first_one(line: Line) -> None:
    """It would hold from the 6th, people were told; moving it to the 10th changes the 6th."""
    line.publish(line.writes("from: 2026-12-06, hours: {closes: 20:00}"))
    moved = line.writes("from: 2026-12-10, hours: {closes: 20:00}")
    assert line.plan(moved, NOW + timedelta(days=2)).held
    found = line.publish(moved, NOW + timedelta(days=1))
    assert [one.first for one in found.new] == [date(2026, 12, 10)]
    assert line.closes(moved, datetime(2026, 12, 8, tzinfo=UTC)) == "18"


def test_what_customers_are_not_told_needs_no_notice(line: Line) -> None:
    tuned = line.writes("from: 2026-12-01, queue: {announce_every: 30}", more="    queue: {announce_every: 40}\n")
    found = line.publish(tuned)
    assert not found.told
    assert [one.first for one in found.new] == [date(2026, 12, 1)]
    assert found.replaced
    held = line.published
    assert [one.first for one in held] == [ALWAYS, date(2026, 12, 1)]


def test_a_line_without_notice_follows_its_file(tmp_path: Path) -> None:
    """As before there were dates: what is edited holds for all, also for requests that are open."""
    line = Line(tmp_path, notice=0)
    edited = line.writes(above="closes: 17:00")
    assert not line.publish(edited).held
    assert line.closes(edited, NOW - timedelta(days=50)) == "17"


def test_the_first_time_whatever_holds_today_is_what_was_said(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.published = []
    config = line.writes("from: 2026-11-01, hours: {closes: 19:00}", "from: 2026-12-01, hours: {closes: 20:00}")
    assert [one.first for one in line.publish(config).new] == [ALWAYS, date(2026, 11, 1)]
    assert [one.day for one in line.plan(config).held] == [date(2026, 12, 1)]


def test_a_reason_lets_it_through_today(line: Line) -> None:
    edited = line.writes(above="closes: 17:00")
    found = line.publish(edited, without=True)
    assert found.held, "for the evidence"
    assert line.closes(edited, NOW) == "17"
    assert line.closes(edited, NOW - timedelta(hours=1)) == "18"
    assert line.plan(edited).empty
