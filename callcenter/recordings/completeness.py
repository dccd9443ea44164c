"""Compares a finished recording with what Asterisk received: is a voice missing, from a moment on, or in pieces?

A phone that is muted and sends nothing, or sends silence, misses nothing.
"""

from __future__ import annotations

import array
import re
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path

from callcenter.core.reception import Received, Side
from callcenter.recordings.recording import FRAME, RATE
from callcenter.system import files

MISSING = 1.5
"""Seconds, and the share of what was received, which may be missing: a new recorder takes a moment to begin."""
SHARE = 0.03
NAMES = {Side.CALLER: "the caller's side", Side.OPERATOR: "the operator's side"}

_BLOCK = RATE // 50
_PER_SECOND = 50
_NOTHING = bytes(2 * _BLOCK)
_ZERO = bytes(2)
_PIECE = _BLOCK * _PER_SECOND * 10
"""Samples of each side that are in memory at once: a recording may be hours long."""
_LACKS = "lacks {:.0f} s of what was received, from {:.0f} s on"
_SAID = re.compile(r"(the (?:caller|operator)'s side) lacks (\d+) s of what was received, from \d+ s on")


def missing(file: Path, received: Sequence[Received]) -> list[str]:
    """Return what the file lacks of the sound that was received, as sentences. Blocks. Raises OSError, wave.Error."""
    if not received:
        return []
    found = []
    for side, blocks in zip(Side, _written(file), strict=True):
        of_side = [one for one in received if one.side is side]
        lack = blocks and _lack(of_side, blocks)
        if lack:
            seconds, since = lack
            found.append(f"{NAMES[side]} {_LACKS.format(seconds, since)}")
    return found


def is_made_good(problem: str, gained: Mapping[Side, float]) -> bool:
    """Return whether a problem that `missing` told is over, because so many seconds of each side were found."""
    told = _SAID.fullmatch(problem)
    return told is not None and any(
        NAMES[side] == told[1] and seconds >= int(told[2]) - MISSING for side, seconds in gained.items()
    )


def seconds_written(file: Path) -> dict[Side, float]:
    """Return in how many seconds there is sound of each side; {} if that cannot be said. Blocks, errors as above."""
    sides = dict(zip(Side, _written(file), strict=True))
    return {side: sum(blocks) / _PER_SECOND for side, blocks in sides.items()} if all(sides.values()) else {}


def _lack(received: Sequence[Received], written: bytearray) -> tuple[float, float] | None:
    """Return how many seconds are missing, and from which second on; None if nothing is.

    A phone may send packets of another length than 20 ms: its fastest second is taken for all of the time.
    """
    rates = [one.packets / (one.until - one.since) for one in received if one.until - one.since > 0.5]
    if not rates or max(rates) <= 0.0:
        return None
    best = max(rates)
    lacking, since, total = 0.0, 0.0, 0.0
    for one in received:
        length = one.until - one.since
        share = min(1.0, one.packets / best / length) if length > 0.0 else 0.0
        heard = sum(written[int(one.since * _PER_SECOND) : int(one.until * _PER_SECOND)]) / _PER_SECOND
        before, lacking = lacking, max(0.0, lacking + share * length - heard)
        total += share * length
        if before < MISSING / 2 <= lacking:
            since = one.since
    return (lacking, since) if lacking > MISSING + SHARE * total else None


def _written(file: Path) -> list[bytearray]:
    """Return of each side whether Asterisk wrote sound (1) or not (0) in each step of 20 ms; empty if that is unknown.

    Silence that Asterisk fills in is exactly zero. A-law has no zero, so zeros mean that nothing was written. Codecs
    that have zeros show them between other samples, too; of their silence nothing can be said.
    """
    marks, unknown = [bytearray() for _ in Side], set()
    with files.opened(file) as raw, wave.open(raw) as sound:
        while data := sound.readframes(_PIECE):
            both = array.array("h", data[: len(data) // FRAME * FRAME])
            for side in Side:
                samples = both[side::2].tobytes()
                if not _has_zero(samples):  # sound all the time
                    marks[side].extend(b"\1" * -(-len(samples) // (2 * _BLOCK)))
                    continue
                for at in range(0, len(samples), 2 * _BLOCK):
                    block = samples[at : at + 2 * _BLOCK]
                    mark = block != _NOTHING[: len(block)]
                    marks[side].append(mark)
                    if mark and side not in unknown and _has_zeros(block):
                        unknown.add(side)
    return [bytearray() if side in unknown else marks[side] for side in Side]


def _has_zero(samples: bytes) -> bool:
    at = samples.find(_ZERO)
    while at > 0 and at % 2:  # the halves of two samples
        at = samples.find(_ZERO, at + 1)
    return at >= 0


def _has_zeros(block: bytes) -> bool:
    """Return whether zeros stand between other samples, and not only at the edges, where a stream begins or ends."""
    if not _has_zero(block):
        return False
    samples = memoryview(block).cast("h").tolist()
    while samples and not samples[0]:
        samples.pop(0)
    while samples and not samples[-1]:
        samples.pop()
    return 0 in samples
