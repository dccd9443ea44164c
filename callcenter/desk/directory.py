"""The customers' directory as a table over the API: whoever leads replaces it, or takes it as it is (TBS 1, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from aiohttp import web

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


class DirectoryTable(Protocol):
    """The directory, as a table."""

    async def replace(self, table: bytes) -> Imported:
        """Replace the directory by this table, or leave it as it is. Raises `ReadableError` or `RegisterError`."""

    async def table(self, who: str) -> str:
        """Return it as CSV, and write down before that `who` takes it. Raises `RegisterError`."""


class DirectoryApi:
    """The request handlers."""

    def __init__(self, table: DirectoryTable) -> None:
        self._table = table

    def routes(self) -> list[Route]:
        """All routes of the directory as a table."""
        return [
            Route("GET", "/api/directory", self.take, DIRECTORY),
            Route("POST", "/api/directory", self.replace, DIRECTORY, notes="customers imported"),
        ]

    async def take(self, request: web.Request) -> web.Response:
        """Return the directory as CSV, which a POST takes again; no cell is a formula for a spreadsheet."""
        with _answering():
            table = await self._table.table(request[SENDER].id)
        request[SANDBOX] = True
        headers = {"Content-Disposition": 'attachment; filename="customers.csv"'}
        return web.Response(body=table.encode(), content_type="text/csv", charset="utf-8", headers=headers)

    @bodies.reads_later
    async def replace(self, request: web.Request) -> web.Response:
        """Replace the directory by the CSV table that is the body (docs/contracts.md), as a whole or not at all."""
        if request.content_type != "text/csv":
            raise BadRequest(415, "unsupported_media_type", N_("The body must be text/csv."))
        body = await bodies.whole(request, LONGEST_TABLE)
        with _answering():
            done = await self._table.replace(body)
        if done.mistakes:
            told = "\n".join(str(one) for one in done.mistakes[:_MOST_TOLD])
            sentence = N_("Nothing was imported; wrong rows:")
            raise BadRequest(400, "wrong_table", sentence, f"{len(done.mistakes)}.", {"mistakes": told})
        request[ABOUT] = f"{done.rows} entries"
        return as_json({"rows": done.rows})


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except RegisterError:
        raise BadRequest(503, "no_answer", N_("The call centre does not answer. Please try again.")) from None
