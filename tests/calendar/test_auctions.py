"""Hours that follow auctions (eLot 2.2a): of any day, against a table written by hand and a minute-by-minute rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.calendar.auctions import (
    AuctionHours,
    AuctionRefused,
    AuctionText,
    Run,
    Why,
    check,
    merged,
    midnight,
    moment,
)
from callcenter.calendar.hours import MIDNIGHT, Period, WorkingHours
from callcenter.calendar.working_time import Term, WorkingTime

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")
ELOT = WorkingHours(MOSCOW, time(11), time(18), auctions=AuctionHours(time(9), time(21)))
pytestmark = pytest.mark.clause("eLot 2.2a")


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


def run(start: str, results: str) -> Run:
    return moscow(start).astimezone(UTC), moscow(results).astimezone(UTC)


def during(*runs: Run, of: WorkingHours = ELOT) -> WorkingHours:
    assert of.auctions is not None
    return replace(of, auctions=replace(of.auctions, runs=merged(runs)))


def told(hours: WorkingHours, day: str) -> str:
    span = hours.on(date.fromisoformat(day))
    if span is None:
        return "closed"
    assert span == hours.clock(date.fromisoformat(day))
    return f"{span[0]:%H:%M}-{'24:00' if span[1] == MIDNIGHT else format(span[1], '%H:%M')}"


# Tuesday 24 November 2026 and the days around it.
@pytest.mark.parametrize(
    ("start", "results", "day", "open_"),
    [
        ("2026-11-24 15:00", "2026-11-26 14:00", "2026-11-23", "11:00-18:00"),
        ("2026-11-24 15:00", "2026-11-26 14:00", "2026-11-24", "11:00-21:00"),  # as usual, and from the start until 21
        ("2026-11-24 15:00", "2026-11-26 14:00", "2026-11-25", "09:00-21:00"),  # in between
        ("2026-11-24 15:00", "2026-11-26 14:00", "2026-11-26", "09:00-18:00"),  # until the results, and as usual
        ("2026-11-24 15:00", "2026-11-26 14:00", "2026-11-27", "11:00-18:00"),
        ("2026-11-24 09:30", "2026-11-24 19:30", "2026-11-24", "09:30-19:30"),  # to the minute
        ("2026-11-24 12:00", "2026-11-24 13:00", "2026-11-24", "11:00-18:00"),  # shortens nothing
        ("2026-11-24 19:30", "2026-11-25 12:00", "2026-11-24", "11:00-21:00"),  # not closed for an hour and a half
        ("2026-11-24 19:30", "2026-11-25 10:15", "2026-11-25", "09:00-18:00"),
        ("2026-11-24 21:00", "2026-11-25 09:00", "2026-11-24", "11:00-18:00"),  # at night alone
        ("2026-11-24 21:00", "2026-11-25 09:00", "2026-11-25", "11:00-18:00"),
        ("2026-11-24 20:59", "2026-11-25 09:01", "2026-11-24", "11:00-21:00"),
        ("2026-11-24 20:59", "2026-11-25 09:01", "2026-11-25", "09:00-18:00"),
        ("2026-11-20 10:00", "2026-11-24 12:00", "2026-11-20", "10:00-21:00"),
        ("2026-11-20 10:00", "2026-11-24 12:00", "2026-11-21", "closed"),  # Saturday: working days alone
        ("2026-11-20 10:00", "2026-11-24 12:00", "2026-11-22", "closed"),
        ("2026-12-30 10:00", "2027-01-12 12:00", "2026-12-31", "closed"),
        ("2026-12-30 10:00", "2027-01-12 12:00", "2027-01-11", "09:00-21:00"),
        ("2027-02-19 10:00", "2027-02-24 12:00", "2027-02-20", "09:00-21:00"),  # a Saturday that is worked
    ],
)
def test_the_hours_of_a_day_are_those_of_the_table(start: str, results: str, day: str, open_: str) -> None:
    assert told(during(run(start, results)), day) == open_


def test_auctions_may_overlap_and_count_as_one() -> None:
    hours = during(
        run("2026-11-24 10:00", "2026-11-24 19:00"),
        run("2026-11-24 12:00", "2026-11-25 10:00"),
        run("2026-11-25 10:00", "2026-11-25 20:00"),
        run("2026-11-24 13:00", "2026-11-24 14:00"),
    )
    assert hours.auctions is not None
    assert hours.auctions.runs == (run("2026-11-24 10:00", "2026-11-25 20:00"),)
    assert [told(hours, day) for day in ("2026-11-24", "2026-11-25")] == ["10:00-21:00", "09:00-20:00"]


def test_two_auctions_of_a_day_do_not_close_the_line_between_them() -> None:
    two = during(run("2026-11-24 09:00", "2026-11-24 10:00"), run("2026-11-24 19:30", "2026-11-24 20:30"))
    assert told(two, "2026-11-24") == "09:00-20:30"
    assert two.is_open(moscow("2026-11-24 10:30"))


def test_opening_and_closing_come_at_the_minute_of_start_and_results() -> None:
    hours = during(run("2026-11-24 09:40", "2026-11-24 20:10"))
    assert hours.next_change(moscow("2026-11-24 03:00")) == moscow("2026-11-24 09:40")
    assert hours.next_change(moscow("2026-11-24 17:00")) == moscow("2026-11-24 20:10")
    assert hours.is_open(moscow("2026-11-24 20:09:59"))
    assert not hours.is_open(moscow("2026-11-24 20:10"))


def test_terms_in_working_time_count_the_hours_of_auctions() -> None:
    four_hours = Term.working_hours(4)
    since = moscow("2026-11-24 16:00")
    assert WorkingTime(ELOT).due(four_hours, since) == moscow("2026-11-25 13:00")
    auction = during(run("2026-11-24 15:00", "2026-11-26 14:00"))
    assert WorkingTime(auction).due(four_hours, since) == moscow("2026-11-24 20:00")


def test_configured_periods_and_auctions_go_together() -> None:
    summer = Period(date(2026, 11, 24), date(2026, 11, 24), time(8), time(12))
    hours = during(run("2026-11-24 10:00", "2026-11-24 15:00"), of=replace(ELOT, periods=(summer,)))
    assert told(hours, "2026-11-24") == "08:00-15:00"


def test_auctions_until_midnight_and_in_a_zone_that_sets_its_clock() -> None:
    late = WorkingHours(BERLIN, time(11), time(18), "DE", auctions=AuctionHours(time(9), MIDNIGHT))
    # Berlin sets its clock back in the night to Sunday 25 October 2026, and forward in that to 29 March 2027.
    through = (datetime(2026, 10, 23, 12, tzinfo=BERLIN), datetime(2026, 10, 26, 20, tzinfo=BERLIN))
    hours = during((through[0].astimezone(UTC), through[1].astimezone(UTC)), of=late)
    assert [told(hours, day) for day in ("2026-10-23", "2026-10-24", "2026-10-26")] == [
        "11:00-24:00",
        "closed",
        "09:00-20:00",
    ]
    assert hours.span(date(2026, 10, 26))[0] == datetime(2026, 10, 26, 8, tzinfo=UTC)


_MINUTE = st.integers(0, 12 * 24 * 60).map(lambda minutes: moscow("2026-11-19 00:00") + timedelta(minutes=minutes))
_RUNS = st.lists(st.tuples(_MINUTE, _MINUTE).map(sorted).filter(lambda ends: ends[0] < ends[1]), max_size=6)


@given(_RUNS, _MINUTE, st.sampled_from([(9, 21), (10, 14), (0, 24), (20, 22)]))
def test_the_line_is_open_whenever_it_has_to_be_and_never_outside_both_hours(
    runs: list[list[datetime]], at: datetime, longer: tuple[int, int]
) -> None:
    """The regulation, read minute by minute: an auction runs now, and it is 9 to 21; or it is 11 to 18."""
    auctions = AuctionHours(time(longer[0]), time(longer[1] % 24))
    hours = during(
        *((begins.astimezone(UTC), ends.astimezone(UTC)) for begins, ends in runs), of=replace(ELOT, auctions=auctions)
    )
    runs_now = any(begins <= at < ends for begins, ends in runs)
    needed = ELOT.working_day(at.date()) and (11 <= at.hour < 18 or (runs_now and longer[0] <= at.hour < longer[1]))
    if needed:
        assert hours.is_open(at)
    day = at.date()
    opens, closes = hours.span(day)
    if hours.is_open(at):
        within = [
            (
                max(begins, moscow(f"{day}") + timedelta(hours=longer[0])),
                min(ends, moscow(f"{day}") + timedelta(hours=longer[1])),
            )
            for begins, ends in runs
        ]
        held = [(begins, ends) for begins, ends in within if begins < ends]
        usual = (moscow(f"{day} 11:00"), moscow(f"{day} 18:00"))
        assert opens == min(begins for begins, _ in [usual, *held])
        assert closes == max(ends for _, ends in [usual, *held])


# -- what may be entered -----------------------------------------------------------------------------------------------

NOW = moscow("2026-11-24 12:30")
TODAY = midnight(NOW, MOSCOW)


def auction(start: str, results: str, name: str = "17-ОАОФ") -> AuctionText:
    return AuctionText(name, moscow(start), moscow(results))


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (None, auction("2026-11-25 10:00", "2026-11-25 09:00"), Why.ENDS_BEFORE_START),
        (None, auction("2026-11-25 10:00", "2026-11-25 10:00"), Why.ENDS_BEFORE_START),
        (None, auction("2026-11-25 10:00", "2027-11-27 10:00"), Why.TOO_LONG),
        (None, auction("1999-11-25 10:00", "2026-11-25 10:00"), Why.MOMENT),
        (None, auction("2026-11-25 10:00", "2026-11-26 10:00", name=""), Why.NAME),
        (None, auction("2026-11-25 10:00", "2026-11-26 10:00", name=" "), Why.NAME),
        (None, auction("2026-11-25 10:00", "2026-11-26 10:00", name="x" * 301), Why.NAME),
        (None, auction("2026-11-25 10:00", "2026-11-26 10:00", name="a\nb"), Why.NAME),
        (None, auction("2026-11-25 10:00", "2026-11-26 10:00", name="a\u202eb"), Why.NAME),
        (None, auction("2026-11-20 10:00", "2026-11-23 10:00"), Why.OVER),
        (None, auction("2026-11-23 10:00", "2026-11-24 00:00"), Why.OVER),
        (None, auction("2026-11-23 23:59", "2026-11-25 10:00"), Why.BEGAN_EARLIER),
        (auction("2026-11-23 10:00", "2026-11-25 10:00"), auction("2026-11-24 10:00", "2026-11-25 10:00"), Why.STAYS),
        (auction("2026-11-23 10:00", "2026-11-25 10:00"), auction("2026-11-23 10:00", "2026-11-23 20:00"), Why.STAYS),
        (auction("2026-11-20 10:00", "2026-11-23 10:00"), auction("2026-11-20 10:00", "2026-11-24 10:00"), Why.STAYS),
        (auction("2026-11-20 10:00", "2026-11-23 10:00"), None, Why.OVER),
        (auction("2026-11-23 10:00", "2026-11-25 10:00"), None, Why.HAS_BEGUN),
    ],
)
def test_what_is_not_entered_and_why(before: AuctionText | None, after: AuctionText | None, why: Why) -> None:
    with pytest.raises(AuctionRefused) as refused:
        check(before, after, TODAY)
    assert refused.value.why is why


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, auction("2026-11-24 00:00", "2026-11-24 00:01")),  # today, and over already: the past part of today
        (None, auction("2026-11-25 10:00", "2027-11-26 10:00")),
        (auction("2026-11-23 10:00", "2026-11-25 10:00"), auction("2026-11-23 10:00", "2026-11-24 11:00")),
        (auction("2026-11-23 10:00", "2026-11-24 10:00"), auction("2026-11-23 10:00", "2026-12-24 10:00")),
        (auction("2026-11-24 10:00", "2026-11-25 10:00"), auction("2026-12-24 10:00", "2026-12-25 10:00")),
        (auction("2026-11-20 10:00", "2026-11-23 10:00"), auction("2026-11-20 10:00", "2026-11-23 10:00", "its name")),
        (auction("2026-11-24 10:00", "2026-11-25 10:00"), None),
    ],
)
def test_what_is_entered(before: AuctionText | None, after: AuctionText | None) -> None:
    check(before, after, TODAY)


_TEXTS = st.tuples(_MINUTE, _MINUTE).map(lambda ends: AuctionText("17", *ends))


@given(
    st.none() | _TEXTS,
    st.none() | _TEXTS,
    st.lists(_TEXTS, max_size=2),
    st.dates(date(2026, 11, 17), date(2026, 11, 23)),
)
def test_the_hours_of_days_that_are_over_never_change(
    before: AuctionText | None, after: AuctionText | None, others: list[AuctionText], day: date
) -> None:
    try:
        check(before, after, TODAY)
    except AuctionRefused:
        return
    then = [one.run for one in (before, *others) if one is not None and one.run[0] < one.run[1]]
    now = [one.run for one in (after, *others) if one is not None and one.run[0] < one.run[1]]
    assert during(*then).span(day) == during(*now).span(day)


def test_a_time_that_a_clock_skips_is_refused_and_one_that_comes_twice_is_the_longer_one() -> None:
    with pytest.raises(AuctionRefused, match=r"skips this time\. 2027-03-28 02:30, Europe/Berlin"):
        moment(datetime(2027, 3, 28, 2, 30), BERLIN)  # noqa: DTZ001
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    assert moment(twice, BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert moment(twice, BERLIN, last=True) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_zone_that_changes_its_offset_has_its_auctions_at_its_new_time() -> None:
    """Kazakhstan went from UTC+6 to UTC+5 on 1 March 2024: an hour came twice, and 9 o'clock is another moment."""
    almaty = ZoneInfo("Asia/Almaty")
    assert moment(datetime(2024, 2, 29, 9), almaty).hour == 3  # noqa: DTZ001
    assert moment(datetime(2024, 3, 1, 9), almaty).hour == 4  # noqa: DTZ001
    line = WorkingHours(almaty, time(11), time(18), "KZ", auctions=AuctionHours(time(9), time(21)))
    held = (moment(datetime(2024, 2, 29, 15), almaty), moment(datetime(2024, 3, 1, 19, 30), almaty))  # noqa: DTZ001
    hours = during(held, of=line)
    assert [told(hours, day) for day in ("2024-02-29", "2024-03-01")] == ["11:00-21:00", "09:00-19:30"]
