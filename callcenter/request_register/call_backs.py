"""Call-backs with effects: what is owed, to whom and when, and what a try of it means for its request (ESTP 5.4.5).

One action is one transaction, as for requests: the call-back, its tries, its request with history and outbox, and the
mark on a call that was cut off, or nothing. Who calls, and whose turn it is, is decided by the core alone.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select, update

from callcenter.core.ids import CallBackId, CallId, ChannelId, GroupId, LineId
from callcenter.core.records import LOST_CAUSE, Outcome
from callcenter.request_register import call_back_settling as settling
from callcenter.request_register.call_back_rows import (
    CALL_BACKS,
    TRIES,
    WITH_REQUEST,
    LoadedCallBack,
    claim_call_back,
    insert_call_back,
    read,
    store_call_back,
)
from callcenter.request_register.call_back_settling import BY
from callcenter.request_register.deadline import look, write
from callcenter.request_register.errors import ActionRefused, ChangedMeanwhile, RequestError
from callcenter.request_register.filing import OUTBOX, REQUESTS, Loaded, check_version, claim, load, load_filed, store
from callcenter.request_register.register import Rules, allowed, of_line
from callcenter.request_register.search import NO_WORDS
from callcenter.request_register.telephone import is_emergency, normalised
from callcenter.requests import call_back as do
from callcenter.requests.call_back import TOLD, Action, CallBack, CallBackState, Came, Origin, promise
from callcenter.requests.call_back_rules import CallBackRules
from callcenter.requests.call_back_wish import Window, checked_groups, checked_level, checked_number, suggested_window
from callcenter.requests.lifecycle import ENDS, State
from callcenter.requests.number import parse_number
from callcenter.requests.refusal import Reason, RefusedError, Why, refused
from callcenter.requests.request import RequestId, Way
from callcenter.requests.rules import LineRules
from callcenter.store import Register
from callcenter.store.rows import clean
from callcenter.store.store import OwedCall
from callcenter.store.tables import Call, table_of

AT_ONCE = 100
"""Call-backs that are looked at together."""
CALENDAR = "the calendar of the line has changed"
_CALLS = table_of(Call)
_OPEN = CALL_BACKS.c.ended_at.is_(None)
_UNANSWERED = (OUTBOX.c.way == Way.TELEPHONE.value, OUTBOX.c.settled_at.is_(None), OUTBOX.c.request.is_not(None))
_ANSWERABLE = (*_UNANSWERED, OUTBOX.c.problem == "")
_SOME_LEFT = select(
    select(OUTBOX.c.id).where(*_ANSWERABLE).exists(),
    select(CALL_BACKS.c.id).where(_OPEN).exists(),
    select(TRIES.c.call_back).where(TRIES.c.over_at.is_(None)).exists(),
)


class Left(NamedTuple):
    """What there may be to look after; most of the time nothing."""

    answers: bool
    """Requests that are answered by telephone, and for which no call has been promised."""
    promised: bool
    """Call-backs that are not over."""
    tries: bool
    """Tries of which nobody knows what came of them."""


class CallBackRegister:
    """The call-backs of all lines. Methods raise `RegisterError`, and `RequestError`s for what is not possible."""

    def __init__(self, register: Register, rules: Rules) -> None:
        self._register = register
        self.rules = rules()
        """By line; for the event loop."""
        self._rules = rules()
        """For the thread that writes."""
        self.came: Counter[tuple[LineId, Came]] = Counter()
        """Tries that are over, since the start."""
        self.windows: Counter[tuple[LineId, bool]] = Counter()
        """Call-backs of which it has become known whether somebody began inside their convenient time."""

    # -- wishes ------------------------------------------------------------------------------------------------

    def suggested(self, line: LineId, at: datetime) -> Window:
        """Return the convenient time to suggest. Raises `ActionRefused` if nobody calls back there."""
        rules = of_line(self.rules, line)
        return suggested_window(at, rules.time, _of(rules))

    async def order(
        self,
        request: RequestId,
        version: int,
        number: str,
        window: Window | None,
        groups: Sequence[str],
        by: str,
        at: datetime,
        levels: Collection[str] | None = None,
    ) -> CallBack:
        """Promise to call somebody back about a request, which has one call-back at a time.

        `window`: None: the line's next hours. `levels`: of a customer who wants it; None: we want to call.
        """

        def do_it(connection: Connection) -> CallBack:
            loaded = claim(connection, request)
            check_version(connection, loaded, version)
            rules = of_line(self._rules, loaded.request.line)
            _check_possible(connection, loaded)
            one = self._wished(loaded.request.line, Origin.WISH, number, window, groups, at, levels)
            one = replace(one, request=request)
            insert_call_back(connection, one, loaded.row, by, None)
            words, dates = one.window.words, (one.window.since, one.window.until)
            beside = {"convenient": clean(words, 500), "convenient_from": dates[0], "convenient_until": dates[1]}
            noted = settling.noted(loaded.request, "ordered", words, by, at, rules, dates)
            store(connection, loaded, noted, beside, NO_WORDS)
            return one

        return await write(self._register, do_it)

    async def keep_place(
        self, call: CallId, line: LineId, number: str, urgency: str, place_at: datetime, at: datetime
    ) -> CallBack | None:
        """Promise to call the caller who hung up and keeps the place. Returns None if it was promised already."""
        wished = self._promised(line, Origin.KEPT_PLACE, number, call, at)
        return await self._promise(replace(wished, urgency=urgency, place_at=place_at), BY, at)

    async def owe(self, call: str, by: str, at: datetime) -> CallBack | None:
        """Promise to call somebody whom a failure cut off. Returns None if that was promised already.

        Raises `RequestError` for a call that is not owed.
        """
        owed = {one.call: one for one in await self._register.owed_calls(at)}
        if call not in owed:
            raise RequestError(f"no call back is owed for '{call[:150]}'")
        found = owed[call]
        wished = self._promised(LineId(found.line), Origin.OWED, found.number, call, at)
        return await self._promise(wished, by, at)

    async def owed(self, at: datetime) -> list[OwedCall]:
        """Return the callers whom a failure cut off, and to whom no call was promised yet."""
        found = await self._register.owed_calls(at)
        calls = [one.call for one in found]
        query = select(CALL_BACKS.c.call).where(CALL_BACKS.c.call.in_(calls), _OPEN)
        promised = (
            set(await look(self._register, lambda connection: connection.scalars(query).all())) if calls else set()
        )
        return [one for one in found if one.call not in promised]

    async def kept_places(self, since: datetime) -> list[tuple[CallId, LineId, str, str, datetime]]:
        """Return the callers who keep a place, as the calls' rows say, and who were not promised anything yet."""

        def find(connection: Connection) -> list[tuple[CallId, LineId, str, str, datetime]]:
            promised = select(CALL_BACKS.c.id).where(
                CALL_BACKS.c.source == Origin.KEPT_PLACE.value + ":" + _CALLS.c.call
            )
            theirs = (
                _CALLS.c.outcome == Outcome.CALL_BACK.value,
                _CALLS.c.arrived_at >= since,
                _CALLS.c.ended_at.is_not(None),
            )
            columns = (_CALLS.c.call, _CALLS.c.line, _CALLS.c.call_back_to, _CALLS.c.urgency, _CALLS.c.place_at)
            query = select(*columns, _CALLS.c.ended_at).where(*theirs, ~promised.exists()).order_by(_CALLS.c.ended_at)
            rows = connection.execute(query.limit(AT_ONCE)).all()
            return [
                (
                    CallId(ChannelId(row.call)),
                    LineId(row.line),
                    row.call_back_to,
                    row.urgency,
                    row.place_at or row.ended_at,
                )
                for row in rows
            ]

        return await look(self._register, find)

    async def answer_by_telephone(self, at: datetime, *, again: bool = False) -> int:
        """Promise a call for each request that is answered by telephone (ESTP 5.5.2). Returns how many are new.

        A number that may not be called stays in the outbox with the reason: people have to find another way. `again`:
        those, too, because ranges may be others.
        """
        waiting = _UNANSWERED if again else _ANSWERABLE
        has_one = select(CALL_BACKS.c.id).where(CALL_BACKS.c.request == OUTBOX.c.request, _OPEN).exists()
        query = select(OUTBOX.c.key, OUTBOX.c.address, REQUESTS.c.request).join(
            REQUESTS, REQUESTS.c.id == OUTBOX.c.request
        )
        ordered = query.where(*waiting, ~has_one).order_by(OUTBOX.c.id).limit(AT_ONCE)
        found = await look(self._register, lambda connection: connection.execute(ordered).all())
        new = 0
        for key, address, request in found:
            new += await write(self._register, partial(self._answer, key, address, request, at))
        return new

    # -- acting ------------------------------------------------------------------------------------------------

    async def act(
        self, call_back: CallBackId, action: Action, by: str, at: datetime, version: int | None = None
    ) -> CallBack:
        """Do something to a call-back: any of `callcenter.requests.call_back`. Returns it as it is now.

        `version`: as it was seen by whoever acts; None: a report, which holds whatever the version.
        """
        if isinstance(action, do.Move) and action.number:
            action = replace(action, number=self._number(action.number, (await self.one(call_back)).line))

        def do_it(connection: Connection) -> tuple[CallBack, CallBack]:
            loaded = claim_call_back(connection, call_back)
            before = loaded.call_back
            if version is not None and version != before.version:
                raise ChangedMeanwhile("the call-back", before.version, "somebody else")
            rules = of_line(self._rules, before.line)
            taken = action
            if isinstance(taken, do.Over):
                loaded = _begun(connection, loaded, taken)
            after = allowed(do.decide(loaded.call_back, taken, at, rules.time, _of(rules)))
            why = CALENDAR if isinstance(action, do.FollowCalendar) else getattr(action, "why", "")
            return before, self._store(connection, LoadedCallBack(loaded.row, before), after, by, at, rules, why)

        before, after = await write(self._register, do_it)
        self._count(before, after)
        return after

    async def follow_requests(self, at: datetime) -> int:
        """Withdraw the call-backs of requests that have ended; one of a merged request goes to the other one."""
        query = WITH_REQUEST.where(_OPEN, CALL_BACKS.c.request.is_not(None))
        ended = query.where(REQUESTS.c.state.in_([state.value for state in ENDS]))
        told = (
            select(OUTBOX.c.id)
            .where(
                OUTBOX.c.request == CALL_BACKS.c.request,
                OUTBOX.c.way == Way.TELEPHONE.value,
                OUTBOX.c.settled_at.is_(None),
            )
            .exists()
        )
        otherwise = query.where(CALL_BACKS.c.origin == Origin.ANSWER.value, ~told)
        changed = 0
        for which, why in ((ended, "the request has ended"), (otherwise, "told in another way")):
            for loaded in await look(self._register, partial(_read, which.limit(AT_ONCE))):
                if loaded.call_back.state is CallBackState.UNDER_WAY:
                    continue
                if await write(self._register, partial(self._follow_merge, loaded, at)):
                    changed += 1
                    continue
                try:
                    await self.act(loaded.call_back.id, do.Withdraw(why), BY, at)
                    changed += 1
                except ActionRefused:  # somebody calls just now
                    pass
        return changed

    # -- reading -----------------------------------------------------------------------------------------------

    async def left(self) -> Left:
        """Return what there may be to look after, in one visit: it is asked all the time."""
        return await look(self._register, lambda connection: Left(*map(bool, connection.execute(_SOME_LEFT).one())))

    async def one(self, call_back: CallBackId) -> CallBack:
        """Return a call-back. Raises `UnknownRequest`."""
        found = await look(
            self._register, lambda connection: read(connection, WITH_REQUEST.where(CALL_BACKS.c.call_back == call_back))
        )
        if not found:
            raise settling.unknown(call_back)
        return found[0].call_back

    async def of_request(self, request: RequestId) -> list[CallBack]:
        """Return the call-backs of a request, the latest first."""
        query = WITH_REQUEST.where(REQUESTS.c.request == request).order_by(CALL_BACKS.c.id.desc()).limit(AT_ONCE)
        return [one.call_back for one in await look(self._register, lambda connection: read(connection, query))]

    async def to_fall_due(self, at: datetime) -> list[CallBackId]:
        """Return the call-backs whose time may have come, the oldest first."""
        query = select(CALL_BACKS.c.call_back).where(_OPEN, CALL_BACKS.c.next_at <= at)
        ordered = query.order_by(CALL_BACKS.c.next_at, CALL_BACKS.c.id).limit(AT_ONCE)
        return await look(self._register, lambda connection: [*map(CallBackId, connection.scalars(ordered))])

    async def waiting(self) -> list[CallBackId]:
        """Return the call-backs that wait for their time."""
        query = select(CALL_BACKS.c.call_back).where(_OPEN, CALL_BACKS.c.next_at.is_not(None))
        return await look(self._register, lambda connection: [*map(CallBackId, connection.scalars(query))])

    async def told(self) -> list[CallBack]:
        """Return the call-backs that the core is to have, the oldest first."""
        query = WITH_REQUEST.where(_OPEN, CALL_BACKS.c.state.in_([state.value for state in TOLD]))
        return [
            one.call_back
            for one in await look(self._register, lambda connection: read(connection, query.order_by(CALL_BACKS.c.id)))
        ]

    async def left_open(self) -> list[CallBack]:
        """Return the call-backs that are not due any more, and of whose last try nobody knows what came of it."""
        open_tries = select(TRIES.c.call_back).where(TRIES.c.over_at.is_(None))
        query = WITH_REQUEST.where(
            CALL_BACKS.c.id.in_(open_tries), CALL_BACKS.c.state.not_in([state.value for state in TOLD])
        )
        return [one.call_back for one in await look(self._register, lambda connection: read(connection, query))]

    async def came_of(self, one: CallBack) -> do.Over:
        """Return what came of the last try, by the register of calls: nobody was dialled if it has no such call."""
        if one.last is None:
            raise ValueError(f"{one.id} has not been tried")
        number = one.last.number
        query = (
            select(_CALLS)
            .where(_CALLS.c.call_back == one.id, _CALLS.c.attempt == number, _CALLS.c.dialled_at.is_not(None))
            .limit(1)
        )
        row = await look(self._register, lambda connection: connection.execute(query).mappings().one_or_none())
        if row is None:
            return do.Over(number, Came.NOT_STARTED)
        return do.Over(
            number,
            settling.came_of(Outcome(row["outcome"])),
            settling.talk(row["talk"]),
            CallId(ChannelId(row["call"])),
        )

    # -- one transaction ---------------------------------------------------------------------------------------

    def _wished(
        self,
        line: LineId,
        origin: Origin,
        number: str,
        window: Window | None,
        groups: Sequence[str],
        at: datetime,
        levels: Collection[str] | None,
    ) -> CallBack:
        rules = of_line(self._rules, line)
        call_backs = _of(rules)
        wanted = window or suggested_window(at, rules.time, call_backs)
        typed = normalised(number)
        try:
            if levels is not None:
                checked_level(levels, call_backs)
            chosen = checked_groups(tuple(map(GroupId, groups)), call_backs)
        except RefusedError as no:
            raise ActionRefused(no.refused) from None
        one = CallBack(new_id(), line, origin, typed, wanted, at, at, groups=chosen)
        return allowed(do.order(one, at, rules.time, call_backs, emergency=is_emergency(typed)))

    def _promised(self, line: LineId, origin: Origin, number: str, call: str, at: datetime) -> CallBack:
        rules = of_line(self.rules, line)
        typed = normalised(number)
        one = CallBack(new_id(), line, origin, typed, Window(at, at), at, at, call=call)
        return promise(one, at, rules.time, _of(rules), emergency=is_emergency(typed))

    async def _promise(self, one: CallBack, by: str, at: datetime) -> CallBack | None:
        source = f"{one.origin.value}:{one.call}"

        def do_it(connection: Connection) -> CallBack | None:
            row = insert_call_back(connection, one, None, by, source)
            if row is None:
                return None
            if one.ended:  # its number may not be called
                settling.for_the_head(connection, row, one, at, of_line(self._rules, one.line))
            return one

        return await write(self._register, do_it)

    def _answer(self, key: str, address: str, request: str, at: datetime, connection: Connection) -> int:
        loaded = claim(connection, RequestId(request))
        rules = of_line(self._rules, loaded.request.line)
        beside = load_filed(connection, RequestId(request)).requester
        window = None
        if beside.convenient_from and beside.convenient_until:
            window = Window(beside.convenient_from, beside.convenient_until, beside.convenient)
        try:
            _check_possible(connection, loaded)
            try:
                one = self._wished(loaded.request.line, Origin.ANSWER, address, window, (), at, None)
            except ActionRefused as no:
                if window is None or no.refused.why is not Why.WINDOW:
                    raise
                one = self._wished(loaded.request.line, Origin.ANSWER, address, None, (), at, None)  # that time is over
        except ActionRefused as no:
            connection.execute(update(OUTBOX).where(OUTBOX.c.key == key).values(problem=str(no)[:2000]))
            return 0
        one = replace(one, request=loaded.request.id)
        insert_call_back(connection, one, loaded.row, BY, None)
        connection.execute(update(OUTBOX).where(OUTBOX.c.key == key).values(problem=""))
        dates = (one.window.since, one.window.until)
        noted = settling.noted(loaded.request, "ordered", one.window.words, BY, at, rules, dates)
        store(connection, loaded, noted, {}, NO_WORDS)
        return 1

    def _store(
        self,
        connection: Connection,
        loaded: LoadedCallBack,
        after: CallBack,
        by: str,
        at: datetime,
        rules: LineRules,
        why: str,
    ) -> CallBack:
        before = loaded.call_back
        if after == before:
            return after
        after = settling.settle(connection, loaded.row, before, after, by, at, rules, why)
        store_call_back(connection, loaded, after)
        if after.origin is Origin.OWED and after.state is not before.state:
            _mark_owed(connection, after, at)
        return after

    def _follow_merge(self, loaded: LoadedCallBack, at: datetime, connection: Connection) -> bool:
        """Have a call-back go with the request that was merged into another one. Returns False if there is none."""
        one = claim_call_back(connection, loaded.call_back.id).call_back
        if one.request is None or one.ended:
            return False
        request = load(connection, one.request).request
        into = request.merged_into and parse_number(str(request.merged_into))
        if request.state is not State.MERGED or not into:
            return False
        theirs = (REQUESTS.c.line == into.line, REQUESTS.c.year == into.year, REQUESTS.c.running == into.running)
        other = connection.scalar(select(REQUESTS.c.request).where(*theirs))
        if other is None:
            return False
        stays = claim(connection, RequestId(other))
        if _open_of(connection, stays.row) or stays.request.state in ENDS:
            return False
        connection.execute(update(CALL_BACKS).where(CALL_BACKS.c.id == loaded.row).values(request=stays.row))
        rules, dates = of_line(self._rules, stays.request.line), (one.window.since, one.window.until)
        store(connection, stays, settling.noted(stays.request, "ordered", "", BY, at, rules, dates), {}, NO_WORDS)
        return True

    def _number(self, typed: str, line: LineId) -> str:
        number = normalised(typed)
        try:
            return checked_number(number, _of(of_line(self.rules, line)), emergency=is_emergency(number))
        except RefusedError as no:
            raise ActionRefused(no.refused) from None

    def _count(self, before: CallBack, after: CallBack) -> None:
        known = {one.number for one in before.tries if one.came is not None}
        for one in after.tries:
            if one.came is not None and one.number not in known:
                self.came[after.line, one.came] += 1
        if before.ended or after.state is CallBackState.WITHDRAWN:
            return
        if before.started_at is None and after.started_at is not None:
            self.windows[after.line, any(one.in_time for one in after.tries)] += 1
        elif after.ended and after.started_at is None:
            self.windows[after.line, False] += 1


