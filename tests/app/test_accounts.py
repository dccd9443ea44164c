"""Accounts with the whole controller: secrets in their file, entries in the register, people at the page."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pyotp
import pytest

from callcenter.accounts.secrets import Secrets
from callcenter.accounts.tokens import Tokens
from callcenter.app import audit_log
from callcenter.app.audit_log import AuditLog
from callcenter.config import Config
from callcenter.core.ids import PersonId
from callcenter.desk.live import LOGGED_OUT
from callcenter.reports.audit import Audit, AuditCheck
from callcenter.store import Register
from tests.app.harness import Harness
from tests.asterisk.fake_asterisk import event
from tests.patience import patience
from tests.store.stories import eventually, stored
from tests.wall import MONDAY_NOON, Wall

NEW = "дождь над Камой"


@pytest.fixture
def staffed(harness: Harness, tmp_path: Path) -> Harness:
    """101 takes calls, 401 is a head who logs in with a second factor."""
    path = tmp_path / "config.yaml"
    text = path.read_text(encoding="utf-8").replace("{101: {name: Анна}}", "{101: {name: Анна}, 401: {roles: [head]}}")
    path.write_text(text + "accounts: {second_factor: [head]}\n", encoding="utf-8")
    harness.config = Config.load(path)
    harness.secrets = type(harness.secrets).load_or_create(harness.config.var, harness.config)
    return harness


class Desk:
    """A browser at the desk."""

    def __init__(self, harness: Harness, session: aiohttp.ClientSession) -> None:
        self._harness = harness
        self._session = session

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        async with self._session.post(f"http://127.0.0.1:{self._harness.config.http.port}{path}", json=body) as answer:
            return answer.status, await answer.json()

    def live(self) -> Any:
        """An open page's connection."""
        origin = f"http://127.0.0.1:{self._harness.config.http.port}"
        return self._session.ws_connect(f"{origin}/api/live", headers={"Origin": origin})

    async def get(self, path: str) -> int:
        async with self._session.get(f"http://127.0.0.1:{self._harness.config.http.port}{path}") as answer:
            return answer.status


@pytest.fixture
async def browsers(staffed: Harness) -> AsyncIterator[tuple[Desk, Desk]]:
    """The head's, and the operator's."""
    jars = [aiohttp.CookieJar(unsafe=True) for _ in range(2)]  # at an address, not a name
    async with aiohttp.ClientSession(cookie_jar=jars[0]) as one, aiohttp.ClientSession(cookie_jar=jars[1]) as other:
        yield Desk(staffed, one), Desk(staffed, other)


def first_password(harness: Harness, person: str) -> str:
    first = harness.secrets.initial(person)
    assert first is not None
    return first.password


@pytest.mark.clause("ESTP 5.3.1")
async def test_from_the_first_log_in_of_a_head_to_the_new_password_of_an_operator(
    staffed: Harness, browsers: tuple[Desk, Desk]
) -> None:
    head, operator = browsers
    opening = {"id": "401", "password": first_password(staffed, "401"), "shift": False}
    former = first_password(staffed, "101")
    async with staffed.connected() as controller:
        assert (await head.post("/api/login", **opening))[1]["answer"] == "second_factor_first"
        assert await head.get("/api/people") == 403
        _, offer = await head.post("/api/account/second-factor")
        code = pyotp.TOTP(offer["secret"]).at(MONDAY_NOON)
        _, done = await head.post("/api/account/second-factor/confirm", code=code)
        assert len(done["recovery"]) == 10
        _, made = await head.post("/api/people/101/password/reset")
        assert (await operator.post("/api/login", id="101", password=former))[0] == 401
        assert (await operator.post("/api/login", id="101", password=made["password"]))[1]["answer"] == "password_first"
        assert controller.view().operators["101"].presence == "off"
        assert (await operator.post("/api/account/password", old=made["password"], new=NEW))[0] == 200
        assert (await operator.post("/api/login", id="101", password=NEW))[1]["answer"] == "logged_in"
        assert controller.view().operators["101"].presence == "available"
        assert "401" not in controller.view().operators
        await operator.post("/api/logout")
        assert (await operator.post("/api/login", **opening))[1]["answer"] == "code_needed"
        assert (await operator.post("/api/login", **opening, code=code))[0] == 401, "a code is good once"
        assert (await operator.post("/api/login", **opening, code=done["recovery"][0]))[0] == 200
    rows = staffed.stored("SELECT who, what, about FROM audit ORDER BY id")
    assert [(who, what) for who, what, _ in rows] == [
        ("401", "log in"),
        ("401", "second factor set up"),
        ("401", "password reset"),
        ("101", "log in refused"),
        ("101", "log in"),
        ("101", "password changed"),
        ("101", "log in"),
        ("101", "log out"),
        ("401", "log in refused"),
        ("401", "log in"),
    ]
    assert made["password"] not in str(rows)


