"""Which message in Telegram is which of ours: a message of ours may be several there, and customers reply to one."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from sqlalchemy import select

from callcenter.core.ids import LineId
from callcenter.request_register.deadline import look, write
from callcenter.store import Register
from callcenter.store.database import insert_for
from callcenter.store.request_tables import StoredTelegramPart
from callcenter.store.tables import table_of

_PARTS = table_of(StoredTelegramPart)


class SentTable:
    """The parts of what the lines' bots have sent. Methods raise `RegisterError`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def parts(self, key: str) -> AbstractSet[int]:
        """Return which parts of a message of ours were sent already."""
        query = select(_PARTS.c.part).where(_PARTS.c.key == key)
        return await look(self._register, lambda connection: set(connection.scalars(query)))

    async def keep(self, line: LineId, chat: str, message: int, key: str, part: int) -> None:
        """Store that a part was sent, and under which id."""
        row = {"line": line, "chat": chat, "message": message, "key": key, "part": part}
        await write(
            self._register,
            lambda connection: (
                connection.execute(insert_for(connection, _PARTS).values(row).on_conflict_do_nothing()).rowcount
            ),
        )

    async def key_of(self, line: LineId, chat: str, message: int) -> str | None:
        """Return of which message of ours this is a part; None: of none."""
        query = select(_PARTS.c.key).where(_PARTS.c.line == line, _PARTS.c.chat == chat, _PARTS.c.message == message)
        return await look(self._register, lambda connection: connection.scalar(query.limit(1)))
