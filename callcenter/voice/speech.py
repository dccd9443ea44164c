"""Makes telephone audio from text: RHVoice speaks, sox resamples, and all prompts get the same level."""

from __future__ import annotations

import math
import sys
import tempfile
import wave
from array import array
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from callcenter.core.errors import ReadableError
from callcenter.system import files
from callcenter.system.programs import run

RATE = 8000  # hertz: the telephone's sample rate, so Asterisk never resamples
SPEECH_LEVEL = -20.0  # dBFS, RMS of the frames that contain speech
PEAK_LEVEL = -3.5  # dBFS
FULL_SCALE = 32768.0
MARGIN = RATE // 10  # samples of silence kept before and after the speech
FRAME = RATE // 50
QUIET = 0.01  # a frame this much (−40 dB) below the loudest one contains no speech
PAUSE = 6  # frames: a shorter silence may be the closure of a consonant
# spoken after a clause that another file continues, then cut off
CONTINUATIONS = {"ru": (" да.", " так."), "en": (" yes.", " so.")}
_SPEAKING = 60.0  # seconds, limit of one text-to-speech run

# RHVoice's other voices of these languages are not free
FreeVoice = Literal["irina", "anna", "elena", "aleksandr", "slt", "bdl", "clb"]
ENGLISH = frozenset({"slt", "bdl", "clb"})


class SpeechError(ReadableError):
    """No usable speech was produced; the text says which program failed and how."""


@dataclass(frozen=True)
class Voice:
    """RHVoice followed by sox: text in, telephone audio out."""

    rhvoice: Path
    sox: Path
    name: FreeVoice
    rate: int  # per cent

    def say(self, text: str) -> array[int]:
        """Return the samples of a text, trimmed and at the common level.

        A text that ends in a comma is half a sentence. It is spoken with more text after it, which is then cut off: the
        voice falls at the end of its input whatever the punctuation, and the listener would think the sentence is
        finished.
        """
        if text.endswith(","):
            return trimmed(levelled(self._clause(text)))
        return trimmed(levelled(self._speak(text)))

    def _clause(self, text: str) -> array[int]:
        first, *others = CONTINUATIONS["en" if self.name in ENGLISH else "ru"]
        for continuation in others:
            try:
                return before_last_pause(self._speak(text + first))
            except SpeechError:  # «семь, да» is said in one go
                first = continuation
        return before_last_pause(self._speak(text + first))

    def _speak(self, text: str) -> array[int]:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder, "raw.wav")
            run([str(self.rhvoice), "-p", self.name, "-r", str(self.rate), "-o", str(raw)], text, timeout=_SPEAKING)
            # Below 150 Hz a telephone line carries only hum, which would take up part of the level.
            return self._telephone(["-v", "0.8", str(raw)], "highpass 150 rate -v 8000")

    def tone(self, hertz: int, seconds: float) -> array[int]:
        """Return a tone at the level of speech, without clicks at its ends."""
        return self._telephone(["-n"], f"synth {seconds} sine {hertz} vol 0.14 fade 0.01 {seconds} 0.01")

    def noise(self, level: float, seconds: float) -> array[int]:
        """Return comfort noise of this level in dBFS RMS; the same arguments always give the same samples."""
        loud = self._telephone(["-R", "-n"], f"synth {seconds} pinknoise vol 0.5")
        gain = 10 ** (level / 20) * FULL_SCALE / math.sqrt(sum(s * s for s in loud) / len(loud))
        return array("h", (round(s * gain) for s in loud))

    def _telephone(self, source: list[str], effects: str) -> array[int]:
        with tempfile.TemporaryDirectory() as folder:
            small = Path(folder, "small.wav")
            # -D: no dither, so that silence stays silent and the same text always gives the same file
            form = ["-r", str(RATE), "-c", "1", "-b", "16"]
            run([str(self.sox), "-D", *source, *form, str(small), *effects.split()], timeout=_SPEAKING)
            return read_wave(small)


def frame_levels(samples: array[int]) -> list[float]:
    """Return the RMS of each 20 ms frame; 1.0 is full scale."""
    frames = [samples[i : i + FRAME] for i in range(0, len(samples), FRAME)]
    return [math.sqrt(sum(s * s for s in frame) / len(frame)) / FULL_SCALE for frame in frames]


def speech_level(samples: array[int]) -> float:
    """Return the speech level in dBFS: RMS over the frames that contain speech; −inf for silence.

    Pauses do not count, as in ITU-T P.56.
    """
    levels = frame_levels(samples)
    threshold = max(levels, default=0.0) * QUIET
    active = [level * level for level in levels if level > threshold]
    return 10 * math.log10(sum(active) / len(active)) if active else -math.inf


def levelled(samples: array[int]) -> array[int]:
    """Bring the samples to SPEECH_LEVEL; loud moments are attenuated smoothly so that no peak exceeds PEAK_LEVEL.

    The gain is linear between the borders of 5 ms blocks. At a border it is the smaller gain of the two neighbours, so
    that it is never too high inside a block. Raises SpeechError for silence.
    """
    level = speech_level(samples)
    if level == -math.inf:
        raise SpeechError("the synthesiser was silent: is the text empty, or in another language?")
    gain = 10 ** ((SPEECH_LEVEL - level) / 20)
    ceiling = FULL_SCALE * 10 ** (PEAK_LEVEL / 20)
    block = RATE // 200
    peaks = [max(map(abs, samples[i : i + block])) * gain for i in range(0, len(samples), block)]
    needed = [min(1.0, ceiling / peak) if peak else 1.0 for peak in peaks]
    border = [min(pair) for pair in zip([1.0, *needed], [*needed, 1.0], strict=True)]
    result = array("h")
    for i, sample in enumerate(samples):
        at, part = divmod(i, block)
        share = part / block
        result.append(round(sample * gain * (border[at] * (1 - share) + border[at + 1] * share)))
    return result


def before_last_pause(samples: array[int]) -> array[int]:
    """Return what was said before the last pause. Raises SpeechError if there is no pause."""
    levels = frame_levels(samples)
    loud = [i for i, level in enumerate(levels) if level > max(levels) * QUIET]
    pauses = [i for i, following in pairwise(loud) if following - i > PAUSE]
    if not pauses:
        raise SpeechError("no pause after the comma: the clause cannot be cut out of its sentence")
    return samples[: (pauses[-1] + 1) * FRAME]


def trimmed(samples: array[int]) -> array[int]:
    """Return the samples with MARGIN of silence before and after the speech."""
    levels = frame_levels(samples)
    loud = [i for i, level in enumerate(levels) if level > max(levels) * QUIET]
    speech = samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME]
    silence = array("h", bytes(2 * MARGIN))
    return silence + speech + silence


def read_wave(path: Path) -> array[int]:
    """Read the samples of a 16-bit mono file."""
    with wave.open(str(path), "rb") as file:
        samples = array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def write_wave(path: Path, samples: array[int]) -> None:
    """Write a file in our format. It replaces the old one only when complete, because Asterisk may be playing that."""
    with files.replacing(path) as whole, wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def wrong_format(path: Path) -> str:
    """Return what is wrong with an audio file, or ''."""
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getframerate(), file.getsampwidth() * 8, file.getnchannels())
            empty = file.getnframes() == 0
    except EOFError:
        return "not a WAV file: it is cut short"
    except (OSError, wave.Error) as error:
        return f"not a WAV file of plain samples: {error}"
    if found != (RATE, 16, 1):
        return "{} Hz, {} bit, {} channel(s), but must be 8000 Hz, 16 bit, 1 channel".format(*found)
    return "no sound in it" if empty else ""
