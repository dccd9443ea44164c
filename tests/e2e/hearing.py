"""What did the caller hear? The received audio is compared with the files in `ivr_prompts/`, sample by sample.

Listening takes the processor for some tenths of a second, and stations live in the same event loop: listen when the
call is over, or when nothing is urgent.
"""

from __future__ import annotations

import wave
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tests.e2e.softphone import RATE, Call
from tests.e2e.station import until

Samples = npt.NDArray[np.int16]
_Floats = npt.NDArray[np.float32]

PROMPTS = Path(__file__).resolve().parents[2] / "ivr_prompts"
_HEAD = int(RATE * 0.6)
"""So much of a prompt's beginning is looked for; the rest tells like prompts apart."""
_BLOCK = 1 << 15
_STEP = RATE // 10
_QUIET = 150.0
"""Root mean square of what counts as silence; speech has some thousands."""
_ALIKE = 0.75
_MUSIC_STEP = RATE // 4
UNPLAYED = 22
"""So many samples at the end of a wav file Asterisk does not play: as many as its header is long."""


class Heard(NamedTuple):
    """One prompt in what was heard. Times in seconds of the audio."""

    prompt: str
    start: float
    seconds: float
    """How much of it was heard: less than its length where a key or an answer cut it short."""
    score: float
    """Correlation of its beginning: 1 is the same."""


