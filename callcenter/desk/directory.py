"""The customers' directory as a table over the API: whoever leads replaces it, or takes it as it is (TBS 1, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from aiohttp import web

from callcenter.core.events import Customer
from callcenter.desk import bodies
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ABOUT, DIRECTORY, SENDER, Route
from callcenter.desk.guard import SANDBOX
from callcenter.desk.language import N_
from callcenter.desk.responses import as_json
from callcenter.store import RegisterError

LONGEST_TABLE = 32 * 1024 * 1024
"""Bytes."""
_MOST_TOLD = 50
"""Mistakes in an answer."""


class Imported(Protocol):
    """What became of a table: with mistakes nothing was changed."""

    @property
    def rows(self) -> int:
        """Rows that were taken: one for each number."""

    @property
    def mistakes(self) -> Sequence[object]:
        """What is wrong, each with its line and what is allowed."""


class Import(Protocol):
    """An import of before."""

    imported_at: Any
    source: Any
    customers: Any


class Difference(Protocol):
    """What a table would change."""

    @property
    def added(self) -> int:
        """Entries that are not there yet; likewise the others."""

    @property
    def changed(self) -> int: ...  # noqa: D102

    @property
    def removed(self) -> int: ...  # noqa: D102

    @property
    def unchanged(self) -> int: ...  # noqa: D102

    @property
    def nothing(self) -> bool:
        """Whether the directory would stay as it is."""

    @property
    def examples(self) -> Mapping[str, Sequence[tuple[str, Customer]]]:
        """Some of each kind: number and customer."""


class Checked(Protocol):
    """What came of looking at a table."""

    @property
    def digest(self) -> str:
        """By which the table is taken."""

    @property
    def rows(self) -> int:
        """Rows that are right, one for each number; and those that are not."""

    @property
    def bad_rows(self) -> int: ...  # noqa: D102

    @property
    def mistakes(self) -> Sequence[object]:
        """What is wrong, each with its line and what is allowed; '' for nothing."""

    @property
    def difference(self) -> Difference | None:
        """None: it cannot be taken."""


class DirectoryTable(Protocol):
    """The directory, as a table."""

    async def replace(self, table: bytes) -> Imported:
        """Replace the directory by this table, or leave it as it is. Raises `ReadableError` or `RegisterError`."""

    async def check(self, table: bytes) -> Checked:
        """Return what a table would change, and keep it. Raises `RegisterError`."""

    async def take(self, digest: str, who: str) -> int | None:
        """Take the table that was checked last; None: that is another one by now. Raises `RegisterError`."""

    async def latest(self) -> Import | None:
        """Return the latest import. Raises `RegisterError`."""

    async def table(self, who: str) -> str:
        """Return it as CSV, and write down before that `who` takes it. Raises `RegisterError`."""


class DirectoryApi:
    """The request handlers."""

    def __init__(self, table: DirectoryTable) -> None:
        self.table = table

    def routes(self) -> list[Route]:
        """All routes of the directory as a table."""
        return [
            Route("GET", "/api/directory", self.take, DIRECTORY),
            Route("POST", "/api/directory", self.replace, DIRECTORY, notes="customers imported"),
        ]

    async def take(self, request: web.Request) -> web.Response:
        """Return the directory as CSV, which a POST takes again; no cell is a formula for a spreadsheet."""
        with answering():
            table = await self.table.table(request[SENDER].id)
        request[SANDBOX] = True
        headers = {"Content-Disposition": 'attachment; filename="customers.csv"'}
        return web.Response(body=table.encode(), content_type="text/csv", charset="utf-8", headers=headers)

    @bodies.reads_later
    async def replace(self, request: web.Request) -> web.Response:
        """Replace the directory by the CSV table that is the body (docs/contracts.md), as a whole or not at all."""
        if request.content_type != "text/csv":
            raise BadRequest(415, "unsupported_media_type", N_("The body must be text/csv."))
        body = await bodies.whole(request, LONGEST_TABLE)
        with answering():
            done = await self.table.replace(body)
        if done.mistakes:
            told = "\n".join(str(one) for one in done.mistakes[:_MOST_TOLD])
            sentence = N_("Nothing was imported; wrong rows:")
            raise BadRequest(400, "wrong_table", sentence, f"{len(done.mistakes)}.", {"mistakes": told})
        request[ABOUT] = f"{done.rows} entries"
        return as_json({"rows": done.rows})


@contextmanager
def answering() -> Iterator[None]:
    """Answer 503 while the register is away."""
    try:
        yield
    except RegisterError:
        raise BadRequest(503, "no_answer", N_("The call centre does not answer. Please try again.")) from None
