"""The estimated waiting time (ESTP 5.4.6): one function, so that a better estimator has one place to go."""

from __future__ import annotations


def expected_wait(ahead: int, staff: int, handling: float) -> float | None:
    """Seconds that a caller with `ahead` others before them will probably wait, or None when nobody can tell.

    `staff` people on duty, each taking `handling` seconds a call, together finish one call every
    handling / staff seconds; the caller is reached after ahead + 1 of these (Whitt 1999, QL).
    """
    if staff <= 0:
        return None
    return (ahead + 1) * handling / staff
