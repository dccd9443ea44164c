"""An operator's day at the page, as the API sees it (ESTP 5.3.1, 5.4.4, 5.4.5, 2.1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callcenter.core import events
from callcenter.core.commands import Answer
from callcenter.core.ids import LineId, PersonId, PhoneName
from callcenter.desk.responses import SENTENCES
from callcenter.desk.sessions import LIFETIME, PER_PERSON, Sessions
from callcenter.planning.forecast import Forecast, Need
from tests.desk.conftest import Browser, Clock, LogIn
from tests.desk.fake_accounts import PASSWORD, FakeAccounts
from tests.desk.fake_backend import FakeBackend, call


@pytest.mark.clause("ESTP 5.4.5")
async def test_a_number_is_called(browser: Browser, backend: FakeBackend, log_in: LogIn) -> None:
    await log_in()
    for number, line in (("8 (342) 000-00-09", None), ("+7 342 000 00 09", "estp"), ("112", None)):
        body = {"number": number} | ({"line": line} if line else {})
        answer = await browser.post("/api/call", json=body)
        assert answer.status == 200, await answer.text()
    known = events.Customer("Министерство", "Заказчик", "5902290459")
    assert backend.events[1:] == [
        events.OutgoingAsked("101", "+73420000009", LineId(""), known, "page-1"),
        events.OutgoingAsked("101", "+73420000009", LineId("estp"), known, "page-1"),
        events.OutgoingAsked("101", "112", LineId(""), None, "page-1"),
    ]


@pytest.mark.parametrize("number", ["", "1", "абв", "+7 342", "+79125550101\r\nAction: Originate", "sip:a@b", "9" * 40])
async def test_what_is_no_number_is_called_by_nobody(
    browser: Browser, backend: FakeBackend, log_in: LogIn, number: str
) -> None:
    await log_in()
    answer = await browser.post("/api/call", json={"number": number})
    assert answer.status == 400
    told = await answer.json()
    assert told["answer"] == "wrong_value"
    assert "+7 342 292-19-60" in told["message"], "an example says what is allowed"
    assert not any(isinstance(event, events.OutgoingAsked) for event in backend.events)


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_shift_from_log_in_to_log_out(browser: Browser, backend: FakeBackend, log_in: LogIn) -> None:
    opened = await log_in()
    assert opened.status == 200
    assert await opened.json() == {"answer": "logged_in", "message": "Вы на смене."}
    paused = await browser.post("/api/pause", json={"reason": "lunch"})
    assert (await paused.json())["answer"] == "paused"
    me = await (await browser.get("/api/me")).json()
    assert (me["me"]["presence"], me["me"]["group_title"]) == ("paused", "Операторы")
    assert me["colleagues"] == [{"group": "technical", "title": "Технические специалисты", "free": 0}]
    assert me["lines"][0]["waiting"] == {"urgent": 1, "normal": 2}
    assert (await (await browser.post("/api/return", json={})).json())["answer"] == "returned"
    closed = await browser.post("/api/logout", json={})
    assert (await closed.json())["answer"] == "logged_out"
    assert (await browser.get("/api/me")).status == 401
    assert [type(event).__name__ for event in backend.events] == ["LogIn", "Pause", "Return", "LogOut"]


async def test_log_in_says_where_the_person_sits(backend: FakeBackend, log_in: LogIn) -> None:
    await log_in(phone="desk-7")
    assert backend.events == [events.LogIn("101", True, "desk-7", "page-1")]


async def test_somebody_on_shift_by_telephone_gets_a_session_and_stays_at_that_phone(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    backend.change("101", "available", phone="desk-9")
    assert (await log_in()).status == 200
    assert (await (await browser.get("/api/me")).json())["me"]["phone"] == "desk-9"


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(log_in: LogIn) -> None:
    cookie = (await log_in()).cookies["session"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert len(cookie.value) >= 43  # 256 random bits


async def test_a_wrong_password_reaches_the_core_but_opens_nothing(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    refused = await log_in(password="wrong")
    assert refused.status == 401
    assert "session" not in refused.cookies
    assert backend.events == [events.LogIn("101", False, "", "page-1")]
    assert (await browser.get("/api/me")).status == 401


async def test_an_unknown_person_is_told_the_same_as_a_wrong_password(log_in: LogIn) -> None:
    known, unknown = await log_in(password="wrong"), await log_in("nobody")
    assert (known.status, await known.read()) == (unknown.status, await unknown.read())


@pytest.mark.parametrize("more", [{"browser": True}, {"phone": "102-web"}])
async def test_nor_does_the_phone_that_they_ask_for_tell_who_there_is(
    backend: FakeBackend, log_in: LogIn, more: dict[str, object]
) -> None:
    backend.page_phones[PersonId("101")] = PhoneName("101-web")
    backend.page_phones[PersonId("102")] = PhoneName("102-web")
    answers = [await log_in(id, "wrong", **more) for id in ("101", "102", "999")]
    assert [(one.status, (await one.json())["answer"]) for one in answers] == [(401, "wrong_secret")] * 3


async def test_after_too_many_wrong_passwords_the_right_one_has_to_wait_too(log_in: LogIn) -> None:
    for _ in range(3):
        assert (await log_in(password="wrong")).status == 401
    throttled = await log_in(password=PASSWORD)
    assert throttled.status == 429
    assert (await throttled.json())["answer"] == "try_later"
    assert "session" not in throttled.cookies


async def test_a_browser_is_remembered_for_each_person_who_logged_in_there(
    accounts: FakeAccounts, log_in: LogIn
) -> None:
    cookie = (await log_in()).cookies["device-101"]
    assert (cookie.value, cookie["path"], cookie["httponly"]) == ("device of 101", "/api/login", True)
    await log_in("102")
    await log_in()
    assert accounts.origins == [("127.0.0.1", ""), ("127.0.0.1", ""), ("127.0.0.1", "device of 101")]
    refused = await log_in("201", password="wrong")
    assert "device-201" not in refused.cookies


async def test_logging_out_by_telephone_ends_the_session_at_the_page(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in()
    backend.change("101", "off")
    assert (await browser.get("/api/me")).status == 401
    backend.change("101", "available")  # and a new shift does not bring the old session back
    assert (await browser.get("/api/me")).status == 401


@pytest.mark.parametrize("change", ["password", "shift"])
def test_a_session_ends_with_the_password_and_with_the_shift(clock: Clock, tmp_path: Path, change: str) -> None:
    """Also if nobody looks at the page meanwhile: a new shift, or a restart, does not bring it back."""
    versions = {"101": "first", "102": "other"}
    file = tmp_path / "sessions.json"
    sessions = Sessions(clock, file, versions.__getitem__)
    anna, boris = sessions.open("101"), sessions.open("102")
    if change == "password":
        versions["101"] = "second"
    else:
        sessions.shift_over("101")
    assert [sessions.person(anna), sessions.person(boris)] == [None, "102"]
    again = Sessions(clock, file, versions.__getitem__)
    assert [again.person(anna), again.person(boris)] == [None, "102"]
    again.keep_only(["101"])
    assert again.person(boris) is None


def test_sessions_of_an_older_controller_go_on(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "sessions.json"
    token = Sessions(clock, file).open("101")
    content = json.loads(file.read_text())
    for session in content.values():
        for later in ("password", "shift", "opened", "where"):
            del session[later]
    file.write_text(json.dumps(content))
    assert Sessions(clock, file, lambda person: "some").person(token) == "101"


async def test_a_session_ends_after_twelve_hours(browser: Browser, clock: Clock, log_in: LogIn) -> None:
    await log_in()
    clock.now += timedelta(seconds=LIFETIME - 1)
    assert (await browser.get("/api/me")).status == 200
    clock.now += timedelta(seconds=1)
    assert (await browser.get("/api/me")).status == 401


def test_sessions_of_one_person_do_not_pile_up(clock: Clock) -> None:
    sessions = Sessions(clock)
    tokens = [sessions.open("101") for _ in range(PER_PERSON + 2)]
    assert [sessions.person(token) for token in tokens[:3]] == [None, None, "101"]


def test_sessions_outlast_the_controller_and_their_file_opens_none(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "sessions.json"
    before = Sessions(clock, file)
    anna, pavel, closed = before.open("101"), before.open("103"), before.open("102")
    before.close(closed)
    before.shift_over("103")
    after = Sessions(clock, file)
    assert [after.person(token) for token in (anna, pavel, closed)] == ["101", None, None]
    assert anna not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    clock.now += timedelta(seconds=LIFETIME)
    assert Sessions(clock, file).person(anna) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"x": 1}', '{"x": {"person": "101"}}'])
def test_a_file_of_sessions_that_makes_no_sense_opens_none(
    clock: Clock, tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "sessions.json"
    file.write_text(text)
    sessions = Sessions(clock, file)
    assert sessions.person("x") is None
    assert ("people log in to the page again" in caplog.text) is (text != "{}")
    token = sessions.open("101")
    assert Sessions(clock, file).person(token) == "101"


async def test_logging_in_again_replaces_the_browser_s_session(browser: Browser, log_in: LogIn) -> None:
    first = (await log_in()).cookies["session"].value
    second = (await log_in("102")).cookies["session"].value
    assert first != second
    browser.session.cookie_jar.clear()
    stale = await browser.get("/api/me", cookies={"session": first})
    assert stale.status == 401


@pytest.mark.clause("ESTP 5.4.4")
async def test_a_transfer_rings_a_free_specialist(browser: Browser, backend: FakeBackend, log_in: LogIn) -> None:
    await log_in()
    backend.change("101", call=call())
    backend.free["technical"] = 1
    answer = await browser.post("/api/transfer", json={"target": "technical", "consult": True})
    assert (answer.status, (await answer.json())["answer"]) == (200, "ringing_colleague")
    assert backend.events[-1] == events.Transfer("technical", person="101", consult=True, reply_to="page-1")
    assert (await browser.post("/api/transfer/cancel", json={})).status == 200
    assert (await browser.post("/api/transfer/complete", json={})).status == 409


@pytest.mark.clause("ESTP 5.4.4")
async def test_with_nobody_free_the_operator_is_told_at_once(browser: Browser, log_in: LogIn) -> None:
    await log_in()
    answer = await browser.post("/api/transfer", json={"target": "technical"})
    assert answer.status == 409
    assert await answer.json() == {
        "answer": "none_free",
        "message": "Сейчас там никто не свободен. Абонент остаётся с вами.",
    }


@pytest.mark.clause("ESTP 2.1")
async def test_one_action_sends_a_non_customer_to_the_general_line(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in()
    answer = await browser.post("/api/transfer", json={"target": "general", "not_customer": True})
    assert (await answer.json())["answer"] == "transferred"
    assert backend.events[-1] == events.Transfer("general", person="101", not_customer=True, reply_to="page-1")


async def test_a_non_customer_goes_nowhere_else(browser: Browser, log_in: LogIn) -> None:
    await log_in()
    answer = await browser.post("/api/transfer", json={"target": "technical", "not_customer": True})
    assert answer.status == 400
    assert (await answer.json())["message"] == "Туда перевести нельзя. Можно: general"


async def test_unknown_groups_and_reasons_are_refused_with_what_is_allowed(browser: Browser, log_in: LogIn) -> None:
    await log_in()
    pause = await browser.post("/api/pause", json={"reason": "fishing"})
    assert pause.status == 400
    assert (await pause.json())["message"].endswith("lunch, break, дежурство")
    transfer = await browser.post("/api/transfer", json={"target": "directors"})
    assert (await transfer.json())["message"].endswith("operators, technical, general")


async def test_the_floor_shows_states_but_not_who_is_calling(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in("402", shift=False)
    backend.change("102", "available", call())
    backend.change("101", kept=call())
    text = await (await browser.get("/api/floor")).text()
    assert '"activity": "talking"' in text
    assert "+73420000001" not in text
    assert "Управление" not in text


@pytest.mark.clause("ESTP 2.2d")
async def test_the_floor_shows_the_average_with_what_keeps_it_from_being_fooled(
    browser: Browser, log_in: LogIn
) -> None:
    await log_in("402", shift=False)
    (line,) = (await (await browser.get("/api/floor")).json())["lines"]
    assert line["windows"]["day"] == {
        "answered": 90,
        "answered_registered": 60,
        "abandoned": 10,
        "average": 30.0,
        "average_registered": 28.0,
        "service_level": 0.8,
        "offered": 36.0,
    }
    assert line["windows"]["5m"]["average"] is None
    assert (line["handling"], line["patience"], line["next_wait"]) == (200.0, None, 600.0)


@pytest.mark.clause("ESTP 5.4.6")
async def test_the_floor_shows_how_true_the_promises_were(browser: Browser, log_in: LogIn) -> None:
    await log_in("402", shift=False)
    (line,) = (await (await browser.get("/api/floor")).json())["lines"]
    expected = {"trusted": True, "judged": 80, "coverage": 0.9, "kept": 0.95, "bias": 0.02, "rmse": 0.4, "groups": []}
    assert line["promises"] == expected


@pytest.mark.clause("ESTP 2.2d")
async def test_a_supervisor_reads_how_the_day_will_end_and_what_would_help(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in("402", shift=False)
    assert await (await browser.get("/api/forecast")).json() == {"lines": []}
    needed = (Need("14:00", 12.5, 3), Need("14:30", 20.0, 4))
    made = Forecast(300.0, 0.1, average_registered=331.5, exceeding_registered=0.62, needed_now=4, needed=needed)
    backend.forecast = {LineId("estp"): (made, 12.5)}
    (line,) = (await (await browser.get("/api/forecast")).json())["lines"]
    assert (line["id"], line["age"], line["target"]) == ("estp", 12.5, 300.0)
    assert (line["average_registered"], line["exceeding_registered"], line["needed_now"]) == (331.5, 0.62, 4)
    assert line["needed"][1] == {"clock": "14:30", "calls": 20.0, "people": 4}
    assert line["average"] is None, "unknown"


async def test_whoever_is_on_shift_reads_whom_to_call_back(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    since = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    backend.owed_calls = [
        {"call": "1700.1", "number": "+73420000001", "since": since, "was": "waiting", "waited": 61.0}
    ]
    assert (await browser.get("/api/owed")).status == 401
    await log_in()
    assert await (await browser.get("/api/owed")).json() == {
        "calls": [backend.owed_calls[0] | {"since": "2026-11-23T06:00:00+00:00"}]
    }
    backend.unresponsive = True
    assert (await browser.get("/api/owed")).status == 503, "the register is locked"


async def test_a_silent_core_is_an_honest_503(browser: Browser, backend: FakeBackend, log_in: LogIn) -> None:
    await log_in()
    backend.unresponsive = True
    answer = await browser.post("/api/return", json={})
    assert (answer.status, (await answer.json())["answer"]) == (503, "no_answer")


def test_every_answer_of_the_core_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Answer)


@pytest.mark.clause("ESTP 2.6")
async def test_everybody_on_shift_sees_when_conversations_are_not_recorded(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in()
    assert (await (await browser.get("/api/me")).json())["recording"] is True
    backend.not_recording = "3 MB are free"
    assert (await (await browser.get("/api/me")).json())["recording"] is False
    await log_in("402", shift=False)
    assert (await (await browser.get("/api/floor")).json())["not_recording"] == "3 MB are free"
