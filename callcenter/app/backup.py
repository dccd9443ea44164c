"""Backup of everything that cannot be recreated, made while the line runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from callcenter.accounts.secrets import INITIAL_FILE, SECRETS_FILE, SecretsError, database_password
from callcenter.accounts.tokens import TOKENS_FILE
from callcenter.app.register import open_register
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.recordings.manifest import HEAD_NAME
from callcenter.reports.audit import Audit
from callcenter.store import RegisterError
from callcenter.store.audit_chain import Head, hash_after
from callcenter.store.rows import clean

_WITH_ACCESSES, _WITH_AUDIT = "0006", "0011"
"""The register's revisions since which it has a list of accesses, and in its place the audit log."""


WAIT = 10.0
"""Seconds that another process may lock the register for."""


DUMP = "register.dump"
"""The copy of a register on PostgreSQL, for pg_restore."""
_PROGRAMS = "usr/lib/postgresql/*/bin"


class BackupError(ReadableError):
    """There is no complete backup; the text says why."""


def backup_to(folder: Path, config: Config, config_path: Path, who: str, at: datetime) -> Iterator[Path]:
    """Copy into a new folder with the same layout as the installation; yield each copied file. Raises BackupError.

    First the register notes that `who` takes a copy; if it cannot, nothing is copied.

    SQLite itself copies the register, or PostgreSQL's pg_dump: a plain file copy made during writes would be
    inconsistent. Recordings are not copied: any file copy program can do that, as finished recordings never change.
    """
    try:
        folder.mkdir(parents=True, mode=0o700)
        (folder / "var").mkdir(mode=0o700)
    except FileExistsError:
        raise BackupError(f"{folder} exists already; name a new folder, with the date for one") from None
    except OSError as error:
        raise BackupError(f"{folder}: {error.strerror}") from None
    try:
        # First: nobody takes a copy unseen.
        if isinstance(config.database, Path):
            _note(config.database, at, who, str(folder))
        else:
            program = pg_dump()
            asyncio.run(_note_on_server(config, at, who, str(folder)))
    except BackupError:
        for empty in (folder / "var", folder):
            empty.rmdir()
        raise
    copies = [(config_path, folder / "config.yaml")]
    copies += [
        (config.var / name, folder / "var" / name) for name in (SECRETS_FILE, INITIAL_FILE, TOKENS_FILE, HEAD_NAME)
    ]
    try:
        for source, target in copies:
            if source.exists():
                shutil.copy2(source, target)
                yield target
        if isinstance(config.database, Path):
            yield _register(config.database, folder / "var" / config.database.name)
        else:
            yield _dump(program, config.database, database_password(config.var), folder / "var" / DUMP)
    except (OSError, sqlite3.Error, SecretsError) as error:
        raise BackupError(f"the backup in {folder} is not complete: {error}") from error


def _moment(at: datetime) -> str:
    """Return a moment as the register's own columns have it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _note(database: Path, at: datetime, who: str, about: str) -> None:
    """Enter the copy in the register's audit log. Raises BackupError."""
    if not database.exists():
        raise BackupError(f"there is no register at {database} yet")
    try:
        with closing(sqlite3.connect(database, timeout=WAIT)) as register, register:
            _enter(register, at, clean(who, 64), clean(about, 500))
    except sqlite3.Error as error:
        raise BackupError(
            f"nothing was copied, because it cannot be written down in {database} who takes a copy: {error}"
        ) from error


def _enter(register: sqlite3.Connection, at: datetime, who: str, about: str) -> None:
    """Enter it where the register's version has a place for it: one that is not upgraded yet is copied, too."""
    revision = _revision(register)
    if revision >= _WITH_AUDIT:
        register.execute("BEGIN IMMEDIATE")  # nobody adds an entry between the two statements
        last = register.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
        before = Head(*last) if last else Head()
        head = hash_after(before, at, who, "backup", about)
        register.execute(
            "INSERT INTO audit (id, at, who, what, about, previous, hash) VALUES (?, ?, ?, 'backup', ?, ?, ?)",
            (head.number, _moment(at), who, about, before.hash, head.hash),
        )
    elif revision >= _WITH_ACCESSES:
        register.execute(
            "INSERT INTO accesses (at, who, what, about) VALUES (?, ?, 'backup', ?)", (_moment(at), who, about)
        )


def _revision(register: sqlite3.Connection) -> str:
    names = {name for (name,) in register.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" not in names:
        return _WITH_AUDIT
    [(revision,)] = register.execute("SELECT version_num FROM alembic_version")
    return str(revision)


def _register(database: Path, target: Path) -> Path:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        damage = copy.execute("pragma quick_check").fetchone()[0]
        # Leave a single file, without a separate write-ahead log.
        copy.execute("pragma journal_mode = delete")
    target.chmod(0o600)
    if damage != "ok":
        raise BackupError(f"the register was copied to {target}, but is damaged: {damage}")
    return target


def pg_dump() -> str:
    """Return PostgreSQL's own program for copies, the newest that is here. Raises BackupError."""
    beside = sorted(map(str, Path("/").glob(_PROGRAMS)), reverse=True)
    found = shutil.which("pg_dump", path=os.pathsep.join([*beside, os.environ.get("PATH", "")]))
    if found is None:
        raise BackupError(
            "pg_dump is not on this machine (Debian: postgresql-client); it has to be as new as the server, or newer"
        )
    return found


async def _note_on_server(config: Config, at: datetime, who: str, about: str) -> None:
    try:
        # One that is not upgraded yet is copied, too: every version on a server has had this log.
        register = await open_register(config, create=False, busy_timeout=WAIT, as_it_is=True)
        try:
            await Audit(register).enter(at, who, "backup", about)
        finally:
            await register.close()
    except RegisterError as error:
        raise BackupError(f"nothing was copied, because it cannot be written down who takes a copy: {error}") from error


def _dump(program: str, database: str, password: str, target: Path) -> Path:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    words = [program, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}", f"--dbname={database}"]
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no message"]
        raise BackupError(f"the register was not copied to {target}: {said[-1]}")
    return target
