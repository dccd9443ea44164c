"""Recorded callers: reads a CSV file of arrivals, handling times, patience and urgency, and writes results as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import IO

from callcenter.core.errors import ReadableError
from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.text_file import delimiter_of, encoding_of
from callcenter.simulation.traffic import Demand

REQUIRED = ("arrival", "handling")
COLUMNS = (*REQUIRED, "patience", "urgency")
LONGEST_SPAN = 100 * 366 * 86400.0
"""Seconds between the first and the last arrival. A longer trace has an error in its times."""
LONGEST_HANDLING = 86400.0
"""Seconds. A call that lasts longer is an error in its times, and would keep the simulation from ending."""
ENDLESS = ("", "inf", "endless")


class TraceError(ReadableError):
    """The trace cannot be simulated; the text is for people and names the line of the file."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A summary of a trace."""

    calls: int
    first: float
    """Seconds of the first arrival."""
    last: float
    handling: float
    """Mean, seconds."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Callers from a CSV file of any length. It is read row by row, again for every run.

    The first line names the columns: `arrival` and `handling` (seconds), and optionally `patience` (seconds; empty or
    'inf': endless) and `urgency` (a class; empty: the default class). Other columns are ignored. Rows are in order of
    arrival. Seconds count from any midnight. If columns are separated by semicolons, numbers may have decimal commas.
    The text is UTF-8, or Windows-1251.
    """

    path: Path
    classes: Sequence[str]
    """The urgency classes that may occur."""

    def calls(self, seed: int) -> Iterator[Demand]:
        """Yield the callers, which are the same for every seed. Raises TraceError if the file is wrong."""
        first = last = None
        for line, row in _rows(self.path):
            try:
                demand = self._demand(row)
                if last is not None and demand.at < last:
                    raise TraceError(
                        f"arrival {demand.at:g} is before that of the row above, {last:g}; sort the rows by arrival"
                    )
                first, last = (demand.at if first is None else first), demand.at
                if last - first > LONGEST_SPAN:
                    raise TraceError(f"arrival {last:g} is more than 100 years after the first, {first:g}")
            except TraceError as problem:
                raise TraceError(f"{self.path}, line {line}: {problem}") from None
            yield demand
        if last is None:
            raise TraceError(f"{self.path}: no callers; each row is one, with {', '.join(COLUMNS)}")

    def check(self) -> Contents:
        """Read the whole file once, so that an error in the last row is known before anything is written.

        Raises TraceError.
        """
        calls, handling, first, last = 0, 0.0, 0.0, 0.0
        for demand in self.calls(0):
            first, last = (demand.at if calls == 0 else first), demand.at
            calls += 1
            handling += demand.handling
        return Contents(calls, first, last, handling / calls)

    def _demand(self, row: Mapping[str, str]) -> Demand:
        urgency = row.get("urgency", "").strip()
        if urgency and urgency not in self.classes:
            raise TraceError(f"urgency '{urgency}' is no class; there are {', '.join(self.classes)}")
        patience = row.get("patience", "").strip()
        return Demand(
            at=_seconds(row, "arrival"),
            handling=_handling(row),
            patience=inf if patience.lower() in ENDLESS else _seconds(row, "patience"),
            urgency=urgency,
        )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and values by column."""
    try:
        with path.open(encoding=encoding_of(path), errors="replace", newline="") as file:
            header = file.readline()
            delimiter = delimiter_of(header)
            semicolons = delimiter == ";"
            columns = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
            _check_header(path, columns)
            reader = csv.reader(file, delimiter=delimiter)
            for values in reader:
                line = reader.line_num + 1
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(columns):
                    raise TraceError(f"{path}, line {line}: {len(values)} values; the first line names {len(columns)}")
                decimals = (value.replace(",", ".") if semicolons else value for value in values)
                yield line, dict(zip(columns, decimals, strict=True))
    except (OSError, csv.Error) as problem:
        raise TraceError(f"{path}: cannot be read: {problem}") from problem


def _check_header(path: Path, columns: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        there = ", ".join(filter(None, columns)) or "nothing"
        raise TraceError(f"{path}, line 1: no column {' and no '.join(missing)}; there is {there}")
    twice = sorted({name for name in COLUMNS if columns.count(name) > 1})
    if twice:
        raise TraceError(f"{path}, line 1: more than one column {' and '.join(twice)}")


def _handling(row: Mapping[str, str]) -> float:
    seconds = _seconds(row, "handling")
    if seconds > LONGEST_HANDLING:
        raise TraceError(f"handling {row['handling'].strip()} s; {LONGEST_HANDLING:.0f} s, a day, are the most")
    return seconds


def _seconds(row: Mapping[str, str], column: str) -> float:
    text = row[column].strip()
    try:
        seconds = float(text)
    except ValueError:
        raise TraceError(f"{column} '{text}' is not a number of seconds") from None
    if not (isfinite(seconds) and seconds >= 0):
        raise TraceError(f"{column} {text} s; 0 or more is allowed, and finite")
    return seconds


OUTCOME_COLUMNS = (
    "arrival",
    "urgency",
    "ahead",
    "staff",
    "estimate",
    "p90",
    "offered_wait",
    "outcome",
    "waited",
    "handling",
    "patience",
    "rose",
)
"""Columns of the results. Each rival adds two: its name, and its name and '_p90'.

Empty means unknown; for patience, endless. Read as a trace, the file gives the same callers.
"""


def writer(file: IO[str], rivals: Sequence[str] = ()) -> Callable[[SimulatedCall], None]:
    """Return a function that writes one row per caller, after a heading. Seconds, to the millisecond."""
    table = csv.writer(file, lineterminator="\n")
    table.writerow((*OUTCOME_COLUMNS, *(column for name in rivals for column in (name, f"{name}_p90"))))

    def write(call: SimulatedCall) -> None:
        theirs = (number for name in rivals for number in call.rivals.get(name, (None, None)))
        numbers = (call.estimate, call.p90, call.offered_wait)
        table.writerow(
            (
                f"{call.arrived_at:.3f}",
                call.urgency,
                call.ahead,
                call.staff,
                *map(_shown, numbers),
                call.outcome,
                _shown(call.waited),
                _shown(call.handling),
                _shown(call.patience),
                int(call.rose),
                *map(_shown, theirs),
            )
        )

    return write


def _shown(seconds: float | None) -> str:
    return "" if seconds is None or seconds == inf else f"{seconds:.3f}"
