"""Logging in at an identity provider: whom it lets in, and what is not believed."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from callcenter.accounts.sign_on import LASTS, Provider
from callcenter.config.roles import Role
from callcenter.config.sections import SignOn
from callcenter.desk import make_app
from callcenter.desk.sessions import Sessions
from callcenter.desk.sign_on import COOKIE
from tests.desk.conftest import Clock
from tests.desk.fake_accounts import FakeAccounts
from tests.desk.fake_backend import FakeBackend
from tests.desk.identity_provider import CLIENT, SECRET, IdentityProvider

Claims = dict[str, Any]


@pytest.fixture
async def there() -> AsyncIterator[IdentityProvider]:
    provider = IdentityProvider()
    async with TestServer(provider.app()) as server:
        provider.issuer = str(server.make_url("")).rstrip("/")
        yield provider


@pytest.fixture
async def desk(there: IdentityProvider, accounts: FakeAccounts, clock: Clock) -> AsyncIterator[str]:
    server = TestServer(make_app(FakeBackend(), titles={}, pause_reasons=(), metrics_text=bytes, accounts=accounts,
                                 sessions=Sessions(clock, version=accounts.version),
                                 provider=(settings := LateSettings(there, clock)).provider))  # fmt: skip
    async with server:
        settings.at(str(server.make_url("")).rstrip("/"))
        yield str(server.make_url("")).rstrip("/")


class LateSettings:
    """The desk's own address is known only when it listens."""

    def __init__(self, there: IdentityProvider, clock: Clock) -> None:
        self._there = there
        self.provider = Provider(self._of("http://127.0.0.1:1"), SECRET, "a key", clock)

    def at(self, address: str) -> None:
        self.provider._settings = self._of(address)

    def _of(self, address: str) -> SignOn:
        return SignOn.model_validate(
            {
                "issuer": self._there.issuer,
                "client_id": CLIENT,
                "address": address,
                "people": {"a.sokolova": "401", "engineer": "403", "nobody": "999"},
            }
        )


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Accept-Language": "en"}) as session:
        yield session


async def who(browser: ClientSession, desk: str) -> str:
    answer = await browser.get(f"{desk}/api/account")
    return (await answer.json()).get("id", "") if answer.status == 200 else ""


async def refused(browser: ClientSession, desk: str, accounts: FakeAccounts, status: int, words: str) -> None:
    answer = await browser.get(f"{desk}/sign-on")
    assert (answer.status, words in await answer.text()) == (status, True), await answer.text()
    assert await who(browser, desk) == ""
    unknown = [("unknown", "sign on refused")]  # strangers can cause all others, as often as they like
    assert [(by, what) for by, what, _ in accounts.entries] == (unknown if "account for you" in words else [])


async def test_the_provider_names_the_person_and_our_roles_count(
    browser: ClientSession, desk: str, accounts: FakeAccounts, there: IdentityProvider
) -> None:
    there.claims["roles"] = ["engineer"]
    answer = await browser.get(f"{desk}/sign-on")
    assert answer.status == 200
    assert 'url=/account"' in await answer.text(), "our own page goes on: it brings the strict cookie along"
    account = await (await browser.get(f"{desk}/api/account")).json()
    assert account["id"] == "401"
    assert (await browser.get(f"{desk}/people")).status == 200, "a head here, whatever the provider says of roles"
    assert ("401", "sign on", f"by {there.issuer}") in accounts.entries
    assert ("401", "log in") in [(person, what) for person, what, _ in accounts.entries]


async def test_only_the_cookie_of_the_way_there_is_lax_and_it_is_gone_afterwards(
    browser: ClientSession, desk: str
) -> None:
    there = await browser.get(f"{desk}/sign-on", allow_redirects=False)
    cookie = there.headers["Set-Cookie"]
    assert {"SameSite=Lax", "HttpOnly", "Path=/sign-on"} <= set(cookie.split("; "))
    back = await browser.get(there.headers["Location"])
    cookies = {one.partition("=")[0]: one for one in back.headers.getall("Set-Cookie")}
    assert "SameSite=Strict" in cookies["session"]
    assert "Max-Age=0" in cookies[COOKIE]


def unsigned(claims: Claims) -> str:
    parts = ({"alg": "none"}, claims)
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join(texts) + "."


def with_our_secret(claims: Claims) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])


def with_anothers_key(claims: Claims) -> str:
    key = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
    return jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)


def changed(**changes: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {name: value for name, value in (claims | changes).items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": ["another client", CLIENT], "azp": "another client"},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": 1 << 40},
        {"sub": None},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_and_now_is_not_believed(
    browser: ClientSession, desk: str, accounts: FakeAccounts, there: IdentityProvider, changes: Claims
) -> None:
    there.twist = changed(**changes)
    await refused(browser, desk, accounts, 403, "The answer of the identity provider is not valid")


@pytest.mark.parametrize("sign", [unsigned, with_our_secret, with_anothers_key, lambda claims: "abc"])
async def test_a_token_that_the_provider_did_not_sign_is_not_believed(
    browser: ClientSession, desk: str, accounts: FakeAccounts, there: IdentityProvider, sign: Callable[[Claims], str]
) -> None:
    there.sign = sign
    await refused(browser, desk, accounts, 403, "The answer of the identity provider is not valid")


async def test_a_new_key_of_the_provider_is_fetched(browser: ClientSession, desk: str, there: IdentityProvider) -> None:
    await browser.get(f"{desk}/sign-on")
    there.key = RSAKey.generate_key(2048, {"kid": "2", "use": "sig"}, private=True)
    there.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "2"}, claims, there.key)
    browser.cookie_jar.clear()
    await browser.get(f"{desk}/sign-on")
    assert await who(browser, desk) == "401"


