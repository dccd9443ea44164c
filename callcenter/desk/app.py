"""Puts the web application together: API, page, health check and the address that Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import wraps
from types import MappingProxyType

from aiohttp import web

from callcenter.accounts.sign_on import Provider
from callcenter.accounts.wall_token import WallToken
from callcenter.chats.chat_search import ChatSearch
from callcenter.config.roles import Role
from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.desk.account_actions import AccountActions
from callcenter.desk.account_api import AccountApi
from callcenter.desk.account_pages import AccountPages
from callcenter.desk.accounts import Accounts
from callcenter.desk.api import Api
from callcenter.desk.article_pages import ArticlePages
from callcenter.desk.auction_pages import AuctionPages
from callcenter.desk.auctions import AuctionActions, AuctionsApi
from callcenter.desk.backend import Backend
from callcenter.desk.bearer import Bearers
from callcenter.desk.bodies import MAX_BODY
from callcenter.desk.call_back_actions import CallBackActions
from callcenter.desk.call_back_pages import CallBackPages
from callcenter.desk.call_backs import CallBacksApi
from callcenter.desk.chat_pages import ChatPages
from callcenter.desk.chats import ChatsApi
from callcenter.desk.directory import DirectoryApi
from callcenter.desk.directory_pages import DirectoryPages
from callcenter.desk.entrance import Entrance
from callcenter.desk.floor_hands import FloorHands
from callcenter.desk.floor_live import FloorLive
from callcenter.desk.floor_pages import FloorPages, wall_guard
from callcenter.desk.floor_state import FloorStates
from callcenter.desk.gate import ANYBODY, Gate, Handler, Route
from callcenter.desk.guard import ObserveRequest, add_headers, guard
from callcenter.desk.html import FOLLOWS_AUCTIONS, HAS_CHATS, KEEPS_DIRECTORY, SHOWS_FLOOR, TAKES_LETTERS, WARNED
from callcenter.desk.knowledge import KnowledgeApi
from callcenter.desk.letter_actions import LetterActions
from callcenter.desk.letter_pages import LetterPages
from callcenter.desk.live import Live
from callcenter.desk.news_pages import NewsPages
from callcenter.desk.page import HERE, Page
from callcenter.desk.quality import QualityApi
from callcenter.desk.recordings import RecordingsApi
from callcenter.desk.registering import RegisteringApi
from callcenter.desk.request_actions import RequestActions
from callcenter.desk.request_board import RequestBoardPages
from callcenter.desk.request_files import RequestFiles
from callcenter.desk.request_pages import RequestPages
from callcenter.desk.request_reports import RequestReports
from callcenter.desk.request_work import RequestWorkApi
from callcenter.desk.requests import RequestsApi
from callcenter.desk.responses import as_json
from callcenter.desk.senders import Senders
from callcenter.desk.sessions import Sessions
from callcenter.desk.settings_pages import DatedSettings, SettingsPages
from callcenter.desk.sign_on import SignOnPages
from callcenter.desk.sparing import Sparing
from callcenter.desk.state import States
from callcenter.knowledge.bulletin import Bulletin
from callcenter.request_register.in_force import Tally
from callcenter.requests.request import Way
from callcenter.system.certificate import Judged
from callcenter.web.door import Door
from callcenter.web.visitors import Proxies

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format."""
GATE: web.AppKey[Gate] = web.AppKey("gate", Gate)
"""Who may ask for what."""
LIVE: web.AppKey[Live] = web.AppKey("live", Live)
"""The connections of the open pages."""
FLOOR: web.AppKey[FloorLive] = web.AppKey("floor", FloorLive)
"""The connections of floor pages and wall screens."""
BULLETIN: web.AppKey[Bulletin] = web.AppKey("bulletin", Bulletin)
"""What the pages show of news, there only with a knowledge base. Its `keep` has to run."""


