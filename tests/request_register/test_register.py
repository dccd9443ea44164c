"""The register of requests: what is decided is stored as it was decided, once, or not at all."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from callcenter.core.ids import LineId
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.errors import ActionRefused, ChangedMeanwhile, NoRequests, UnknownRequest
from callcenter.request_register.filed import Filed, Requester
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.requests.change import LONGEST_TEXT
from callcenter.requests.lifecycle import State
from callcenter.requests.refusal import Why
from callcenter.requests.request import Assignee, AssigneeKind, Fact, Fate, RequestId, Way
from callcenter.requests.targets import TargetKind
from callcenter.store import Register, RegisterError
from callcenter.store.tables import Call
from tests.databases import Where, held, on_postgresql, on_sqlite
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, CALLER, EMAIL, LEBEDEV, MINUTE, act, answered, draft, in_work, new
from tests.requests.lines import ESTP, moscow
from tests.store.stories import stored

pytestmark = pytest.mark.clause("ESTP 5.5.2")


@pytest.mark.clause("ESTP 5.5.1", "ESTP 5.5.3")
async def test_a_request_from_the_call_to_its_end_is_the_same_after_each_reading(requests: RequestRegister) -> None:
    filed = await answered(requests, call="1700000000.1")
    key = filed.request.messages[-1].key
    assert await requests.report(do.Delivered(key), CALLED + 6 * MINUTE)
    seen = await requests.filed(filed.request.id)
    assert seen.request.messages[-1].fate is Fate.SENT
    closed = await act(requests, seen, do.Close("201"), CALLED + 7 * MINUTE)
    assert closed.request.state is State.CLOSED
    assert str(closed.request.number) == "ESTP-2026-000001"
    assert (closed.requester, closed.call, closed.opened_by) == (CALLER, "1700000000.1", "101")
    assert await requests.numbered("estp-2026-000001") == closed
    answer = next(target for target in closed.request.targets if target.kind is TargetKind.ANSWER)
    assert answer.due == moscow("2026-12-03 18:00")
    history = await requests.history(filed.request.id)
    assert [entry.running for entry in history] == list(range(1, closed.request.entries + 1))
    assert {(entry.by, entry.what) for entry in history if entry.fact is Fact.STEP} == {
        ("101", "submit"),
        ("401", "assign"),
        ("201", "start"),
        ("201", "answer"),
        ("201", "close"),
    }


@pytest.mark.clause("ESTP 5.5.5")
async def test_pauses_promises_and_departments_come_back_as_they_were(requests: RequestRegister) -> None:
    filed = await in_work(requests)
    filed = await act(requests, filed, do.Ask("201", "Какой сертификат?", "не сказано"), CALLED + 5 * MINUTE)
    assert await requests.report(do.Delivered(filed.request.messages[-1].key), CALLED + 6 * MINUTE)
    filed = await requests.receive(
        filed.request.id, "<1@example.ru>", Way.EMAIL, EMAIL.address, "Вот такой", "customer", CALLED + 9 * MINUTE
    )
    assert filed.request.state is State.IN_WORK
    assert [message.text for message in filed.received] == ["Вот такой"]
    expected = moscow("2026-12-08 12:00")
    filed = await act(requests, filed, do.Inform("201", ("ждём ключ",), expected, "Будет 8-го."), CALLED + 10 * MINUTE)
    outside = Assignee(AssigneeKind.DEPARTMENT, "Удостоверяющий центр", "uc@example.ru")
    filed = await act(requests, filed, do.Assign("401", outside, "Посмотрите"), CALLED + 11 * MINUTE)
    answer = filed.request.target(TargetKind.ANSWER)
    assert answer is not None
    assert len(answer.pauses) == 1
    assert answer.promised == expected
    assert filed.request.assignee == outside
    assert await requests.filed(filed.request.id) == filed


async def test_what_came_in_twice_is_filed_once(requests: RequestRegister) -> None:
    filed = await answered(requests)
    for minute in (6, 7):
        filed = await requests.receive(
            filed.request.id, "<1@x>", Way.EMAIL, "a@b.ru", "Спасибо", "customer", CALLED + minute * MINUTE
        )
    assert len(filed.received) == 1
    assert filed.request.version == 7


@pytest.mark.clause("ESTP 5.5.3")
async def test_two_heads_assign_at_once_and_the_second_is_told_who_was_first(requests: RequestRegister) -> None:
    filed = await new(requests)
    outcomes = await asyncio.gather(
        *(
            requests.act(filed.request.id, filed.request.version, do.Assign(head, LEBEDEV), CALLED + 9 * MINUTE)
            for head in ("401", "402")
        ),
        return_exceptions=True,
    )
    [lost] = [outcome for outcome in outcomes if isinstance(outcome, ChangedMeanwhile)]
    present = await requests.filed(filed.request.id)
    assert lost.version == present.request.version == filed.request.version + 1
    assert lost.by in ("401", "402")
    assigned = [entry for entry in await requests.history(filed.request.id) if entry.what == "assign"]
    assert [entry.by for entry in assigned] == [lost.by]


async def test_a_refusal_changes_nothing_and_takes_no_number(requests: RequestRegister, where: Where) -> None:
    opened = await requests.open_draft(LineId("estp"), "101", CALLED, CALLED)
    with pytest.raises(ActionRefused, match="This is missing: the subject") as refused:
        await act(requests, opened, do.Submit("101"), CALLED)
    assert refused.value.refused.why is Why.EMPTY
    assert await requests.filed(opened.request.id) == opened
    assert stored(where, "SELECT last FROM request_counters") == []
    filed = await new(requests)
    assert str(filed.request.number) == "ESTP-2026-000001"


async def test_many_submit_at_once_and_the_numbers_have_no_gap(requests: RequestRegister, where: Where) -> None:
    drafts = [await draft(requests) for _ in range(20)]
    wrong = [await requests.open_draft(LineId("estp"), "101", CALLED, CALLED) for _ in range(10)]
    both = [one for pair in zip(drafts, [*wrong, *wrong], strict=True) for one in pair]
    await asyncio.gather(
        *(act(requests, one, do.Submit("101"), CALLED + 9 * MINUTE) for one in both), return_exceptions=True
    )
    assert sorted(stored(where, "SELECT running FROM requests WHERE running > 0")) == [(n,) for n in range(1, 21)]
    assert stored(where, "SELECT line, year, last FROM request_counters") == [("estp", 2026, 20)]


async def test_a_year_ends_in_the_zone_of_the_line_and_its_counter_with_it(requests: RequestRegister) -> None:
    silvester = moscow("2026-12-31 23:30")
    old = await draft(requests, at=silvester)
    last = await act(requests, old, do.Submit("101"), moscow("2026-12-31 23:59"))
    late = await draft(requests, at=silvester)
    first = await act(requests, late, do.Submit("101"), moscow("2027-01-01 00:00"))
    assert [str(one.request.number) for one in (last, first)] == ["ESTP-2026-000001", "ESTP-2027-000001"]


async def test_each_line_has_numbers_and_rules_of_its_own(requests: RequestRegister) -> None:
    await new(requests)
    other = await new(requests, line="tbs", urgency="question")
    assert str(other.request.number) == "TBS-2026-000001"
    with pytest.raises(NoRequests, match="'elot' has no `requests`"):
        await requests.open_draft(LineId("elot"), "101", CALLED, CALLED)


async def test_the_form_of_a_call_is_opened_once(requests: RequestRegister) -> None:
    first = await requests.open_draft(LineId("estp"), "101", CALLED, CALLED, call="17.1")
    again = await requests.open_draft(LineId("estp"), "101", CALLED, CALLED + MINUTE, call="17.1")
    colleague = await requests.open_draft(LineId("estp"), "102", CALLED, CALLED + MINUTE, call="17.1")
    assert again.request.id == first.request.id != colleague.request.id


@pytest.mark.clause("ESTP 5.4.3")
async def test_a_form_of_a_call_is_filled_from_it(requests: RequestRegister, database: Register) -> None:
    with pytest.raises(UnknownRequest, match="has no call '17.1' yet"):
        await requests.open_of_call("17.1", "101", CALLED)
    async with database.session() as session:
        texts = {"call": "17.1", "line": "estp", "number": CALLER.number, "name": CALLER.name, "inn": CALLER.inn}
        texts |= {"customer": CALLER.customer}
        more = ("identification", "role", "urgency", "operator", "outcome", "hung_up_by", "cause_text", "recording")
        texts |= dict.fromkeys((*more, "recording_sha256", "recording_problem"), "")
        session.add(Call(**texts, arrived_at=CALLED, info_visits=0, talk=0.0))
    filed = await requests.open_of_call("17.1", "101", CALLED + 5 * MINUTE)
    assert (filed.requester, filed.request.received_at, filed.call) == (CALLER, CALLED, "17.1")
    form = filed.request.target(TargetKind.FORM)
    assert form is not None
    assert form.due == CALLED + 60 * MINUTE


async def test_two_programs_change_the_same_register(
    requests: RequestRegister, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The controller, and somebody at a terminal. Who finds the register locked is told so, and tries again."""
    monkeypatch.setattr("callcenter.request_register.deadline.WITHIN", 60.0)  # a busy machine is another story
    register = await Register.open(where, create=False, busy_timeout=60)
    terminal = RequestRegister(register, of_lines)

    async def submit(at: RequestRegister, filed: Filed) -> Filed:
        while True:
            with suppress(RegisterError):
                return await act(at, filed, do.Submit("101"), CALLED + 9 * MINUTE)

    try:
        drafts = [await draft(requests) for _ in range(20)]
        both = [requests, terminal] * 20
        outcomes = await asyncio.gather(
            *(submit(both[n], drafts[n // 2]) for n in range(40)),
            return_exceptions=True,
        )
    finally:
        await register.close()
    refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert (len(refusals), {type(one) for one in refusals}) == (20, {ChangedMeanwhile}), refusals
    assert sorted(stored(where, "SELECT running FROM requests")) == [(n,) for n in range(1, 21)]


@pytest.mark.clause("ESTP 5.5.1")
async def test_what_was_said_about_the_date_is_stored(requests: RequestRegister) -> None:
    filed = await draft(requests)
    assert requests.promise(LineId("estp"), "Срочно", CALLED) == moscow("2026-12-01 18:00")
    filed = await requests.tell(filed.request.id, filed.request.version, "до 18:00 3 декабря", "101", CALLED + MINUTE)
    assert filed.told == "до 18:00 3 декабря"
    [said] = [entry for entry in await requests.history(filed.request.id) if entry.fact is Fact.SAID]
    assert (said.by, said.why) == ("101", "до 18:00 3 декабря")


async def test_who_asks_can_be_corrected_and_the_history_says_by_whom(requests: RequestRegister) -> None:
    filed = await draft(requests)
    other = replace(CALLER, number="+73422000002", convenient="после обеда", convenient_from=CALLED)
    filed = await requests.describe(filed.request.id, filed.request.version, other, "102", CALLED + MINUTE)
    assert filed.requester == other
    assert (await requests.history(filed.request.id))[-1].by == "102"


async def test_a_merger_and_a_split_are_stored_on_both_sides(requests: RequestRegister, board: RequestBoard) -> None:
    one, two = await new(requests), await new(requests)
    ended, went_on = await requests.merge(
        one.request.id, one.request.version, two.request.id, two.request.version, "401", "то же", CALLED + 9 * MINUTE
    )
    assert ended.request.merged_into == two.request.number
    assert ended.request.state is State.MERGED
    old, part = await requests.split(
        two.request.id,
        went_on.request.version,
        "Счёт",
        "Когда вернут деньги?",
        "401",
        "два вопроса",
        CALLED + 9 * MINUTE,
    )
    assert str(part.request.number) == "ESTP-2026-000003"
    assert part.requester == old.requester == CALLER
    assert [row.id for row in await board.search("вернули деньги")] == [part.request.id]


async def test_in_bulk_each_request_is_a_transaction_of_its_own(requests: RequestRegister) -> None:
    good, gone = await new(requests), await new(requests)
    await act(requests, gone, do.Refuse("401", "хулиганство", "брань"), CALLED + 8 * MINUTE)
    outcomes = await requests.act_on_many(
        [(one.request.id, one.request.version) for one in (gone, good)], do.Assign("401", LEBEDEV), CALLED + 9 * MINUTE
    )
    assert [outcome.filed is not None for outcome in outcomes] == [False, True]
    assert "was changed meanwhile by 401" in outcomes[0].problem


@pytest.mark.parametrize(
    "text",
    ["NUL \0 here", "\u202eзеркало", "\ud800 alone", "<script>alert(1)</script>", "'; DROP TABLE requests; --", "=1+1"],
)
async def test_hostile_texts_are_stored_as_text(requests: RequestRegister, board: RequestBoard, text: str) -> None:
    hostile = Requester(text, text, text, text, text)
    filed = await new(requests, words=f"{text} вопрос", requester=hostile)
    again = await requests.filed(filed.request.id)
    assert again == filed
    assert not {"\0", "\u202e", "\ud800"} & set(filed.request.essentials)
    assert [row.id for row in await board.search("вопросы")] == [filed.request.id]
    assert await board.search(text) is not None
    with pytest.raises(UnknownRequest):
        await requests.numbered(text)


async def test_a_text_of_a_megabyte_is_refused_and_the_longest_is_kept(requests: RequestRegister) -> None:
    filed = await in_work(requests)
    with pytest.raises(ActionRefused, match="1000000 characters; allowed are 100000") as refused:
        await act(requests, filed, do.Answer("201", "ю" * 1_000_000), CALLED + 9 * MINUTE)
    assert refused.value.refused.why is Why.TOO_LONG
    filed = await act(requests, filed, do.Answer("201", "ю" * LONGEST_TEXT), CALLED + 9 * MINUTE)
    assert len((await requests.filed(filed.request.id)).request.messages[-1].text) == LONGEST_TEXT


async def test_a_locked_database_is_an_error_with_a_name_and_nothing_is_half_done(
    requests: RequestRegister, where: Where
) -> None:
    filed = await new(requests)
    with held(where, "requests"):
        with pytest.raises(RegisterError, match="locked by another process"):
            await act(requests, filed, do.Assign("401", LEBEDEV), CALLED + 9 * MINUTE)
        assert await requests.filed(filed.request.id) == filed, "reading goes on"
    assert (await act(requests, filed, do.Assign("401", LEBEDEV), CALLED + 9 * MINUTE)).request.version == 4


async def test_a_database_that_does_not_answer_is_an_error_with_a_name(
    requests: RequestRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = await new(requests)
    monkeypatch.setattr("callcenter.request_register.deadline.WITHIN", 0.0)
    with pytest.raises(RegisterError, match="has not answered"):
        await act(requests, filed, do.Assign("401", LEBEDEV), CALLED + 9 * MINUTE)


THE_DISK_FAILS = {
    True: (
        "CREATE TRIGGER bad BEFORE UPDATE ON request_counters WHEN NEW.last > 0 BEGIN SELECT RAISE(ABORT, 'full'); END",
    ),
    False: (
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER bad BEFORE UPDATE ON request_counters FOR EACH ROW WHEN (NEW.last > 0) EXECUTE FUNCTION fail()",
    ),
}
"""When the last row is written; by whether it is SQLite."""


async def test_a_failure_between_the_rows_of_one_action_leaves_none_of_them(
    requests: RequestRegister, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = await draft(requests)
    before = stored(where, "SELECT * FROM requests"), stored(where, "SELECT * FROM request_history")
    for statement in THE_DISK_FAILS[isinstance(where, Path)]:
        stored(where, statement)
    with pytest.raises(RegisterError):
        await act(requests, filed, do.Submit("101"), CALLED + 2 * MINUTE)
    assert (stored(where, "SELECT * FROM requests"), stored(where, "SELECT * FROM request_history")) == before
    stored(where, "DROP TRIGGER bad" + ("" if isinstance(where, Path) else " ON request_counters"))
    assert str((await act(requests, filed, do.Submit("101"), CALLED + 2 * MINUTE)).request.number) == "ESTP-2026-000001"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE request_history SET by = 'nobody'",
        "UPDATE request_history SET why = ''",
        "DELETE FROM request_history",
        "INSERT INTO request_history (request, running, at, by, fact, what, state, why) "
        "SELECT request, 1, at, by, fact, what, state, why FROM request_history LIMIT 1",
    ],
)
async def test_the_history_is_only_added_to(requests: RequestRegister, where: Where, change: str) -> None:
    await new(requests)
    with pytest.raises(IntegrityError, match="only added to"):
        stored(where, change)


@on_sqlite
async def test_the_history_is_not_replaced(requests: RequestRegister, where: Where) -> None:
    await new(requests)
    with pytest.raises(IntegrityError, match="only added to"):
        stored(where, "INSERT OR REPLACE INTO request_history SELECT * FROM request_history WHERE running = 1")


@on_postgresql
async def test_the_history_is_not_emptied(requests: RequestRegister, where: Where) -> None:
    await new(requests)
    with pytest.raises(IntegrityError, match="only added to"):
        stored(where, "TRUNCATE request_history")


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["Срочно", "Контроль"]), max_size=5), st.integers(0, 3))
async def test_counters_of_any_mixture_have_no_gaps(
    tmp_path_factory: pytest.TempPathFactory, urgencies: list[str], refused: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "register.sqlite"
    register = await Register.open(path)
    try:
        requests = RequestRegister(register, of_lines)
        for urgency in urgencies:
            await new(requests, urgency=urgency)
        for _ in range(refused):
            opened = await requests.open_draft(LineId("estp"), "101", CALLED, CALLED)
            await act(requests, opened, do.Refuse("101", "хулиганство", "брань"), CALLED)
    finally:
        await register.close()
    given_numbers = [n for (n,) in stored(path, "SELECT running FROM requests ORDER BY running")]
    assert given_numbers == list(range(1, len(urgencies) + refused + 1))


async def test_there_is_no_such_request(requests: RequestRegister) -> None:
    for asked in (
        requests.filed(RequestId("none")),
        requests.history(RequestId("none")),
        requests.numbered("ESTP-2026-000009"),
    ):
        with pytest.raises(UnknownRequest):
            await asked
    with pytest.raises(UnknownRequest):
        await requests.act(RequestId("none"), 1, do.Start("201"), CALLED)


def test_stories_are_of_a_working_day() -> None:
    assert ESTP.time.hours.is_open(CALLED + timedelta(minutes=9))
