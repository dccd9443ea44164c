"""Reading and writing with a deadline: a database that does not answer is an error with a name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy import Connection

from callcenter.store import Register
from callcenter.store.errors import RegisterAwayError

T = TypeVar("T")

WITHIN = 10.0
"""Seconds. Other writers are waited for much shorter; this is a disk that hangs."""


async def write(register: Register, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction, all or nothing. Raises `RegisterError`.

    A transaction that has begun is finished, even if its answer comes too late.
    """
    return await _within(register.read(work), "whether it was stored is seen in the request")


async def look(register: Register, work: Callable[[Connection], T]) -> T:
    """Run a reading in a connection of its own: it waits for no facts of calls, and they do not wait for it."""
    return await _within(register.look(work), "try again")


async def _within(work: Coroutine[Any, Any, T], then: str) -> T:
    try:
        async with asyncio.timeout(WITHIN):
            return await work
    except TimeoutError:
        raise RegisterAwayError(f"the register has not answered within {WITHIN:.0f} s; {then}") from None
