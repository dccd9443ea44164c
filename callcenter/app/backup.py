"""Backup of everything that cannot be recreated, made while the line runs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from callcenter.accounts.secrets import INITIAL_FILE, SECRETS_FILE
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.recordings.manifest import HEAD_NAME


class BackupError(ReadableError):
    """There is no complete backup; the text says why."""


def backup_to(folder: Path, config: Config, config_path: Path) -> Iterator[Path]:
    """Copy into a new folder with the same layout as the installation; yield each copied file. Raises BackupError.

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
    copies = [(config_path, folder / "config.yaml")]
    copies += [(config.var / name, folder / "var" / name) for name in (SECRETS_FILE, INITIAL_FILE, HEAD_NAME)]
    try:
        for source, target in copies:
            if source.exists():
                shutil.copy2(source, target)
                yield target
        yield _register(config.database, folder / "var" / config.database.name)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"the backup in {folder} is not complete: {error}") from error


def _register(database: Path, target: Path) -> Path:
    if not database.exists():
        raise BackupError(f"there is no register at {database} yet")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        damage = copy.execute("pragma quick_check").fetchone()[0]
        # Leave a single file, without a separate write-ahead log.
        copy.execute("pragma journal_mode = delete")
    target.chmod(0o600)
    if damage != "ok":
        raise BackupError(f"the register was copied to {target}, but is damaged: {damage}")
    return target
