"""How many callers to expect today."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from callcenter.planning.arrivals import HALF_HOUR, Slot, expected_arrivals, typical_day

MOSCOW = ZoneInfo("Europe/Moscow")
TUESDAY = date(2026, 11, 24)
NINE, SIX = time(9), time(18)


def day_of(calls: int) -> list[int]:
    """The same number of callers in each half-hour from 09:00 to 18:00."""
    return [calls if 18 <= half_hour < 36 else 0 for half_hour in range(48)]


def past(calls: int, days: int = 20) -> dict[date, list[int]]:
    """Working days before this Tuesday."""
    before = (TUESDAY - timedelta(days=back) for back in range(1, 100))
    return dict.fromkeys([day for day in before if day.weekday() < 5][:days], day_of(calls))


def at(clock: str) -> datetime:
    """This Tuesday, by the clock on the line's wall."""
    return datetime.combine(TUESDAY, time.fromisoformat(clock), MOSCOW)


def test_a_day_as_expected_goes_on_as_expected() -> None:
    """13:10, 20 callers in each half-hour so far: ten half-hours left, the first of them 20 minutes long."""
    slots = expected_arrivals(past(20), 8 * 20 + 7, at("13:10"), NINE, SIX)
    assert slots is not None
    assert [slot.clock for slot in slots] == [f"{h}:{m}" for h in range(13, 18) for m in ("00", "30")]
    assert (slots[0].begins, slots[0].ends) == (0.0, 1200.0)
    assert slots[0].calls == pytest.approx(20 * 2 / 3, rel=0.01)
    assert (slots[-1].begins, slots[-1].ends) == (16_200 + 1200 - 1800.0 + 0.0, 17_400.0)
    assert slots[-1].calls == pytest.approx(20, rel=0.01)


def test_a_few_early_calls_do_not_triple_the_forecast() -> None:
    """At 09:05 six callers instead of two say little; at 15:00 three times as many say much."""
    early = expected_arrivals(past(12), 6, at("09:05"), NINE, SIX)
    late = expected_arrivals(past(12), 3 * 144, at("15:00"), NINE, SIX)
    assert early is not None
    assert late is not None
    assert 12 < early[-1].calls < 1.2 * 12
    assert 2.6 * 12 < late[-1].calls < 3 * 12
    assert early[-1].doubt > 3 * late[-1].doubt


def test_mondays_are_expected_to_be_as_mondays_are() -> None:
    """With three Mondays known only Mondays count, with two all days do."""
    monday = date(2026, 11, 23)
    history: dict[date, list[int]] = past(20) | {monday - timedelta(weeks=back): day_of(40) for back in (1, 2, 3)}
    typical = typical_day(history, monday)
    assert typical is not None
    assert typical[20] == 40
    del history[monday - timedelta(weeks=1)]
    mixed = typical_day(history, monday)
    assert mixed is not None
    assert 20 < mixed[20] < 25


def test_a_silent_day_counts_and_today_itself_does_not() -> None:
    """Of two days one was silent; today is not over."""
    history = {date(2026, 11, 20): day_of(20), date(2026, 11, 23): day_of(0), TUESDAY: day_of(90)}
    typical = typical_day(history, TUESDAY)
    assert typical is not None
    assert typical[20] == 10
    assert typical_day({date(2026, 11, 23): day_of(0)}, TUESDAY) is None


def test_a_new_line_expects_what_it_sees_today() -> None:
    """Without past days: 30 callers in the first hour, 30 an hour until closing, in some doubt."""
    slots = expected_arrivals({}, 30, at("10:00"), NINE, SIX)
    assert slots is not None
    assert sum(slot.calls for slot in slots) == pytest.approx(8 * 30)
    assert slots[0].doubt == pytest.approx(1 / math.sqrt(30))


@pytest.mark.parametrize(("joined", "clock"), [(0, "12:00"), (4, "12:00"), (50, "09:05"), (50, "08:00")])
def test_a_new_line_that_has_seen_little_does_not_know(joined: int, clock: str) -> None:
    """Nobody or hardly anybody called, or only for minutes: unknown."""
    assert expected_arrivals({}, joined, at(clock), NINE, SIX) is None


def test_a_controller_started_at_noon_does_not_take_the_morning_for_a_silent_one() -> None:
    """It counted 20 callers since 12:00, as on other days."""
    slots = expected_arrivals(past(20), 20, at("12:30"), NINE, SIX, since=at("12:00"))
    blind = expected_arrivals(past(20), 20, at("12:30"), NINE, SIX)
    assert slots is not None
    assert blind is not None
    assert slots[0].calls == pytest.approx(20)
    assert blind[0].calls < 10


def test_nobody_is_expected_after_closing_and_all_before_opening() -> None:
    """A closed line expects no one, which is not the same as not knowing."""
    assert expected_arrivals(past(20), 360, at("18:00"), NINE, SIX) == []
    early = expected_arrivals(past(20), 0, at("08:00"), NINE, SIX)
    assert early is not None
    assert (len(early), early[0].clock, early[0].begins) == (18, "09:00", 3600.0)


def test_a_line_that_closes_at_a_quarter_to_has_a_short_last_half_hour() -> None:
    """All callers of the past came before a quarter to."""
    slots = expected_arrivals(past(20), 340, at("17:30"), NINE, time(17, 45))
    assert slots is not None
    assert [(slot.clock, slot.ends) for slot in slots] == [("17:30", 900.0)]
    assert slots[0].calls == pytest.approx(20, rel=0.05)


def test_the_day_on_which_the_clock_is_put_forward_has_two_half_hours_less() -> None:
    """A line open round the clock in Berlin: 02:00 and 02:30 of this Sunday do not exist."""
    berlin = ZoneInfo("Europe/Berlin")
    history = {date(2027, 3, 21) - timedelta(weeks=back): [10] * 48 for back in range(3)}
    slots = expected_arrivals(history, 0, datetime(2027, 3, 28, 0, 0, tzinfo=berlin))
    assert slots is not None
    assert "02:00" not in [slot.clock for slot in slots]
    assert slots[-1].ends == 23 * 3600
    assert all(slot.ends - slot.begins == HALF_HOUR for slot in slots)


def test_a_moment_without_a_zone_and_a_slot_of_nonsense_are_refused() -> None:
    """Named, not passed on as a NaN."""
    with pytest.raises(ValueError, match="no time zone"):
        expected_arrivals({}, 0, datetime(2026, 11, 24, 9, 0))  # noqa: DTZ001 - the mistake of the story
    for begins, ends, calls in ((10.0, 5.0, 1.0), (0.0, math.inf, 1.0), (0.0, 5.0, math.nan), (0.0, 5.0, -1.0)):
        with pytest.raises(ValueError, match="slot 09:00"):
            Slot("09:00", begins, ends, calls)
    assert expected_arrivals(past(20), 0, at("09:00").astimezone(UTC), NINE, SIX) is not None
