"""Requests in a running controller: their register, what leaves by e-mail, who is warned, what is erased."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from callcenter.accounts.secrets import Secrets
from callcenter.app.call_backs import CallBacks
from callcenter.app.channels import Channels, make_smtp
from callcenter.app.mean_answers import MeanAnswers
from callcenter.app.request_lookup import RequestLookup
from callcenter.app.settings_in_force import SettingsInForce
from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.clock import Clock, WallClock
from callcenter.config import Config
from callcenter.config.roles import TAKES_CALLS, Role
from callcenter.core.events import Event
from callcenter.core.ids import LineId
from callcenter.core.view import CallBackView
from callcenter.customers.directory import normalise
from callcenter.desk.language import TEXTS
from callcenter.metrics import RequestState
from callcenter.metrics.requests import FileState
from callcenter.request_register.attachments import MB, Allowed, Attachments
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.calendars import follow_calendars
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.conduct import ConductWatch, Head
from callcenter.request_register.erasure import RequestErasure
from callcenter.request_register.file_check import FileCheck
from callcenter.request_register.in_force import WarningsInForce
from callcenter.request_register.leavers import Leavers
from callcenter.request_register.outbox import Carrier, Outbox
from callcenter.request_register.paper import LetterBoard
from callcenter.request_register.register import RequestRegister, Rules
from callcenter.request_register.sender import OutboxSender
from callcenter.request_register.signature_check import SignatureCheck
from callcenter.request_register.viewers import Viewers
from callcenter.request_register.watch import TargetWatch, Warned
from callcenter.requests.request import Way
from callcenter.store import Register, RegisterError
from callcenter.system.clamd import Clamd
from callcenter.system.signature_process import SignatureProcess

log = logging.getLogger(__name__)

COUNT_EVERY = 15.0
GIVE_UP_AFTER = timedelta(hours=48)
FOLLOW_EVERY = 3600.0
"""Seconds: the calendar is another one after a start, when a year begins, and when somebody has entered an auction; of
the last one `follow_calendar` tells."""
FOLLOW_AGAIN = 60.0
"""Seconds until a register that failed is tried again."""


class Requests:
    """All of it, for one controller. Nothing runs without lines that have requests.

    `take` hands an event to the core; `floor` returns the call-backs that it has. `settings` and `hours`: those in
    force.
    """

    def __init__(
        self,
        config: Config,
        secrets: Secrets,
        register: Register,
        clock: Clock,
        take: Callable[[Event], bool],
        floor: Callable[[], Iterable[CallBackView]],
        settings: SettingsInForce,
        hours: HoursInForce,
    ) -> None:
        self._hours = hours
        self._hours_changed = asyncio.Event()
        self._config = config
        self._wall = wall = clock.wall
        self._database = register
        rules = hours.rules(settings.request_rules)
        self.lines = {line.id: line.requests for line in config.lines.values() if line.requests is not None}
        """The settings of lines that have requests."""
        self.register = RequestRegister(register, rules)
        self.board = RequestBoard(register)
        self.lookup = RequestLookup(self.register, self.lines, config.zone, normalise, wall)
        """For callers who key in a request's number."""
        self.outbox = Outbox(register)
        self.letters = LetterBoard(register)
        aims = {line: (one.mean_answer.registered, one.mean_answer.others) for line, one in self.lines.items()}
        self._means = MeanAnswers(register, aims, wall)
        self.attachments = make_attachments(config, register, rules)
        self.viewers = Viewers()
        self.warnings = WarningsInForce(register)
        self.mail_leaves = config.mail is not None
        """Whether e-mail is sent; otherwise what has to leave waits, and the head has to know."""
        warned = {
            line: Warned(one.escalation, one.head_email or "", TEXTS[one.head_language].gettext)
            for line, one in self.lines.items()
        }
        self._watch = TargetWatch(register, rules, warned, wall)
        heads = {
            line: Head(one.head_email, config.zone(line), TEXTS[one.head_language].gettext)
            for line, one in self.lines.items()
            if one.head_email
        }
        self._conduct = ConductWatch(register, heads, wall)
        here = [id_ for id_, one in config.people.items() if frozenset(one.roles) & (TAKES_CALLS | {Role.HEAD})]
        self._leavers = Leavers(register, rules, [*here, *config.groups], heads, wall)
        self._erasure = RequestErasure(register, self.attachments, rules, config.request_keep_days)
        self.file_check = _file_check(config, register, self.attachments, wall)
        looks = SignatureProcess(config.signatures.roots, config.signatures.revoked, config.signatures.within)
        self._signatures = SignatureCheck(register, looks, self.attachments.path, rules, wall)
        self.channels = Channels(config, secrets, register, self.attachments, rules, clock)
        self._senders = [
            OutboxSender(self.outbox, self.register, {way: carrier}, _give_up_after(config), wall)
            for way, carrier in self._carriers(secrets)
        ]
        """One for each way: a server that hangs holds up no other."""
        self._state = RequestState()
        self.book = CallBackRegister(register, rules)
        """The call-backs."""
        self.call_backs = CallBacks(self.book, register, take, floor, clock)

    def work(self) -> Iterator[tuple[Callable[[], Coroutine[Any, Any, None]], str]]:
        """Yield the background tasks, each with its name."""
        if not self.lines:
            return
        for sender in self._senders:
            yield sender.run, f"outbox of {' and '.join(sender.ways)}"
        yield from self.channels.work()
        if self.file_check is not None:
            yield self.file_check.run, "virus scanner"
        yield self._signatures.run, "signatures"
        yield self._watch.run, "targets"
        if self._conduct.tells_anybody:
            yield self._conduct.run, "refusals for conduct"
        yield self._leavers.run, "requests of leavers"
        yield self._count, "request counts"
        if self._means.asked:
            yield self._means.run, "mean answers"
        yield self._follow, "request calendars"
        if any(one.call_backs for one in self.book.rules.values()):
            yield self.call_backs.run, "call-backs"
        yield lambda: self._erasure.run(self._wall), "request retention"

    def _carriers(self, secrets: Secrets) -> Iterator[tuple[Way, Carrier]]:
        if self._config.mail is not None:
            yield Way.EMAIL, make_smtp(self._config, secrets, self.attachments)
        if self.channels.bots:
            yield Way.TELEGRAM, self.channels.bots

    def _files(self) -> FileState | None:
        if self.file_check is None:
            return None
        found = self.file_check.state
        age = 0.0 if found.oldest is None else (self._wall() - found.oldest).total_seconds()
        return FileState(found.waiting, age, {"clean": found.clean, "infected": found.infected})

    def follow_calendar(self) -> None:
        """Have targets and call-backs follow the hours, soon: these have changed."""
        self._hours_changed.set()
        self.call_backs.follow_calendar()

    def today(self, line: LineId) -> date:
        """Return the date in a line's zone."""
        return self._wall().astimezone(self._config.zone(line)).date()

    def state(self) -> RequestState:
        """Return the state for the metrics."""
        given = {(str(line), kind.value, when): n for (line, kind, when), n in self._watch.given.items()}
        sent, failed = sum(one.sent for one in self._senders), sum(one.failed for one in self._senders)
        return self._state._replace(
            warnings=given,
            sent=sent,
            failed=failed,
            call_backs=self.call_backs.state,
            channels=self.channels.state(),
            files=self._files(),
            means=self._means.means,
            mean_aims=self._means.aims,
        )

    async def look(self, now: datetime) -> None:
        """Count what is open, late and waiting. Raises `RegisterError`."""
        open_: Counter[tuple[str, str]] = Counter()
        overdue = {
            (str(line), kind.value): 0 for line, settings in self.lines.items() for kind in settings.escalation.notices
        }
        for count in await self.board.counts(now):
            open_[count.line, count.state.value] += count.open
            if count.kind is not None and count.overdue:
                key = (str(count.line), count.kind.value)
                overdue[key] = overdue.get(key, 0) + count.overdue
        waiting = await self.outbox.waiting()
        self._state = RequestState(
            open=open_,
            overdue=overdue,
            waiting={one.way.value: one.waiting for one in waiting},
            oldest={one.way.value: (now - one.oldest).total_seconds() for one in waiting if one.oldest},
            letters_late=await self._late_letters(now),
        )

    async def _late_letters(self, now: datetime) -> dict[str, int]:
        """Count the letters that nobody has posted in time, for each line that answers by letter."""
        late = {str(line): 0 for line, settings in self.lines.items() if Way.LETTER in settings.ways}
        for letter in await self.letters.to_be_posted():
            settings, rules = self.lines.get(letter.line), self.register.rules.get(letter.line)
            if settings and rules and rules.time.due(settings.letterhead.posted_within, letter.queued_at) < now:
                late[letter.line] = late.get(letter.line, 0) + 1
        return late

    def _tell_of_mail(self, before: int) -> None:
        waiting = self._state.waiting.get(Way.EMAIL.value, 0)
        if not self.mail_leaves and waiting > before:
            log.warning("%d e-mails wait in the outbox: `mail` is not configured.", waiting)

    async def _count(self) -> None:
        while True:
            before = self._state.waiting.get(Way.EMAIL.value, 0)
            try:
                await self.look(self._wall())
                await self.warnings.refresh(self._wall())
                self._tell_of_mail(before)
            except RegisterError as problem:
                self._state = RequestState()
                log.warning("It is not known just now how many requests are open: %s", problem)
            await asyncio.sleep(COUNT_EVERY)

    async def _follow(self) -> None:
        while True:
            self._hours_changed.clear()
            again = FOLLOW_EVERY
            hours = {line: replace(self._hours.of(line)) for line in self.lines}  # a thread of its own asks them
            try:
                await follow_calendars(self._database, self.register, hours, self._wall())
            except RegisterError as problem:
                log.warning("The targets of requests cannot follow the calendar just now: %s", problem)
                again = FOLLOW_AGAIN
            with suppress(TimeoutError):
                async with asyncio.timeout(again):
                    await self._hours_changed.wait()


def make_attachments(config: Config, register: Register, rules: Rules) -> Attachments:
    """Return the files of requests, below `var`."""
    allowed = {
        line.id: Allowed(line.requests.files.longest_mb * MB, frozenset(line.requests.files.types))
        for line in config.lines.values()
        if line.requests is not None
    }
    checked = config.antivirus is not None
    return Attachments(register, config.var / "attachments", allowed, rules, checked=checked)


def _file_check(config: Config, register: Register, attachments: Attachments, wall: WallClock) -> FileCheck | None:
    if (scanner := config.antivirus) is None:
        return None
    clamd = Clamd(scanner.socket, scanner.host or "", scanner.port, scanner.within)
    return FileCheck(register, clamd, attachments.path, wall)


def _give_up_after(config: Config) -> timedelta:
    """Return after which time a message that nobody takes is given up; the head is told."""
    return config.mail.give_up_after.time if config.mail is not None else GIVE_UP_AFTER
