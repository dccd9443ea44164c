"""The event loop is looked at: what keeps it, keeps everything that happens waiting."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from callcenter.app import loop_delay
from tests.patience import patience

HELD = 0.05


async def test_what_keeps_the_loop_is_seen_as_a_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_delay, "EVERY", 0.001)
    seen: list[float] = []
    looked = asyncio.Event()

    def observe(seconds: float) -> None:
        seen.append(seconds)
        looked.set()

    looking = asyncio.create_task(loop_delay.keep_looking(observe))
    async with patience(10):
        await looked.wait()
        began = time.monotonic()
        while time.monotonic() < began + HELD:  # something that does not give way
            pass
        looked.clear()
        await looked.wait()
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    assert max(seen) >= HELD - 0.001
    assert min(seen) >= 0.0
