"""Moves a register from SQLite into an empty database on PostgreSQL, and proves that every row arrived as it was.

Rows are copied in the order of their numbers, some thousands in a transaction. A move that was broken off goes on after
the last of them; until it is done, the table `database_move` keeps any controller from starting on half a register.
Then both registers are read once more, and compared row for row. Sums of past days are not copied, but made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Row, Table, and_, delete, func, or_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.app.register import open_register
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.knowledge.search import Entry
from callcenter.knowledge.search import index_for as article_index
from callcenter.reports.audit import Audit
from callcenter.request_register.search import PostgresqlIndex, Words
from callcenter.store import Register
from callcenter.store.note_tables import RegisteringBegan
from callcenter.store.postgresql import MOVE
from callcenter.store.spool import Spool
from callcenter.store.tables import Base, DaySum, table_of
from callcenter.store.webhook_tables import Subscription

BATCH = 2000
"""Rows in one transaction."""
_WAIT = 10.0
"""Seconds for which another program may hold the register."""
_MADE_ANEW = {DaySum.__tablename__, Subscription.__tablename__}
"""Sums of days; and who is told by webhooks, which the controller enters at its start: with nobody in it, nothing is
told of rows that are copied."""
_TABLES = [table for table in Base.metadata.sorted_tables if table.name not in _MADE_ANEW]
_BEGAN = table_of(RegisteringBegan)


class MoveError(ReadableError):
    """The register is not moved; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A table of which both registers have the same rows."""

    table: str
    rows: int
    sha256: str
    """Of all its rows in their order."""


async def move_register(
    config: Config, target: str, who: str, now: datetime, told: Callable[[str], None]
) -> list[Moved]:
    """Copy the configured register to `target`, and compare. `told` gets a word on each table while it is copied.

    Raises `MoveError` or `RegisterError`; then the move can be begun again, and goes on where it stopped.
    """
    if not isinstance(config.database, Path):
        raise MoveError(f"`database` in the configuration is {config.database}; only a file of SQLite can be moved")
    spool = Spool(config.var / "spool")  # no controller runs, and none starts meanwhile
    try:
        source = await open_register(config, create=False, busy_timeout=_WAIT)
        try:
            await Audit(source).enter(now, who, "database move", target)
            new = await open_register(config, target, busy_timeout=_WAIT, moving=True)
            try:
                return await copy_register(source, new, str(config.database.absolute()), told)
            finally:
                await new.close()
        finally:
            await source.close()
    finally:
        spool.close()


async def copy_register(source: Register, target: Register, origin: str, told: Callable[[str], None]) -> list[Moved]:
    """Copy one open register into another; `origin` names the first one. See `move_register`."""
    if target.engine.dialect.name != "postgresql":
        raise MoveError(f"{target.name} is not on PostgreSQL; such as postgresql://callcenter@db.example/callcenter")
    await target.read(partial(_begin, origin=origin, name=target.name))
    async with _unchanging(source) as old:
        for table in _TABLES:
            copied = await _copy(old, target, table)
            told(f"{table.name}: {copied} rows copied")
        await _copy_indexes(old, target)
        moved = [await _compared(old, target, table) for table in _TABLES]
    await target.read(_finish)
    return moved


def _begin(connection: Connection, *, origin: str, name: str) -> None:
    begun = connection.scalar(text("SELECT to_regclass(:name)"), {"name": MOVE})
    if begun is not None:
        other = connection.scalar(text(f"SELECT origin FROM {MOVE}"))  # noqa: S608 - a name of ours
        if other != origin:
            raise MoveError(f"a move of {other} into {name} was begun and not finished; make that database anew")
        return
    for table in _TABLES:
        if table is not _BEGAN and connection.execute(select(table).limit(1)).first() is not None:
            raise MoveError(f"{name} is not empty: its table {table.name} has rows; name an empty database")
    connection.execute(delete(_BEGAN))  # what the migrations have entered in a new register
    connection.execute(text(f"CREATE TABLE {MOVE} (origin text NOT NULL)"))
    connection.execute(text(f"INSERT INTO {MOVE} VALUES (:origin)"), {"origin": origin})  # noqa: S608


@asynccontextmanager
async def _unchanging(source: Register) -> AsyncIterator[AsyncConnection]:
    """Hold SQLite's lock for writing: nobody changes the register while it is copied."""
    async with source.session() as session:
        connection = await session.connection()
        await connection.execute(delete(_BEGAN).where(_BEGAN.c.id < 0))  # takes the lock, and removes nothing
        yield connection


# -- copying ---------------------------------------------------------------------------------------------------


async def _copy(old: AsyncConnection, target: Register, table: Table) -> int:
    done = await target.read(lambda connection: _last(connection, table))
    copied = 0
    while page := await _page(old, table, done):
        try:
            await target.in_one_go(partial(_put, table, page))
        except (psycopg.Error, DBAPIError) as problem:
            raise MoveError(await _refused(target, table, page, problem)) from None
        done = _key(table, page[-1])
        copied += len(page)
    return copied


def _key(table: Table, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row._mapping[column] for column in table.primary_key)


