"""Settings with a date: what may have one, how sections add up, and every mistake told where it stands."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from callcenter.calendar.working_time import Term
from callcenter.config import Config, ConfigError
from callcenter.config.dated import ALWAYS, at, differences, midnight
from callcenter.core.ids import LineId

pytestmark = [pytest.mark.clause("ESTP 6.2"), pytest.mark.clause("eLot 4.3")]

LINE = LineId("estp")
ABOVE = """
lines:
  estp:
    numbers: ["+7 342 292-19-60"]
    required_staff: 2
    requests: {form: 1 hour}
    changes:
"""


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)


def load(folder: Path, *sections: str) -> Config:
    path = folder / "config.yaml"
    path.write_text(ABOVE + "".join(f"      - {{{section}}}\n" for section in sections), encoding="utf-8")
    return Config.load(path)


def test_each_section_changes_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    """In any order; the last one goes back to what the regulation said at first."""
    found = load(
        tmp_path,
        "from: 2027-03-01, requests: {form: 30 minutes}, hours: {opens: 08:00}",
        "from: 2027-01-11, hours: {closes: 20:00}, required_staff: 3",
        "from: 2027-05-01, hours: {opens: null, closes: null}",
    ).timeline(LINE)
    assert [one.first for one in found] == [ALWAYS, date(2027, 1, 11), date(2027, 3, 1), date(2027, 5, 1)]
    days = [date(2026, 12, 31), date(2027, 1, 10), date(2027, 1, 11), date(2027, 3, 1), date(2030, 1, 1)]
    lines = [at(found, day).line for day in days]
    assert [(line.hours.opens.hour, line.hours.closes.hour, line.required_staff) for line in lines] == [
        *((9, 18, 2), (9, 18, 2), (9, 20, 3)),
        *((8, 20, 3), (9, 18, 3)),
    ]
    assert [str(one) for one in differences(lines[2], lines[3])] == [
        "hours.opens: 09:00 → 08:00",
        "requests.form: 1 hour → 30 minutes",
    ]


def test_a_table_of_names_is_replaced_as_a_whole(tmp_path: Path) -> None:
    found = load(tmp_path, "from: 2027-01-11, requests: {urgencies: {Срочно: {answer: 4 working hours}}}").timeline(
        LINE
    )
    requests = found[-1].line.requests
    assert requests is not None
    assert requests.urgencies.keys() == {"Срочно"}
    assert requests.urgencies["Срочно"].answer == Term.working_hours(4)
    assert requests.form == Term.plain_hours(1), "a section of settings is not"


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("from: 2027-02-30, required_staff: 3", "changes.0.from: found '2027-02-30'; allowed: a date such as"),
        ("required_staff: 3", "changes.0.from: found nothing; this setting is required"),
        ("from: 2027-01-11", "changes.0: found nothing that is not so before 2027-01-11"),
        ("from: 2027-01-11, hours: {opens: 09:00}", "changes.0: found nothing that is not so before"),
        ("from: 2027-01-11, hours: {opens: 19:00}", "changes.0.hours: found opens 19:00 and closes 18:00"),
        ("from: 2027-01-11, hours: {closez: 19:00}", "changes.0.hours.closez: found an unknown setting; 'closes'"),
        ("from: 2027-01-11, required_stuff: 3", "changes.0.required_stuff: found an unknown setting; 'required_staff'"),
        ("from: 2027-01-11, required_staff: many", "changes.0.required_staff: found 'many'; allowed: a whole number"),
        ("from: 2027-01-11, hours: {zone: Asia/Almaty}", "hours.zone: found a date for it, but the days themselves"),
        (
            "from: 2027-01-11, hours: {extra_holidays: [2027-01-12]}",
            "found a date for it, but its days are dates already",
        ),
        ("from: 2027-01-11, capacity: 5", "changes.0.capacity: found a date for it, but Asterisk's own files have it"),
        (
            "from: 2027-01-11, queue: {classes: [normal, urgent]}",
            "queue.classes: found a date for it, but the order of",
        ),
        ("from: 2027-01-11, title: Другая", "title: found a date for it, but it is no promise to customers"),
        ("from: 2027-01-11, changes: []", "changes: found a date for it, but a section has no sections"),
        ("from: 2027-01-11, notice_days: 0", "notice_days: found a date for it, but it decides about dates itself"),
        ("from: 2027-01-11, queue: {default_class: last}", "queue.default_class: from 2027-01-11: found class 'last'"),
        ("from: 2027-01-11, promises: {minutes: [1, 8]}", "promises.minutes.1: from 2027-01-11: found 8, which nobody"),
        ("from: 0001-01-01, required_staff: 3", "changes.0.from: found 0001-01-01"),
    ],
)
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, section: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, section)
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1
    assert "(line 8)" in caught.value.problems[0]


def test_two_sections_of_one_day(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"changes\.1\.from: found 2027-01-11 twice; one section for each day"):
        load(tmp_path, "from: 2027-01-11, required_staff: 3", "from: 2027-01-11, required_staff: 4")


def test_a_mistake_that_only_the_second_section_makes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"changes\.1\.hours: found opens 19:00 and closes 18:30"):
        load(tmp_path, "from: 2027-01-11, hours: {closes: 18:30}", "from: 2027-01-12, hours: {opens: 19:00}")


def test_requests_do_not_begin_with_a_section(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        'lines: {estp: {numbers: ["+73422921960"], changes: [{from: 2027-01-11, requests: {form: 2 hours}}]}}'
    )
    with pytest.raises(ConfigError, match="the line has no `requests` above"):
        Config.load(path)


def test_a_section_in_the_past_simply_holds(tmp_path: Path) -> None:
    found = load(tmp_path, "from: 2020-01-11, hours: {closes: 20:00}").timeline(LINE)
    assert at(found, date(2026, 1, 1)).line.hours.closes == time(20)


def test_midnight_is_the_first_moment_of_the_day_in_the_zone() -> None:
    """In Santiago the clock goes from 24:00 to 01:00 in spring; Kazakhstan gave up one of its hours in 2024."""
    assert midnight(date(2025, 9, 7), ZoneInfo("America/Santiago")) == datetime(2025, 9, 7, 4, tzinfo=UTC)
    assert midnight(date(2024, 2, 29), ZoneInfo("Asia/Almaty")) == datetime(2024, 2, 28, 18, tzinfo=UTC)
    assert midnight(date(2024, 3, 2), ZoneInfo("Asia/Almaty")) == datetime(2024, 3, 1, 19, tzinfo=UTC)
    assert midnight(date(2026, 10, 25), ZoneInfo("Europe/Berlin")) == datetime(2026, 10, 24, 22, tzinfo=UTC)


def test_ten_days_on_forty_lines_are_checked_soon(tmp_path: Path) -> None:
    changes = ", ".join(f"{{from: 2027-01-{day:02}, required_staff: {day}}}" for day in range(1, 11))
    lines = "".join(f'  l{n}: {{numbers: ["+7342292{n:04}"], changes: [{changes}]}}\n' for n in range(40))
    path = tmp_path / "config.yaml"
    path.write_text(f"lines:\n{lines}asterisk: {{rtp_first: 20000, rtp_last: 59999}}\n")
    begin = perf_counter()
    config = Config.load(path)
    assert len(config.lines) == 40
    assert perf_counter() - begin < 10  # about a second on a machine of its own
