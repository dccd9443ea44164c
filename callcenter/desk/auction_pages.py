"""The pages on which heads keep the auctions that a line's hours follow; they work without a script (eLot 2.2a)."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.helpers import content_disposition_header
from babel.dates import format_date

from callcenter.auctions.csv_file import HEADINGS, LARGEST_FILE
from callcenter.auctions.export import rows as exported
from callcenter.calendar.auctions import SENTENCES, Auction, AuctionRefused, Why, moment
from callcenter.core.ids import LineId, PersonId
from callcenter.desk import auction_bodies as allowed
from callcenter.desk import bodies, forms, html
from callcenter.desk.auctions import MOST_LISTED, AuctionActions, answering
from callcenter.desk.bodies import BadRequest
from callcenter.desk.forms import Form
from callcenter.desk.gate import ABOUT, KEEPS_AUCTIONS, NOTES, Route
from callcenter.desk.guard import SANDBOX
from callcenter.desk.html import Told
from callcenter.desk.language import N_, TEXTS, chosen, translated
from callcenter.desk.request_files import parts
from callcenter.system.spreadsheet import write_csv

NameOf = Callable[[PersonId], str]
"""Returns the displayed name of a person, or the id if there is nobody."""
_OVER_LISTED = 50
_AUCTION = r"/auctions/{auction:[0-9]{1,9}}"
_MINUTES = "%Y-%m-%dT%H:%M"
_EMPTY = {"name": "", "starts_at": "", "results_at": "", "version": 0}


class AuctionPages:
    """The request handlers."""

    def __init__(self, actions: AuctionActions, name_of: NameOf) -> None:
        self._desk = actions
        self._name_of = name_of

    def routes(self) -> list[Route]:
        """The list with its forms, a page for each auction, and the file."""
        return [
            Route("GET", "/auctions", self.list, KEEPS_AUCTIONS, page=True),
            Route("POST", "/auctions", self.add, KEEPS_AUCTIONS, notes="auction added", page=True),
            Route("POST", "/auctions/import", self.take, KEEPS_AUCTIONS, notes="auctions imported", page=True),
            Route("GET", "/auctions.csv", self.export, KEEPS_AUCTIONS, page=True),
            Route("GET", _AUCTION, self.one, KEEPS_AUCTIONS, page=True),
            Route("POST", _AUCTION, self.change, KEEPS_AUCTIONS, notes="auction corrected", page=True),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Show what runs and will run, the hours of the days to come, and what is over."""
        return await self._list(request, self._done(request))

    async def add(self, request: web.Request) -> web.StreamResponse:
        """Enter what was typed; what cannot be entered is shown again as it was typed, with the reason."""
        form = await forms.read(request)
        try:
            line = self._desk.line(form.one("line"))
            body = bodies.checked(request, allowed.NewAuction, {"line": line} | self._values(form, line))
            await self._desk.add(request, line, body.text)
        except BadRequest as problem:
            request[NOTES] = ""
            return await self._list(request, _problem(request, problem), problem.status, form)
        return html.go_on(request, f"/auctions?line={line}&done=added")

    @bodies.reads_later
    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take over the file of a form."""
        try:
            line, file, chosen_one = self._desk.line(request.query.get("line", "")), b"", False
            async for _, content in parts(request):
                chosen_one = True
                async for piece in content:
                    if len(file := file + piece) > LARGEST_FILE:
                        raise BadRequest(413, Why.TOO_LARGE, SENTENCES[Why.TOO_LARGE])
            if not chosen_one:
                raise BadRequest(400, "wrong_value", N_("Choose a file first."))
            done = await self._desk.take(request, line, file)
        except BadRequest as problem:
            request[NOTES] = ""
            return await self._list(request, _problem(request, problem), problem.status)
        numbers = f"{done.added}.{done.corrected}.{done.unchanged}"
        return html.go_on(request, f"/auctions?line={line}&taken={numbers}")

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Hand out what is not withdrawn as CSV, as it can be taken over again."""
        line = self._desk.line(request.query.get("line", ""))
        async with answering(request):
            found = await self._desk.table.all(line)
        file = io.StringIO()
        await write_csv(tuple(HEADINGS), exported(found, self._desk.table.zones[line]), file)
        request[SANDBOX] = True
        disposition = content_disposition_header("attachment", filename=f"auctions {line}.csv")
        return web.Response(
            body=file.getvalue().encode(), content_type="text/csv", headers={"Content-Disposition": disposition}
        )

    async def one(self, request: web.Request) -> web.StreamResponse:
        """Show an auction with its versions, and the form that corrects it."""
        async with answering(request):
            auction = await self._desk.table.one(_id(request))
        return await self._one(request, auction, _draft(auction, self._zone(auction)))

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Correct or withdraw an auction."""
        form = await forms.read(request)
        async with answering(request):
            auction = await self._desk.table.one(_id(request))
        version = form.number("version")
        try:
            if form.one("action") == "withdraw":
                request[NOTES] = "auction withdrawn"
                await self._desk.withdraw(request, auction.id, version)
            else:
                values = self._values(form, auction.line) | {"version": version}
                body = bodies.checked(request, allowed.CorrectedAuction, values)
                await self._desk.correct(request, auction.id, version, body.text)
        except BadRequest as problem:
            request[NOTES] = ""
            async with answering(request):
                present = await self._desk.table.one(auction.id)
            # Whoever was faster is shown on the page; saving again then changes that version, knowingly.
            typed = _typed(form) | {"version": present.version}
            return await self._one(request, present, typed, _problem(request, problem), problem.status)
        request[ABOUT] = f"auction {auction.id}"
        done = "withdrawn" if form.one("action") == "withdraw" else "corrected"
        return html.go_on(request, f"/auctions?line={auction.line}&done={done}")

    # -- showing -----------------------------------------------------------------------------------------------

    async def _list(
        self, request: web.Request, told: Told, status: int = 200, form: Form | None = None
    ) -> web.StreamResponse:
        named = form.one("line") if form and form.one("line") in self._desk.lines else request.query.get("line", "")
        line, now, table = self._desk.line(named), self._desk.wall(), self._desk.table
        skip = _whole(request.query.get("skip", ""))
        async with answering(request):
            coming = await table.not_over(line, now, MOST_LISTED, skip)
            number = await table.number_not_over(line, now)
            over = await table.over(line, now, _OVER_LISTED)
        return html.page(
            request,
            "auctions.html",
            table.zones[line],
            status,
            told=told,
            path="/auctions",
            line=line,
            lines=self._desk.lines,
            clock=table.zones[line],
            now=now,
            coming=coming,
            over=over,
            number=number,
            skip=skip,
            most=MOST_LISTED,
            days=self._desk.days(line),
            weekday=partial(format_date, format="EEE, d MMMM y", locale=chosen(request)),
            draft=_typed(form) if form else _EMPTY,
            name_of=self._name_of,
        )

    async def _one(
        self,
        request: web.Request,
        auction: Auction,
        draft: dict[str, Any],
        told: Told | None = None,
        status: int = 200,
    ) -> web.StreamResponse:
        async with answering(request):
            versions = await self._desk.table.versions(auction.id)
        return html.page(
            request,
            "auction.html",
            self._zone(auction),
            status,
            told=told or Told(),
            auction=auction,
            versions=versions,
            draft=draft,
            clock=self._zone(auction),
            title=self._desk.lines.get(auction.line, auction.line),
            name_of=self._name_of,
        )

    def _zone(self, auction: Auction) -> tzinfo:
        """Return the zone of its line; of a line that follows no auctions any more, that of the first that does."""
        zones = self._desk.table.zones
        return zones.get(auction.line) or next(iter(zones.values()))

    def _values(self, form: Form, line: LineId) -> dict[str, Any]:
        zone = self._desk.table.zones[line]
        return {
            "name": form.one("name"),
            "starts_at": _moment(form.one("starts_at"), zone),
            "results_at": _moment(form.one("results_at"), zone, last=True),
        }

    def _done(self, request: web.Request) -> Told:
        """Return what a form that was sent before has done."""
        done, taken = request.query.get("done", ""), request.query.get("taken", "").split(".")
        if done in _DONE:
            return Told(translated(request, _DONE[done]))
        if len(taken) == 3:
            added, corrected, unchanged = map(_whole, taken)
            sentence = N_("Added: {added}, corrected: {corrected}, as before: {unchanged}.")
            text = TEXTS[chosen(request)].gettext(sentence)
            return Told(text.format(added=added, corrected=corrected, unchanged=unchanged))
        return Told()


_DONE = {
    "added": N_("The auction is entered; the line's hours follow it."),
    "corrected": N_("The auction is corrected; the line's hours follow it."),
    "withdrawn": N_("The auction is withdrawn; the line's hours do not follow it any more."),
}


def _problem(request: web.Request, problem: BadRequest) -> Told:
    return Told(html.in_words(request, problem), problem=True)


def _moment(text: str, zone: tzinfo, *, last: bool = False) -> datetime:
    """Return what a browser's field has, as a moment. Raises `BadRequest`."""
    try:
        return moment(datetime.strptime(text, _MINUTES), zone, last=last)  # noqa: DTZ007 - by the zone's clock
    except ValueError:
        raise BadRequest(400, "wrong_value", N_("A date needs day, month, year, hours and minutes.")) from None
    except AuctionRefused as no:
        raise BadRequest(400, no.why.value, SENTENCES[no.why], no.given) from None


def _draft(auction: Auction, zone: tzinfo) -> dict[str, Any]:
    written = auction.written
    return {
        "name": written.name,
        "starts_at": forms.minutes(written.starts_at, zone),
        "results_at": forms.minutes(written.results_at, zone),
        "version": auction.version,
    }


def _typed(form: Form) -> dict[str, Any]:
    return {name: form.one(name) for name in ("name", "starts_at", "results_at")} | {"version": form.number("version")}


def _id(request: web.Request) -> int:
    return int(request.match_info["auction"])


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
