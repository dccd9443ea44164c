"""What the stories of recordings share."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.recordings import recording, recordings
from tests.recordings.folders import Archive


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for others to share a look with."""
    monkeypatch.setattr(recordings, "_LOOK_AGAIN", 0.001)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk is given no time to finish its files: it has died, or will never write any."""
    monkeypatch.setattr(recording, "_PATIENCE", 0.0)


@pytest.fixture
def soon_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A side that stays empty is believed to be so without waiting for a second."""
    monkeypatch.setattr(recording, "_SURELY_EMPTY", 0.05)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An empty folder of recordings, its manifest and a register."""
    return Archive(tmp_path)
