"""What every test would pay for again, and few are about: migrations for a new register, slow password hashes, the
search for Asterisk's program, and the templates of its files; in stories, YAML that is read by a parser in Python.

Tests of the migrations ask for `real_migrations`. Other processes that a test starts take no shortcuts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import argon2
import jinja2
import pytest
import yaml
from sqlalchemy import create_engine

from callcenter.accounts import secrets
from callcenter.asterisk import process
from callcenter.store import migrations, sqlite_file

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
        sqlite_file.tune(engine, busy_timeout=1.0)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        engine.dispose()
        return path.read_bytes()


@pytest.fixture(scope="session", autouse=True)
def shortcuts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_HASHER", _QUICK)
        patch.setattr(
            sqlite_file, "check_file", _NewRegisters(sqlite_file.check_file, tmp_path_factory.mktemp("migrated"))
        )
        patch.setattr(process, "find", _once(process.find))
        patch.setattr(jinja2.Environment, "__init__", _with(_Compiled(), jinja2.Environment.__init__))
        yield


def _once(find: Callable[[Path], process.Program]) -> Callable[[Path], process.Program]:
    """`tools/parts.py`, a program of its own, is asked once where our Asterisk is."""
    ours = cache(find)
    return lambda project: ours(project) if project == PROJECT else find(project)


class _Compiled(jinja2.BytecodeCache):
    """What templates were compiled to: the same text under the same name is the same code, in whatever folder."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bytes] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return name

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if known := self._known.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        self._known[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


def _with(compiled: jinja2.BytecodeCache, really: Callable[..., None]) -> Callable[..., None]:
    """Make those environments that have the gate of Asterisk's files with what was compiled for earlier ones."""

    def init(self: jinja2.Environment, *args: Any, **options: Any) -> None:
        really(self, *args, **options)
        if self.finalize is not None:
            self.bytecode_cache = compiled

    return init


@pytest.fixture(autouse=True)
def quick_yaml(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stories read and write their settings by libyaml: a tenth of the time. Tests of what is wrong in a file do not:
    the words are PyYAML's, and so is the limit of nesting.
    """
    if "e2e" in request.keywords:
        monkeypatch.setattr(yaml, "SafeLoader", yaml.CSafeLoader)
        monkeypatch.setattr(yaml, "BaseLoader", yaml.CBaseLoader)
        monkeypatch.setattr(yaml, "SafeDumper", yaml.CSafeDumper)


@pytest.fixture
def real_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new register goes through all of them."""
    shortcut = sqlite_file.check_file
    assert isinstance(shortcut, _NewRegisters)
    monkeypatch.setattr(sqlite_file, "check_file", shortcut.really)
