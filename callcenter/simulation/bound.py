"""The smallest error that any estimator can have: of one that knows the true rates, as no live line ever does."""

from __future__ import annotations

from callcenter.core.queue.estimate import Estimate, wait
from callcenter.simulation.rivals import RivalView

PROMISED = 0.9


class Bound:
    """QLm with the true mean handling time and patience.

    With Poisson arrivals, exponential handling times and patience, and service in the order of arrival, this is the
    conditional mean of the wait, so nothing predicts with a smaller squared error (Whitt 1999; Ibrahim & Whitt 2009).
    With other distributions, with urgency classes, or while people come and go it is a yardstick and no longer a bound.
    """

    name = "bound"

    def __init__(self, handling: float, patience: float | None) -> None:
        """True means in seconds, wrap-up included; `patience` None: nobody gives up."""
        if not handling > 0:
            raise ValueError(f"The mean handling time must be more than 0 seconds, not {handling}.")
        if patience is not None and not patience > 0:
            raise ValueError(f"The mean patience must be more than 0 seconds, or None for endless, not {patience}.")
        self._handling = handling
        self._patience = patience

    def estimate(self, floor: RivalView) -> tuple[float, float]:
        """Mean and 90th percentile. With nobody on duty: as if one came at once, for want of anything to know."""
        expected = wait(floor.ahead, max(1, floor.staff), self._handling, self._patience)
        expected = expected or Estimate(0.0, 0.0)  # for the type checker: somebody is on duty
        return expected.mean, expected.percentile(PROMISED)

    def answered(self, waited: float, now: float) -> None:
        """Nothing to learn."""
