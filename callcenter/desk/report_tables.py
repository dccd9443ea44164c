"""The report of requests as tables with words: the same on the page, in files, over the API and from the terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from callcenter.core.ids import LineId
from callcenter.desk.language import N_, TEXTS
from callcenter.desk.request_words import KINDS
from callcenter.reports.request_report import RequestReport
from callcenter.reports.request_sums import RequestSums
from callcenter.system.spreadsheet import Cell, Share, Sheet, whole

Aims = Mapping[LineId, tuple[timedelta | None, timedelta | None]]
"""By line: how long the mean answer may take, to who is registered and to others (eLot 2.2b)."""

CAPTIONS = {
    "whole": N_("All requests of the period"),
    "targets": N_("Targets kept, by what was due"),
    "answers": N_("Mean time to the answer, in plain time"),
    "line": N_("By line"),
    "subject": N_("By subject"),
    "urgency": N_("By urgency"),
    "assignee": N_("By who is responsible"),
    "month": N_("By month"),
    "age": N_("Open ones, by age"),
    "refusal": N_("Left unresolved, by reason"),
}
_FIRST = {
    "whole": N_("Period"),
    "line": N_("Line"),
    "subject": N_("Subject"),
    "urgency": N_("Urgency"),
    "assignee": N_("Who is responsible"),
    "month": N_("Month"),
    "age": N_("Age"),
    "refusal": N_("Reason"),
}
_MEASURES = (
    ("requests", N_("Requests")),
    ("answered", N_("Answered")),
    ("kept", N_("In time")),
    ("missed", N_("Late")),
    ("share_kept_percent", N_("Share in time")),
    ("mean_working_seconds", N_("Mean time to the answer, working time, h:min")),
    ("mean_plain_seconds", N_("Mean time to the answer, plain time, h:min")),
    ("interim_replies", N_("Interim replies")),
    ("reopened", N_("Opened again")),
    ("refused", N_("Left unresolved")),
)
_AGES = {
    "up to 1 day": N_("up to 1 day"),
    "up to 3 days": N_("up to 3 days"),
    "up to 7 days": N_("up to 7 days"),
    "up to 30 days": N_("up to 30 days"),
    "over 30 days": N_("over 30 days"),
}
_OF_SEVERAL = frozenset({"line", "month"})
"""These are shown only if there is more than one."""
_NONE, _ALL = N_("none"), N_("all")
_REGISTERED, _OTHERS = N_("registered"), N_("others")
_YES, _NO = N_("yes"), N_("no")


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called: lines, subjects, and people or groups."""

    line: Callable[[str], str]
    subject: Callable[[str], str]
    assignee: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `id`: for addresses and programs; `fields`: likewise, of its columns."""

    id: str
    caption: str
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(report: RequestReport, names: Names, aims: Aims, language: str) -> list[Table]:
    """Return the tables of a report, with words in a language; those without a row are left out."""
    made = [_whole(report, language), _targets(report, language), _answers(report, names, aims, language)]
    made += [_by(by, sums, names, language) for by, sums in report.by.items() if len(sums) > 1 or by not in _OF_SEVERAL]
    return [one for one in made if one.rows]


def shown(cell: Cell) -> str:
    """Return a cell as people read it; '–' for nothing."""
    match cell:
        case None:
            return "–"
        case Share():
            return f"{cell:.0%}".replace("%", " %")
        case timedelta():
            minutes = round(cell.total_seconds() / 60)
            return f"{minutes // 60}:{minutes % 60:02}"
        case _:
            return str(cell)


def plain(cell: Cell) -> Any:
    """Return a cell for programs: seconds, per cent, and whatever JSON has."""
    match cell:
        case Share():
            return round(cell * 100)
        case timedelta():
            return round(cell.total_seconds())
        case _:
            return cell


async def csv_rows(table: Table) -> AsyncIterator[dict[str, str]]:
    """Yield the rows of a table for a CSV file: durations are whole seconds, shares whole per cent."""
    for row in table.rows:
        cells = (plain(cell) for cell in row)
        yield {
            name: whole(cell) if isinstance(cell, int | float) else str("" if cell is None else cell)
            for name, cell in zip(table.fields, cells, strict=True)
        }


def sheets(made: list[Table], period: str) -> Iterator[Sheet]:
    """Yield the tables as those of a workbook; each says of which period it is."""
    for number, one in enumerate(made, 1):
        yield Sheet(f"{number} {one.caption}", f"{one.caption} · {period}", one.columns, one.rows)


def _whole(report: RequestReport, language: str) -> Table:
    gettext = TEXTS[language].gettext
    rows = ((gettext(_ALL), *_measured(report.whole)),) if report.whole.requests else ()
    return Table("whole", gettext(CAPTIONS["whole"]), *_headings("whole", language), rows)


def _by(by: str, sums: Mapping[str, RequestSums], names: Names, language: str) -> Table:
    gettext = TEXTS[language].gettext
    called: Mapping[str, Callable[[str], str]] = {
        "line": names.line,
        "subject": names.subject,
        "assignee": names.assignee,
        "age": lambda age: gettext(_AGES.get(age, age)),
    }
    name_of = called.get(by, str)
    rows = tuple((name_of(value) if value else gettext(_NONE), *_measured(one)) for value, one in sums.items())
    return Table(by, gettext(CAPTIONS[by]), *_headings(by, language), rows)


def _headings(by: str, language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    gettext = TEXTS[language].gettext
    fields = (by, *(name for name, _ in _MEASURES))
    return fields, (gettext(_FIRST[by]), *(gettext(title) for _, title in _MEASURES))


def _measured(one: RequestSums) -> tuple[Cell, ...]:
    share = one.share_kept
    return (
        one.requests,
        one.answered,
        one.kept,
        one.missed,
        None if share is None else Share(share),
        one.mean_working,
        one.mean_plain,
        one.interim,
        one.reopened,
        one.refused,
    )


def _targets(report: RequestReport, language: str) -> Table:
    gettext = TEXTS[language].gettext
    columns = (N_("What was due"), N_("Kept"), N_("Missed"), N_("Share kept"))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (gettext(KINDS[kind]), one.kept, one.missed, None if one.share is None else Share(one.share))
        for kind, one in report.targets.items()
    )
    fields = ("target", "kept", "missed", "share_kept_percent")
    return Table("targets", gettext(CAPTIONS["targets"]), fields, tuple(map(gettext, columns)), rows)


def _answers(report: RequestReport, names: Names, aims: Aims, language: str) -> Table:
    gettext = TEXTS[language].gettext
    columns = (N_("Line"), N_("Who asked"), N_("Answered"), N_("Mean, h:min"), N_("Aim, h:min"), N_("Aim kept"))
    rows: list[tuple[Cell, ...]] = []
    for (line, registered), one in report.answers.items():
        aim = aims.get(line, (None, None))[0 if registered else 1]
        within = None if aim is None else one.mean_within(aim)
        kept = None if within is None else gettext(_YES if within else _NO)
        who = gettext(_REGISTERED if registered else _OTHERS)
        rows.append((names.line(line), who, one.answered, one.mean_plain, aim, kept))
    fields = ("line", "who_asked", "answered", "mean_plain_seconds", "aim_seconds", "aim_kept")
    return Table("answers", gettext(CAPTIONS["answers"]), fields, tuple(map(gettext, columns)), tuple(rows))
