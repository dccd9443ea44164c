"""What past days teach about a line: how many callers come and when, how long they take, how long they wait in vain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Double, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from callcenter.core.commands import OfferKind
from callcenter.core.records import REGISTERED, AnnouncementRecord, Outcome, PromiseResult
from callcenter.core.warm_start import LineWarmStart, PastWait
from callcenter.reports.days import within
from callcenter.store.database import Register
from callcenter.store.rows import record_of
from callcenter.store.tables import Announcement, Call, Offer, UtcDateTime, table_of

EXPERIENCE = timedelta(days=30)
"""How far back handling time and patience are looked up when the controller starts."""

LONGEST_WAIT = timedelta(hours=3)
"""Nobody waits longer in a queue."""

HALF_HOURS = 48
"""Of a day."""


async def half_hours(register: Register, line: str, zone: tzinfo, days: Sequence[date]) -> dict[date, list[int]]:
    """Callers who joined the queue in each half-hour of these days, by the clock on the line's wall.

    A day without a single call of the line is left out: nobody can tell a silent day from one on which the
    controller did not run. Where the clock is put back, callers of both passages of the hour are counted in it; an
    hour that is skipped has none. Raises `RegisterError`.
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
            arrived = select(Call.id).where(Call.line == line, within(Call.arrived_at, day, day, zone)).limit(1)
            if any(counts) or await session.scalar(arrived) is not None:
                found[day] = counts
    return found


async def handling(register: Register, line: str, since: datetime) -> tuple[int, float]:
    """How many of the line's callers who arrived since then were talked to, and the mean seconds it took; (0, 0.0).

    An operator is busy with a call of the queue from the first ring until the leg ends, holds and consultations
    included; wrap-up comes on top of it. Phones that hung up at once have not taken the call. Raises `RegisterError`.
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
    """How many of the line's callers who arrived since then gave up, and the seconds that all of them queued.

    Mean patience is the seconds divided by the number: the maximum-likelihood estimate where those who were answered
    are censored (estimated waiting time, θ = abandonments / total queueing time). Raises `RegisterError`.
    """
    gave_up = func.count().filter(Call.outcome == Outcome.ABANDONED.value)
    query = select(gave_up, func.sum(Call.waiting)).where(Call.line == line, Call.arrived_at >= since)
    async with register.session() as session:
        number, queued = (await session.execute(query)).one()
    return number, queued or 0.0


async def settled_promises(
    register: Register, line: str, now: datetime, within: timedelta
) -> tuple[AnnouncementRecord, ...]:
    """Promises of the line that came true or not within the time before `now`, from which their moments count.

    The earliest settled first; those of which nobody knows are left out. Raises `RegisterError`.
    """
    table = table_of(Announcement)
    query = (
        select(table)
        .join(Call, Call.call == table.c.call)
        .where(Call.line == line, Call.joined_at >= now - within - LONGEST_WAIT, table.c.spoken_at <= now)
        .where(table.c.result.in_((PromiseResult.ANSWERED.value, PromiseResult.GAVE_UP.value)))
        .where(table.c.waited.is_not(None), table.c.handling.is_not(None))
    )
    rows = await register.read(lambda connection: connection.execute(query).all())
    records = [record_of(AnnouncementRecord, row._asdict(), lambda at: (at - now).total_seconds()) for row in rows]
    settled = [(record.spoken_at + (record.waited or 0.0), place, record) for place, record in enumerate(records)]
    return tuple(record for at, _, record in sorted(settled) if -within.total_seconds() < at <= 0.0)


async def line_warm_start(
    register: Register, line: str, zone: tzinfo, now: datetime, wrap_up: float, trusted_over: float = 7200.0
) -> LineWarmStart:
    """What a controller that starts at `now` should know of the line. Raises `RegisterError`.

    `trusted_over`: how far back promises count by which the line judges its estimates, seconds.
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
        await settled_promises(register, line, now, timedelta(seconds=trusted_over)),
    )


class minute_of(GenericFunction[datetime]):  # noqa: N801 - it reads as the SQL function it stands for
    """The minute to which a moment belongs. Clocks of all zones show the same seconds, but not the same minutes."""

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
    """Seconds from one moment to another, which each database computes in its own way."""

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
