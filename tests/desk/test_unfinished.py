"""Requests whose end does not come: they keep nobody else out, and end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest
from aiohttp import web

from callcenter.desk import bodies, make_app
from callcenter.desk.sessions import Sessions
from callcenter.system.sparing_log import SparingServerLog
from callcenter.web.door import Door, Room, listen
from tests.desk.fake_accounts import PASSWORD, FakeAccounts
from tests.desk.fake_backend import FakeBackend
from tests.store.stories import eventually
from tests.wall import MONDAY_NOON

HEAD = b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


class Connection:
    """Somebody who writes HTTP by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def says(self, text: bytes) -> None:
        self._writer.write(text)

    async def status(self) -> int:
        """The status of the next answer; 0 if the connection is ended without one."""
        try:
            head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 20)
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        return int(head.split()[1])

    def leaves(self) -> None:
        self._writer.close()


class Desk:
    """The page behind its door."""

    def __init__(self, door: Door, port: int) -> None:
        self.door, self._port = door, port
        self.visitors: list[Connection] = []

    async def visitor(self, address: str = "127.0.0.2") -> Connection:
        found = Connection(*await asyncio.open_connection("127.0.0.1", self._port, local_addr=(address, 0)))
        self.visitors.append(found)
        return found


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """There is room for four, and for two from one address."""
    door, listening = Door(Room(4, 2)), listen("127.0.0.1", 0)
    app = make_app(
        FakeBackend(),
        titles={},
        pause_reasons=(),
        metrics_text=lambda: b"",
        accounts=FakeAccounts(),
        sessions=Sessions(lambda: MONDAY_NOON),
        door=door,
    )
    told = cast(logging.Logger, SparingServerLog(logging.getLogger(__name__)))
    runner = web.AppRunner(app, access_log=None, lingering_time=0.1, logger=told)
    await runner.setup()
    assert runner.server is not None
    server: Callable[[], asyncio.Protocol] = runner.server
    serving = asyncio.create_task(door.serve(listening, server))
    found = Desk(door, listening.getsockname()[1])
    yield found
    for visitor in found.visitors:
        visitor.leaves()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    listening.close()
    await runner.cleanup()


UNFINISHED = pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    ],
    ids=["of some length", "in chunks", "of the page", "of nothing"],
)


@UNFINISHED
async def test_unfinished_requests_make_room_for_others(desk: Desk, request_: bytes) -> None:
    """From two addresses, or from many, they would otherwise keep everybody out for as long as somebody likes."""
    for address in ("127.0.0.2", "127.0.0.3"):
        for _ in range(2):
            unfinished = await desk.visitor(address)
            unfinished.says(request_.replace(b"Host: x\r\n", b"Host: x\r\nExpect: 100-continue\r\n"))
            assert await unfinished.status() == 100  # it is being read
    await eventually(lambda: desk.door.open == 4)
    newcomer = await desk.visitor("127.0.0.4")
    newcomer.says(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await newcomer.status() == 200
    same_address = await desk.visitor("127.0.0.3")
    same_address.says(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await same_address.status() == 200


@UNFINISHED
async def test_an_unfinished_request_ends_and_its_connection_too(
    desk: Desk, request_: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bodies, "READ_TIMEOUT", 0.05)
    visitor = await desk.visitor()
    visitor.says(request_)
    assert await visitor.status() == 408
    assert await visitor.status() == 0
    assert caplog.text == ""


async def test_a_request_in_pieces_is_answered(desk: Desk) -> None:
    body = f'{{"id": "101", "password": "{PASSWORD}"}}'.encode()
    visitor = await desk.visitor()
    visitor.says(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode())
    for place in range(0, len(body), 10):
        visitor.says(body[place : place + 10])
        await asyncio.sleep(0)
    assert await visitor.status() == 200


@pytest.mark.parametrize("more", [b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
async def test_whoever_leaves_in_the_middle_of_a_request_writes_nothing_into_the_log(
    desk: Desk, more: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        visitor = await desk.visitor()
        visitor.says(HEAD + more)
        await eventually(lambda: desk.door.open == 1)
        visitor.leaves()
        await eventually(lambda: desk.door.open == 0)
    assert caplog.text == ""


@pytest.mark.parametrize(
    "more",
    [
        b'Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n{"a":',
        b'Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\n{"a":',
        b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"Content-Type: application/json; charset=nonsense\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_a_body_that_makes_no_sense_is_the_senders_mistake(
    desk: Desk, more: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no defect of ours, and nobody fills the log with it."""
    visitor = await desk.visitor()
    visitor.says(HEAD + more)
    assert await visitor.status() == 400
    assert "Traceback" not in caplog.text
