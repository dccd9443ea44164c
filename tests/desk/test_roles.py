"""Who may ask the desk for what: every route with every role, against a table that was written by hand."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from aiohttp.test_utils import TestClient, TestServer

from callcenter.app.directory_table import DirectoryTable
from callcenter.calendar.clock import Clock as CoreClock
from callcenter.chats.chat_search import ChatSearch
from callcenter.chats.chat_table import ChatTable
from callcenter.chats.chats import Chats
from callcenter.config import Config
from callcenter.core.ids import PersonId
from callcenter.customers.directory import Directory
from callcenter.customers.table import CustomersTable
from callcenter.dated.notice import Notice
from callcenter.dated.timeline import OfLine
from callcenter.desk import make_app
from callcenter.desk.app import GATE
from callcenter.desk.call_back_actions import CallBackActions
from callcenter.desk.chats import ChatsApi
from callcenter.desk.directory import DirectoryApi
from callcenter.desk.gate import Gate, Route
from callcenter.desk.knowledge import KnowledgeApi
from callcenter.desk.quality import QualityApi
from callcenter.desk.recordings import RecordingsApi
from callcenter.desk.registering import RegisteringApi
from callcenter.desk.request_actions import RequestActions
from callcenter.desk.sessions import Sessions
from callcenter.knowledge.article_table import ArticleTable
from callcenter.knowledge.news_table import NewsTable
from callcenter.knowledge.reading import Reading
from callcenter.registering.card import Cards
from callcenter.registering.note_table import NoteTable
from callcenter.registering.quality_table import QualityTable
from callcenter.reports.audit import Audit
from callcenter.request_register.arrivals import ArrivalRegister
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.call_back_board import CallBackBoard
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.paper import LetterBoard
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.viewers import Viewers
from callcenter.store import Register
from tests.desk.auction_desk import auctions_of
from tests.desk.conftest import Browser, Clock
from tests.desk.fake_accounts import FakeAccounts
from tests.desk.fake_backend import FakeBackend
from tests.desk.request_desk import of_lines
from tests.requests.lines import MOSCOW

SENDERS = {
    "nobody": None,
    "off": "101",  # an operator with a session, who is not on shift
    "op": "101",
    "spec": "201",
    "mgr": "301",
    "head": "401",
    "sup": "402",
    "eng": "403",
    "new": "401",  # a head who has to change the password first
    "2fa": "403",  # an engineer who has to set a second factor up first
}
ON_SHIFT = {"op", "spec", "mgr"}

# + lets them in, . refuses them.
TABLE = """
                                                  nobody off op spec mgr head sup eng new 2fa
