"""The reports of requests for heads and supervisors: a page to be read and printed, files, and the API (ESTP 5.5.4)."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from datetime import date, timedelta

from aiohttp import web
from aiohttp.helpers import content_disposition_header

from callcenter.core.ids import LineId
from callcenter.desk import html
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import REQUEST_BOARD, Route
from callcenter.desk.guard import SANDBOX
from callcenter.desk.language import N_, chosen
from callcenter.desk.report_tables import CAPTIONS, Names, Table, csv_rows, plain, sheets, shown, tables
from callcenter.desk.request_actions import RequestActions
from callcenter.desk.request_refusals import answering
from callcenter.desk.responses import as_json
from callcenter.reports.request_report import TooManyRequests, request_report
from callcenter.system.spreadsheet import write_csv, write_xlsx

LONGEST = 366
"""Days of one report."""
MOST = 200_000
"""Requests that one report reads."""
_WITHIN = 60.0
"""Seconds for one report."""
_CSV = "text/csv"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Period:
    """What is asked for: days, both included, and a line; None: all lines."""

    first: date
    last: date
    line: LineId | None

    @property
    def query(self) -> str:
        """As part of an address."""
        return f"from={self.first}&to={self.last}" + (f"&line={self.line}" if self.line else "")

    def __str__(self) -> str:
        return f"{self.first} – {self.last}" + (f", {self.line}" if self.line else "")


class RequestReports:
    """The request handlers. One report is made at a time: each reads the requests of months."""

    def __init__(self, desk: RequestActions) -> None:
        self._desk = desk
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[Route]:
        """The page, its files, and the same as JSON."""
        return [
            Route("GET", "/api/requests/report", self.report, REQUEST_BOARD),
            Route("GET", "/requests/reports", self.page, REQUEST_BOARD, page=True),
            Route("GET", "/requests/reports.xlsx", self.xlsx, REQUEST_BOARD, page=True),
            Route("GET", r"/requests/reports/{table:[a-z]{1,20}}.csv", self.csv, REQUEST_BOARD, page=True),
        ]

    async def report(self, request: web.Request) -> web.Response:
        """Return the report of the requests received `from` a day `to` another one, of one `line` or all, as tables.

        Durations are seconds, shares per cent. Without days: of this month so far. It is written down who asked.
        """
        period = self._asked(request)
        made = await self._made(request, period)
        told = [
            {
                "id": one.id,
                "caption": one.caption,
                "fields": one.fields,
                "rows": [dict(zip(one.fields, map(plain, row), strict=True)) for row in one.rows],
            }
            for one in made
        ]
        return as_json(
            {"from": period.first.isoformat(), "to": period.last.isoformat(), "line": period.line, "tables": told}
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show the report of a period that was chosen; of this month so far if none was."""
        try:
            period = self._asked(request)
            made, wrong = await self._made(request, period), html.Told()
        except BadRequest as problem:
            if problem.status != 400:
                raise
            period, made = self._month(0), []
            wrong = html.Told(html.in_words(request, problem), problem=True)
        return html.page(
            request,
            "request_reports.html",
            self._desk.zone,
            400 if wrong.text else 200,
            told=wrong,
            path="/requests/reports",
            period=period,
            months=[self._month(0), self._month(1)],
            tables=made,
            shown=shown,
            lines=[(line, self._desk.line(line).title) for line in self._desk.register.rules],
        )

    async def xlsx(self, request: web.Request) -> web.Response:
        """Hand out the report as a workbook, a sheet for each table."""
        period = self._asked(request)
        made, file = await self._made(request, period), io.BytesIO()
        await asyncio.to_thread(write_xlsx, list(sheets(made, str(period))), file)
        return self._file(request, f"requests {period.first} {period.last}.xlsx", _XLSX, file.getvalue())

    async def csv(self, request: web.Request) -> web.Response:
        """Hand out one table of the report as CSV."""
        period, wanted = self._asked(request), request.match_info["table"]
        if wanted not in CAPTIONS:
            raise BadRequest(404, "unknown", N_("There is nothing at this address."))
        made = await self._made(request, period)
        file = io.StringIO()
        for table in made:
            if table.id == wanted:
                await write_csv(table.fields, csv_rows(table), file)
        name = f"requests {wanted} {period.first} {period.last}.csv"
        return self._file(request, name, _CSV, file.getvalue().encode())

    def _file(self, request: web.Request, name: str, kind: str, content: bytes) -> web.Response:
        request[SANDBOX] = True
        disposition = content_disposition_header("attachment", filename=name)
        return web.Response(body=content, content_type=kind, headers={"Content-Disposition": disposition})

    async def _made(self, request: web.Request, period: Period) -> list[Table]:
        desk, now = self._desk, self._desk.wall()
        if desk.figures is None:
            raise BadRequest(404, "unknown", N_("There is nothing at this address."))
        async with self._one_at_a_time, answering(request, within=_WITHIN):
            await desk.looked_at(request, "request report", str(period))
            found = desk.figures(period.first, period.last, period.line, now)
            try:
                report = await request_report(found, desk.zones, now, MOST)
            except TooManyRequests:
                sentence = N_("So many requests are too many for one report: choose a shorter period, or one line.")
                raise BadRequest(400, "too_many", sentence) from None
        aims = {line: one.mean_answer for line, one in desk.lines.items()}
        return tables(report, self._names(), aims, chosen(request))

    def _names(self) -> Names:
        desk = self._desk
        subjects = {id_: title for line in desk.lines.values() for id_, title in line.subjects.items()}
        return Names(
            line=lambda line: desk.line(LineId(line)).title,
            subject=lambda subject: subjects.get(subject, subject),
            assignee=desk.called,
        )

    def _month(self, ago: int) -> Period:
        """Return this month so far, or the one before."""
        today = self._desk.wall().astimezone(self._desk.zone).date()
        first = today.replace(day=1)
        if ago:
            last = first - timedelta(days=1)
            return Period(last.replace(day=1), last, None)
        return Period(first, today, None)

    def _asked(self, request: web.Request) -> Period:
        usual, line = self._month(0), request.query.get("line", "")
        if line and LineId(line) not in self._desk.register.rules:
            raise BadRequest(400, "wrong_value", N_("A value is not allowed."), "line")
        first = _day("from", request.query.get("from", ""), usual.first)
        last = _day("to", request.query.get("to", ""), max(usual.last, first))
        if not first <= last < first + timedelta(days=LONGEST):
            sentence = N_("A report is of 1 to 366 days, and its last day is not before its first.")
            raise BadRequest(400, "wrong_value", sentence)
        return Period(first, last, LineId(line) or None)


def _day(name: str, text: str, usual: date) -> date:
    if not text:
        return usual
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadRequest(400, "wrong_value", N_("A day is written as 2026-11-30."), f"{name}.") from None
    if not 2000 <= day.year <= 2999:
        raise BadRequest(400, "wrong_value", N_("A day is written as 2026-11-30."), f"{name}.")
    return day
