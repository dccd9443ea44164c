"""The customers' directory as a table, for the desk: checked as at a terminal, replaced as a whole."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

from callcenter.calendar.clock import WallClock
from callcenter.config import Config
from callcenter.customers.csv_file import COLUMNS, CustomersFile, CustomersFileError, Mistake, Words, exported
from callcenter.customers.difference import Difference, Entry, difference
from callcenter.customers.table import CustomersTable
from callcenter.reports.audit import Audit
from callcenter.store import Register
from callcenter.store.tables import DirectoryImport
from callcenter.system.spreadsheet import write_csv


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a table."""

    rows: int
    mistakes: list[Mistake] | list[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a table would change; with mistakes `difference` is None."""

    digest: str
    rows: int
    bad_rows: int
    mistakes: list[Mistake] | list[str]
    difference: Difference | None


class DirectoryTable:
    """As the desk's protocol of this name."""

    def __init__(self, config: Config, register: Register, wall: WallClock) -> None:
        self._words = words_of(config)
        self._table = CustomersTable(register)
        self._audit = Audit(register)
        self._wall = wall
        self._one = asyncio.Lock()
        self._checked: tuple[str, Sequence[Entry]] | None = None
        """The SHA-256 of the table that was checked last, and what it has."""

    async def replace(self, table: bytes) -> Imported:
        """Replace the directory by this table, unless something in it is wrong. One at a time: tables are large."""
        async with self._one:
            try:
                read = await asyncio.to_thread(CustomersFile.parse, table, "the table", self._words)
            except CustomersFileError as problem:
                return Imported(0, [str(problem)])
            if not read.mistakes:
                await self._table.replace(read.entries, "API", self._wall())
            return Imported(len(read.entries), read.mistakes)

    async def check(self, table: bytes) -> Checked:
        """Return what a table would change, and keep it until it is taken or another one is checked."""
        async with self._one:
            try:
                read = await asyncio.to_thread(CustomersFile.parse, table, "the table", self._words)
            except CustomersFileError as problem:
                return Checked("", 0, 0, [str(problem)], None)
            if read.mistakes:
                return Checked("", len(read.entries), read.bad_rows, read.mistakes, None)
            before = await self._table.entries()
            found = await asyncio.to_thread(difference, before, read.entries)
            digest = await asyncio.to_thread(lambda: hashlib.sha256(table).hexdigest())
            self._checked = digest, read.entries
            return Checked(digest, len(read.entries), 0, [], found)

    async def take(self, digest: str, who: str) -> int | None:
        """Replace the directory by the table that was checked last; None: that is another one by now."""
        async with self._one:
            if self._checked is None or self._checked[0] != digest:
                return None
            _, entries = self._checked
            await self._table.replace(entries, f"desk: {who}", self._wall())
            self._checked = None
            return len(entries)

    async def latest(self) -> DirectoryImport | None:
        """Return the latest import."""
        return await self._table.latest()

    async def table(self, who: str) -> str:
        """Return it as CSV."""
        entries, file = await self._table.entries(), io.StringIO()
        await self._audit.enter(self._wall(), who, "customers taken", f"{len(entries)} entries")
        await write_csv(COLUMNS, exported(entries), file)
        return file.getvalue()


def words_of(config: Config) -> Words:
    """Return the levels, plans and lines that a table may name."""
    contracts = [line.contracts for line in config.lines.values() if line.contracts]
    return Words(
        frozenset(level for one in contracts for level in one.levels),
        frozenset(plan for one in contracts for plan in one.plans),
        frozenset(map(str, config.lines)),
    )