async def test_tokens_end_with_the_password_and_with_the_account(staffed: Harness, browsers: tuple[Desk, Desk]) -> None:
    """Whoever knew the password may have had one made, or read it where it is used."""
    head, operator = browsers
    tokens = Tokens(staffed.config.var, ("101", "401", "999"), Wall())
    code = staffed.secrets.set_second_factor("401", pyotp.random_base32(), 0)[0]

    def token(person: str) -> str:
        return tokens.make(PersonId(person), "wallboard", timedelta(days=90))[0]

    kept, gone = token("401"), token("999")
    async with staffed.connected():
        assert tokens.find(gone) is None, "999 has no account any more"
        opening = {"id": "401", "password": first_password(staffed, "401"), "shift": False, "code": code}
        assert (await head.post("/api/login", **opening))[0] == 200
        reset = token("101")
        _, made = await head.post("/api/people/101/password/reset")
        assert tokens.find(reset) is None
        left = datetime.fromisoformat(made["until"]) - MONDAY_NOON
        assert timedelta(hours=72) <= left < timedelta(hours=73)
        await operator.post("/api/login", id="101", password=made["password"])
        own = token("101")
        assert (await operator.post("/api/account/password", old=made["password"], new=NEW))[0] == 200
        assert tokens.find(own) is None
    assert tokens.find(kept) is not None
    ended = staffed.stored("SELECT who, about FROM audit WHERE what = 'token revoked' ORDER BY id")
    assert [who for who, _ in ended] == ["controller", "401", "101"]
    assert ended[0][1].endswith("of 999, who has no account")


async def test_a_session_without_a_shift_outlasts_a_restart(staffed: Harness, browsers: tuple[Desk, Desk]) -> None:
    """Shifts go on, too, but heads have none."""
    head, _ = browsers
    code = staffed.secrets.set_second_factor("401", pyotp.random_base32(), 0)[0]
    async with staffed.running():
        opening = {"id": "401", "password": first_password(staffed, "401"), "shift": False, "code": code}
        assert (await head.post("/api/login", **opening))[0] == 200
    async with staffed.running():
        assert await head.get("/api/people") == 200


