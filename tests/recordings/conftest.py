"""What the stories of recordings share."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.recordings import recordings
from tests.recordings.folders import Archive


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for others to share a look with."""
    monkeypatch.setattr(recordings, "_LOOK_AGAIN", 0.001)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An empty folder of recordings, its manifest and a register."""
    return Archive(tmp_path)
