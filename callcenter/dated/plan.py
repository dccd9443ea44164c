"""What may become of a line's settings: what the file wants, against what was published (ESTP 6.2, eLot 4.3).

Pure. One rule: what customers were told stays so for `notice_days` days from the day on which something else is
published. So all days from today on are compared: on a day that is nearer, both have to say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from callcenter.config import Config
from callcenter.config.dated import ALWAYS, Difference, Holding, Raw, Version, at, differences, midnight
from callcenter.core.ids import LineId


@dataclass(frozen=True)
class Published:
    """A row of the register that is not withdrawn."""

    id: int
    line: LineId
    first: date
    content: Raw
    published_at: datetime
    by: str
    without_notice: str = ""


@dataclass(frozen=True)
class Held:
    """Something that is not published: it comes too soon."""

    line: LineId
    day: date
    """From when on it would hold; in the past: from now on."""
    earliest: date
    """From when on it could."""
    changes: tuple[Difference, ...]

    def __str__(self) -> str:
        what = "; ".join(map(str, self.changes))
        return (
            f"lines.{self.line}: {what}: from {self.day} on is too soon, customers have to be told before; "
            f"write it with `from: {self.earliest}` or later, or publish it --without-notice"
        )


@dataclass(frozen=True)
class Plan:
    """What is to be written for one line."""

    line: LineId
    held: tuple[Held, ...] = ()
    """What comes too soon: then nothing else is here, unless it is to be published without notice."""
    told: tuple[tuple[date, tuple[Difference, ...]], ...] = ()
    """What customers have to be told: by day, what will be another one than was published."""
    new: tuple[Version, ...] = ()
    withdrawn: tuple[int, ...] = ()
    replaced: Mapping[int, Raw] = field(default_factory=dict)
    """Rows that get other settings in their place: nothing in them was told to customers."""

    @property
    def empty(self) -> bool:
        """Whether all that the file says is published."""
        return not (self.held or self.new or self.withdrawn or self.replaced)


def plan(
    config: Config, line: LineId, published: Sequence[Published], now: datetime, *, without_notice: bool = False
) -> Plan:
    """Return what is to be written so that what is published is what the file says.

    `published`: of this line, in order. If there is nothing yet, what holds today is published first, whatever it is;
    ask once more after that. Raises ConfigError if a row does not fit the rest of the file any more.
    """
    wanted, settings = config.timeline(line), config.lines[line]
    today = now.astimezone(settings.zone).date()
    if not published:
        return Plan(line, new=tuple(one for one in wanted if one is wanted[0] or one.first <= today))
    rows = [Version(one.first, config.line_with(line, one.content), one.content) for one in published]
    found = _compare(line, rows, wanted, today, settings.notice_days)
    if found.held and not without_notice:
        return found
    return _steps(found, published, rows, wanted, today, settings.notice_days)


def _compare(line: LineId, before: Sequence[Version], wanted: Sequence[Version], today: date, notice: int) -> Plan:
    days = sorted({max(one.first, today) for one in (*before, *wanted)} | {today})
    held, told = list[Held](), list[tuple[date, tuple[Difference, ...]]]()
    earliest = today + timedelta(days=notice)
    for day in days:
        changes = tuple(one for one in differences(at(before, day).line, at(wanted, day).line) if one.stated)
        if not changes or (told and told[-1][1] == changes):
            continue
        told.append((day, changes))
        if day < earliest:
            held.append(Held(line, day, earliest, changes))
    return Plan(line, tuple(held), tuple(told))


def _steps(
    found: Plan,
    published: Sequence[Published],
    rows: Sequence[Version],
    wanted: Sequence[Version],
    today: date,
    notice: int,
) -> Plan:
    new, withdrawn, replaced = list[Version](), list[int](), dict[int, Raw]()
    now, then = at(rows, today), at(wanted, today)
    if now.content != then.content:
        if then.first > now.first:  # a section whose day has come, or is over
            new.append(then)
        elif notice and found.told and found.told[0][0] == today:
            new.append(replace(then, first=today))
        else:
            replaced[published[rows.index(now)].id] = then.content
    future = {one.first: one for one in wanted if one.first > today}
    for row in published:
        if row.first > today and (row.first not in future or future[row.first].content != row.content):
            withdrawn.append(row.id)
    there = {row.first for row in published if row.id not in withdrawn}
    new += [one for day, one in sorted(future.items()) if day not in there]
    return Plan(found.line, found.held, found.told, tuple(new), tuple(withdrawn), replaced)


def holdings(config: Config, published: Sequence[Published]) -> dict[LineId, list[Holding]]:
    """Return what was published by line, with the moment from which each holds."""
    found: dict[LineId, list[Holding]] = {}
    for row in published:
        if row.line in config.lines:
            begins = midnight(row.first, config.lines[row.line].zone)
            since = begins if row.first == ALWAYS else max(begins, row.published_at)
            found.setdefault(row.line, []).append(Holding(since, row.content))
    return {line: sorted(of_line, key=lambda one: one.since) for line, of_line in found.items()}


def waiting(plan: Plan) -> list[str]:
    """Return what is not in force though the file says it, in sentences."""
    if plan.held:
        return [str(one) for one in plan.held]
    return [
        f"lines.{plan.line}: {'; '.join(map(str, changes))}, from {day} on: nobody has published it; "
        "callcenter settings publish"
        for day, changes in plan.told
    ]
