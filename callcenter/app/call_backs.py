"""Call-backs in a running controller: the core is told what is due, and the register what came of it (ESTP 5.4.5).

The register is the truth about what is owed, the core about whose turn it is. After a start the core is told again
everything that is due: what it has dialled already under an attempt, it does not dial again, but says again what came
of it. So the words between the two may be lost or come twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from callcenter.calendar.clock import Clock
from callcenter.core.commands import CallBackOver, KeepPlace
from callcenter.core.events import CallBackDue, CallBackWithdrawn, Customer, Event
from callcenter.core.ids import NO_CALL, CallBackId, CallId, ChannelId, PersonId
from callcenter.core.view import CallBackView
from callcenter.metrics.call_backs import CallBackState
from callcenter.request_register.call_back_board import CallBackBoard, CallBackRow
from callcenter.request_register.call_back_settling import BY
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.errors import ActionRefused, RequestError
from callcenter.requests import call_back as do
from callcenter.requests.call_back import Came, Origin
from callcenter.requests.request import RequestId
from callcenter.store import Register, RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks; results are taken at once."""
COUNT_EVERY = timedelta(seconds=10)
FOLLOW_EVERY = timedelta(hours=1)
"""The calendar is configured, so it is another one after a start, or when a year begins."""
KEPT_FOR = timedelta(days=3)
"""How long ago a caller who keeps a place may have hung up: a wish that a crash has swallowed is in the row."""
CALLING_FOR = timedelta(hours=1)
"""How long somebody who has called a customer back works on the request."""
LOST_AFTER = 5
"""Looks after which a try that is not due any more, and of which the core says nothing, is read from the register."""
_WORDS = {
    Origin.WISH: "перезвонить",
    Origin.ANSWER: "ответ на обращение",
    Origin.KEPT_PLACE: "ждал в очереди",
    Origin.OWED: "связь прервалась",
}
"""What a call-back is about, on the display of the operator's phone."""


