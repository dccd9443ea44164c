"""The register's database: open, check, upgrade and close it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    inspect,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from callcenter.store import migrations
from callcenter.store.errors import RegisterError

T = TypeVar("T")

_INSERT: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""Makes an INSERT … ON CONFLICT. Both databases have the same syntax, but SQLAlchemy has one class for each."""

MEGABYTE = 2**20
_LEFT_FREE = 64 * MEGABYTE
"""Bytes that stay free for the facts of present calls when the file is written anew."""
_EMPTY_WITHIN = 0.5
"""Seconds that emptying the log may wait for readers; writers wait meanwhile."""


class Database:
    """An open database with the register's tables. Open it with `Database.open`, close it with `close`."""

    def __init__(self, engine: AsyncEngine, name: str, thread: SqliteThread | None = None) -> None:
        self.engine = engine
        self.name = name
        """The database's name for messages: a path, or a URL without its password."""
        self._thread = thread
        self._sessions: async_sessionmaker[AsyncSession] = async_sessionmaker(engine, expire_on_commit=False)

    @classmethod
    async def open(cls, where: str | Path, *, create: bool = True, busy_timeout: float = 1.0) -> Self:
        """Open the register at a path or database URL, and upgrade its tables.

        With `create` False (for readers) a register that does not exist or is not up to date is an error.
        `busy_timeout`: seconds that SQLite waits for another process's lock.
        Raises `RegisterError`; a file that is not a register is not changed.
        """
        url = _url(where)
        name = (url.database or "") if _is_sqlite(url) else url.render_as_string(hide_password=True)
        if _is_sqlite(url):
            _check_file(Path(name), create)
        engine = create_async_engine(url, hide_parameters=True)
        if _is_sqlite(url):
            _tune_sqlite(engine.sync_engine, busy_timeout)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(_bring_up_to_date, name, create)
            if _is_sqlite(url) and create:
                await asyncio.to_thread(_use_wal, name, busy_timeout)
        except BaseException as problem:
            await engine.dispose()
            if isinstance(problem, (SQLAlchemyError, sqlite3.Error, OSError)):
                raise RegisterError(_explain(problem, name)) from problem
            raise
        return cls(engine, name, SqliteThread(url, busy_timeout) if _is_sqlite(url) else None)

    async def close(self) -> None:
        """Close all connections. The register cannot be used afterwards."""
        if self._thread:
            await self._thread.close()
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

        Use it for frequent work: with SQLite it is much cheaper than a `session`, which switches to another thread and
        back for each cursor, statement and result. `work` runs in a thread. Raises what SQLAlchemy raises.
        """
        if self._thread:
            return await self._thread.run(work)
        async with self.engine.begin() as connection:
            return await connection.run_sync(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Like `in_one_go`, but raises `RegisterError` when the database fails."""
        with self._explained():
            return await self.in_one_go(work)

    async def write_anew(self) -> str:
        """Write the whole SQLite file anew (VACUUM), in the thread that writes facts: they wait meanwhile.

        When SQLite moves rows to another page, it leaves copies of them in the first one, even with secure_delete.
        Returns why that is not possible now, '' if it was done. It is not tried on a disk that it could fill up.
        Raises `RegisterError`.
        """
        if self._thread is None:
            return ""
        with self._explained():
            return await self._thread.alone(_vacuum, self.name)

    async def empty_log(self) -> bool:
        """Empty SQLite's write-ahead log: what was overwritten in the file is still there until the log is reused.

        Returns False if somebody is reading just now. Raises `RegisterError`.
        """
        if self._thread is None:
            return True
        with self._explained():
            return await asyncio.to_thread(_empty_wal, self.name)

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Make an INSERT that supports ON CONFLICT, for this register's database."""
        return _INSERT[self.engine.dialect.name](table)


