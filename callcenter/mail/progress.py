"""How far each line's mailbox was read, in the register."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from callcenter.core.ids import LineId
from callcenter.request_register.deadline import look, write
from callcenter.store import Register
from callcenter.store.database import insert_for
from callcenter.store.request_tables import StoredMailbox
from callcenter.store.tables import table_of

_MAILBOXES = table_of(StoredMailbox)


@dataclass(frozen=True, slots=True)
class Progress:
    """As `StoredMailbox`."""

    validity: int
    first: int
    since: datetime


class ProgressTable:
    """Methods raise `RegisterError`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def of(self, line: LineId) -> Progress | None:
        """Return how far a line's mailbox was read; None: it was never looked at."""
        query = select(_MAILBOXES.c.validity, _MAILBOXES.c.first, _MAILBOXES.c.since).where(_MAILBOXES.c.line == line)
        row = await look(self._register, lambda connection: connection.execute(query).one_or_none())
        return None if row is None else Progress(*row)

    async def keep(self, line: LineId, progress: Progress) -> None:
        """Store it."""
        values = {"validity": progress.validity, "first": progress.first, "since": progress.since}

        def put(connection: Connection) -> None:
            entered = insert_for(connection, _MAILBOXES).values(values | {"line": line})
            connection.execute(entered.on_conflict_do_update(index_elements=["line"], set_=values))

        await write(self._register, put)
