"""Prompts in a voice that needs no synthesiser: each is a noise of its own, which a test can tell from all others."""

from __future__ import annotations

import hashlib
from array import array
from pathlib import Path

import numpy as np

from callcenter.config import Config
from callcenter.voice.line_prompts import missing
from callcenter.voice.prompts import Catalogue
from callcenter.voice.speech import RATE, write_wave


def speak(config: Config, language: str, seconds: float = 0.8) -> list[Path]:
    """Make every file that the lines of a configuration lack in a language."""
    config.spoken_prompts.mkdir(parents=True, exist_ok=True)
    made = []
    for one in missing(config, Catalogue.load(config.prompts, language)):
        path = config.spoken_prompts / one.name
        write_wave(path, noise(one.name, seconds))
        made.append(path)
    return made


def noise(name: str, seconds: float) -> array[int]:
    """A second of something like a voice: noise without the highest tones, loud and soft by turns."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    made = np.random.default_rng(seed)
    flat = made.standard_normal(int(RATE * seconds))
    soft = np.convolve(flat, np.ones(4) / 4, "same") * (0.4 + 0.6 * made.random()) * 6000
    margin = np.zeros(RATE // 10)
    return array("h", np.concatenate((margin, soft, margin)).clip(-20000, 20000).astype(np.int16).tolist())
