"""The composition root: joins the pure core with Asterisk, the register, recordings, the page and the metrics.

Everything runs in one event loop. `Controller.take` is the only way into the core: it hands an event over and
performs the commands at once, in their order. Nothing that it calls waits; what takes time runs in tasks of its own
and comes back as another event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets as random_secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any, get_args

from aiohttp import web

from callcenter import __version__
from callcenter.accounts.secrets import Secrets
from callcenter.app.archive import Archive
from callcenter.app.containment import Defects
from callcenter.app.supervision import Supervision
from callcenter.app.warm_start import WarmStart
from callcenter.asterisk import translate
from callcenter.asterisk.ami import Ami, AmiSettings, Message
from callcenter.asterisk.event_check import EventCheck
from callcenter.asterisk.journal import Journal
from callcenter.asterisk.render import Folders, endpoints
from callcenter.asterisk.takeover import TakeOver
from callcenter.calendar.clock import Clock, WallClock
from callcenter.config import Config
from callcenter.core import commands, events
from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Answer, Command, Reply, Save, Severity, ToAsterisk
from callcenter.core.defect import Defect
from callcenter.core.errors import ReadableError
from callcenter.core.events import Event, ReplyTo
from callcenter.core.server import ONLY
from callcenter.core.view import OperatorView, Outlook, View
from callcenter.customers.directory import Directory, normalise, valid_inn
from callcenter.customers.table import CustomersTable
from callcenter.desk import make_app
from callcenter.desk.sessions import Sessions
from callcenter.forecaster.forecaster import Forecaster
from callcenter.metrics import AmiState, Metrics, RegisterState
from callcenter.planning.forecast import Forecast
from callcenter.reports.owed import owed_calls
from callcenter.reports.past_days import keep_past_days
from callcenter.store import Register, RegisterError, Writer
from callcenter.store.spool import Spool

log = logging.getLogger(__name__)

HEARTBEAT = 1.0
DIRECTORY_REFRESH = 5.0
ANSWER_WITHIN = 5.0
ENDING = 3.0
"""Seconds that calls get to end when Asterisk is stopped with us."""
REGISTER_WITHIN = 30.0
"""Seconds that the database gets at the start to take what the last run left in the spool."""
LOOK_AGAIN = 1.0
"""Seconds after a defect when Asterisk is asked what is true, or the timer fires again whose event failed."""
_SAVES = get_args(Save)
_TO_ASTERISK = get_args(ToAsterisk)


class StartError(ReadableError):
    """The controller cannot start; the text says why and what to do."""


class Controller:
    """One running controller, between `start` and `stop`."""

    def __init__(self, config: Config, secrets: Secrets, register: Register, wall: WallClock) -> None:
        self._config = config
        self._secrets = secrets
        self._register = register
        self._loop = asyncio.get_running_loop()
        self._clock = Clock(self._loop.time, wall)
        self._clock_was = self._clock.origin
        self._center = CallCenter(config.settings(boot=f"{int(wall().timestamp()):08x}{random_secrets.token_hex(2)}"))
        self._directory = Directory(CustomersTable(register))
        folders = Folders.under(config.var)
        self._spool = Spool(config.var / "spool")
        self._writer = Writer(register, self._clock.date, self._spool)
        self._archive = Archive(config, register, self.take, wall)
        self._translator = self._make_translator(folders)
        self._queues = {
            group: [f"cc-{line.id}" for line in config.lines.values() if group in line.answered_by]
            for group in config.groups
        }
        self._token = random_secrets.token_hex(16)
        self._check = EventCheck(self._token, endpoints(config))
        asterisk = config.asterisk
        self.ami = Ami(
            AmiSettings(asterisk.ami_host, asterisk.ami_port, "callcenter", secrets.ami),
            self._on_message,
            self._on_connection,
            self._on_unresponsive,
        )
        self._warm_start = WarmStart(config, register, self._clock)
        self._journal = self._make_journal(folders)
        self._takeover = self._make_takeover()
        self.connected = self._takeover.complete
        """Set while Asterisk is connected and its channels are known."""
        self._forecaster = Forecaster(config.lines.values(), register, self.outlook, wall)
        self.metrics = Metrics(
            self.view,
            self._register_state,
            self._ami_state,
            self._forecaster.current,
            self._archive.state,
            version=__version__,
        )
        self.tasks = Supervision(self.metrics.observe_task)
        self._defects = Defects()
        self._looking_again: asyncio.TimerHandle | None = None
        self._timers: dict[events.Timer, asyncio.TimerHandle] = {}
        self._asked: dict[ReplyTo, asyncio.Future[Reply]] = {}
        self._requests = 0
        self._days: dict[str, date] = {}
        self._open: dict[str, bool] = {}
        self._ami_task: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._stopping = False
        self._ending = False
        self._nobody_left = asyncio.Event()

    def _make_translator(self, folders: Folders) -> translate.Translator:
        return translate.Translator(
            normalise,
            self._directory.by_number,
            self._directory.by_inn,
            valid_inn,
            tuple(self._config.pause_reasons),
            self._config.prompts,
            folders.recording,
        )

    def _make_journal(self, folders: Folders) -> Journal:
        """Of this Asterisk, from where the controller before us saw it last."""
        before = self._warm_start.before
        return Journal(
            folders.journal,
            self._config.phones,
            normalise,
            lambda epoch: self._clock.at(datetime.fromtimestamp(epoch, UTC)),
            self._clock.wall,
            before.journal if before else None,
        )

    def _make_takeover(self) -> TakeOver:
        before = self._warm_start.before
        return TakeOver(
            self.ami,
            self._journal,
            normalise,
            self._take_snapshot,
            self._on_message,
            lambda: self._center.calls(ONLY),
            self._check.believes,
            before.asterisk if before else "",
            None if before and before.journal else self._clock.wall().timestamp(),
        )

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start everything. Raises StartError or RegisterError."""
        self.tasks.watch(self._writer.start())
        left = await self._writer.catch_up(REGISTER_WITHIN)
        if left:
            log.warning("%d facts of the last run were still in the spool; the register has them now.", left)
        await self._directory.refresh()
        self._look_at_calendar()
        await self._start_warm()
        await self._archive.look_at_space()
        await self._start_web()
        for work, name in self._archive.work():
            self.tasks.keep(work, name)
        self.tasks.keep(self._forecaster.run, "forecast")
        lines = self._config.lines.values()
        self.tasks.keep(lambda: keep_past_days(self._register, lines, self._clock.wall), "past days")
        self._ami_task = self.tasks.keep(self.ami.run, "ami", vital=True)
        self.tasks.keep(lambda: self._every(HEARTBEAT, self._beat), "heartbeat", vital=True)
        self.tasks.keep(lambda: self._every(1.0, self._look_at_calendar), "calendar")
        self.tasks.keep(self._keep_directory, "directory")
        self.tasks.keep(self._takeover.keep_journal, "journal")

    async def _start_warm(self) -> None:
        """Tell the core what the register knows of past calls, and who was there last. Raises RegisterError."""
        for past in await self._warm_start.line_warm_starts():
            self.take(past)
        self.take(await self._warm_start.floor_warm_start())
        self._writer.on_shift(person for person, seen in self.view().operators.items() if seen.presence != "off")

    async def end_calls(self) -> None:
        """For an Asterisk that stops with us: hang up everybody, and wait a little until they are gone."""
        self._ending = True
        self.take(events.ServiceEnded())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING):
                await self._nobody_left.wait()

    async def stop(self) -> None:
        """Hand the line to the fallback queue, let the register have everything, let go of Asterisk.

        Calls and shifts go on there, until the next controller takes them back; unless Asterisk stops with us.
        """
        self._stopping = True
        if self._ending:
            for operator in self.view().operators.values():
                if operator.presence != "off":
                    self.take(events.LogOut(operator.id, cause="controller stopped"))
        else:
            await self._hand_over()
        self._warm_start.keep(self._takeover.asterisk, self._journal.position)
        if self._runner:
            await self._runner.cleanup()
        await self.tasks.finish("recording", timeout=10.0)
        for handle in self._timers.values():
            handle.cancel()
        if self._looking_again:
            self._looking_again.cancel()
        await self.tasks.stop()
        await self._writer.stop(timeout=10.0)
        self._spool.close()

    async def _hand_over(self) -> None:
        """The fallback queue serves at once, not when the beat is missed; and nobody is offered by us any
        more."""
        if self.ami.connected:
            self.ami.send(translate.heartbeat(0))
        if self._ami_task:
            self._ami_task.cancel()
            await asyncio.gather(self._ami_task, return_exceptions=True)

    async def _start_web(self) -> None:
        http = self._config.http
        app = make_app(
            self,
            titles={group.id: group.title for group in self._config.groups.values()},
            pause_reasons=tuple(self._config.pause_reasons),
            metrics_text=self.metrics.text,
            observe_request=self.metrics.observe_request,
            sessions=Sessions(self._clock.wall, self._config.var / "sessions.json"),
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, http.bind, http.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise StartError(
                f"http.port: {http.bind}:{http.port} cannot be used ({error.strerror}); "
                "another program has it, or another run of this one; choose a free port"
            ) from error

    # -- the way into the core ---------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Hand an event to the core and do what it wants. Never raises: a defect is contained, the line goes on."""
        now = self._loop.time()
        try:
            wanted = self._center.handle(event, now)
        except Exception as problem:
            self._event_failed(problem if isinstance(problem, Defect) else Defect(event, ()), problem)
            return
        self._attempt(self.metrics.observe_event, event, now)
        with self.ami.together():  # a phone that rings for a conversation that nobody was told to record must not be
            for command in wanted:
                if isinstance(command, _TO_ASTERISK):
                    self._attempt(self._perform, command)
        for command in wanted:
            if not isinstance(command, _TO_ASTERISK):
                self._attempt(self._perform, command)
            self._attempt(self.metrics.observe_command, command, now)
        if self._ending and not any(line.lines_in_use for line in self.view().lines.values()):
            self._nobody_left.set()

    def _event_failed(self, defect: Defect, problem: Exception) -> None:
        """Nothing of it was taken in. It is not told twice: what was a fact of Asterisk's, Asterisk is asked about."""
        event = defect.event
        log.error("A defect of the core at %s; the line goes on.", defect.where, exc_info=problem)
        self._attempt(self.metrics.observe_defect, type(event).__name__)
        if isinstance(event, events.SetAside):
            log.critical("Call %s cannot even be set aside.", event.call)
            return
        if isinstance(event, events.TimerFired) and event.timer not in self._timers:
            self._timers[event.timer] = self._loop.call_later(LOOK_AGAIN, self._fire, event.timer)
        self._failed(defect.calls, event)

    def _failed(self, calls: Iterable[str], event: Event | None = None) -> None:
        """Calls of which something could not be taken in: what is true of them is asked, but not without end."""
        calls = [call for call in calls if call]
        arrival = event if isinstance(event, events.CallArrived) else None
        for call in self._defects.count(calls, self._loop.time()):
            self.take(events.SetAside(call, "its events fail", arrival))
        if calls and self._looking_again is None:
            self._looking_again = self._loop.call_later(LOOK_AGAIN, self._look_again)

    def _look_again(self) -> None:
        self._looking_again = None
        if self.ami.connected and not self._takeover.going_on and not self._stopping:
            self._takeover.begin()
            self._take_over()

    @staticmethod
    def _attempt(act: Callable[..., None], what: Event | Command | str, *more: object) -> None:
        try:
            act(what, *more)
        except Exception:
            log.exception("Could not perform %s; the line goes on.", type(what).__name__)

    def _perform(self, command: Command) -> None:
        if isinstance(command, _SAVES):
            self._writer.put(command)
            return
        match command:
            case commands.SetTimer(timer, at):
                self._cancel_timer(timer)
                self._timers[timer] = self._loop.call_at(at, self._fire, timer)
            case commands.CancelTimer(timer):
                self._cancel_timer(timer)
            case commands.Notice(severity, text):
                log.log(logging.WARNING if severity is Severity.WARNING else logging.INFO, "%s", text)
            case commands.FinishRecording(call):
                self.tasks.once(
                    self._finish_recording(command),
                    "recording",
                    lambda problem: self.take(events.RecordingFailed(call, f"it could not be finished: {problem!r}")),
                )
            case commands.Contained(call, during, problem):
                log.error("A defect of the core at %s of %s; the line goes on.", during, call, exc_info=problem)
                self._loop.call_soon(self._failed, [call])  # after all that this event is about
            case commands.SyncQueueMember():
                for action in self._translator.sync_queue_member(command, self._queues.get(command.group, [])):
                    self.ami.send(action)
            case Reply(reply_to) if reply_to in self._asked:
                self._asked.pop(reply_to).set_result(command)
            case _:
                for action in self._translator.actions(command):
                    self.ami.send(action)

    def _fire(self, timer: events.Timer) -> None:
        self._timers.pop(timer, None)
        self.take(events.TimerFired(timer))

    def _cancel_timer(self, timer: events.Timer) -> None:
        handle = self._timers.pop(timer, None)
        if handle:
            handle.cancel()

    # -- Asterisk ----------------------------------------------------------------------------------------------

    def _on_connection(self, connected: bool, reason: str) -> None:
        if connected:
            self.ami.send(translate.token(self._token))  # first of all: what is told without it is refused
            self._takeover.begin()
            self._take_over()
        else:
            self._takeover.lost()
            self.take(events.AsteriskLost())

    def _on_unresponsive(self, unresponsive: bool) -> None:
        self.take(events.AsteriskUnresponsive() if unresponsive else events.AsteriskResponsive())

    def _take_over(self) -> None:
        self.tasks.once(self._takeover.run(), "snapshot", self._snapshot_failed)

    def _snapshot_failed(self, problem: Exception) -> None:
        """Without one nobody is offered to anybody: another is taken."""
        if self._takeover.going_on and not self._stopping:
            self._loop.call_later(LOOK_AGAIN, self._begin_again)

    def _begin_again(self) -> None:
        if self.ami.connected and self._takeover.going_on and not self._stopping:
            self._takeover.begin()
            self._take_over()

    def _take_snapshot(self, snapshot: events.Snapshot) -> bool:
        """False: the core cannot take it in, with the journal or without."""
        self._beat()  # else who is sent on finds a stale heartbeat, and goes back to the fallback queue
        self.take(snapshot)
        if not self.view().asterisk_connected:  # a defect: then without the journal, or nobody would be offered again
            self.take(replace(snapshot, histories=()))
        return self.view().asterisk_connected

    def _on_message(self, message: Message) -> None:
        if not self._check.believes(message):
            return
        if self._takeover.holds(message):  # nothing before the snapshot that it belongs to
            return
        try:
            event = self._translator.event(message)
        except Exception:
            log.exception("Passed over a message that cannot be understood: %.60r", message.get("Event"))
            return
        if isinstance(event, translate.LogInByPhone):
            refusal = Reply(event.reply_to, Answer.NOT_POSSIBLE)
            self.tasks.once(self._verify_pin(event), "pin", lambda problem: self._attempt(self._perform, refusal))
        elif event is not None:
            self.take(event)

    def _beat(self) -> None:
        if self._stopping:
            return
        if self.ami.connected and not self.ami.unresponsive:  # who does not hear the line does not serve it
            self.ami.send(translate.heartbeat(int(self._clock.wall().timestamp())))
        self._warm_start.keep(self._takeover.asterisk, self._journal.position)

    async def _verify_pin(self, attempt: translate.LogInByPhone) -> None:
        verified = await asyncio.to_thread(self._secrets.verify_pin, attempt.person, attempt.pin)
        self.take(events.LogIn(attempt.person, verified, attempt.phone, attempt.reply_to, attempt.channel))

    async def _finish_recording(self, wanted: commands.FinishRecording) -> None:
        self.take(await self._archive.finish(wanted, self._clock.date(wanted.ended_at)))

    # -- time --------------------------------------------------------------------------------------------------

    def _look_at_calendar(self) -> None:
        if self._clock_was != self._clock.origin:
            log.warning("The clock was set by %s.", self._clock.origin - self._clock_was)
            self._clock_was = self._clock.origin
            self.take(events.ClockSet())
        for line in self._config.lines.values():
            now = self._clock.wall().astimezone(line.zone)
            if self._days.get(line.id) != now.date():
                self._days[line.id] = now.date()
                self.take(events.DayStarted(line.id))
            is_open = line.hours.calendar.is_open(now)
            if self._open.get(line.id) is not is_open:
                self._open[line.id] = is_open
                self.take(events.HoursChanged(line.id, is_open))

    async def _keep_directory(self) -> None:
        while True:
            await asyncio.sleep(DIRECTORY_REFRESH)
            if await self._directory.refresh():
                log.info("The customers' directory has %d numbers.", len(self._directory))

    async def _every(self, seconds: float, act: Callable[[], None]) -> None:
        while True:
            act()
            await asyncio.sleep(seconds)

    # -- what the page and the metrics see ---------------------------------------------------------------------

    def view(self) -> View:
        """The floor as it is now."""
        return self._center.view(self._loop.time())

    def operator(self, person: str) -> OperatorView | None:
        """One person at the present moment; None: there is no such account."""
        return self._center.operator(person, self._loop.time())

    def outlook(self, line: str) -> Outlook:
        """What a forecast of the line's day begins with."""
        return self._center.outlook(line, self._loop.time())

    def forecasts(self) -> Mapping[str, tuple[Forecast, float]]:
        """By line: the forecast of its day, and how many seconds ago it was made."""
        return self._forecaster.current()

    async def owed(self) -> Sequence[Mapping[str, Any]]:
        """Callers whom a failure cut off and to whom nobody has spoken since. Raises TimeoutError."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                found = await owed_calls(self._register, self._clock.wall())
        except RegisterError as problem:
            raise TimeoutError(str(problem)) from problem
        return [asdict(call) for call in found]

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        """Hand an event over and wait for the core's answer. Raises TimeoutError."""
        self._requests += 1
        reply_to = f"web:{self._requests}"
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self._asked[reply_to] = answer
        try:
            self.take(make(reply_to))
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        finally:
            self._asked.pop(reply_to, None)

    async def verify_password(self, person: str, password: str) -> bool:
        """Whether it is this person's password (argon2, in a thread)."""
        return await asyncio.to_thread(self._secrets.verify_password, person, password)

    def healthy(self) -> tuple[bool, Mapping[str, str]]:
        """Whether calls can be answered now, and what is wrong, part by part."""
        view = self.view()
        parts = {
            "asterisk": "ok" if view.asterisk_connected else "not connected",
            "register": self._register_health(),
            "recordings": self._archive.health(),
        }
        for id, line in view.lines.items():
            if not line.open:
                parts[f"line {id}"] = "ok: closed by its calendar"
            else:
                parts[f"line {id}"] = "ok" if line.on_duty else "nobody is on duty"
        return all(state.startswith("ok") for state in parts.values()), parts

    def _register_health(self) -> str:
        if self._spool.trouble:
            return f"facts are not kept on the disk: {self._spool.trouble}"
        age = self._writer.oldest_pending_age
        return "ok" if age < 5.0 else f"{self._writer.pending} facts wait for the database, the oldest {age:.0f} s"

    def _register_state(self) -> RegisterState:
        writer, spool = self._writer, self._spool
        return RegisterState(
            writer.pending,
            writer.failures,
            writer.oldest_pending_age,
            spool.damaged,
            spool.facts,
            spool.size,
            spool.failures,
            not spool.trouble,
        )

    def _ami_state(self) -> AmiState:
        last = self.ami.last_event_at
        age = None if last is None else time.monotonic() - last
        return AmiState(self.ami.connected, age, self._check.counts())
