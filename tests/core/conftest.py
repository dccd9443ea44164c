"""A line that is open, with nobody on shift yet."""

from __future__ import annotations

import pytest

from tests.core.story import Story


@pytest.fixture
def story() -> Story:
    story = Story()
    story.opens()
    return story
