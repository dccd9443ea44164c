"""Calls that are registered by codes of a telephone, for those who have no page beside it (ESTP 3.1, 5.6.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from callcenter.app.people import People
from callcenter.asterisk.translate import NoteByPhone
from callcenter.calendar.clock import WallClock
from callcenter.core.commands import Answer
from callcenter.core.ids import PersonId, PhoneName
from callcenter.core.operator import Presence
from callcenter.core.view import OperatorView
from callcenter.desk.registering import RegisteringApi
from callcenter.registering.note_table import NoteTable
from callcenter.registering.notes import NoteText, Result

WRITTEN_WITHIN = 3.0
"""Seconds in which the register has to have what happened until now: the conversation may just have ended."""


class PhoneNotes:
    """`subjects`: of each line, in the order of their numbers. `written`: waits until the register has all facts."""

    def __init__(
        self,
        people: People,
        registering: RegisteringApi,
        notes: NoteTable,
        subjects: Mapping[str, Sequence[str]],
        written: Callable[[float], Awaitable[bool]],
        wall: WallClock,
    ) -> None:
        self._people = people
        self._registering = registering
        self._notes = notes
        self._subjects = subjects
        self._written = written
        self._wall = wall

    async def dialled(self, code: NoteByPhone) -> Answer:
        """Register the present conversation of whoever sits at the phone, or their last one. Returns what to tell them.

        Raises RegisterError, TimeoutError.
        """
        own = self._at(code.phone)
        if own is None:
            return Answer.NOT_LOGGED_IN
        found = (own.call.call, own.call.line) if own.call else await self._last(own.id)
        if found is None:
            return Answer.NOT_POSSIBLE
        call, line = found
        before = await self._notes.note(call, own.id)
        text = before.written.text if before else ""
        if not code.subject:
            return await self._registering.refuse_caller(own.id, call, line, text)
        subjects = self._subjects.get(line, ())
        if code.subject > len(subjects):
            return Answer.NOT_POSSIBLE
        result = before.written.result if before else ""
        written = NoteText(subjects[code.subject - 1], text, result or Result.ANSWERED.value)
        await self._notes.register(call, own.id, written, self._wall())
        return Answer.REGISTERED

    def _at(self, phone: PhoneName) -> OperatorView | None:
        views = self._people.view().operators.values()
        return next((own for own in views if own.phone == phone and own.presence != Presence.OFF), None)

    async def _last(self, person: PersonId) -> tuple[str, str] | None:
        if not await self._written(WRITTEN_WITHIN):
            return None  # or the conversation before would be registered in its place
        return await self._notes.latest(person, self._wall())