def make_app(
    backend: Backend,
    *,
    titles: Mapping[GroupId, str],
    pause_reasons: Collection[str],
    metrics_text: Callable[[], bytes],
    accounts: Accounts,
    sessions: Sessions,
    knowledge: KnowledgeApi | None = None,
    registering: RegisteringApi | None = None,
    recordings: RecordingsApi | None = None,
    requests: RequestActions | None = None,
    call_backs: CallBackActions | None = None,
    quality: QualityApi | None = None,
    auctions: AuctionActions | None = None,
    directory: DirectoryApi | None = None,
    observe_request: ObserveRequest | None = None,
    door: Door | None = None,
    proxies: Proxies = (),
    with_metrics: bool = True,
    page_phones_at: str = "",
    zone: tzinfo = UTC,
    zones: Mapping[LineId, str] = MappingProxyType({}),
    bearers: Bearers | None = None,
    certificate: Callable[[], Judged | None] = lambda: None,
    provider: Provider | None = None,
    auto_answer: Collection[LineId] = (),
    dated: DatedSettings | None = None,
    chats: ChatsApi | None = None,
    page_opened: Callable[[PersonId, bool], None] = lambda person, there: None,
    line_titles: Mapping[LineId, str] = MappingProxyType({}),
    wall: WallToken | None = None,
) -> web.Application:
    """Make the web application.

    `titles`: the displayed name of each group; its keys are the groups to which a caller can be transferred.
    `pause_reasons`: in the order in which the page shows them. `zone`: in which pages show times,
    `zones`: in which they show those of a line, by its name in the IANA database.
    `knowledge`: news and knowledge base, if there are any. `registering`, `recordings`: likewise card and registering,
    and earlier calls to listen to; `requests`, `call_backs`: likewise requests, and their call-backs.
    `observe_request` is called for every answered request.
    `page_phones_at`: where phones in pages register, as in `PagePhone.url`; '' if there are none.
    `door`: what accepts the connections. `with_metrics`: whether Prometheus may scrape here, too.
    `bearers`: lets scripts in with a token. `certificate`: what is to be said of the desk's own; None: it has none.
    `provider`: the identity provider, if people may log in there.
    `auctions`: what is done with the auctions that lines' hours follow, if any do.
    `directory`: the customers' directory as a table.
    `quality`: keeps how conversations sound. `auto_answer`: the lines whose calls phones in pages answer by themselves.
    `line_titles`: of each line, for the floor. `wall`: the token of wall screens; without it none is let in.
    `dated`: which settings of lines hold when. `chats`: those with customers, if any line has them; `page_opened`: as
    `opened` of `Live`.
    """
    gate = Gate(Senders(accounts, sessions, backend.operator, bearers), accounts.note, wall_guard(wall))
    app = _application(gate, observe_request, door, proxies)
    supervisors = [account.id for account in accounts.people.values() if Role.SUPERVISOR in account.roles]
    bulletin = Bulletin(knowledge.reading) if knowledge else None
    news = bulletin.of if bulletin else lambda person: ()
    shown = chats.shown if chats else lambda own: ()
    states = States(titles, supervisors, backend.page_phone, news, auto_answer, _warned(requests, accounts), shown)
    live = Live(backend.view, backend.operator, states, gate.on_shift, backend.page_phone_says, page_opened)
    app[LIVE] = live
    shown_floor = FloorStates(line_titles, titles, backend.forecasts, _names(accounts))
    floor = FloorLive(backend.floor, shown_floor.of_floor, shown_floor.of_wall, gate, accounts.note)
    app[FLOOR], app[SHOWS_FLOOR] = floor, True
    gate.add(app, [*floor.routes(), *FloorPages(pause_reasons, zone).routes()])
    gate.add(app, FloorHands(backend, pause_reasons).routes())
    actions = AccountActions(accounts, sessions, live.changed)
    reading = knowledge.reading if knowledge else None
    gate.add(app, Api(backend, titles, pause_reasons, accounts, sessions, states, reading).routes())
    gate.add(app, live.routes())
    gate.add(app, Page(pause_reasons, page_phones_at, zones).routes())
    gate.add(app, AccountApi(actions).routes())
    entrance = Entrance(accounts, sessions)
    sign_on = provider.title if provider else ""
    gate.add(app, AccountPages(actions, entrance, sessions, zone, certificate, sign_on).routes())
    if provider:
        gate.add(app, SignOnPages(provider, accounts, entrance, sessions, zone).routes())
    if knowledge and bulletin:
        app[BULLETIN] = bulletin
        gate.add(app, _knowledge_routes(knowledge, accounts))
    if dated:
        gate.add(app, SettingsPages(dated).routes())
    for part in (registering, recordings, quality, directory, chats):
        if part:
            gate.add(app, part.routes())
    if directory:
        app[KEEPS_DIRECTORY] = True
        gate.add(app, DirectoryPages(directory.table, zone).routes())
    if requests:
        app[WARNED] = requests.warned
        if requests.letters and any(Way.LETTER in rules.ways for rules in requests.register.rules.values()):
            app[TAKES_LETTERS] = True
        gate.add(app, _request_routes(requests, call_backs, chats.search if chats else None))
    if requests and chats and chats.search:
        app[HAS_CHATS] = True
        gate.add(app, ChatPages(chats.search, chats.chats.table, requests, _names(accounts)).routes())
    if auctions:
        app[FOLLOWS_AUCTIONS] = True
        gate.add(app, AuctionsApi(auctions).routes())
        gate.add(app, AuctionPages(auctions, _names(accounts)).routes())
    gate.add_files(app, web.StaticResource("/static", HERE / "static"), ANYBODY)
    if with_metrics:
        gate.add(app, _metrics_routes(backend, metrics_text))

    async def end_live(_: web.Application) -> None:
        await live.close()
        await floor.close()

    app.on_shutdown.append(end_live)
    return app


