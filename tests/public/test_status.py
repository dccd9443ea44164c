"""The page of a request: for whoever has its link, and nobody else; answers stand there, and more can be added."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Assignee, AssigneeKind
from tests.public.conftest import Customer, House
from tests.public.test_form import PDF, filed


async def written(customer: Customer) -> str:
    address, _ = await customer.sends(await customer.opens())
    return address.partition("?")[0]


async def answer(house: House, text: str) -> None:
    """Have the line answer."""
    for action in (
        do.Assign("401", Assignee(AssigneeKind.PERSON, "201")),
        do.Start("201"),
        do.Answer("201", text),
    ):
        request = (await filed(house.requests)).request
        house.later(timedelta(minutes=1))
        await house.requests.act(request.id, request.version, action, house.now)


@pytest.mark.clause("eLot 2.6")
async def test_the_answer_stands_on_the_page_and_the_customer_goes_on_there(house: House, customer: Customer) -> None:
    address = await written(customer)
    await answer(house, "Обновите <b>сертификат</b>.")
    page = await customer.read(address)
    assert "Обновите &lt;b&gt;сертификат&lt;/b&gt;." in page
    assert "дан ответ" in page
    ticket = await customer.opens(address)
    where, _ = await customer.sends(ticket, address, text="Не помогло.", files={"Снимок.pdf": PDF})
    again, _ = await customer.sends(ticket, address, text="Не помогло.", files={"Снимок.pdf": PDF})
    assert where == again == f"{address}?new=2"
    request = await filed(house.requests)
    assert request.request.state is State.IN_WORK
    assert [one.text for one in request.received] == ["Не подписывается заявка.", "Не помогло."]
    page = await customer.read(where)
    assert "Снимок.pdf" in page
    await customer.sends(await customer.opens(address), address, status=422, text=" ")


async def test_a_wrong_link_tells_nothing(house: House, customer: Customer) -> None:
    address = await written(customer)
    other = address.replace("000001", "000002")
    wrong = address[:-1] + ("0" if address[-1] != "0" else "1")
    pages = [await customer.read(path, 404) for path in (other, wrong, address.replace("/estp/", "/tbs/", 1))]
    assert all("Пётр" not in page and "подписывается" not in page for page in pages)
    await customer.sends("", wrong, status=404)


async def test_a_link_expires_when_the_request_has_ended_long_ago(house: House, customer: Customer) -> None:
    address = await written(customer)
    await answer(house, "Готово.")
    request = (await filed(house.requests)).request
    await house.requests.report(do.Delivered(request.messages[-1].key), house.now)
    request = (await filed(house.requests)).request
    await house.requests.act(request.id, request.version, do.Close("201"), house.now)
    house.later(timedelta(days=29))
    assert "закрыто" in await customer.read(address)
    house.later(timedelta(days=2))
    assert "больше не действует" in await customer.read(address, 410)


async def test_each_language_has_its_words(house: House, customer: Customer) -> None:
    address = await written(customer)
    assert "(Moscow)" in await customer.read(f"{address}?lang=en")
    page = await customer.read(address)
    assert "Ваше обращение" in page
    assert "10:00 (Москва)" in page
