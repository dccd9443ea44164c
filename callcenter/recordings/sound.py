"""Measures a finished recording: its length, and the peak level of each side."""

from __future__ import annotations

import array
import wave
from dataclasses import dataclass
from pathlib import Path

from callcenter.recordings.recording import RATE
from callcenter.system import files

_STRIDE = 7
"""One sample in seven is enough to tell a voice from silence; seven has no common factor with the period of a tone."""


class SoundError(Exception):
    """The file is not a recording in our format; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Length in seconds, and the largest sample (0 to 32768) of the caller's and of the operator's side."""

    seconds: float
    peaks: tuple[int, int]


def sound_of(path: Path) -> Sound:
    """Read the whole file. Blocks, but lets other threads run. Raises SoundError, OSError."""
    try:
        with files.opened(path) as raw, wave.open(raw) as file:
            form = (file.getnchannels(), 8 * file.getsampwidth(), file.getframerate())
            if form != (2, 16, RATE):
                raise SoundError(f"has {form[0]} channels of {form[1]} bits at {form[2]} Hz instead of 2, 16, {RATE}")
            said, left, right = file.getnframes(), 0, 0
            frames = 0
            while data := file.readframes(RATE):
                both = array.array("h", data[: len(data) // 4 * 4])
                left, right = max(left, _peak(both[0 :: 2 * _STRIDE])), max(right, _peak(both[1 :: 2 * _STRIDE]))
                frames += len(both) // 2
    except (wave.Error, EOFError) as error:
        raise SoundError(f"is not a sound file ({str(error) or 'it is empty'})") from error
    if frames != said:
        raise SoundError(f"ends after {frames / RATE:.1f} of {said / RATE:.1f} s")
    return Sound(frames / RATE, (left, right))


def _peak(samples: array.array[int]) -> int:
    return max(max(samples), -min(samples)) if samples else 0
