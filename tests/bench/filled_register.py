"""A register of many calls, made by SQL within minutes and kept: `var/bench/register-5000000.sqlite`.

A busy line over years: `PER_DAY` calls on each day from Monday to Friday, the last of them `LAST_DAY`. A smaller
register has fewer days: a day is the same in all of them. A day is made of the very facts that the core would save, and
then repeated with other dates, so that equal sizes give equal registers. Per call: 0.9 offers, 1.9 announcements, 0.02
transfers; 40 shifts a day, and a presence change once an hour and person (a live line has four a call: no report reads
them).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from callcenter.core.commands import Save, SaveAnnouncement, SaveCall, SaveOffer, SavePresence, SaveTransfer
from callcenter.core.ids import CallId, LineId, PersonId
from callcenter.core.records import (
    AnnouncementRecord,
    CallRecord,
    HungUpBy,
    Identification,
    OfferRecord,
    Outcome,
    PresenceRecord,
    PromiseResult,
    TransferRecord,
)
from callcenter.store import Register
from callcenter.store.rows import TABLE_OF, row_of
from callcenter.store.tables import Base, UtcDateTime

LINES = (LineId("estp"), LineId("suppliers"))
"""Three calls of four are the first one's."""
PER_DAY = 4000
LAST_DAY = date(2026, 11, 20)
OPERATORS = tuple(str(number) for number in range(101, 141))
CUSTOMERS = 20_000
LEFT_OPEN = 30
"""Calls, and as many shifts, that a controller which was killed left open."""

_OPENS = datetime(2026, 11, 20, 6, tzinfo=UTC)
"""09:00 in Moscow, in two of three years of whatever zone."""
_OPEN_FOR = 9 * 3600.0
_DAYS_AT_ONCE = 50
_IDS = frozenset({"call", "offer", "fact"})
"""Columns whose values differ from day to day."""


