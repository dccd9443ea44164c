"""Messages into the register: once each, into the right request, and nobody's machine gets an answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callcenter.request_register.arrivals import ArrivalRegister, Arrived
from callcenter.request_register.attachments import Attachments, Brought
from callcenter.request_register.erasure import RequestErasure
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.requests.belonging import Nature, Outcome
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Assignee, AssigneeKind, Fact, Fate, Way
from callcenter.requests.targets import TargetKind
from callcenter.store import Register
from tests.channels.conftest import ESTP, WORDS, of_lines
from tests.request_register.stories import CALLED, MINUTE, act, answered, in_work

PETR = "zakazchik@example.ru"


def arrived(key: str, text: str = "Не подписывается", **more: Any) -> Arrived:
    given = {"sender": PETR, "sender_name": "Пётр", "reply_to": PETR, "subject": "Подпись", "nature": Nature.WRITTEN}
    return Arrived(ESTP, "email", Way.EMAIL, key, f"1:{key}", text=text, **{**given, **more})


async def test_the_same_mail_by_two_readers_at_once_is_one_request_with_one_acknowledgement(
    arrivals: ArrivalRegister, requests: RequestRegister, outbox: Outbox
) -> None:
    taken = await asyncio.gather(*(arrivals.take(arrived("a"), CALLED) for _ in range(4)))
    assert sorted(one.again for one in taken) == [False, True, True, True]
    assert {one.number for one in taken} == {"ESTP-2026-000001"}
    assert len(await outbox.due(Way.EMAIL, CALLED)) == 1
    assert await arrivals.known(ESTP, "email", {"1:a", "1:b"}) == {"1:a"}


@pytest.mark.clause("ESTP 5.5.6")
async def test_a_letter_that_comes_back_is_told_and_the_answer_is_owed_again(
    arrivals: ArrivalRegister, requests: RequestRegister, outbox: Outbox
) -> None:
    filed = await answered(requests)
    key = filed.request.messages[-1].key
    await requests.report(do.Delivered(key), CALLED + 6 * MINUTE)
    back = arrived(
        "b", "550 нет такого", sender="mailer-daemon@example.ru", nature=Nature.RETURNED, refers=(key,), why="550"
    )
    found = await arrivals.take(back, CALLED + 10 * MINUTE)
    assert (found.outcome, found.number) == (Outcome.RETURNED, str(filed.request.number))
    filed = await requests.filed(filed.request.id)
    assert (filed.request.state, filed.request.messages[-1].fate) == (State.IN_WORK, Fate.FAILED)
    assert filed.received[-1].automatic
    assert [e.why for e in await requests.history(filed.request.id) if e.fact is Fact.FAILED] == ["550"]
    assert await outbox.due(Way.EMAIL, CALLED + timedelta(days=1)) == []


async def test_a_machines_answer_changes_nothing_and_word_of_a_strangers_letter_is_no_request(
    arrivals: ArrivalRegister, requests: RequestRegister, outbox: Outbox
) -> None:
    filed = await answered(requests)
    holiday = arrived("h", "Я в отпуске", nature=Nature.AUTOMATIC, refers=(filed.request.messages[-1].key,))
    assert (await arrivals.take(holiday, CALLED + 10 * MINUTE)).outcome is Outcome.BESIDE
    assert (await requests.filed(filed.request.id)).request.state is State.ANSWERED
    stranger = arrived("s", nature=Nature.RETURNED, subject=f"Re: {filed.request.number}")
    assert (await arrivals.take(stranger, CALLED + 11 * MINUTE)).outcome is Outcome.UNRELATED
    assert len(await outbox.due(Way.EMAIL, CALLED + timedelta(days=1))) == 1, "the answer alone"


@pytest.mark.clause("E-SAUDA 3.6")
async def test_a_reply_goes_on_with_what_waits_for_the_customer(
    arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    filed = await in_work(requests)
    filed = await act(requests, filed, do.Ask("201", "Какой браузер?", "чтобы повторить"), CALLED + 5 * MINUTE)
    assert filed.request.state is State.PENDING
    reply = arrived("r", "Хром", subject=f"Re: Просим уточнить: обращение {filed.request.number}")
    assert (await arrivals.take(reply, CALLED + 10 * MINUTE)).outcome is Outcome.JOINED
    assert (await requests.filed(filed.request.id)).request.state is State.IN_WORK


async def test_a_stranger_with_a_number_gets_a_request_of_his_own_and_the_head_is_told_of_the_other(
    arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    filed = await in_work(requests)
    stranger = arrived("x", subject=f"Re: {filed.request.number}", sender="x@example.ru", reply_to="x@example.ru")
    found = await arrivals.take(stranger, CALLED + 10 * MINUTE)
    assert (found.outcome, found.number) == (Outcome.NEW, "ESTP-2026-000002")
    assert (await requests.numbered(found.number)).suggested == "ESTP-2026-000001"
    assert (await requests.filed(filed.request.id)).received == ()


@pytest.mark.clause("ESTP 5.5.3")
async def test_the_answer_of_a_department_outside_comes_back_into_the_same_request(
    arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    filed = await in_work(requests)
    outside = Assignee(AssigneeKind.DEPARTMENT, "Удостоверяющий центр", "uc@example.ru")
    filed = await act(requests, filed, do.Assign("401", outside, "Проверьте"), CALLED + 5 * MINUTE)
    reply = arrived("d", "Проверили", sender="ivan@uc.example.ru", refers=(filed.request.messages[-1].key,))
    await arrivals.take(reply, CALLED + 10 * MINUTE)
    [received] = (await requests.filed(filed.request.id)).received
    assert (received.from_customer, received.text) == (False, "Проверили")


@pytest.mark.clause("eLot 2.2b")
@pytest.mark.clause("eLot 2.3")
async def test_who_is_known_by_the_address_is_known_and_who_is_not_has_the_name_of_the_mail(
    arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    await in_work(requests)
    known = await arrivals.take(arrived("k", sender=PETR.upper()), CALLED + timedelta(days=2))
    assert (await requests.numbered(known.number)).requester.inn == "5902000001"
    other = arrived("o", sender="o@example.ru", reply_to="o@example.ru", sender_name="Ольга")
    stranger = await arrivals.take(other, CALLED + timedelta(days=2))
    assert (await requests.numbered(stranger.number)).requester.name == "Ольга"


@pytest.mark.clause("ESTP 2.2c")
async def test_a_mail_in_working_hours_is_taken_and_told_to_call(arrivals: ArrivalRegister, outbox: Outbox) -> None:
    evening = CALLED + timedelta(hours=11)
    await arrivals.take(arrived("1"), CALLED)
    await arrivals.take(arrived("2", sender="e@example.ru", reply_to="e@example.ru"), evening)
    open_, closed = sorted(await outbox.due(Way.EMAIL, evening), key=lambda one: one.key)
    assert "В рабочее время звоните." in open_.text
    assert "В рабочее время звоните." not in closed.text


async def test_a_flood_from_one_address_costs_five_numbers_and_two_letters(
    arrivals: ArrivalRegister, requests: RequestRegister, outbox: Outbox
) -> None:
    for n in range(20):
        await arrivals.take(arrived(f"f{n}", f"Письмо {n}"), CALLED + n * MINUTE)
    assert len(await outbox.due(Way.EMAIL, CALLED + timedelta(hours=1))) == 2
    filed = await requests.numbered("ESTP-2026-000005")
    assert len(filed.received) == 16, "nothing is lost"


async def test_files_are_kept_with_their_message_and_what_is_refused_is_named(
    arrivals: ArrivalRegister, requests: RequestRegister, attachments: Attachments, tmp_path: Path, outbox: Outbox
) -> None:
    brought = {"../../a\u202efdp.pdf": b"%PDF-1.7", "virus.exe": b"MZ", "winmail.dat": b"\x78\x9f", "fake.pdf": b"MZ"}
    files = []
    for place, (name, content) in enumerate(brought.items()):
        (tmp_path / str(place)).write_bytes(content)
        files.append(Brought(name, tmp_path / str(place)))
    (tmp_path / "raw").write_bytes(b"From: x")
    files.append(Brought("mail.eml", tmp_path / "raw", "original"))
    found = await arrivals.take(arrived("f", files=tuple(files)), CALLED)
    filed = await requests.numbered(found.number)
    assert [(one.name, one.part) for one in filed.attachments] == [
        ("afdp.pdf", ""),
        ("winmail.dat", ""),
        ("mail.eml", "original"),
    ]
    assert {one.message for one in filed.attachments} == {"f"}
    assert "virus.exe" in filed.received[0].text
    assert "fake.pdf" in filed.received[0].text
    pdf = filed.attachments[0].sha256
    filed = await act(requests, filed, do.Assign("401", Assignee(AssigneeKind.PERSON, "201")), CALLED + MINUTE)
    filed = await act(requests, filed, do.Start("201"), CALLED + MINUTE)
    with pytest.raises(Exception, match="no such file"):
        await act(requests, filed, do.Answer("201", "Вот.", ("0" * 64,)), CALLED + MINUTE)
    with pytest.raises(Exception, match="no such file"):
        await act(requests, filed, do.Answer("201", "Вот.", (filed.attachments[-1].sha256,)), CALLED + MINUTE)
    await act(requests, filed, do.Answer("201", "Вот.", (pdf,)), CALLED + MINUTE)
    leaving = (await outbox.due(Way.EMAIL, CALLED + 2 * MINUTE))[-1]
    [(line, file)] = leaving.files
    assert (file.name, attachments.path(line, file.sha256).read_bytes()) == ("afdp.pdf", b"%PDF-1.7")


async def test_what_is_erased_keeps_no_address_and_no_original(
    arrivals: ArrivalRegister, requests: RequestRegister, attachments: Attachments, database: Register, tmp_path: Path
) -> None:
    (tmp_path / "raw").write_bytes(b"From: x")
    one = replace(arrived("e"), message_id="<1@x>", files=(Brought("mail.eml", tmp_path / "raw", "original"),))
    filed = await requests.numbered((await arrivals.take(one, CALLED)).number)
    original = attachments.path(ESTP, filed.attachments[0].sha256)
    assert original.exists()
    await act(requests, filed, do.Refuse("401", "хулиганство", "брань"), CALLED + MINUTE)
    erasure = RequestErasure(database, attachments, of_lines, lambda _: 1)
    assert await erasure.erase([filed.request.id], "asked", CALLED + timedelta(days=2)) == 1
    assert not original.exists()
    rows = await database.read(lambda c: c.exec_driver_sql("SELECT sender, message_id, outcome FROM arrivals").all())
    assert [tuple(row) for row in rows] == [("", "", "new")]


@pytest.mark.clause("eLot 2.2a", "eLot 2.4")
async def test_what_a_group_is_there_for_waits_for_the_group_at_once(
    database: Register, attachments: Attachments, requests: RequestRegister
) -> None:
    words = replace(WORDS, group="letters")
    arrivals = ArrivalRegister(database, attachments, of_lines, {(ESTP, "email"): words})
    await arrivals.take(arrived("a"), CALLED)
    filed = await requests.numbered("ESTP-2026-000001")
    assert filed.request.state is State.ASSIGNED
    assert filed.request.assignee == Assignee(AssigneeKind.GROUP, "letters")
    assert filed.request.target(TargetKind.ASSIGNMENT) is None, "nobody has to be made responsible any more"


@pytest.mark.clause("eLot 2.3")
async def test_an_inn_that_a_message_names_is_with_the_request(
    arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    text = "Не подписывается.\nООО «Ромашка», ИНН: 5902290635\n> ИНН 5904000003 писали вы"
    await arrivals.take(arrived("a", text), CALLED)
    assert (await requests.numbered("ESTP-2026-000001")).requester.inn == "5902290635", "not what is only quoted"