def _warned(requests: RequestActions | None, accounts: Accounts) -> Callable[[PersonId], Tally]:
    """Return what tells of how many requests somebody is warned."""

    def of(person: PersonId) -> Tally:
        account = accounts.people.get(person)
        return requests.warned(account) if requests and account else Tally()

    return of


def _request_routes(
    requests: RequestActions, call_backs: CallBackActions | None, chats: ChatSearch | None
) -> list[Route]:
    """All routes of requests; after what changes one, it is looked at what is still warned of."""
    files = RequestFiles(requests)
    letters = LetterActions(requests, requests.letters, requests.arrivals) if requests.letters else None
    pages = RequestPages(requests, files, call_backs, chats)
    parts = (
        RequestsApi(requests),
        RequestWorkApi(requests),
        files,
        RequestBoardPages(requests, letters),
        RequestReports(requests),
        pages,
    )
    routes = [route for part in parts for route in part.routes()]
    if letters:
        routes += LetterPages(letters).routes()
    if call_backs:
        for more in (CallBacksApi(call_backs), CallBackPages(call_backs, pages.again)):
            routes += more.routes()
    return [replace(one, handler=_then(one.handler, requests.look_at_warnings)) if one.notes else one for one in routes]


def _then(handler: Handler, look: Callable[[], Awaitable[None]]) -> Handler:
    @wraps(handler)
    async def handled(request: web.Request) -> web.StreamResponse:
        response = await handler(request)
        await look()
        return response

    return handled


def make_metrics_app(
    backend: Backend,
    metrics_text: Callable[[], bytes],
    observe_request: ObserveRequest | None = None,
    door: Door | None = None,
) -> web.Application:
    """Make the application that serves only metrics and health."""
    gate = Gate(lambda request: None)
    app = _application(gate, observe_request, door, ())
    gate.add(app, _metrics_routes(backend, metrics_text))
    return app


def _names(accounts: Accounts) -> Callable[[PersonId], str]:
    """Return what names people; whoever is not there any more, by the id."""

    def name_of(person: PersonId) -> str:
        return accounts.people[person].name if person in accounts.people else person

    return name_of


def _knowledge_routes(knowledge: KnowledgeApi, accounts: Accounts) -> list[Route]:
    """The API of news and knowledge base, and the pages of those who write."""
    name_of = _names(accounts)
    return [
        *knowledge.routes(),
        *NewsPages(knowledge, name_of).routes(),
        *ArticlePages(knowledge, name_of).routes(),
    ]


def _application(
    gate: Gate, observe_request: ObserveRequest | None, door: Door | None, proxies: Proxies
) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY, middlewares=[guard(gate, observe_request, door, proxies)])
    app[GATE] = gate
    app.on_response_prepare.append(add_headers)
    return app


def _metrics_routes(backend: Backend, metrics_text: Callable[[], bytes]) -> list[Route]:
    text, health = Sparing(metrics_text), Sparing(lambda: backend.healthy())

    async def healthz(request: web.Request) -> web.Response:
        healthy, components = health()
        return as_json({"healthy": healthy, "components": dict(components)}, 200 if healthy else 503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=text(), headers={"Content-Type": EXPOSITION})

    return [Route("GET", "/healthz", healthz, ANYBODY), Route("GET", "/metrics", metrics, ANYBODY)]
