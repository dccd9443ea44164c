"""Call-backs in the register: with their requests, in one transaction; nobody is forgotten, and nobody called twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import WorkingTime
from callcenter.core.ids import CallBackId, CallId, ChannelId, LineId
from callcenter.core.records import LOST_CAUSE, Direction, HungUpBy, Outcome
from callcenter.request_register.attachments import Attachments
from callcenter.request_register.call_back_board import CallBackBoard, Which
from callcenter.request_register.call_back_settling import BY
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.erasure import RequestErasure
from callcenter.request_register.errors import ActionRefused, ChangedMeanwhile, RequestError
from callcenter.request_register.filed import Filed
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.telephone import is_emergency, normalised
from callcenter.requests import actions as do
from callcenter.requests.call_back import (
    Begin,
    CallBack,
    CallBackState,
    Came,
    FallDue,
    FollowCalendar,
    Move,
    Over,
    Say,
    Withdraw,
)
from callcenter.requests.call_back_wish import Window
from callcenter.requests.lifecycle import State
from callcenter.requests.refusal import Reason
from callcenter.requests.request import Fact, Fate, Reply, RequestId, Way
from callcenter.requests.rules import LineRules
from callcenter.store import Register
from tests.databases import Where
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, CALLER, MINUTE, act, answered, draft, in_work, new
from tests.requests.lines import MOSCOW, moscow
from tests.store.stories import arrival, fill, wall

TELEPHONE = Reply(Way.TELEPHONE, "8 (342) 200-00-01")
AFTERNOON = Window(moscow("2026-11-30 14:00"), moscow("2026-11-30 16:00"), "после обеда")
AT = moscow("2026-11-30 14:00")
CALL = CallId(ChannelId("out-1"))
TALKED = timedelta(minutes=2)

pytestmark = pytest.mark.clause("ESTP 5.4.5")


@pytest.fixture
def book(database: Register) -> CallBackRegister:
    """The call-backs of the lines."""
    return CallBackRegister(database, of_lines)


async def ordered(book: CallBackRegister, filed: Filed, window: Window | None = AFTERNOON, by: str = "101") -> CallBack:
    number = filed.requester.number
    return await book.order(filed.request.id, filed.request.version, number, window, (), by, CALLED + 5 * MINUTE)


async def tried(book: CallBackRegister, one: CallBack, came: Came, at: datetime, talk: timedelta = TALKED) -> CallBack:
    """It falls due, somebody calls, and something comes of it."""
    one = await book.act(one.id, FallDue(), BY, at)
    assert one.last is not None
    one = await book.act(one.id, Begin(one.last.number, CALL, at), BY, at)
    return await book.act(one.id, Over(one.tries[-1].number, came, talk, CALL), BY, at + MINUTE)


async def history(requests: RequestRegister, request: RequestId) -> list[tuple[str, str]]:
    return [(one.what, one.why) for one in await requests.history(request) if one.fact is Fact.CALL_BACK]


async def test_ordered_with_the_form_tried_twice_and_talked(requests: RequestRegister, book: CallBackRegister) -> None:
    filed = await draft(requests)
    one = await ordered(book, filed)
    assert (one.number, one.next_at) == ("+73422000001", AT)
    form = await requests.filed(filed.request.id)
    assert (form.requester.convenient, form.requester.convenient_from) == ("после обеда", AT)
    one = await tried(book, one, Came.BUSY, AT)
    assert (one.state, one.next_at) == (CallBackState.WAITING, AT + 11 * MINUTE)
    one = await tried(book, one, Came.TALKED, AT + 11 * MINUTE)
    assert (one.state, one.tries[1].call) == (CallBackState.DONE, CALL)
    told = await history(requests, filed.request.id)
    assert told == [("ordered", "после обеда"), ("busy", ""), ("talked", "")]
    assert await book.one(one.id) == one
    assert (await book.of_request(filed.request.id)) == [one]


async def test_a_second_one_for_the_same_request_and_one_for_a_line_that_never_calls_are_refused(
    requests: RequestRegister, book: CallBackRegister
) -> None:
    filed = await new(requests)
    await ordered(book, filed)
    seen = await requests.filed(filed.request.id)
    with pytest.raises(ActionRefused, match="already"):
        await ordered(book, seen)
    with pytest.raises(ChangedMeanwhile):
        await ordered(book, filed)
    tbs = await new(requests, line="tbs", urgency="question")
    with pytest.raises(ActionRefused) as refused:
        await ordered(book, tbs)
    assert refused.value.refused.reason is Reason.NO_CALL_BACKS


WRONG = {
    "112": Reason.NUMBER_EMERGENCY,
    "01": Reason.NUMBER_EMERGENCY,
    "911": Reason.NUMBER_EMERGENCY,
    "+375 29 123-45-67": Reason.NUMBER_ABROAD,
    "8 495 123-45-67": Reason.NUMBER_OUTSIDE,
    "8 342 200-00-01 доб. 15": Reason.NUMBER_WRONG,
    "=HYPERLINK(1)": Reason.NUMBER_WRONG,
    "+7342" + "1" * 30: Reason.NUMBER_TOO_LONG,
    "": Reason.NUMBER_WRONG,
}


async def test_a_number_is_checked_as_it_was_typed(requests: RequestRegister, book: CallBackRegister) -> None:
    filed = await new(requests)
    for number, why in WRONG.items():
        with pytest.raises(ActionRefused) as refused:
            await book.order(filed.request.id, filed.request.version, number, None, (), "101", CALLED + 5 * MINUTE)
        assert refused.value.refused.reason is why, number
    assert await book.of_request(filed.request.id) == []
    assert (await requests.filed(filed.request.id)) == filed, "nothing is half done"


def test_numbers_are_read_as_people_write_them() -> None:
    assert normalised(" 8 (342) 200-00-01 ") == "+73422000001"
    assert is_emergency("112")
    assert not is_emergency("+73422000112")


async def test_the_wrong_group_and_the_wrong_level_are_named(requests: RequestRegister, book: CallBackRegister) -> None:
    filed = await new(requests)
    with pytest.raises(ActionRefused, match="may not call out"):
        await book.order(filed.request.id, filed.request.version, CALLER.number, None, ("law",), "101", AT)


async def test_the_last_failure_gives_the_request_back_to_the_head_with_the_reason(
    requests: RequestRegister, book: CallBackRegister
) -> None:
    filed = await in_work(requests)
    one = await tried(book, await ordered(book, filed), Came.WRONG_NUMBER, AT)
    assert one.state is CallBackState.GIVEN_UP
    after = await requests.filed(filed.request.id)
    assert (after.request.state, after.request.assignee) == (State.NEW, None)
    step = [one for one in await requests.history(filed.request.id) if one.fact is Fact.STEP][-1]
    assert (step.what, step.why) == ("hand_back", "it is the wrong number")


@pytest.mark.clause("ESTP 5.5.2")
async def test_an_answer_by_telephone_is_delivered_when_they_have_talked(
    requests: RequestRegister, book: CallBackRegister, database: Register
) -> None:
    filed = await answered(requests, reply=TELEPHONE)
    assert await book.answer_by_telephone(CALLED + 6 * MINUTE) == 1
    assert await book.answer_by_telephone(CALLED + 6 * MINUTE) == 0, "once"
    (one,) = await book.of_request(filed.request.id)
    one = await tried(book, one, Came.TALKED, one.next_at or AT)
    after = await requests.filed(filed.request.id)
    assert [m.fate for m in after.request.messages] == [Fate.SENT]
    assert await Outbox(database).unsettled([Way.TELEPHONE]) == []
    assert one.tries[-1].delivered == (after.request.messages[0].key,)
    # A machine has heard it, says the operator afterwards: it is still to be told.
    one = await book.act(one.id, Say(Came.VOICEMAIL), "101", CALLED + 9 * MINUTE)
    assert one.state is CallBackState.WAITING
    after = await requests.filed(filed.request.id)
    assert (after.request.state, after.request.messages[0].fate) == (State.ANSWERED, Fate.WAITING)
    assert len(await Outbox(database).unsettled([Way.TELEPHONE])) == 1
    one = await tried(book, one, Came.TALKED, one.next_at or AT)
    after = await requests.filed(filed.request.id)
    assert (one.state, after.request.messages[0].fate) == (CallBackState.DONE, Fate.SENT)


@pytest.mark.clause("ESTP 5.5.2")
async def test_an_answer_that_could_not_be_told_is_not_delivered_and_the_head_gets_the_request(
    requests: RequestRegister, book: CallBackRegister, database: Register
) -> None:
    filed = await answered(requests, reply=TELEPHONE)
    await book.answer_by_telephone(CALLED + 6 * MINUTE)
    (one,) = await book.of_request(filed.request.id)
    at = one.next_at or AT
    for _ in range(3):
        one = await tried(book, one, Came.NO_ANSWER, at)
        at = one.next_at or at
    assert one.state is CallBackState.GIVEN_UP
    after = await requests.filed(filed.request.id)
    assert (after.request.state, after.request.messages[0].fate) == (State.NEW, Fate.FAILED)
    assert await Outbox(database).unsettled([Way.TELEPHONE]) == []


async def test_an_answer_to_a_number_that_may_not_be_called_stays_in_the_outbox_with_the_reason(
    requests: RequestRegister, book: CallBackRegister, database: Register
) -> None:
    filed = await answered(requests, reply=Reply(Way.TELEPHONE, "+375 29 123-45-67"))
    assert await book.answer_by_telephone(CALLED + 6 * MINUTE) == 0
    (waiting,) = await Outbox(database).unsettled([Way.TELEPHONE])
    assert "abroad" in waiting.problem
    assert await book.of_request(filed.request.id) == []


async def test_told_in_another_way_or_ended_it_is_withdrawn(requests: RequestRegister, book: CallBackRegister) -> None:
    filed = await answered(requests, reply=TELEPHONE)
    await book.answer_by_telephone(CALLED + 6 * MINUTE)
    await requests.report(do.Delivered(filed.request.messages[0].key, "201"), CALLED + 7 * MINUTE)
    assert await book.follow_requests(CALLED + 8 * MINUTE) == 1
    (one,) = await book.of_request(filed.request.id)
    assert (one.state, one.why) == (CallBackState.WITHDRAWN, "told in another way")
    refused = await new(requests, call="2")
    other = await ordered(book, refused)
    seen = await requests.filed(refused.request.id)
    await act(requests, seen, do.Refuse("401", "хулиганство", "брань"), CALLED + 9 * MINUTE)
    assert await book.follow_requests(CALLED + 10 * MINUTE) == 1
    assert (await book.one(other.id)).state is CallBackState.WITHDRAWN


async def test_a_request_that_is_merged_takes_its_call_back_along(
    requests: RequestRegister, book: CallBackRegister
) -> None:
    goes, stays = await new(requests), await new(requests, at=CALLED + MINUTE)
    one = await ordered(book, goes)
    seen = await requests.filed(goes.request.id)
    await requests.merge(
        goes.request.id, seen.request.version, stays.request.id, stays.request.version, "401", "то же", AT - MINUTE
    )
    assert await book.follow_requests(AT) == 1
    assert (await book.one(one.id)).request == stays.request.id
    assert await book.follow_requests(AT) == 0


async def test_another_time_and_nobody_wants_it_any_more(requests: RequestRegister, book: CallBackRegister) -> None:
    filed = await new(requests)
    one = await ordered(book, filed)
    tomorrow = Window(moscow("2026-12-01 10:00"), moscow("2026-12-01 12:00"), "утром")
    moved = await book.act(one.id, Move(tomorrow, "просит завтра", "89123456789"), "101", AT, one.version)
    assert (moved.next_at, moved.number) == (tomorrow.since, "+79123456789")
    with pytest.raises(ChangedMeanwhile):
        await book.act(one.id, Withdraw("не надо"), "401", AT, one.version)
    gone = await book.act(one.id, Withdraw("не надо"), "401", AT, moved.version)
    assert gone.state is CallBackState.WITHDRAWN
    told = await history(requests, filed.request.id)
    assert told == [("ordered", "после обеда"), ("moved", "просит завтра"), ("withdrawn", "не надо")]


async def test_a_kept_place_is_promised_once_and_its_failure_becomes_a_request_for_the_head(
    requests: RequestRegister, book: CallBackRegister
) -> None:
    call, line = CallId(ChannelId("1.7")), LineId("estp")
    one = await book.keep_place(call, line, "+73422000002", "high", AT - MINUTE, AT)
    assert one is not None
    assert await book.keep_place(call, line, "+73422000002", "high", AT - MINUTE, AT) is None
    assert (one.place_at, one.urgency, one.request) == (AT - MINUTE, "high", None)
    due = await book.act(one.id, FallDue(), BY, AT)
    assert due.last is not None
    assert due.last.place_at == AT - MINUTE
    await book.act(one.id, Over(1, Came.WRONG_NUMBER), BY, AT + MINUTE)
    after = await book.one(one.id)
    assert after.request is not None
    filed = await requests.filed(after.request)
    assert (filed.request.state, filed.request.subject, filed.call) == (State.NEW, "other", call)
    assert "+73422000002" in filed.request.essentials
    assert filed.request.number is not None


async def test_two_that_promise_the_same_kept_place_at_once_promise_it_once(
    book: CallBackRegister, where: Where
) -> None:
    call, line = CallId(ChannelId("1.8")), LineId("estp")
    other = await Register.open(where, busy_timeout=10)
    books = (book, CallBackRegister(other, of_lines))
    made = await asyncio.gather(
        *(one.keep_place(call, line, "+73422000003", "", AT, AT) for _ in range(5) for one in books)
    )
    assert [one is not None for one in made].count(True) == 1
    await other.close()


async def test_what_is_not_owed_is_not_promised(book: CallBackRegister) -> None:
    with pytest.raises(RequestError, match="no call back is owed"):
        await book.owe("1.9", "401", AT)


async def test_the_heads_lists_and_figures(
    requests: RequestRegister, book: CallBackRegister, database: Register
) -> None:
    board = CallBackBoard(database)
    filed = await new(requests)
    one = await ordered(book, filed)
    (row,) = await board.rows(Which.OPEN, AT)
    assert (row.call_back.id, row.number, row.who) == (one.id, filed.request.number, CALLER.name)
    assert await board.rows(Which.DUE, AT) == []
    assert await book.to_fall_due(AT - MINUTE) == []
    assert await book.to_fall_due(AT) == [one.id]
    await book.act(one.id, FallDue(), BY, AT)
    assert [r.call_back.id for r in await board.rows(Which.DUE, AT)] == [one.id]
    assert [t.id for t in await book.told()] == [one.id]
    late = AFTERNOON.until + MINUTE
    assert [r.call_back.id for r in await board.rows(Which.LATE, late)] == [one.id]
    assert [(c.number, c.late) for c in await board.counts(late)] == [(1, 1)]
    await book.act(one.id, Over(1, Came.NOT_STARTED), BY, late)
    assert [r.call_back.id for r in await board.rows(Which.FAILED, late)] == [one.id]
    assert book.windows[LineId("estp"), False] == 1
    assert book.came[LineId("estp"), Came.NOT_STARTED] == 1
    with pytest.raises(RequestError, match="no call-back"):
        await book.one(CallBackId("cb-none"))


async def test_what_is_erased_of_a_request_and_of_a_person_is_erased_of_their_call_backs(
    requests: RequestRegister, book: CallBackRegister, database: Register, tmp_path: Path
) -> None:
    erasure = RequestErasure(database, Attachments(database, tmp_path, {}, of_lines), of_lines, lambda _: 100, "head")
    filed = await new(requests)
    one = await ordered(book, filed)
    kept = await book.keep_place(CALL, LineId("estp"), "+73422000009", "", AT, AT)
    assert kept is not None
    assert await erasure.forget_number("+73422000009") == 0, "somebody still has to call"
    await book.act(kept.id, FallDue(), BY, AT)
    await book.act(kept.id, Over(1, Came.TALKED, TALKED), BY, AT)
    await book.act(one.id, Withdraw("Иванов передумал"), "101", AT)
    seen = await requests.filed(filed.request.id)
    await act(requests, seen, do.Refuse("401", "хулиганство", "брань"), AT)
    assert await erasure.forget_number("+73422000009") == 1
    await erasure.erase([filed.request.id], "the person asked for it", AT)
    for id_ in (one.id, kept.id):
        after = await book.one(id_)
        assert (after.number, after.window.words, after.why) == ("", "", "")


async def test_a_caller_whom_a_failure_cut_off_is_called_back_by_one_action_and_off_the_list_when_they_have_talked(
    book: CallBackRegister, database: Register
) -> None:
    lost: dict[str, Any] = {
        "outcome": Outcome.LOST,
        "cause": LOST_CAUSE,
        "hung_up_by": HungUpBy.SYSTEM,
        "joined_at": 5.0,
    }
    await fill(database, [arrival("1700.9", ended_at=60.0, **lost)])
    at = wall(3 * 3600.0)
    (owed,) = await book.owed(at)
    one = await book.owe(owed.call, "401", at)
    assert one is not None
    assert await book.owe(owed.call, "401", at) is None, "by two people at once it is done once"
    assert await book.owed(at) == []
    assert len(await database.owed_calls(at)) == 1, "nobody has spoken to them yet"
    begins = one.next_at or at
    one = await tried(book, one, Came.TALKED, begins)
    assert one.state is CallBackState.DONE
    assert await database.owed_calls(begins) == []
    one = await book.act(one.id, Say(Came.VOICEMAIL), "101", begins + MINUTE)
    assert len(await database.owed_calls(begins)) == 1, "it was a machine"


async def test_a_wish_that_a_crash_has_swallowed_is_read_from_the_callers_row(
    book: CallBackRegister, database: Register
) -> None:
    known: dict[str, Any] = {
        "outcome": Outcome.CALL_BACK,
        "call_back_to": "+73422000005",
        "place_at": 5.0,
        "urgency": "normal",
    }
    await fill(database, [arrival("1700.1", ended_at=60.0, **known), arrival("1700.2", **known)])
    (found,) = await book.kept_places(wall(0.0) - timedelta(days=1))
    call, line, number, urgency, place_at = found
    assert (number, urgency, place_at) == ("+73422000005", "normal", wall(5.0))
    assert await book.keep_place(call, line, number, urgency, place_at, wall(120.0)) is not None
    assert await book.kept_places(wall(0.0) - timedelta(days=1)) == []


async def test_what_the_core_cannot_say_any_more_is_read_from_the_register_of_calls(
    requests: RequestRegister, book: CallBackRegister, database: Register
) -> None:
    filed = await new(requests)
    one = await book.act((await ordered(book, filed)).id, FallDue(), BY, AT)
    tomorrow = Window(moscow("2026-12-01 10:00"), moscow("2026-12-01 12:00"))
    one = await book.act(one.id, Move(tomorrow, "завтра"), "101", AT)
    assert await book.left_open() == [one]
    assert (await book.came_of(one)).came is Came.NOT_STARTED
    made: dict[str, Any] = {"call_back": one.id, "attempt": 1, "direction": Direction.OUTGOING}
    rung = arrival("out-1", outcome=Outcome.CANCELLED, ended_at=9.0, **made)
    await fill(database, [rung, arrival("out-2", dialled_at=20.0, outcome=Outcome.BUSY, ended_at=30.0, **made)])
    over = await book.came_of(one)
    assert (over.came, over.call) == (Came.BUSY, "out-2")
    one = await book.act(one.id, over, BY, AT)
    assert (one.state, one.tries[0].begun_at) == (CallBackState.WAITING, wall(0.0))
    assert await book.left_open() == []


async def test_a_day_that_becomes_a_day_off_moves_what_was_promised_and_the_history_says_so(
    requests: RequestRegister, book: CallBackRegister, database: Register
) -> None:
    filed = await new(requests)
    tomorrow = Window(moscow("2026-12-01 10:00"), moscow("2026-12-01 12:00"))
    one = await ordered(book, filed, tomorrow)

    def with_a_day_off() -> dict[LineId, LineRules]:
        hours = WorkingHours(MOSCOW, time(9), time(18), extra_holidays=frozenset({date(2026, 12, 1)}))
        return {line: replace(rules, time=WorkingTime(hours)) for line, rules in of_lines().items()}

    after_a_start = CallBackRegister(database, with_a_day_off)
    assert await after_a_start.waiting() == [one.id]
    moved = await after_a_start.act(one.id, FollowCalendar(), BY, AT)
    assert (moved.window.since, moved.next_at) == (moscow("2026-12-02 10:00"), moscow("2026-12-02 10:00"))
    assert (await history(requests, filed.request.id))[-1] == ("moved", "the calendar of the line has changed")