def _after(table: Table, key: tuple[Any, ...] | None) -> Any:
    """Make the condition that a row comes after this key, whatever the number of its columns."""
    if key is None:
        return text("1 = 1")
    columns = list(table.primary_key)
    return or_(
        *(
            and_(*(c == k for c, k in zip(columns[:place], key[:place], strict=True)), columns[place] > key[place])
            for place in range(len(columns))
        )
    )


def _last(connection: Connection, table: Table) -> tuple[Any, ...] | None:
    columns = list(table.primary_key)
    found = connection.execute(select(*columns).order_by(*(column.desc() for column in columns)).limit(1)).first()
    return tuple(found) if found else None


async def _page(old: AsyncConnection, table: Table, done: tuple[Any, ...] | None) -> Sequence[Row[Any]]:
    query = select(table).where(_after(table, done)).order_by(*table.primary_key).limit(BATCH)
    return (await old.execute(query)).all()


def _put(table: Table, rows: Sequence[Row[Any]], connection: Connection) -> None:
    names = [column.name for column in table.columns]
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    with driver.cursor() as cursor, cursor.copy(copy) as out:
        for row in rows:
            out.write_row([json.dumps(value) if isinstance(value, list) else value for value in row])


async def _refused(target: Register, table: Table, page: Sequence[Row[Any]], problem: Exception) -> str:
    """Find the first row that is to blame, and say why without its values: they are personal data."""
    for row in page:
        try:
            await target.in_one_go(partial(_put, table, [row]))
        except (psycopg.Error, DBAPIError) as found:
            said = found.orig if isinstance(found, DBAPIError) else found
            why = said.diag.message_primary if isinstance(said, psycopg.Error) else None
            return f"row {_key(table, row)} of {table.name} can't be copied: {why or type(said).__name__}"
    return f"rows of {table.name} can't be copied: {type(problem).__name__}"


_ARTICLES = text("SELECT rowid, title, body, plain FROM article_index WHERE rowid > :done ORDER BY rowid LIMIT :most")
_REQUESTS = text(
    "SELECT rowid, subject, essentials, who, more FROM request_index WHERE rowid > :done ORDER BY rowid LIMIT :most"
)


async def _copy_indexes(old: AsyncConnection, target: Register) -> None:
    """Copy what articles and requests are searched by; what an earlier try has entered is entered anew."""
    done = 0
    while page := (await old.execute(_ARTICLES, {"done": done, "most": BATCH})).all():
        await target.read(partial(_put_articles, page))
        done = page[-1][0]
    done = await target.read(lambda connection: connection.scalar(text("SELECT max(request) FROM request_index")) or 0)
    find = (
        "SELECT rowid, subject, essentials, who, more FROM request_index WHERE rowid > :done ORDER BY rowid LIMIT :most"
    )
    while page := (await old.execute(text(find), {"done": done, "most": BATCH})).all():
        await target.read(partial(_put_requests, page))
        done = page[-1][0]


def _put_articles(page: Sequence[Row[Any]], connection: Connection) -> None:
    for row in page:
        article_index("postgresql").put(connection, row.rowid, Entry(row.title, row.body, row.plain))


def _put_requests(page: Sequence[Row[Any]], connection: Connection) -> None:
    words = ((row.rowid, Words(row.subject, row.essentials, row.who, row.more)) for row in page)
    PostgresqlIndex().fill(connection, words)


# -- comparing -------------------------------------------------------------------------------------------------


async def _compared(old: AsyncConnection, target: Register, table: Table) -> Moved:
    """Read the table from both registers. Raises `MoveError` at the first row that is not the same."""
    digest, rows, done = hashlib.sha256(), 0, None
    while True:
        theirs = await _page(old, table, done)
        query = select(table).where(_after(table, done)).order_by(*table.primary_key).limit(BATCH)
        ours = await target.read(lambda connection, query=query: connection.execute(query).all())  # type: ignore[misc]
        for number in range(max(len(theirs), len(ours))):
            before, after = (_hash(page[number]) if number < len(page) else b"" for page in (theirs, ours))
            if before != after:
                row = (theirs if number < len(theirs) else ours)[number]
                raise MoveError(
                    f"row {_key(table, row)} of {table.name} is not the same in {target.name}: a register was changed "
                    "since the move was begun; make that database anew, and move again"
                )
            digest.update(before)
        if not theirs:
            return Moved(table.name, rows, digest.hexdigest())
        rows += len(theirs)
        done = _key(table, theirs[-1])


def _hash(row: Row[Any]) -> bytes:
    values = [value.isoformat() if isinstance(value, datetime) else value for value in row]
    return hashlib.sha256(json.dumps(values).encode()).digest()


def _finish(connection: Connection) -> None:
    """Let new rows be numbered after the copied ones, and let a controller start."""
    for table in _TABLES:
        if (column := table.autoincrement_column) is not None:
            last = connection.scalar(select(func.max(column)))
            name = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
            if last is not None:
                connection.execute(name, {"table": table.name, "column": column.name, "last": last})
    connection.execute(text(f"DROP TABLE {MOVE}"))
    connection.execute(text("ANALYZE"))
