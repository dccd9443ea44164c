"""Make `ivr_prompts/music/waiting.wav`: what a waiting caller hears between the announcements.

Our own composition, so no licence stands in the way: slow broken chords over soft pads, 78 seconds that join
their own beginning. The notes lie where a telephone carries sound (300–3000 Hz), and quietly, so that a voice
is noticed at once by a caller whose telephone lies on the desk. The same file comes out every time.
"""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000
BEAT = 0.75  # seconds; 80 beats a minute
LEVEL = -28.0  # dBFS, RMS
UNPLAYED = 22  # Asterisk (22 too) takes a wav file's header for sound, and leaves so many samples at its end unplayed
BEATS_A_CHORD = 4

# A calm round in D major, as MIDI notes from D4 (62, 294 Hz) upwards; each chord lasts four beats.
CHORDS = {
    "D": (62, 66, 69, 74),
    "Bm": (62, 66, 71, 74),
    "G": (62, 67, 71, 74),
    "A": (64, 69, 73, 76),
    "Em": (64, 67, 71, 76),
    "F#m": (66, 69, 73, 78),
}
PROGRESSION = [
    *("D", "Bm", "G", "A", "D", "F#m", "G", "A"),
    *("Bm", "F#m", "G", "D", "Em", "G", "A", "A"),
    *("D", "Bm", "Em", "A", "D", "G", "Em", "A", "D", "D"),
]
# Which tone of the chord sounds on each half beat (None rests); two patterns take turns.
PATTERNS = ((0, 2, 3, 2, 1, 2, 3, None), (0, 1, 2, 3, None, 2, 1, None))

Sound = NDArray[np.float64]


def frequency(note: float) -> float:
    """Hertz of a MIDI note in equal temperament."""
    return 440.0 * 2 ** ((note - 69) / 12)


def bell(note: int, seconds: float) -> Sound:
    """A plucked, soft tone: higher partials fade sooner, as on a celesta."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(
        weight * np.sin(2 * math.pi * frequency(note) * partial * t) * np.exp(-t * fade)
        for partial, weight, fade in ((1, 1.0, 1.6), (2, 0.35, 2.6), (3, 0.10, 4.0))
    )
    return np.asarray(tone * np.minimum(t / 0.015, 1) * np.minimum((seconds - t) / 0.05, 1))


def pad(note: int, seconds: float) -> Sound:
    """A sustained tone of two slightly detuned voices that swells and fades."""
    t = np.arange(int(seconds * RATE)) / RATE
    voices = sum(
        np.sin(2 * math.pi * frequency(note + cents / 100) * partial * t) / partial**1.5
        for cents in (-4, 4)
        for partial in (1, 2, 3)
    )
    return np.asarray(voices * np.sin(math.pi * t / seconds) ** 1.2)


def compose() -> Sound:
    """The whole piece; what sounds beyond the end is added to the beginning, so that the loop has no seam."""
    chord_seconds = BEATS_A_CHORD * BEAT
    piece = np.zeros(round(len(PROGRESSION) * chord_seconds * RATE))

    def add(sound: Sound, seconds: float, volume: float) -> None:
        at = (np.arange(len(sound)) + round(seconds * RATE)) % len(piece)
        np.add.at(piece, at, sound * volume)

    for bar, name in enumerate(PROGRESSION):
        start, chord = bar * chord_seconds, CHORDS[name]
        for note in chord[:3]:
            add(pad(note, chord_seconds * 1.6), start - chord_seconds * 0.3, 0.10)
        for half_beat, tone in enumerate(PATTERNS[bar % 2]):
            if tone is not None:
                accent = 0.34 if half_beat == 0 else 0.24
                add(bell(chord[tone] + 12 * (bar % 4 == 3), 2.2), start + half_beat * BEAT / 2, accent)
    return piece


def telephone(piece: Sound) -> Sound:
    """Only what a telephone carries, at LEVEL."""
    spectrum = np.fft.rfft(piece)
    hertz = np.fft.rfftfreq(len(piece), 1 / RATE)
    rise = np.clip((hertz - 230) / 60, 0, 1)
    fall = np.clip((3300 - hertz) / 300, 0, 1)
    piece = np.fft.irfft(spectrum * rise * fall, len(piece))
    return np.asarray(piece * 10 ** (LEVEL / 20) / np.sqrt(np.mean(piece**2)))


def main() -> None:
    path = Path(__file__).resolve().parent.parent / "ivr_prompts" / "music" / "waiting.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.round(telephone(compose()) * 32768).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes() + samples[:UNPLAYED].tobytes())  # or the loop would click at its turn
    print(f"{path}: {len(samples) / RATE:.0f} s")


if __name__ == "__main__":
    main()
