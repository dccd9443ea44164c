"""What was published, in the register."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, text, update

from callcenter.config import Config
from callcenter.config.dated import ALWAYS, Version
from callcenter.core.errors import ReadableError
from callcenter.core.ids import LineId
from callcenter.dated.plan import Held, Plan, Published, plan
from callcenter.store import Register
from callcenter.store.rows import clean
from callcenter.store.settings_tables import SettingChange
from callcenter.store.tables import table_of

_TABLE = table_of(SettingChange)
START = "start"
"""Who publishes what needs no notice: a start of the controller."""
LONGEST_REASON = 1000


class TooSoonError(ReadableError):
    """Nothing was published: customers have to be told before. The text has a line for each setting."""

    def __init__(self, held: Sequence[Held]) -> None:
        super().__init__("\n".join(map(str, held)))


class SettingTable:
    """The published settings. Its methods raise `RegisterError` when the database fails, and ConfigError."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def published(self) -> list[Published]:
        """Return what holds or will hold, and what held before; in order."""
        async with self._register.session() as session:
            return await (await session.connection()).run_sync(_read)

    async def plans(self, config: Config, now: datetime) -> list[Plan]:
        """Return what would be published now, by line, and what comes too soon. Changes nothing."""
        rows = await self.published()
        return [plan(config, line, _of(rows, line), now) for line in config.lines]

    async def publish(self, config: Config, now: datetime, by: str, why: str = "") -> list[Plan]:
        """Publish what the file says. `why`: the reason for which no notice is kept. Returns what was done, by line.

        Raises `TooSoonError`; then nothing has changed.
        """

        def do(connection: Connection) -> list[Plan]:
            _settle(connection, config, now)
            rows = _read(connection)
            found = [plan(config, line, _of(rows, line), now, without_notice=bool(why)) for line in config.lines]
            held = [one for each in found for one in each.held]
            if held and not why:
                raise TooSoonError(held)
            for each in found:
                _write(connection, each, now, by, why)
            return found

        return await self._register.read(do)

    async def settle(self, config: Config, now: datetime) -> list[Plan]:
        """Publish what nobody has to be told, at a start; return what waits for `callcenter settings publish`."""
        return await self._register.read(lambda connection: _settle(connection, config, now))


def _settle(connection: Connection, config: Config, now: datetime) -> list[Plan]:
    _lock(connection)
    waiting = []
    rows = _read(connection)
    for line, settings in config.lines.items():
        found = plan(config, line, _of(rows, line), now)
        if not _of(rows, line):
            _write(connection, found, now, START, "")
            found = plan(config, line, _of(_read(connection), line), now)
        if found.held or (found.told and settings.notice_days):
            waiting.append(found)
        else:
            _write(connection, found, now, START, "")
    return waiting


def _lock(connection: Connection) -> None:
    """Let nobody else publish until this transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.execute(delete(_TABLE).where(_TABLE.c.id < 0))  # takes the lock for writing, and removes nothing
    else:
        connection.execute(text("LOCK TABLE setting_changes IN SHARE ROW EXCLUSIVE MODE"))


def _of(rows: Sequence[Published], line: LineId) -> list[Published]:
    return [row for row in rows if row.line == line]


def _read(connection: Connection) -> list[Published]:
    query = select(_TABLE).where(_TABLE.c.withdrawn_at.is_(None)).order_by(_TABLE.c.first, _TABLE.c.id)
    return [
        Published(
            row.id, LineId(row.line), row.first, row.content, row.published_at, row.published_by, row.without_notice
        )
        for row in connection.execute(query)
    ]


def _write(connection: Connection, found: Plan, now: datetime, by: str, why: str) -> None:
    if found.withdrawn:
        connection.execute(update(_TABLE).where(_TABLE.c.id.in_(found.withdrawn)).values(withdrawn_at=now))
    for row, content in found.replaced.items():
        connection.execute(update(_TABLE).where(_TABLE.c.id == row).values(content=dict(content)))
    soon = {one.day for one in found.held}
    for one in found.new:
        reason = why if one.first in soon or _begun(one, found) else ""
        connection.execute(
            insert(_TABLE).values(
                line=found.line,
                first=one.first,
                content=dict(one.content),
                published_at=now,
                published_by=clean(by, 64),
                without_notice=clean(reason, LONGEST_REASON),
            )
        )


def _begun(one: Version, found: Plan) -> bool:
    """Return whether it holds at once, though it should have been told before."""
    return one.first != ALWAYS and any(one.first <= held.day for held in found.held)
