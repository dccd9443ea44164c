"""Judges how good a recording is, so that a repaired file takes the place of another one only if it is better."""

from __future__ import annotations

import math
import os
import wave
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.core.reception import Side
from callcenter.recordings.completeness import seconds_written
from callcenter.recordings.conversation import Conversation
from callcenter.recordings.problems import lengths, silences
from callcenter.recordings.recording import RATE, tolerance
from callcenter.recordings.sound import SoundError, sound_of
from callcenter.system import files

WITHIN = 0.5
"""Seconds by which a file has to be better if it is not better otherwise."""
ONE_CHANNEL = "both voices are in one channel"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is wrong with a file, whether it can be played, and what can be heard."""

    problems: tuple[str, ...]
    playable: bool = False
    beyond: float = math.inf
    """Seconds by which the length differs from the talk, beyond tolerance."""
    written: dict[Side, float] = field(default_factory=dict)
    """Seconds in which there is sound of each side; {} if that cannot be said."""

    def is_better_than(self, other: Judgement) -> bool:
        """Return whether this file should take the other one's place."""
        ours, theirs = (not self.playable, len(self.problems)), (not other.playable, len(other.problems))
        if ours != theirs:
            return ours < theirs
        if self.beyond != other.beyond and abs(self.beyond - other.beyond) > WITHIN:
            return self.beyond < other.beyond
        gained = self.gained_over(other).values()
        return max(gained, default=0.0) > WITHIN and min(gained) > -WITHIN

    def gained_over(self, other: Judgement) -> dict[Side, float]:
        """Return how many seconds of each side are here and not there; {} if that cannot be said."""
        if not (self.written and other.written):
            return {}
        return {side: self.written[side] - other.written[side] for side in Side}


def judge(said: Conversation, file: Path, sides: tuple[float, ...]) -> Judgement:
    """Judge the file by itself, whatever was signed. `sides`: seconds of audio that Asterisk wrote; () if unknown.

    Blocks. Raises OSError.
    """
    try:
        sound = sound_of(file)
    except SoundError as error:
        return _of_one_channel(said, file) or Judgement((f"its recording {error}",))
    problems = (*lengths(said, sound.seconds, sides), *silences(sound))
    return Judgement(problems, True, _beyond(said, sound.seconds), seconds_written(file))


def _of_one_channel(said: Conversation, file: Path) -> Judgement | None:
    """Judge a whole file from before there were two channels."""
    try:
        with files.opened(file) as raw, wave.open(raw) as sound:
            form, frames = sound.getparams()[:3], sound.getnframes()
            size = os.fstat(raw.fileno()).st_size
    except (wave.Error, EOFError):
        return None
    if form != (1, 2, RATE) or 2 * frames > size:
        return None
    seconds = frames / RATE
    return Judgement((ONE_CHANNEL, *lengths(said, seconds, ())), True, _beyond(said, seconds))


def _beyond(said: Conversation, seconds: float) -> float:
    return max(0.0, abs(seconds - said.talk) - tolerance(said.talk, said.people))
