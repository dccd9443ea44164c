"""The smallest error that any estimator can have: the error of one that knows the true rates, as no live line does."""

from __future__ import annotations

from callcenter.core.queue.estimate import Estimate, wait
from callcenter.simulation.rivals import RivalView

PROMISED = 0.9


class Bound:
    """QLm with the true mean handling time and mean patience.

    With Poisson arrivals, exponential handling times and patience, and service in order of arrival, it is the
    conditional mean of the wait, so no estimator has a smaller squared error (Whitt 1999; Ibrahim & Whitt 2009). With
    other distributions, with urgency classes, or while operators come and go, it is a yardstick but no longer a bound.
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
        """Return mean and 90th percentile. With nobody on duty, assume that one person comes at once."""
        expected = wait(floor.ahead, max(1, floor.staff), self._handling, self._patience)
        expected = expected or Estimate(0.0, 0.0)  # for the type checker: somebody is on duty
        return expected.mean, expected.percentile(PROMISED)

    def answered(self, waited: float, now: float) -> None:
        """Do nothing: there is nothing to learn."""
