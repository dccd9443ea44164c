"""Working time: a table of dates made by hand, and what holds on every date."""

from __future__ import annotations

import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.calendar.hours import MIDNIGHT, WorkingHours
from callcenter.calendar.working_time import NoWorkingTime, Term, Unit, WorkingTime

MOSCOW = ZoneInfo("Europe/Moscow")
ASTANA = ZoneInfo("Asia/Almaty")
BERLIN = ZoneInfo("Europe/Berlin")
ESTP = WorkingTime(WorkingHours(MOSCOW, time(9), time(18)))
TBS = WorkingTime(WorkingHours(MOSCOW, time(9, 30), time(18, 30)))
# The library has no moved days of Kazakhstan from 2026 on; these are an engineer's, and another year's may differ.
E_SAUDA = WorkingTime(
    WorkingHours(
        ASTANA,
        time(9),
        time(18, 30),
        "KZ",
        extra_holidays=frozenset({date(2026, 12, 31)}),
        extra_workdays=frozenset({date(2026, 12, 26)}),
    )
)
ALL_DAY = WorkingTime(WorkingHours(MOSCOW, time(0), MIDNIGHT))
SUNDAYS = frozenset({date(2027, 3, 28), date(2027, 10, 31)})
NIGHT = WorkingTime(WorkingHours(BERLIN, time(1), time(6), "DE", extra_workdays=SUNDAYS))
LORD_HOWE = WorkingTime(WorkingHours(ZoneInfo("Australia/Lord_Howe"), time(1), time(9), "AU"))
PLACES = {"estp": ESTP, "tbs": TBS, "e-sauda": E_SAUDA, "all day": ALL_DAY, "night": NIGHT, "lord howe": LORD_HOWE}


def moment(text: str, zone: ZoneInfo = MOSCOW) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


URGENT, CONTROL = Term.working_days(1), Term.working_days(3)

BY_THE_CIVIL_CODE = [
    # An ordinary week.
    ("2026-11-23 09:00", URGENT, "2026-11-24 18:00"),
    ("2026-11-23 17:59:59", URGENT, "2026-11-24 18:00"),
    ("2026-11-23 18:00", URGENT, "2026-11-24 18:00"),
    ("2026-11-23 00:00", URGENT, "2026-11-24 18:00"),
    ("2026-11-23 23:59:59", URGENT, "2026-11-24 18:00"),
    ("2026-11-24 00:00", URGENT, "2026-11-25 18:00"),
    ("2026-11-27 12:00", URGENT, "2026-11-30 18:00"),
    ("2026-11-28 12:00", URGENT, "2026-11-30 18:00"),
    ("2026-11-27 12:00", CONTROL, "2026-12-02 18:00"),
    # 2024: Saturday 27 April was worked for Monday 29 April; a leap year; 2 November and 28 December were worked.
    ("2024-02-28 12:00", URGENT, "2024-02-29 18:00"),
    ("2024-02-29 12:00", URGENT, "2024-03-01 18:00"),
    ("2024-02-22 12:00", URGENT, "2024-02-26 18:00"),
    ("2024-04-26 12:00", URGENT, "2024-04-27 18:00"),
    ("2024-04-27 12:00", URGENT, "2024-05-02 18:00"),
    ("2024-05-08 12:00", URGENT, "2024-05-13 18:00"),
    ("2024-11-01 12:00", CONTROL, "2024-11-06 18:00"),
    ("2024-12-27 12:00", CONTROL, "2025-01-10 18:00"),
    # 2025: Saturday 1 November was worked for Monday the 3rd; 31 December was free.
    ("2025-02-28 12:00", URGENT, "2025-03-03 18:00"),
    ("2025-04-30 12:00", URGENT, "2025-05-05 18:00"),
    ("2025-10-31 12:00", URGENT, "2025-11-01 18:00"),
    ("2025-11-01 12:00", URGENT, "2025-11-05 18:00"),
    ("2025-12-29 12:00", CONTROL, "2026-01-13 18:00"),
    # 2026: free from 31 December to 11 January on both ends; 9 March for Sunday the 8th.
    ("2026-03-06 12:00", URGENT, "2026-03-10 18:00"),
    ("2026-05-08 17:00", URGENT, "2026-05-12 18:00"),
    ("2026-12-30 17:59", URGENT, "2027-01-11 18:00"),
    ("2026-12-31 12:00", CONTROL, "2027-01-13 18:00"),
    # 2027: Saturday 20 February is worked for Monday the 22nd; 5 November is free.
    ("2027-02-19 12:00", CONTROL, "2027-02-25 18:00"),
    ("2027-02-20 12:00", URGENT, "2027-02-24 18:00"),
    ("2027-02-26 12:00", URGENT, "2027-03-01 18:00"),
    ("2027-11-03 12:00", URGENT, "2027-11-08 18:00"),
]


