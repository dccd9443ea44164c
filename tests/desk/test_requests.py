"""Requests through the API: the form, what is said, what becomes of it, who may do what (ESTP 5.4.3–5.5.6, 5.7.1)."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callcenter.core import events
from callcenter.core.ids import LineId, PersonId
from callcenter.request_register.watch import TargetWatch, Warned
from callcenter.requests.actions import Delivered
from callcenter.requests.escalation import Escalation, Notice
from callcenter.requests.targets import TargetKind
from tests.desk.request_desk import (
    ANNA,
    BORIS,
    ENGINEER,
    FORM,
    HEAD,
    LEBEDEV,
    NUMBER,
    SCHOOL,
    SUPERVISOR,
    WORDS,
    Desk,
    of_lines,
    request_desk,
)

MINUTE = timedelta(minutes=1)
WARNINGS = Escalation(
    {
        TargetKind.FORM: Notice((15 * MINUTE,), (timedelta(),)),
        TargetKind.ASSIGNMENT: Notice((30 * MINUTE,), (timedelta(),)),
    }
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


# -- the operator's form -----------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.4.3")
@pytest.mark.clause("ESTP 5.5.1")
async def test_the_form_opens_from_the_call_and_has_the_words_to_say(desk: Desk) -> None:
    call = await desk.talking()
    await desk.post(ANNA, "note", call=call, subject="signature", text="Подпись не видна")
    opened = await desk.post(ANNA, "requests", call=call)
    assert (opened["line"], opened["state"], opened["number"]) == ("estp", "draft", "")
    assert (opened["subject_id"], opened["essentials"]) == ("signature", "Подпись не видна")
    who = {name: opened["requester"][name] for name in ("name", "number", "inn", "customer")}
    assert who == {"name": "Иванова", "number": NUMBER, "inn": SCHOOL.inn, "customer": SCHOOL.name}
    promised = opened["promises"]
    assert list(promised) == ["Срочно", "Контроль"]
    assert promised["Срочно"]["words"] == {
        "ru": "Ответ будет дан до 18:00 24 ноября, вторник.",
        "en": "You will have the answer by 18:00 on Tuesday, 24 November.",
    }
    assert promised["Контроль"]["words"]["ru"] == "Ответ будет дан до 18:00 26 ноября, четверг."
    arrived = datetime.fromisoformat(opened["received_at"])
    assert datetime.fromisoformat(opened["form_due"]) == arrived + timedelta(hours=1)
    assert (await desk.post(ANNA, "requests", call=call))["id"] == opened["id"], "a call has one form of a person"


@pytest.mark.clause("ESTP 5.5.1")
@pytest.mark.clause("ESTP 5.5.2")
@pytest.mark.clause("ESTP 5.5.3")
async def test_what_was_said_is_stored_and_the_form_goes_to_the_head_with_a_number(desk: Desk) -> None:
    form = await desk.form()
    words = form["promises"]["Контроль"]["words"]["ru"]
    told = await desk.act(ANNA, form, "tell", words=words)
    assert told["told"] == words
    await desk.act(ANNA, form, "submit", 409)  # it was seen before the words were stored
    passed = await desk.act(ANNA, told, "submit")
    assert (passed["number"], passed["state"], passed["told"]) == ("ESTP-2026-000001", "new", words)
    seen = await desk.get(HEAD, f"requests/{passed['number']}")
    assert (seen["way"], seen["address"], seen["essentials"]) == ("email", "zakaz@kedrovka.ru", WORDS)
    said = [entry for entry in seen["history"] if entry["fact"] == "said"]
    assert [(entry["by"], entry["why"]) for entry in said] == [("Анна", words)]
    assert (await desk.get(ANNA, "requests/drafts"))["requests"] == []


async def test_a_form_is_kept_while_it_is_typed_and_nothing_overwrites_what_others_write(desk: Desk) -> None:
    call = await desk.talking()
    opened = await desk.post(ANNA, "requests", call=call)
    path = f"requests/{opened['id']}/fill"
    first = await desk.post(ANNA, path, essentials="Под")
    await desk.post(ANNA, path, essentials="Подпись", name="Петрова", convenient="после обеда")
    late = await desk.post(ANNA, path, 409, version=first["version"], essentials="Подп")
    assert late["answer"] == "changed_meanwhile"
    assert "Анна" in late["message"]
    now = await desk.get(ANNA, f"requests/{opened['id']}")
    assert (now["essentials"], now["requester"]["name"], now["requester"]["inn"]) == ("Подпись", "Петрова", SCHOOL.inn)
    await desk.post(HEAD, path, 400, essentials="Чужое")  # a head has to say what they saw
    await desk.post(HEAD, path, version=now["version"], urgency="Срочно")
    await desk.post(BORIS, path, 403, essentials="Чужое")
    await desk.post(ANNA, path, way="telephone", address="+73420000778")
    again = await desk.get(ANNA, f"requests/{opened['id']}")
    assert (again["urgency"], again["way"], again["address"]) == ("Срочно", "telephone", "+73420000778")


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        ("subject", "This is missing: the subject."),
        ("essentials", "This is missing: what is asked."),
        ("way", "This is missing: the way of the answer."),
    ],
)
async def test_what_the_form_lacks_is_said(desk: Desk, left_out: str, message: str) -> None:
    call = await desk.talking()
    opened = await desk.post(ANNA, "requests", call=call)
    filled = {name: value for name, value in FORM.items() if name != left_out}
    filled = await desk.post(ANNA, f"requests/{opened['id']}/fill", **filled)
    told = await desk.act(ANNA, filled, "submit", 400)
    assert told["message"] == message
    answer = await desk.browsers[ANNA].post(
        f"/api/requests/{opened['id']}/submit",
        json={"version": filled["version"]},
        headers={"Accept-Language": "ru"},
    )
    assert (await answer.json())["message"].startswith("Не хватает:")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"urgency": "Завтра"}, "unknown"),
        ({"subject": "poetry"}, "unknown"),
        ({"way": "pigeon", "address": "x"}, "wrong_value"),
        ({"essentials": "ы" * 100_001}, "wrong_value"),
        ({"inn": "590000 or 1=1"}, "wrong_value"),
        ({"convenient": "x" * 501}, "wrong_value"),
        ({"convenient": "x", "convenient_from": "tomorrow"}, "wrong_value"),
        ({"colour": "red"}, "unknown_field"),
    ],
)
async def test_bad_values_are_refused_with_words(desk: Desk, body: dict[str, Any], answer: str) -> None:
    call = await desk.talking()
    opened = await desk.post(ANNA, "requests", call=call)
    told = await desk.post(ANNA, f"requests/{opened['id']}/fill", 400, **body)
    assert told["answer"] == answer
    assert told["message"]


async def test_a_megabyte_is_refused_and_what_hides_is_left_out(desk: Desk) -> None:
    call = await desk.talking()
    opened = await desk.post(ANNA, "requests", call=call)
    path = f"requests/{opened['id']}/fill"
    told = await desk.post(ANNA, path, 413, essentials="a" * 1_000_000)
    assert told["message"] == "The body is too large. Kilobytes allowed: 768."
    await desk.post(ANNA, path, essentials="<b>a</b>\u202e\r\nb\x00c", name="\u202eеволИ <i>")
    now = await desk.get(ANNA, f"requests/{opened['id']}")
    assert (now["essentials"], now["requester"]["name"]) == ("<b>a</b>\nbc", "еволИ <i>")


async def test_a_form_comes_from_ones_own_call_or_from_a_line(desk: Desk) -> None:
    call = await desk.talking()
    await desk.post(BORIS, "requests", 403, call=call)
    await desk.post(ANNA, "requests", 400)
    await desk.post(ANNA, "requests", 404, line="elot")
    opened = await desk.post(HEAD, "requests", line="tbs")
    assert (opened["line"], opened["requester"]["number"]) == ("tbs", "")
    assert opened["promises"]["technical error"] == {
        "due": None,
        "words": {
            "ru": "Срок ответа не назначен; когда он будет известен, вам сообщат.",
            "en": "No date is set for an answer to this; you will be told as soon as there is one.",
        },
    }


@pytest.mark.clause("ESTP 5.5.3")
async def test_forms_that_grow_old_are_on_the_operators_list_and_on_the_heads(desk: Desk) -> None:
    form = await desk.form()
    desk.line.passes(2 * 3600)
    [mine] = (await desk.get(ANNA, "requests/drafts"))["requests"]
    assert (mine["id"], mine["overdue"], mine["due_kind"]) == (form["id"], True, "form")
    assert (await desk.get(BORIS, "requests/drafts"))["requests"] == []
    [theirs] = (await desk.get(HEAD, "requests/drafts/all"))["requests"]
    assert (theirs["opened_by"], theirs["requester"]) == ("Анна", "Иванова")


async def test_the_callers_earlier_requests_are_listed_and_what_is_open_is_on_top(desk: Desk) -> None:
    old = await desk.in_work()
    newer = await desk.new(essentials="Второе")
    refused = await desk.act(HEAD, newer, "refuse", reason="хулиганство", why="Брань")
    call = await desk.talking("+73420000888")
    opened = await desk.post(ANNA, "requests", call=call)
    told = await desk.get(ANNA, f"requests/caller?call={call}")
    assert [one["id"] for one in told["of_call"]] == [opened["id"]]
    assert [one["number"] for one in told["earlier"]] == [old["number"], refused["number"]], "of the body, by INN"
    await desk.get(BORIS, f"requests/caller?call={call}", 403)
    await desk.get(ANNA, "requests/caller", 400)
    assert (ANNA, "requests seen", f"3: of the caller of {call}") in await desk.audited()


# -- where a request stands --------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.7")
async def test_every_operator_tells_where_a_request_stands_by_its_number_and_no_more(desk: Desk) -> None:
    filed = await desk.in_work()
    for number in ("ESTP-2026-000001", "estp-2026-000001"):
        told = await desk.get(BORIS, f"requests/state?number={number}")
        assert (told["state"], told["words"]["ru"]) == ("in_work", "Ответ будет дан до 18:00 26 ноября, четверг.")
        assert not {"essentials", "history", "requester", "messages"} & told.keys()
    seen = await desk.get(BORIS, f"requests/{filed['id']}")
    assert "essentials" not in seen
    assert "history" in await desk.get(ANNA, f"requests/{filed['id']}"), "who opened it reads what became of it"
    for number in ("ESTP-2026-000002", "12", "%00", "ё", ""):
        assert (await desk.get(BORIS, f"requests/state?number={number}", 404))["answer"] == "unknown"
    assert (BORIS, "request state seen", "ESTP-2026-000001") in await desk.audited()


NUMBERS, BY_WORDS = ("ESTP-2026-000001", "1", NUMBER, SCHOOL.inn), ("контракты", "Кедровка")


async def found(desk: Desk, who: str, asked: str) -> Any:
    return (await desk.get(who, f"requests/search?q={asked}".replace("+", "%2B")))["requests"]


async def test_a_request_is_found_by_number_telephone_and_words(desk: Desk) -> None:
    filed = await desk.new()
    for asked in (*NUMBERS, *BY_WORDS):
        assert [one["number"] for one in await found(desk, ANNA, asked)] == [filed["number"]], asked
    assert (await desk.get(BORIS, "requests/search?q="))["requests"] == []
    assert (await desk.get(BORIS, "requests/search?q=" + "'%22<>" * 30))["requests"] == []
    assert (ANNA, "requests seen", "1: found") in await desk.audited()


async def test_in_lists_everybody_sees_names_and_words_of_what_they_need_alone(desk: Desk) -> None:
    """Their own in full, of others where these stand; the audit log says which it was."""
    filed = await desk.new(who=ANNA)
    form = await desk.form(who=ANNA, essentials="Форма о контракте")
    for who in (ANNA, HEAD, SUPERVISOR):
        [one] = await found(desk, who, filed["number"])
        assert (one["in_full"], one["essentials"], one["requester"]) == (True, WORDS, "Иванова"), who
        assert {one["id"] for one in await found(desk, who, "контракты")} == {filed["id"], form["id"]}
    for who in (BORIS, LEBEDEV):
        for asked in NUMBERS:
            [one] = await found(desk, who, asked)
            assert (one["number"], one["state"], one["in_full"]) == (filed["number"], "new", False)
            assert one["due"] is not None
            hidden = ("subject", "urgency", "essentials", "requester", "opened_by", "assignee")
            assert not any(one[name] for name in hidden), one
        for asked in BY_WORDS:
            assert await found(desk, who, asked) == [], "whoever finds by words learns that they are there"
        page = await desk.page(who, f"/requests/find?q={NUMBER.replace('+', '%2B')}")
        assert filed["number"] in page
        assert "не ваше: видно, на какой оно стадии" in page
        assert "Иванова" not in page
        assert WORDS not in page
        assert "Здесь пусто." in await desk.page(who, "/requests/find?q=контракты")
    await desk.act(HEAD, filed, "assign", kind="group", id="technical")
    [one] = await found(desk, LEBEDEV, "контракты")
    assert (one["in_full"], one["essentials"]) == (True, WORDS), "it is their group's now"
    assert await found(desk, BORIS, "контракты") == []
    log = await desk.audited()
    assert (BORIS, "requests seen", "1: found; 1 of them by number and state alone") in log
    assert (LEBEDEV, "requests seen", "1: found") in log


async def test_the_caller_at_hand_is_seen_in_full_whoever_works_on_it(desk: Desk) -> None:
    filed = await desk.in_work()
    desk.line.tell(events.Return(PersonId(BORIS)), events.Pause("lunch", person=PersonId(ANNA)))
    call = await desk.talking()
    told = await desk.get(BORIS, f"requests/caller?call={call}")
    [one] = told["earlier"]
    assert (one["number"], one["in_full"], one["essentials"]) == (filed["number"], True, WORDS)
    assert (BORIS, "requests seen", f"1: of the caller of {call}") in await desk.audited()


# -- from the head to the answer ---------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.5.3")
@pytest.mark.clause("ESTP 5.5.6")
@pytest.mark.clause("ESTP 5.4.4")
async def test_a_request_is_assigned_answered_and_closed_and_the_history_tells_it(desk: Desk) -> None:
    filed = await desk.new()
    await desk.act(LEBEDEV, filed, "start", 403)
    filed = await desk.act(HEAD, filed, "assign", kind="person", id=LEBEDEV)
    assert filed["assignee"] == {"kind": "person", "id": LEBEDEV, "name": "Лебедев"}
    [mine] = (await desk.get(LEBEDEV, "requests/mine"))["requests"]
    assert (mine["number"], mine["due_kind"]) == (filed["number"], "answer")
    filed = await desk.act(LEBEDEV, filed, "start")
    filed = await desk.act(LEBEDEV, filed, "answer", text="Перевыпустите сертификат.")
    assert (filed["state"], filed["messages"][0]["purpose"], filed["messages"][0]["fate"]) == (
        "answered",
        "answer",
        "waiting",
    )
    told = await desk.act(LEBEDEV, filed, "close", 409)
    assert told["answer"] == "under_way"
    seen = await desk.get(SUPERVISOR, f"requests/{filed['id']}")
    steps = [(entry["by"], entry["what"]) for entry in seen["history"] if entry["fact"] == "step"]
    assert steps == [
        ("Анна", "submit"),
        ("Галина Петровна", "assign"),
        ("Лебедев", "start"),
        ("Лебедев", "answer"),
    ]
    assert (LEBEDEV, "request answered", filed["number"]) in desk.accounts.entries
    assert (SUPERVISOR, "request seen", filed["number"]) in await desk.audited()


@pytest.mark.clause("ESTP 5.5.3")
async def test_a_group_is_responsible_and_anyone_of_it_works(desk: Desk) -> None:
    filed = await desk.new()
    assert (await desk.act(HEAD, filed, "assign", 400, kind="group", id="cooks"))["answer"] == "unknown_assignee"
    assert (await desk.act(HEAD, filed, "assign", 400, kind="person", id=ENGINEER))["answer"] == "unknown_assignee"
    filed = await desk.act(HEAD, filed, "assign", kind="group", id="technical")
    assert filed["assignee"]["name"] == "Технические специалисты"
    await desk.act(BORIS, filed, "start", 403)
    assert len((await desk.get(LEBEDEV, "requests/mine"))["requests"]) == 1
    filed = await desk.act(LEBEDEV, filed, "start")
    filed = await desk.act(LEBEDEV, filed, "hand-back", why="Не по нашей части")
    assert (filed["state"], filed["assignee"]) == ("new", None)
    department = {"kind": "department", "id": "Удостоверяющий центр", "email": "uc@example.ru"}
    filed = await desk.act(HEAD, filed, "assign", text="Проверьте сертификат", **department)
    assert filed["messages"][0]["address"] == "uc@example.ru"


@pytest.mark.clause("ESTP 5.5.5")
async def test_an_interim_reply_has_all_causes_and_a_new_date_and_the_first_target_stays(desk: Desk) -> None:
    filed = await desk.in_work()
    due = filed["targets"][-1]["due"]
    causes = ["Нет ответа удостоверяющего центра", "Праздничные дни"]
    early = await desk.act(LEBEDEV, filed, "inform", 400, causes=causes, expected="2026-11-24T12:00:00+03:00")
    assert early["answer"] == "date"
    filed = await desk.act(LEBEDEV, filed, "inform", causes=causes, expected="2026-11-30T12:00:00+03:00")
    answer = next(one for one in filed["targets"] if one["kind"] == "answer")
    assert (answer["due"], datetime.fromisoformat(answer["promised"])) == (
        due,
        datetime.fromisoformat("2026-11-30T12:00:00+03:00"),
    )
    assert filed["messages"][0]["text"] == (
        "Ответ на обращение ESTP-2026-000001 задерживается: Нет ответа удостоверяющего центра; Праздничные дни. "
        "Ответ будет дан до 12:00 30 ноября, понедельник."
    )
    await desk.act(LEBEDEV, filed, "inform", 400, causes=[], expected="2026-12-01T12:00:00+03:00")


async def test_the_customer_is_asked_and_replies_on_the_telephone(desk: Desk) -> None:
    filed = await desk.in_work()
    filed = await desk.act(LEBEDEV, filed, "ask", text="Пришлите номер сертификата", why="Не указан")
    assert filed["state"] == "pending"
    early = await desk.act(LEBEDEV, filed, "close-without-reply", 409, done="Искали")
    assert early["answer"] == "under_way"
    told = await desk.post(BORIS, f"requests/{filed['number']}/receive", text="Номер 12 34")
    assert told["state"] == "in_work", "any operator files what the customer says"
    assert "received" not in told
    seen = await desk.get(LEBEDEV, f"requests/{filed['id']}")
    assert [(one["text"], one["sender"]) for one in seen["received"]] == [("Номер 12 34", NUMBER)]
    await desk.post(BORIS, f"requests/{filed['id']}/receive", 400, text=" \n")


async def test_urgency_and_way_are_changed_with_a_reason(desk: Desk) -> None:
    filed = await desk.in_work()
    await desk.act(LEBEDEV, filed, "urgency", 403, urgency="Срочно", why="Просит")
    await desk.act(HEAD, filed, "urgency", 400, urgency="Срочно", why="")
    filed = await desk.act(HEAD, filed, "urgency", urgency="Срочно", why="Торги завтра")
    filed = await desk.act(LEBEDEV, filed, "reply", way="telephone", address=NUMBER, why="Почта не работает")
    assert (filed["urgency"], filed["way"], filed["words"]["ru"]) == (
        "Срочно",
        "telephone",
        "Ответ будет дан до 18:00 24 ноября, вторник.",
    )


async def test_two_requests_become_one_and_one_becomes_two(desk: Desk) -> None:
    first, second = await desk.in_work(), await desk.new(essentials="То же самое")
    await desk.act(LEBEDEV, first, "merge", 403, into=second["id"], why="Одно и то же")
    await desk.act(HEAD, second, "merge", 404, into="ESTP-2026-000009", why="Одно и то же")
    stays = await desk.act(HEAD, second, "merge", into=first["number"], why="Одно и то же")
    assert stays["id"] == first["id"]
    gone = await desk.get(HEAD, f"requests/{second['id']}")
    assert (gone["state"], gone["merged_into"]) == ("merged", first["number"])
    part = await desk.act(HEAD, stays, "split", subject="other", essentials="Ещё вопрос", why="Два вопроса")
    assert (part["number"], part["state"], part["essentials"]) == ("ESTP-2026-000003", "new", "Ещё вопрос")


async def test_a_line_asks_two_questions_before_it_closes(desk: Desk) -> None:
    opened = await desk.post(HEAD, "requests", line="tbs")
    form = {"subject": "Вход", "essentials": "Не пускает", "urgency": "question", "way": "email", "address": "a@b.ru"}
    filed = await desk.act(HEAD, opened, "fill", **form)
    filed = await desk.act(HEAD, filed, "submit")
    filed = await desk.act(HEAD, filed, "assign", kind="person", id=LEBEDEV)
    filed = await desk.act(LEBEDEV, filed, "start")
    filed = await desk.act(LEBEDEV, filed, "answer", text="Смените пароль.")
    await desk.register.report(Delivered(filed["messages"][0]["key"]), desk.now)
    filed = await desk.get(LEBEDEV, f"requests/{filed['id']}")
    assert (await desk.act(LEBEDEV, filed, "close", 409))["answer"] == "unsolved"
    assert (await desk.act(LEBEDEV, filed, "close", 409, solved=True, more=True))["answer"] == "unsolved"
    closed = await desk.act(LEBEDEV, filed, "close", solved=True, more=False)
    assert closed["state"] == "closed"
    again = await desk.act(LEBEDEV, closed, "reopen", why="Клиент перезвонил")
    assert again["state"] == "in_work"


# -- the head's board --------------------------------------------------------------------------------------------------


async def test_the_board_is_narrowed_down_and_several_are_assigned_at_once(desk: Desk) -> None:
    urgent, ordinary = await desk.new(urgency="Срочно"), await desk.new()
    started = await desk.in_work()
    numbers = [one["number"] for one in (await desk.get(HEAD, "requests?kind=assignment"))["requests"]]
    assert numbers == [urgent["number"], ordinary["number"]]
    assert (await desk.get(SUPERVISOR, "requests?state=in_work&line=estp"))["number"] == 1
    assert (await desk.get(HEAD, f"requests?assignee={LEBEDEV}"))["requests"][0]["number"] == started["number"]
    assert (await desk.get(HEAD, "requests?assignee=-"))["number"] == 2
    assert (await desk.get(HEAD, "requests?urgency=Срочно&state=nonsense&line=elot&skip=x"))["number"] == 1
    today = (await desk.get(HEAD, "requests?today=1"))["requests"]
    assert [one["due_kind"] for one in today] == ["assignment", "assignment"]
    desk.line.passes(6 * 3600)
    assert (await desk.get(HEAD, "requests?overdue=1"))["number"] == 2
    seen = [{"id": one["id"], "version": one["version"]} for one in (urgent, ordinary)]
    seen[1]["version"] = 1
    told = await desk.post(HEAD, "requests/assign", requests=seen, kind="group", id="technical")
    assert [one["done"] for one in told["requests"]] == [True, False]
    assert "changed meanwhile" in told["requests"][1]["problem"]
    for who in (ANNA, LEBEDEV, SUPERVISOR, ENGINEER):
        await desk.post(who, "requests/assign", 403, requests=seen, kind="group", id="technical")
    for who in (ANNA, LEBEDEV, ENGINEER):
        await desk.get(who, "requests", 403)


async def test_two_heads_who_assign_at_once_the_second_is_told(desk: Desk) -> None:
    filed = await desk.new()
    path = f"/api/requests/{filed['id']}/assign"
    bodies = [{"version": filed["version"], "kind": "person", "id": who} for who in (LEBEDEV, BORIS)]
    answers = await asyncio.gather(*(desk.browsers[HEAD].post(path, json=body) for body in bodies))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert [await answer.json() for answer in answers if answer.status == 409][0]["answer"] == "changed_meanwhile"


async def test_two_people_in_one_request_see_each_other(desk: Desk) -> None:
    filed = await desk.in_work()
    desk.line.passes(61)  # who opened the form has closed it
    assert (await desk.get(LEBEDEV, f"requests/{filed['id']}"))["viewers"] == []
    assert [one["person"] for one in (await desk.get(HEAD, f"requests/{filed['id']}"))["viewers"]] == ["Лебедев"]
    looked = await desk.post(LEBEDEV, f"requests/{filed['id']}/look")
    assert ([one["person"] for one in looked["viewers"]], looked["version"]) == (["Галина Петровна"], filed["version"])
    await desk.post(BORIS, f"requests/{filed['id']}/look", 403)


async def test_a_supervisor_reads_and_changes_nothing_and_an_engineer_sees_nothing(desk: Desk) -> None:
    filed = await desk.in_work()
    assert (await desk.get(SUPERVISOR, f"requests/{filed['id']}"))["essentials"] == WORDS
    for action in ("start", "answer", "close", "assign", "refuse", "submit", "fill", "tell"):
        await desk.act(SUPERVISOR, filed, action, 403)
    for path in ("requests", "requests/options", f"requests/{filed['id']}", "requests/state?number=1"):
        await desk.get(ENGINEER, path, 403)


async def test_while_the_database_is_locked_nothing_is_done_and_it_is_said(desk: Desk, tmp_path: Path) -> None:
    filed = await desk.assigned()
    with closing(sqlite3.connect(tmp_path / "register.sqlite", isolation_level=None)) as other:
        other.execute("begin exclusive")
        told = await desk.act(LEBEDEV, filed, "start", 503)
        assert (told["answer"], told["message"]) == ("no_answer", "The call centre does not answer. Please try again.")
        other.execute("rollback")
    await desk.act(LEBEDEV, filed, "start")


# -- who is warned -----------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.5.4")
async def test_who_has_to_do_something_is_warned_at_the_desk_until_it_is_done(desk: Desk) -> None:
    """A form that grows old warns its operator, what nobody has assigned the head; and nobody else."""
    watch = TargetWatch(desk.line.register, of_lines, {LineId("estp"): Warned(WARNINGS, "", str)}, desk.line.clock)

    async def warned() -> dict[str, tuple[int, int]]:
        await watch.look(desk.now)
        await desk.warnings.refresh(desk.now)
        told = {who: await desk.get(who, "requests/warned") for who in (ANNA, BORIS, LEBEDEV, HEAD)}
        return {who: (one["near"], one["missed"]) for who, one in told.items()}

    form = await desk.form()
    assert not any(any(counts) for counts in (await warned()).values())
    desk.line.passes(50 * 60)
    assert await warned() == {ANNA: (1, 0), BORIS: (0, 0), LEBEDEV: (0, 0), HEAD: (1, 0)}
    desk.line.passes(15 * 60)
    assert await warned() == {ANNA: (0, 1), BORIS: (0, 0), LEBEDEV: (0, 0), HEAD: (0, 1)}
    page = await desk.page(HEAD, "/requests")
    assert re.search('<span class="badge missed" title="[а-я ]+">▲ 1<', page)
    assert "Обращения, которые ждут вас" in page
    assert form["id"] in await desk.page(HEAD, "/requests?warned=1&state=draft")
    assert "▲ 1" in await desk.page(ANNA, "/requests/mine")
    assert "▲ 1" in await desk.page(ANNA, "/account"), "on every page"
    assert "▲ 1" not in await desk.page(SUPERVISOR, "/requests")

    filed = await desk.act(ANNA, form, "submit")
    assert (await desk.get(HEAD, "requests/warned")) == {"near": 0, "missed": 0}, "at once"
    desk.line.passes(2 * 3600 - 60)
    assert await warned() == {ANNA: (0, 0), BORIS: (0, 0), LEBEDEV: (0, 0), HEAD: (1, 0)}
    found = (await desk.get(HEAD, "requests?warned=1"))["requests"]
    assert [(one["number"], one["due_kind"]) for one in found] == [(filed["number"], "assignment")]
    await desk.act(HEAD, filed, "assign", kind="person", id=LEBEDEV)
    assert (await desk.get(HEAD, "requests/warned")) == {"near": 0, "missed": 0}
    await desk.get(SUPERVISOR, "requests/warned", 403)


# -- the form's times, and another way of an interim reply -------------------------------------------------------------


async def test_a_convenient_time_is_from_until_in_the_lines_zone(desk: Desk) -> None:
    form = await desk.form()
    path = f"requests/{form['id']}/fill"
    times = {"convenient_from": "2026-11-24T10:00", "convenient_until": "2026-11-24T12:30"}
    await desk.post(ANNA, path, convenient="утром", **times)
    told = (await desk.get(ANNA, f"requests/{form['id']}"))["requester"]
    assert (told["convenient_from"], told["convenient_until"]) == (
        "2026-11-24T10:00:00+03:00",
        "2026-11-24T12:30:00+03:00",
    )
    page = await desk.page(ANNA, f"/requests/{form['id']}")
    assert 'name="convenient_from" maxlength="2000" value="2026-11-24T10:00"' in page
    for wrong in (
        {"convenient_until": "2026-11-24T12:30"},
        times | {"convenient_until": "2026-11-24T10:00"},
        times | {"convenient_until": "2026-11-24T10:00:00+05:00"},
    ):
        told = await desk.post(ANNA, path, 400, convenient="утром", **wrong)
        assert told["message"] == "The convenient time has to begin before it ends."
    await desk.post(ANNA, path, 400, convenient="утром", convenient_from="tomorrow")
    assert (await desk.get(ANNA, f"requests/{form['id']}"))["requester"]["convenient"] == "утром"


@pytest.mark.clause("ESTP 5.5.5")
async def test_an_interim_reply_leaves_on_another_way_by_a_form(desk: Desk) -> None:
    filed = await desk.in_work(way="letter", address="Кедровка, Школьная 1")
    fields = {"version": str(filed["version"]), "causes": "Ждём УЦ", "expected": "2026-11-30T12:00"}
    address = f"/requests/{filed['id']}/inform"
    assert "Способ этого ответа" in await desk.page(LEBEDEV, f"/requests/{filed['id']}")
    wrong = fields | {"reply_way": "email", "reply_address": "нет"}
    answer = await desk.send(LEBEDEV, address, wrong, 400)
    assert "«нет» — не адрес эл. почты" in await answer.text()
    await desk.send(LEBEDEV, address, fields | {"reply_way": "email", "reply_address": "a@b.ru"})
    now = await desk.get(LEBEDEV, f"requests/{filed['id']}")
    [message] = now["messages"]
    assert (message["purpose"], message["way"], message["address"]) == ("interim", "email", "a@b.ru")
    assert (now["way"], now["address"]) == ("letter", "Кедровка, Школьная 1"), "the answer goes as it was chosen"
