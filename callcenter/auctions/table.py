"""The table of auctions in the register: added, corrected, withdrawn, imported; every version stays (eLot 2.2a)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from callcenter.auctions.csv_file import AuctionsFileError, FileRow, Mistake
from callcenter.calendar.auctions import MOST, Auction, AuctionRefused, AuctionText, Run, Why, check, midnight
from callcenter.core.errors import ReadableError
from callcenter.core.ids import LineId
from callcenter.store import Register
from callcenter.store.auction_tables import AuctionRow, AuctionVersion
from callcenter.store.rows import clean
from callcenter.store.tables import table_of

_AUCTIONS = table_of(AuctionRow)
_VERSIONS = table_of(AuctionVersion)
_WHO = 64
_MOVED = ("starts_at", "results_at", "version", "who", "at")
_WRITTEN = ("name", "starts_at", "results_at", "who", "at")
_LATEST_FIRST = (_AUCTIONS.c.results_at.desc(), _AUCTIONS.c.id.desc())


class ChangedMeanwhile(ReadableError):
    """Somebody else has changed the auction meanwhile; nothing was saved."""

    def __init__(self, present: Auction) -> None:
        super().__init__(
            f"somebody else has changed auction {present.id} meanwhile, nothing was saved; its version is "
            f"{present.version} now"
        )
        self.present = present


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file has changed."""

    added: int
    corrected: int
    unchanged: int


