"""What holds for all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.asterisk.fake_asterisk import Facts, FakeAsterisk, success
from tests.house import House, channels

# Tests run side by side on whatever machine there is: an example that takes longer once is no failure.
settings.register_profile("callcenter", deadline=None)
settings.load_profile("callcenter")


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """One to start controllers in; nobody is on the line yet."""
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    async with FakeAsterisk(Facts()).serving() as asterisk:
        asterisk.answers["Status"] = channels()
        asterisk.answers["CoreStatus"] = lambda action: success(action, CoreStartupDate="2026-11-22")
        yield House(tmp_path, asterisk)