async def on_the_way_back(browser: ClientSession, desk: str) -> str:
    """The address with which a browser comes back, not followed yet."""
    there = await browser.get(f"{desk}/sign-on", allow_redirects=False)
    back = await browser.get(there.headers["Location"], allow_redirects=False)
    return back.headers["Location"]


NOT_BEGUN = "This log-in was not begun in this browser"


async def test_a_state_comes_back_once(browser: ClientSession, desk: str) -> None:
    address = await on_the_way_back(browser, desk)
    kept = next(cookie.value for cookie in browser.cookie_jar if cookie.key == COOKIE)
    assert (await browser.get(address)).status == 200
    browser.cookie_jar.clear()
    again = await browser.get(address, headers={"Cookie": f"{COOKIE}={kept}"})
    assert (again.status, NOT_BEGUN in await again.text()) == (403, True)
    assert await who(browser, desk) == ""


async def test_nobody_is_logged_in_as_somebody_else_by_a_link(browser: ClientSession, desk: str) -> None:
    address = await on_the_way_back(browser, desk)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Accept-Language": "en"}) as victim:
        answer = await victim.get(address)
        assert (answer.status, NOT_BEGUN in await answer.text()) == (403, True)
        await victim.get(f"{desk}/sign-on", allow_redirects=False)  # their own cookie, but not of this state
        assert (await victim.get(address)).status == 403


@pytest.mark.parametrize("cookie", ["", "x", "e30.", "e30.abc", "ä.ö", "." * 3000])
async def test_a_cookie_that_is_not_ours_counts_for_nothing(browser: ClientSession, desk: str, cookie: str) -> None:
    address = await on_the_way_back(browser, desk)
    browser.cookie_jar.clear()
    answer = await browser.get(address, headers={"Cookie": f"{COOKIE}={cookie}".encode().decode("latin-1")})
    assert answer.status == 403


async def test_who_takes_too_long_begins_again(browser: ClientSession, desk: str, clock: Clock) -> None:
    address = await on_the_way_back(browser, desk)
    clock.now += timedelta(seconds=LASTS + 1)
    answer = await browser.get(address)
    assert (answer.status, NOT_BEGUN in await answer.text()) == (403, True)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("stranger", "there is no account for you"),
        ("nobody", "there is no account for you"),
        ("401", "there is no account for you"),
    ],
)
async def test_who_has_no_account_is_told_so(
    browser: ClientSession, desk: str, accounts: FakeAccounts, there: IdentityProvider, user: str, words: str
) -> None:
    there.user = user
    await refused(browser, desk, accounts, 403, words)


async def test_the_providers_no_is_told_in_words(
    browser: ClientSession, desk: str, accounts: FakeAccounts, there: IdentityProvider
) -> None:
    there.answers = {"error": "<script>access_denied"}
    await refused(browser, desk, accounts, 403, "did not let you in")


async def test_an_answer_of_another_provider_is_not_taken_for_ours(
    browser: ClientSession, desk: str, accounts: FakeAccounts, there: IdentityProvider
) -> None:
    there.answers = {"iss": "https://evil.example"}
    await refused(browser, desk, accounts, 403, "is not valid")


@pytest.mark.parametrize("fault", ["another name", "refuses the code"])
async def test_a_provider_in_trouble_leaves_the_password(
    browser: ClientSession, desk: str, accounts: FakeAccounts, there: IdentityProvider, fault: str
) -> None:
    if fault == "another name":
        there.called_itself = "https://evil.example"
    else:
        there.token_status = 500
    await refused(browser, desk, accounts, 503, "Log in with id and password")
    assert (await browser.post(f"{desk}/api/login", json={"id": "401", "password": "тихий океан"})).status == 409
    assert await who(browser, desk) == "401"


async def test_a_role_that_needs_a_second_factor_needs_it_there_too(
    browser: ClientSession, desk: str, accounts: FakeAccounts, there: IdentityProvider
) -> None:
    accounts.required = frozenset({Role.HEAD})
    answer = await browser.get(f"{desk}/sign-on")
    assert (answer.status, "second factor" in await answer.text()) == (403, True)
    there.claims["amr"] = ["pwd", "otp"]
    assert (await browser.get(f"{desk}/sign-on")).status == 200
    assert accounts.entries[0] == ("401", "sign on refused", "without a second factor")


async def test_the_log_in_shows_the_way_there(browser: ClientSession, desk: str) -> None:
    assert 'href="/sign-on"' in await (await browser.get(f"{desk}/account")).text()