class AuctionTable:
    """The auctions of the lines whose hours follow some. `zones`: theirs.

    All methods raise `RegisterError` when the database fails, and those that change something `AuctionRefused`.
    """

    def __init__(self, register: Register, zones: Mapping[LineId, tzinfo]) -> None:
        self._register = register
        self.zones = zones

    # -- reading -----------------------------------------------------------------------------------------------

    async def latest_change(self) -> int:
        """Return the number of the latest change: another one, and something has changed."""
        [row] = await self._read(select(func.coalesce(func.max(_VERSIONS.c.id), 0).label("latest")))
        return int(row.latest)

    async def runs(self) -> Mapping[LineId, Sequence[Run]]:
        """Return when auctions run, by line, without those that are withdrawn."""
        found: defaultdict[LineId, list[Run]] = defaultdict(list)
        query = select(_AUCTIONS.c.line, _AUCTIONS.c.starts_at, _AUCTIONS.c.results_at).where(~_AUCTIONS.c.withdrawn)
        for row in await self._read(query):
            found[LineId(row.line)].append((row.starts_at, row.results_at))
        return found

    async def not_over(self, line: LineId, now: datetime, limit: int, skip: int = 0) -> list[Auction]:
        """Return what runs or will run, the next start first."""
        query = select(_AUCTIONS).where(_AUCTIONS.c.line == line, ~_AUCTIONS.c.withdrawn, _AUCTIONS.c.results_at > now)
        return await self._auctions(query.order_by(_AUCTIONS.c.starts_at, _AUCTIONS.c.id).limit(limit).offset(skip))

    async def number_not_over(self, line: LineId, now: datetime) -> int:
        """Return how many run or will run."""
        mine = (_AUCTIONS.c.line == line, ~_AUCTIONS.c.withdrawn, _AUCTIONS.c.results_at > now)
        [row] = await self._read(select(func.count().label("number")).where(*mine))
        return int(row.number)

    async def over(self, line: LineId, now: datetime, limit: int) -> list[Auction]:
        """Return what is over or withdrawn, the latest first."""
        query = select(_AUCTIONS).where(
            _AUCTIONS.c.line == line, _AUCTIONS.c.withdrawn | (_AUCTIONS.c.results_at <= now)
        )
        return await self._auctions(query.order_by(*_LATEST_FIRST).limit(limit))

    async def all(self, line: LineId) -> list[Auction]:
        """Return what is not withdrawn, by start: to be exported."""
        query = select(_AUCTIONS).where(_AUCTIONS.c.line == line, ~_AUCTIONS.c.withdrawn)
        return await self._auctions(query.order_by(_AUCTIONS.c.starts_at, _AUCTIONS.c.id))

    async def one(self, auction: int) -> Auction:
        """Return an auction, withdrawn or not. Raises `AuctionRefused` if there is none."""
        found = await self._auctions(select(_AUCTIONS).where(_AUCTIONS.c.id == auction))
        if not found:
            raise AuctionRefused(Why.UNKNOWN)
        return found[0]

    async def versions(self, auction: int) -> list[Auction]:
        """Return all versions of an auction, the newest first. Raises `AuctionRefused` if there is none."""
        query = select(_VERSIONS, _AUCTIONS.c.line).join_from(_VERSIONS, _AUCTIONS)
        rows = await self._read(query.where(_VERSIONS.c.auction == auction).order_by(_VERSIONS.c.version.desc()))
        if not rows:
            raise AuctionRefused(Why.UNKNOWN)
        return [_version(row) for row in rows]

    # -- writing -----------------------------------------------------------------------------------------------

    async def add(self, line: LineId, text: AuctionText, who: str, at: datetime) -> Auction:
        """Enter an auction."""
        check(None, text, self._today(line, at))

        def save(connection: Connection) -> Auction:
            _check_room(connection, line, 1)
            _check_name(connection, line, text.name)
            return _add(connection, line, text, who, at)

        return await self._register.read(save)

    async def correct(self, auction: int, version: int, text: AuctionText, who: str, at: datetime) -> Auction:
        """Enter what an auction is really like. `version`: the one that was seen. Raises `ChangedMeanwhile`, too."""

        def save(connection: Connection) -> Auction:
            before = _present(connection, auction, version)
            check(before.written, text, self._today(before.line, at))
            if text.name != before.written.name:
                _check_name(connection, before.line, text.name)
            return _correct(connection, before, text, who, at)

        return await self._register.read(save)

    async def withdraw(self, auction: int, version: int, who: str, at: datetime) -> Auction:
        """Withdraw an auction that is not held. As `correct` otherwise."""

        def save(connection: Connection) -> Auction:
            before = _present(connection, auction, version)
            check(before.written, None, self._today(before.line, at))
            gone = replace(before, version=before.version + 1, withdrawn=True, who=clean(who, _WHO), at=at)
            _move_on(connection, gone)
            _enter(connection, "withdrawn", gone)
            return gone

        return await self._register.read(save)

    async def take(
        self, line: LineId, rows: Sequence[FileRow], who: str, at: datetime, mistakes: Sequence[Mistake] = ()
    ) -> Imported:
        """Add what a file has, and correct what is there under the same name: all of it, or nothing.

        `mistakes`: those found while it was read. What the table has beyond the file stays. Raises `AuctionsFileError`
        with all mistakes.
        """
        today = self._today(line, at)

        def save(connection: Connection) -> Imported:
            mine = select(_AUCTIONS).where(_AUCTIONS.c.line == line, ~_AUCTIONS.c.withdrawn)
            there = {row.name: _auction(row) for row in connection.execute(mine)}
            changed = [row for row in rows if not _same(there.get(row.text.name), row.text)]
            if wrong := [*mistakes, *_mistakes(changed, there, today)]:
                raise AuctionsFileError(sorted(wrong, key=lambda one: one.line))
            fresh = [row.text for row in changed if row.text.name not in there]
            _check_room(connection, line, len(fresh))
            _add_many(connection, line, fresh, who, at)
            known = ((there[row.text.name], row.text) for row in changed if row.text.name in there)
            _correct_many(connection, [_corrected(before, text, who, at) for before, text in known])
            return Imported(len(fresh), len(changed) - len(fresh), len(rows) - len(changed))

        return await self._register.read(save)

    def _today(self, line: LineId, at: datetime) -> datetime:
        if line not in self.zones:
            raise AuctionRefused(Why.NO_SUCH_LINE, ", ".join(self.zones) or "—")
        return midnight(at, self.zones[line])

    async def _auctions(self, query: Select[Any]) -> list[Auction]:
        return [_auction(row) for row in await self._read(query)]

    async def _read(self, query: Select[Any]) -> list[Row[Any]]:
        async with self._register.session() as session:
            return list((await session.execute(query)).all())


def _same(before: Auction | None, text: AuctionText) -> bool:
    return before is not None and before.written.run == text.run


def _mistakes(rows: Sequence[FileRow], there: Mapping[str, Auction], today: datetime) -> list[Mistake]:
    found = []
    for row in rows:
        before = there.get(row.text.name)
        try:
            check(before.written if before else None, row.text, today)
        except AuctionRefused as problem:
            found.append(Mistake(row.line, problem.why, row.text.name))
    return found


def _present(connection: Connection, auction: int, version: int) -> Auction:
    row = connection.execute(select(_AUCTIONS).where(_AUCTIONS.c.id == auction)).one_or_none()
    if row is None:
        raise AuctionRefused(Why.UNKNOWN)
    present = _auction(row)
    if present.version != version:
        raise ChangedMeanwhile(present)
    if present.withdrawn:
        raise AuctionRefused(Why.WITHDRAWN)
    return present


def _check_name(connection: Connection, line: LineId, name: str) -> None:
    taken = (_AUCTIONS.c.line == line, _AUCTIONS.c.name == name, ~_AUCTIONS.c.withdrawn)
    if connection.execute(select(_AUCTIONS.c.id).where(*taken)).first() is not None:
        raise AuctionRefused(Why.NAME_TAKEN, name)


