"""The register's database: open, check, upgrade and close it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    inspect,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from callcenter.store import migrations, postgresql, sqlite_file
from callcenter.store.errors import OutdatedError, RegisterError

T = TypeVar("T")

_INSERT: dict[str, Callable[[Table], sqlite.Insert | postgresql_dialect.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql_dialect.insert,
}
"""Makes an INSERT … ON CONFLICT. Both databases have the same syntax, but SQLAlchemy has one class for each."""


READERS = 4
"""Threads that read for the program itself; people's reports have connections of their own."""
LINGER = 0.9
"""Seconds that facts wait for others before they are written into a file."""


class Database:
    """An open database with the register's tables. Open it with `Database.open`, close it with `close`."""

    def __init__(self, engine: AsyncEngine, name: str, writing: Threads, reading: Threads, file: str = "") -> None:
        self.engine = engine
        self.name = name
        """The database's name for messages: a path, or a URL without its password."""
        self._writing = writing
        self._reading = reading
        self._file = file
        """SQLite's file; '': another database."""
        self.linger = LINGER if file else postgresql.LINGER
        self._sessions: async_sessionmaker[AsyncSession] = async_sessionmaker(engine, expire_on_commit=False)

    @classmethod
    async def open(
        cls,
        where: str | Path,
        *,
        create: bool = True,
        busy_timeout: float = 1.0,
        password: str = "",
        moving: bool = False,
        as_it_is: bool = False,
    ) -> Self:
        """Open the register at a path or database URL, and upgrade its tables.

        With `create` False (for readers) a register that does not exist or is not up to date is an error.
        `busy_timeout`: seconds that a lock of another process is waited for. `password`: for the database server;
        '': none is needed. `moving`: a database into which a register is being moved is not refused. `as_it_is`: nor is
        one of an earlier version, for whoever uses only what that has.
        Raises `RegisterError`; a file that is not a register is not changed.
        """
        url = _url(where)
        file = (url.database or ".") if _is_sqlite(url) else ""
        name = file or postgresql.shown(url)
        if file:
            sqlite_file.check_file(Path(file), create)
        else:
            url = postgresql.engine_url(url, password)
        engine = _async_engine(url, busy_timeout)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(_bring_up_to_date, name, create, moving, as_it_is)
            if file and create:
                await asyncio.to_thread(sqlite_file.use_wal, file, busy_timeout)
        except BaseException as problem:
            await engine.dispose()
            if isinstance(problem, (SQLAlchemyError, sqlite3.Error, OSError)):
                raise RegisterError(_explain(problem, name)) from problem
            raise
        writing = Threads(_threads_engine(url, busy_timeout, writing=True), 1, "register")
        reading = Threads(_threads_engine(url, busy_timeout, writing=False), READERS, "register reader")
        return cls(engine, name, writing, reading, file)

    async def close(self) -> None:
        """Close all connections. The register cannot be used afterwards."""
        await self._writing.close()
        await self._reading.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open one transaction, for reading or writing. Raises `RegisterError` when the database fails."""
        with self._explained():
            async with self._sessions.begin() as session:
                yield session

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as problem:
            raise RegisterError(_explain(problem, self.name)) from problem

    async def in_one_go(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, all or nothing, without blocking the event loop.

        Use it for frequent work: it is much cheaper than a `session`, which switches to another thread or task and
        back for each cursor, statement and result. All of it runs in one thread, one after the other. Raises what
        SQLAlchemy raises.
        """
        return await self._writing.run(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Like `in_one_go`, but raises `RegisterError` when the database fails.

        Of two processes that hold what the other one waits for, PostgreSQL undoes one: `work` is done once more then.
        """
        with self._explained():
            try:
                return await self.in_one_go(work)
            except DBAPIError as problem:
                if not postgresql.in_each_others_way(problem.orig):
                    raise
            return await self.in_one_go(work)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """Run a reading in a thread and a connection that write nothing: no facts wait for it, nor it for them.

        As cheap as `in_one_go`. Raises `RegisterError` when the database fails.
        """
        with self._explained():
            return await self._reading.run(work)

    async def write_anew(self) -> str:
        """Write the whole SQLite file anew (VACUUM), in the thread that writes facts: they wait meanwhile.

        When SQLite moves rows to another page, it leaves copies of them in the first one, even with secure_delete.
        Returns why that is not possible now, '' if it was done. It is not tried on a disk that it could fill up.
        PostgreSQL does it by itself (autovacuum). Raises `RegisterError`.
        """
        if not self._file:
            return ""
        with self._explained():
            return await self._writing.alone(sqlite_file.vacuum, self._file)

    async def empty_log(self) -> bool:
        """Empty SQLite's write-ahead log: what was overwritten in the file is still there until the log is reused.

        Returns False if somebody is reading just now. Raises `RegisterError`.
        """
        if not self._file:
            return True
        with self._explained():
            return await asyncio.to_thread(sqlite_file.empty_wal, self._file)

    def insert(self, table: Table) -> sqlite.Insert | postgresql_dialect.Insert:
        """Make an INSERT that supports ON CONFLICT, for this register's database."""
        return _INSERT[self.engine.dialect.name](table)


class Threads:
    """Threads that run whole transactions, each with a connection of its own; one thread: one after the other."""

    def __init__(self, engine: Engine, number: int, name: str) -> None:
        self._engine = engine
        self._executor = ThreadPoolExecutor(number, name)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run one transaction. Once begun it is finished, even if the caller of `run` is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._transaction, work)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    async def alone(self, work: Callable[[str], T], path: str) -> T:
        """Run `work` on the file between two transactions."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, path)

    async def close(self) -> None:
        """Close the connections that nobody uses, as soon as a thread has time."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._engine.dispose)
        self._executor.shutdown(wait=False)