class CallBacks:
    """The call-backs of one controller. `floor`: those that the core has, as it shows them."""

    def __init__(
        self,
        book: CallBackRegister,
        register: Register,
        take: Callable[[Event], bool],
        floor: Callable[[], Iterable[CallBackView]],
        clock: Clock,
    ) -> None:
        self._book = book
        self._board = CallBackBoard(register)
        self._take = take
        self._floor = floor
        self._clock = clock
        self._log = SparingLog(log)
        self._news: deque[CallBackOver | KeepPlace] = deque()
        self._came = asyncio.Event()
        self._told: dict[CallBackId, int] = {}
        """The attempt that the core has, by call-back."""
        self._begun: dict[CallBackId, int] = {}
        self._rows: dict[CallBackId, CallBackRow] = {}
        """What the core has, with whom it is for."""
        self._calling: dict[RequestId | CallBackId, dict[PersonId, datetime]] = {}
        """Who makes a call-back, or calls the customer of a request; or did so lately, and when."""
        self._orphans: dict[CallBackId, int] = {}
        """Tries that are not due any more and are not over, and for how many looks they have been so."""
        self._followed = clock.wall() - 2 * FOLLOW_EVERY
        self._hours_changed = False
        self._counted = self._followed
        self._fresh = True
        self.state = CallBackState()
        """For the metrics."""

    # -- from the core -----------------------------------------------------------------------------------------

    def over(self, over: CallBackOver) -> None:
        """Take what came of an attempt; it is stored soon."""
        self._told.pop(over.call_back, None)
        self._news.append(over)
        self._came.set()

    def keep_place(self, wish: KeepPlace) -> None:
        """Take the wish of a caller who hung up and keeps the place; it is stored soon."""
        self._news.append(wish)
        self._came.set()

    def follow_calendar(self) -> None:
        """Move what waits to the hours of the line, soon: they have changed."""
        self._hours_changed = True
        self._came.set()

    # -- for the desk ------------------------------------------------------------------------------------------

    def calling(self, request: RequestId) -> Collection[PersonId]:
        """Return who calls the customer of a request back, or has just done so."""
        theirs = {id_ for id_, row in self._rows.items() if row.call_back.request == request}
        return {*self._calling.get(request, {}), *(one.operator for one in self._floor() if one.call_back in theirs)}

    def calling_back(self, call_back: CallBackId) -> Collection[PersonId]:
        """Return who makes a call-back, or has just done so."""
        now = {one.operator for one in self._floor() if one.call_back == call_back}
        return {*self._calling.get(call_back, {}), *now}

    # -- work --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.look()
            except RegisterError as problem:
                self._log.warning("register", "call-backs wait for the register: %s", problem)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._came.wait()
            self._came.clear()

    async def look(self) -> None:
        """Store the news, and tell the core what is due. Raises `RegisterError`; then it is done the next time."""
        await self._store_news()
        now = self._clock.wall()
        if self._fresh:
            await self._book.answer_by_telephone(now, again=True)
            await self._find_kept_places()
            self._fresh = False
        if self._hours_changed or now - self._followed >= FOLLOW_EVERY:
            self._hours_changed = False
            try:
                await self._follow_calendar()
            except RegisterError:
                self._hours_changed = True
                raise
            self._followed = now
        left = await self._book.left()
        if left.answers and await self._book.answer_by_telephone(now):
            left = left._replace(promised=True)
        if left.promised:
            await self._book.follow_requests(now)
            for one in await self._book.to_fall_due(now):
                await self._act(one, do.FallDue())
        await self._see_begun()
        if left.promised or self._told or self._begun or self._rows:
            await self._tell()
        if left.tries or self._orphans:
            await self._settle_orphans()
        if now - self._counted >= COUNT_EVERY:
            await self._count()
            self._counted = now

    async def _store_news(self) -> None:
        while self._news:
            try:
                await self._store(self._news[0])
            except RegisterError:
                raise  # and again the next time
            except Exception as problem:
                log.error("A defect: %s is not stored.", type(self._news[0]).__name__, exc_info=problem)
            self._news.popleft()

    async def _store(self, news: CallBackOver | KeepPlace) -> None:
        now = self._clock.wall()
        if isinstance(news, CallBackOver):
            came, talk = Came(news.result.value), timedelta(seconds=max(0.0, news.talk))
            await self._act(news.call_back, do.Over(news.attempt, came, talk, news.call))
            return
        try:
            place_at = self._clock.date(news.place_at)
            await self._book.keep_place(news.call, news.line, news.number, news.urgency, place_at, now)
        except RequestError as problem:
            log.error("The caller of %s keeps the place and cannot be called back: %s", news.call, problem)

    async def _act(self, call_back: CallBackId, action: do.Action) -> None:
        try:
            await self._book.act(call_back, action, BY, self._clock.wall())
        except ActionRefused as no:
            log.info("%s: %s", call_back, no)
        except RequestError as problem:
            self._log.warning("unknown", "%s: %s", call_back, problem)
        except RegisterError:
            raise
        except Exception as problem:  # the others go on
            self._log.warning("defect", "a defect at %s of %s: %r", type(action).__name__, call_back, problem)

    async def _find_kept_places(self) -> None:
        """File the wishes of callers who hung up while a controller died: their calls' rows say so."""
        now = self._clock.wall()
        for call, line, number, urgency, place_at in await self._book.kept_places(now - KEPT_FOR):
            try:
                await self._book.keep_place(call, line, number, urgency, place_at, now)
            except RequestError as problem:
                log.error("The caller of %s keeps the place and cannot be called back: %s", call, problem)

    async def _follow_calendar(self) -> None:
        for one in await self._book.waiting():
            await self._act(one, do.FollowCalendar())

    async def _see_begun(self) -> None:
        """Store which attempts have begun: a phone rings for them."""
        now = self._clock.wall()
        for one in list(self._floor()):
            if one.state == "waiting":
                continue
            if self._begun.get(one.call_back) != one.attempt:
                await self._act(one.call_back, do.Begin(one.attempt, NO_CALL, now))
                self._begun[one.call_back] = one.attempt
            if one.operator:
                row = self._rows.get(one.call_back)
                for what in (one.call_back, row.call_back.request if row else None):
                    if what is not None:
                        self._calling.setdefault(what, {})[one.operator] = now
        lately = {
            what: {who: at for who, at in people.items() if now - at <= CALLING_FOR}
            for what, people in self._calling.items()
        }
        self._calling = {what: people for what, people in lately.items() if people}

    async def _tell(self) -> None:
        due = {one.id: one for one in await self._book.told()}
        for gone in [one for one in self._told if one not in due]:
            if self._take(CallBackWithdrawn(gone)):
                del self._told[gone]
        for forgotten in [one for one in self._begun if one not in due]:
            del self._begun[forgotten]
        fresh = [one.id for one in due.values() if one.last and self._told.get(one.id) != one.last.number]
        self._rows = {one: row for one, row in self._rows.items() if one in due}
        for row in await self._board.of(fresh) if fresh else ():
            self._rows[row.call_back.id] = row
            event = self._event(row)
            if event is not None and self._take(event):
                self._told[event.call_back] = event.attempt

    async def _settle_orphans(self) -> None:
        """Find out what came of tries that were withdrawn or moved, if the core cannot say it any more."""
        left = {one.id: one for one in await self._book.left_open()}
        on_floor = {one.call_back for one in self._floor()}
        self._orphans = {one: self._orphans.get(one, 0) + 1 for one in left if one not in on_floor}
        for one, looks in self._orphans.items():
            if looks >= LOST_AFTER:
                await self._act(one, await self._book.came_of(left[one]))

    async def _count(self) -> None:
        open_: Counter[tuple[str, str]] = Counter()
        late: Counter[str] = Counter({str(line): 0 for line in self._book.rules})
        for one in await self._board.counts(self._clock.wall()):
            open_[one.line, one.state.value] += one.number
            late[one.line] += one.late
        self.state = CallBackState(
            open=open_,
            late=late,
            came={(str(line), came.value): number for (line, came), number in self._book.came.items()},
            windows={
                (str(line), "kept" if kept else "missed"): number for (line, kept), number in self._book.windows.items()
            },
        )

    def _event(self, row: CallBackRow) -> CallBackDue | None:
        one = row.call_back
        rules = self._book.rules.get(one.line)
        if one.last is None or rules is None or rules.call_backs is None:
            self._log.warning("rules", "nobody calls back on behalf of %s any more: %s waits", one.line, one.id)
            return None
        name = row.customer or row.name
        return CallBackDue(
            call_back=one.id,
            attempt=one.last.number,
            line=one.line,
            number=one.number,
            groups=one.groups or rules.call_backs.groups,
            urgency=one.urgency or rules.call_backs.urgency,
            place_at=self._clock.at(one.last.place_at),
            start_by=self._clock.at(one.last.start_by),
            customer=Customer(name, row.role, row.inn) if name else None,
            label=" ".join(filter(None, (str(row.number or ""), _WORDS[one.origin])))[:80],
            kept_place=CallId(ChannelId(one.call if one.origin is Origin.KEPT_PLACE else "")),
        )
