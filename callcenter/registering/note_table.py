"""The notes in the register: drafts, what is registered, and which conversations still have no note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select, update

from callcenter.registering.errors import RegisteredAlreadyError
from callcenter.registering.notes import LONGEST_TEXT, Note, NoteText
from callcenter.store import Register
from callcenter.store.note_tables import CallNote, RegisteringBegan
from callcenter.store.rows import clean
from callcenter.store.tables import Call, Offer, table_of

_NOTES = table_of(CallNote)
_COLUMNS = ("subject", "text", "result", "conduct", "saved_at", "registered_at")
LISTED_FOR = timedelta(days=31)
"""How long an unregistered call stays on its operator's list."""
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A conversation that its operator has not registered yet."""

    call: str
    line: str
    began_at: datetime
    number: str
    name: str
    customer: str
    draft: NoteText | None


class NoteTable:
    """The notes. Its methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def note(self, call: str, operator: str) -> Note | None:
        """Return the operator's note of the call; None if there is none."""
        found = await self._read(select(_NOTES).where(_NOTES.c.call == call, _NOTES.c.operator == operator))
        return _note(found[0]) if found else None

    async def of_calls(self, calls: Sequence[str]) -> list[Note]:
        """Return what is registered of these calls, in the order of registering."""
        query = select(_NOTES).where(_NOTES.c.call.in_(calls), _NOTES.c.registered_at.is_not(None))
        return [_note(row) for row in await self._read(query.order_by(_NOTES.c.registered_at))]

    async def save_draft(self, call: str, operator: str, written: NoteText, at: datetime) -> None:
        """Keep what is written so far. Raises `RegisteredAlreadyError`."""
        if not await self._save(call, operator, written, at, None):
            raise RegisteredAlreadyError(f"the note of {call} is registered")

    async def register(self, call: str, operator: str, written: NoteText, at: datetime) -> None:
        """Register the note. Once registered, it can be corrected; the time of the first registering stays."""
        await self._save(call, operator, written, at, at)

    async def took_part(self, call: str, operator: str) -> str | None:
        """Return the line of the call if the operator has talked with its caller, else None."""
        query = (
            select(Call.line)
            .join(Offer, Offer.call == Call.call)
            .where(Call.call == call, Offer.operator == operator, Offer.connected_at.is_not(None))
        )
        found = await self._read(query.limit(1))
        return found[0].line if found else None

    async def latest(self, operator: str, now: datetime) -> tuple[str, str] | None:
        """Return call and line of the operator's newest conversation that is over; None without one lately."""
        query = (
            select(Offer.call, Call.line)
            .join(Call, Call.call == Offer.call)
            .where(Offer.operator == operator, Offer.placed_at >= now - LISTED_FOR, *_over())
            .order_by(Offer.connected_at.desc())
        )
        found = await self._read(query.limit(1))
        return (found[0].call, found[0].line) if found else None

    async def unregistered(self, operator: str, now: datetime) -> list[Unregistered]:
        """Return the operator's conversations that are over and not registered, the newest first."""
        began, note = func.min(Offer.connected_at).label("began"), _NOTES
        conversation = (
            select(Offer.call, began)
            .where(Offer.operator == operator, Offer.placed_at >= now - LISTED_FOR, *_over())
            .group_by(Offer.call)
            .subquery()
        )
        theirs = and_(note.c.call == conversation.c.call, note.c.operator == operator)
        query = (
            select(conversation, Call.line, Call.number, Call.name, Call.customer, *(note.c[name] for name in _COLUMNS))
            .join(Call, Call.call == conversation.c.call)
            .outerjoin(note, theirs)
            .where(note.c.registered_at.is_(None))
            .order_by(conversation.c.began.desc())
            .limit(MOST_LISTED)
        )
        return [
            Unregistered(
                row.call,
                row.line,
                row.began,
                row.number,
                row.name,
                row.customer,
                _written(row) if row.saved_at else None,
            )
            for row in await self._read(query)
        ]

    async def share(self, line: str, since: datetime) -> tuple[int, int]:
        """Return how many of the line's conversations since then are registered, and how many there were."""
        conversation = (
            select(Offer.call, Offer.operator)
            .join(Call, Call.call == Offer.call)
            .where(Call.line == line, Call.arrived_at >= since, *_over())
            .distinct()
            .subquery()
        )
        theirs = and_(_NOTES.c.call == conversation.c.call, _NOTES.c.operator == conversation.c.operator)
        counts = func.count(_NOTES.c.registered_at).label("registered"), func.count().label("conversations")
        [row] = await self._read(select(*counts).select_from(conversation.outerjoin(_NOTES, theirs)))
        return int(row.registered), int(row.conversations)

    async def _save(
        self, call: str, operator: str, written: NoteText, at: datetime, registered_at: datetime | None
    ) -> bool:
        changed: dict[str, Any] = {
            "subject": clean(written.subject, 64),
            "text": _text(written.text),
            "result": written.result,
            "conduct": written.conduct,
            "saved_at": at,
        }
        ours = _NOTES.c.call == call, _NOTES.c.operator == operator

        def save(connection: Connection) -> bool:
            row = {"call": clean(call, 150), "operator": clean(operator, 64), "registered_at": registered_at, **changed}
            insert = self._register.insert(_NOTES).values(row).on_conflict_do_nothing()
            if connection.scalar(insert.returning(_NOTES.c.id)) is not None:
                return True
            change = update(_NOTES).where(*ours)
            if registered_at is None:
                return bool(connection.execute(change.where(_NOTES.c.registered_at.is_(None)).values(changed)).rowcount)
            first = func.coalesce(_NOTES.c.registered_at, registered_at)
            return bool(connection.execute(change.values(changed | {"registered_at": first})).rowcount)

        return await self._register.read(save)

    async def _read(self, query: Select[*tuple[Any, ...]]) -> list[Row[Any]]:
        async with self._register.session() as session:
            return list((await session.execute(query)).all())


def _over() -> tuple[Any, ...]:
    """Conditions for a conversation that has ended, and that is not of the time before notes were written."""
    began = select(func.max(RegisteringBegan.after_offer)).scalar_subquery()
    talked = Offer.connected_at.is_not(None), Offer.result != "false_answer"
    return *talked, Offer.ended_at.is_not(None), Offer.id > func.coalesce(began, 0)


def _text(raw: str) -> str:
    return "\n".join(clean(line, None) for line in raw[:LONGEST_TEXT].split("\n"))


def _written(row: Row[Any]) -> NoteText:
    return NoteText(row.subject, row.text, row.result, bool(row.conduct))


def _note(row: Row[Any]) -> Note:
    return Note(row.call, row.operator, _written(row), row.saved_at, row.registered_at)