def read(path: Path) -> Samples:
    """A file of one channel, 8 kHz, 16 bit."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2), path
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def write(path: Path, samples: Samples, channels: int = 1) -> None:
    """The opposite of `read`; also for listening to a failure."""
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def brief_prompts(folder: Path, seconds: float = 0.8, whole: Iterable[str] = ()) -> Path:
    """A folder of prompts that are cut short, for stories that are about something else."""
    (folder / "ru").mkdir(parents=True)
    (folder / "music").symlink_to(PROMPTS / "music")
    for path in (PROMPTS / "ru").glob("*.wav"):
        samples, length = read(path), int(RATE * seconds)
        start = max(0, min(int(RATE * 1.2), len(samples) - length))  # many begin with the same words
        write(folder / "ru" / path.name, samples if path.stem in whole else samples[start : start + length])
    return folder


async def listen(call: Call, seconds: float) -> None:
    """Wait until the call has heard so much more."""
    enough = len(call.media.heard) + int(seconds * RATE)
    await until(lambda: len(call.media.heard) >= enough or call.ended.is_set(), seconds + 15.0, "sound")


# -- prompts -------------------------------------------------------------------------------------------------------


def heard_prompts(samples: Samples, among: Sequence[str] = (), prompts: Path = PROMPTS) -> list[Heard]:
    """The prompts in this audio, in their order. `among` restricts the search: all are more than a hundred."""
    names = among or [path.stem for path in sorted((prompts / "ru").glob("*.wav")) if not path.stem.startswith("op-")]
    names = [name for name in names if name != "quiet"]  # comfort noise
    if len(samples) < _HEAD:
        return []
    around = np.zeros(_HEAD // 2, np.float32)  # the first packets may have been missed, and the last samples are
    audio = np.concatenate((around, samples.astype(np.float32), around))
    spectrum, hop = _blocks(audio)
    found = [hit for name in names for hit in _find(name, prompts, audio, spectrum, hop)]
    found = [hit._replace(start=hit.start - len(around) / RATE) for hit in found]
    return _best_at_each_place(found)


def names(found: Iterable[Heard]) -> list[str]:
    """Only the prompts, in their order."""
    return [one.prompt for one in found]


def whole(one: Heard, prompts: Path = PROMPTS) -> bool:
    """Whether it was heard to its end."""
    length = len(_prompt(one.prompt, prompts)) / RATE
    return one.seconds >= length - 0.25


@cache
def _prompt(name: str, prompts: Path) -> _Floats:
    return read(prompts / "ru" / f"{name}.wav").astype(np.float32)


@cache
def _voice_from(name: str, prompts: Path) -> int:
    """The first sample that is not silence."""
    loud = np.flatnonzero(np.abs(_prompt(name, prompts)) > _QUIET)
    return int(loud[0]) if len(loud) else 0


@cache
def _head(name: str, prompts: Path) -> tuple[npt.NDArray[np.complex64], int, float]:
    lead = _voice_from(name, prompts)
    head = _prompt(name, prompts)[lead : lead + _HEAD]
    return np.conj(np.fft.rfft(head, _BLOCK)).astype(np.complex64), len(head), float(np.linalg.norm(head))


def _blocks(audio: _Floats) -> tuple[npt.NDArray[np.complex64], int]:
    hop = _BLOCK - _HEAD
    padded = np.zeros(-(-len(audio) // hop) * hop + _HEAD, np.float32)
    padded[: len(audio)] = audio
    parts = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK)[::hop]
    return np.fft.rfft(parts, axis=1).astype(np.complex64), hop


def _find(name: str, prompts: Path, audio: _Floats, spectrum: npt.NDArray[np.complex64], hop: int) -> Iterable[Heard]:
    head, length, norm = _head(name, prompts)
    likeness = np.fft.irfft(spectrum * head, axis=1)[:, :hop].reshape(-1)[: len(audio) - length + 1]
    energy = np.concatenate(([0.0], np.cumsum(audio.astype(np.float64) ** 2)))
    around = np.sqrt(np.maximum(energy[length:] - energy[:-length], 1.0))
    score = likeness / (norm * np.maximum(around, _QUIET * length**0.5 / 2))
    lead = _voice_from(name, prompts)
    while len(score) and score.max() > _ALIKE:
        at = int(score.argmax())
        start = at - lead
        yield Heard(name, start / RATE, _followed(audio, start, _prompt(name, prompts), lead), float(score[at]))
        score[max(0, at - _HEAD) : at + _HEAD] = 0.0


def _followed(audio: _Floats, start: int, prompt: _Floats, lead: int) -> float:
    """For how many seconds the audio goes on as the prompt does; its beginning has been recognised."""
    for at in range(lead + _HEAD // 2, len(prompt), _STEP):
        wanted = prompt[at : at + _STEP]
        there = audio[start + at : start + at + len(wanted)]
        if len(there) < len(wanted) or not _same(there, wanted):
            return at / RATE
    return len(prompt) / RATE


def _same(there: _Floats, wanted: _Floats) -> bool:
    loud, loud_wanted = (float(np.sqrt(np.mean(part**2))) for part in (there, wanted))
    if loud_wanted < _QUIET:
        return loud < 3 * _QUIET
    return float(np.dot(there, wanted)) > _ALIKE * len(wanted) * loud * loud_wanted


def _best_at_each_place(found: list[Heard]) -> list[Heard]:
    """Prompts that have words in common are found at the same place: the one that fits longest was played."""
    best: list[Heard] = []
    for one in sorted(found, key=lambda hit: (-hit.seconds, -hit.score)):
        if not any(_overlap(one, other) > 0.3 or abs(one.start - other.start) < 0.3 for other in best):
            best.append(one)
    return sorted(best, key=lambda hit: hit.start)


def _overlap(one: Heard, other: Heard) -> float:
    return min(one.start + one.seconds, other.start + other.seconds) - max(one.start, other.start)


# -- music ---------------------------------------------------------------------------------------------------------


@cache
def _music(prompts: Path) -> _Floats:
    return read(prompts / "music" / "waiting.wav").astype(np.float32)[:-UNPLAYED]


def heard_music(samples: Samples, prompts: Path = PROMPTS) -> list[tuple[float, float]]:
    """Where the waiting music is heard: (start, end) in seconds, to a quarter of a second."""
    music, spans = _music(prompts), list[tuple[float, float]]()
    place: int | None = None
    for at in range(0, len(samples) - _MUSIC_STEP + 1, _MUSIC_STEP):
        part = samples[at : at + _MUSIC_STEP].astype(np.float32)
        if place is None or not _is_music(part, _around(music, place)):
            place = _place_in(prompts, part)
        if place is None:
            continue
        start = at / RATE
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, (at + _MUSIC_STEP) / RATE))
        place = (place + _MUSIC_STEP) % len(music)
    return spans


def _around(music: _Floats, place: int) -> _Floats:
    return np.take(music, np.arange(place, place + _MUSIC_STEP), mode="wrap")


def _is_music(part: _Floats, wanted: _Floats) -> bool:
    return float(np.linalg.norm(part - wanted)) < 0.2 * float(np.linalg.norm(wanted))


@cache
def _music_spectrum(prompts: Path) -> tuple[npt.NDArray[np.complex64], _Floats]:
    music = _music(prompts)
    turned = np.concatenate((music, music[:_MUSIC_STEP]))
    energy = np.concatenate(([0.0], np.cumsum(turned.astype(np.float64) ** 2)))
    loudness = np.sqrt(np.maximum(energy[_MUSIC_STEP:] - energy[:-_MUSIC_STEP], 1.0))[: len(music)]
    return np.fft.rfft(turned).astype(np.complex64), loudness.astype(np.float32)


def _place_in(prompts: Path, part: _Floats) -> int | None:
    if float(np.sqrt(np.mean(part**2))) < 20.0:
        return None
    music = _music(prompts)
    spectrum, loudness = _music_spectrum(prompts)
    size = len(music) + _MUSIC_STEP
    likeness = np.fft.irfft(spectrum * np.conj(np.fft.rfft(part, size)), size)[: len(music)] / loudness
    place = int(likeness.argmax())
    return place if _is_music(part, _around(music, place)) else None