@dataclass(frozen=True, slots=True)
class FilledRegister:
    """Where it is, and how much is in it."""

    path: Path
    calls: int
    rows: dict[str, int]
    """By table."""
    megabytes: float
    made_in: float | None
    """Seconds; None: it was there already."""

    @property
    def first_day(self) -> date:
        """The first day with calls."""
        return working_days(self.calls // PER_DAY)[0]


def working_days(number: int) -> list[date]:
    """So many days from Monday to Friday, up to the last one."""
    found: list[date] = []
    day = LAST_DAY
    while len(found) < number:
        if day.weekday() < 5:
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


async def filled(folder: Path, calls: int) -> FilledRegister:
    """The register of this size: the one that is kept there, with migrations it lacks, or a new one."""
    days = working_days(max(1, calls // PER_DAY))
    path, begin = folder / f"register-{len(days) * PER_DAY}.sqlite", time.perf_counter()
    there = await asyncio.to_thread(path.exists)
    if not there:
        unfinished = path.with_suffix(".unfinished")
        await asyncio.to_thread(unfinished.unlink, missing_ok=True)
        await (await Register.open(unfinished)).close()
        await asyncio.to_thread(_fill, unfinished, days)
        await asyncio.to_thread(unfinished.rename, path)
    await (await Register.open(path)).close()
    made_in = None if there else time.perf_counter() - begin
    with closing(sqlite3.connect(path)) as connection:
        names = [name for name in Base.metadata.tables if name != "alembic_version"]
        rows = {name: connection.execute(f'SELECT max(rowid) FROM "{name}"').fetchone()[0] or 0 for name in names}
    return FilledRegister(path, len(days) * PER_DAY, rows, path.stat().st_size / 1e6, made_in)


def leave_open(path: Path) -> None:
    """As a controller leaves it that is killed while people talk."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        taken = "SELECT call FROM calls WHERE answered_at > '' ORDER BY id DESC LIMIT ?"
        calls = [call for (call,) in connection.execute(taken, (LEFT_OPEN,))]
        for statement in (
            "UPDATE calls SET outcome = 'in_progress', ended_at = NULL WHERE call = ?",
            "UPDATE offers SET ended_at = NULL, result = '' WHERE call = ?",
            "UPDATE announcements SET result = 'open', waited = NULL WHERE call = ?",
        ):
            connection.executemany(statement, [(call,) for call in calls])
        connection.execute(
            "UPDATE shifts SET ended_at = NULL WHERE id IN (SELECT id FROM shifts ORDER BY id DESC LIMIT ?)",
            (LEFT_OPEN,),
        )
        connection.execute("COMMIT")


# -- one day ---------------------------------------------------------------------------------------------------


def facts_of_a_day(prefix: str = "") -> Iterator[Save]:
    """What the core saves in one day, each row in its last version. Ids begin with the prefix; seconds from opening."""
    random = Random(5)
    arrivals = sorted(random.uniform(0, _OPEN_FOR - 1800) for _ in range(PER_DAY))
    for number, at in enumerate(arrivals):
        yield from _call(f"{prefix}{number:05d}", at, random)
    for operator in OPERATORS:
        for hour in range(10):
            presence, activity = ("off", "idle") if hour == 9 else ("available", "idle")
            yield SavePresence(
                PresenceRecord(PersonId(operator), hour * 3600.0, presence, activity, "asked", f"phone-{operator}")
            )


def _call(call: str, at: float, random: Random) -> Iterator[Save]:
    outcome = random.choices(
        (Outcome.ANSWERED, Outcome.ABANDONED, Outcome.LEFT_IN_MENU, Outcome.ALL_LINES_BUSY), (82, 9, 6, 3)
    )[0]
    joined = at + 25.0 if outcome in (Outcome.ANSWERED, Outcome.ABANDONED) else None
    waited = random.expovariate(1 / 70)
    talk = random.expovariate(1 / 180) if outcome is Outcome.ANSWERED else 0.0
    known = random.random() < 0.7
    operator = random.choice(OPERATORS) if outcome is Outcome.ANSWERED else ""
    yield SaveCall(
        CallRecord(
            CallId(call),
            random.choices(LINES, (3, 1))[0],
            f"+7342{random.randrange(10**7):07d}",
            "",
            at,
            identification=random.choice((Identification.BY_NUMBER, Identification.BY_INN))
            if known
            else Identification.UNKNOWN,
            inn=f"{random.randrange(10**10):010d}" if known else "",
            customer="Администрация муниципального округа" if known else "",
            role="Заказчик" if known else "",
            urgency=random.choice(("urgent", "normal")) if joined else "",
            joined_at=joined,
            answered_at=joined + waited if joined and operator else None,
            ended_at=at + 20.0 if joined is None else joined + waited + talk,
            waiting=waited if joined else None,
            talk=talk,
            operator=PersonId(operator),
            outcome=outcome,
            hung_up_by=HungUpBy.CALLER,
            cause=16,
            cause_text="Normal Clearing",
            recording=f"estp/2026/11/20/{call}.wav" if operator else "",
            recording_seconds=talk if operator else None,
            recording_sha256=f"{random.getrandbits(256):064x}" if operator else "",
        )
    )
    if joined:
        yield from _wait(call, joined, waited, bool(operator), random)
    if joined and operator:
        yield from _conversation(call, joined + waited, talk, operator, random)


def _wait(call: str, joined: float, waited: float, answered: bool, random: Random) -> Iterator[Save]:
    result = PromiseResult.ANSWERED if answered else PromiseResult.GAVE_UP
    for number in range(1, 2 + int(waited / 45)):
        spoken_at = joined + 45.0 * (number - 1)
        ahead = int(random.expovariate(1 / 6))
        mean = 4.5 * (ahead + 1)
        prompts = (f"position-{ahead + 1}", "wait-2")
        yield SaveAnnouncement(
            AnnouncementRecord(
                CallId(call),
                number,
                spoken_at,
                ahead,
                len(OPERATORS),
                handling=180.0,
                patience=600.0,
                to_serve=float(ahead),
                estimate=mean,
                p90=2.2 * mean,
                spoken=2,
                prompts=prompts,
                waited=joined + waited - spoken_at,
                result=result,
            )
        )


def _conversation(call: str, at: float, talk: float, operator: str, random: Random) -> Iterator[Save]:
    if random.random() < 0.1:
        missed = random.choice(OPERATORS)
        yield SaveOffer(
            OfferRecord(
                f"{call}-0",
                CallId(call),
                PersonId(missed),
                "queue",
                at - 20,
                at - 19,
                ended_at=at - 5,
                result="missed",
            )
        )
    yield SaveOffer(
        OfferRecord(
            f"{call}-1",
            CallId(call),
            PersonId(operator),
            "queue",
            at - 4,
            at - 3,
            at,
            at,
            at + talk,
            "connected",
            talk,
        )
    )
    if random.random() < 0.03:
        yield SaveTransfer(
            TransferRecord(
                CallId(call),
                1,
                at + talk / 2,
                PersonId(operator),
                "technical",
                False,
                ended_at=at + talk,
                result="done",
            )
        )


# -- many days -------------------------------------------------------------------------------------------------


def _fill(path: Path, days: Sequence[date]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        helpers = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql > ''"
        dropped = connection.execute(helpers).fetchall()
        for kind, name, _ in dropped:  # built at once afterwards, which is faster than row by row
            connection.execute(f'DROP {kind} "{name}"')
        connection.execute("CREATE TEMP TABLE days (number INTEGER PRIMARY KEY, day TEXT, id TEXT)")
        connection.executemany(
            "INSERT INTO days VALUES (?, ?, ?)",
            [(number, f"{day} ", f"{day:%Y%m%d}.") for number, day in enumerate(days)],
        )
        statements = [_pattern(connection, name) for name in _one_day(connection)]
        for first in range(0, len(days), _DAYS_AT_ONCE):
            connection.execute("BEGIN")
            for statement in statements:
                connection.execute(statement, (first, first + _DAYS_AT_ONCE))
            connection.execute("COMMIT")
        _directory(connection)
        for _, _, sql in dropped:
            connection.execute(sql)


def _one_day(connection: sqlite3.Connection) -> list[str]:
    """Temporary tables with the rows of one day; the names of the tables that they are for."""
    rows: dict[str, list[dict[str, object]]] = {}
    for number, save in enumerate(facts_of_a_day()):
        row = row_of(save, lambda seconds: _OPENS + timedelta(seconds=seconds), f"{number:07d}")
        rows.setdefault(TABLE_OF[type(save)].__tablename__, []).append(row)
    shifts = [
        {"fact": one, "operator": one, "phone": one, "started_at": _OPENS, "end_cause": "asked"} for one in OPERATORS
    ]
    rows["shifts"] = [shift | {"ended_at": _OPENS + timedelta(seconds=_OPEN_FOR)} for shift in shifts]
    for name, found in rows.items():
        columns = list(found[0])
        connection.execute(f'CREATE TEMP TABLE "day_{name}" ({", ".join(columns)})')
        places = ", ".join("?" * len(columns))
        values = [[_text(row[column]) for column in columns] for row in found]
        connection.executemany(f'INSERT INTO "day_{name}" VALUES ({places})', values)
    return list(rows)


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return f"{value:%H:%M:%S.%f}"
    return json.dumps(value) if isinstance(value, list) else value


def _pattern(connection: sqlite3.Connection, name: str) -> str:
    """The statement that repeats the temporary rows of one day on others."""
    table = Base.metadata.tables[name]
    columns = [column for _, column, *_ in connection.execute(f'PRAGMA temp.table_info("day_{name}")')]
    taken = []
    for column in columns:
        if isinstance(table.columns[column].type, UtcDateTime):
            taken.append(f"days.day || one.{column}")
        else:
            taken.append(f"days.id || one.{column}" if column in _IDS else f"one.{column}")
    return (
        f'INSERT INTO "{name}" ({", ".join(columns)}) SELECT {", ".join(taken)} FROM days CROSS JOIN "day_{name}" one '
        "WHERE days.number >= ? AND days.number < ? ORDER BY days.number, one.rowid"
    )


def _directory(connection: sqlite3.Connection) -> None:
    rows = [(f"+7343{number:07d}", f"{number:010d}", "Заказчик номер", "Заказчик") for number in range(CUSTOMERS)]
    connection.executemany("INSERT INTO customers (number, inn, name, role) VALUES (?, ?, ?, ?)", rows)
    connection.execute(
        "INSERT INTO directory_imports (imported_at, source, customers, skipped) VALUES (?, 'bench', ?, 0)",
        (f"{LAST_DAY} 05:00:00.000000", CUSTOMERS),
    )
