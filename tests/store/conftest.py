"""A real register in a file of its own, and a writer at work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from callcenter.config import VAR_OVERRIDE
from callcenter.store import MemoryStore, Register, Store, Writer
from callcenter.store.spool import Spool
from tests.databases import Where
from tests.store.stories import wall


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the register of a story of SQLite lies."""
    return tmp_path / "register.sqlite"


@pytest.fixture
async def register(where: Where) -> AsyncIterator[Register]:
    """An open, empty register that does not wait long for locks, in each kind of database."""
    opened = await Register.open(where, busy_timeout=0.05)
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
async def store(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    opened: Store = MemoryStore()
    if request.param != "memory":
        opened = await Register.open(path if request.param == "sqlite" else request.getfixturevalue("postgresql_url"))
    yield opened
    await opened.close()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """An empty spool."""
    opened = Spool(tmp_path / "spool")
    yield opened
    opened.close()


@pytest.fixture
async def writer(register: Register, spool: Spool) -> AsyncIterator[Writer]:
    """A writer at work."""
    started = Writer(register, wall, spool)
    started.start()
    yield started
    await started.stop(timeout=10)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration as it is shipped, with everything made at run time in a folder of its own."""
    monkeypatch.setenv(VAR_OVERRIDE, str(tmp_path / "var"))
    return Path(__file__).parents[2] / "config.yaml"
