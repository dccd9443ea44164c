"""What strangers can cause is logged, but does not fill a disk."""

from __future__ import annotations

import logging

import pytest

from callcenter.system.sparing_log import AT_ONCE, EVERY, SparingLog, SparingServerLog

log = logging.getLogger(__name__)


def test_a_flood_is_a_few_lines_and_a_number(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    sparing = SparingLog(log, lambda: now)
    for number in range(1000):
        sparing.warning("guessing", "attempt %d", number)
    sparing.warning("other", "something else")
    assert caplog.messages == [*(f"attempt {number}" for number in range(AT_ONCE)), "something else"]
    caplog.clear()
    now = EVERY
    sparing.warning("guessing", "attempt again")
    assert caplog.messages == [
        f"{1000 - AT_ONCE} more messages like the next one were left out (guessing).",
        "attempt again",
    ]


def test_an_error_of_a_stranger_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    sparing = SparingServerLog(log)
    for _ in range(100):
        sparing.exception("Error handling request from %s", "x", exc_info=ValueError("a\nforged line"))
    assert len(caplog.messages) == AT_ONCE
    assert all("\n" not in message for message in caplog.messages)
    assert "Traceback" not in caplog.text
