"""Passwords are verified in turns: a crowd at one address or of made-up ids waits for itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from callcenter.accounts import verifier
from callcenter.accounts.attempts import Origin
from callcenter.accounts.verifier import Verifier


class Bench:
    """A verifier whose checks are noted, in their order, and wait until `go`."""

    def __init__(self) -> None:
        self.verifier = Verifier()
        self.order: list[str] = []
        self.go = threading.Event()
        self.most = self._now = 0
        self._lock = threading.Lock()

    def check(self, name: str) -> Callable[[], bool]:
        def run() -> bool:
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            self.go.wait(30)
            with self._lock:
                self._now -= 1
                self.order.append(name)
            return True

        return run

    def begin(self, name: str, person: str, place: str, *, known: bool = False) -> asyncio.Task[bool | None]:
        return asyncio.ensure_future(self.verifier.verify(self.check(name), person, Origin(place, known)))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    found = Bench()
    yield found
    found.go.set()
    found.verifier.close()


async def test_addresses_take_turns_and_ids_at_an_address_too(bench: Bench) -> None:
    crowd = [bench.begin(f"crowd {n}", "101", "a") for n in range(6)]
    honest = [bench.begin("colleague", "102", "a"), bench.begin("elsewhere", "101", "b")]
    await asyncio.sleep(0)
    bench.go.set()
    assert await asyncio.gather(*crowd, *honest) == [True] * 8
    assert bench.order.index("colleague") <= 3
    assert bench.order.index("elsewhere") <= 3
    assert bench.most == 1


async def test_a_known_place_does_not_wait_for_strangers(bench: Bench) -> None:
    crowd = [bench.begin(f"crowd {n}", f"made-up-{n}", "a") for n in range(20)]
    await asyncio.sleep(0)
    assert await bench.verifier.verify(lambda: True, "101", Origin("browser x", known=True))
    assert bench.order == [], "the strangers are still waiting"
    bench.go.set()
    await asyncio.gather(*crowd)
    assert bench.most == 1


async def test_too_many_are_refused_at_the_place_where_most_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "AT_ONE_PLACE", 8)
    monkeypatch.setattr(verifier, "WAITING", 10)
    crowd = [bench.begin("crowd", f"made-up-{n}", "a") for n in range(12)]
    await asyncio.sleep(0)
    others = [bench.begin("other", "101", f"place {n}") for n in range(5)]
    await asyncio.sleep(0)
    bench.go.set()
    assert await asyncio.gather(*others) == [True] * 5
    found = await asyncio.gather(*crowd)
    assert found.count(None) == 12 - 1 - 8 + 3


async def test_whoever_gives_up_waiting_leaves_the_row(bench: Bench) -> None:
    first = bench.begin("first", "101", "a")
    await asyncio.sleep(0)
    second, third = bench.begin("second", "102", "a"), bench.begin("third", "103", "a")
    await asyncio.sleep(0)
    second.cancel()
    bench.go.set()
    assert [await first, await third] == [True, True]
    assert bench.order == ["first", "third"]
