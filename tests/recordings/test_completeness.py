"""What a file lacks of what was received, and the silence that bunched packets leave in it."""

from __future__ import annotations

import array
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callcenter.core.reception import Received, Side
from callcenter.recordings.bunching import BLOCK, surplus
from callcenter.recordings.completeness import _has_zeros, missing
from callcenter.recordings.recording import RATE
from callcenter.recordings.sound import sound_of

pytestmark = pytest.mark.clause("ESTP 2.6")

Samples = npt.NDArray[np.int16]
STEP = BLOCK // 2


def spoken(seconds: float) -> Samples:
    """As A-law is decoded: never exactly zero."""
    t = np.arange(int(RATE * seconds)) / RATE
    samples = (np.sin(2 * np.pi * 400 * t) * 8000).astype(np.int16)
    samples[samples == 0] = 8
    return samples


def nothing(seconds: float) -> Samples:
    return np.zeros(int(RATE * seconds), np.int16)


def file_of(folder: Path, left: Samples, right: Samples) -> Path:
    path = folder / "call.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.stack([left, right], 1).tobytes())
    return path


def received(side: Side, seconds: int, packets: int = 50) -> list[Received]:
    return [Received(side, float(at), float(at + 1), packets) for at in range(seconds)]


def test_a_recorder_that_went_deaf_is_told_with_the_second(tmp_path: Path) -> None:
    path = file_of(tmp_path, spoken(12), np.concatenate([spoken(2), nothing(10)]))
    both = received(Side.CALLER, 12) + received(Side.OPERATOR, 12)
    assert missing(path, both) == ["the operator's side lacks 10 s of what was received, from 2 s on"]


def test_a_deaf_side_that_hears_again_is_told_too(tmp_path: Path) -> None:
    left = np.concatenate([spoken(3), nothing(4), spoken(5)])
    path = file_of(tmp_path, left, spoken(12))
    assert missing(path, received(Side.CALLER, 12)) == ["the caller's side lacks 4 s of what was received, from 3 s on"]


def test_a_voice_in_pieces_is_told(tmp_path: Path) -> None:
    pieces = np.concatenate([np.concatenate([spoken(0.06), nothing(0.04)]) for _ in range(120)])
    path = file_of(tmp_path, pieces, spoken(12))
    found = missing(path, received(Side.CALLER, 12))
    assert len(found) == 1
    assert found[0].startswith("the caller's side lacks 5 s")


@pytest.mark.parametrize("side", list(Side))
def test_a_muted_phone_misses_nothing(tmp_path: Path, side: Side) -> None:
    paused = np.concatenate([spoken(2), nothing(8), spoken(2)])
    sides = (paused, spoken(12)) if side is Side.CALLER else (spoken(12), paused)
    was = [Received(side, float(at), float(at + 1), 0 if 2 <= at < 10 else 50) for at in range(12)]
    assert missing(file_of(tmp_path, *sides), was) == []


def test_a_muted_phone_that_sends_digital_silence_misses_nothing(tmp_path: Path) -> None:
    voice = spoken(2)
    voice[::97] = 0  # this codec has a zero
    path = file_of(tmp_path, np.concatenate([voice, nothing(8), voice]), spoken(12))
    assert missing(path, received(Side.CALLER, 12)) == []


def test_a_phone_with_longer_packets_misses_nothing(tmp_path: Path) -> None:
    assert missing(file_of(tmp_path, spoken(12), spoken(12)), received(Side.CALLER, 12, 25)) == []


def test_where_nothing_is_known_nothing_is_told(tmp_path: Path) -> None:
    assert missing(file_of(tmp_path, nothing(12), nothing(12)), []) == []


def test_a_moment_that_a_new_recorder_takes_is_not_told(tmp_path: Path) -> None:
    path = file_of(tmp_path, np.concatenate([spoken(5), nothing(0.3), spoken(6.7)]), spoken(12))
    assert missing(path, received(Side.CALLER, 12)) == []


def test_a_long_recording_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    minutes = 5
    left, right = np.tile(spoken(60), minutes), np.concatenate([spoken(100), nothing(100), spoken(100)])
    path = file_of(tmp_path, left, right)
    told = received(Side.CALLER, 60 * minutes) + received(Side.OPERATOR, 60 * minutes)
    tracemalloc.start()
    try:
        found = missing(path, told)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == ["the operator's side lacks 100 s of what was received, from 100 s on"]
    assert peak < path.stat().st_size / 8


# -- bunches ---------------------------------------------------------------------------------------------------------


