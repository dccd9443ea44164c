"""Tables of the promise ledger, for a terminal and for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from typing import Any

from callcenter.cli.terminal import DASH, figures, percent
from callcenter.reports.days import Zones, zone_of
from callcenter.reports.promises import DEPTHS, ENOUGH, TOLD, Ledger, Tally, each
from callcenter.store import Register
from callcenter.system.spreadsheet import moment, whole

_HEADINGS = ("ANNOUNCED", "JUDGED", "P90 HELD", "TIMES SPOKEN", "KEPT", "ANSWERED", "BIAS", "RMSE")


_NAME = 12


def table(found: Ledger) -> Iterator[str]:
    """Yield the ledger as lines for a terminal."""
    total = found.total
    if not total.announced:
        yield "No promises in the register."
        return
    yield figures("", _HEADINGS, _NAME, _HEADINGS)
    yield _figures("all", total)
    depths = {name: found.by_depth[name] for _, name in DEPTHS if name in found.by_depth}
    turns = {name: found.by_turn[name] for name in ("first", "later") if name in found.by_turn}
    days = {str(day): tally for day, tally in found.by_day.items()}
    for title, tallies in (("by day", days), ("by callers ahead", depths), ("by announcement", turns)):
        yield title
        for name, tally in tallies.items():
            yield _figures(name, tally)
    yield (
        f"Not judged: {total.gave_up} gave up before P90, {total.lost} lost, {total.open} still waiting, "
        f"{total.unknown} without an estimate. {DASH}: fewer than {ENOUGH} to tell by."
    )


def _figures(name: str, tally: Tally) -> str:
    cells = (
        str(tally.announced),
        str(tally.judged),
        percent(tally.coverage),
        str(tally.spoken),
        percent(tally.kept),
        str(tally.compared),
        percent(tally.bias, "+"),
        percent(tally.rmse),
    )
    return figures(f"  {name}", cells, _NAME, _HEADINGS)


def _fraction(number: float | None) -> str:
    """Format with the decimal comma of a Russian spreadsheet, which would read 2.5 as the second of May."""
    return "" if number is None else f"{number:.1f}".replace(".", ",")


_TEXT: dict[str, Callable[[Any], str]] = {"to_serve": _fraction, "result": str, "p90_held": str, "spoken_kept": str}
"""How to format a value; columns not listed here are whole numbers."""


COLUMNS = ("call", "line", "date", "time", *TOLD)
"""The columns of the exported file."""


async def rows(
    register: Register, first: date, last: date, zones: Zones, line: str | None = None
) -> AsyncIterator[dict[str, str]]:
    """Yield the promises one by one, in the order in which they were spoken, as rows of a file with `COLUMNS`."""
    texts = [(name, _TEXT.get(name, whole)) for name in TOLD]
    async for one in each(register, first, last, zones, line):
        day, _, time = moment(one.spoken_at, zone_of(one.line, zones)).partition(" ")
        cells = {name: text(value) for (name, text), value in zip(texts, one.values, strict=True)}
        yield {"call": one.call, "line": one.line, "date": day, "time": time} | cells
