"""Erases from old rows who called and what they said (152-ФЗ, article 5 (7)). All figures stay as they are.

That is numbers, names and INN, what operators wrote of the call, why they handed the caller on, and the contacts they
learned, if nobody called from that number since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, exists, insert, or_, select, update

from callcenter.calendar.clock import WallClock
from callcenter.store import Register
from callcenter.store.note_tables import CallNote
from callcenter.store.spool import forget_set_aside
from callcenter.store.tables import Call, Erasure, LearnedContact, Transfer, table_of

log = logging.getLogger(__name__)

PERSONAL = ("number", "name", "inn", "customer", "call_back_to", "contract", "out_of_turn_why")
"""The columns of a call that say who called, or may do so."""
FIRST_AFTER, EVERY = 900.0, 86_400.0
"""Seconds from the start to the first run, and between two runs."""
LONG_OVERDUE, MOST_OVERDUE = timedelta(days=31), 10
"""More calls than this that are overdue by this much are not erased without being asked: the clock may be wrong."""
_BATCH, _PAUSE = 200, 0.05
"""Calls in one transaction, and seconds until the next one: the facts of present calls are written in between."""


class PersonalData:
    """`keep`: how long a call's personal data is kept. `held`: calls whose data somebody still needs, for a dispute.

    `spool`: the folder of facts on their way to the register; some may have been set aside there.
    """

    def __init__(
        self,
        register: Register,
        keep: timedelta,
        held: Callable[[], Collection[str]],
        spool: Path,
        who: str = "the controller",
    ) -> None:
        self._spool = spool
        self._register = register
        self._keep = keep
        self._held = held
        self._who = who

    async def run(self, wall: WallClock) -> None:
        """Erase what is old enough, daily, until cancelled."""
        await asyncio.sleep(FIRST_AFTER)
        while True:
            try:
                await self._erase_a_day(wall())
            except Exception as problem:
                log.error("Old personal data cannot be erased just now: %s", problem)
            await asyncio.sleep(EVERY)

    async def _erase_a_day(self, now: datetime) -> None:
        overdue = await self.due(now - LONG_OVERDUE)
        if len(overdue) > MOST_OVERDUE:
            log.error(
                "Personal data of %d calls should have been erased more than %d days ago; so much is not erased "
                "unasked. If the clock and personal_data.keep_days are right, run: callcenter register erase",
                len(overdue),
                LONG_OVERDUE.days,
            )
            return
        await self.erase(now)

    async def due(self, now: datetime) -> Sequence[str]:
        """Return the calls with personal data that is old enough at `now`, oldest first. Raises `RegisterError`."""
        written = exists().where(CallNote.call == Call.call, CallNote.text != "")
        handed = exists().where(Transfer.call == Call.call, Transfer.note != "")
        known = or_(*(getattr(Call, name) != "" for name in PERSONAL), written, handed)
        query = select(Call.call).where(Call.arrived_at < now - self._keep, Call.ended_at.is_not(None), known)
        held = await asyncio.to_thread(self._held)
        async with self._register.session() as session:  # not in the thread that writes facts
            found = (await session.scalars(query.order_by(Call.arrived_at))).all()
        return [call for call in found if call not in held]

    async def of_person(self, number: str, inn: str) -> tuple[list[str], int]:
        """Return the calls of a telephone number or an INN that can be erased, and how many are held or go on."""
        found: dict[str, bool] = {}
        for column, value in ((Call.number, number), (Call.call_back_to, number), (Call.inn, inn)):
            if value:
                query = select(Call.call, Call.ended_at).where(column == value).order_by(Call.arrived_at)
                async with self._register.session() as session:  # not in the thread that writes facts
                    found |= {call: ended_at is not None for call, ended_at in (await session.execute(query)).all()}
        held = await asyncio.to_thread(self._held)
        free = [call for call, ended in found.items() if ended and call not in held]
        return free, len(found) - len(free)

    async def erase_person(self, calls: Sequence[str], number: str) -> None:
        """Erase who called and what was said from these calls, and what was learned of the number.

        Whoever asks for it has entered it in the audit log.
        """
        for begin in range(0, len(calls), _BATCH):
            await self._register.read(_erasing(calls[begin : begin + _BATCH]))
            await asyncio.sleep(_PAUSE)
        if number:
            learned = delete(LearnedContact).where(
                or_(LearnedContact.number == number, LearnedContact.of_number == number)
            )
            await self._register.read(lambda connection: connection.execute(learned).rowcount)

    async def erase(self, now: datetime) -> int:
        """Erase what is old enough, and enter that it was done. Returns the number of calls. Raises `RegisterError`."""
        due = await self.due(now)
        for begin in range(0, len(due), _BATCH):
            await self._register.read(_erasing(due[begin : begin + _BATCH]))
            await asyncio.sleep(_PAUSE)
        before = now - self._keep
        called = exists().where(Call.number == LearnedContact.number, Call.arrived_at >= before)
        strangers = delete(LearnedContact).where(LearnedContact.at < before, ~called)
        done = insert(table_of(Erasure)).values(at=now, before=now - self._keep, calls=len(due), who=self._who)

        def enter(connection: Connection) -> None:
            connection.execute(strangers)
            if due:
                connection.execute(done)

        await self._register.read(enter)
        if due and (why := await self._register.write_anew()):
            log.warning(
                "The register is not written anew, so copies of what is erased may stay in its file until the next "
                "time: %s.",
                why,
            )
        if not await self._register.empty_log():
            log.info("The register is being read: what is erased stays in its write-ahead log until the next time.")
        await asyncio.to_thread(forget_set_aside, self._spool, (now - self._keep).timestamp())
        if due:
            log.info("Numbers, names and INN of %d calls were kept long enough and are erased.", len(due))
        return len(due)


def _erasing(calls: Sequence[str]) -> Callable[[Connection], None]:
    statements = (
        update(Call).where(Call.call.in_(calls)).values(dict.fromkeys(PERSONAL, "")),
        update(CallNote).where(CallNote.call.in_(calls)).values(text=""),
        update(Transfer).where(Transfer.call.in_(calls)).values(note=""),
    )

    def erase(connection: Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return erase
