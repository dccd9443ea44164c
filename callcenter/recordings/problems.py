"""Describes what is wrong with the recording of a conversation: seconds talked against seconds of sound."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from callcenter.recordings.conversation import Conversation
from callcenter.recordings.manifest import Action, Entry
from callcenter.recordings.recording import FRAME, RATE, digest, tolerance
from callcenter.recordings.sound import Sound, SoundError, sound_of
from callcenter.system import files

WORTH_RECORDING = 0.2
"""Seconds. A shorter conversation may end before its first audio packet."""
SILENCE = 100
"""A side whose largest sample is below this is silent: 50 dB below full scale, less than a room without a voice."""
SILENCE_MATTERS = 5.0
"""Seconds. In a shorter conversation one of the two may not have said a word."""
_LASTING = re.compile(r"not recorded |the (caller|operator)'s side lacks ")
SIDES = ("the caller's side", "the operator's side")


def examine(
    said: Conversation, entry: Entry | None, file: Path, kept_since: datetime, *, listen: bool = True
) -> list[str]:
    """Return everything that is wrong. `entry`: the manifest's last entry of the file.

    Without `listen`: only quick checks. `kept_since`: recordings of calls that ended before it may be gone. One that
    was deleted in time before the manifest began has no entry.
    """
    if not said.recording:
        return [] if said.talk < WORTH_RECORDING else [said.problem or "there is no recording"]
    if entry is not None and entry.action is Action.DELETED:
        return []
    found = []
    if entry is None and not file.exists() and said.ended_at < kept_since:
        return []
    if entry is None:
        found.append("the manifest does not know its recording")
    elif entry.sha256 != said.sha256:
        found.append("the register and the manifest name different hashes of its recording")
    try:
        size = files.size(file)
    except FileNotFoundError:
        return [*found, "the file is missing"]
    except OSError as error:
        return [*found, f"its recording cannot be read ({error.strerror})"]
    if not listen:
        seconds = max(0, size - 44) / FRAME / RATE
        return [*found, *lengths(said, seconds, entry.sides if entry else ())]
    if digest(file) != (entry.sha256 if entry else said.sha256):
        found.append("the file was changed after it was signed: its hash is another")
    try:
        sound = sound_of(file)
    except SoundError as error:
        return [*found, f"its recording {error}"]
    return [*found, *lengths(said, sound.seconds, entry.sides if entry else ()), *silences(sound)]


def lasting(problem: str) -> list[str]:
    """Return what of a row's problem is true of the conversation, whatever file is its recording."""
    return [text for text in problem.split("; ") if _LASTING.match(text)]


def lengths(said: Conversation, seconds: float, sides: tuple[float, ...]) -> list[str]:
    """Report a recording that is too short or too long, or a side that is too short.

    `sides`: seconds of audio that Asterisk wrote of each side; () if unknown.
    """
    allowed = tolerance(said.talk, said.people)
    of_talk = f"{said.talk:.1f} s talked"
    if seconds < said.talk - allowed:
        return [f"its recording is too short: {seconds:.1f} s of {of_talk}"]
    if seconds > said.talk + allowed:
        return [f"its recording is too long: {seconds:.1f} s, but {of_talk}"]
    return [
        f"{name} is too short: {side:.1f} s of {of_talk}"
        for name, side in zip(SIDES, sides, strict=False)
        if side < said.talk - allowed
    ]


def silences(sound: Sound) -> list[str]:
    """Report a side that is silent from beginning to end."""
    if sound.seconds < SILENCE_MATTERS:
        return []
    return [f"{name} is silent all through" for name, peak in zip(SIDES, sound.peaks, strict=True) if peak < SILENCE]
