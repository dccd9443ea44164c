"""Lists of requests and the search."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from callcenter.core.ids import LineId
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.filed import BoardQuery, Count, Order
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.viewers import GONE_AFTER, Viewers
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Reply, RequestId, Way
from callcenter.requests.targets import TargetKind
from tests.request_register.stories import CALLED, CALLER, MINUTE, act, answered, draft, in_work, new
from tests.requests.lines import moscow

pytestmark = pytest.mark.clause("ESTP 5.5.3")
HOUR = timedelta(hours=1)


async def test_next_due_comes_first_and_what_has_ended_is_left_out(
    requests: RequestRegister, board: RequestBoard
) -> None:
    control, urgent = await in_work(requests), await in_work(requests, urgency="Срочно")
    ended = await new(requests)
    await act(requests, ended, do.Refuse("401", "хулиганство", "брань"), CALLED + 9 * MINUTE)
    rows = await board.rows(BoardQuery())
    assert [row.id for row in rows] == [urgent.request.id, control.request.id]
    assert (rows[0].due, rows[0].due_kind) == (moscow("2026-12-01 18:00"), TargetKind.ANSWER)
    assert [row.id for row in await board.rows(BoardQuery(states=[State.REFUSED]))] == [ended.request.id]


async def test_the_board_by_state_assignee_line_target_and_what_breaks_today(
    requests: RequestRegister, board: RequestBoard
) -> None:
    fresh, working = await new(requests), await in_work(requests, urgency="Срочно", reply=Reply(Way.LETTER, "Пермь"))
    other = await in_work(requests, line="tbs", urgency="question")
    for query, expected in (
        (BoardQuery(states=[State.NEW]), [fresh]),
        (BoardQuery(assignees=["201"], lines=[LineId("estp")]), [working]),
        (BoardQuery(assignees=[""]), [fresh]),
        (BoardQuery(lines=[LineId("tbs")]), [other]),
        (BoardQuery(kinds=[TargetKind.ASSIGNMENT]), [fresh]),
        (BoardQuery(due_before=moscow("2026-11-30 18:00")), [other, fresh]),
        (BoardQuery(overdue_at=moscow("2026-11-30 12:30")), [other, fresh]),
        (BoardQuery(ways=[Way.LETTER]), [working]),
        (BoardQuery(urgencies=["Срочно"]), [working]),
        (BoardQuery(opened_by="101", order=Order.NEWEST, lines=[]), []),
    ):
        assert [row.id for row in await board.rows(query)] == [one.request.id for one in expected], query
        assert await board.number_of(query) == len(expected), query


async def test_who_waits_for_the_customer_is_not_late(requests: RequestRegister, board: RequestBoard) -> None:
    filed = await in_work(requests)
    await act(requests, filed, do.Ask("201", "Какой?", "не сказано"), CALLED + 9 * MINUTE)
    later = moscow("2026-12-30 12:00")
    [row] = await board.rows(BoardQuery())
    assert row.due_kind is TargetKind.CUSTOMER_REPLY
    assert not row.overdue(later)
    assert await board.rows(BoardQuery(overdue_at=later)) == []
    assert await board.counts(later) == [Count(LineId("estp"), State.PENDING, TargetKind.CUSTOMER_REPLY, 1, 0)]


async def test_counts_say_how_many_are_late(requests: RequestRegister, board: RequestBoard) -> None:
    await new(requests)
    await new(requests, at=CALLED + 2 * HOUR)
    at = CALLED + 3 * HOUR
    assert await board.counts(at) == [Count(LineId("estp"), State.NEW, TargetKind.ASSIGNMENT, 2, 1)]


@pytest.mark.clause("ESTP 5.5.3")
async def test_drafts_that_grow_old_turn_up_at_their_operator_and_at_the_head(
    requests: RequestRegister, board: RequestBoard
) -> None:
    old = await draft(requests)
    await draft(requests, at=CALLED + HOUR)
    before = CALLED + HOUR / 2
    assert [row.id for row in await board.drafts(before)] == [old.request.id]
    assert [row.id for row in await board.drafts(before, by="101")] == [old.request.id]
    assert await board.drafts(before, by="102") == []


async def test_the_requests_of_a_call_and_of_a_caller(requests: RequestRegister, board: RequestBoard) -> None:
    ours = await new(requests, call="17.1")
    colleague = await new(requests, requester=replace(CALLER, number="+73422000009"))
    await new(requests, requester=replace(CALLER, number="+73422000008", inn="1"))
    assert [row.id for row in await board.of_call("17.1")] == [ours.request.id]
    assert await board.of_call("") == []
    theirs = {row.id for row in await board.of_requester(CALLER.number, CALLER.inn)}
    assert theirs == {ours.request.id, colleague.request.id}
    assert await board.of_requester("", "") == []


@pytest.mark.clause("ESTP 5.7")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("ESTP-2026-000001", True),
        ("estp-2026-000001", True),
        ("1", True),
        ("000001", True),
        ("2", False),
        ("+7 342 200-00-01", True),
        ("8 342 200 00 01", True),
        ("5902000001", True),
        ("сертификаты контракта", True),
        ("петра", True),
        ("перевыпуск", False),
        ("перевыпустить", True),
        ("серт", True),
        ("велосипед", False),
        ("", False),
        ('"', False),
        ("OR AND NOT * :", False),
        ("%", False),
    ],
)
async def test_the_search_finds_numbers_and_words_in_any_form(
    requests: RequestRegister, board: RequestBoard, asked: str, found: bool
) -> None:
    filed = await answered(requests)
    assert [row.id for row in await board.search(asked)] == ([filed.request.id] if found else [])
    assert await board.search(asked, lines=[LineId("tbs")]) == []


async def test_a_form_that_is_corrected_is_found_by_its_new_words_only(
    requests: RequestRegister, board: RequestBoard
) -> None:
    filed = await draft(requests)
    await act(requests, filed, do.Fill("101", essentials="Когда откроют аукцион?"), CALLED + 9 * MINUTE)
    assert await board.search("сертификат") == []
    assert len(await board.search("аукционы")) == 1


def test_two_people_in_one_request_see_each_other_until_one_is_gone() -> None:
    viewers, request = Viewers(), RequestId("a")
    assert viewers.look(request, "201", CALLED) == ()
    [other] = viewers.look(request, "202", CALLED + timedelta(seconds=10))
    assert (other.person, other.since) == ("201", CALLED)
    assert [one.person for one in viewers.of(request, CALLED + GONE_AFTER)] == ["202"]
    viewers.leave(request, "202")
    assert viewers.of(request, CALLED + GONE_AFTER) == ()
