"""Tables of requests, for a terminal and for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from callcenter.cli.terminal import DASH, figures, percent, visible, words
from callcenter.config import Config
from callcenter.core.ids import LineId
from callcenter.desk.report_tables import Aims, Names
from callcenter.reports.days import Zones, zone_of
from callcenter.reports.request_sums import RequestSums
from callcenter.reports.requests import RequestFigures
from callcenter.request_register.filed import BoardRow, Filed
from callcenter.request_register.outbox import Leaving
from callcenter.request_register.takeover import TakenOver
from callcenter.requests.request import Entry
from callcenter.system.spreadsheet import moment, whole

_TABLE: Sequence[tuple[str, int, Callable[[BoardRow, tzinfo], str]]] = (
    ("NUMBER", 20, lambda row, zone: str(row.number or f"draft {row.id}")),
    ("STATE", 9, lambda row, zone: row.state.value),
    ("DUE", 16, lambda row, zone: moment(row.due, zone)[:16]),
    ("OF", 14, lambda row, zone: row.due_kind.value if row.due_kind else ""),
    ("URGENCY", 10, lambda row, zone: row.urgency),
    ("ASSIGNEE", 12, lambda row, zone: row.assignee.id if row.assignee else ""),
    ("SUBJECT", 14, lambda row, zone: row.subject),
    ("REQUESTER", 30, lambda row, zone: row.requester),
)


def _seconds(value: timedelta | None) -> str:
    return whole(None if value is None else value.total_seconds())


_MOST_THERE = 20
"""Rows that are named of those that were taken over before."""
_CELLS: Mapping[str, Callable[[RequestFigures, tzinfo], str]] = {
    "number": lambda row, zone: row.number,
    "line": lambda row, zone: row.line,
    "state": lambda row, zone: row.state,
    "subject": lambda row, zone: row.subject,
    "urgency": lambda row, zone: row.urgency,
    "assignee": lambda row, zone: row.assignee,
    "opened_by": lambda row, zone: row.opened_by,
    "received_at": lambda row, zone: moment(row.received_at, zone),
    "due": lambda row, zone: moment(row.due, zone),
    "promised": lambda row, zone: moment(row.promised, zone),
    "answered_at": lambda row, zone: moment(row.answered_at, zone),
    "ended_at": lambda row, zone: moment(row.ended_at, zone),
    "kept": lambda row, zone: "" if row.kept is None else "yes" if row.kept else "no",
    "working_seconds": lambda row, zone: _seconds(row.working),
    "plain_seconds": lambda row, zone: _seconds(row.plain),
    "interim_replies": lambda row, zone: str(row.interim),
    "reopened": lambda row, zone: str(row.reopened),
    "refusal": lambda row, zone: row.refusal,
    "registered": lambda row, zone: "yes" if row.registered else "no",
}
COLUMNS = tuple(_CELLS)
"""The columns of the exported file."""


async def rows(found: AsyncIterator[RequestFigures], zones: Zones) -> AsyncIterator[dict[str, str]]:
    """Yield requests as rows of a file with `COLUMNS`."""
    async for one in found:
        zone = zone_of(one.line, zones)
        yield {name: cell(one, zone) for name, cell in _CELLS.items()}


def table(found: Sequence[BoardRow], zones: Zones, at: datetime) -> Iterator[str]:
    """Yield requests as lines for a terminal, the heading first; what is late is marked."""
    widths = [width for _, width, _ in _TABLE]
    yield "  " + words((name for name, _, _ in _TABLE), widths)
    for row in found:
        zone = zone_of(row.line, zones)
        yield ("! " if row.overdue(at) else "  ") + words((cell(row, zone) for _, _, cell in _TABLE), widths)


def story(filed: Filed, history: Sequence[Entry], zones: Zones) -> Iterator[str]:
    """Yield all of a request as lines for a terminal."""
    request, asks, zone = filed.request, filed.requester, zone_of(filed.request.line, zones)
    facts = {
        "number": str(request.number or "draft"),
        "id": request.id,
        "version": str(request.version),
        "state": request.state.value,
        "subject": request.subject,
        "urgency": request.urgency,
        "reply": f"{request.reply.way.value} {request.reply.address}" if request.reply else "",
        "assignee": f"{request.assignee.kind.value} {request.assignee.id}" if request.assignee else "",
        "requester": ", ".join(filter(None, (asks.name, asks.customer, asks.number, asks.inn))),
        "convenient": asks.convenient,
        "call": filed.call,
        "origin": filed.origin,
        "told": filed.told,
        "refusal": request.refusal,
        "merged into": str(request.merged_into or ""),
    }
    yield from (f"{name:<12} {visible(value)}" for name, value in facts.items() if value)
    for target in request.targets:
        until = f"{target.kind.value:<14} {moment(target.expected, zone)}"
        state = "dropped" if target.dropped else f"met {moment(target.met_at, zone)}" if target.met_at else "open"
        yield f"target       {until} {'stopped' if target.stopped_at else state}"
    yield from _texts("asked", request.essentials)
    for message in request.messages:
        yield f"out          {message.key} {message.purpose.value} {message.reply.way.value} {message.fate.value}"
        yield from _texts("", message.text)
    for received in filed.received:
        yield f"in           {visible(received.key)} {moment(received.at, zone)} {visible(received.sender)}"
        yield from _texts("", received.text)
    for one in filed.attachments:
        gone = ", deleted" if one.deleted_at else ""
        yield f"file         {visible(one.name)} {one.size} bytes{gone} {one.sha256}"
    yield from (_entry(entry, zone) for entry in history)


def names(config: Config) -> Names:
    """Return what the ids in reports are called."""
    titles = {line.id: line.title for line in config.lines.values()}
    subjects = {id_: title for line in config.lines.values() for id_, title in line.subjects.items()}
    people = {str(id_): one.name for id_, one in config.people.items()}
    groups = {str(id_): one.title for id_, one in config.groups.items()}
    return Names(
        line=lambda line: titles.get(LineId(line), line),
        subject=lambda subject: subjects.get(subject, subject),
        assignee=lambda who: people.get(who) or groups.get(who, who),
    )


def aims(config: Config) -> Aims:
    """Return how long the mean answer of each line may take (eLot 2.2b)."""
    return {
        line.id: (line.requests.mean_answer.registered, line.requests.mean_answer.others)
        for line in config.lines.values()
        if line.requests is not None
    }


def takeover_lines(done: TakenOver) -> Iterator[str]:
    """Yield what became of a file of another system's requests as lines for a terminal."""
    numbers = f", {done.numbers[0]} to {done.numbers[-1]}" if done.numbers else ""
    yield f"{len(done.numbers)} requests taken over{numbers}"
    if done.there:
        yield f"{len(done.there)} rows were taken over before, their requests stay as they are:"
        yield from (f"  line {row}: {number}" for row, number in done.there[:_MOST_THERE])
        if len(done.there) > _MOST_THERE:
            yield f"  … and {len(done.there) - _MOST_THERE} more"


