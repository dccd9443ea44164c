"""What the stories of recordings share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recordings.folders import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An empty folder of recordings, its manifest and a register."""
    return Archive(tmp_path)
