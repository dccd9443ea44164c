"""Builds a link to Asterisk, its parts, the rooms of knowledge, registering and requests, and the check of tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from functools import partial

from callcenter.accounts.attempts import Attempts
from callcenter.accounts.secrets import Secrets
from callcenter.accounts.tokens import Tokens
from callcenter.app.accounts import DeskAccounts
from callcenter.app.people import People
from callcenter.app.requests import Requests
from callcenter.app.warm_start import WarmStart
from callcenter.asterisk.ami import AmiSettings
from callcenter.asterisk.journal import Journal
from callcenter.asterisk.link import Link, LinkSettings, Listener
from callcenter.asterisk.render import Folders, dialplan_version, endpoints
from callcenter.asterisk.targets import transfer_targets
from callcenter.asterisk.translate import Translator
from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.clock import Clock, WallClock
from callcenter.config import Config
from callcenter.config.line_sections import Line
from callcenter.config.request_sections import Requests as RequestsSection
from callcenter.config.sections import Accounts
from callcenter.core.contract import Standing, standing
from callcenter.core.ids import LineId
from callcenter.customers.directory import Directory, normalise
from callcenter.desk.auctions import AuctionActions
from callcenter.desk.bearer import Bearers
from callcenter.desk.call_back_actions import CallBackActions
from callcenter.desk.knowledge import KnowledgeApi
from callcenter.desk.letter_sheet import Letterhead
from callcenter.desk.quality import QualityApi
from callcenter.desk.recordings import RecordingsApi
from callcenter.desk.registering import LineWords, RegisteringApi
from callcenter.desk.request_actions import RequestActions, RequestLine
from callcenter.knowledge.article_table import ArticleTable
from callcenter.knowledge.news import Reader
from callcenter.knowledge.news_table import NewsTable
from callcenter.knowledge.reading import Reading
from callcenter.registering.card import Cards
from callcenter.registering.note_table import NoteTable
from callcenter.registering.quality_table import QualityTable
from callcenter.reports.audit import Audit
from callcenter.reports.requests import RequestFigures, figures
from callcenter.request_register.call_back_board import CallBackBoard
from callcenter.request_register.filed import Requester
from callcenter.requests.inn import valid_inn
from callcenter.store import Register


def make_link(
    config: Config, secrets: Secrets, directory: Directory, before: WarmStart, clock: Clock, listener: Listener
) -> Link:
    """Return the link to the configured Asterisk; it continues where the previous controller stopped (`before`)."""
    folders, asterisk, last = Folders.under(config.var), config.asterisk, before.before
    queues = {
        group: [f"cc-{line.id}" for line in config.lines.values() if group in line.answered_by]
        for group in config.groups
    }
    translator = Translator(
        normalise,
        directory.by_number,
        directory.by_inn,
        valid_inn,
        tuple(config.pause_reasons),
        config.prompts,
        transfer_targets(config),
        directory.by_contract,
    )
    journal = Journal(
        folders.journal,
        config.phones,
        normalise,
        lambda epoch: clock.at(datetime.fromtimestamp(epoch, UTC)),
        clock.wall,
        last.journal if last else None,
    )
    return Link(
        LinkSettings(
            AmiSettings(asterisk.ami_host, asterisk.ami_port, "callcenter", secrets.ami),
            endpoints(config),
            queues,
            dialplan_version(config.dialplan),
            asterisk.codecs,
            vanished_after=config.timings.vanished_after,
            pages=frozenset(phone.id for phone in config.phones.values() if phone.browser),
        ),
        translator,
        journal,
        clock.wall,
        listener,
        last.asterisk if last else "",
        None if last and last.journal else clock.wall().timestamp(),
    )


def make_knowledge(config: Config, register: Register, wall: WallClock) -> KnowledgeApi:
    """Return the API of news and knowledge base."""
    readers = {
        person.id: Reader(
            person.id,
            person.group,
            frozenset(line.id for line in config.lines.values() if person.group in line.answered_by),
        )
        for person in config.call_takers.values()
    }
    news = NewsTable(register)
    return KnowledgeApi(
        ArticleTable(register),
        news,
        Reading(news, readers, wall),
        wall,
        {str(line.id): line.title for line in config.lines.values()},
        {str(group.id): group.title for group in config.groups.values()},
        next(iter(config.lines.values())).zone,
    )


def make_registering(
    config: Config,
    register: Register,
    people: People,
    directory: Directory,
    wall: WallClock,
    conduct: Callable[[str], None],
) -> RegisteringApi:
    """Return the API of card and registering. `conduct`: counts a call of a line refused for conduct."""
    notes = NoteTable(register)
    lines = {
        str(line.id): LineWords(
            line.title,
            line.subjects,
            line.crm_url or "",
            line.zone,
            line.contracts.rules if line.contracts else None,
        )
        for line in config.lines.values()
    }
    return RegisteringApi(people, notes, Cards(register, notes), directory, lines, wall, Audit(register).enter, conduct)


def make_quality(register: Register, people: People, wall: WallClock) -> QualityApi:
    """Return the API to which pages tell how conversations sound."""
    return QualityApi(people, QualityTable(register), NoteTable(register), wall)


def make_auctions(config: Config, hours: HoursInForce, wall: WallClock) -> AuctionActions | None:
    """Return what heads do with auctions; None: no line's hours follow any."""
    if not hours.table.zones:
        return None
    titles = {line: config.lines[line].title for line in hours.table.zones}
    return AuctionActions(hours.table, titles, hours.of, hours.refresh, wall)


