"""What an SQLite register needs beyond SQL: its file, the set-up of connections, and room in its log."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from callcenter.store.errors import RegisterError

MEGABYTE = 2**20
_LEFT_FREE = 64 * MEGABYTE
"""Bytes that stay free for the facts of present calls when the file is written anew."""
_EMPTY_WITHIN = 0.5
"""Seconds that emptying the log may wait for readers; writers wait meanwhile."""


def check_file(path: Path, create: bool) -> None:
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


def tune(engine: Engine, busy_timeout: float) -> None:
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


def keep_journals_in_memory(engine: Engine) -> None:
    """Keep SQLite's temporary journals in memory.

    A statement on a table with triggers has a journal of its own; one that may become a file costs three times as much.
    Not for connections that upgrade the tables: sorting an index of millions of rows needs files.
    """

    def on_connect(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA temp_store = MEMORY").close()

    event.listen(engine, "connect", on_connect)


def use_wal(path: str, busy_timeout: float) -> None:
    """Set WAL mode, so that readers and the writer never wait for each other.

    The mode is stored in the file, so it is set only after the file has proved to be a register.
    """
    with closing(sqlite3.connect(path, timeout=busy_timeout)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def vacuum(path: str) -> str:
    """Write the file anew. Returns why that is not possible, '' if it was done."""
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


def empty_wal(path: str) -> bool:
    """Empty the write-ahead log. Returns False if somebody reads just now."""
    with closing(sqlite3.connect(path, timeout=_EMPTY_WITHIN)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def explain(cause: BaseException, name: str) -> str:
    """Say for people what is wrong with an SQLite register."""
    if isinstance(cause, sqlite3.OperationalError) and "locked" in str(cause):
        return f"the register {name} is locked by another process; try again, or stop that one"
    if isinstance(cause, sqlite3.OperationalError):
        return f"the register {name} can't be opened: {cause}"
    if isinstance(cause, sqlite3.DatabaseError):
        return f"the register {name} can't be used ({cause}); restore a backup"
    return f"the register {name} can't be used: {cause}"