@pytest.mark.parametrize(("received", "term", "due"), BY_THE_CIVIL_CODE)
def test_working_days_end_with_the_last_days_working_hours(received: str, term: Term, due: str) -> None:
    assert ESTP.due(term, moment(received)) == moment(due)


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        ("2026-11-23 15:00", 1, "2026-11-24 15:00"),
        ("2026-11-23 09:00", 1, "2026-11-23 18:00"),  # nine working hours are this day's
        ("2026-11-23 07:00", 1, "2026-11-23 18:00"),
        ("2026-11-23 18:00", 1, "2026-11-24 18:00"),
        ("2026-11-28 12:00", 3, "2026-12-02 18:00"),
        ("2026-12-30 17:59", 1, "2027-01-11 17:59"),
    ],
)
def test_a_stricter_line_counts_by_the_minute(received: str, days: int, due: str) -> None:
    assert ESTP.due(Term.working_days(days, by_the_minute=True), moment(received)) == moment(due)


WORKING_HOURS = [
    (ESTP, "2026-11-23 17:40", 20 / 60, "2026-11-23 18:00"),
    (ESTP, "2026-11-23 17:40", 21 / 60, "2026-11-24 09:01"),
    (ESTP, "2026-11-23 18:00", 1, "2026-11-24 10:00"),
    (ESTP, "2026-11-23 09:00", 9, "2026-11-23 18:00"),
    (ESTP, "2026-11-23 08:59:59", 9, "2026-11-23 18:00"),
    (ESTP, "2026-11-27 17:00", 8, "2026-11-30 16:00"),
    (ESTP, "2026-12-30 17:00", 2, "2027-01-11 10:00"),
    (ESTP, "2024-02-28 17:00", 2, "2024-02-29 10:00"),
    # TBS 4.3: 16 working hours of nine-hour days.
    (TBS, "2026-11-23 09:30", 16, "2026-11-24 16:30"),
    (TBS, "2026-11-27 18:00", 16, "2026-12-01 16:00"),
    (TBS, "2025-12-30 18:00", 16, "2026-01-13 16:00"),
    # A line that works until 24:00: the night belongs to nobody but the next day.
    (ALL_DAY, "2026-11-23 23:00", 2, "2026-11-24 01:00"),
    (ALL_DAY, "2026-11-27 23:00", 1, "2026-11-28 00:00"),
    (ALL_DAY, "2026-11-27 23:00", 2, "2026-11-30 01:00"),
]


@pytest.mark.parametrize(("line", "received", "hours", "due"), WORKING_HOURS)
def test_working_hours_count_while_the_line_is_open(line: WorkingTime, received: str, hours: float, due: str) -> None:
    assert line.due(Term.working_hours(hours), moment(received)) == moment(due)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2024-03-20 18:00", "2024-03-26 16:30"),  # Nauryz on the 21st to 23rd, a Saturday: Monday the 25th is free
        ("2024-05-03 17:30", "2024-05-04 16:00"),  # Saturday 4 May was worked ...
        ("2024-05-04 17:30", "2024-05-06 16:00"),
        ("2024-05-06 17:30", "2024-05-10 16:00"),  # ... for Wednesday the 8th, between the 7th and the 9th
        ("2024-12-13 17:30", "2024-12-17 16:00"),  # Independence Day on the 16th, a Monday
        ("2025-01-03 12:00", "2025-01-05 17:00"),  # Sunday 5 January was worked for the 3rd
        ("2025-10-24 17:30", "2025-10-28 16:00"),  # Republic Day on Saturday the 25th
        ("2026-12-25 17:30", "2026-12-26 16:00"),  # configured: Saturday 26 December for Thursday the 31st
        ("2026-12-30 17:30", "2027-01-05 16:00"),  # 1 and 2 January; the 2nd is a Saturday, so Monday is free
    ],
)
def test_eight_working_hours_in_astana(received: str, due: str) -> None:
    assert E_SAUDA.due(Term.working_hours(8), moment(received, ASTANA)) == moment(due, ASTANA)


