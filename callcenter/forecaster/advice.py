"""Decides when a forecast is news for people, and words the message."""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.planning.forecast import Forecast

CALM_BELOW = 0.5
"""Share of the accepted risk. A line at risk is called calm again only below it, so that the state does not flicker."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What matters in a forecast to those who can assign people."""

    at_risk: bool
    """The average will probably end above the target, or more people are needed than are on duty."""
    needed: int | None
    """People needed from now on; None if calm, or if no number is known."""


CALM = Verdict(False, None)


@dataclass(frozen=True, slots=True)
class News:
    """A message for the log."""

    warning: bool
    text: str


class Advice:
    """Remembers what was last reported about one line's day.

    A change is reported only when two forecasts in a row agree on it: forecasts are made every minute, and a number
    that flickers between two values helps nobody.
    """

    def __init__(self, line: str) -> None:
        self._line = line
        self._said = CALM
        self._before = CALM

    def news(self, forecast: Forecast, on_duty: int) -> News | None:
        """Return what to report about this forecast; None if nothing has changed."""
        if forecast.calls is None:
            return None  # nothing is known: neither danger nor its end
        verdict = self._verdict(forecast, on_duty)
        agreed, self._before = verdict == self._before, verdict
        if not agreed or verdict == self._said:
            return None
        self._said = verdict
        if verdict.at_risk:
            return News(True, f"Line {self._line}: {_danger(forecast)} {_remedy(forecast, on_duty)}")
        return News(False, f"Line {self._line}: the target of {forecast.target:.0f} s is safe. {_day(forecast)}")

    def _verdict(self, forecast: Forecast, on_duty: int) -> Verdict:
        accepted = forecast.risk * (CALM_BELOW if self._said.at_risk else 1.0)
        probability = breach(forecast)
        likely = probability is not None and probability > accepted
        short = forecast.needed_now is not None and forecast.needed_now > on_duty
        return Verdict(True, forecast.needed_now) if likely or short else CALM


def breach(forecast: Forecast) -> float | None:
    """Return the probability that the day's average, of all callers or of registered persons, ends above the target."""
    known = [p for p in (forecast.exceeding, forecast.exceeding_registered) if p is not None]
    return max(known, default=None)


def _danger(forecast: Forecast) -> str:
    probability = breach(forecast)
    if probability is None:
        return "nobody is there to answer, so nobody can tell how long callers will wait."
    chance = f"the average wait of today will be above {forecast.target:.0f} s with a probability of {probability:.0%}"
    if probability <= forecast.risk:
        return f"there are fewer people than callers need, although {chance} only. {_day(forecast)}"
    return f"{chance}. {_day(forecast)}"


def _day(forecast: Forecast) -> str:
    expected = [
        f"{name} {seconds:.0f} s"
        for name, seconds in (
            ("registered persons", forecast.average_registered),
            ("all callers", forecast.average),
            ("a patient caller from now on", forecast.offered),
        )
        if seconds is not None
    ]
    if forecast.abandonment is not None:
        expected.append(f"{forecast.abandonment:.0%} will give up")
    return f"Expected: {', '.join(expected)}." if expected else "Nobody is expected to call."


def _remedy(forecast: Forecast, on_duty: int) -> str:
    if forecast.needed_now is None:
        return f"No number of people keeps the average of today any more; on duty: {on_duty}."
    return f"People needed on duty from now on: {forecast.needed_now}; there are {on_duty}."
