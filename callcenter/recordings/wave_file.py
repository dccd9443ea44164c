"""Reads a recording whose header is damaged: where its sound lies, and that sound, side by side."""

from __future__ import annotations

import array
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from callcenter.recordings.recording import FRAME, RATE, RecordingError
from callcenter.system import files

_HEADER = 44
_SEARCHED = 4096
"""Bytes at the beginning in which the sound has to begin."""
_SECONDS = 60
"""As many are in memory at a time."""


@dataclass(frozen=True, slots=True)
class WaveFile:
    """Sound of 16 bit at 8,000 Hz, from byte `begin` on, of `channels` channels, to the end of the file."""

    path: Path
    channels: int
    begin: int

    def split(self, folder: Path) -> tuple[Path, Path]:
        """Write each side into a file of its own and return both. Blocks. Raises OSError."""
        sides = folder / "in.wav", folder / "out.wav"
        with wave.open(str(sides[0]), "wb") as left, wave.open(str(sides[1]), "wb") as right:
            for out in (left, right):
                out.setparams((1, 2, RATE, 0, "NONE", ""))
            for both in self._samples():
                left.writeframes(both[0::2].tobytes())
                right.writeframes(both[1::2].tobytes())
        return sides

    def copy(self, target: Path) -> float:
        """Write a file with the same sound and a right header; return its length in seconds. Blocks. Raises OSError."""
        frames = 0
        with files.replacing(target, durable=True) as file, wave.open(file, "wb") as out:
            out.setparams((self.channels, 2, RATE, 0, "NONE", ""))
            for samples in self._samples():
                out.writeframes(samples.tobytes())
                frames += len(samples) // self.channels
        return frames / RATE

    def _samples(self) -> Iterator[array.array[int]]:
        frame = 2 * self.channels
        with files.opened(self.path) as file:
            file.seek(self.begin)
            while data := file.read(frame * RATE * _SECONDS):
                yield array.array("h", data[: len(data) // frame * frame])


def found(path: Path, seconds: float) -> WaveFile:
    """Find the sound in a file. `seconds`: the length that the manifest has, 0 if it has none.

    Raises RecordingError if it is no sound of ours, OSError.
    """
    with files.opened(path) as file:
        head, size = file.read(_SEARCHED), file.seek(0, 2)
    form, data = head.find(b"fmt "), head.find(b"data")
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE" and 0 < form < data <= len(head) - 8:
        kind, channels = (int.from_bytes(head[at : at + 2], "little") for at in (form + 8, form + 10))
        rate, bits = int.from_bytes(head[form + 12 : form + 16], "little"), head[form + 22]
        if (kind, rate, bits) != (1, RATE, 16) or channels not in (1, 2):
            raise RecordingError(f"its sound has another format: {channels} channels of {bits} bits at {rate} Hz")
        return WaveFile(path, channels, data + 8)
    if seconds and size == _HEADER + round(seconds * RATE) * FRAME:
        return WaveFile(path, 2, _HEADER)
    raise RecordingError("its header is gone and its size is another one, so nobody can tell where its sound begins")