def test_plain_hours_run_through_nights_and_holidays() -> None:
    assert ESTP.due(Term.plain_hours(1), moment("2026-12-31 23:30")) == moment("2027-01-01 00:30")
    assert ESTP.due(Term.plain_hours(72), moment("2024-02-27 12:00")) == moment("2024-03-01 12:00")


def test_the_night_when_the_clock_changes_is_as_long_as_it_is() -> None:
    assert NIGHT.elapsed(moment("2027-03-28 00:00", BERLIN), moment("2027-03-28 12:00", BERLIN)) == timedelta(hours=4)
    assert NIGHT.elapsed(moment("2027-10-31 00:00", BERLIN), moment("2027-10-31 12:00", BERLIN)) == timedelta(hours=6)
    assert NIGHT.add(moment("2027-03-28 01:30", BERLIN), timedelta(hours=1)) == moment("2027-03-28 03:30", BERLIN)
    skipped = Term.working_days(1, by_the_minute=True)  # 02:30 does not exist on the 28th
    assert NIGHT.due(skipped, moment("2027-03-25 02:30", BERLIN)) == moment("2027-03-28 03:30", BERLIN)


def test_moscow_and_perm_see_the_same_working_time() -> None:
    perm = moment("2026-11-23 19:40", ZoneInfo("Asia/Yekaterinburg"))
    assert ESTP.due(Term.working_hours(1), perm) == moment("2026-11-24 09:40")


def test_a_day_of_the_zone_counts_not_a_day_of_utc() -> None:
    assert ESTP.due(URGENT, datetime(2026, 11, 23, 20, 59, tzinfo=UTC)) == moment("2026-11-24 18:00")
    assert ESTP.due(URGENT, datetime(2026, 11, 23, 21, 0, tzinfo=UTC)) == moment("2026-11-25 18:00")


def pause(begun: str, over: str) -> tuple[datetime, datetime]:
    return moment(begun), moment(over)


@pytest.mark.parametrize(
    ("term", "pauses", "due"),
    [
        # Received on Monday 23 November 2026 at 12:00.
        (Term.working_hours(8), [pause("2026-11-23 15:00", "2026-11-23 16:00")], "2026-11-24 12:00"),
        (Term.working_hours(8), [pause("2026-11-23 17:00", "2026-11-25 10:00")], "2026-11-25 13:00"),
        (Term.working_hours(8), [pause("2026-11-23 19:00", "2026-11-24 08:00")], "2026-11-24 11:00"),
        (URGENT, [pause("2026-11-23 15:00", "2026-11-23 16:00")], "2026-11-24 18:00"),
        (URGENT, [pause("2026-11-23 15:00", "2026-11-25 10:00")], "2026-11-26 18:00"),
        (URGENT, [pause("2026-11-24 15:00", "2026-11-24 19:00")], "2026-11-25 18:00"),
        (URGENT, [pause("2026-11-23 19:00", "2026-11-24 08:00")], "2026-11-24 18:00"),
        (CONTROL, [pause("2026-11-27 19:00", "2026-11-29 10:00")], "2026-11-26 18:00"),
        (
            CONTROL,
            [pause("2026-11-23 15:00", "2026-11-24 10:00"), pause("2026-11-25 09:00", "2026-11-30 09:00")],
            "2026-12-02 18:00",
        ),
        (Term.plain_hours(12), [pause("2026-11-23 13:00", "2026-11-24 13:00")], "2026-11-25 00:00"),
        (
            Term.working_days(1, by_the_minute=True),
            [pause("2026-11-24 10:00", "2026-11-25 16:00")],
            "2026-11-25 18:00",
        ),
    ],
)
def test_the_clock_stands_still_while_the_customer_has_to_answer(
    term: Term, pauses: list[tuple[datetime, datetime]], due: str
) -> None:
    assert ESTP.due(term, moment("2026-11-23 12:00"), pauses) == moment(due)


