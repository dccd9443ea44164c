"""A form becomes a request at once: once however often it is sent, with its files, and only from a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from callcenter.request_register.filed import Filed
from callcenter.request_register.register import RequestRegister
from callcenter.requests.request import Way
from tests.databases import Where
from tests.public.conftest import GIVEN, HOW_TO_GET, INN, UNPAID_INN, Customer, House, public_house
from tests.request_register.stories import CALLED

PDF = b"%PDF-1.7\n" + b"x" * 1000
HOSTILE = "<script>alert(1)</script>'; DROP TABLE requests; --\u202e\x00"


async def filed(requests: RequestRegister, number: int = 1, line: str = "ESTP") -> Filed:
    return await requests.numbered(f"{line}-{CALLED.year}-{number:06d}")


@pytest.mark.clause("eLot 2.3")
@pytest.mark.clause("TBS 2.6")
async def test_a_form_with_files_is_a_request_whose_writer_has_its_number_and_date(
    house: House, customer: Customer
) -> None:
    files = {"../Заявка.pdf": PDF, "Заявка.pdf.sig": b"\x30\x82signature"}
    address, _ = await customer.sends(await customer.opens(), files=files)
    request = await filed(house.requests)
    assert (request.opened_by, request.request.subject, request.request.essentials) == (
        "form",
        "signature",
        "Не подписывается заявка.",
    )
    assert request.request.reply is not None
    assert (request.request.reply.way, request.request.reply.address) == (Way.EMAIL, "p@customer.ru")
    who = request.requester
    assert (who.name, who.number, who.inn, who.customer) == ("Пётр Ильич", "+73422921960", INN, "Школа № 7")
    assert sorted(one.name for one in request.attachments) == ["Заявка.pdf", "Заявка.pdf.sig"]
    page = await customer.read(address)
    assert str(request.request.number) in page
    assert "Ответ до" in page
    assert "Заявка.pdf.sig" in page
    [mail] = await house.outbox.due(Way.EMAIL, house.now)
    assert str(request.request.number) in mail.text
    assert "https://help.example.ru" + address.partition("?")[0] in mail.text
    assert list((house.folder / "incoming").iterdir()) == [], "nothing of it stays where it came in"


async def test_what_is_sent_twice_is_one_request(house: House, customer: Customer) -> None:
    ticket = await customer.opens()
    first, second = await asyncio.gather(customer.sends(ticket), customer.sends(ticket))
    assert first[0] == second[0]
    house.later(timedelta(hours=3))
    assert (await customer.sends(ticket, text="Другое"))[0] == first[0], "an answer was lost, and it is sent again"
    assert len(await house.outbox.due(Way.EMAIL, house.now)) == 1
    assert house.counted == {("estp", "taken"): 1, ("estp", "again"): 2}
    other, _ = await customer.sends(await customer.opens())
    assert other != first[0]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("email", "нет", "Это не адрес электронной почты"),
        ("email", "a@b.ru\r\nBcc: all@b.ru", "Это не адрес электронной почты"),
        ("email", "", "Заполните это поле"),
        ("inn", "5902292104", "Это не ИНН"),
        ("telephone", "позвоните", "Это не номер телефона"),
        ("subject", "weather", "Выберите из списка"),
        ("way", "letter", "Выберите из списка"),
        ("consent", "", "Без вашего согласия"),
        ("text", "x" * 20_001, "не больше 20000 знаков"),
        ("name", " \u200b ", "Заполните это поле"),
    ],
)
async def test_a_wrong_field_is_told_at_its_place_and_what_was_written_stays(
    house: House, customer: Customer, field: str, value: str, told: str
) -> None:
    ticket = await customer.opens()
    _, page = await customer.sends(ticket, status=422, given={"organisation": "Школа & сын", field: value})
    assert told in page
    assert f'id="{field}-wrong">' in page
    assert "Школа &amp; сын" in page
    assert ticket in page
    _, said = await customer.sends(ticket, status=422, headers={"Accept": "application/json"}, given={field: value})
    assert f'"{field}"' in said
    assert house.counted == {("estp", "wrong"): 2}


@pytest.mark.clause("TBS 1")
@pytest.mark.clause("TBS 4.1")
async def test_who_has_no_paid_period_is_told_in_writing_how_to_get_one(house: House, customer: Customer) -> None:
    page = await customer.read("/tbs/")
    assert HOW_TO_GET in page
    _, page = await customer.sends(await customer.opens("/tbs/"), "/tbs/", 422, inn="", login="")
    assert page.count("Заполните это поле.") == 2
    given = {"inn": UNPAID_INN, "login": "ivanov@example.ru"}
    address, _ = await customer.sends(await customer.opens("/tbs/"), "/tbs/", given=given)
    assert "Оплаченного периода поддержки мы у вас не нашли." in await customer.read(address)
    [mail] = await house.outbox.due(Way.EMAIL, house.now)
    assert HOW_TO_GET in mail.text
    assert (await filed(house.requests, 1, "TBS")).requester.contract == "ivanov@example.ru"


@pytest.mark.clause("E-SAUDA 2.2")
async def test_a_form_for_vip_customers_takes_nobody_elses_requests(house: House, customer: Customer) -> None:
    house.desk.lines["tbs"] = replace(house.desk.lines["tbs"], levels=("VIP",), needs_period="")  # type: ignore[index]
    assert "Только для клиентов с договором уровня: VIP." in await customer.read("/tbs/")
    for login in ("guest@example.kz", "nobody@example.kz"):
        given = {"inn": INN, "login": login, "text": "Не открывается лот"}
        _, page = await customer.sends(await customer.opens("/tbs/"), "/tbs/", 403, given=given)
        assert "Эта форма для клиентов с договором уровня VIP." in page
        assert "Не открывается лот" in page, "what was written stays"
    vip = {"inn": INN, "login": "vip@example.kz"}
    address, _ = await customer.sends(await customer.opens("/tbs/"), "/tbs/", given=vip)
    assert "TBS-2026-000001" in await customer.read(address)
    assert house.counted == {("tbs", "other_level"): 2, ("tbs", "taken"): 1}


async def test_who_wants_to_be_called_needs_a_number(house: House, customer: Customer) -> None:
    ticket = await customer.opens()
    await customer.sends(ticket, status=422, way="telephone", telephone="")
    await customer.sends(ticket, way="telephone")
    reply = (await filed(house.requests)).request.reply
    assert reply is not None
    assert (reply.way, reply.address) == (Way.TELEPHONE, "+73422921960")


async def test_programs_are_kept_out_without_riddles(house: House, customer: Customer) -> None:
    ticket = await customer.opens()
    await customer.sends(ticket, status=400, website="http://spam.example")
    await customer.sends("", status=409)
    await customer.sends(ticket[:-1] + ("0" if ticket[-1] != "0" else "1"), status=409)
    await customer.sends(await customer.opens("/tbs/"), status=409)
    house.later(timedelta(days=8))
    _, page = await customer.sends(ticket, status=409)
    assert ticket not in page, "the page has another ticket now"
    assert "Не подписывается заявка." in page, "and what was written"
    fresh = house.desk.tickets.make("estp", house.now)
    await customer.sends(fresh, status=425)
    house.later(timedelta(seconds=4))
    await customer.sends(fresh)


@pytest.mark.filterwarnings("ignore::aiohttp.multipart.BadContentDispositionHeader")
async def test_hostile_words_are_kept_and_shown_as_words(house: House, customer: Customer) -> None:
    given = {"name": HOSTILE, "organisation": HOSTILE, "text": HOSTILE}
    address, _ = await customer.sends(await customer.opens(), files={f"{HOSTILE[:-1]}.txt": b"x"}, given=given)
    page = await customer.read(address)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    request = await filed(house.requests)
    assert request.requester.name == "<script>alert(1)</script>'; DROP TABLE requests; --"
    assert "\u202e" not in request.attachments[0].name


async def test_a_number_in_a_text_lets_nobody_into_the_request_of_somebody_else(
    house: House, customer: Customer
) -> None:
    await customer.sends(await customer.opens())
    number = (await filed(house.requests)).request.number
    for _ in range(7):  # more than become requests of their own when they come by e-mail
        await customer.sends(await customer.opens(), text=f"Re: {number}")
    assert len((await filed(house.requests)).received) == 1
    assert (await filed(house.requests, 8)).request.essentials == f"Re: {number}"


async def test_a_thousand_forms_of_one_address_cost_little_and_others_get_through(where: Where, tmp_path: Path) -> None:
    async with public_house(where, tmp_path, often=False) as house, TestClient(TestServer(house.app)) as client:
        customer = Customer(house, client)
        refused = 0
        for _ in range(100):
            ticket = house.desk.tickets.make("estp", house.now - timedelta(seconds=10))
            answers = await asyncio.gather(*(_status(customer, ticket) for _ in range(10)))
            refused += answers.count(429)
        assert refused > 900
        assert house.counted["estp", "too_often"] == refused
        assert house.desk.of_address.take("198.51.100.7", house.clock) == 0.0, "another address has its own share"
        house.later(timedelta(hours=1))
        await customer.sends(await customer.opens())


async def test_a_mailbox_is_not_flooded_from_many_addresses(house: House, customer: Customer) -> None:
    for _ in range(20):
        await customer.sends(house.desk.tickets.make("estp", house.now - timedelta(seconds=9)))
    ticket = house.desk.tickets.make("estp", house.now - timedelta(seconds=9))
    _, page = await customer.sends(ticket, status=429, email="P@Customer.ru")
    assert "Не подписывается заявка." in page
    await customer.sends(ticket, email="other@customer.ru")
    assert house.counted == {("estp", "taken"): 21, ("estp", "mailbox"): 1}


async def _status(customer: Customer, ticket: str) -> int:
    given = GIVEN | {"ticket": ticket, "email": f"{ticket[:20]}@customer.ru"}
    async with customer.client.post("/estp/", data=given, allow_redirects=False) as answer:
        return answer.status
