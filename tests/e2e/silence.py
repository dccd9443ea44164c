"""Was there always something to be heard? By the packets that a caller's phone received (ESTP 2.1, 2.3).

Carriers end calls without packets, NAT forgets them, and people take a dead line for the end of the call. So from the
answer to the end of the call no 100 ms may be without a packet, and no 1.5 s without sound.

**What counts is when the kernel received a packet**, not when the phone got round to reading it: phones live in the
event loop of the test, beside the controller. RTP time stamps tell nothing where it matters: when a bridge begins, the
sound has another source, with a clock of its own.

**A machine that was late is no silent dialplan.** Asterisk, too, may have to wait for a processor. How long that was,
the phone itself shows: it sends every 20 ms as Asterisk does, and notes when it really did. By as much as it was late
while nothing came, the pause is forgiven; a place of the dialplan that is silent is silent while the phone sends in
time. The same goes for conversations, where Asterisk has nothing to send but what the other phone, in the same event
loop, sends. While that presses a key it sends none: 0.16 s are taken off for each (`others`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tests.e2e.softphone import RATE, Arrival, Call

LONGEST_PAUSE = 0.1
"""Seconds without a packet."""
LONGEST_DEAD_AIR = 1.5
FIRST_SOUND = 1.0
"""Seconds from the answer."""
_STEP = RATE // 20
_TICK = 0.02
_DEAD = 40.0
"""Root mean square (−58 dBFS). Comfort noise has 100."""


class Pause(NamedTuple):
    """Nothing was sent to a phone."""

    at: float
    """Second of what it heard."""
    seconds: float
    """Those by which the machine was late are taken off."""


def pauses(
    arrivals: Sequence[Arrival],
    ticks: Sequence[float] = (),
    longest: float = LONGEST_PAUSE,
    keyed: Sequence[tuple[float, float]] = (),
) -> list[Pause]:
    """Pauses between packets that are longer than that.

    `ticks`: when the phone was there to send; `keyed`: from when to when the other phone sent keys.
    """
    found = []
    for before, after in pairwise(arrivals):
        if after.at - before.at > longest:
            excused = _late(ticks, before.at, after.at) + _overlap(keyed, before.at, after.at)
            found.append(Pause(round(after.heard / RATE, 2), round(after.at - before.at - excused, 3)))
    return [pause for pause in found if pause.seconds > longest]


def dead_air(call: Call) -> float:
    """The longest time in which packets came, but nothing was to be heard, in seconds."""
    samples = call.heard().astype(np.float64)
    steps = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP)
    longest = now = 0
    for loud in np.sqrt(np.mean(steps**2, axis=1)) > _DEAD:
        now = 0 if loud else now + 1
        longest = max(longest, now)
    return longest * _STEP / RATE


def assert_never_silent(call: Call, *others: Call) -> None:
    """From the answer to the end of the call, which has ended. `others`: operators who pressed keys in it."""
    media = call.media
    assert media.arrivals, "no sound at all"
    assert call.ended_at, "the call goes on"
    first, end = media.arrivals[0], Arrival(call.ended_at, len(media.heard))
    assert first.at - call.answered_at <= FIRST_SOUND, "the first sound after the answer"
    heard = [one for one in media.arrivals if one.at < end.at]
    found = pauses([*heard, end], media.ticks, keyed=[one for other in others for one in other.media.keyed])
    assert not found, f"nothing was sent: {found}"
    assert dead_air(call) <= LONGEST_DEAD_AIR


def _late(ticks: Sequence[float], begin: float, end: float) -> float:
    """By how many seconds of this time the phone itself was late."""
    there = np.asarray(ticks)
    around = there[max(0, int(np.searchsorted(there, begin)) - 1) : int(np.searchsorted(there, end)) + 1]
    late = np.minimum(around[1:], end) - np.maximum(around[:-1], begin) - _TICK
    return float(np.maximum(late, 0.0).sum())


def _overlap(keyed: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """How many seconds of this time the other phone sent keys."""
    return sum(max(0.0, min(last, end) - max(first, begin)) for first, last in keyed)
