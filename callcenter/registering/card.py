"""The card of a call: what happened to the caller so far, and the earlier calls of this number and of their body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select, update

from callcenter.core.records import Identification
from callcenter.registering.note_table import NoteTable
from callcenter.registering.notes import Note
from callcenter.store import Register
from callcenter.store.tables import Announcement, Call, Transfer

MOST_EARLIER = 20
"""Earlier calls on a card."""
MOST_HEARD = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """One announcement that the caller heard while waiting (ESTP 5.4.6)."""

    at: datetime
    place: int
    minutes: int | None
    """«не более …»; None: no time was announced."""


@dataclass(frozen=True, slots=True)
class Handed:
    """One attempt to transfer the caller, and why."""

    at: datetime
    by: str
    target: str
    to: str
    result: str
    note: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier call. `same_number`: of this number; else of another number of the same body."""

    call: str
    line: str
    at: datetime
    number: str
    same_number: bool
    outcome: str
    direction: str
    """Who called: 'incoming', or 'outgoing' if an operator did."""
    operator: str
    talk: float
    recording: str
    """The file's name below the recordings folder; '' if there is none (any more)."""
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """All of it."""

    call: str
    line: str
    at: datetime
    number: str
    name: str
    customer: str
    role: str
    inn: str
    identification: str
    identified_by: str
    info_visits: int
    heard: tuple[Heard, ...]
    handed: tuple[Handed, ...]
    earlier: tuple[Earlier, ...]
    contract: str = ""
    """By which the caller was served."""


class Cards:
    """Reads cards. Its methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register, notes: NoteTable) -> None:
        self._register = register
        self._notes = notes

    async def card(self, call: str) -> Card | None:
        """Return the card; None while the register does not have the call."""
        found = await self._read(select(Call.__table__).where(Call.call == call))
        if not found:
            return None
        row = found[0]
        spoken = (Announcement.spoken_at, Announcement.ahead, Announcement.spoken)
        heard = await self._read(
            select(*spoken).where(Announcement.call == call).order_by(Announcement.number.desc()).limit(MOST_HEARD)
        )
        handed = await self._read(select(Transfer.__table__).where(Transfer.call == call).order_by(Transfer.number))
        return Card(
            row.call,
            row.line,
            row.arrived_at,
            row.number,
            row.name,
            row.customer,
            row.role,
            row.inn,
            row.identification,
            row.identified_by,
            row.info_visits,
            tuple(Heard(one.spoken_at, one.ahead + 1, one.spoken) for one in reversed(heard)),
            tuple(
                Handed(one.asked_at, one.from_operator, one.target, one.to_operator, one.result, one.note)
                for one in handed[-MOST_HEARD:]
            ),
            await self._earlier(row),
            row.contract,
        )

    async def recording(self, call: str) -> str:
        """Return the name of the call's recording, below the recordings folder; '' if there is none (any more)."""
        query = select(Call.recording).where(Call.call == call, Call.recording_deleted_at.is_(None))
        found = await self._read(query)
        return str(found[0].recording) if found else ""

    async def identify(self, call: str, inn: str, customer: str, role: str, who: str) -> bool:
        """Enter who called, for a call of which the core knows nothing any more. Returns whether there is one."""
        known = {"inn": inn, "customer": customer, "role": role}
        how = {"identification": Identification.BY_HAND.value, "identified_by": who}
        statement = update(Call).where(Call.call == call, Call.ended_at.is_not(None)).values(known | how)
        return bool(await self._register.read(lambda connection: connection.execute(statement).rowcount))

    async def _earlier(self, row: Row[Any]) -> tuple[Earlier, ...]:
        found: dict[str, Row[Any]] = {}
        # One index for each: a single condition with OR would read the whole table.
        if any(letter.isdecimal() for letter in row.number):
            found |= await self._before(row, Call.number == row.number)
        if row.inn:
            found |= await self._before(row, Call.inn == row.inn)
        newest = sorted(found.values(), key=lambda one: (one.arrived_at, one.id), reverse=True)[:MOST_EARLIER]
        notes: dict[str, list[Note]] = {}
        for note in await self._notes.of_calls([one.call for one in newest]):
            notes.setdefault(note.call, []).append(note)
        return tuple(_earlier(one, row.number, notes.get(one.call, ())) for one in newest)

    async def _before(self, row: Row[Any], whose: ColumnElement[bool]) -> dict[str, Row[Any]]:
        query = select(Call.__table__).where(whose, Call.arrived_at <= row.arrived_at, Call.call != row.call)
        rows = await self._read(query.order_by(Call.arrived_at.desc()).limit(MOST_EARLIER))
        return {one.call: one for one in rows}

    async def _read(self, query: Select[*tuple[Any, ...]]) -> list[Row[Any]]:
        async with self._register.session() as session:
            return list((await session.execute(query)).all())


def _earlier(row: Row[Any], number: str, notes: Sequence[Note]) -> Earlier:
    kept = "" if row.recording_deleted_at else row.recording
    same = row.number == number
    return Earlier(
        row.call,
        row.line,
        row.arrived_at,
        row.number,
        same,
        row.outcome,
        row.direction,
        row.operator,
        row.talk,
        kept,
        tuple(notes),
    )
