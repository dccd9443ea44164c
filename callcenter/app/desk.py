"""What stands behind the desk: people's requests, accounts, sessions, phones in pages, texts, notes, the web server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

from callcenter.accounts.secrets import Secrets
from callcenter.accounts.sign_on import Provider
from callcenter.accounts.tokens import Tokens
from callcenter.app.accounts import DeskAccounts, tell_of_commands
from callcenter.app.audit_log import AuditLog
from callcenter.app.certificate_watch import CertificateWatch
from callcenter.app.chats import ChatsAtWork
from callcenter.app.directory_table import DirectoryTable
from callcenter.app.health import Health
from callcenter.app.log_ins import LogIns
from callcenter.app.page_phones import PagePhones
from callcenter.app.people import Core, People
from callcenter.app.phone_notes import PhoneNotes
from callcenter.app.registered_share import RegisteredShare
from callcenter.app.requests import Requests
from callcenter.app.settings_in_force import SettingsInForce
from callcenter.app.turn import ice_servers
from callcenter.app.web_server import Keep, WebServer
from callcenter.app.wiring import (
    make_auctions,
    make_bearers,
    make_call_backs_at_desk,
    make_knowledge,
    make_quality,
    make_recordings,
    make_registering,
    make_requests_at_desk,
)
from callcenter.asterisk.link import Link
from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.clock import WallClock
from callcenter.config import Config
from callcenter.core.ids import PersonId
from callcenter.customers.directory import Directory
from callcenter.desk.directory import DirectoryApi
from callcenter.desk.sessions import Sessions
from callcenter.forecaster.forecaster import Forecaster
from callcenter.metrics import Metrics
from callcenter.registering.note_table import NoteTable
from callcenter.store import Register


class Desk:
    """The desk of one controller. `serve` is called once, before `start`, because the metrics show the desk, too."""

    web: WebServer
    phone_notes: PhoneNotes

    def __init__(
        self,
        config: Config,
        secrets: Secrets,
        register: Register,
        directory: Directory,
        wall: WallClock,
        core: Core,
        link: Link,
        forecaster: Forecaster,
        health: Health,
        requests: Requests,
        settings: SettingsInForce,
        hours: HoursInForce,
        chats: ChatsAtWork | None,
    ) -> None:
        self._chats = chats
        self._hours = hours
        self._config = config
        self._settings = settings
        self._register = register
        self._directory = directory
        self._wall = wall
        self._requests = requests
        self._knowledge = make_knowledge(config, register, wall)
        self._log_ins = LogIns(config.accounts, secrets, wall, self._knowledge.reading, config.news.phone_log_in)
        self._sessions = Sessions(wall, config.var / "sessions.json", secrets.password_version)
        turn = config.asterisk.browsers.turn if config.asterisk.browsers else None
        self._page_phones = PagePhones(
            config,
            link.set_password,
            lambda: self.web.tell_pages(),
            core.take,
            ice_servers=lambda person: ice_servers(turn, secrets.turn, person, wall()),
        )
        self._audit = AuditLog(register, wall, timedelta(days=config.audit.keep_days))
        self._tokens = Tokens(config.var, config.people, wall)
        self._accounts = DeskAccounts(config, secrets, self._tokens, self._log_ins, self._audit, wall)
        self.people = People(
            core,
            self._log_ins,
            register,
            forecaster,
            health,
            wall,
            self._page_phones,
            self._audit,
            directory.by_number,
        )
        self.registered = RegisteredShare(NoteTable(register), config.lines.values(), wall)
        self.certificate = CertificateWatch(config.tls, wall)
        sign_on = config.sign_on
        self._provider = Provider(sign_on, secrets.sign_on, secrets.devices, wall) if sign_on else None

    def serve(self, metrics: Metrics, keep: Keep, written: Callable[[float], Awaitable[bool]]) -> None:
        """Make the web server, and what registers calls by telephone.

        `keep` runs a background task of a name and keeps it running. `written`: as for `PhoneNotes`.
        """
        self._keep = keep
        registering = make_registering(
            self._config, self._register, self.people, self._directory, self._wall, metrics.observe_conduct
        )
        subjects = {str(line.id): tuple(line.subjects) for line in self._config.lines.values()}
        notes = NoteTable(self._register)
        self.phone_notes = PhoneNotes(self.people, registering, notes, subjects, written, self._wall)
        requests = make_requests_at_desk(
            self._config,
            self._requests,
            self.people,
            self._accounts,
            registering,
            self._directory,
            self._register,
            self._wall,
        )
        self.web = WebServer(
            self._config,
            self.people,
            metrics,
            self._accounts,
            self._sessions,
            keep,
            self._knowledge,
            registering,
            make_recordings(self._config, self._register, self._wall),
            requests,
            make_call_backs_at_desk(self._requests, requests, self._directory, self._register),
            make_bearers(self._config.accounts, self._tokens),
            self.certificate,
            self._provider,
            make_quality(self._register, self.people, self._wall),
            self._settings,
            make_auctions(self._config, self._hours, self._wall),
            DirectoryApi(DirectoryTable(self._config, self._register, self._wall)),
            self._chats.api if self._chats else None,
            self._chats.page_opened if self._chats else lambda person, there: None,
        )
        if self._chats:
            self._chats.chats.tell_pages = self.web.tell_pages

        self._requests.warnings.changed = self.web.tell_pages

    async def start(self) -> None:
        """Open the web server, and begin the background work. Raises StartError."""
        await self._accounts.forget_leavers()
        await self.web.start()
        self._keep(self.registered.run, "registered share")
        self._keep(lambda: tell_of_commands(self._config.var, lambda: self.web.tell_pages()), "accounts")
        self._keep(self._audit.run, "audit log")
        self._keep(self.certificate.keep, "certificate")
        self._keep(self._audit.keep, "audit retention")

    async def stop(self) -> None:
        """Close the web server: nobody asks for anything any more."""
        await self.web.stop()
        self._log_ins.close()

    async def finish(self) -> None:
        """Write what the audit log still has to, for the last time: the background work has ended."""
        await self._audit.finish()

    def shift_over(self, person: PersonId) -> None:
        """End what belongs to a person's shift."""
        self._sessions.shift_over(person)
        self._page_phones.close(person)

    def keep_only(self, on_shift: Collection[PersonId]) -> None:
        """End what belongs to the shifts of all others: they are over since the last run."""
        self._sessions.keep_only(on_shift)
