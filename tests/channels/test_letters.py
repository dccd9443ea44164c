"""Letters on paper in each kind of database: taken once, numbered without gaps, posted once, looked up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from callcenter.request_register.arrivals import ArrivalRegister, Arrived, LineWords
from callcenter.request_register.attachments import Allowed, Attachments, Brought
from callcenter.request_register.erasure import RequestErasure
from callcenter.request_register.errors import AttachmentError
from callcenter.request_register.filed import Requester
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.paper import LetterBoard, OnPaper, Posted
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.requests.belonging import Nature
from callcenter.requests.number import LetterNumber
from callcenter.requests.request import Fate, Reply, Way
from callcenter.store import Register
from tests.channels.conftest import ESTP, LIMITS, of_lines
from tests.request_register.stories import CALLED, LEBEDEV, MINUTE, act, in_work
from tests.requests.lines import moscow

ADDRESS = "614000, г. Пермь, ул. Сибирская, д. 5"
PAPER = OnPaper(
    "101", date(2026, 11, 30), "15/к", date(2026, 11, 27), "П. Смирнов", "ООО «Вектор»", "5902000001", ADDRESS
)


@pytest.fixture
def arrivals(database: Register, attachments: Attachments) -> ArrivalRegister:
    words = LineWords("", "Контроль", LIMITS, "")
    return ArrivalRegister(database, attachments, of_lines, {(ESTP, "letter"): words})


@pytest.fixture
def letters(database: Register) -> LetterBoard:
    return LetterBoard(database)


def letter(key: str, paper: OnPaper = PAPER, **more: Any) -> Arrived:
    given: dict[str, Any] = {
        "sender": paper.address,
        "sender_name": paper.name,
        "reply_to": paper.address,
        "subject": "Аккредитация",
        "text": "Просим объяснить",
        "nature": Nature.WRITTEN,
        "requester": Requester(paper.name, inn=paper.inn, customer=paper.organisation),
        "apart": True,
        "on_paper": paper,
    }
    return Arrived(ESTP, "letter", Way.LETTER, key, key, **(given | more))


async def by_letter(requests: RequestRegister, n: int) -> Any:
    """A request in work that is answered by letter."""
    return await in_work(requests, at=CALLED + n * timedelta(seconds=1), reply=Reply(Way.LETTER, f"{ADDRESS}, кв. {n}"))


@pytest.mark.clause("E-SAUDA 2.2")
async def test_a_letter_that_several_hand_in_at_once_is_one_request_and_one_row(
    arrivals: ArrivalRegister, requests: RequestRegister, letters: LetterBoard
) -> None:
    taken = await asyncio.gather(*(arrivals.take(letter("a" * 32), CALLED) for _ in range(4)))
    assert sorted(one.again for one in taken) == [False, True, True, True]
    assert {one.number for one in taken} == {"ESTP-2026-000001"}
    filed = await requests.numbered("ESTP-2026-000001")
    assert [one.letter for one in filed.incoming] == [PAPER]
    assert filed.request.reply == Reply(Way.LETTER, ADDRESS)
    found = await letters.registered("a" * 32)
    assert found is not None
    assert found[0] == filed.request.id
    assert await letters.registered("b" * 32) is None


async def test_two_that_look_the_same_are_found_by_number_date_and_sender(
    arrivals: ArrivalRegister, letters: LetterBoard
) -> None:
    await arrivals.take(letter("a" * 32), CALLED)
    assert await letters.same(ESTP, "b" * 32, PAPER) == "ESTP-2026-000001"
    assert await letters.same(ESTP, "b" * 32, replace(PAPER, number="15/К", inn="", name="")) == "ESTP-2026-000001"
    assert await letters.same(ESTP, "a" * 32, PAPER) == "", "it is the same form"
    for other in ({"number": "16/к"}, {"dated": date(2026, 11, 26)}, {"number": ""}, {"dated": None}):
        assert await letters.same(ESTP, "b" * 32, replace(PAPER, **other)) == ""
    stranger = replace(PAPER, inn="", name="И. Котов", organisation="ООО «Спектр»")
    assert await letters.same(ESTP, "b" * 32, stranger) == ""


async def test_its_dates_count_from_the_day_on_which_it_came(
    arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    came = moscow("2026-11-27 00:00")
    await arrivals.take(letter("a" * 32, received_at=came), CALLED)
    filed = await requests.numbered("ESTP-2026-000001")
    assert filed.request.received_at == came
    assert {one.kind.value: one.kept for one in filed.request.targets if one.met_at} == {"form": True}


@pytest.mark.clause("ESTP 5.5.2")
async def test_letters_that_are_written_at_once_have_numbers_without_gaps(
    requests: RequestRegister, outbox: Outbox
) -> None:
    ready = [await by_letter(requests, n) for n in range(6)]
    at = CALLED + 10 * MINUTE
    done = await asyncio.gather(*(act(requests, one, do.Answer("201", "Ответ"), at) for one in ready))
    numbers = sorted(one.outgoing[0].number for one in done)
    assert numbers == [LetterNumber(ESTP, 2026, n) for n in range(1, 7)]
    assert str(numbers[0]) == "ESTP-1/2026"
    assert {one.outgoing[0].dated for one in done} == {date(2026, 11, 30)}
    assert len(await outbox.unsettled([Way.LETTER])) == 6
    new_year = await act(requests, await by_letter(requests, 7), do.Answer("201", "Ответ"), moscow("2027-01-01 00:05"))
    assert str(new_year.outgoing[0].number) == "ESTP-1/2027", "the year is that of the line's zone"


async def test_an_answer_refers_to_the_latest_letter_and_goes_to_who_wrote_it(
    arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    number = (await arrivals.take(letter("a" * 32), CALLED)).number
    later = replace(PAPER, number="16/к", dated=None)
    joined = await arrivals.take(letter("b" * 32, later, refers=(f"{number}/letter",)), CALLED + MINUTE)
    assert (joined.outcome.value, joined.number) == ("joined", number)
    filed = await requests.numbered(number)
    filed = await act(requests, filed, do.Assign("401", LEBEDEV), CALLED + 2 * MINUTE)
    filed = await act(requests, filed, do.Start("201"), CALLED + 2 * MINUTE)
    filed = await act(requests, filed, do.Answer("201", "Ответ"), CALLED + 3 * MINUTE)
    (leaves,) = filed.outgoing
    assert (leaves.their_number, leaves.their_date) == ("16/к", None)
    assert (leaves.organisation, leaves.name) == ("ООО «Вектор»", "П. Смирнов")


@pytest.mark.clause("ESTP 5.5.6")
async def test_a_letter_is_posted_once_under_its_number(
    requests: RequestRegister, letters: LetterBoard, outbox: Outbox
) -> None:
    filed = await act(requests, await by_letter(requests, 1), do.Answer("201", "Ответ"), CALLED + 10 * MINUTE)
    key = filed.request.messages[-1].key
    (waiting,) = await letters.to_be_posted()
    assert (waiting.key, waiting.request, waiting.number) == (key, filed.request.id, filed.request.number)
    assert [one.key for one in await letters.to_be_posted(["201"])] == [key]
    assert await letters.to_be_posted(["202"]) == []
    posted = Posted(date(2026, 12, 1), "61400023123457")
    report = do.Delivered(key, "201", str(posted))
    await requests.report(report, CALLED + timedelta(days=1), posted)
    await requests.report(report, CALLED + timedelta(days=1, minutes=1), Posted(date(2026, 12, 2)))
    filed = await requests.filed(filed.request.id)
    (leaves,) = filed.outgoing
    assert (leaves.posted_on, leaves.tracking, leaves.posted_by) == (posted.on, posted.tracking, "201")
    assert filed.request.messages[-1].fate is Fate.SENT
    told = [one.why for one in await requests.history(filed.request.id) if one.fact.value == "sent"]
    assert told == ["01.12.2026 · 61400023123457"]
    assert await letters.to_be_posted() == []
    assert await outbox.unsettled([Way.LETTER]) == []


async def test_a_scan_is_kept_with_its_letter_and_waits_for_the_virus_scanner(
    database: Register, requests: RequestRegister, tmp_path: Path
) -> None:
    scan = tmp_path / "scan"
    scan.write_bytes(b"%PDF-1.7\n" + b"x" * 100)
    allowed = {ESTP: Allowed(1_000_000, frozenset({"pdf"}))}
    attachments = Attachments(database, tmp_path / "kept", allowed, of_lines, checked=True)
    words = {(ESTP, "letter"): LineWords("", "Контроль", LIMITS, "")}
    arrivals = ArrivalRegister(database, attachments, of_lines, words)
    await arrivals.take(letter("a" * 32, files=(Brought("скан.pdf", scan),)), CALLED)
    filed = await requests.numbered("ESTP-2026-000001")
    (kept,) = filed.attachments
    assert (kept.name, kept.message, kept.by, kept.unchecked) == ("скан.pdf", "a" * 32, "101", True)
    with pytest.raises(AttachmentError, match="the virus scanner has not answered"):
        await attachments.open(filed.request.id, kept.sha256)


async def test_an_inn_on_a_letter_finds_the_request_for_erasure(
    database: Register, arrivals: ArrivalRegister, attachments: Attachments
) -> None:
    number = (await arrivals.take(letter("a" * 32), CALLED)).number
    other = replace(PAPER, number="7", inn="5902000299", name="И. Котов", organisation="ООО «Спектр»")
    await arrivals.take(letter("b" * 32, other, refers=(f"{number}/letter",)), CALLED + MINUTE)
    erasure = RequestErasure(database, attachments, of_lines, lambda line: 30)
    ended, still_open = await erasure.of_person("", "5902000299")
    assert (ended, len(still_open)) == ([], 1)
    assert await erasure.of_person("", "5902000388") == ([], [])