def make_recordings(config: Config, register: Register, wall: WallClock) -> RecordingsApi:
    """Return the API that lets supervisors and heads listen to earlier calls."""
    cards = Cards(register, NoteTable(register))
    return RecordingsApi(cards, config.recordings.folder, wall, Audit(register).enter)


def make_requests_at_desk(
    config: Config,
    requests: Requests,
    people: People,
    accounts: DeskAccounts,
    registering: RegisteringApi,
    directory: Directory,
    register: Register,
    wall: WallClock,
) -> RequestActions:
    """Return what people do with requests at the desk."""
    lines = {
        line.id: RequestLine(
            line.title,
            line.subjects,
            line.requests.spoken_answer,
            dict(line.requests.departments),
            (line.requests.mean_answer.registered, line.requests.mean_answer.others),
            _letterhead(line, line.requests),
            line.requests.letterhead.posted_within,
            line.channels.letter is not None,
        )
        for line in config.lines.values()
        if line.requests is not None
    }

    groups = {id: person.group for id, person in config.call_takers.items()}
    zones = {line: config.zone(line) for line in lines}

    def found(first: date, last: date, line: LineId | None, now: datetime) -> AsyncIterator[RequestFigures]:
        times = {name: rules.time for name, rules in requests.register.rules.items()}
        return figures(register, first, last, zones, times, now, line)

    return RequestActions(
        requests.register,
        requests.board,
        requests.viewers,
        lines,
        lambda: accounts.people,
        {group.id: group.title for group in config.groups.values()},
        lambda person: groups.get(person) or "",
        registering,
        wall,
        Audit(register).enter,
        next((line.zone for line in config.lines.values()), UTC),
        requests.attachments,
        found,
        requests.warnings,
        requests.call_backs.calling,
        partial(standing_of, directory),
        requests.channels.arrivals,
        requests.letters,
    )


def _letterhead(line: Line, requests: RequestsSection) -> Letterhead:
    """Return what stands on a line's letters: what is configured, else how it can be reached."""
    usual = (line.title, *line.numbers, line.email or "")
    return Letterhead(
        tuple(requests.letterhead.sender.splitlines()) or tuple(filter(None, usual)),
        tuple(requests.letterhead.signed.splitlines()),
    )


def standing_of(directory: Directory, line: LineId, who: Requester, day: date) -> Standing:
    """Return by which contract a requester is served on a day, as the directory says."""
    known = directory.known(who.contract, who.inn, who.number)
    return standing(known.contracts if known else (), line, day)


def make_call_backs_at_desk(
    requests: Requests, at_desk: RequestActions, directory: Directory, register: Register
) -> CallBackActions:
    """Return what people do with call-backs at the desk."""

    def levels_of(line: LineId, requester: Requester) -> list[str]:
        known = directory.known(requester.contract, requester.inn, requester.number)
        role = [known.role] if known else []
        return [*role, standing_of(directory, line, requester, requests.today(line)).level]

    return CallBackActions(at_desk, requests.book, CallBackBoard(register), levels_of, requests.call_backs.calling_back)


def make_bearers(settings: Accounts, tokens: Tokens) -> Bearers:
    """Return what lets scripts in with a token. Wrong tokens are delayed like wrong passwords."""
    return Bearers(tokens, Attempts(settings.wrong_secrets_allowed, settings.wrong_secret_delay))
