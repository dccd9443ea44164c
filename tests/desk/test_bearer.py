"""Scripts use the API with a token: no session, no shift, no check of the origin, and clear words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from callcenter.accounts.attempts import Attempts
from callcenter.accounts.tokens import Tokens
from callcenter.config.roles import Role
from callcenter.core.ids import PersonId
from callcenter.desk import make_app
from callcenter.desk.app import LIVE
from callcenter.desk.bearer import Bearers
from callcenter.desk.live import LOGGED_OUT
from callcenter.desk.sessions import Sessions
from tests.desk.conftest import Browser, Clock
from tests.desk.fake_accounts import PASSWORD, FakeAccounts, account
from tests.desk.fake_backend import FakeBackend

ANNA, CHIEF, WRONG_ALLOWED = PersonId("101"), PersonId("401"), 3


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Tokens:
    return Tokens(tmp_path, [ANNA, CHIEF], clock)


@pytest.fixture
async def script(backend: FakeBackend, accounts: FakeAccounts, clock: Clock, tokens: Tokens) -> AsyncIterator[Browser]:
    app = make_app(
        backend,
        titles={"operators": "Операторы"},
        pause_reasons=("lunch",),
        metrics_text=lambda: b"",
        accounts=accounts,
        sessions=Sessions(clock),
        bearers=Bearers(tokens, Attempts(WRONG_ALLOWED, 60.0)),
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def asked(script: Browser, authorization: str, path: str = "/api/me", **more: Any) -> tuple[int, str, str]:
    headers = {"Authorization": authorization, "Accept-Language": "en", **more}
    answer = await script.get(path, headers=headers)
    told = await answer.json()
    return answer.status, told.get("answer", ""), told.get("message", "")


async def test_a_script_acts_as_the_tokens_owner_without_session_or_shift(
    script: Browser, tokens: Tokens, backend: FakeBackend
) -> None:
    text, _ = tokens.make(ANNA, "wallboard", timedelta(days=1))
    headers = {"Authorization": f"Bearer {text}"}
    me = await (await script.get("/api/me", headers=headers)).json()
    assert me["me"]["id"] == ANNA
    # From wherever it comes: with a token there is nothing that another site could misuse.
    answer = await script.post(
        "/api/pause", json={"reason": "lunch"}, headers=headers | {"Origin": "https://x.example"}
    )
    assert answer.status != 403
    for more in ({}, {"Origin": "https://x.example"}):
        async with script.ws_connect("/api/live", headers=headers | more) as socket:
            assert (await socket.receive_json(timeout=5))["me"]["id"] == ANNA


async def test_without_a_token_everything_is_as_before(script: Browser) -> None:
    assert (await script.get("/api/me")).status == 401
    assert (await script.post("/api/login", json={"id": "101", "password": PASSWORD})).status == 200
    assert (await script.post("/api/pause", json={}, headers={"Origin": "https://x.example"})).status == 403


async def test_a_session_counts_for_nothing_beside_a_wrong_token(script: Browser, tokens: Tokens) -> None:
    await script.post("/api/login", json={"id": "101", "password": PASSWORD})
    assert (await asked(script, "Bearer nonsense"))[:2] == (401, "unknown_token")
    headers = {"Authorization": "Bearer x", "Origin": "https://evil.example"}
    answer = await script.post("/api/pause", json={"reason": "lunch"}, headers=headers)
    assert answer.status == 401, "what another site sends with our cookie"


async def test_the_password_of_a_proxy_in_front_is_none_of_our_business(script: Browser) -> None:
    await script.post("/api/login", json={"id": "101", "password": PASSWORD})
    assert (await asked(script, "Basic MTAxOjE="))[0] == 200
    headers = {"Authorization": "Basic MTAxOjE=", "Origin": "https://evil.example"}
    answer = await script.post("/api/pause", json={"reason": "lunch"}, headers=headers)
    assert answer.status == 403, "browsers send such a password by themselves, for other sites too"


async def test_what_is_wrong_with_a_token_is_said_clearly(script: Browser, tokens: Tokens, clock: Clock) -> None:
    text, made = tokens.make(ANNA, "wallboard", timedelta(days=1))
    clock.now += timedelta(days=2)
    status, answer, message = await asked(script, f"bearer {text}")
    assert (status, answer) == (401, "token_expired")
    assert message == (
        "The token has expired. A new one is made with `callcenter token make`. It was valid until "
        f"{made.ends:%Y-%m-%d %H:%M} UTC (wallboard)."
    )
    tokens.revoke(made.id)
    assert await asked(script, f"Bearer {text}") == (
        401,
        "unknown_token",
        "There is no such token. It may have been revoked.",
    )
    assert (await asked(script, "Bearer " + "x" * 4000, "/healthz"))[:2] == (401, "unknown_token")


async def test_guesses_are_delayed_like_wrong_passwords_but_no_right_token_is(script: Browser, tokens: Tokens) -> None:
    text, _ = tokens.make(ANNA, "wallboard", timedelta(days=1))
    for guess in range(WRONG_ALLOWED):
        assert (await asked(script, f"Bearer {guess}"))[0] == 401
    assert (await asked(script, "Bearer 9"))[:2] == (429, "try_later")
    assert (await asked(script, f"Bearer {text}"))[0] == 200


async def test_a_live_connection_ends_when_its_token_is_revoked(script: Browser, tokens: Tokens) -> None:
    text, made = tokens.make(ANNA, "wallboard", timedelta(days=1))
    app = script.app
    assert app is not None
    async with script.ws_connect("/api/live", headers={"Authorization": f"Bearer {text}"}) as socket:
        await socket.receive_json(timeout=5)
        tokens.revoke(made.id)
        app[LIVE].changed()
        await socket.receive(timeout=5)
        assert socket.close_code == LOGGED_OUT


async def test_a_token_opens_what_its_owners_roles_open_and_no_more(
    script: Browser, tokens: Tokens, accounts: FakeAccounts
) -> None:
    of_anna, _ = tokens.make(ANNA, "her own", timedelta(days=1))
    of_chief, _ = tokens.make(CHIEF, "wallboard", timedelta(days=1))
    assert (await asked(script, f"Bearer {of_anna}", "/api/floor"))[:2] == (403, "forbidden")
    assert (await asked(script, f"Bearer {of_chief}", "/api/floor"))[0] == 200
    assert (await asked(script, f"Bearer {of_chief}"))[:2] == (403, "forbidden"), "heads take no calls"
    accounts.people = {CHIEF: account(CHIEF, Role.OPERATOR)}
    assert (await asked(script, f"Bearer {of_chief}", "/api/floor"))[:2] == (403, "forbidden"), "is head no more"
    assert (await asked(script, f"Bearer {of_anna}"))[:2] == (401, "not_logged_in"), "has left"


async def test_the_audit_log_names_the_tokens_owner(script: Browser, tokens: Tokens, accounts: FakeAccounts) -> None:
    of_chief, _ = tokens.make(CHIEF, "people", timedelta(days=1))
    assert (await asked(script, f"Bearer {of_chief}", "/api/people"))[0] == 200
    assert accounts.entries == [(CHIEF, "accounts seen", "")]


async def test_ones_own_account_and_pages_are_not_for_scripts(script: Browser, tokens: Tokens) -> None:
    of_chief, _ = tokens.make(CHIEF, "wallboard", timedelta(days=1))
    headers = {"Authorization": f"Bearer {of_chief}"}
    assert (await asked(script, f"Bearer {of_chief}", "/api/account"))[:2] == (403, "forbidden")
    for path in ("/account", "/people"):
        answer = await script.get(path, headers=headers, allow_redirects=False)
        assert (answer.status, answer.content_type) == (403, "text/html")
    answer = await script.post("/api/account/second-factor", json={}, headers=headers)
    assert answer.status == 403


async def test_a_token_for_a_part_of_the_api_is_good_for_nothing_else(script: Browser, tokens: Tokens) -> None:
    text, _ = tokens.make(CHIEF, "requests alone", timedelta(days=1), ["requests:read", "articles"])
    headers = {"Authorization": f"Bearer {text}", "Accept-Language": "en"}
    status, answer, message = await asked(script, f"Bearer {text}", "/api/floor")
    assert (status, answer) == (403, "out_of_scope")
    assert message == "This token is not for that. It is for: requests:read, articles."
    assert (await script.get("/api/articles", headers=headers)).status != 403
    refused = await script.post("/api/pause", headers=headers, json={"reason": "lunch"})
    assert (await refused.json())["answer"] == "out_of_scope"
    assert (await script.get("/healthz", headers=headers)).status == 200, "what is for anybody asks for no scope"


async def test_a_token_of_an_earlier_version_is_for_all_that_its_owner_may_do(
    script: Browser, tokens: Tokens, tmp_path: Path
) -> None:
    text, _ = tokens.make(CHIEF, "wallboard", timedelta(days=1))
    file = tmp_path / "tokens.json"
    file.write_text(re.sub(r',\s*"scopes": \[\]', "", file.read_text()))
    assert "scopes" not in file.read_text()
    assert (await asked(script, f"Bearer {text}", "/api/floor"))[0] == 200
