"""One's own account and those of others: passwords, second factors, sessions; by the API, and by pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from callcenter.accounts.verdict import Verdict
from callcenter.config.roles import Role
from callcenter.core.ids import PersonId, PhoneName
from tests.desk.conftest import Browser, Clock, LogIn
from tests.desk.fake_accounts import PASSWORD, FakeAccounts, account
from tests.desk.fake_backend import FakeBackend
from tests.wall import MONDAY_NOON

NEW = "дождь над Камой"


@asynccontextmanager
async def another(browser: Browser) -> AsyncIterator[Browser]:
    """Another browser at the same desk."""
    client: TestClient[Any, Any] = TestClient(browser.server)
    try:
        yield client
    finally:
        await client.session.close()


async def told(answer: ClientResponse) -> tuple[int, str]:
    """Status, and the word or sentence that says what happened."""
    if answer.content_type == "application/json":
        return answer.status, (await answer.json()).get("answer", "")
    found = re.search(r'class="told[^"]*" role="\w+">([^<]*)', await answer.text())
    return answer.status, found[1] if found else ""


async def send(browser: Browser, path: str, **fields: str) -> ClientResponse:
    """Send a form, as our own page does."""
    headers = {"Origin": f"http://{browser.host}:{browser.port}", "Sec-Fetch-Site": "same-origin"}
    return await browser.post(path, data=fields or {"": ""}, headers=headers | {"Accept-Language": "en"})


async def enters(browser: Browser, id: str, password: str = PASSWORD, code: str = "") -> ClientResponse:
    """Log in at the page, without a shift."""
    return await send(browser, "/api/login/page", id=id, password=password, code=code)


def code_of(secret: str) -> str:
    return pyotp.TOTP(secret).at(MONDAY_NOON)


# -- a session is not a shift ------------------------------------------------------------------------------------------


async def test_a_head_logs_in_without_a_phone_and_opens_no_shift(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    assert await told(await log_in("401", shift=False)) == (200, "logged_in")
    assert backend.events == []
    assert (await browser.get("/api/floor")).status == 200
    assert (await browser.get("/api/me")).status == 403


async def test_who_takes_no_calls_and_logs_in_at_the_desk_is_shown_where_to_go(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    answer = await log_in("402")
    assert (answer.status, (await answer.json())["next"]) == (409, "/account")
    assert backend.events == []
    desk = await browser.get("/", allow_redirects=False)
    assert (desk.status, desk.headers["Location"]) == (303, "/account")


async def test_somebody_with_both_roles_chooses_and_the_session_without_a_shift_outlasts_the_shift(
    browser: Browser, backend: FakeBackend, accounts: FakeAccounts, log_in: LogIn
) -> None:
    both = account("102", Role.OPERATOR, Role.SUPERVISOR)
    accounts.people = {**accounts.people, both.id: both}
    await log_in("102", shift=False)
    assert (await browser.get("/api/floor")).status == 200
    assert (await browser.get("/api/me")).status == 401
    backend.change(both.id, "available")  # at a desk phone
    assert (await browser.get("/api/me")).status == 200
    backend.change(both.id, "off")
    assert (await browser.get("/api/me")).status == 401
    assert (await browser.get("/api/floor")).status == 200


async def test_logging_out_without_a_shift_ends_the_session_alone(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in("401", shift=False)
    answer = await browser.post("/api/logout", json={})
    assert (answer.status, (await answer.json())["answer"]) == (200, "logged_out")
    assert backend.events == []
    assert (await browser.get("/api/account")).status == 401


# -- passwords ---------------------------------------------------------------------------------------------------------


async def test_a_password_is_changed_by_its_owner_and_all_other_sessions_end(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn
) -> None:
    async with another(browser) as elsewhere:
        await elsewhere.post("/api/login", json={"id": "101", "password": PASSWORD})
        await log_in()
        changed = await browser.post("/api/account/password", json={"old": PASSWORD, "new": NEW})
        assert await told(changed) == (200, "password_changed")
        assert (await elsewhere.get("/api/me")).status == 401
        assert (await browser.get("/api/me")).status == 200, "the page that changed it goes on, and so does the shift"
    assert accounts.passwords["101"] == NEW
    assert ("101", "password changed", "own") in accounts.entries
    assert (await log_in(password=PASSWORD)).status == 401


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("wrong", NEW, "wrong_old_password"),
        (PASSWORD, "short", "too_short"),
        (PASSWORD, PASSWORD, "same"),
        (PASSWORD, "пароль для 101", "own_name"),
    ],
)
async def test_a_change_that_is_refused_says_why_and_changes_nothing(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn, old: str, new: str, word: str
) -> None:
    await log_in()
    assert await told(await browser.post("/api/account/password", json={"old": old, "new": new})) == (400, word)
    page = await send(browser, "/account/password", old=old, new=new)
    assert page.status == 400
    assert 'role="alert"' in await page.text()
    assert accounts.passwords["101"] == PASSWORD


async def test_what_cannot_be_entered_in_the_audit_log_is_not_changed(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn
) -> None:
    await log_in("401", shift=False)
    accounts.away = True
    assert (await browser.post("/api/account/password", json={"old": PASSWORD, "new": NEW})).status == 503
    assert (await browser.post("/api/people/101/password/reset", json={})).status == 503
    assert (await send(browser, "/people/101/password/reset")).status == 503
    assert set(accounts.passwords.values()) == {PASSWORD}


async def test_a_one_time_password_opens_nothing_but_the_page_where_it_is_changed(
    browser: Browser, backend: FakeBackend, accounts: FakeAccounts, log_in: LogIn
) -> None:
    async with another(browser) as heads:
        await heads.post("/api/login", json={"id": "401", "password": PASSWORD, "shift": False})
        made = (await (await heads.post("/api/people/101/password/reset", json={})).json())["password"]
    assert accounts.entries[-1] == ("401", "password reset", "of 101")
    assert await told(await log_in(password=made)) == (409, "password_first")
    assert backend.events == [], "no shift"
    assert await told(await browser.get("/api/news/all")) == (404, "not_found")
    assert await told(await browser.get("/api/me")) == (403, "password_first")
    assert (await browser.get("/account")).status == 200
    await send(browser, "/account/password", old=made, new=NEW)
    assert await told(await log_in(password=NEW)) == (200, "logged_in")


@pytest.mark.parametrize(
    ("who", "whom", "status"),
    [
        ("401", "101", 200),
        ("401", "402", 403),  # nor a supervisor, who ends conversations
        ("403", "402", 200),
        ("401", "403", 403),  # a head would become an engineer
        ("401", "401", 403),  # one's own is changed, with the old one
        ("403", "401", 200),
        ("403", "403", 403),
        ("402", "101", 403),
        ("401", "999", 404),
    ],
)
async def test_nobody_becomes_more_than_they_are_by_a_reset(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn, who: str, whom: str, status: int
) -> None:
    await log_in(who, shift=False)
    for what in ("password", "second-factor"):
        assert (await browser.post(f"/api/people/{whom}/{what}/reset", json={})).status == status


# -- sessions ----------------------------------------------------------------------------------------------------------


async def sessions_of(browser: Browser) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await (await browser.get("/api/account")).json())["sessions"]
    return found


async def test_a_session_is_prolonged_with_the_password_and_not_by_whoever_finds_an_open_page(
    browser: Browser, log_in: LogIn, clock: Clock, accounts: FakeAccounts
) -> None:
    await log_in("101")
    clock.now += timedelta(hours=11, minutes=59)
    assert (await (await browser.get("/api/account/session")).json())["ends_in"] == 60
    wrong = await browser.post("/api/account/session/prolong", json={"password": "не он"})
    assert await told(wrong) == (400, "wrong_old_password")
    right = await browser.post("/api/account/session/prolong", json={"password": PASSWORD})
    assert (right.status, (await right.json())["ends_in"]) == (200, 12 * 3600)
    assert right.cookies["session"]["max-age"] == str(12 * 3600)
    assert right.cookies["session"]["httponly"]
    clock.now += timedelta(hours=11)
    assert (await browser.get("/api/me")).status == 200, "it has begun anew"
    clock.now += timedelta(hours=1)
    assert (await browser.post("/api/account/session/prolong", json={"password": PASSWORD})).status == 401, "too late"
    assert ("101", "session prolonged", "own") in accounts.entries


async def test_sessions_are_listed_and_ended_one_by_one(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn
) -> None:
    async with another(browser) as elsewhere:
        agent = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/150.0 <script>"}
        await elsewhere.post("/api/login", json={"id": "101", "password": PASSWORD}, headers=agent)
        await log_in()
        here, there = await sessions_of(browser)
        assert (here["own"], there["own"]) == (True, False)
        assert there["where"] == "127.0.0.1 · Firefox, Windows"
        assert there["shift"]
        answer = await browser.post(f"/api/account/sessions/{there['name']}/end", json={})
        assert await told(answer) == (200, "session_ended")
        assert (await elsewhere.get("/api/me")).status == 401
    assert len(await sessions_of(browser)) == 1
    before = list(accounts.entries)
    assert await told(await browser.post(f"/api/account/sessions/{there['name']}/end", json={})) == (404, "unknown")
    assert accounts.entries == before, "nothing has ended"


async def test_nobody_ends_the_session_of_another_through_their_own_account(browser: Browser, log_in: LogIn) -> None:
    async with another(browser) as elsewhere:
        await elsewhere.post("/api/login", json={"id": "102", "password": PASSWORD})
        [theirs] = await sessions_of(elsewhere)
        await log_in()
        assert (await browser.post(f"/api/account/sessions/{theirs['name']}/end", json={})).status == 404
        assert (await elsewhere.get("/api/me")).status == 200
        await log_in("401", shift=False)
        shown = (await (await browser.get("/api/people")).json())["people"]
        [listed] = next(one for one in shown if one["id"] == "102")["sessions"]
        assert (await browser.post(f"/api/people/101/sessions/{listed['name']}/end", json={})).status == 404
        assert (await browser.post(f"/api/people/102/sessions/{listed['name']}/end", json={})).status == 200
        assert (await elsewhere.get("/api/me")).status == 401


@pytest.mark.parametrize("by_form", [False, True])
async def test_a_log_in_under_way_when_the_password_is_reset_leaves_no_session_and_opens_no_shift(
    browser: Browser,
    backend: FakeBackend,
    accounts: FakeAccounts,
    log_in: LogIn,
    monkeypatch: pytest.MonkeyPatch,
    by_form: bool,
) -> None:
    """Whoever tries again and again with a password that they have learned is in the middle of it at any moment."""
    verify = accounts.verify

    async def slow(person: PersonId, *more: Any) -> Verdict:
        verdict = await verify(person, *more)
        await accounts.reset_password(person, PersonId("401"))
        return verdict

    monkeypatch.setattr(accounts, "verify", slow)
    answer = await (enters(browser, "101") if by_form else log_in("101"))
    assert (await browser.get("/api/account")).status == 401
    assert answer.status == 401
    assert backend.operators[PersonId("101")].presence == "off"


async def test_an_ended_session_ends_the_live_connection(browser: Browser, log_in: LogIn) -> None:
    async with another(browser) as elsewhere:
        await elsewhere.post("/api/login", json={"id": "101", "password": PASSWORD})
        live = await elsewhere.ws_connect("/api/live")
        await live.receive_json()
        await log_in("401", shift=False)
        await browser.post("/api/people/101/password/reset", json={})
        await live.receive()
        assert live.close_code == 4401


# -- the second factor -------------------------------------------------------------------------------------------------


async def test_a_role_that_asks_for_a_second_factor_sets_one_up_at_the_first_log_in(
    browser: Browser, accounts: FakeAccounts
) -> None:
    accounts.required = frozenset({Role.HEAD})
    assert (await enters(browser, "401")).status == 200
    assert await told(await browser.get("/api/people")) == (403, "second_factor_first")
    page = await (await send(browser, "/account/second-factor")).text()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret
    assert 'src="data:image/svg+xml' in page
    assert (await send(browser, "/account/second-factor/confirm", code="000000")).status == 400
    shown = await (await send(browser, "/account/second-factor/confirm", code=code_of(secret[1]))).text()
    codes = re.findall(r"<li><code>([a-z2-9-]{19})</code></li>", shown)
    assert len(codes) == 10
    assert (await browser.get("/people")).status == 200
    assert codes[0] not in await (await browser.get("/account")).text(), "nobody sees them again"
    assert ("401", "second factor set up", "own") in accounts.entries


async def test_then_the_password_alone_opens_nothing(browser: Browser, accounts: FakeAccounts, log_in: LogIn) -> None:
    accounts.factors["101"] = accounts.factors["401"] = secret = pyotp.random_base32()
    assert await told(await log_in()) == (401, "code_needed")
    assert (await enters(browser, "401")).status == 401
    assert (await enters(browser, "401", code=code_of(secret))).status == 200
    assert await told(await log_in(code=code_of(secret))) == (200, "logged_in")


async def test_who_proved_it_at_the_page_opens_the_shift_with_the_password(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn
) -> None:
    accounts.factors["101"] = secret = pyotp.random_base32()
    await enters(browser, "101", code=code_of(secret))
    assert await told(await log_in()) == (200, "logged_in")


async def test_a_code_that_is_good_once_is_asked_for_once(
    browser: Browser, backend: FakeBackend, accounts: FakeAccounts, log_in: LogIn
) -> None:
    """The shift could not open with it: in the next attempt, moments later, the password is enough."""
    accounts.factors["101"] = secret = pyotp.random_base32()
    backend.page_phones = {PersonId("102"): PhoneName("page-102")}
    refused = await log_in(code="000000")
    assert await told(refused) == (401, "wrong_secret")
    assert (await refused.json())["message"].startswith(
        ("Wrong id, password or code", "Неверный идентификатор, пароль или код")
    )
    assert await told(await log_in(code=code_of(secret), phone="page-102")) == (409, "unknown_phone")
    assert (await browser.get("/api/me")).status == 401, "that is no shift"
    assert await told(await log_in(code=code_of(secret), browser=True)) == (409, "no_page_phone")
    assert await told(await log_in(phone="102")) == (200, "logged_in")


async def test_a_second_factor_is_removed_with_the_password_unless_a_role_asks_for_it(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn
) -> None:
    await log_in()
    offer = await (await browser.post("/api/account/second-factor", json={})).json()
    assert offer["address"].startswith("otpauth://totp/callcenter:101?secret=")
    await browser.post("/api/account/second-factor/confirm", json={"code": code_of(offer["secret"])})
    assert await told(await browser.post("/api/account/second-factor", json={})) == (409, "factor_set")
    drop = "/api/account/second-factor/drop"
    assert await told(await browser.post(drop, json={"password": "wrong"})) == (400, "wrong_old_password")
    accounts.required = frozenset({Role.OPERATOR})
    assert await told(await browser.post(drop, json={"password": PASSWORD})) == (403, "factor_required")
    accounts.required = frozenset()
    assert (await browser.post(drop, json={"password": PASSWORD})).status == 200
    assert accounts.factors == {}


async def test_a_code_without_an_offer_sets_nothing_up(browser: Browser, accounts: FakeAccounts, log_in: LogIn) -> None:
    await log_in()
    answer = await browser.post("/api/account/second-factor/confirm", json={"code": "123456"})
    assert await told(answer) == (409, "nothing_offered")


async def test_a_second_factor_that_another_session_was_shown_is_not_set_up(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn
) -> None:
    """Whoever made the one-time password may have begun with it, and knows the secret."""
    async with another(browser) as elsewhere:
        await elsewhere.post("/api/login", json={"id": "402", "password": PASSWORD, "shift": False})
        known = (await (await elsewhere.post("/api/account/second-factor", json={})).json())["secret"]
    await log_in("402", shift=False)
    assert known not in await (await browser.get("/account")).text()
    confirmed = await browser.post("/api/account/second-factor/confirm", json={"code": code_of(known)})
    assert await told(confirmed) == (409, "nothing_offered")
    assert accounts.factors == {}


async def test_a_one_time_password_that_has_expired_opens_nothing_and_says_so(
    browser: Browser, backend: FakeBackend, accounts: FakeAccounts, log_in: LogIn
) -> None:
    accounts.one_time, accounts.expired = {"101"}, {"101"}
    assert await told(await log_in(password="wrong")) == (401, "wrong_secret"), "nobody else learns it"
    assert await told(await log_in()) == (401, "password_expired")
    status, sentence = await told(await enters(browser, "101"))
    assert (status, sentence.startswith("The one-time password has expired")) == (401, True)
    assert (await browser.get("/api/account")).status == 401
    assert backend.operators[PersonId("101")].presence == "off"
    assert accounts.entries[-1] == ("101", "log in refused", "from 127.0.0.1, with an expired password")


async def test_what_cannot_be_kept_is_told_in_words_on_pages_too(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk, or a file of secrets that belongs to somebody else since it was restored."""
    await log_in("401", shift=False)
    accounts.full = True
    for path, fields in (("/account/password", {"old": PASSWORD, "new": NEW}), ("/people/101/password/reset", {})):
        answer = await send(browser, path, **fields)
        assert answer.content_type == "text/html"
        status, sentence = await told(answer)
        assert (status, sentence.startswith("That cannot be kept just now")) == (503, True)
    api = await browser.post("/api/account/password", json={"old": PASSWORD, "new": NEW})
    assert await told(api) == (503, "not_kept")
    accounts.factors["101"] = secret = pyotp.random_base32()
    async with another(browser) as elsewhere:
        page = await enters(elsewhere, "101", code=code_of(secret))
        assert (page.status, page.content_type) == (503, "text/html")
    assert accounts.passwords["401"] == accounts.passwords["101"] == PASSWORD
    assert "No space left" in caplog.text


