"""What the tests with a real Asterisk share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.hearing import brief_prompts


@pytest.fixture(scope="session")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prompts cut short, for stories in which it does not matter what they say."""
    return brief_prompts(tmp_path_factory.mktemp("prompts") / "brief")
