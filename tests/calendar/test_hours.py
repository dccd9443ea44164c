"""When the line is open: the Russian calendar with its moved days, and clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.calendar.hours import MIDNIGHT, Period, WorkingHours

MOSCOW = ZoneInfo("Europe/Moscow")
ESTP = WorkingHours(MOSCOW, time(9), time(18))


ELOT = WorkingHours(
    MOSCOW,
    time(11),
    time(18),
    periods=(
        Period(date(2026, 11, 20), date(2026, 11, 24), time(9), time(21)),
        Period(date(2026, 12, 1), date(2026, 12, 1), time(9), MIDNIGHT),
    ),
)
"""Two auctions."""
E_SAUDA = WorkingHours(ZoneInfo("Asia/Almaty"), time(9), time(18, 30), "KZ")


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


@pytest.mark.clause("ESTP 2.2a")
def test_an_ordinary_monday_is_open_from_nine_to_six_moscow_time() -> None:
    assert not ESTP.is_open(moscow("2026-11-23 08:59:59"))
    assert ESTP.is_open(moscow("2026-11-23 09:00"))
    assert ESTP.is_open(moscow("2026-11-23 17:59:59"))
    assert not ESTP.is_open(moscow("2026-11-23 18:00"))
    assert ESTP.is_open(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))  # 09:00 in Moscow
    assert ESTP.is_open(datetime(2026, 11, 23, 11, 0, tzinfo=ZoneInfo("Asia/Yekaterinburg")))
    assert not ESTP.is_open(datetime(2026, 11, 23, 10, 59, tzinfo=ZoneInfo("Asia/Yekaterinburg")))


@pytest.mark.clause("ESTP 2.2a")
@pytest.mark.parametrize(
    ("day", "works"),
    [
        # 2025: Saturday 1 November was worked for Monday the 3rd.
        ("2025-11-01", True),
        ("2025-11-03", False),
        ("2025-12-31", False),
        # 2026, government decree 1466 of 24.09.2025: 3 January -> 9 January, 4 January -> 31 December.
        ("2026-01-09", False),
        ("2026-01-12", True),
        ("2026-12-31", False),
        ("2026-12-30", True),
        ("2026-03-09", False),  # 8 March is a Sunday
        ("2026-05-11", False),  # 9 May is a Saturday
        ("2026-11-04", False),
        ("2026-11-21", False),  # an ordinary Saturday
        # 2027: Saturday 20 February is worked for Monday the 22nd.
        ("2027-02-20", True),
        ("2027-02-22", False),
        ("2027-12-31", False),
    ],
)
def test_the_official_calendar_with_its_moved_days(day: str, works: bool) -> None:
    assert ESTP.working_day(date.fromisoformat(day)) is works
    assert ESTP.is_open(moscow(f"{day} 12:00")) is works


def test_after_the_last_working_day_of_2026_the_line_opens_again_in_january() -> None:
    assert ESTP.next_change(moscow("2026-12-30 17:00")) == moscow("2026-12-30 18:00")
    assert ESTP.next_change(moscow("2026-12-30 18:00")) == moscow("2027-01-11 09:00")
    opening = ESTP.next_change(datetime(2026, 12, 31, 12, tzinfo=UTC))
    assert opening.isoformat() == "2027-01-11T09:00:00+03:00"


def test_days_named_in_the_configuration_outweigh_the_library() -> None:
    hours = WorkingHours(
        MOSCOW,
        time(9),
        time(18),
        extra_holidays=frozenset({date(2028, 1, 10)}),
        extra_workdays=frozenset({date(2028, 1, 15)}),
    )
    assert not hours.working_day(date(2028, 1, 10))
    assert hours.working_day(date(2028, 1, 15))


def test_the_engineer_is_warned_in_december_that_next_years_decree_is_missing() -> None:
    assert ESTP.calendar_gap(date(2026, 11, 21)) is None
    assert ESTP.calendar_gap(date(2026, 12, 1)) is None
    # No library knows decrees of the far future, whichever version is installed.
    assert ESTP.calendar_gap(date(2089, 11, 30)) is not None
    gap = ESTP.calendar_gap(date(2089, 12, 1))
    assert gap is not None
    assert "2089 and 2090" in gap
    assert "extra_holidays" in gap
    known = WorkingHours(MOSCOW, time(9), time(18), extra_holidays=frozenset({date(2089, 1, 10)}))
    assert known.calendar_gap(date(2089, 6, 1)) is None


def test_a_country_that_moves_no_days_is_known_for_years_ahead() -> None:
    assert WorkingHours(ZoneInfo("Europe/London"), time(9), time(18), "GB").calendar_gap(date(2031, 5, 1)) is None


def test_a_clock_change_between_closing_and_opening_moves_neither() -> None:
    berlin = WorkingHours(ZoneInfo("Europe/Berlin"), time(9), time(18), "DE")
    friday = datetime(2027, 3, 26, 12, tzinfo=ZoneInfo("Europe/Berlin"))  # Good Friday; clocks change on the 28th
    opening = berlin.next_change(friday)
    assert opening.isoformat() == "2027-03-30T09:00:00+02:00"  # the 29th is Easter Monday
    assert berlin.is_open(datetime(2027, 3, 30, 7, 0, tzinfo=UTC))
    assert not berlin.is_open(datetime(2027, 3, 30, 6, 59, tzinfo=UTC))


def test_opening_in_the_hour_that_the_clock_skips_happens_an_hour_later_by_the_clock() -> None:
    sunday = date(2027, 3, 28)
    berlin = WorkingHours(ZoneInfo("Europe/Berlin"), time(2, 30), time(12), "DE", extra_workdays=frozenset({sunday}))
    opening = berlin.next_change(datetime(2027, 3, 28, 0, 0, tzinfo=ZoneInfo("Europe/Berlin")))
    assert opening.isoformat() == "2027-03-28T03:30:00+02:00"


def test_the_hour_that_comes_twice_is_worked_once_in_a_row() -> None:
    sunday = date(2027, 10, 31)
    berlin = WorkingHours(ZoneInfo("Europe/Berlin"), time(1), time(6), "DE", extra_workdays=frozenset({sunday}))
    opens = berlin.next_change(datetime(2027, 10, 30, 23, 30, tzinfo=UTC) - timedelta(hours=1))
    assert berlin.next_change(opens) - opens.astimezone(UTC) == timedelta(hours=6)


def test_a_line_that_works_until_midnight_closes_only_before_a_day_off() -> None:
    hours = WorkingHours(MOSCOW, time(0), MIDNIGHT)
    assert hours.is_open(moscow("2026-11-23 23:59:59"))
    assert hours.next_change(moscow("2026-11-23 12:00")) == moscow("2026-11-28 00:00")  # Saturday


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ESTP.is_open(datetime(2026, 11, 23, 12))  # noqa: DTZ001


def test_a_year_without_any_working_day_does_not_search_for_ever() -> None:
    start = date(2026, 1, 1)
    always_off = frozenset(start + timedelta(days=n) for n in range(900))
    hours = WorkingHours(MOSCOW, time(9), time(18), extra_holidays=always_off)
    assert hours.next_change(moscow("2026-01-01 00:00")) > moscow("2027-01-01 00:00")


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["Europe/Moscow", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_between_now_and_the_next_change_nothing_changes(at: datetime, zone: str) -> None:
    hours = WorkingHours(ZoneInfo(zone), time(9), time(18))
    change = hours.next_change(at)
    assert change > at
    assert hours.is_open(change) != hours.is_open(at)
    assert hours.is_open(change - timedelta(seconds=1)) == hours.is_open(max(at, change - timedelta(seconds=1)))
    for part in range(8):
        assert hours.is_open(at + (change - at) * part / 8) == hours.is_open(at)


@pytest.mark.clause("eLot 2.2a")
@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2026-11-19", "11:00", "18:00"),  # the day before
        ("2026-11-20", "09:00", "21:00"),  # the first
        ("2026-11-24", "09:00", "21:00"),  # the last, a Tuesday
        ("2026-11-25", "11:00", "18:00"),
        ("2026-11-30", "11:00", "18:00"),
        ("2026-12-02", "11:00", "18:00"),
    ],
)
def test_hours_are_others_while_auctions_run(day: str, opens: str, closes: str) -> None:
    assert ELOT.span(date.fromisoformat(day)) == (moscow(f"{day} {opens}"), moscow(f"{day} {closes}"))


@pytest.mark.clause("eLot 2.2a")
def test_an_auction_opens_no_day_off_and_may_last_until_midnight() -> None:
    assert not ELOT.is_open(moscow("2026-11-21 12:00")), "a Saturday between its days"
    assert ELOT.span(date(2026, 12, 1))[1] == moscow("2026-12-02 00:00")
    assert ELOT.next_change(moscow("2026-11-20 18:30")) == moscow("2026-11-20 21:00"), "somebody waits past six"
    assert ELOT.next_change(moscow("2026-11-24 21:00")) == moscow("2026-11-25 11:00"), "it has ended"


@pytest.mark.clause("E-SAUDA 1.5")
@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2024-05-04", True),  # a Saturday that was worked for the 8th
        ("2024-05-08", False),
        ("2025-01-03", False),
        ("2025-01-05", True),  # a Sunday
        ("2025-10-27", False),  # Republic Day was a Saturday
        ("2026-01-07", False),  # Orthodox Christmas; Russia's days off until the 9th are working days here
        ("2026-01-08", True),
        ("2026-03-23", False),  # Nowruz
        ("2026-03-25", False),
        ("2026-05-07", False),
        ("2026-11-04", True),  # a holiday in Russia alone
        ("2026-12-16", False),  # Independence Day
        ("2026-12-31", True),
    ],
)
def test_kazakhstan_has_a_calendar_of_its_own(day: str, works: bool) -> None:
    assert E_SAUDA.working_day(date.fromisoformat(day)) is works


@pytest.mark.clause("E-SAUDA 1.5")
def test_the_zone_of_astana_is_five_hours_ahead_since_march_2024() -> None:
    assert E_SAUDA.span(date(2024, 2, 29))[0] == datetime(2024, 2, 29, 3, 0, tzinfo=UTC)
    assert E_SAUDA.span(date(2024, 3, 1)) == (
        datetime(2024, 3, 1, 4, 0, tzinfo=UTC),
        datetime(2024, 3, 1, 13, 30, tzinfo=UTC),
    )


@pytest.mark.clause("E-SAUDA 1.5")
def test_days_that_kazakhstan_moves_are_asked_of_the_engineer_and_then_known() -> None:
    gap = E_SAUDA.calendar_gap(date(2026, 6, 1))
    assert gap is not None
    assert "the calendar of KZ has no moved working days for 2026" in gap
    moved = WorkingHours(
        E_SAUDA.zone,
        time(9),
        time(18, 30),
        "KZ",
        frozenset({date(2026, 12, 31)}),
        frozenset({date(2026, 12, 26)}),
    )
    assert moved.calendar_gap(date(2026, 6, 1)) is None
    assert moved.working_day(date(2026, 12, 26))
