"""The ear of the stories: it must tell what was played from what was not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.e2e.hearing import PROMPTS, UNPLAYED, Samples, heard_music, heard_prompts, names, read, whole
from tests.e2e.softphone import RATE, alaw, from_alaw, tone


def telephone(*parts: Samples) -> Samples:
    """These sounds one after the other, over A-law."""
    return from_alaw(alaw(np.concatenate(parts)))


def prompt(name: str) -> Samples:
    return read(PROMPTS / "ru" / f"{name}.wav")


def silence(seconds: float) -> Samples:
    return np.zeros(int(RATE * seconds), np.int16)


def test_prompts_are_told_apart_though_they_begin_with_the_same_words() -> None:
    heard = telephone(silence(0.317), prompt("position-2"), prompt("wait-5"), silence(1), prompt("position-21"))
    found = heard_prompts(heard)
    assert names(found) == ["position-2", "wait-5", "position-21"]
    assert all(whole(one) for one in found)
    assert found[0].start == pytest.approx(0.317, abs=0.001)


def test_a_prompt_that_was_cut_short_is_recognised_and_its_length_is_told() -> None:
    (found,) = heard_prompts(telephone(prompt("greeting")[: RATE * 3], silence(1)))
    assert found.prompt == "greeting"
    assert found.seconds == pytest.approx(3.0, abs=0.3)
    assert not whole(found)


def test_music_and_tones_are_no_prompts() -> None:
    music = read(PROMPTS / "music" / "waiting.wav")[:-UNPLAYED]
    heard = telephone(tone(440, 1.0), music[-RATE:], music[: RATE * 4], silence(1))
    assert heard_prompts(heard) == []
    ((start, end),) = heard_music(heard)
    assert start == pytest.approx(1.0, abs=0.3)
    assert end == pytest.approx(6.0, abs=0.3)


def test_prompts_end_in_silence_which_may_go_unplayed() -> None:
    for path in (PROMPTS / "ru").glob("*.wav"):
        if path.stem not in ("op-beep", "quiet"):  # a tone, and noise from beginning to end
            assert np.abs(read(path)[-UNPLAYED:].astype(int)).max() < 100, path
