"""Builds a link to Asterisk, its parts, the rooms of news, knowledge and registering, and the check of tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from callcenter.accounts.attempts import Attempts
from callcenter.accounts.secrets import Secrets
from callcenter.accounts.tokens import Tokens
from callcenter.app.people import People
from callcenter.app.warm_start import WarmStart
from callcenter.asterisk.ami import AmiSettings
from callcenter.asterisk.journal import Journal
from callcenter.asterisk.link import Link, LinkSettings, Listener
from callcenter.asterisk.render import Folders, dialplan_version, endpoints
from callcenter.asterisk.targets import transfer_targets
from callcenter.asterisk.translate import Translator
from callcenter.calendar.clock import Clock, WallClock
from callcenter.config import Config
from callcenter.customers.directory import Directory, normalise, valid_inn
from callcenter.desk.bearer import Bearers
from callcenter.desk.knowledge import KnowledgeApi
from callcenter.desk.quality import QualityApi
from callcenter.desk.registering import LineWords, RegisteringApi
from callcenter.knowledge.article_table import ArticleTable
from callcenter.knowledge.news import Reader
from callcenter.knowledge.news_table import NewsTable
from callcenter.knowledge.reading import Reading
from callcenter.registering.card import Cards
from callcenter.registering.note_table import NoteTable
from callcenter.registering.quality_table import QualityTable
from callcenter.reports.audit import Audit
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
    lines = {str(line.id): LineWords(line.title, line.subjects, line.crm_url or "") for line in config.lines.values()}
    return RegisteringApi(people, notes, Cards(register, notes), directory, lines, wall, Audit(register).enter, conduct)


def make_quality(register: Register, people: People, wall: WallClock) -> QualityApi:
    """Return the API to which pages tell how conversations sound."""
    return QualityApi(people, QualityTable(register), NoteTable(register), wall)


def make_bearers(config: Config, wall: WallClock) -> Bearers:
    """Return what lets scripts in with a token. Wrong tokens are delayed like wrong passwords."""
    settings = config.accounts
    attempts = Attempts(settings.wrong_secrets_allowed, settings.wrong_secret_delay)
    return Bearers(Tokens(config.var, config.people, wall), attempts)