def insert_for(connection: Connection, table: Table) -> sqlite.Insert | postgresql_dialect.Insert:
    """Make an INSERT that supports ON CONFLICT, for the database of this connection."""
    return _INSERT[connection.dialect.name](table)


def _async_engine(url: URL, busy_timeout: float) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True, **_options(url, busy_timeout, writing=False))
    if _is_sqlite(url):
        sqlite_file.tune(engine.sync_engine, busy_timeout)
    return engine


def _threads_engine(url: URL, busy_timeout: float, *, writing: bool) -> Engine:
    """Make the engine of threads, each of which has one connection."""
    room: dict[str, Any] = {"pool_size": 1 if writing else READERS, "max_overflow": 0}
    if not _is_sqlite(url):
        return create_engine(url, hide_parameters=True, **room, **_options(url, busy_timeout, writing=writing))
    engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True, **room)
    sqlite_file.tune(engine, busy_timeout)
    if writing:
        sqlite_file.keep_journals_in_memory(engine)
    return engine


def _options(url: URL, busy_timeout: float, *, writing: bool) -> dict[str, Any]:
    """Return the options of an engine. After a restart of the server its old connections are not offered to anybody."""
    if _is_sqlite(url):
        return {}
    return {
        "connect_args": postgresql.connect_args(busy_timeout, writing=writing),
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,
    }


def _url(where: str | Path) -> URL:
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite+aiosqlite", database=str(where))
    try:
        url = make_url(where)
        if url.drivername == "sqlite":
            return url.set(drivername="sqlite+aiosqlite")
        if url.get_backend_name() not in _INSERT:
            raise RegisterError(
                f"the register can't be kept in '{url.get_backend_name()}'; allowed: {', '.join(_INSERT)}"
            )
    except (ArgumentError, ValueError) as problem:
        raise RegisterError("the register's address is not a path or a database URL") from problem
    return url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _bring_up_to_date(connection: Connection, name: str, create: bool, moving: bool, as_it_is: bool) -> None:
    tables: list[str] = []
    if connection.dialect.name == "postgresql":
        postgresql.check_server(connection, name)
        tables = inspect(connection).get_table_names()
        if postgresql.MOVE in tables and not moving:
            raise RegisterError(
                f"a move into {name} was begun and not finished; finish it with `callcenter database move`, "
                "or make the database anew"
            )
    present = migrations.revision_of(connection)
    if present is None and (tables or inspect(connection).get_table_names()):
        raise RegisterError(f"{name} is the database of some other program and was left as it is")
    if present is not None and present not in migrations.known():
        raise RegisterError(
            f"{name} was written by a newer version of the controller (revision {present}; "
            f"this version knows revisions up to {migrations.newest()}) and was left as it is; "
            "install that version, or restore a backup"
        )
    if present == migrations.newest() or (as_it_is and present is not None):
        return
    if not create:
        if connection.dialect.name == "postgresql":
            postgresql.check_rights(connection, name)
        raise OutdatedError(f"the register {name} is not up to date; start the controller, which upgrades it")
    if connection.dialect.name == "postgresql":  # two that start at the same time
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": postgresql.UPGRADE_LOCK})
    migrations.upgrade(connection)


def _explain(problem: Exception, name: str) -> str:
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    if isinstance(cause, psycopg.Error):
        return postgresql.explain(cause, name)
    return sqlite_file.explain(cause or problem, name)
