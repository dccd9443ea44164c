"""Backup of everything that cannot be recreated, made while the line runs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from callcenter.accounts.secrets import INITIAL_FILE, SECRETS_FILE
from callcenter.accounts.tokens import TOKENS_FILE
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.recordings.manifest import HEAD_NAME
from callcenter.store.audit_chain import Head, hash_after
from callcenter.store.rows import clean

_WITH_ACCESSES, _WITH_AUDIT = "0006", "0011"
"""The register's revisions since which it has a list of accesses, and in its place the audit log."""


WAIT = 10.0
"""Seconds that another process may lock the register for."""


class BackupError(ReadableError):
    """There is no complete backup; the text says why."""


def backup_to(folder: Path, config: Config, config_path: Path, who: str, at: datetime) -> Iterator[Path]:
    """Copy into a new folder with the same layout as the installation; yield each copied file. Raises BackupError.

    First the register notes that `who` takes a copy; if it cannot, nothing is copied.

    SQLite itself copies the register: a plain file copy made during writes would be inconsistent. Recordings are not
    copied: any file copy program can do that, because finished recordings never change.
    """
    try:
        folder.mkdir(parents=True, mode=0o700)
        (folder / "var").mkdir(mode=0o700)
    except FileExistsError:
        raise BackupError(f"{folder} exists already; name a new folder, with the date for one") from None
    except OSError as error:
        raise BackupError(f"{folder}: {error.strerror}") from None
    try:
        _note(config.database, at, who, str(folder))  # first: nobody takes a copy unseen
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
        yield _register(config.database, folder / "var" / config.database.name)
    except (OSError, sqlite3.Error) as error:
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
