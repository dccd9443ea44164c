"""What past days show about a line: arrivals by half-hour, handling time, and patience."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Double, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from callcenter.core.commands import OfferKind
from callcenter.core.ids import LineId
from callcenter.core.records import REGISTERED, AnnouncementRecord, Direction, Identification, Outcome, PromiseResult
from callcenter.core.warm_start import ACQUAINTANCES, TELLING, Acquaintance, LineWarmStart, PastWait
from callcenter.reports.days import within
from callcenter.store import Register
from callcenter.store.rows import record_of
from callcenter.store.tables import Announcement, Call, Offer, UtcDateTime, table_of

CALIBRATED_OVER = timedelta(days=4)
"""How far back the promises reach from which a line learns how true its estimates are: over a week-end, too."""
CALIBRATING = 3000
"""So many of them at most: more than a line remembers of each kind."""
EXPERIENCE = timedelta(days=30)
"""How far back the controller looks at its start for handling time and patience."""

REMEMBERED = timedelta(days=90)
"""For how long a number is remembered after a call."""

LONGEST_WAIT = timedelta(hours=3)
"""The longest wait that is assumed possible."""

HALF_HOURS = 48
"""Per day."""


_INCOMING = Direction.INCOMING.value
QUEUED: ColumnElement[float | None] = func.coalesce(Call.queued, Call.waiting)
"""Seconds from joining the queue. Facts that an earlier version left in its spool have only `waiting`, from joining."""


async def half_hours(register: Register, line: str, zone: tzinfo, days: Sequence[date]) -> dict[date, list[int]]:
    """Count the callers who joined the queue in each half-hour of these days, in the line's local time.

    A day without any call of the line is left out: it cannot be distinguished from a day on which the controller did
    not run. When the clock goes back, callers of both passes of the hour are counted in it; an hour that is skipped
    has none. Raises `RegisterError`.
    """
    found: dict[date, list[int]] = {}
    async with register.session() as session:
        for day in days:
            minute = minute_of(Call.joined_at)
            joined = select(minute, func.count()).where(Call.line == line, within(Call.joined_at, day, day, zone))
            counts = [0] * HALF_HOURS
            for moment, callers in await session.execute(joined.group_by(minute)):
                local = moment.astimezone(zone)
                counts[2 * local.hour + local.minute // 30] += callers
            arrived = select(Call.id).where(
                Call.line == line, Call.direction == _INCOMING, within(Call.arrived_at, day, day, zone)
            )
            if any(counts) or await session.scalar(arrived.limit(1)) is not None:
                found[day] = counts
    return found


async def handling(register: Register, line: str, since: datetime) -> tuple[int, float]:
    """Return how many callers who arrived since then were served, and the mean time in seconds; (0, 0.0) if none.

    An operator is busy with a queue call from the placing of the offer until the operator's channel ends, including
    holds and consultations; wrap-up is added elsewhere. Phones that hung up at once do not count.
    Raises `RegisterError`.
    """
    busy = seconds_between(Offer.placed_at, Offer.ended_at)
    query = (
        select(func.count(), func.avg(busy))
        .select_from(Offer)
        .join(Call, Call.call == Offer.call)
        .where(Call.line == line, Call.arrived_at >= since, Offer.kind == OfferKind.QUEUE.value)
        .where(Offer.result == "connected", Offer.ended_at >= Offer.placed_at)
    )
    async with register.session() as session:
        number, mean = (await session.execute(query)).one()
    return number, mean or 0.0


async def patience(register: Register, line: str, since: datetime) -> tuple[int, float]:
    """Return how many callers who arrived since then gave up, and the total queueing time of all callers in seconds.

    Mean patience is that time divided by that number: the maximum-likelihood estimate when callers who were answered
    are censored (docs/waiting-times.md: θ = abandonments / total queueing time). Raises `RegisterError`.
    """
    gave_up = func.count().filter(Call.outcome == Outcome.ABANDONED.value)
    ours = Call.line == line, Call.arrived_at >= since, Call.direction == _INCOMING
    query = select(gave_up, func.sum(QUEUED)).where(*ours)
    async with register.session() as session:
        number, queued = (await session.execute(query)).one()
    return number, queued or 0.0


async def settled_promises(
    register: Register, line: str, now: datetime, within: timedelta
) -> tuple[AnnouncementRecord, ...]:
    """Return the line's promises that were decided within this time before `now`; their times are relative to `now`.

    Earliest decided first, and the latest `CALIBRATING` at most.
    Promises with an unknown result are left out. Raises `RegisterError`.
    """
    table = table_of(Announcement)
    query = (
        select(table)
        .join(Call, Call.call == table.c.call)
        .where(Call.line == line, Call.joined_at >= now - within - LONGEST_WAIT, table.c.spoken_at <= now)
        .where(table.c.result.in_((PromiseResult.ANSWERED.value, PromiseResult.GAVE_UP.value)))
        .where(table.c.waited.is_not(None), table.c.handling.is_not(None))
        .order_by(table.c.spoken_at.desc())
        .limit(CALIBRATING)
    )
    rows = await register.read(lambda connection: connection.execute(query).all())
    records = [record_of(AnnouncementRecord, row._asdict(), lambda at: (at - now).total_seconds()) for row in rows]
    settled = [(record.spoken_at + (record.waited or 0.0), place, record) for place, record in enumerate(records)]
    return tuple(record for at, _, record in sorted(settled) if -within.total_seconds() < at <= 0.0)


async def acquaintances(register: Register, line: LineId, now: datetime) -> tuple[Acquaintance, ...]:
    """Return the numbers that have called lately and heard the greeting, and what they told. Raises `RegisterError`."""
    heard = (Call.line == line, Call.arrived_at >= now - REMEMBERED, Call.joined_at.is_not(None), Call.number != "")
    last = func.max(Call.arrived_at)
    numbers = select(Call.number).where(*heard).group_by(Call.number).order_by(last.desc()).limit(ACQUAINTANCES)
    told = (Call.identification.in_(sorted(TELLING)),)
    facts = select(Call.number, Call.identification, Call.inn, Call.customer, Call.role).where(*heard, *told)
    async with register.session() as session:
        found = {number: Acquaintance(number) for number in reversed((await session.scalars(numbers)).all())}
        for row in await session.execute(facts.order_by(Call.arrived_at)):
            if row.number in found:
                how = Identification(row.identification)
                found[row.number] = Acquaintance(row.number, how, row.inn, row.customer, row.role)
    return tuple(found.values())


async def line_warm_start(
    register: Register, line: LineId, zone: tzinfo, now: datetime, wrap_up: float, trusted_over: float = 7200.0
) -> LineWarmStart:
    """Return what a controller that starts at `now` should know about the line. Raises `RegisterError`.

    `wrap_up`: seconds, added to the mean handling time. `trusted_over`: the period, in seconds, over which the line
    judges its estimates by their promises.
    """
    handled, busy = await handling(register, line, now - EXPERIENCE)
    gave_up, queued = await patience(register, line, now - EXPERIENCE)
    today = now.astimezone(zone).date()
    over: ColumnElement[datetime] = func.coalesce(Call.answered_at, Call.ended_at)
    waited: ColumnElement[float] = func.coalesce(Call.waiting, 0.0)
    query = (
        select(over, waited, Call.answered_at.is_not(None), Call.identification.in_(REGISTERED))
        .where(Call.line == line, within(Call.joined_at, today, today, zone), Call.waiting.is_not(None))
        .where(or_(Call.answered_at.is_not(None), Call.outcome == Outcome.ABANDONED.value))
        .order_by(over)
    )
    joined = select(func.count()).where(Call.line == line, within(Call.joined_at, today, today, zone))
    async with register.session() as session:
        waits = (await session.execute(query)).all()
        number = await session.scalar(joined)
    return LineWarmStart(
        line,
        handled,
        busy + wrap_up,
        gave_up,
        queued,
        number or 0,
        tuple(
            PastWait(max(0.0, (now - at).total_seconds()), wait, answered, registered)
            for at, wait, answered, registered in waits
        ),
        await settled_promises(register, line, now, max(CALIBRATED_OVER, timedelta(seconds=trusted_over))),
        await acquaintances(register, line, now),
    )


class minute_of(GenericFunction[datetime]):  # noqa: N801 - it reads as the SQL function it stands for
    """The minute of a moment. UTC offsets are whole minutes, so this is right in every zone; hours would not be."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(minute_of, "sqlite")
def _minute_of_sqlite(element: minute_of, compiler: SQLCompiler, **options: Any) -> str:
    (moment,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(substr({moment}, 1, 16) || ':00.000000')"


@compiles(minute_of, "postgresql")
def _minute_of_postgresql(element: minute_of, compiler: SQLCompiler, **options: Any) -> str:
    (moment,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"date_trunc('minute', {moment})"


class seconds_between(GenericFunction[float]):  # noqa: N801 - it reads as the SQL function it stands for
    """Seconds from one moment to another; each database computes this in its own way."""

    type = Double()
    inherit_cache = True


@compiles(seconds_between, "sqlite")
def _sqlite(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    begin, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"((julianday({end}) - julianday({begin})) * 86400.0)"


@compiles(seconds_between, "postgresql")
def _postgresql(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    begin, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {begin})) AS DOUBLE PRECISION)"