def new_id() -> CallBackId:
    """Return an id that no call-back has."""
    return CallBackId(f"cb-{secrets.token_hex(8)}")


def _call(text: str) -> CallId:
    return CallId(ChannelId(text))


def _read(query: Select[Any], connection: Connection) -> list[LoadedCallBack]:
    return read(connection, query)


def _of(rules: LineRules) -> CallBackRules:
    if rules.call_backs is None:
        raise ActionRefused(refused(Reason.NO_CALL_BACKS))
    return rules.call_backs


def _check_possible(connection: Connection, loaded: Loaded) -> None:
    if loaded.request.state in ENDS:
        raise ActionRefused(refused(Reason.REQUEST_ENDED, state=loaded.request.state))
    if _open_of(connection, loaded.row):
        raise ActionRefused(refused(Reason.HAS_CALL_BACK))


def _open_of(connection: Connection, row: int) -> bool:
    return connection.scalar(select(CALL_BACKS.c.id).where(CALL_BACKS.c.request == row, _OPEN).limit(1)) is not None


def _begun(connection: Connection, loaded: LoadedCallBack, over: do.Over) -> LoadedCallBack:
    """Return the call-back with the beginning of its try, as the call's row says it, if nobody had seen it."""
    arrived = select(_CALLS.c.arrived_at).where(_CALLS.c.call == over.call)
    began = connection.scalar(arrived) if over.call else None
    if began is None:
        return loaded
    one = loaded.call_back
    tries = tuple(
        replace(t, begun_at=began) if t.number == over.number and t.begun_at is None else t for t in one.tries
    )
    return LoadedCallBack(loaded.row, replace(one, tries=tries))


def _mark_owed(connection: Connection, one: CallBack, at: datetime) -> None:
    """Mark the call that was cut off, and those of the same number, as called back: or not, if it was a machine."""
    theirs = (_CALLS.c.line == one.line, _CALLS.c.number == one.number, _CALLS.c.cause == LOST_CAUSE)
    if one.state is CallBackState.DONE:
        mark = update(_CALLS).where((_CALLS.c.call == one.call) | (_CALLS.c.called_back_at.is_(None)), *theirs)
        connection.execute(mark.values(called_back_at=at))
    elif not one.ended and one.tries:
        connection.execute(update(_CALLS).where(_CALLS.c.call == one.call).values(called_back_at=None))
