"""Files of answers, from the page behind the link: what was sent, nothing else, to be kept and never to be shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import update

from callcenter.request_register.deadline import write
from callcenter.request_register.filing import ATTACHMENTS
from callcenter.requests import actions as do
from callcenter.requests.request import Assignee, AssigneeKind
from tests.databases import Where
from tests.public.conftest import Customer, House, public_house
from tests.public.test_form import PDF, filed

NAME = 'Ответ\u202e <b>"1"</b>.pdf'


async def content(text: bytes) -> AsyncIterator[bytes]:
    yield text


async def answered(house: House, customer: Customer, *, sent: bool = True) -> tuple[str, str, str]:
    """An answer with a file. Returns the page's address, the file's, and that of one that was not sent with it."""
    where, _ = await customer.sends(await customer.opens(), files={"моё.pdf": PDF + b"theirs"})
    address = where.partition("?")[0]
    request = (await filed(house.requests)).request
    ours = await house.attachments.add(request.id, None, NAME, content(PDF), "201", house.now)
    inner = await house.attachments.add(request.id, None, "для себя.pdf", content(PDF + b"inner"), "201", house.now)
    for action in (
        do.Assign("401", Assignee(AssigneeKind.PERSON, "201")),
        do.Start("201"),
        do.Answer("201", "Вот он.", files=(ours.sha256,)),
    ):
        request = (await filed(house.requests)).request
        house.later(timedelta(minutes=1))
        await house.requests.act(request.id, request.version, action, house.now)
    if sent:
        request = (await filed(house.requests)).request
        await house.requests.report(do.Delivered(request.messages[-1].key), house.now)
    return address, f"{address}/files/{ours.sha256}", f"{address}/files/{inner.sha256}"


@pytest.mark.clause("eLot 2.6")
async def test_a_file_of_an_answer_is_taken_to_be_kept(house: House, customer: Customer) -> None:
    page, file, _ = await answered(house, customer)
    assert f'href="{file}" download' in await customer.read(page)
    async with customer.client.get(file) as answer:
        assert answer.status == 200
        assert await answer.read() == PDF
        headers = answer.headers
    assert headers["Content-Disposition"].startswith("attachment;")
    assert "\u202e" not in headers["Content-Disposition"]
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


async def test_nobody_takes_anything_else(house: House, customer: Customer) -> None:
    page, file, inner = await answered(house, customer)
    await customer.read(inner, 404)
    theirs = next(one.sha256 for one in (await filed(house.requests)).attachments if one.name == "моё.pdf")
    await customer.read(f"{page}/files/{theirs}", 404)
    await customer.read(f"{page}/files/{'0' * 64}", 404)
    digest = file.rsplit("/", 1)[1]
    token = page.rsplit("/", 1)[1]
    for other in (token[:-1] + ("0" if token[-1] != "0" else "1"), "0" * 32):
        await customer.read(f"{page.removesuffix(token)}{other}/files/{digest}", 404)
    await customer.read(f"{page.replace('000001', '000002')}/files/{digest}", 404)


async def test_what_has_not_left_yet_is_not_taken(house: House, customer: Customer) -> None:
    page, file, _ = await answered(house, customer, sent=False)
    assert "/files/" not in await customer.read(page)
    await customer.read(file, 404)


async def test_only_what_the_scanner_has_called_clean_is_taken(where: Where, tmp_path: Path) -> None:
    async with public_house(where, tmp_path, checked=True) as house, TestClient(TestServer(house.app)) as client:
        customer = Customer(house, client)
        page, file, _ = await answered(house, customer)

        async def scan(word: str) -> None:
            change = update(ATTACHMENTS).where(ATTACHMENTS.c.sha256 == file.rsplit("/", 1)[1]).values(scan=word)
            await write(house.register, lambda connection: connection.execute(change).rowcount)

        for word, status in (("unchecked", 404), ("infected: Eicar", 404), ("clean", 200)):
            await scan(word)
            await client.get(page)
            async with client.get(file) as answer:
                assert answer.status == status, word


async def test_a_file_is_taken_so_often(house: House, customer: Customer) -> None:
    _, file, _ = await answered(house, customer)
    for _ in range(5):
        async with customer.client.get(file) as answer:
            assert answer.status == 200
    async with customer.client.get(file, headers={"Accept": "application/json", "Accept-Language": "ru"}) as answer:
        assert answer.status == 429
        assert (await answer.json())["answer"] == "too_often"
        assert int(answer.headers["Retry-After"]) > 0
    house.later(timedelta(minutes=1))
    async with customer.client.get(file) as answer:
        assert answer.status == 200


async def test_a_link_that_has_expired_opens_no_file(house: House, customer: Customer) -> None:
    _, file, _ = await answered(house, customer)
    request = (await filed(house.requests)).request
    await house.requests.act(request.id, request.version, do.Close("201"), house.now)
    house.later(timedelta(days=31))
    await customer.read(file, 410)
