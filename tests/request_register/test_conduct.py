"""The head is told of each call that was refused because of the caller's conduct: once, whatever dies meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from callcenter.core.ids import LineId
from callcenter.core.records import REFUSED_FOR_CONDUCT
from callcenter.desk.language import TEXTS
from callcenter.registering.note_table import NoteTable
from callcenter.registering.notes import NoteText, Result
from callcenter.request_register.conduct import LATELY, ConductWatch, Head
from callcenter.request_register.outbox import Leaving, Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.requests.actions import Delivered
from callcenter.requests.request import Way
from callcenter.store import Register
from tests.requests.lines import MOSCOW
from tests.store.stories import arrival, fill, wall
from tests.wall import Wall

pytestmark = pytest.mark.clause("ESTP 5.6.3", "eLot 2.11", "E-SAUDA 3.7")
HEADS = {LineId("estp"): Head("head@example.ru", MOSCOW, TEXTS["ru"].gettext)}
INSULTED = NoteText("", "Брань", Result.REFUSED.value, conduct=True)
REFUSED: dict[str, Any] = {"operator": "101", "answered_at": 5.0, "cause_text": REFUSED_FOR_CONDUCT}


def watching(database: Register) -> ConductWatch:
    """A controller has started."""
    return ConductWatch(database, HEADS, Wall())


async def told(database: Register) -> list[Leaving]:
    return await Outbox(database).unsettled([Way.EMAIL])


async def test_the_head_reads_who_refused_which_call_and_nothing_about_the_caller(database: Register) -> None:
    await fill(database, [arrival("1.1", operator="101", answered_at=5.0), arrival("1.2", operator="102")])
    notes = NoteTable(database)
    await notes.register("1.1", "101", INSULTED, wall(90))
    await notes.register("1.2", "102", NoteText("x", "Вопрос", Result.ANSWERED.value), wall(95))
    assert await watching(database).look(wall(100)) == 1
    [letter] = await told(database)
    assert (letter.key, letter.address, letter.request) == ("conduct/1.1", "head@example.ru", None)
    assert letter.subject == "Отказ из-за поведения абонента (estp)"
    assert letter.text.splitlines()[:2] == [
        "Оператор 101: разговор завершён из-за поведения абонента («хулиганство»).",
        "Звонок поступил 23.11.2026 09:00, в реестре он 1.1.",
    ]
    assert "+73420000001" not in letter.text
    assert "Кедровка" not in letter.text


async def test_a_call_is_told_once_by_whomever_it_is_refused_again_and_after_the_e_mail_has_left(
    database: Register, requests: RequestRegister
) -> None:
    await fill(database, [arrival("1.1", **REFUSED)])
    notes, watch = NoteTable(database), watching(database)
    await notes.register("1.1", "101", INSULTED, wall(90))
    assert await watch.look(wall(100)) == 1
    await notes.register("1.1", "102", INSULTED, wall(110))
    assert await watch.look(wall(115)) == 0
    assert await requests.report(Delivered("conduct/1.1"), wall(120))
    assert await watch.look(wall(125)) == await watching(database).look(wall(130)) == 0
    assert await told(database) == []


async def test_a_draft_of_a_refusal_is_none(database: Register) -> None:
    await fill(database, [arrival("1.1", operator="101")])
    await NoteTable(database).save_draft("1.1", "101", INSULTED, wall(90))
    assert await watching(database).look(wall(100)) == 0


@pytest.mark.parametrize("ended", [{}, {"ended_at": 40.0}])
async def test_a_controller_that_dies_before_the_refusal_is_registered_tells_it_after_its_start(
    database: Register, ended: dict[str, Any]
) -> None:
    await fill(database, [arrival("1.1", **REFUSED, **ended)])
    await database.close_calls(wall(50), "controller restarted")
    assert await watching(database).look(wall(60)) == 1
    assert [letter.key for letter in await told(database)] == ["conduct/1.1"]


async def test_what_was_refused_before_the_call_has_reached_the_register_is_told_when_it_has(
    database: Register,
) -> None:
    await NoteTable(database).register("1.1", "101", INSULTED, wall(90))
    watch = watching(database)
    assert await watch.look(wall(100)) == 0
    await fill(database, [arrival("1.1", operator="101")])
    assert await watch.look(wall(105)) == 1


async def test_a_line_without_a_heads_address_and_an_old_refusal_are_not_told(database: Register) -> None:
    await fill(database, [arrival("1.1", **REFUSED)])
    assert await ConductWatch(database, {}, Wall()).look(wall(60)) == 0
    assert await watching(database).look(wall(60) + LATELY + timedelta(seconds=1)) == 0
