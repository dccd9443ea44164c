"""Whoever guesses passwords or floods the log-in keeps nobody but themselves out (ESTP 5.3.1)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import argon2
import pytest

from tests.app.harness import Harness
from tests.asterisk.fake_asterisk import event
from tests.attack.web import ELSEWHERE, STRANGER, asked, log_in
from tests.store.stories import eventually


def password(harness: Harness) -> str:
    first = harness.secrets.initial("101")
    assert first
    return first.password


@asynccontextmanager
async def crowd(port: int, size: int, address: str) -> AsyncIterator[list[int]]:
    """So many clients who try one made-up id after the other, for the time of the block. Yields their statuses."""
    statuses: list[int] = []
    numbers = itertools.count()

    async def one() -> None:
        while True:
            statuses.append((await log_in(port, f"made-up-{next(numbers)}", "x" * 12, address=address)).status)

    tasks = [asyncio.create_task(one()) for _ in range(size)]
    try:
        await eventually(lambda: len(statuses) >= size)
        yield statuses
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended


@pytest.mark.parametrize("address", [STRANGER, "127.0.0.1"], ids=["from elsewhere", "from the same address"])
async def test_twenty_who_try_made_up_ids_keep_nobody_out(harness: Harness, address: str) -> None:
    port, right = harness.config.http.port, password(harness)
    async with harness.connected(), crowd(port, 20, address) as strangers:
        honest = await asyncio.gather(*(log_in(port, "101", right) for _ in range(12)))
        assert [one.status for one in honest] == [200] * 12
    assert set(strangers) <= {401, 429}


async def test_wrong_passwords_delay_only_the_address_they_come_from(harness: Harness) -> None:
    port, right = harness.config.http.port, password(harness)
    first = harness.secrets.initial("101")
    assert first
    async with harness.connected():
        known = (await log_in(port, "101", right, address=STRANGER)).cookie("device-101")
        for _ in range(3):
            assert (await log_in(port, "101", "guessed", address=STRANGER)).status == 401
        for _ in range(5):
            assert (await log_in(port, "101", right, address=STRANGER)).status == 429
        assert (await log_in(port, "101", right, address=ELSEWHERE)).status == 200
        cookies = f"device-101={known}"
        assert (await log_in(port, "101", right, cookies=cookies, address=STRANGER)).status == 200
        await log_in_by_phone(harness, first.pin)


async def test_guesses_at_the_same_moment_are_not_more_guesses(harness: Harness) -> None:
    port = harness.config.http.port
    async with harness.connected():
        answers = await asyncio.gather(*(log_in(port, "101", f"guess {n}", address=STRANGER) for n in range(12)))
    assert sorted(one.status for one in answers) == [401] * 3 + [429] * 9


async def log_in_by_phone(harness: Harness, pin: str) -> None:
    harness.asterisk.say(event("UserEvent", UserEvent="CCLogIn", Uniqueid="2.1", Phone="101", Id="101", Pin=pin))
    await harness.asterisk.facts.until(lambda: harness.told()[-1:] == ["op-logged-in"])


async def test_an_id_that_exists_is_answered_like_one_that_does_not(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same words in the same order, after the same work, however often somebody tries."""
    work: list[str] = []
    verify = argon2.PasswordHasher.verify

    def verified(hasher: argon2.PasswordHasher, hashed: str | bytes, text: str | bytes) -> bool:
        work.append(str(hashed).rpartition("$")[0].rpartition("$")[0])  # how much of it, without salt and hash
        return bool(verify(hasher, hashed, text))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verified)
    found: list[list[object]] = []
    port = harness.config.http.port
    async with harness.connected():
        for person in ("101", "999", "nobody"):
            work.clear()
            answers = [await log_in(port, person, "guessed", address=STRANGER) for _ in range(6)]
            found.append([[(one.status, one.body) for one in answers], list(work)])
    assert found[0] == found[1] == found[2]
    assert len(work) == 3


async def test_a_session_ends_with_the_password_and_with_a_shift_that_ends_by_telephone(harness: Harness) -> None:
    port, right = harness.config.http.port, password(harness)
    first = harness.secrets.initial("101")
    assert first
    async with harness.connected():

        async def session() -> str:
            return f"session={(await log_in(port, '101', right)).cookie('session')}"

        async def status(cookies: str) -> int:
            return (await asked(port, "GET", "/api/me", cookies=cookies)).status

        before = await session()
        assert await status(before) == 200
        harness.asterisk.say(event("UserEvent", UserEvent="CCLogOut", Uniqueid="2.0", Phone="101"))
        await log_in_by_phone(harness, first.pin)  # and nobody had looked at the page meanwhile
        assert await status(before) == 401
        before = await session()
        harness.secrets.set_password("101", "another password")
        assert await status(before) == 401