@pytest.mark.parametrize(
    "term",
    [Term.working_hours(5), Term.working_days(2), Term.working_days(2, by_the_minute=True), Term.plain_hours(50)],
)
@pytest.mark.parametrize("over", ["2026-11-23 14:30", "2026-11-24 09:00", "2026-11-24 20:00", "2026-11-28 12:00"])
def test_a_date_is_put_off_by_a_pause_as_if_it_were_reckoned_anew(term: Term, over: str) -> None:
    since, pause = moment("2026-11-23 12:00"), (moment("2026-11-23 13:00"), moment(over))
    assert ESTP.put_off(ESTP.due(term, since), term.unit, pause) == ESTP.due(term, since, [pause])


def test_elapsed_takes_pauses_out_and_counts_back() -> None:
    monday, wednesday = moment("2026-11-23 12:00"), moment("2026-11-25 12:00")
    assert ESTP.elapsed(monday, wednesday) == timedelta(hours=18)
    assert ESTP.elapsed(wednesday, monday) == -timedelta(hours=18)
    assert ESTP.elapsed(monday, wednesday, [pause("2026-11-22 10:00", "2026-11-24 10:00")]) == timedelta(hours=11)
    assert ESTP.back(moment("2026-11-24 10:00"), timedelta(hours=2)) == moment("2026-11-23 17:00")
    assert ESTP.back(moment("2026-11-24 10:00"), timedelta(hours=1)) == moment("2026-11-24 09:00")
    assert ESTP.days_between(moment("2026-11-27 12:00"), moment("2026-12-02 12:00")) == 3


def test_a_day_declared_free_moves_what_is_due() -> None:
    before = moment("2026-11-23 12:00")
    free = WorkingTime(WorkingHours(MOSCOW, time(9), time(18), extra_holidays=frozenset({date(2026, 11, 24)})))
    assert free.due(URGENT, before) == moment("2026-11-25 18:00")
    assert free.due(Term.working_hours(8), before) == moment("2026-11-25 11:00")


def test_a_calendar_without_working_days_is_a_named_error() -> None:
    always_off = frozenset(date(2020, 1, 1) + timedelta(days=n) for n in range(366 * 30))
    line = WorkingTime(WorkingHours(MOSCOW, time(9), time(18), extra_holidays=always_off))
    for term in (URGENT, Term.working_days(1, by_the_minute=True), Term.working_hours(1)):
        with pytest.raises(NoWorkingTime, match="extra_holidays"):
            line.due(term, moment("2026-11-23 12:00"))
    with pytest.raises(NoWorkingTime, match="no calendar"):
        ESTP.due(URGENT, datetime(9999, 12, 31, tzinfo=UTC))
    with pytest.raises(ValueError, match="no time zone"):
        ESTP.due(URGENT, datetime(2026, 11, 23, 12))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("unit", "length", "days"),
    [
        (Unit.WORKING_DAYS, timedelta(hours=1), 1),
        (Unit.WORKING_DAYS, timedelta(), 0),
        (Unit.WORKING_DAYS_BY_THE_MINUTE, timedelta(), 367),
        (Unit.WORKING_TIME, timedelta(), 0),
        (Unit.PLAIN_TIME, timedelta(hours=-1), 0),
        (Unit.PLAIN_TIME, timedelta(hours=1), 1),
    ],
)
def test_a_term_that_is_none_is_refused(unit: Unit, length: timedelta, days: int) -> None:
    with pytest.raises(ValueError, match="found"):
        Term(unit, length, days)


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
LENGTHS = st.timedeltas(timedelta(microseconds=1), timedelta(hours=100))
LINES = st.sampled_from(sorted(PLACES)).map(PLACES.__getitem__)
TERMS = st.one_of(
    LENGTHS.map(lambda length: Term(Unit.WORKING_TIME, length)),
    LENGTHS.map(lambda length: Term(Unit.PLAIN_TIME, length)),
    st.integers(1, 9).map(Term.working_days),
    st.integers(1, 9).map(lambda days: Term.working_days(days, by_the_minute=True)),
)


