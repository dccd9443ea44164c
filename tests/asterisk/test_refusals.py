"""Calls that the dialplan refuses are counted, and told once a minute, however many there are."""

from __future__ import annotations

import pytest

from callcenter.asterisk.refusals import LOG_EVERY, Refusals


def refused(line: str, why: str) -> dict[str, str]:
    return {"Event": "UserEvent", "UserEvent": "CCRefused", "Line": line, "Why": why, "Token": "t"}


def test_each_is_counted_and_a_flood_is_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    found = Refusals()
    for n in range(500):
        assert found.take(refused("estp", "number" if n % 2 else "line"), 100.0 + n / 100)
    assert dict(found.counts) == {("estp", "line"): 250, ("estp", "number"): 250}
    assert len(caplog.records) == 1
    assert "1 to line 'estp' (all lines are busy)" in caplog.text
    found.take(refused("estp", "number"), 100.0 + LOG_EVERY)
    assert len(caplog.records) == 2
    assert "249 to line 'estp' (all lines are busy), 251 to line 'estp' (of one number)" in caplog.text


def test_other_events_are_not_its_business(caplog: pytest.LogCaptureFixture) -> None:
    found = Refusals()
    assert not found.take({"Event": "UserEvent", "UserEvent": "CCArrived", "Line": "estp", "Why": "line"}, 1.0)
    assert not found.take({"Event": "CCRefused", "UserEvent": "CCRefused"}, 1.0)
    assert found.take(refused("estp", "something else"), 1.0), "not an event for the core, but not counted either"
    assert not found.counts
    assert not caplog.records
