"""The links of the demonstration: each logs in once, on this machine alone, and the real line has none."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer

from callcenter.accounts.secrets import Secrets
from callcenter.app.summary import summary
from callcenter.config import Config
from callcenter.config.roles import Role
from callcenter.core.ids import PersonId, PhoneName
from callcenter.demo.links import Guest, Links, guests, links
from callcenter.desk import make_app
from callcenter.desk.app import GATE
from callcenter.desk.sessions import COOKIE, Sessions
from tests.desk.fake_accounts import FakeAccounts
from tests.desk.fake_backend import FakeBackend
from tests.wall import MONDAY_NOON

PROJECT = Path(__file__).resolve().parents[2]
OPERATOR = Guest(PersonId("102"), "Сотрудник 102", on_shift=True)
HEAD = Guest(PersonId("401"), "Сотрудник 401", on_shift=False)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration as shipped, with files of its own."""
    return Config.load(PROJECT / "config.yaml").model_copy(update={"var": tmp_path})


@pytest.fixture
def secrets(config: Config) -> Secrets:
    return Secrets.load_or_create(config.var, config)


@pytest.fixture
def backend() -> FakeBackend:
    found = FakeBackend()
    found.page_phones[PersonId("102")] = PhoneName("102-web")
    return found


def desk_of(backend: FakeBackend, secrets: Secrets) -> web.Application:
    first = {person: found.password for person in ("102", "401") if (found := secrets.initial(person))}
    accounts = FakeAccounts(passwords=first)
    return make_app(
        backend,
        titles={},
        pause_reasons=("lunch",),
        metrics_text=lambda: b"",
        accounts=accounts,
        sessions=Sessions(lambda: MONDAY_NOON, version=accounts.version),
    )


@pytest.fixture
async def desk(backend: FakeBackend, secrets: Secrets) -> AsyncIterator[str]:
    async with TestServer(desk_of(backend, secrets)) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
def told() -> list[str]:
    """What is printed later."""
    return []


@pytest.fixture
async def ways_in(desk: str, secrets: Secrets, told: list[str]) -> AsyncIterator[list[str]]:
    found = Links(secrets, {Role.OPERATOR: OPERATOR, Role.HEAD: HEAD}, desk, told.append)
    async with TestServer(found.app()) as server:
        found.address = str(server.make_url("")).rstrip("/")
        yield [text.split()[1] for text in found.fresh()]


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


async def test_a_link_opens_the_operators_shift_at_the_phone_in_the_page(
    ways_in: list[str], desk: str, backend: FakeBackend, browser: ClientSession
) -> None:
    answer = await browser.get(ways_in[0])
    assert (answer.status, str(answer.url)) == (200, f"{desk}/")
    assert backend.operators[PersonId("102")].phone == "102-web"
    me = await (await browser.get(f"{desk}/api/me")).json()
    assert me["me"]["id"] == "102"


async def test_a_link_lets_a_head_in_without_a_shift(ways_in: list[str], desk: str, browser: ClientSession) -> None:
    answer = await browser.get(ways_in[1])
    assert (answer.status, str(answer.url)) == (200, f"{desk}/account")
    assert (await browser.get(f"{desk}/people")).status == 200


async def test_a_link_works_once_and_the_next_one_is_printed(
    ways_in: list[str], told: list[str], browser: ClientSession
) -> None:
    await browser.get(ways_in[1])
    again = await browser.get(ways_in[1], allow_redirects=False)
    assert again.status == 410
    assert "Set-Cookie" not in again.headers
    assert "один раз" in await again.text()
    (fresh,) = told
    assert (await browser.get(fresh.split()[1])).status == 200


async def test_what_only_looks_at_a_link_does_not_use_it_up(ways_in: list[str], browser: ClientSession) -> None:
    assert (await browser.head(ways_in[1])).status == 405
    assert (await browser.get(ways_in[1][:-1], allow_redirects=False)).status == 410
    assert (await browser.get(ways_in[1])).status == 200


async def test_a_link_says_why_it_lets_nobody_in(
    ways_in: list[str], secrets: Secrets, browser: ClientSession, desk: str
) -> None:
    secrets.set_password("401", "собственный пароль")
    refused = await browser.get(ways_in[1], allow_redirects=False)
    assert refused.status == 409
    assert f"{desk}/ (401)" in await refused.text()


def test_there_is_a_link_for_each_role(config: Config) -> None:
    found = guests(config)
    assert {role: guest.person for role, guest in found.items()} == {
        Role.OPERATOR: "104",
        Role.SUPERVISOR: "402",
        Role.HEAD: "401",
        Role.ENGINEER: "403",
    }
    assert [guest.on_shift for guest in found.values()] == [True, False, False, False]


def test_without_phones_in_the_page_no_operator_waits_for_a_guest(config: Config) -> None:
    without = config.model_copy(update={"asterisk": config.asterisk.model_copy(update={"browsers": None})})
    assert Role.OPERATOR not in guests(without)


async def test_other_machines_get_no_links(config: Config, told: list[str]) -> None:
    open_to_all = config.model_copy(update={"http": config.http.model_copy(update={"bind": "0.0.0.0"})})
    async with links(open_to_all, told.append) as lines:
        assert len(lines) == 1
        assert "No links" in lines[0]


async def test_the_links_listen_on_loopback_and_end_with_the_demonstration(
    config: Config, told: list[str], browser: ClientSession
) -> None:
    async with links(config, told.append) as lines:
        first = lines[1].split()[1]
        assert first.startswith("http://127.0.0.1:")
        assert (await browser.get(first.rpartition("/")[0] + "/nothing")).status == 410
    with pytest.raises(OSError, match="Cannot connect"):
        await browser.get(first)


# -- never in `make run` -----------------------------------------------------------------------------------------


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def test_only_the_demonstration_knows_the_links() -> None:
    """The real line is made by `app`, which may not even import the demonstration (import contract `layers`)."""
    users = {
        str(file.relative_to(PROJECT))
        for file in (PROJECT / "callcenter").rglob("*.py")
        if any(name.startswith("callcenter.demo.links") for name in imported(file))
    }
    assert users == {"callcenter/demo/demonstration.py"}
    demonstration = {
        str(file.relative_to(PROJECT))
        for file in (PROJECT / "callcenter").rglob("*.py")
        if any(name.startswith("callcenter.demo.demonstration") for name in imported(file))
    }
    assert demonstration == {"callcenter/cli/demo.py"}


async def test_the_desk_itself_has_no_such_address(
    ways_in: list[str], desk: str, backend: FakeBackend, secrets: Secrets, browser: ClientSession
) -> None:
    token = ways_in[1].rpartition("/")[2]
    for path in (f"/{token}", f"/demo/{token}", f"/login/{token}", f"/api/login?token={token}"):
        answer = await browser.get(desk + path, allow_redirects=False)
        assert answer.status in (404, 405)
        assert COOKIE not in answer.cookies
    gets = [route for route in desk_of(backend, secrets)[GATE].routes if route.method == "GET"]
    assert not [route.path for route in gets if "token" in route.path or "link" in route.path]


def test_what_make_run_prints_has_no_link(config: Config, secrets: Secrets, backend: FakeBackend) -> None:
    printed = "\n".join(summary(config, secrets, backend.view(), MONDAY_NOON))
    addresses = {word.strip("(),") for word in printed.split() if word.startswith("http")}
    assert addresses == {f"http://127.0.0.1:{config.http.port}/"}
