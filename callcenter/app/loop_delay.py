"""How late the event loop is: what anything that happens has to wait for until its turn comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

EVERY = 0.25
"""Seconds between two looks. What keeps the loop for longer is always seen, and shorter stops in proportion."""


async def keep_looking(observe: Callable[[float], None]) -> None:
    """Tell again and again by how many seconds a moment came too late."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY
        await asyncio.sleep(EVERY)
        observe(max(0.0, loop.time() - due))
