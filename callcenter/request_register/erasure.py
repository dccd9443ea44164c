"""Erases from requests who asked, what was asked and answered, and the files (152-ФЗ). All figures and dates stay.

The history keeps who did what and when; its words become ''. That it was done is a row of it, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, select, update

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import LineId
from callcenter.request_register.attachments import Attachments, mark_deleted
from callcenter.request_register.call_back_rows import CALL_BACKS
from callcenter.request_register.deadline import look, write
from callcenter.request_register.filed import Requester
from callcenter.request_register.filing import ARRIVALS, HISTORY, MESSAGES, OUTBOX, REQUESTS, claim, store
from callcenter.request_register.paper import INCOMING, forget_letters
from callcenter.request_register.register import Rules, allowed
from callcenter.request_register.rows import requester_row
from callcenter.request_register.search import NO_WORDS, index_for
from callcenter.requests.lifecycle import ENDS
from callcenter.requests.remark import remark
from callcenter.requests.request import Fact, RequestId
from callcenter.store import Register
from callcenter.store.chat_tables import ChatMessage, StoredChat
from callcenter.store.tables import table_of

log = logging.getLogger(__name__)

FIRST_AFTER, EVERY = 1200.0, 86_400.0
"""Seconds from the start to the first run, and between two runs."""
LONG_OVERDUE, MOST_OVERDUE = timedelta(days=31), 10
"""More requests than this that are overdue by this much are not erased without being asked: the clock may be wrong."""
ORPHANED = timedelta(days=1)
"""After which a file without a row is removed."""
_CHATS, _CHAT_MESSAGES = table_of(StoredChat), table_of(ChatMessage)
_NO_CHAT = dict.fromkeys(("name", "contact", "secret", "note", "draft"), "")
_NOBODY = {"number": "", "words": "", "why": ""}
_PAUSE = 0.02
"""Seconds between two requests: the facts of present calls are written in between."""


class RequestErasure:
    """`keep_days`: how long a line keeps what its requests say, from their end on."""

    def __init__(
        self,
        register: Register,
        attachments: Attachments,
        rules: Rules,
        keep_days: Callable[[str], int],
        who: str = "the controller",
    ) -> None:
        self._register = register
        self._attachments = attachments
        self._rules = rules()
        self._keep_days = keep_days
        self._who = who

    async def run(self, wall: WallClock) -> None:
        """Erase what is old enough, daily, until cancelled."""
        await asyncio.sleep(FIRST_AFTER)
        while True:
            try:
                await self._erase_a_day(wall())
            except Exception as problem:
                log.error("Old requests cannot be erased just now: %s", problem)
            await asyncio.sleep(EVERY)

    async def _erase_a_day(self, now: datetime) -> None:
        overdue = await self.due(now - LONG_OVERDUE)
        if len(overdue) > MOST_OVERDUE:
            log.error(
                "What %d requests say should have been erased more than %d days ago; so much is not erased unasked. "
                "If the clock and requests.keep_days are right, run: callcenter requests erase",
                len(overdue),
                LONG_OVERDUE.days,
            )
            return
        if done := await self.erase(await self.due(now), "kept long enough", now):
            log.info("What %d requests say was kept long enough and is erased.", done)
        await self.forget_call_backs(CALL_BACKS.c.ended_at < now - timedelta(days=self._keep_days("")))
        await self._attachments.sweep((now - ORPHANED).timestamp())

    async def due(self, now: datetime) -> Sequence[RequestId]:
        """Return the requests that were kept long enough at `now`, oldest first. Raises `RegisterError`."""
        shortest = timedelta(days=min(map(self._keep_days, ["", *self._rules])))
        query = select(REQUESTS.c.request, REQUESTS.c.line, REQUESTS.c.ended_at).where(
            REQUESTS.c.erased_at.is_(None), REQUESTS.c.ended_at < now - shortest
        )
        ordered = query.order_by(REQUESTS.c.ended_at)
        found = await look(self._register, partial(_all, ordered))
        keep = {line: timedelta(days=self._keep_days(line)) for line in {line for _, line, _ in found}}
        return [RequestId(id_) for id_, line, ended_at in found if ended_at < now - keep[line]]

    async def of_person(self, number: str, inn: str, email: str = "") -> tuple[list[RequestId], list[RequestId]]:
        """Return the requests of a number, an INN or an address (e-mail): those that have ended, and those open."""
        theirs = [
            column == value
            for column, value in (
                (REQUESTS.c.requester_number, number),
                (REQUESTS.c.requester_inn, inn),
                (func.lower(REQUESTS.c.address), email),
            )
            if value
        ]
        ended: dict[RequestId, None] = {}
        still_open: dict[RequestId, None] = {}
        if inn:
            theirs.append(REQUESTS.c.id.in_(select(INCOMING.c.request).where(INCOMING.c.inn == inn)))
        for one in theirs:
            query = select(REQUESTS.c.request, REQUESTS.c.ended_at).where(one, REQUESTS.c.erased_at.is_(None))
            for id_, ended_at in await look(self._register, partial(_all, query)):
                (still_open if ended_at is None else ended)[RequestId(id_)] = None
        return list(ended), list(still_open)

    async def erase(self, requests: Sequence[RequestId], why: str, now: datetime) -> int:
        """Erase what these requests say. One that is open (again) is left. Returns how many were erased."""
        done = 0
        for id_ in requests:
            files = await write(self._register, partial(self._erase, id_, why, now))
            if files is not None:
                done += 1
                await self._attachments.delete(files)
            await asyncio.sleep(_PAUSE)
        if done:
            await self._forget_words()
        return done

    async def forget_number(self, number: str) -> int:
        """Erase a telephone number from call-backs that have ended and that have no request. Returns how many."""
        return await self.forget_call_backs(CALL_BACKS.c.number == number) if number else 0

    async def forget_call_backs(self, which: ColumnElement[bool]) -> int:
        """Erase whom call-backs were for that have ended and that have no request: those of one go with it."""
        ended = (CALL_BACKS.c.request.is_(None), CALL_BACKS.c.ended_at.is_not(None), CALL_BACKS.c.number != "")
        nobody = update(CALL_BACKS).where(which, *ended).values(_NOBODY)
        return await write(self._register, lambda connection: connection.execute(nobody).rowcount)

    async def _forget_words(self) -> None:
        begin, more = True, True
        while more:
            more = await write(self._register, partial(_forget, begin))
            begin = False
            await asyncio.sleep(_PAUSE)

    def _erase(
        self, id_: RequestId, why: str, now: datetime, connection: Connection
    ) -> list[tuple[LineId, str]] | None:
        loaded = claim(connection, id_)
        request, row = loaded.request, loaded.row
        rules = self._rules.get(request.line) or next(iter(self._rules.values()), None)
        if request.state not in ENDS or rules is None:
            return None
        decision = allowed(remark(request, Fact.ERASED, why, "", self._who[:64], now, rules))
        nobody = requester_row(Requester()) | {"told": "", "erased_at": now}
        del nobody["registered"]  # a figure, which stays
        store(connection, loaded, decision, nobody, NO_WORDS)
        for statement in (
            update(REQUESTS).where(REQUESTS.c.id == row).values(essentials="", address="", assignee_email=""),
            update(MESSAGES).where(MESSAGES.c.request == row).values(text="", address=""),
            update(OUTBOX).where(OUTBOX.c.request == row, OUTBOX.c.settled_at.is_(None)).values(settled_at=now),
            update(OUTBOX).where(OUTBOX.c.request == row).values(text="", address="", problem=""),
            update(CALL_BACKS).where(CALL_BACKS.c.request == row).values(_NOBODY),
            update(ARRIVALS).where(ARRIVALS.c.request == row).values(sender="", message_id=""),
            update(HISTORY).where(HISTORY.c.request == row, HISTORY.c.why != "").values(why=""),
            delete(_CHAT_MESSAGES).where(_CHAT_MESSAGES.c.chat.in_(select(_CHATS.c.id).where(_CHATS.c.request == row))),
            update(_CHATS).where(_CHATS.c.request == row).values(_NO_CHAT | {"erased_at": now}),
        ):
            connection.execute(statement)
        forget_letters(connection, row)
        index_for(connection.dialect.name).remove(connection, row)
        return mark_deleted(connection, row, now)


def _all(query: Select[*tuple[Any, ...]], connection: Connection) -> Sequence[Row[*tuple[Any, ...]]]:
    return connection.execute(query).all()


def _forget(begin: bool, connection: Connection) -> bool:
    return index_for(connection.dialect.name).forget(connection, begin=begin)
