"""What a waiting caller is told, as ids of whole recorded phrases (ESTP 5.4.6)."""

from __future__ import annotations

from math import ceil

SPOKEN_POSITIONS = 50
"""Positions that have a recording of their own; further back it is «more than fifty»."""

SPOKEN_MINUTES = (1, 2, 3, 5, 7, 10, 15, 20, 30)
"""«не более … минут»: coarse, because a promise that is a little too long does far less harm than a broken one."""


def position_and_wait(ahead: int, wait: float | None) -> tuple[str, ...]:
    """The place in the queue and the estimated wait: two clauses of one sentence."""
    return (_position(ahead + 1), _wait(wait))


def _position(position: int) -> str:
    if position == 1:
        return "next-in-line"
    return f"position-{position}" if position <= SPOKEN_POSITIONS else "position-many"


def _wait(wait: float | None) -> str:
    if wait is None:
        return "wait-unknown"
    minutes = max(1, ceil(wait / 60))
    bucket = next((spoken for spoken in SPOKEN_MINUTES if minutes <= spoken), None)
    return f"wait-{bucket}" if bucket else "wait-over-30"
