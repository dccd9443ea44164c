"""What holds when on each line: for people who look it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from callcenter.config import Config
from callcenter.config.dated import ALWAYS, Difference, Version, differences
from callcenter.core.ids import LineId
from callcenter.dated.plan import Published, plan, waiting


@dataclass(frozen=True)
class Entry:
    """What holds from a day on, and what is another one than before."""

    day: date | None
    """None: from the beginning."""
    present: bool
    published_at: datetime | None
    """None: nothing of the line is published yet."""
    by: str
    without_notice: str
    changes: tuple[Difference, ...]


@dataclass(frozen=True)
class OfLine:
    """All of one line."""

    line: LineId
    title: str
    zone: str
    notice_days: int
    entries: tuple[Entry, ...]
    waiting: tuple[str, ...]
    """What the file says and nobody has published, in sentences."""


def timelines(config: Config, published: Sequence[Published], now: datetime) -> list[OfLine]:
    """Return all lines. Raises ConfigError if a row does not fit the file any more."""
    return [_of(config, line, [one for one in published if one.line == line], now) for line in config.lines]


def _of(config: Config, line: LineId, published: Sequence[Published], now: datetime) -> OfLine:
    settings = config.lines[line]
    today = now.astimezone(settings.zone).date()
    found: Sequence[Version | Published] = published or config.timeline(line)
    lines = [config.line_with(line, one.content) if one.content else settings for one in found]
    present = max(index for index, one in enumerate(found) if not index or one.first <= today)
    entries = []
    for index, one in enumerate(found):
        row = one if isinstance(one, Published) else None
        entries.append(
            Entry(
                None if one.first == ALWAYS else one.first,
                index == present,
                row.published_at.astimezone(settings.zone) if row else None,
                row.by if row else "",
                row.without_notice if row else "",
                tuple(differences(lines[index - 1], lines[index])) if index else (),
            )
        )
    open_ = plan(config, line, published, now) if published else None
    told = tuple(waiting(open_)) if open_ and (open_.held or settings.notice_days) else ()
    return OfLine(line, settings.title, str(settings.zone), settings.notice_days, tuple(entries), told)
