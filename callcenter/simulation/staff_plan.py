"""The number of operators on duty over time: constant, or a plan by half-hours or other steps."""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf, isfinite
from pathlib import Path

from callcenter.core.errors import ReadableError
from callcenter.simulation.text_file import delimiter_of, encoding_of

DAY = 86400.0
MOST_AGENTS = 10_000
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


class StaffPlanError(ReadableError):
    """The staff plan is unusable; the text is for people and names the line of the file."""


@dataclass(frozen=True, slots=True)
class StaffPlan:
    """Steps (start in seconds, people from then on), ascending.

    A daily plan repeats every 86,400 seconds; its last step lasts until the first one of the next day. Any other plan
    has nobody before its first step, and its last step lasts for ever. A step may have 0 people (callers then wait, and
    their estimate is unknown), but not every step.
    """

    steps: tuple[tuple[float, int], ...]
    daily: bool = False

    def __post_init__(self) -> None:
        starts = [start for start, _ in self.steps]
        for (start, agents), later in zip(self.steps, [*starts[1:], inf], strict=False):
            if not isfinite(start) or not start < later:
                raise StaffPlanError(f"the starts of a staff plan must be ascending seconds, not {start:g}, {later:g}")
            if not 0 <= agents <= MOST_AGENTS:
                raise StaffPlanError(f"{agents} people; 0 to {MOST_AGENTS} are allowed")
        if self.daily and self.steps and not 0 <= self.steps[0][0] <= self.steps[-1][0] < DAY:
            raise StaffPlanError("a daily plan has its steps between 00:00 and 24:00")
        if not any(agents for _, agents in self.steps):
            raise StaffPlanError("nobody is ever on duty: at least one step needs at least 1 person")

    @classmethod
    def constant(cls, agents: int) -> StaffPlan:
        """Make a plan with the same number of people all the time."""
        return cls(((0.0, agents),), daily=True)

    @classmethod
    def read(cls, path: Path) -> StaffPlan:
        """Read a CSV file with the columns `start` (HH:MM or HH:MM:SS: every day; or seconds: once) and `agents`.

        Columns are separated by commas or semicolons; the text is UTF-8 or Windows-1251.

        Raises StaffPlanError.
        """
        rows = list(_rows(path))
        if not rows:
            raise StaffPlanError(f"{path}: no rows; each is a start (HH:MM or seconds) and a number of agents")
        for (_, daily, _), (line, daily_too, _) in zip(rows, rows[1:], strict=False):
            if daily != daily_too:
                raise StaffPlanError(f"{path}, line {line}: a start as HH:MM and one in seconds; use either, not both")
        for (_, _, (start, _)), (line, _, (later, _)) in zip(rows, rows[1:], strict=False):
            if later <= start:
                raise StaffPlanError(f"{path}, line {line}: starts not later than the line before; sort by start")
        try:
            return cls(tuple(step for _, _, step in rows), rows[0][1])
        except StaffPlanError as problem:
            raise StaffPlanError(f"{path}: {problem}") from None

    @property
    def most(self) -> int:
        """The largest number of people on duty at the same time."""
        return max(agents for _, agents in self.steps)

    def changes(self, begin: float) -> Iterator[tuple[float, int]]:
        """Yield the number at `begin`, then every later step; endless if there are several steps per day."""
        yield begin, self.at(begin)
        if not self.daily:
            yield from (step for step in self.steps if step[0] > begin)
        elif len(self.steps) > 1:
            for day in count(int(begin // DAY)):
                for start, agents in self.steps:
                    if day * DAY + start > begin:
                        yield day * DAY + start, agents

    def at(self, now: float) -> int:
        """Return the people on duty at `now`."""
        index = bisect_right([start for start, _ in self.steps], now % DAY if self.daily else now) - 1
        return 0 if index < 0 and not self.daily else self.steps[index][1]


def _rows(path: Path) -> Iterator[tuple[int, bool, tuple[float, int]]]:
    try:
        with path.open(encoding=encoding_of(path), errors="replace", newline="") as file:
            delimiter = delimiter_of(file.readline())
            file.seek(0)
            reader = csv.DictReader(file, delimiter=delimiter)
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            missing = {"start", "agents"} - set(reader.fieldnames or ())
            if missing:
                raise StaffPlanError(f"{path}: no column {' and no '.join(sorted(missing))} in the first line")
            for row in reader:
                try:
                    daily, start = _start(row["start"])
                    yield reader.line_num, daily, (start, _agents(row["agents"]))
                except StaffPlanError as problem:
                    raise StaffPlanError(f"{path}, line {reader.line_num}: {problem}") from None
    except (OSError, csv.Error) as problem:
        raise StaffPlanError(f"{path}: cannot be read: {problem}") from problem


def _start(text: str | None) -> tuple[bool, float]:
    """Return whether it is a time of day, and its seconds."""
    clock = _CLOCK.fullmatch((text or "").strip())
    if clock:
        return True, int(clock[1]) * 3600.0 + int(clock[2]) * 60.0 + int(clock[3] or 0)
    try:
        seconds = float((text or "").replace(",", "."))
    except ValueError:
        seconds = -1.0
    if not (isfinite(seconds) and seconds >= 0):
        raise StaffPlanError(f"start '{text}' is neither HH:MM[:SS] nor a number of seconds from 0 on")
    return False, seconds


def _agents(text: str | None) -> int:
    agents = (text or "").strip()
    if not (agents.isascii() and agents.isdigit() and len(agents) < 10):
        raise StaffPlanError(f"agents '{text}' is not a whole number from 0 on")
    if int(agents) > MOST_AGENTS:
        raise StaffPlanError(f"{agents} agents; {MOST_AGENTS} are the most")
    return int(agents)


def staffed(by_half_hour: Sequence[int]) -> StaffPlan:
    """Make a daily plan from 48 numbers, midnight first."""
    if len(by_half_hour) != 48:
        raise StaffPlanError(f"{len(by_half_hour)} half-hours; a day has 48")
    return StaffPlan(tuple((index * 1800.0, agents) for index, agents in enumerate(by_half_hour)), daily=True)
