"""Auctions at the desk: what heads do with them, and the HTTP API of it (eLot 2.2a).

What is entered takes effect at once: the answer comes when the line has its new hours.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

from aiohttp import web

from callcenter.auctions.csv_file import LARGEST_FILE, AuctionsFileError, Mistake, read
from callcenter.auctions.table import AuctionTable, ChangedMeanwhile, Imported
from callcenter.calendar.auctions import SENTENCES, Auction, AuctionRefused, AuctionText, Why
from callcenter.calendar.clock import WallClock
from callcenter.calendar.hours import MIDNIGHT, WorkingHours
from callcenter.core.ids import LineId
from callcenter.desk import auction_bodies as allowed
from callcenter.desk import bodies
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ABOUT, KEEPS_AUCTIONS, SENDER, Route
from callcenter.desk.language import N_, TEXTS, chosen
from callcenter.desk.responses import as_json
from callcenter.store import RegisterError

_AUCTION = r"/api/auctions/{auction:[0-9]{1,9}}"
_ANSWER_WITHIN = 5.0
"""Seconds."""
_TAKEN_WITHIN = 60.0
"""Seconds for a whole file."""
_CHANGED = N_("Somebody else has changed it meanwhile; nothing was saved. Its version now:")
MOST_LISTED = 200
DAYS_SHOWN = 14
"""Days whose hours are told."""
_MISTAKES_TOLD = 20
_STATUS = {Why.UNKNOWN: 404, Why.NAME_TAKEN: 409, Why.WITHDRAWN: 409, Why.TOO_LARGE: 413}
"""Of the others 400."""


class AuctionActions:
    """What can be done with the auctions of lines. `lines`: the title of each that follows some.

    `hours`: those of a line that are in force; `refresh`: has them follow what was entered. Its methods raise
    `BadRequest`.
    """

    def __init__(
        self,
        table: AuctionTable,
        lines: Mapping[LineId, str],
        hours: Callable[[LineId], WorkingHours],
        refresh: Callable[[], Awaitable[object]],
        wall: WallClock,
    ) -> None:
        self.table = table
        self.lines = lines
        self.wall = wall
        self._hours = hours
        self._refresh = refresh
        self._one_file_at_a_time = asyncio.Lock()

    def line(self, name: str) -> LineId:
        """Return the line of this name; the first one for ''."""
        line = LineId(name) if name else next(iter(self.lines), LineId(""))
        if line not in self.lines:
            raise BadRequest(404, Why.NO_SUCH_LINE, SENTENCES[Why.NO_SUCH_LINE], ", ".join(self.lines) or "—")
        return line

    def days(self, line: LineId) -> list[tuple[date, str, str]]:
        """Return the hours of today and the days to come, as 09:00 and 24:00; '' for a day on which it is closed."""
        hours = self._hours(line)
        today = self.wall().astimezone(hours.zone).date()
        coming = (today + timedelta(days=number) for number in range(DAYS_SHOWN))
        told = []
        for day in coming:
            span = hours.on(day)
            opens, closes = span or (MIDNIGHT, MIDNIGHT)
            ends = "24:00" if closes == MIDNIGHT else f"{closes:%H:%M}"
            told.append((day, f"{opens:%H:%M}", ends) if span else (day, "", ""))
        return told

    async def add(self, request: web.Request, line: LineId, text: AuctionText) -> Auction:
        """Enter an auction."""
        who = request[SENDER].id
        async with answering(request):
            added = await self.table.add(line, text, who, self.wall())
            await self._refresh()
        request[ABOUT] = f"auction {added.id} of {line}"
        return added

    async def correct(self, request: web.Request, auction: int, version: int, text: AuctionText) -> Auction:
        """Enter what an auction is really like."""
        async with answering(request):
            corrected = await self.table.correct(auction, version, text, request[SENDER].id, self.wall())
            await self._refresh()
        return corrected

    async def withdraw(self, request: web.Request, auction: int, version: int) -> Auction:
        """Withdraw an auction that is not held."""
        async with answering(request):
            gone = await self.table.withdraw(auction, version, request[SENDER].id, self.wall())
            await self._refresh()
        return gone

    async def take(self, request: web.Request, line: LineId, file: bytes) -> Imported:
        """Take over the auctions of a CSV file: all of them or none. One file at a time is read."""
        async with answering(request, _TAKEN_WITHIN), self._one_file_at_a_time:
            try:
                rows, mistakes = await asyncio.to_thread(read, file, self.table.zones[line])
                done = await self.table.take(line, rows, request[SENDER].id, self.wall(), mistakes)
            except AuctionsFileError as no:
                told = in_words(request, no.mistakes)
                raise BadRequest(400, "rows_wrong", N_("Nothing was taken over."), told) from None
            await self._refresh()
        request[ABOUT] = f"{done.added} added, {done.corrected} corrected of {line}"
        return done


class AuctionsApi:
    """The request handlers of the API."""

    def __init__(self, actions: AuctionActions) -> None:
        self._desk = actions

    def routes(self) -> list[Route]:
        """All routes of auctions."""
        return [
            Route("GET", "/api/auctions", self.list, KEEPS_AUCTIONS),
            Route("POST", "/api/auctions", self.add, KEEPS_AUCTIONS, notes="auction added"),
            Route("POST", "/api/auctions/import", self.take, KEEPS_AUCTIONS, notes="auctions imported"),
            Route("GET", _AUCTION, self.one, KEEPS_AUCTIONS),
            Route("POST", _AUCTION, self.correct, KEEPS_AUCTIONS, notes="auction corrected"),
            Route("POST", _AUCTION + "/withdraw", self.withdraw, KEEPS_AUCTIONS, notes="auction withdrawn"),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Return the auctions of a line that run or will run, the next start first: 200, after `skip` others.

        Without `line`, of the first one whose hours follow auctions. `over`: the latest that are over or withdrawn,
        instead. `hours`: those of the line for 14 days, as its clock shows them; null on a day when it is closed.
        """
        line, skip = self._desk.line(request.query.get("line", "")), _whole(request.query.get("skip", ""))
        table, now = self._desk.table, self._desk.wall()
        async with answering(request):
            if request.query.get("over") == "1":
                found = await table.over(line, now, MOST_LISTED)
            else:
                found = await table.not_over(line, now, MOST_LISTED, skip)
            number = await table.number_not_over(line, now)
        hours = [
            {"day": day.isoformat(), "opens": opens or None, "closes": closes or None}
            for day, opens, closes in self._desk.days(line)
        ]
        return as_json({"line": line, "auctions": [told(one) for one in found], "not_over": number, "hours": hours})

    async def one(self, request: web.Request) -> web.Response:
        """Return an auction with all its versions: who entered which one when, the newest first."""
        async with answering(request):
            auction = await self._desk.table.one(_id(request))
            versions = await self._desk.table.versions(auction.id)
        return as_json(told(auction) | {"versions": [told(one) for one in versions]})

    async def add(self, request: web.Request) -> web.Response:
        """Enter an auction of a line; its hours follow at once."""
        body = await bodies.read(request, allowed.NewAuction)
        return as_json(told(await self._desk.add(request, self._desk.line(body.line), body.text)), 201)

    async def correct(self, request: web.Request) -> web.Response:
        """Correct an auction, such as when its results are really announced. The former version stays on record."""
        body = await bodies.read(request, allowed.CorrectedAuction)
        return as_json(told(await self._desk.correct(request, _id(request), body.version, body.text)))

    async def withdraw(self, request: web.Request) -> web.Response:
        """Withdraw an auction that is not held. It stays on record."""
        body = await bodies.read(request, allowed.WithdrawnAuction)
        return as_json(told(await self._desk.withdraw(request, _id(request), body.version)))

    @bodies.reads_later
    async def take(self, request: web.Request) -> web.Response:
        """Take over the CSV table that is the body (columns name, start, results), for a `line`: all of it or nothing.

        At most 4 MB and 10,000 rows, in UTF-8 or Windows-1251. New names are added, auctions of the same name
        corrected; the others stay.
        """
        if request.content_type != "text/csv":
            raise BadRequest(415, "unsupported_media_type", N_("The body must be text/csv."))
        line = self._desk.line(request.query.get("line", ""))
        done = await self._desk.take(request, line, await bodies.whole(request, LARGEST_FILE))
        return as_json({"added": done.added, "corrected": done.corrected, "unchanged": done.unchanged})


