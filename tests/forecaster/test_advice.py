"""What the log tells people of the day's target: news, and not the same every minute (ESTP 2.2d)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.forecaster.advice import Advice, News
from callcenter.planning.forecast import Forecast

SAFE = Forecast(
    300.0, 0.1, 200.0, average=120.0, average_registered=130.0, exceeding=0.0, exceeding_registered=0.0,
    abandonment=0.04, offered=150.0, needed_now=2,
)  # fmt: skip
DANGER = Forecast(
    300.0, 0.1, 200.0, average=310.0, average_registered=331.0, exceeding=0.55, exceeding_registered=0.62,
    abandonment=0.31, offered=640.0, needed_now=4,
)  # fmt: skip


def told(advice: Advice, *forecasts: Forecast, on_duty: int = 2) -> list[News]:
    """What was said about these forecasts, one after the other."""
    return [news for forecast in forecasts if (news := advice.news(forecast, on_duty))]


def test_a_safe_day_is_no_news() -> None:
    assert told(Advice("estp"), *[SAFE] * 10) == []


@pytest.mark.clause("ESTP 2.2d")
def test_the_breach_is_told_before_it_happens_with_what_would_prevent_it() -> None:
    (news,) = told(Advice("estp"), SAFE, DANGER, DANGER, DANGER)
    assert news.warning
    assert news.text == (
        "Line estp: the average wait of today will be above 300 s with a probability of 62%. "
        "Expected: registered persons 331 s, all callers 310 s, a patient caller from now on 640 s, 31% will give up. "
        "People needed on duty from now on: 4; there are 2."
    )


def test_one_bad_forecast_is_no_news() -> None:
    assert told(Advice("estp"), SAFE, DANGER, SAFE, DANGER, SAFE, DANGER, SAFE) == []


def test_a_number_that_flickers_is_told_once_and_one_that_stays_again() -> None:
    advice, more = Advice("estp"), replace(DANGER, needed_now=5)
    assert len(told(advice, DANGER, DANGER, more, DANGER, more, DANGER)) == 1
    (news,) = told(advice, more, more, more)
    assert "from now on: 5; there are 2" in news.text


def test_the_danger_is_over_only_when_it_is_well_below_what_is_accepted() -> None:
    advice = Advice("estp")
    told(advice, DANGER, DANGER)
    lower = replace(DANGER, exceeding=0.05, exceeding_registered=0.08)
    assert told(advice, lower, lower, on_duty=4) == []
    (news,) = told(advice, SAFE, SAFE, on_duty=4)
    assert not news.warning
    assert news.text == (
        "Line estp: the target of 300 s is safe. "
        "Expected: registered persons 130 s, all callers 120 s, a patient caller from now on 150 s, 4% will give up."
    )
    assert told(advice, lower, lower, on_duty=4) == [], "accepted, as before"


@pytest.mark.clause("ESTP 2.2d")
def test_an_average_that_looks_well_because_people_hang_up_is_no_comfort() -> None:
    fooled = replace(SAFE, average=240.0, average_registered=240.0, abandonment=0.8, offered=1250.0, needed_now=6)
    (news,) = told(Advice("estp"), fooled, fooled, on_duty=1)
    assert news.warning
    assert "fewer people than callers need, although the average wait of today will be above 300 s" in news.text
    assert "a patient caller from now on 1250 s, 80% will give up" in news.text
    assert "from now on: 6; there are 1" in news.text


def test_a_target_that_nobody_can_keep_any_more_is_told_as_that() -> None:
    lost = replace(DANGER, exceeding=1.0, exceeding_registered=1.0, needed_now=None)
    (news,) = told(Advice("estp"), lost, lost)
    assert news.text.endswith("No number of people keeps the average of today any more; on duty: 2.")


def test_with_nobody_on_duty_only_the_need_is_known() -> None:
    empty = Forecast(300.0, 0.1, calls=40.0, abandonment=1.0, needed_now=3)
    (news,) = told(Advice("estp"), empty, empty, on_duty=0)
    assert news.warning
    assert "nobody is there to answer" in news.text
    assert news.text.endswith("People needed on duty from now on: 3; there are 0.")


def test_of_a_day_of_which_nothing_is_known_nothing_is_said() -> None:
    unknown = Forecast(300.0, 0.1)
    advice = Advice("estp")
    assert told(advice, *[unknown] * 3) == []
    assert len(told(advice, DANGER, DANGER, unknown, unknown, DANGER, DANGER)) == 1, "nor that the danger is over"
