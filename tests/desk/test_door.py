"""Who is let in when there is no more room, and who has to go."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callcenter.web import door as doors
from callcenter.web.door import Door, Room, listen
from callcenter.web.visitors import Proxies
from tests.store.stories import eventually


class Echo(asyncio.Protocol):
    """Answers what it is told. It is busy, as while a request is handled, from "begin" on."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data == b"begin":
            self._door.begin(self._transport)
        if data == b"end":
            self._door.end(self._transport)
        self._transport.write(data)


class Visitor:
    """One connection of somebody."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def says(self, text: bytes) -> bool:
        """Whether it is answered; False if the connection has been ended."""
        try:
            self._writer.write(text)
            return await asyncio.wait_for(self._reader.read(100), 10) == text
        except ConnectionError:
            return False

    def leaves(self) -> None:
        self._writer.close()


class House:
    """A door that is served, and its visitors."""

    def __init__(self, door: Door, port: int) -> None:
        self.door, self._port = door, port
        self.visitors: list[Visitor] = []

    async def visitor(self, address: str = "127.0.0.2") -> Visitor:
        found = Visitor(*await asyncio.open_connection("127.0.0.1", self._port, local_addr=(address, 0)))
        self.visitors.append(found)
        return found


@asynccontextmanager
async def house(room: Room, proxies: Proxies = ()) -> AsyncIterator[House]:
    door, listening = Door(room, proxies), listen("127.0.0.1", 0)
    tasks = [asyncio.create_task(door.serve(listening, lambda: Echo(door))), asyncio.create_task(door.sweep())]
    found = House(door, listening.getsockname()[1])
    try:
        yield found
    finally:
        for visitor in found.visitors:
            visitor.leaves()
        await eventually(lambda: door.open == 0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        listening.close()


async def test_a_newcomer_takes_the_place_of_the_longest_idle_at_the_same_address() -> None:
    async with house(Room(10, 2)) as here:
        other = await here.visitor("127.0.0.3")
        first, second = await here.visitor(), await here.visitor()
        assert await first.says(b"begin")
        assert await first.says(b"end")
        assert await second.says(b"x")
        third = await here.visitor()
        assert await third.says(b"x")
        assert [await one.says(b"x") for one in (first, second, other)] == [True, False, True]
        assert here.door.counts()["no room"] == 1


async def test_whoever_is_being_answered_keeps_the_place() -> None:
    async with house(Room(10, 2)) as here:
        busy = [await here.visitor(), await here.visitor()]
        for one in busy:
            assert await one.says(b"begin")
        refused = await here.visitor()
        assert not await refused.says(b"x")
        assert [await one.says(b"x") for one in busy] == [True, True]
        elsewhere = await here.visitor("127.0.0.4")
        assert await elsewhere.says(b"x")


async def test_when_all_is_full_the_address_with_the_most_makes_room() -> None:
    async with house(Room(4, 3)) as here:
        lonely = await here.visitor("127.0.0.3")
        assert await lonely.says(b"x")
        crowd = [await here.visitor() for _ in range(3)]
        for one in crowd:
            assert await one.says(b"x")
        newcomer = await here.visitor("127.0.0.5")
        assert await newcomer.says(b"x")
        assert await lonely.says(b"x")
        assert [await one.says(b"x") for one in crowd] == [False, True, True]


async def test_our_proxy_may_have_more_than_others() -> None:
    async with house(Room(10, 2), [ipaddress.ip_network("127.0.0.2")]) as here:
        many = [await here.visitor() for _ in range(6)]
        assert [await one.says(b"x") for one in many] == [True] * 6


async def test_places_are_free_again_when_visitors_leave() -> None:
    async with house(Room(10, 3)) as here:
        for _ in range(5):
            one = await here.visitor()
            assert await one.says(b"begin")
            one.leaves()
            await eventually(lambda: here.door.open == 0)
        assert here.door.counts()["no room"] == 0


async def test_without_descriptors_it_waits_quietly_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(doors, "OUT_OF_RESOURCES", 0.002)
    accept, refusals = socket.socket.accept, 500

    def exhausted(listening: socket.socket) -> tuple[socket.socket, object]:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listening)

    monkeypatch.setattr(socket.socket, "accept", exhausted)
    async with house(Room(10, 10)) as here:
        one = await here.visitor()
        await eventually(lambda: here.door.counts()["no descriptor"] == 500)
        assert await one.says(b"x")
    assert 0 < caplog.text.count("cannot be accepted") <= 5