@asynccontextmanager
async def answering(request: web.Request, within: float = _ANSWER_WITHIN) -> AsyncIterator[None]:
    """Turn what goes wrong into the desk's answers."""
    try:
        async with asyncio.timeout(within):
            yield
    except ChangedMeanwhile as changed:
        raise BadRequest(409, "changed_meanwhile", _CHANGED, str(changed.present.version)) from None
    except AuctionRefused as no:
        raise BadRequest(_STATUS.get(no.why, 400), no.why.value, SENTENCES[no.why], no.given) from None
    except (RegisterError, TimeoutError):
        raise BadRequest(503, "no_answer", N_("The call centre does not answer. Please try again.")) from None


def in_words(request: web.Request, mistakes: Sequence[Mistake]) -> str:
    """Return the mistakes of a file in the reader's language, a line each."""
    texts = TEXTS[chosen(request)]
    lines = []
    for one in mistakes[:_MISTAKES_TOLD]:
        said = " ".join(filter(None, (texts.gettext(SENTENCES[one.why]), one.found)))
        lines.append(texts.gettext(N_("Line {line}: {said}")).format(line=one.line, said=said) if one.line else said)
    if len(mistakes) > _MISTAKES_TOLD:
        left = len(mistakes) - _MISTAKES_TOLD
        lines.append(texts.gettext(N_("… and {number} more mistakes")).format(number=left))
    return "\n".join(lines)


def told(auction: Auction) -> dict[str, Any]:
    """Return an auction for programs."""
    return {
        "id": auction.id,
        "line": auction.line,
        "version": auction.version,
        "name": auction.written.name,
        "starts_at": auction.written.run[0].isoformat(),
        "results_at": auction.written.run[1].isoformat(),
        "withdrawn": auction.withdrawn,
        "who": auction.who,
        "at": auction.at.isoformat(),
    }


def _id(request: web.Request) -> int:
    return int(request.match_info["auction"])


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
