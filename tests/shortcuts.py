"""What every test would pay for again, and few are about: migrations for a new register, slow password hashes, and the
search for Asterisk's program.

Tests of the migrations ask for `real_migrations`. Other processes that a test starts take no shortcuts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path

import argon2
import pytest
from sqlalchemy import create_engine

from callcenter.accounts import secrets
from callcenter.asterisk import process
from callcenter.store import database, migrations

PROJECT = Path(__file__).resolve().parents[1]
SHIPPED_HASHER = secrets._HASHER
_QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class _NewRegisters:
    """Looks at a register's file as `Database.open` does; a new one is what the migrations made of the first one."""

    def __init__(self, really: Callable[[Path, bool], None], folder: Path) -> None:
        self.really = really
        self._folder = folder

    def __call__(self, path: Path, create: bool) -> None:
        is_new = not path.exists()
        self.really(path, create)
        if is_new:
            path.write_bytes(self._migrated)

    @cached_property
    def _migrated(self) -> bytes:
        path = self._folder / "register.sqlite"
        engine = create_engine(f"sqlite:///{path}")
        database._tune_sqlite(engine, busy_timeout=1.0)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        engine.dispose()
        return path.read_bytes()


@pytest.fixture(scope="session", autouse=True)
def shortcuts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_HASHER", _QUICK)
        patch.setattr(database, "_check_file", _NewRegisters(database._check_file, tmp_path_factory.mktemp("migrated")))
        patch.setattr(process, "find", _once(process.find))
        yield


def _once(find: Callable[[Path], process.Program]) -> Callable[[Path], process.Program]:
    """`tools/parts.py`, a program of its own, is asked once where our Asterisk is."""
    ours = cache(find)
    return lambda project: ours(project) if project == PROJECT else find(project)


@pytest.fixture
def real_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new register goes through all of them."""
    shortcut = database._check_file
    assert isinstance(shortcut, _NewRegisters)
    monkeypatch.setattr(database, "_check_file", shortcut.really)
