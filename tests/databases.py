"""The databases that stories of the register take place in: a file of SQLite, or a database on a real PostgreSQL.

One server serves all processes of a run: whoever needs it first starts it, with one database that has all tables and
is copied for each story. It ends with the run. What a crash would lose does not matter here, so nothing is synced.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.pool import NullPool

from callcenter.store import migrations
from tools import parts

NOBODY = 65534
USER = "callcenter"
READY_WITHIN = 30.0
_TEMPLATE = "migrated"
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "listen_addresses": "",
    "timezone": "Asia/Yekaterinburg",  # whoever forgets to say which, finds out
}
_KEPT_BY = """
"$@" & server=$!
while [ -d "/proc/$run" ]; do
    sleep 0.3
    kill -0 $server 2>/dev/null || exit 1
done
kill -QUIT $server
wait $server
rm -rf "$folder"
"""
"""Runs the server for as long as the process `run` lives; ends before that if the server does."""

_numbers = count()
_started: list[subprocess.Popen[bytes]] = []

Where = str | Path
"""A file, or a database's URL."""


class Server:
    """A PostgreSQL server that listens on a socket in its folder and believes everybody."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def run(self, run: int, **settings: str) -> None:
        """Run it for as long as the process `run` lives, and wait until it takes connections."""
        chosen = {**_SETTINGS, "unix_socket_directories": str(self.folder)} | settings
        words: list[str | Path] = [
            programs() / "postgres",
            "-D",
            self.folder / "data",
            *(f"--{name}={it}" for name, it in chosen.items()),
        ]
        end = time.monotonic() + READY_WITHIN
        while time.monotonic() < end:
            with (self.folder / "log").open("ab") as output:
                process = subprocess.Popen(
                    ["sh", "-c", _KEPT_BY, "sh", *as_nobody(self.folder), *words],
                    env=os.environ | {"run": str(run), "folder": str(self.folder)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            while process.poll() is None and time.monotonic() < end:
                try:
                    self.connect().close()
                except psycopg.OperationalError:
                    time.sleep(0.02)
                else:
                    _started.append(process)
                    return
        pytest.fail(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")

    def kill(self) -> None:
        """End it as a power cut does."""
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Open a connection in which each statement is a transaction."""
        return psycopg.connect(self.url(database), autocommit=True)

    def copy(self, template: str = _TEMPLATE) -> str:
        """Make a database with all tables, empty. Returns its name."""
        name = f"story_{os.getpid()}_{next(_numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever still uses it."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    home = parts.known(parts.POSTGRESQL)
    if home is None:
        pytest.fail("PostgreSQL is not here yet, and these stories need it: run python3 tools/parts.py postgresql")
    return Path(str(home["folder"]))


def as_nobody(folder: Path) -> Sequence[str]:
    """Return the words before a command that root may not run itself. Nobody has `folder`, and reads what root can."""
    if os.getuid() != 0:
        return ()
    os.chown(folder, NOBODY, NOBODY)
    who = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return ("setpriv", *who, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def start(run: int, **settings: str) -> Server:
    """Start a server that lives as long as the process `run`, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="callcenter-pg-", dir="/tmp"))
    words = ("--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    command: list[str | Path] = [*as_nobody(folder), programs() / "initdb", "--pgdata", folder / "data", *words]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode != 0:
        pytest.fail(f"PostgreSQL's initdb failed: {made.stderr}")
    server = Server(folder)
    server.run(run, **settings)
    return server


def _with_template(run: int) -> Server:
    server = start(run)
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {_TEMPLATE}".encode())
    engine = create_engine(_driven(server.url(_TEMPLATE)), poolclass=NullPool)
    with engine.begin() as connection:
        migrations.upgrade(connection)
    return server


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The server of this run."""
    several = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp().parent if several else tmp_path_factory.getbasetemp()
    known = shared / "postgresql.json"
    with _alone(shared / "postgresql.lock"):
        if not known.exists():
            server = _with_template(os.getppid() if several else os.getpid())
            known.write_text(json.dumps(str(server.folder)))
        return Server(Path(json.loads(known.read_text())))


@pytest.fixture
def postgresql_url(postgresql: Server) -> Iterator[str]:
    """A register on PostgreSQL with all tables, empty."""
    name = postgresql.copy()
    yield postgresql.url(name)
    postgresql.drop(name)


SYNCED = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_connections": "20"}


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that this story may kill. What it has committed, it has synced."""
    server = start(os.getpid(), **SYNCED)
    yield server
    server.kill()
    shutil.rmtree(server.folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    """Where the register of this story is, in each kind of database."""
    if request.param == "sqlite":
        return tmp_path / "register.sqlite"
    url: str = request.getfixturevalue("postgresql_url")
    return url


def rows_of(where: Where, query: str) -> list[dict[str, Any]]:
    """What another program finds, by column, as SQLite writes it."""
    engine = create_engine(_driven(where), poolclass=NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query.replace("%", "%%")).mappings()
        return [{name: _plain(value) for name, value in row.items()} for row in found]


def stored(where: Where, statement: str) -> list[tuple[Any, ...]]:
    """What another program finds in the register, or changes in it, as SQLite writes moments, lists and truth."""
    engine = create_engine(_driven(where), poolclass=NullPool)
    with engine.begin() as connection:
        if not isinstance(where, Path):
            connection.exec_driver_sql("SET TIME ZONE 'UTC'")
        found = connection.exec_driver_sql(statement)
        return [tuple(map(_plain, row)) for row in found] if found.returns_rows else []


def _driven(where: Where) -> str | URL:
    return f"sqlite:///{where}" if isinstance(where, Path) else make_url(where).set(drivername="postgresql+psycopg")


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        case bool():
            return int(value)
        case list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return value


@contextmanager
def held(where: Where, *tables: str) -> Iterator[None]:
    """Somebody else holds the register until the block ends: all of SQLite, or these tables on PostgreSQL."""
    if isinstance(where, Path):
        with closing(sqlite3.connect(where, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    with psycopg.connect(where) as connection:
        connection.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE".encode())
        yield


@contextmanager
def gone(where: Where) -> Iterator[None]:
    """The register is out of reach until the block ends."""
    if isinstance(where, Path):
        away = where.rename(where.with_suffix(".away"))
        where.mkdir()
        yield
        where.rmdir()
        away.rename(where)
        return
    url = make_url(where)
    with psycopg.connect(url.set(database="postgres").render_as_string(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false".encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (url.database,))
        yield
        connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true".encode())


on_sqlite = pytest.mark.parametrize("where", ["sqlite"], indirect=True)
"""Marks a story of a file of SQLite alone."""
on_postgresql = pytest.mark.parametrize("where", ["postgresql"], indirect=True)
