"""The customers' directory as a table, for the desk: checked as at a terminal, replaced as a whole."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass

from callcenter.calendar.clock import WallClock
from callcenter.config import Config
from callcenter.customers.csv_file import COLUMNS, CustomersFile, CustomersFileError, Mistake, Words, exported
from callcenter.customers.table import CustomersTable
from callcenter.reports.audit import Audit
from callcenter.store import Register
from callcenter.system.spreadsheet import write_csv


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a table."""

    rows: int
    mistakes: list[Mistake] | list[str]


class DirectoryTable:
    """As the desk's protocol of this name."""

    def __init__(self, config: Config, register: Register, wall: WallClock) -> None:
        self._words = words_of(config)
        self._table = CustomersTable(register)
        self._audit = Audit(register)
        self._wall = wall
        self._one = asyncio.Lock()

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
