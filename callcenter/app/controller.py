"""The composition root: connects the pure core with Asterisk, the register, recordings, the page and the metrics.

Everything runs in one event loop. `Controller.take` is the only way into the core: it hands over an event and performs
the resulting commands at once, in order. Nothing that it calls waits: slow work runs in separate tasks, and its result
comes back as another event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets as random_secrets
from collections.abc import Callable, Collection, Iterable

from callcenter import __version__
from callcenter.accounts.secrets import Secrets
from callcenter.app import loop_delay
from callcenter.app.archive import Archive
from callcenter.app.calendar_watch import CalendarWatch
from callcenter.app.chats import ChatsAtWork
from callcenter.app.containment import Containment, attempt
from callcenter.app.desk import Desk
from callcenter.app.health import Health
from callcenter.app.performer import Performer
from callcenter.app.public import make_public
from callcenter.app.request_lookup import unavailable
from callcenter.app.requests import Requests
from callcenter.app.settings_in_force import SettingsInForce
from callcenter.app.supervision import Supervision
from callcenter.app.timers import Timers
from callcenter.app.warm_start import WarmStart
from callcenter.app.webhooks import Webhooks
from callcenter.app.wiring import make_link
from callcenter.asterisk import link
from callcenter.asterisk.line_hours import days_told
from callcenter.asterisk.link import Listener
from callcenter.asterisk.log_files import LogFiles
from callcenter.asterisk.render import Folders
from callcenter.asterisk.translate import LogInByPhone, NoteByPhone
from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.clock import Clock, WallClock
from callcenter.config import Config
from callcenter.core import commands, events
from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Answer, Reply
from callcenter.core.events import Event
from callcenter.core.ids import CallId, ChatId, LineId, PersonId
from callcenter.core.on_floor import FloorView
from callcenter.core.view import CallBackView, ChatView, OperatorView, Outlook, View
from callcenter.customers.directory import Directory
from callcenter.customers.table import CustomersTable
from callcenter.forecaster.forecaster import Forecaster
from callcenter.metrics import Metrics, RequestState
from callcenter.reports.past_days import keep_past_days
from callcenter.store import Register, RegisterError, Writer
from callcenter.store.spool import Spool
from callcenter.system.sparing_log import SparingLog
from callcenter.voice.line_prompts import lay_out

log = logging.getLogger(__name__)

DIRECTORY_REFRESH = 5.0
HOURS_REFRESH = 5.0
"""Seconds until auctions that were entered at a terminal are noticed; those of the desk take effect at once."""
HOURS_TOLD_EVERY = 3600.0
"""Seconds: the dialplan is told the hours of the days to come."""
ENDING = 3.0
"""Seconds that calls have to end when Asterisk stops with us."""
REGISTER_WITHIN = 30.0
"""Seconds at the start to write the facts that the last run left in the spool to the database."""


class Controller:
    """One running controller, between `start` and `stop`."""

    def __init__(self, config: Config, secrets: Secrets, register: Register, wall: WallClock) -> None:
        self._config = config
        self._register = register
        self.now = now = asyncio.get_running_loop().time
        self._handled_at = now()
        """The time that the core was told last."""
        clock = Clock(now, wall)
        self._center = CallCenter(config.settings(boot=f"{int(wall().timestamp()):08x}{random_secrets.token_hex(2)}"))
        self._directory = Directory(CustomersTable(register))
        self._spool = Spool(config.var / "spool")
        self._writer = Writer(register, clock.date, self._spool)
        self._archive = Archive(config, register, self.take, wall)
        self.settings = SettingsInForce(config, register, clock, self.take)
        self.hours = HoursInForce(self.settings.lines, register)
        self._forecaster = Forecaster(config.lines.values(), register, self.outlook, wall, self.hours.of)
        self._warm_start = WarmStart(config, register, clock)
        self._calendar = CalendarWatch(self.settings.lines, self.hours.of, clock, self.take)
        self._clock = clock
        self._timers = Timers(lambda timer: self.take(events.TimerFired(timer)))
        listener = Listener(
            self.take,
            self._log_in_by_phone,
            self._note_by_phone,
            self._center.calls,
            self._center.is_call,
            lambda *task: self.tasks.once(*task),
        )
        self.link = make_link(config, secrets, self._directory, self._warm_start, clock, listener)
        self._links = {self.link.server: self.link}
        health = Health(self.view, self.link, self._writer, self._spool, self._archive)
        self.requests = Requests(
            config, secrets, register, clock, self.take, self.call_backs, self.settings, self.hours
        )
        self.chats = self._make_chats(config, register, clock)
        self._webhooks = Webhooks(config, secrets, register, wall)
        self.settings.changed += [
            lambda: self._forecaster.follow(self.settings.lines()),
            self._hours_changed,
            lambda: self.tasks.once(self._lay_out_words(), "words of lines", lambda _: None),
        ]
        self.hours.changed.append(self._hours_changed)
        self._desk = Desk(
            config,
            secrets,
            register,
            self._directory,
            wall,
            self,
            self.link,
            self._forecaster,
            health,
            self.requests,
            self.settings,
            self.hours,
            self.chats,
        )
        self.people = self._desk.people
        self.metrics = Metrics(
            self.view,
            health.register_state,
            health.ami_state,
            self._forecaster.current,
            self._archive.state,
            lambda: self._desk.web.door.counts(),
            self._desk.registered.current,
            self._request_state,
            self._webhooks.state,
            lambda: self._desk.certificate.judged,
            version=__version__,
        )
        self.tasks = Supervision(self.metrics.observe_task)
        self._containment = Containment(self, self._timers, self.metrics.observe_defect)
        self._performer = Performer(
            self._links,
            self._center.server_of,
            self._writer,
            self._timers,
            self._finish_recording,
            self._look_up_request,
            self.people.answer,
            self._contained,
            self._desk.shift_over,
            self.requests.call_backs,
            self.chats.chats if self.chats else None,
        )
        self._desk.serve(self.metrics, self.tasks.keep, self._writer.drain)
        self._public = make_public(
            config, secrets, self.requests, self._directory, self.chats, wall, self.metrics, self.tasks.keep
        )
        self._connection: asyncio.Task[None] | None = None
        self._ending = False
        self._nobody_left = asyncio.Event()

    def _make_chats(self, config: Config, register: Register, clock: Clock) -> ChatsAtWork | None:
        if not any(line.channels.chat for line in config.lines.values()):
            return None
        arrivals = self.requests.channels.arrivals
        return ChatsAtWork(config, register, arrivals, self.take, self._chat, self._center, clock)

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start everything. Raises StartError or RegisterError."""
        self.tasks.watch(self._writer.start())
        left = await self._writer.catch_up(REGISTER_WITHIN)
        if left:
            log.warning("%d facts of the last run were still in the spool; the register has them now.", left)
        await self._directory.refresh()
        await self._webhooks.begin()
        await self.settings.begin()
        await self.hours.refresh()
        self._calendar.look()
        await self._start_warm()
        await self._archive.look_at_space()
        await self._desk.start()
        if self._public:
            await self._public.start()
        keep, lines = self.tasks.keep, self._config.lines.values()
        for work, name in self._archive.work():
            keep(work, name)
        for work, name in (*self.requests.work(), *self._webhooks.work()):
            keep(work, name)
        if self.chats:
            for work, name in self.chats.work():
                keep(work, name)
        keep(self._forecaster.run, "forecast")
        keep(lambda: keep_past_days(self._register, lines, self._clock.wall), "past days")
        self._connection = keep(self.link.run, "ami", vital=True)
        keep(lambda: _every(link.HEARTBEAT, self._beat), "heartbeat", vital=True)
        keep(lambda: _every(1.0, self._look_at_the_clock), "calendar")
        keep(lambda: loop_delay.keep_looking(self.metrics.observe_loop_delay), "loop delay")
        keep(self.settings.keep, "settings")
        keep(self._keep_directory, "directory")
        keep(self._keep_hours, "hours")
        keep(lambda: _every(HOURS_TOLD_EVERY, self._tell_hours), "hours for the dialplan")
        keep(self.link.keep_journal, "journal")
        keep(self.link.audit, "audit")
        keep(self.link.watch, "watch")
        keep(LogFiles(Folders.under(self._config.var).log, self.link.rotate_log).keep, "log files")

    async def _start_warm(self) -> None:
        """Give the core the statistics of past calls and the last state of the floor. Raises RegisterError."""
        for past in await self._warm_start.line_warm_starts():
            self.take(past)
        self.take(await self._warm_start.floor_warm_start(self.link.unseen_since()))
        on_shift = [person for person, seen in self.view().operators.items() if seen.presence != "off"]
        self._writer.on_shift(on_shift)
        self._desk.keep_only(on_shift)

    async def end_calls(self) -> None:
        """Hang up all calls and wait until they are gone, at most `ENDING` seconds: Asterisk stops with us."""
        self._ending = True
        self.take(events.ServiceEnded())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING):
                await self._nobody_left.wait()

    async def stop(self) -> None:
        """Hand the line over to the fallback queue, write all facts to the register, disconnect from Asterisk.

        Calls and shifts continue there until the next controller takes them back, unless Asterisk stops with us.
        """
        self.link.let_go(hand_over=not self._ending)
        if self._ending:
            for operator in self.view().operators.values():
                if operator.presence != "off":
                    self.take(events.LogOut(operator.id, cause="controller stopped"))
        elif self._connection:  # we make no more offers
            self._connection.cancel()
            await asyncio.gather(self._connection, return_exceptions=True)
        self._warm_start.keep(*self.link.left())
        if self.chats:
            self.chats.stop()
        if self._public:
            await self._public.stop()
        await self._desk.stop()
        await self.tasks.finish("recording", timeout=10.0)
        self._timers.stop()
        await self.tasks.stop()
        await self._desk.finish()
        await self._writer.stop(timeout=10.0)
        self._spool.close()

    # -- the core ----------------------------------------------------------------------------------------------

    def take(self, event: Event, at: float | None = None) -> bool:
        """Hand an event to the core and perform its commands. Never raises; False: a defect, and no effect.

        `at`: when it happened, if it had to wait: rows have that time. The core's time never runs backwards, so an
        event is dated no earlier than the one handled before it, a snapshot or a timer too.
        """
        now = self.now()
        self._handled_at = happened = now if at is None else min(now, max(at, self._handled_at))
        try:
            wanted = self._center.handle(event, happened)
        except Exception as problem:
            self._containment.event_failed(event, problem)
            return False
        touched = self._center.touched()
        attempt(self.metrics.observe_event, event, now)
        self._performer.perform(wanted)
        self._desk.web.tell_pages(touched)
        self._desk.web.tell_floor()
        for command in wanted:
            attempt(self.metrics.observe_command, command, now)
        if self._ending and not any(line.lines_in_use for line in self.view().lines.values()):
            self._nobody_left.set()
        return True

    def view(self, people: Collection[PersonId] | None = None) -> View:
        """Return the present state of the floor; of the people only those named, if any are."""
        return self._center.view(self.now(), people)

    def call_backs(self) -> Collection[CallBackView]:
        """Return the call-backs whose time has come."""
        return self._center.call_backs(self.now())

    def _request_state(self) -> RequestState:
        state = self.requests.state()
        return state._replace(chats=self.chats.state()) if self.chats else state

    def _chat(self, chat: ChatId) -> ChatView | None:
        return self._center.chat(chat, self.now())

    def operator(self, person: PersonId) -> OperatorView | None:
        """Return the present state of one person; None if there is no such account."""
        return self._center.operator(person, self.now())

    def floor(self) -> FloorView:
        """Return the present floor as supervisors see it."""
        return self._center.floor(self.now())

    def hours_change_at(self, line: LineId) -> float | None:
        """Return when the line's hours open or close it next, by the core's clock; None: there is no such line."""
        if line not in self._config.lines:
            return None
        return self._clock.at(self.hours.of(line).next_change(self._clock.wall()))

    def outlook(self, line: LineId) -> Outlook:
        """Return the data from which a forecast of the line's day starts."""
        return self._center.outlook(line, self.now())

    def look_again(self, calls: Iterable[CallId]) -> None:
        """Ask the Asterisk of each call soon for its real state."""
        for server in {self._center.server_of(call) for call in calls}:
            self._links[server].look_again()

    def _contained(self, defect: commands.Contained) -> None:
        # Only after all commands of this event have been performed.
        asyncio.get_running_loop().call_soon(self._containment.calls_failed, [defect.call])

    # -- what takes time ---------------------------------------------------------------------------------------

    def _log_in_by_phone(self, attempted: LogInByPhone) -> None:
        refusal = Reply(attempted.reply_to, Answer.NOT_POSSIBLE)
        self.tasks.once(
            self.people.log_in_by_phone(attempted), "pin", lambda problem: self._performer.perform((refusal,))
        )

    def _note_by_phone(self, dialled: NoteByPhone) -> None:
        def tell(answer: Answer) -> None:
            self._performer.perform((Reply(dialled.reply_to, answer),))

        async def register() -> None:
            tell(await self._desk.phone_notes.dialled(dialled))

        self.tasks.once(register(), "note", lambda problem: tell(Answer.NOT_POSSIBLE))

    def _finish_recording(self, wanted: commands.FinishRecording) -> None:
        async def finish() -> None:
            received = self.link.received(CallId(wanted.channel or wanted.call))
            self.take(await self._archive.finish(wanted, self._clock.date(wanted.ended_at), received))

        def failed(problem: Exception) -> None:
            self.take(events.RecordingFailed(wanted.call, f"it could not be finished: {problem!r}"))

        self.tasks.once(finish(), "recording", failed)

    def _look_up_request(self, wanted: commands.LookUpRequest) -> None:
        async def look_up() -> None:
            self.take(await self.requests.lookup.answer(wanted))

        def failed(problem: Exception) -> None:
            self.take(unavailable(wanted))

        self.tasks.once(look_up(), "request lookup", failed)

    def _look_at_the_clock(self) -> None:
        self.settings.look()  # first: the hours of the day that has begun are those of its settings
        self._calendar.look()

    def _beat(self) -> None:
        self.link.beat()
        self._warm_start.keep(*self.link.left())

    async def _keep_directory(self) -> None:
        while True:
            await asyncio.sleep(DIRECTORY_REFRESH)
            if await self._directory.refresh():
                log.info("The customers' directory has %d numbers.", len(self._directory))

    async def _keep_hours(self) -> None:
        log_of_hours = SparingLog(log)
        while True:
            await asyncio.sleep(HOURS_REFRESH)
            try:
                if await self.hours.refresh():
                    log.info("The auctions have changed, and the hours with them.")
            except RegisterError as problem:
                log_of_hours.warning("register", "The hours cannot follow auctions just now: %s", problem)

    def _hours_changed(self) -> None:
        """Something follows the hours of lines, wherever they come from: a setting with a date, or an auction."""
        self._calendar.look()
        self._tell_hours()
        self.requests.follow_calendar()

    async def _lay_out_words(self) -> None:
        """Have callers hear the settings that hold now, in the words that were spoken for them before."""
        for problem in await asyncio.to_thread(lay_out, self.settings.config):
            log.warning("%s", problem)

    def _tell_hours(self) -> None:
        now = self._clock.wall()
        self.link.tell_hours({line: days_told(self.hours.of(line), now) for line in self._config.lines})


async def _every(seconds: float, act: Callable[[], None]) -> None:
    while True:
        act()
        await asyncio.sleep(seconds)