@given(LINES, MOMENTS, LENGTHS)
def test_what_is_added_has_elapsed_and_is_counted_back(line: WorkingTime, at: datetime, length: timedelta) -> None:
    later = line.add(at, length)
    assert line.elapsed(at, later) == length
    assert line.hours.is_open(later - timedelta(microseconds=1))
    assert line.elapsed(line.back(later, length), later) == length
    assert line.back(later, length) >= at


@given(LINES, TERMS, MOMENTS, LENGTHS)
def test_who_comes_later_is_never_due_earlier(line: WorkingTime, term: Term, at: datetime, length: timedelta) -> None:
    assert at < line.due(term, at) <= line.due(term, at + length)
    if term.unit is not Unit.PLAIN_TIME:
        assert line.hours.is_open(line.due(term, at) - timedelta(microseconds=1))


@given(LINES, MOMENTS, st.integers(1, 9))
def test_the_stricter_reading_is_never_later(line: WorkingTime, at: datetime, days: int) -> None:
    assert line.due(Term.working_days(days, by_the_minute=True), at) <= line.due(Term.working_days(days), at)


@given(LINES, TERMS, MOMENTS, st.floats(0, 1), LENGTHS)
def test_a_pause_never_takes_time_away_and_never_ends_overdue(
    line: WorkingTime, term: Term, at: datetime, share: float, length: timedelta
) -> None:
    due = line.due(term, at)
    begun = at + (due - at) * share * 0.999999
    over = begun + length
    moved = line.due(term, at, [(begun, over)])
    assert moved >= due
    assert moved > over
    if term.unit is Unit.WORKING_TIME:
        assert line.elapsed(over, moved) == line.elapsed(begun, due)


@given(LINES, MOMENTS, MOMENTS)
def test_working_time_agrees_with_a_walk_through_the_hours(line: WorkingTime, one: datetime, other: datetime) -> None:
    since, until = min(one, other), max(one, other)
    until = min(until, since + timedelta(days=20))
    worked, here = timedelta(), since
    while here < until:
        change = min(until, line.hours.next_change(here).astimezone(UTC))
        worked += change - here if line.hours.is_open(here) else timedelta()
        here = change
    assert line.elapsed(since, until) == worked


def test_a_hundred_thousand_open_requests_are_due_anew_in_about_a_second() -> None:
    start = moment("2026-01-12 00:00")
    terms = [URGENT, CONTROL, Term.working_hours(16), Term.working_hours(8)]
    received = [(terms[n % 4], start + timedelta(minutes=5 * n)) for n in range(100_000)]
    line = WorkingTime(WorkingHours(MOSCOW, time(9), time(18)))  # a new calendar: nothing of it is computed yet
    began = stopwatch.thread_time()
    for term, at in received:
        line.due(term, at)
    assert stopwatch.thread_time() - began < 4  # about half a second on a quiet machine; others share it in tests


def test_a_span_that_the_clock_skips_is_empty_and_the_hour_that_comes_twice_leads_into_no_closed_time() -> None:
    days = frozenset({date(2027, 10, 31), date(2028, 3, 26)})
    short = WorkingHours(BERLIN, time(2, 30), time(3, 10), "DE", extra_workdays=days)
    opens, closes = short.span(date(2028, 3, 26))  # 02:30 is 03:30 by the clock, and that is after closing
    assert opens == closes
    early = WorkingTime(WorkingHours(BERLIN, time(2, 15), time(6), "DE", extra_workdays=days))
    second_time = datetime(2027, 10, 31, 2, 30, tzinfo=BERLIN, fold=1)
    until = early.days_between(second_time, moment("2028-03-26 12:00", BERLIN))
    due = early.due(Term.working_days(until, by_the_minute=True), second_time)
    assert due == moment("2028-03-26 03:15", BERLIN)  # the opening of that day