def _check_room(connection: Connection, line: LineId, more: int) -> None:
    query = select(func.count()).select_from(_AUCTIONS).where(_AUCTIONS.c.line == line, ~_AUCTIONS.c.withdrawn)
    if connection.execute(query).scalar_one() + more > MOST:
        raise AuctionRefused(Why.TOO_MANY)


def _add(connection: Connection, line: LineId, text: AuctionText, who: str, at: datetime) -> Auction:
    row = _row(Auction(0, line, 1, text, withdrawn=False, who=clean(who, _WHO), at=at))
    with _one_of_a_name(text.name):
        made = connection.execute(insert(_AUCTIONS).values(row).returning(_AUCTIONS.c.id)).scalar_one()
    added = Auction(made, line, 1, text, withdrawn=False, who=clean(who, _WHO), at=at)
    _enter(connection, "added", added)
    return added


def _add_many(connection: Connection, line: LineId, texts: Sequence[AuctionText], who: str, at: datetime) -> None:
    if not texts:
        return
    rows = [_row(Auction(0, line, 1, text, withdrawn=False, who=clean(who, _WHO), at=at)) for text in texts]
    with _one_of_a_name(""):
        made = connection.execute(
            insert(_AUCTIONS).returning(_AUCTIONS.c.id, *(_AUCTIONS.c[name] for name in _WRITTEN)), rows
        )
    versions = [row._asdict() | {"auction": row.id, "version": 1, "what": "added"} for row in made]
    for version in versions:
        del version["id"]
    connection.execute(insert(_VERSIONS), versions)


def _correct(connection: Connection, before: Auction, text: AuctionText, who: str, at: datetime) -> Auction:
    after = _corrected(before, text, who, at)
    _move_on(connection, after)
    _enter(connection, "corrected", after)
    return after


def _corrected(before: Auction, text: AuctionText, who: str, at: datetime) -> Auction:
    return replace(before, version=before.version + 1, written=text, who=clean(who, _WHO), at=at)


def _correct_many(connection: Connection, corrected: Sequence[Auction]) -> None:
    """Correct times alone: thousands in one statement, because facts of calls wait for this transaction."""
    if not corrected:
        return
    mine = (_AUCTIONS.c.id == bindparam("its_id"), _AUCTIONS.c.version == bindparam("its_version"))
    values = [_row(one) | {"its_id": one.id, "its_version": one.version - 1} for one in corrected]
    moved = connection.execute(
        update(_AUCTIONS).where(*mine).values({name: bindparam(name) for name in _MOVED}), values
    )
    if moved.rowcount != len(corrected):
        raise AuctionsFileError([Mistake(0, Why.CHANGED)])
    connection.execute(insert(_VERSIONS), [_version_row("corrected", one) for one in corrected])


def _move_on(connection: Connection, after: Auction) -> None:
    mine = (_AUCTIONS.c.id == after.id, _AUCTIONS.c.version == after.version - 1)
    with _one_of_a_name(after.written.name):
        moved = connection.execute(update(_AUCTIONS).where(*mine).values(_row(after))).rowcount
    if not moved:
        raise ChangedMeanwhile(_auction(connection.execute(select(_AUCTIONS).where(_AUCTIONS.c.id == after.id)).one()))


@contextmanager
def _one_of_a_name(name: str) -> Iterator[None]:
    """Name what the index refuses: somebody else has entered an auction of the same name at the same moment."""
    try:
        yield
    except IntegrityError:
        raise AuctionRefused(Why.NAME_TAKEN, name) from None


def _enter(connection: Connection, what: str, auction: Auction) -> None:
    connection.execute(insert(_VERSIONS).values(_version_row(what, auction)))


def _version_row(what: str, auction: Auction) -> dict[str, Any]:
    row = _row(auction) | {"auction": auction.id, "what": what}
    del row["line"], row["withdrawn"]
    return row


def _row(auction: Auction) -> dict[str, Any]:
    text = auction.written
    return {
        "line": auction.line,
        "name": text.name,
        "starts_at": text.starts_at,
        "results_at": text.results_at,
        "version": auction.version,
        "withdrawn": auction.withdrawn,
        "who": auction.who,
        "at": auction.at,
    }


def _auction(row: Row[Any]) -> Auction:
    text = AuctionText(row.name, row.starts_at, row.results_at)
    return Auction(row.id, LineId(row.line), row.version, text, row.withdrawn, row.who, row.at)


def _version(row: Row[Any]) -> Auction:
    text = AuctionText(row.name, row.starts_at, row.results_at)
    return Auction(row.auction, LineId(row.line), row.version, text, row.what == "withdrawn", row.who, row.at)