async def test_a_password_that_is_reset_meanwhile_is_not_changed_with_the_old_one(
    staffed: Harness, browsers: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head resets it because a stranger knows it; the stranger is just about to change it."""
    _, stranger = browsers
    old, enter = first_password(staffed, "101"), AuditLog.enter
    made = ""

    async def slow(log: AuditLog, who: str, what: str, about: str) -> None:
        nonlocal made
        await enter(log, who, what, about)
        made = staffed.secrets.set_password("101", until=MONDAY_NOON + timedelta(days=1))

    monkeypatch.setattr(AuditLog, "enter", slow)
    async with staffed.connected():
        assert (await stranger.post("/api/login", id="101", password=old))[0] == 200
        assert (await stranger.post("/api/account/password", old=old, new=NEW))[0] == 400
        assert staffed.secrets.verify_password("101", made)
        assert staffed.secrets.one_time("101")
        assert await stranger.get("/api/account") == 401


async def test_sessions_end_with_the_second_factor_that_was_shown_but_not_the_one_in_which_its_owner_removes_it(
    staffed: Harness, browsers: tuple[Desk, Desk]
) -> None:
    """`callcenter passwd --no-second-factor` takes it away, too: a telephone is lost, with the browser on it."""
    phone, laptop = browsers
    opening = {"id": "101", "password": first_password(staffed, "101"), "shift": False}
    async with staffed.connected():
        for lost in (False, True):
            codes = staffed.secrets.set_second_factor("101", pyotp.random_base32(), 0)
            assert (await phone.post("/api/login", **opening, code=codes[0]))[0] == 200
            assert (await laptop.post("/api/login", **opening, code=codes[1]))[0] == 200
            if lost:
                staffed.secrets.drop_second_factor("101")  # as the command does
            else:
                await laptop.post("/api/account/second-factor/drop", password=opening["password"])
            assert await phone.get("/api/account") == 401
            assert await laptop.get("/api/account") == (401 if lost else 200)


async def test_an_open_page_closes_when_a_command_has_reset_the_password(
    staffed: Harness, browsers: tuple[Desk, Desk]
) -> None:
    """Nothing else happens on the line, and the page asks for nothing."""
    _, operator = browsers
    async with staffed.connected():
        assert (await operator.post("/api/login", id="101", password=first_password(staffed, "101")))[0] == 200
        async with operator.live() as page:
            assert (await page.receive_json(timeout=5))["n"] == 1
            command = Secrets.load_or_create(staffed.config.var, staffed.config)
            command.set_password("101")
            async with patience(5.0):
                while (message := await page.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
            assert (message.type, page.close_code) == (aiohttp.WSMsgType.CLOSE, LOGGED_OUT)


async def test_nobody_who_takes_no_calls_opens_a_shift_with_a_pin(staffed: Harness) -> None:
    first = staffed.secrets.initial("401")
    assert first is not None
    async with staffed.connected() as controller:
        about = {"Uniqueid": "2.1", "Phone": "101", "Id": "401", "Pin": first.pin}
        staffed.asterisk.say(event("UserEvent", UserEvent="CCLogIn", **about))
        await staffed.asterisk.facts.until(lambda: bool(staffed.told()))
        assert staffed.told() == ["op-wrong-pin"]
        assert controller.view().operators["101"].presence == "off"
    assert staffed.stored("SELECT who, what, about FROM audit") == [("401", "log in refused", "at phone 101")]


# -- the audit log of a running controller ---------------------------------------------------------------------------


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    opened = await Register.open(tmp_path / "register.sqlite", busy_timeout=0.05)
    yield opened
    await opened.close()


async def test_what_was_noted_while_the_register_was_away_is_written_afterwards(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A log-in waits for no disk."""
    monkeypatch.setattr(audit_log, "AGAIN", 0.01)
    log = AuditLog(register, Wall(), timedelta(days=100))
    path = tmp_path / "register.sqlite"
    running = asyncio.create_task(log.run())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        log.note("101", "log in", "at phone 101")
        with pytest.raises(TimeoutError):
            await log.enter("401", "password reset", "of 101")
        await eventually(lambda: "waits for the register" in caplog.text)
        other.execute("COMMIT")
    await eventually(lambda: stored(path, "SELECT who FROM audit") == [("101",)])
    running.cancel()
    assert [problem async for problem in AuditCheck(register).problems()] == []


async def test_an_entry_that_was_being_written_when_the_controller_stops_is_entered_once(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter, begun, goes_on = Audit.enter, asyncio.Event(), asyncio.Event()

    async def slow(audit: Audit, at: datetime, who: str, what: str, about: str) -> None:
        begun.set()
        await goes_on.wait()
        await enter(audit, at, who, what, about)

    monkeypatch.setattr(Audit, "enter", slow)
    log = AuditLog(register, Wall(), timedelta(days=100))
    running = asyncio.create_task(log.run())
    log.note("101", "log in", "at phone 101")
    log.note("102", "log in", "at phone 102")
    await begun.wait()
    running.cancel()
    await asyncio.wait([running])
    goes_on.set()
    await log.finish()
    assert stored(tmp_path / "register.sqlite", "SELECT who FROM audit ORDER BY id") == [("101",), ("102",)]


async def test_strangers_with_made_up_ids_hide_no_guesses_at_an_account(register: Register, tmp_path: Path) -> None:
    log = AuditLog(register, Wall(), timedelta(days=100))
    for _ in range(1000):
        log.note("unknown", "log in refused", "from 198.51.100.7")
    log.note("401", "log in refused", "from 192.0.2.1")
    await log.finish()
    who = stored(tmp_path / "register.sqlite", "SELECT who FROM audit ORDER BY id")
    assert who == [("unknown",)] * audit_log.UNKNOWN_PER_HOUR + [("401",)]


async def test_a_flood_of_wrong_passwords_does_not_fill_the_register(register: Register, tmp_path: Path) -> None:
    wall = Wall()
    log = AuditLog(register, wall, timedelta(days=100))
    for _ in range(1000):
        log.note("101", "log in refused", "from 192.0.2.1")
    log.note("101", "log in", "at phone 101")
    await log.finish()
    rows = stored(tmp_path / "register.sqlite", "SELECT what, about FROM audit ORDER BY id")
    assert len(rows) == audit_log.REFUSED_PER_MINUTE + 1
    assert rows[-2][1] == "from 192.0.2.1; more of this minute are not entered"
    assert rows[-1][0] == "log in"


async def test_entries_that_nobody_can_write_do_not_pile_up(
    register: Register, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit_log, "WAITING", 2)
    log = AuditLog(register, Wall(), timedelta(days=100))
    for who in ("101", "102", "103"):
        log.note(who, "log in", "")
    assert "an entry is lost: 101 log in" in caplog.text


async def test_a_script_with_the_token_of_a_head_writes_news_that_an_operator_may_not(staffed: Harness) -> None:
    """The head has not even logged in; the audit log names them all the same."""
    tokens = Tokens(staffed.config.var, staffed.config.people, Wall())
    of_head, of_operator = (tokens.make(PersonId(who), "a script", timedelta(days=1))[0] for who in ("401", "101"))
    news = f"http://127.0.0.1:{staffed.config.http.port}/api/news"
    async with staffed.connected(), aiohttp.ClientSession() as script:
        for token, status in ((of_operator, 403), (of_head, 200), ("cct_guessed", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            async with script.post(news, json={"title": "a", "text": "b"}, headers=headers) as answer:
                assert answer.status == status
    assert staffed.stored("SELECT who, what, about FROM audit") == [("401", "news written", "news 1")]