def as_asterisk_writes(folder: Path, bunch: int, steps: int) -> tuple[Path, Path]:
    """The two sides of a conversation, each step with its number: the caller's packets come in bunches.

    `audiohook_read_frame_both`: a side waits for the other one until it has four steps, or for 80 ms.
    """
    left: list[int] = []
    right: list[int] = []
    out: list[tuple[int, int]] = []
    last = 0
    for now in range(1, steps + 1):
        right.append(now)
        if now % bunch == 0:
            left.extend(range(now - bunch + 1, now + 1))
            last = now
        while (left and right) or len(left) >= 4 or (right and (len(right) >= 4 or now - last >= 4)):
            out.append((left.pop(0) if left else 0, right.pop(0) if right else 0))
    files = folder / "call-in.wav", folder / "call-out.wav"
    for side, path in enumerate(files):
        samples = np.repeat(np.array([step[side] for step in out], np.int16), STEP)
        path.write_bytes(bytes(44) + samples.tobytes())
    return files


def steps_of(path: Path, left_out: frozenset[int]) -> list[int]:
    numbers = np.frombuffer(path.read_bytes()[44:], np.int16)[::STEP].tolist()
    return [number for step, number in enumerate(numbers) if step not in left_out]


@pytest.mark.parametrize("bunch", [5, 8, 10])
def test_each_direction_gets_its_own_time_back(tmp_path: Path, bunch: int) -> None:
    files = as_asterisk_writes(tmp_path, bunch, 1000)
    stretched = len(steps_of(files[0], frozenset()))
    assert stretched > 1150, "as seen with a real Asterisk"
    out = surplus(files, 44, stretched - 1000)
    assert len(out[0]) == len(out[1])
    for path, left_out in zip(files, out, strict=True):
        found = steps_of(path, left_out)
        assert abs(len(found) - 1000) <= 10
        assert all(abs(number - at) <= 2 * bunch + 2 for at, number in enumerate(found) if number), "in its time"
        assert [number for number in found if number] == sorted(number for number in found if number), "in order"


def test_no_more_is_taken_out_than_asked(tmp_path: Path) -> None:
    files = as_asterisk_writes(tmp_path, 5, 1000)
    assert [len(steps) for steps in surplus(files, 44, 7)] == [7, 7]


def test_a_pause_stays(tmp_path: Path) -> None:
    left = np.concatenate([spoken(2), nothing(5), spoken(3)])
    for name, samples in (("in", left), ("out", spoken(10))):
        (tmp_path / f"{name}.wav").write_bytes(bytes(44) + samples.tobytes())
    assert surplus((tmp_path / "in.wav", tmp_path / "out.wav"), 44, 500) == (frozenset(), frozenset())


def test_a_third_voice_is_part_of_what_the_caller_heard_and_missed_if_it_is_not_there(tmp_path: Path) -> None:
    """Operator, then the supervisor who has joined the bridge, then both; Asterisk mixes them into one side."""
    operator = [Received(Side.OPERATOR, float(at), float(at + 1), 50) for at in (0, 1, 2, 3, 8, 9)]
    supervisor = [Received(Side.OPERATOR, float(at), float(at + 1), 50) for at in range(4, 10)]
    everybody = received(Side.CALLER, 10) + operator + supervisor
    assert missing(file_of(tmp_path, spoken(10), spoken(10)), everybody) == []
    deaf = np.concatenate([spoken(4), nothing(4), spoken(2)])
    assert missing(file_of(tmp_path, spoken(10), deaf), everybody) == [
        "the operator's side lacks 4 s of what was received, from 4 s on"
    ]


def test_what_a_link_leads_to_is_not_compared(tmp_path: Path) -> None:
    """Somebody who can write there chooses what the controller opens: another recording, or a pipe without an end."""
    path = file_of(tmp_path, spoken(3), spoken(3))
    link = tmp_path / "link.wav"
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic link, which is not followed"):
        missing(link, received(Side.CALLER, 3))
    with pytest.raises(OSError, match="symbolic link, which is not followed"):
        sound_of(link)


@given(st.lists(st.sampled_from([0, 1, 8, 256, 8448, -1]), max_size=40))
@example([8, 8448])  # two zero bytes that are no sample
def test_zeros_are_found_between_other_samples_alone(samples: list[int]) -> None:
    within = array.array("h", samples)
    while within and not within[0]:
        within.pop(0)
    while within and not within[-1]:
        within.pop()
    assert _has_zeros(array.array("h", samples).tobytes()) == (0 in within)
