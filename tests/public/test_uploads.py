"""Files that come with a form: as much as the line takes and not a byte more, and nothing stays of what is refused."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BufferedWriter
from pathlib import Path

import pytest
from aiohttp import ClientError, FormData
from aiohttp.test_utils import TestClient, TestServer

from callcenter.public import incoming
from tests.databases import Where
from tests.public.conftest import GIVEN, TOGETHER, Customer, House, public_house
from tests.public.test_form import PDF, filed
from tests.store.stories import eventually

_REPOSITORY = Path(__file__).parents[2]
MB = 1_000_000


def nothing_stays(house: House) -> bool:
    folder = house.folder
    kept = [path for path in (folder / "attachments").rglob("*") if path.is_file()]
    return not list((folder / "incoming").iterdir()) and not kept


async def no_request(house: House) -> bool:
    return await house.register.look(lambda c: c.exec_driver_sql("SELECT count(*) FROM requests").scalar()) == 0


def pdf(size: int, letter: bytes = b"x") -> bytes:
    return PDF[:9] + letter * (size - 9)


@pytest.mark.clause("eLot 2.3")
async def test_25_megabytes_together_are_taken_and_one_byte_more_is_not(house: House, customer: Customer) -> None:
    files = {"1.pdf": pdf(10 * MB), "2.pdf": pdf(10 * MB, b"y"), "3.txt": b"z" * (5 * MB + 1)}
    ticket = await customer.opens()
    _, page = await customer.sends(ticket, status=413, files=files)
    assert "Файлы вместе больше 25 МБ. Ничего не отправлено" in page
    assert nothing_stays(house)
    assert await no_request(house)
    await customer.sends(ticket, files=files | {"3.txt": b"z" * (5 * MB)})
    assert sum(one.size for one in (await filed(house.requests)).attachments) == TOGETHER


@pytest.mark.parametrize(
    ("files", "status", "told"),
    [
        ({"a.exe": b"x"}, 415, "Файлы такого вида не принимаются"),
        ({"a.pdf": b"MZ\x90program"}, 415, "не соответствует его имени"),
        ({"без-ending": b"x"}, 415, "Файлы такого вида не принимаются"),
        ({"a.txt": b""}, 400, "Один из файлов пуст"),
        ({f"{n}.txt": b"x" for n in range(11)}, 413, "Файлов больше 10"),
    ],
)
async def test_what_is_not_taken_is_told_and_leaves_nothing(
    house: House, customer: Customer, files: dict[str, bytes], status: int, told: str
) -> None:
    _, page = await customer.sends(await customer.opens(), status=status, files={"first.pdf": PDF} | files)
    assert told in page
    assert nothing_stays(house)
    assert await no_request(house)


async def test_a_form_that_says_that_it_is_too_large_is_answered_before_it_is_sent(
    house: House, customer: Customer
) -> None:
    async with _raw(customer, length=60 * MB) as (reader, _):
        assert b" 413 " in await reader.readline()


async def test_a_disk_that_is_full_in_the_middle_leaves_nothing_and_the_form_can_be_sent_again(
    house: House, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = incoming._created  # noqa: SLF001 - where the disk is

    class Full(BufferedWriter):
        def write(self, piece: object) -> int:
            if self.tell() > MB:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(piece)  # type: ignore[arg-type]

    monkeypatch.setattr(incoming, "_created", lambda path: Full(whole(path).detach()))
    ticket = await customer.opens()
    _, page = await customer.sends(ticket, status=507, files={"a.pdf": pdf(3 * MB)})
    assert "Сейчас для файлов нет места" in page
    assert nothing_stays(house)
    monkeypatch.undo()
    await customer.sends(ticket, files={"a.pdf": pdf(3 * MB)})


async def test_a_connection_that_breaks_in_the_middle_leaves_nothing(house: House, customer: Customer) -> None:
    async with _raw(customer, length=20 * MB) as (_, writer):
        writer.write(b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n' + pdf(2 * MB))
        await writer.drain()
        await eventually(lambda: any((house.folder / "incoming").iterdir()))
        writer.transport.abort()
    await eventually(lambda: nothing_stays(house))
    assert await no_request(house)
    await customer.sends(await customer.opens())


async def test_who_sends_nothing_for_long_is_gone_and_keeps_no_place(
    house: House, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "PIECE_WITHIN", 0.2)
    async with _raw(customer, length=1000) as (reader, writer):
        writer.write(b"--b\r\n")
        assert b" 408 " in await reader.readline()


async def test_one_address_takes_a_few_places_and_no_more(house: House, customer: Customer) -> None:
    connections = [_raw(customer, length=1000) for _ in range(incoming.AT_ONCE_FROM_ONE)]
    for connection in connections:
        _, writer = await connection.__aenter__()
        writer.write(b"--b\r\n")
    receiving = house.desk.incoming._receiving  # noqa: SLF001 - who has a place
    await eventually(lambda: receiving.total() == incoming.AT_ONCE_FROM_ONE)
    _, page = await customer.sends(await customer.opens(), status=503)
    assert "Сейчас принимается много обращений" in page
    for connection in connections:
        await connection.__aexit__(None, None, None)
    await eventually(lambda: not receiving)
    await customer.sends(await customer.opens())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"--b\r\n\r\n",
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nhalf',
        b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n",
        b"--b\r\n" + b"X: y\r\n" * 500 + b"\r\n\r\n--b--\r\n",
        b"--b\r\nX: " + b"y" * 20_000 + b"\r\n\r\n\r\n--b--\r\n",
        b"".join(b'--b\r\nContent-Disposition: form-data; name="n%d"\r\n\r\nx\r\n' % n for n in range(200)) + b"--b--",
    ],
)
async def test_a_form_that_is_none_is_refused(house: House, customer: Customer, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with customer.client.post("/estp/", data=body, headers=headers) as answer:
        assert answer.status in (400, 409, 422)
    assert nothing_stays(house)


@asynccontextmanager
async def _raw(customer: Customer, length: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that has sent the head of a form."""
    address = customer.client.make_url("/")
    reader, writer = await asyncio.open_connection(address.host, address.port)
    kind = "Content-Type: multipart/form-data; boundary=b"
    writer.write(f"POST /estp/ HTTP/1.1\r\nHost: {address.host}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n".encode())
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_killed_between_commit_and_answer_the_same_form_has_the_same_number(where: Where, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.public.doomed_pages", str(where), str(tmp_path)),
        cwd=_REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    port = int(await asyncio.wait_for(process.stdout.readline(), 60))
    async with public_house(where, tmp_path) as house, TestClient(TestServer(house.app)) as client:
        ticket = house.desk.tickets.make("estp", house.now - timedelta(seconds=30))
        form = FormData(GIVEN | {"ticket": ticket}, default_to_multipart=True)
        with pytest.raises(ClientError):
            await client.session.post(f"http://127.0.0.1:{port}/estp/", data=form)
        assert await process.wait() == -signal.SIGKILL
        address, _ = await Customer(house, client).sends(ticket)
        assert "000001" in address
        assert house.counted == {("estp", "again"): 1}
        assert len((await filed(house.requests)).received) == 1