SUM_COLUMNS = (
    "requests",
    "answered",
    "kept",
    "missed",
    "share_kept_percent",
    "mean_working_seconds",
    "mean_plain_seconds",
    "interim_replies",
    "reopened",
    "refused",
    "mean_within_aim",
)
"""The columns of a file of sums, after the one that they are by."""


async def sum_rows(made: Mapping[str, RequestSums], by: str, aim: timedelta | None) -> AsyncIterator[dict[str, str]]:
    """Yield sums as rows of a file with the column `by` and `SUM_COLUMNS`."""
    for name, one in made.items():
        share = one.share_kept
        cells = (
            *(str(number) for number in (one.requests, one.answered, one.kept, one.missed)),
            whole(None if share is None else share * 100),
            _seconds(one.mean_working),
            _seconds(one.mean_plain),
            *(str(number) for number in (one.interim, one.reopened, one.refused)),
            _within(one, aim),
        )
        yield {by: name, **dict(zip(SUM_COLUMNS, cells, strict=True))}


def _within(one: RequestSums, aim: timedelta | None) -> str:
    within = None if aim is None else one.mean_within(aim)
    return "" if within is None else "yes" if within else "no"


def sum_lines(made: Mapping[str, RequestSums], by: str, aim: timedelta | None = None) -> Iterator[str]:
    """Yield sums as lines for a terminal, the heading first. `aim`: for the mean plain time to the answer."""
    headings: tuple[str, ...] = (
        "REQUESTS",
        "ANSWERED",
        "KEPT",
        "MISSED",
        "SHARE",
        "WORKING H",
        "PLAIN H",
        "INTERIM",
        "REOPENED",
        "REFUSED",
    )
    headings += ("IN AIM",) if aim is not None else ()
    yield figures(by.upper(), headings, 20, headings)
    for name, one in made.items():
        cells = (
            *(str(number) for number in (one.requests, one.answered, one.kept, one.missed)),
            percent(one.share_kept),
            _hours(one.mean_working),
            _hours(one.mean_plain),
            *(str(number) for number in (one.interim, one.reopened, one.refused)),
            *((_within(one, aim) or DASH,) if aim is not None else ()),
        )
        yield figures(name[:20], cells, 20, headings)


def _hours(mean: timedelta | None) -> str:
    return DASH if mean is None else f"{mean.total_seconds() / 3600:.1f}"


def leaving_lines(found: Sequence[Leaving], zones: Zones) -> Iterator[str]:
    """Yield what waits to leave as lines for a terminal."""
    for one in found:
        zone = zone_of(one.line, zones)
        tried = f", tried {one.tries} times: {one.problem}" if one.tries else ""
        yield visible(f"{moment(one.queued_at, zone)} {one.key} {one.way.value} to {one.address}{tried}")


def _entry(entry: Entry, zone: tzinfo) -> str:
    dates = " → ".join(moment(one, zone) for one in (entry.before, entry.after) if one)
    return visible(
        " ".join(filter(None, (moment(entry.at, zone), entry.by, entry.fact.value, entry.what, dates, entry.why)))
    )


def _texts(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines()):
        yield f"{name if not number else '':<12} {visible(line)}"