GET  /                                              +     +   +   +   +   +    +   +   +   +
GET  /built/{name}                                  +     +   +   +   +   +    +   +   +   +
GET  /static                                        +     +   +   +   +   +    +   +   +   +
GET  /notices                                       +     +   +   +   +   +    +   +   +   +
GET  /healthz                                       +     +   +   +   +   +    +   +   +   +
GET  /metrics                                       +     +   +   +   +   +    +   +   +   +
POST /api/login                                     +     +   +   +   +   +    +   +   +   +
POST /api/login/page                                +     +   +   +   +   +    +   +   +   +
GET  /account                                       +     +   +   +   +   +    +   +   +   +
POST /api/logout                                    .     +   +   +   +   +    +   +   +   +
POST /account/logout                                .     +   +   +   +   +    +   +   +   +
GET  /api/account                                   .     +   +   +   +   +    +   +   +   +
POST /api/account/password                          .     +   +   +   +   +    +   +   +   +
POST /account/password                              .     +   +   +   +   +    +   +   +   +
POST /api/account/second-factor                     .     +   +   +   +   +    +   +   +   +
POST /account/second-factor                         .     +   +   +   +   +    +   +   +   +
POST /api/account/second-factor/confirm             .     +   +   +   +   +    +   +   +   +
POST /account/second-factor/confirm                 .     +   +   +   +   +    +   +   +   +
POST /api/account/second-factor/drop                .     +   +   +   +   +    +   +   +   +
POST /account/second-factor/drop                    .     +   +   +   +   +    +   +   +   +
GET  /api/account/session                           .     +   +   +   +   +    +   +   +   +
POST /api/account/session/prolong                   .     +   +   +   +   +    +   +   +   +
POST /api/account/sessions/{session}/end            .     +   +   +   +   +    +   +   +   +
POST /account/sessions/{session}/end                .     +   +   +   +   +    +   +   +   +
GET  /api/people                                    .     .   .   .   .   +    .   +   .   .
GET  /people                                        .     .   .   .   .   +    .   +   .   .
POST /api/people/{person}/password/reset            .     .   .   .   .   +    .   +   .   .
POST /people/{person}/password/reset                .     .   .   .   .   +    .   +   .   .
POST /api/people/{person}/second-factor/reset       .     .   .   .   .   +    .   +   .   .
POST /people/{person}/second-factor/reset           .     .   .   .   .   +    .   +   .   .
POST /api/people/{person}/sessions/{session}/end    .     .   .   .   .   +    .   +   .   .
POST /people/{person}/sessions/{session}/end        .     .   .   .   .   +    .   +   .   .
GET  /api/me                                        .     .   +   +   +   .    .   .   .   .
GET  /api/live                                      .     .   +   +   +   .    .   .   .   .
POST /api/phone                                     .     .   +   +   +   .    .   .   .   .
POST /api/pause                                     .     .   +   +   +   .    .   .   .   .
POST /api/return                                    .     .   +   +   +   .    .   .   .   .
POST /api/transfer                                  .     .   +   +   +   .    .   .   .   .
POST /api/transfer/cancel                           .     .   +   +   +   .    .   .   .   .
POST /api/transfer/complete                         .     .   +   +   +   .    .   .   .   .
GET  /api/card                                      .     .   +   +   +   .    .   .   .   .
GET  /api/customers                                 .     .   +   +   +   .    .   .   .   .
GET  /api/directory                                  .     .   .   .   .   +    .   .   .   .
GET  /customers                                      .     .   .   .   .   +    .   .   .   .
POST /customers/check                                .     .   .   .   .   +    .   .   .   .
POST /customers/take                                 .     .   .   .   .   +    .   .   .   .
POST /api/directory                                  .     .   .   .   .   +    .   .   .   .
POST /api/identify                                  .     .   +   +   +   .    .   .   .   .
GET  /api/notes                                     .     .   +   +   +   .    .   .   .   .
POST /api/note                                      .     .   +   +   +   .    .   .   .   .
POST /api/note/register                             .     .   +   +   +   .    .   .   .   .
POST /api/note/refuse                               .     .   +   +   +   .    .   .   .   .
POST /api/wrap-up                                   .     .   +   +   +   .    .   .   .   .
POST /api/call                                      .     .   +   +   +   .    .   .   .   .
POST /api/quality                                   .     .   +   +   +   .    .   .   .   .
POST /api/end                                       .     .   +   +   +   .    +   .   .   .
GET  /api/owed                                      .     .   +   +   +   +    +   .   .   .
GET  /api/recording                                 .     .   .   .   .   +    +   .   .   .
GET  /api/settings                                  .     .   .   .   .   +    +   +   .   .
GET  /settings                                      .     .   .   .   .   +    +   +   .   .
GET  /api/floor                                     .     .   .   .   .   +    +   +   .   .
GET  /api/floor/live                                .     .   .   .   .   +    +   .   .   .
GET  /floor                                         .     .   .   .   .   +    +   .   .   .
POST /api/floor/pause                               .     .   .   .   .   .    +   .   .   .
POST /api/floor/return                              .     .   .   .   .   .    +   .   .   .
POST /api/floor/log-out                             .     .   .   .   .   .    +   .   .   .
POST /api/floor/out-of-turn                         .     .   .   .   .   .    +   .   .   .
POST /api/floor/line                                .     .   .   .   .   .    +   .   .   .
GET  /wall                                          +     +   +   +   +   +    +   +   +   +
GET  /api/wall/live                                 .     .   .   .   .   .    .   .   .   .
GET  /api/forecast                                  .     .   .   .   .   +    +   .   .   .
GET  /api/news                                      .     +   +   +   +   +    +   +   .   .
POST /api/news/confirm                              .     +   +   +   +   +    +   +   .   .
GET  /api/articles                                  .     +   +   +   +   +    +   +   .   .
GET  /api/articles/{name}                           .     +   +   +   +   +    +   +   .   .
GET  /api/articles/{name}/versions                  .     +   +   +   +   +    +   +   .   .
POST /api/articles/{name}/feedback                  .     +   +   +   +   +    +   +   .   .
GET  /api/subjects                                  .     +   +   +   +   +    +   +   .   .
GET  /api/news/all                                  .     .   .   .   .   +    .   .   .   .
POST /api/news                                      .     .   .   .   .   +    .   .   .   .
GET  /api/news/{news}                               .     .   .   .   .   +    .   .   .   .
POST /api/news/{news}                               .     .   .   .   .   +    .   .   .   .
POST /api/news/{news}/withdraw                      .     .   .   .   .   +    .   .   .   .
GET  /api/news/{news}/versions                      .     .   .   .   .   +    .   .   .   .
GET  /api/news/{news}/confirmations                 .     .   .   .   .   +    .   .   .   .
POST /api/articles                                  .     .   .   .   .   +    .   .   .   .
POST /api/articles/{name}                           .     .   .   .   .   +    .   .   .   .
POST /api/articles/{name}/withdraw                  .     .   .   .   .   +    .   .   .   .
GET  /api/feedback                                  .     .   .   .   .   +    .   .   .   .
POST /api/feedback/{feedback}/settle                .     .   .   .   .   +    .   .   .   .
POST /api/preview                                   .     .   .   .   .   +    .   .   .   .
GET  /articles                                      .     +   +   +   +   +    +   +   .   .
GET  /articles/{name}                               .     +   +   +   +   +    +   +   .   .
GET  /articles/{name}/edit                          .     .   .   .   .   +    .   .   .   .
POST /articles/{name}/edit                          .     .   .   .   .   +    .   .   .   .
GET  /write/article                                 .     .   .   .   .   +    .   .   .   .
POST /write/article                                 .     .   .   .   .   +    .   .   .   .
POST /feedback/{feedback}                           .     .   .   .   .   +    .   .   .   .
GET  /news                                          .     .   .   .   .   +    .   .   .   .
GET  /news/{news}                                   .     .   .   .   .   +    .   .   .   .
POST /news/{news}                                   .     .   .   .   .   +    .   .   .   .
GET  /write/news                                    .     .   .   .   .   +    .   .   .   .
POST /write/news                                    .     .   .   .   .   +    .   .   .   .
GET  /api/requests                                  .     .   .   .   .   +    +   .   .   .
POST /api/requests                                  .     .   +   +   +   +    .   .   .   .
GET  /api/requests/options                          .     +   +   +   +   +    +   .   .   .
GET  /api/requests/mine                             .     +   +   +   +   +    .   .   .   .
GET  /api/requests/drafts                           .     +   +   +   +   +    .   .   .   .
GET  /api/requests/drafts/all                       .     .   .   .   .   +    .   .   .   .
GET  /api/requests/warned                           .     +   +   +   +   +    .   .   .   .
GET  /api/requests/caller                           .     .   +   +   +   +    .   .   .   .
GET  /api/requests/search                           .     +   +   +   +   +    +   .   .   .
GET  /api/requests/state                            .     +   +   +   +   +    +   .   .   .
GET  /api/requests/promise                          .     +   +   +   +   +    +   .   .   .
POST /api/requests/next                             .     +   +   +   +   +    .   .   .   .
POST /api/requests/assign                           .     .   .   .   .   +    .   .   .   .
GET  /api/requests/{request}                        .     +   +   +   +   +    +   .   .   .
POST /api/requests/{request}/look                   .     +   +   +   +   +    +   .   .   .
POST /api/requests/{request}/fill                   .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/tell                   .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/submit                 .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/assign                 .     .   .   .   .   +    .   .   .   .
POST /api/requests/{request}/hand-back              .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/start                  .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/ask                    .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/resume                 .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/receive                .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/inform                 .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/answer                 .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/close                  .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/close-without-reply    .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/reopen                 .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/refuse                 .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/urgency                .     .   .   .   .   +    .   .   .   .
POST /api/requests/{request}/reply                  .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/delivery               .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/merge                  .     .   .   .   .   +    .   .   .   .
POST /api/requests/{request}/split                  .     .   .   .   .   +    .   .   .   .
GET  /api/requests/{request}/call-backs             .     +   +   +   +   +    +   .   .   .
POST /api/requests/{request}/call-back              .     +   +   +   +   +    .   .   .   .
GET  /api/call-backs                                .     .   .   .   .   +    +   .   .   .
GET  /api/call-backs/{call_back}                    .     +   +   +   +   +    .   .   .   .
POST /api/call-backs/{call_back}/move               .     +   +   +   +   +    .   .   .   .
POST /api/call-backs/{call_back}/withdraw           .     +   +   +   +   +    .   .   .   .
POST /api/call-backs/{call_back}/said               .     +   +   +   +   +    .   .   .   .
POST /api/owed/call-back                            .     .   +   +   +   +    +   .   .   .
POST /call-backs/owed                               .     .   +   +   +   +    +   .   .   .
GET  /call-backs                                    .     .   .   .   .   +    +   .   .   .
POST /requests/{request}/call-back/{step}           .     +   +   +   +   +    .   .   .   .
POST /api/requests/{request}/files                  .     +   +   +   +   +    .   .   .   .
GET  /api/requests/{request}/files/{file}           .     +   +   +   +   +    +   .   .   .
GET  /api/requests/report                           .     .   .   .   .   +    +   .   .   .
GET  /requests/reports                              .     .   .   .   .   +    +   .   .   .
GET  /requests/reports.xlsx                         .     .   .   .   .   +    +   .   .   .
GET  /requests/reports/{table}.csv                  .     .   .   .   .   +    +   .   .   .
GET  /requests                                      .     .   .   .   .   +    +   .   .   .
GET  /requests/mine                                 .     +   +   +   +   +    .   .   .   .
GET  /requests/find                                 .     +   +   +   +   +    +   .   .   .
POST /requests/next                                 .     +   +   +   +   +    .   .   .   .
POST /requests/assign                               .     .   .   .   .   +    .   .   .   .
GET  /chats                                         .     +   +   +   +   +    +   .   .   .
GET  /chats/C-{number}                              .     +   +   +   +   +    +   .   .   .
GET  /requests/{request}                            .     +   +   +   +   +    +   .   .   .
POST /requests/{request}/{action}                   .     +   +   +   +   +    .   .   .   .
POST /requests/{request}/files                      .     +   +   +   +   +    .   .   .   .
GET  /requests/{request}/files/{file}               .     +   +   +   +   +    +   .   .   .
GET  /requests/{request}/files/{file}/page          .     +   +   +   +   +    +   .   .   .
GET  /letters                                       .     +   +   +   +   +    .   .   .   .
GET  /letters/to/{line}                             .     +   +   +   +   +    .   .   .   .
POST /letters/to/{line}                             .     +   +   +   +   +    .   .   .   .
GET  /letters/{key}                                 .     +   +   +   +   +    +   .   .   .
GET  /requests/{request}/letters/{running}          .     +   +   +   +   +    +   .   .   .
GET  /requests/{request}/letters/{running}/docx     .     +   +   +   +   +    +   .   .   .
GET  /api/letters                                   .     +   +   +   +   +    .   .   .   .
POST /api/letters/{line}                            .     +   +   +   +   +    .   .   .   .
GET  /api/requests/{request}/letters/{running}      .     +   +   +   +   +    +   .   .   .
POST /write/request                                 .     +   +   +   +   +    .   .   .   .
GET  /api/chats/{chat}                              .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/accept                       .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/decline                      .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/messages                     .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/typing                       .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/draft                        .     .   +   +   +   .    .   .   .   .
GET  /api/chats/{chat}/colleagues                   .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/hand-over                    .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/close                        .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/request                      .     .   +   +   +   .    .   .   .   .
POST /api/chats/{chat}/note                         .     .   +   +   +   .    .   .   .   .
GET  /api/auctions                                  .     .   .   .   .   +    .   .   .   .
POST /api/auctions                                  .     .   .   .   .   +    .   .   .   .
POST /api/auctions/import                           .     .   .   .   .   +    .   .   .   .
GET  /api/auctions/{auction}                        .     .   .   .   .   +    .   .   .   .
POST /api/auctions/{auction}                        .     .   .   .   .   +    .   .   .   .
POST /api/auctions/{auction}/withdraw               .     .   .   .   .   +    .   .   .   .
GET  /auctions                                      .     .   .   .   .   +    .   .   .   .
POST /auctions                                      .     .   .   .   .   +    .   .   .   .
POST /auctions/import                               .     .   .   .   .   +    .   .   .   .
GET  /auctions.csv                                  .     .   .   .   .   +    .   .   .   .
GET  /auctions/{auction}                            .     .   .   .   .   +    .   .   .   .
POST /auctions/{auction}                            .     .   .   .   .   +    .   .   .   .
"""
HEADING, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
ALLOWED = {(row[0], row[1]): dict(zip(HEADING, row[2:], strict=True)) for row in ROWS}
VALUES = {
    "line": "estp",
    "key": "0123456789abcdef",
    "running": "1",
    "table": "urgency",
    "person": "102",
    "session": "0" * 16,
    "name": "desk",
    "news": "1",
    "feedback": "1",
    "request": "1",
    "action": "start",
    "call_back": "cb-0",
    "step": "order",
    "file": "0" * 64,
    "auction": "1",
    "chat": "0" * 32,
    "number": "1",
}


class NoSettings:
    """No line has settings with a date."""

    notices: list[Notice] = []  # noqa: RUF012 - nobody adds any

    def timelines(self) -> list[OfLine]:
        return []


@pytest.fixture
async def browser(
    backend: FakeBackend, accounts: FakeAccounts, sessions: Sessions, register: Register, clock: Clock
) -> AsyncIterator[Browser]:
    """The whole desk, as it is served."""
    news, notes = NewsTable(register), NoteTable(register)
    registering = RegisteringApi(
        backend, notes, Cards(register, notes), Directory(CustomersTable(register)), {}, clock, Audit(register).enter
    )
    requests = RequestActions(
        RequestRegister(register, of_lines),
        RequestBoard(register),
        Viewers(),
        {},
        lambda: accounts.people,
        {},
        lambda person: "",
        registering,
        clock,
        Audit(register).enter,
        MOSCOW,
        letters=LetterBoard(register),
    )
    app = make_app(
        backend,
        titles={},
        pause_reasons=("lunch",),
        metrics_text=lambda: b"",
        accounts=accounts,
        sessions=sessions,
        knowledge=KnowledgeApi(
            ArticleTable(register), news, Reading(news, {}, clock), clock, {"estp": "ЭТП"}, {"operators": "Операторы"}
        ),
        registering=registering,
        requests=requests,
        call_backs=CallBackActions(
            requests, CallBackRegister(register, of_lines), CallBackBoard(register), lambda _, __: [], lambda _: ()
        ),
        recordings=RecordingsApi(Cards(register, notes), Path("/nowhere"), clock, Audit(register).enter),
        quality=QualityApi(backend, QualityTable(register), notes, clock),
        dated=NoSettings(),
        auctions=auctions_of(register, clock),
        directory=DirectoryApi(DirectoryTable(Config.load(Path(__file__).parents[2] / "config.yaml"), register, clock)),
        chats=ChatsApi(
            Chats(
                ChatTable(register), cast(ArrivalRegister, None), (), bool, lambda _: None, str, CoreClock(float, clock)
            ),
            lambda _: None,
            bool,
            {},
            search=ChatSearch(register),
        ),
    )
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock)


@pytest.fixture
async def register(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Register]:
    opened = await Register.open(tmp_path_factory.mktemp("register") / "register.sqlite")
    yield opened
    await opened.close()


def gate(browser: Browser) -> Gate:
    assert browser.server.app is not None  # type: ignore[attr-defined]
    found: Gate = browser.server.app[GATE]  # type: ignore[attr-defined]
    return found


def shape(route: Route) -> tuple[str, str]:
    """Method and address without the patterns of its parts."""
    return route.method, re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", route.path)


async def test_each_role_gets_what_the_table_says_and_nothing_else(
    browser: Browser, backend: FakeBackend, accounts: FakeAccounts, sessions: Sessions
) -> None:
    routes = {shape(route): route for route in gate(browser).routes if route.method != "HEAD"}
    assert set(routes) == set(ALLOWED), "each address of the desk is in the table, and nothing else"
    wrong = []
    for who, person in SENDERS.items():
        for (method, path), allowed in ALLOWED.items():
            for one in ("101", "201", "301"):
                backend.change(PersonId(one), "available" if who in ON_SHIFT else "off")
            accounts.one_time = {"401"} if who == "new" else set()
            accounts.required = frozenset(accounts.people[PersonId("403")].roles) if who == "2fa" else frozenset()
            token = sessions.open(PersonId(person), shift=who in ON_SHIFT) if person else ""
            address = re.sub(r"\{(\w+)\}", lambda found: VALUES[found[1]], path)
            address = "/static/desk.css" if path == "/static" else address
            body: dict[str, str] | None = {} if method == "POST" else None
            answer = await browser.request(
                method, address, cookies={"session": token}, allow_redirects=False, json=body
            )
            if routes[method, path].page and path != "/api/login/page":
                refused = answer.status in (401, 403) or (
                    method == "GET" and (answer.status, answer.headers.get("Location")) == (303, "/account")
                )
            else:
                refused = answer.status in (401, 403) and (await answer.json())["answer"] in REFUSED
            if refused is (allowed[who] == "+"):
                wrong.append(f"{who}: {method} {path}: {answer.status}")
            assert answer.status != 500
    assert wrong == []


REFUSED = {"not_logged_in", "forbidden", "password_first", "second_factor_first"}


async def test_an_address_without_a_need_lets_nobody_in(browser: Browser, sessions: Sessions) -> None:
    """Whoever adds a route past the gate finds out at once."""
    gate(browser)._routes.clear()
    token = sessions.open(PersonId("401"), shift=False)
    answer = await browser.get("/api/people", cookies={"session": token})
    assert (answer.status, (await answer.json())["answer"]) == (403, "forbidden")


async def test_a_refused_request_reaches_no_handler(
    browser: Browser, backend: FakeBackend, accounts: FakeAccounts, sessions: Sessions
) -> None:
    token = sessions.open(PersonId("402"), shift=False)
    answer = await browser.post("/api/people/101/password/reset", json={}, cookies={"session": token})
    assert answer.status == 403
    assert "роль" in (await answer.json())["message"]
    assert accounts.passwords["101"] != "раз-два-три"
    assert accounts.entries == []
