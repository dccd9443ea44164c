"""Requests that a page of ours would never send."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from callcenter.desk.guard import at_our_host
from tests.desk.conftest import Browser, LogIn
from tests.desk.fake_accounts import PASSWORD, FakeAccounts
from tests.desk.fake_backend import FakeBackend

POSTS = ["logout", "pause", "return", "transfer", "transfer/cancel", "transfer/complete"]


@pytest.mark.parametrize(
    "address", [f"POST /api/{name}" for name in POSTS] + ["GET /api/me", "GET /api/floor", "GET /api/forecast"]
)
@pytest.mark.parametrize("cookie", ["", "made-up"])
async def test_nothing_works_without_a_session(
    browser: Browser, backend: FakeBackend, address: str, cookie: str
) -> None:
    method, path = address.split()
    body: dict[str, str] | None = {} if method == "POST" else None
    answer = await browser.request(method, path, json=body, cookies={"session": cookie})
    assert answer.status == 401
    assert (await answer.json())["answer"] == "not_logged_in"
    assert backend.events == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_post_from_another_site_is_refused(
    browser: Browser, backend: FakeBackend, log_in: LogIn, headers: dict[str, str]
) -> None:
    await log_in()
    backend.events.clear()
    answer = await browser.post("/api/logout", json={}, headers=headers)
    assert (answer.status, (await answer.json())["answer"]) == (403, "foreign_origin")
    assert backend.events == []
    assert (await browser.get("/api/me")).status == 200


async def test_our_own_page_may_post(browser: Browser, log_in: LogIn) -> None:
    await log_in()
    headers = {"Origin": f"http://{browser.host}:{browser.port}", "Sec-Fetch-Site": "same-origin"}
    assert (await browser.post("/api/return", json={}, headers=headers)).status == 200


async def test_an_oversized_body_is_refused(browser: Browser, accounts: FakeAccounts) -> None:
    answer = await browser.post("/api/login", json={"id": "101", "password": "x" * 20_000})
    assert answer.status == 413
    assert "16 КБ" in (await answer.json())["message"]
    assert accounts.verifications == 0


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"{", "not_json"),
        (b"[]", "not_json"),
        (b"null", "not_json"),
        (b'"101"', "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 10_000, "not_json"),
        (b'{"id": "101"}', "missing_field"),
        (b'{"id": "101", "password": "p", "admin": true}', "unknown_field"),
        (b'{"id": 101, "password": "p"}', "wrong_value"),
        (b'{"id": "101", "password": ""}', "wrong_value"),
        (b'{"id": "101\\n", "password": "p"}', "wrong_value"),
        (b'{"id": "101\\r\\nAction: Hangup", "password": "p"}', "wrong_value"),
        ('{"id": "оператор", "password": "p"}'.encode(), "wrong_value"),
        (b'{"id": "' + b"1" * 33 + b'", "password": "p"}', "wrong_value"),
        (b'{"id": "101", "password": "p", "phone": "a b"}', "wrong_value"),
        (b'{"id": "101", "password": "\\ud800"}', "not_json"),
    ],
)
async def test_wrong_json_is_explained(browser: Browser, backend: FakeBackend, body: bytes, answer: str) -> None:
    refused = await browser.post("/api/login", data=body, headers={"Content-Type": "application/json"})
    assert (refused.status, (await refused.json())["answer"]) == (400, answer)
    assert backend.events == []


async def test_the_explanation_names_the_field_and_what_is_allowed_in_the_browser_s_language(
    browser: Browser,
) -> None:
    body = {"id": "a b", "password": PASSWORD}
    russian = await browser.post("/api/login", json=body)
    english = await browser.post("/api/login", json=body, headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert (await russian.json())["message"].startswith("Недопустимое значение. id: от 1 до 32")
    assert (await english.json())["message"].startswith("A value is not allowed. id: 1 to 32 Latin letters")


async def test_a_refusal_never_repeats_a_password(browser: Browser) -> None:
    refused = await browser.post("/api/login", json={"id": "101", "password": [PASSWORD]})
    assert PASSWORD not in await refused.text()


async def test_only_json_is_taken(browser: Browser, accounts: FakeAccounts) -> None:
    refused = await browser.post("/api/login", data={"id": "101", "password": PASSWORD})
    assert (refused.status, (await refused.json())["answer"]) == (415, "unsupported_media_type")
    assert accounts.verifications == 0


@pytest.mark.parametrize(
    ("address", "status"),
    [("GET /nothing", 404), ("GET /api/login", 405), ("GET /static/", 403), ("GET /static/..%2fapp.py", 404)],
)
async def test_errors_are_json_and_list_nothing(browser: Browser, address: str, status: int) -> None:
    method, path = address.split()
    answer = await browser.request(method, path)
    assert answer.status == status
    assert set(await answer.json()) == {"answer", "message"}


@pytest.mark.parametrize("path", ["/", "/api/me", "/static/desk.css", "/nothing", "/healthz", "/metrics"])
async def test_every_response_carries_the_safe_headers(browser: Browser, path: str) -> None:
    headers = (await browser.get(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "aiohttp" not in headers["Server"]


async def test_a_defect_is_logged_and_hidden(
    browser: Browser, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backend, "healthy", lambda: 1 / 0)
    answer = await browser.get("/healthz")
    assert (answer.status, (await answer.json())["answer"]) == (500, "internal_error")
    assert "division" not in await answer.text()
    assert "ZeroDivisionError" in caplog.text


async def test_health_is_told_honestly(browser: Browser, backend: FakeBackend) -> None:
    assert (await browser.get("/healthz")).status == 200
    backend.components["asterisk"] = "not connected"
    while (sick := await browser.get("/healthz")).status == 200:
        pass  # the answer may be a moment old
    assert sick.status == 503
    assert await sick.json() == {
        "healthy": False,
        "components": {"asterisk": "not connected", "register": "ok"},
    }


async def test_the_scrape_is_in_prometheus_format(browser: Browser) -> None:
    answer = await browser.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert await answer.read() == b"# HELP x x\n"


async def test_requests_are_counted_by_pattern_never_by_address(
    browser: Browser, requests: list[tuple[str, str, int]]
) -> None:
    await browser.get("/static/desk.css")
    await browser.get("/anything/at/all")
    await browser.get("/api/me")
    assert requests == [
        ("GET", "/static", 200),
        ("GET", "unmatched", 404),
        ("GET", "/api/me", 401),
    ]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("desk.example.ru:8443", "ws://desk.example.ru:8088/ws"),
        ("[fd00::2]:8080", "ws://[fd00::2]:8088/ws"),
        ("x; script-src *", "ws://:8088/ws"),
        ('x"><script>', "ws://:8088/ws"),
    ],
)
def test_no_host_that_a_browser_names_breaks_out_of_the_policy(host: str, url: str) -> None:
    request = make_mocked_request("GET", "/", headers={"Host": host})
    assert at_our_host(request, "ws://:8088/ws") == url