async def test_a_mistake_of_ours_is_told_on_a_page(
    browser: Browser, accounts: FakeAccounts, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_in("401", shift=False)
    monkeypatch.setattr(accounts, "reset_factor", None)
    page = await send(browser, "/people/101/second-factor/reset")
    assert (page.status, page.content_type) == (500, "text/html")
    assert "The controller made a mistake" in await page.text()


# -- pages -------------------------------------------------------------------------------------------------------------


async def test_the_page_says_what_was_wrong_and_keeps_the_id_but_not_the_password(
    browser: Browser, accounts: FakeAccounts
) -> None:
    page = await enters(browser, "401", "a wrong one")
    assert await told(page) == (401, "Wrong id, password or code.")
    text = await page.text()
    assert 'value="401"' in text
    assert "a wrong one" not in text
    assert accounts.entries == [("401", "log in refused", "from 127.0.0.1")]


async def test_what_was_typed_in_place_of_an_id_is_not_kept(browser: Browser, accounts: FakeAccounts) -> None:
    """It may be a password."""
    await enters(browser, "MySecret7", "401")
    assert accounts.entries == [("unknown", "log in refused", "from 127.0.0.1")]


async def test_an_id_with_markup_is_refused_and_not_shown(browser: Browser) -> None:
    page = await enters(browser, '"><b>')
    assert page.status == 400
    assert '"><b>' not in await page.text()


async def test_forms_are_taken_from_our_own_page_alone(browser: Browser, accounts: FakeAccounts, log_in: LogIn) -> None:
    await log_in("401", shift=False)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await browser.post("/people/101/password/reset", data={"": ""}, headers=headers)
        assert await told(answer) == (403, "foreign_origin")
    assert accounts.passwords["101"] == PASSWORD


async def test_pages_with_forms_may_send_them_to_us_and_run_no_script(browser: Browser, log_in: LogIn) -> None:
    page = await browser.get("/account")
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self'" in policy
    assert "script-src 'self'" in policy
    assert page.headers["Referrer-Policy"] == "same-origin", "or the browser would send Origin: null"
    await log_in("401", shift=False)
    for path in ("/account", "/people"):
        text = await (await browser.get(path)).text()
        assert "<script" not in text
        assert " style=" not in text
        assert not re.search(r"\son\w+=", text)
    assert "form-action 'none'" in (await browser.get("/api/people")).headers["Content-Security-Policy"]


async def test_the_language_is_handed_on_from_page_to_page(browser: Browser, log_in: LogIn) -> None:
    await log_in("401", shift=False)
    english = await (await browser.get("/people?lang=en", headers={"Accept-Language": "ru"})).text()
    assert "People and access" in english
    assert 'action="/people/101/password/reset?lang=en"' in english
    russian = await (await browser.get("/people", headers={"Accept-Language": "ru"})).text()
    assert "Люди и доступ" in russian


async def test_a_one_time_password_is_shown_once(browser: Browser, accounts: FakeAccounts, log_in: LogIn) -> None:
    await log_in("401", shift=False)
    shown = await (await send(browser, "/people/101/password/reset")).text()
    assert accounts.passwords["101"] in shown
    assert "before: 11/26/26" in shown, "and how long it can be used"
    assert accounts.passwords["101"] not in await (await browser.get("/people")).text()


async def test_who_is_logged_out_is_sent_to_the_log_in(browser: Browser) -> None:
    answer = await browser.get("/people", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/account")
    assert "Content-Security-Policy" in answer.headers


async def test_what_the_address_says_is_never_shown_as_it_is(browser: Browser) -> None:
    page = await browser.get("/account?done=<script>alert(1)</script>&lang=<b>")
    assert "alert(1)" not in await page.text()


# -- the audit log -----------------------------------------------------------------------------------------------------


async def test_log_ins_and_log_outs_are_noted(browser: Browser, accounts: FakeAccounts, log_in: LogIn) -> None:
    await log_in(password="wrong")
    await log_in()
    await browser.post("/api/logout", json={})
    await log_in("401", shift=False)
    await browser.get("/people")
    assert accounts.entries == [
        ("101", "log in refused", "from 127.0.0.1"),
        ("101", "log in", "with a shift, from 127.0.0.1"),
        ("101", "log out", ""),
        ("401", "log in", "without a shift, from 127.0.0.1"),
        ("401", "accounts seen", ""),
    ]
