"""The page on which heads replace the customers' directory: a table is checked, its changes are shown, it is taken."""

from __future__ import annotations

from datetime import tzinfo

from aiohttp import web

from callcenter.desk import bodies, forms, html
from callcenter.desk.bodies import BadRequest
from callcenter.desk.directory import LONGEST_TABLE, Checked, DirectoryTable, answering
from callcenter.desk.gate import ABOUT, DIRECTORY, SENDER, Route
from callcenter.desk.html import Told
from callcenter.desk.language import N_, translated
from callcenter.desk.request_files import parts

MOST_TOLD = 50
"""Mistakes on the page."""
_KINDS = {"added": N_("New"), "changed": N_("Changed"), "removed": N_("No longer there")}


class DirectoryPages:
    """The request handlers. `zone`: of the dates."""

    def __init__(self, table: DirectoryTable, zone: tzinfo) -> None:
        self._table = table
        self._zone = zone

    def routes(self) -> list[Route]:
        """The page, and its two forms."""
        return [
            Route("GET", "/customers", self.show, DIRECTORY, page=True),
            Route("POST", "/customers/check", self.check, DIRECTORY, notes="customers checked", page=True),
            Route("POST", "/customers/take", self.take, DIRECTORY, notes="customers imported", page=True),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what the directory is, and the form for another one."""
        taken = request.query.get("taken", "")
        told = Told()
        if taken.isascii() and taken.isdigit() and len(taken) < 10:
            told = Told(translated(request, N_("The directory was replaced. Entries:")) + f" {taken}.")
        return await self._page(request, told)

    @bodies.reads_later
    async def check(self, request: web.Request) -> web.StreamResponse:
        """Look at the table of a form, and show what it would change, or what is wrong with it."""
        try:
            table = await _file(request)
        except BadRequest as problem:
            return await self._page(request, Told(html.in_words(request, problem), problem=True), problem.status)
        with answering():
            checked = await self._table.check(table)
        request[ABOUT] = f"{checked.rows} entries, {checked.bad_rows} wrong rows"
        if checked.difference is None:
            told = Told(translated(request, N_("Nothing was changed: something in the table is wrong.")), problem=True)
            return await self._page(request, told, 400, checked)
        return await self._page(request, Told(), 200, checked)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take the table that was shown."""
        form = await forms.read(request)
        with answering():
            rows = await self._table.take(form.one("digest"), request[SENDER].id)
        if rows is None:
            sentence = N_("Another table was checked meanwhile, or this one was taken: look at it again first.")
            return await self._page(request, Told(translated(request, sentence), problem=True), 409)
        request[ABOUT] = f"{rows} entries"
        return html.go_on(request, f"/customers?taken={rows}")

    async def _page(
        self, request: web.Request, told: Told, status: int = 200, checked: Checked | None = None
    ) -> web.StreamResponse:
        with answering():
            latest = await self._table.latest()
        return html.page(
            request,
            "customers.html",
            self._zone,
            status,
            told=told,
            path="/customers",
            latest=latest,
            checked=checked,
            kinds=_KINDS,
            mistakes=list(map(str, checked.mistakes[:MOST_TOLD])) if checked else [],
            megabytes=LONGEST_TABLE // (1024 * 1024),
        )


async def _file(request: web.Request) -> bytes:
    """Return the file of a form. Raises `BadRequest`."""
    table, chosen = bytearray(), False
    async for _, content in parts(request):
        chosen = True
        async for piece in content:
            table += piece
            if len(table) > LONGEST_TABLE:
                raise BadRequest(413, "too_large", N_("The table is too large."))
    if not chosen:
        raise BadRequest(400, "wrong_value", N_("Choose a file first."))
    return bytes(table)
