"""One decision into the tables, and a request out of them, within a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from callcenter.core.ids import LineId
from callcenter.request_register import rows
from callcenter.request_register.errors import AttachmentError, ChangedMeanwhile, FileProblem, UnknownRequest
from callcenter.request_register.filed import Filed
from callcenter.request_register.letters import outbox_row
from callcenter.request_register.paper import letters_of, number_letter
from callcenter.request_register.search import Words, index_for
from callcenter.requests.change import Decision
from callcenter.requests.number import Counter
from callcenter.requests.request import Request, RequestId
from callcenter.requests.targets import Target
from callcenter.store import request_tables as tables
from callcenter.store.database import insert_for
from callcenter.store.rows import Row
from callcenter.store.tables import table_of

REQUESTS = table_of(tables.StoredRequest)
TARGETS = table_of(tables.StoredTarget)
MESSAGES = table_of(tables.RequestMessage)
HISTORY = table_of(tables.HistoryRow)
COUNTERS = table_of(tables.RequestCounter)
OUTBOX = table_of(tables.OutboxRow)
ATTACHMENTS = table_of(tables.RequestAttachment)
ARRIVALS = table_of(tables.StoredArrival)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A request, and the number of its row."""

    row: int
    request: Request


def claim(connection: Connection, id_: RequestId) -> Loaded:
    """Return a request for a change: from now on nobody else changes it, until the transaction ends.

    Writing first makes SQLite wait for its lock here, and not fail at the end; PostgreSQL locks the row.
    """
    connection.execute(update(REQUESTS).where(REQUESTS.c.request == id_).values(version=REQUESTS.c.version))
    return load(connection, id_)


def load(connection: Connection, id_: RequestId) -> Loaded:
    """Return a request. Raises `UnknownRequest`."""
    found = connection.execute(select(REQUESTS).where(REQUESTS.c.request == id_)).mappings().one_or_none()
    if found is None:
        raise UnknownRequest(f"there is no request '{id_[:64]}'")
    targets = select(TARGETS).where(TARGETS.c.request == found["id"]).order_by(TARGETS.c.place)
    messages = select(MESSAGES).where(MESSAGES.c.request == found["id"], ~MESSAGES.c.inward).order_by(MESSAGES.c.id)
    request = rows.request_of(
        found, connection.execute(targets).mappings().all(), connection.execute(messages).mappings().all()
    )
    return Loaded(found["id"], request)


def load_filed(connection: Connection, id_: RequestId) -> Filed:
    """Return a request with all that is kept beside it. Raises `UnknownRequest`."""
    loaded = load(connection, id_)
    beside = connection.execute(select(REQUESTS).where(REQUESTS.c.id == loaded.row)).mappings().one()
    received = select(MESSAGES).where(MESSAGES.c.request == loaded.row, MESSAGES.c.inward).order_by(MESSAGES.c.id)
    files = select(ATTACHMENTS).where(ATTACHMENTS.c.request == loaded.row).order_by(ATTACHMENTS.c.id)
    return Filed(
        loaded.request,
        rows.requester_of(beside),
        beside["call"],
        beside["opened_by"],
        beside["told"],
        tuple(map(rows.received_of, connection.execute(received).mappings())),
        tuple(map(rows.attachment_of, connection.execute(files).mappings())),
        beside["erased_at"],
        beside["origin"],
        beside["suggested"],
        *letters_of(connection, loaded.row),
    )


def check_version(connection: Connection, loaded: Loaded, version: int) -> None:
    """Raise `ChangedMeanwhile` if the request is not as whoever acts has seen it."""
    request = loaded.request
    if request.version == version:
        return
    last = select(HISTORY.c.by).where(HISTORY.c.request == loaded.row).order_by(HISTORY.c.running.desc()).limit(1)
    by = connection.scalar(last) or "somebody"
    raise ChangedMeanwhile(str(request.number or "the draft"), request.version, by)


def check_files(connection: Connection, loaded: Loaded, files: Sequence[str]) -> None:
    """Raise `AttachmentError` if one of these contents is no file of the request, or not any more."""
    theirs = (ATTACHMENTS.c.request == loaded.row, ATTACHMENTS.c.deleted_at.is_(None), ATTACHMENTS.c.part == "")
    if files and not set(files) <= set(connection.scalars(select(ATTACHMENTS.c.sha256).where(*theirs))):
        raise AttachmentError(FileProblem.UNKNOWN)


def take_counter(connection: Connection, line: LineId, year: int) -> Counter:
    """Return the line's counter of a year, for a decision of this transaction: the next number is its own.

    The number is given only if the decision is stored, too: whoever comes second waits until then.
    """
    connection.execute(insert_for(connection, COUNTERS).values(line=line, year=year, last=0).on_conflict_do_nothing())
    ours = (COUNTERS.c.line == line, COUNTERS.c.year == year)
    connection.execute(update(COUNTERS).where(*ours).values(last=COUNTERS.c.last))
    return Counter(line, year, connection.scalars(select(COUNTERS.c.last).where(*ours)).one())


def insert_new(connection: Connection, decision: Decision, beside: Row, words: Words) -> int:
    """Store a request that is new. `beside`: its columns that do not follow from it. Returns its row's number."""
    values = rows.request_row(decision.request) | beside
    row = int(connection.execute(insert(REQUESTS).values(values).returning(REQUESTS.c.id)).scalar_one())
    _store_parts(connection, row, None, decision)
    index_for(connection.dialect.name).change(connection, row, words)
    return row


def store(connection: Connection, loaded: Loaded, decision: Decision, beside: Row, words: Words) -> None:
    """Store a decision about a request that was claimed in this transaction; one that changes nothing is none."""
    if decision.entries:
        values = rows.request_row(decision.request) | beside
        connection.execute(update(REQUESTS).where(REQUESTS.c.id == loaded.row).values(values))
        _store_parts(connection, loaded.row, loaded.request, decision)
        index_for(connection.dialect.name).change(connection, loaded.row, words)


def _store_parts(connection: Connection, row: int, before: Request | None, decision: Decision) -> None:
    after, whose = decision.request, {"request": row}
    _put_targets(connection, row, before.targets if before else (), after.targets)
    for message in after.messages[len(before.messages) if before else 0 :]:
        connection.execute(insert(MESSAGES).values(rows.message_row(message) | whose))
    for old, new in zip(before.messages if before else (), after.messages, strict=False):
        if old != new:
            fate = update(MESSAGES).where(MESSAGES.c.request == row, MESSAGES.c.key == new.key)
            connection.execute(fate.values(fate=new.fate.value))
    connection.execute(insert(HISTORY), [rows.entry_row(entry) | whose for entry in decision.entries])
    for message in decision.send:
        connection.execute(insert(OUTBOX).values(outbox_row(message, after) | whose))
        if message.dated is not None:
            number_letter(connection, row, after.line, message)
    if (counter := decision.counter) is not None:
        ours = (COUNTERS.c.line == counter.line, COUNTERS.c.year == counter.year)
        connection.execute(update(COUNTERS).where(*ours).values(last=counter.last))


def _put_targets(connection: Connection, row: int, before: Sequence[Target], after: Sequence[Target]) -> None:
    for place, target in enumerate(after, 1):
        if place > len(before):
            connection.execute(insert(TARGETS).values(rows.target_row(target) | {"request": row, "place": place}))
        elif target != before[place - 1]:
            change = update(TARGETS).where(TARGETS.c.request == row, TARGETS.c.place == place)
            connection.execute(change.values(rows.target_row(target)))