class SqliteThread:
    """One thread with its own connection to an SQLite file. It runs whole transactions."""

    def __init__(self, url: URL, busy_timeout: float) -> None:
        self._engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True)
        _tune_sqlite(self._engine, busy_timeout)
        event.listen(self._engine, "connect", _in_memory)
        self._executor = ThreadPoolExecutor(1, "register")

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
        """Close the file, after the current transaction."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._engine.dispose)
        self._executor.shutdown(wait=False)


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


def _check_file(path: Path, create: bool) -> None:
    """Refuse a file that is not SQLite before anything changes it. A new file is readable by its owner only."""
    try:
        if path.is_dir():
            raise RegisterError(f"the register {path} is a directory; it has to be a file")
        if not path.exists():
            if not create:
                raise RegisterError(f"there is no register at {path} yet; start the controller first")
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as problem:
        raise RegisterError(f"the register {path} can't be opened: {problem.strerror}") from problem
    if head and head != b"SQLite format 3\0":
        raise RegisterError(
            f"{path} is not a database (it begins with {head!r}) and was left as it is; "
            "move it away, or name another file as the database in the configuration"
        )


def _tune_sqlite(engine: Engine, busy_timeout: float) -> None:
    """Set up every SQLite connection, and let SQLAlchemy decide when a transaction begins."""

    def on_connect(connection: Any, _record: object) -> None:
        # Python's driver begins transactions itself, but not for CREATE TABLE: a failed migration could stay half done.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = NORMAL")
        # Some SQLites leave what is overwritten or deleted in the file until its place is needed: also each earlier
        # state of a row, which nobody could erase later.
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


def _in_memory(connection: Any, _record: object) -> None:
    """Keep SQLite's temporary journals in memory.

    A statement on a table with triggers has a journal of its own; one that may become a file costs three times as much.
    Not for connections that upgrade the tables: sorting an index of millions of rows needs files.
    """
    connection.execute("PRAGMA temp_store = MEMORY").close()


def _use_wal(path: str, busy_timeout: float) -> None:
    """Set WAL mode, so that readers and the writer never wait for each other.

    The mode is stored in the file, so it is set only after the file has proved to be a register.
    """
    with closing(sqlite3.connect(path, timeout=busy_timeout)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _vacuum(path: str) -> str:
    # The new content is written twice: to a temporary file, and from there to the log. The line goes on meanwhile.
    needed = 2 * Path(path).stat().st_size + _LEFT_FREE
    free = shutil.disk_usage(Path(path).parent).free
    if free < needed:
        return f"it needs {needed // MEGABYTE} MB on the disk, and {free // MEGABYTE} MB are free"
    with closing(sqlite3.connect(path, timeout=_EMPTY_WITHIN, isolation_level=None)) as connection:
        try:
            connection.execute("VACUUM")
        except sqlite3.OperationalError as problem:
            return str(problem)
    return ""


def _empty_wal(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=_EMPTY_WITHIN)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _bring_up_to_date(connection: Connection, name: str, create: bool) -> None:
    present = migrations.revision_of(connection)
    if present is None and inspect(connection).get_table_names():
        raise RegisterError(f"{name} is the database of some other program and was left as it is")
    if present is not None and present not in migrations.known():
        raise RegisterError(
            f"{name} was written by a newer version of the controller (revision {present}; "
            f"this version knows revisions up to {migrations.newest()}) and was left as it is; "
            "install that version, or restore a backup"
        )
    if present == migrations.newest():
        return
    if not create:
        raise RegisterError(f"the register {name} is not up to date; start the controller, which upgrades it")
    migrations.upgrade(connection)


def _explain(problem: Exception, name: str) -> str:
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    if isinstance(cause, sqlite3.OperationalError) and "locked" in str(cause):
        return f"the register {name} is locked by another process; try again, or stop that one"
    if isinstance(cause, sqlite3.OperationalError):
        return f"the register {name} can't be opened: {cause}"
    if isinstance(cause, sqlite3.DatabaseError):
        return f"the register {name} can't be used ({cause}); restore a backup"
    return f"the register {name} can't be used: {cause}"
