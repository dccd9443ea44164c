"""Converts call-backs to rows of the register and back, within a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from callcenter.core.ids import CallBackId, CallId, ChannelId, GroupId, LineId
from callcenter.request_register.errors import UnknownRequest
from callcenter.request_register.filing import REQUESTS
from callcenter.requests.call_back import CallBack, CallBackState, Came, Origin, Try
from callcenter.requests.call_back_wish import Window
from callcenter.requests.request import RequestId
from callcenter.store import request_tables as tables
from callcenter.store.database import insert_for
from callcenter.store.rows import Row, clean
from callcenter.store.tables import table_of

CALL_BACKS = table_of(tables.StoredCallBack)
TRIES = table_of(tables.StoredTry)
WITH_REQUEST = select(CALL_BACKS, REQUESTS.c.request.label("request_id")).join_from(
    CALL_BACKS, REQUESTS, REQUESTS.c.id == CALL_BACKS.c.request, isouter=True
)


@dataclass(frozen=True, slots=True)
class LoadedCallBack:
    """A call-back, and the number of its row."""

    row: int
    call_back: CallBack


def claim_call_back(connection: Connection, id_: CallBackId) -> LoadedCallBack:
    """Return a call-back for a change: nobody else changes it until the transaction ends. Raises `UnknownRequest`."""
    connection.execute(update(CALL_BACKS).where(CALL_BACKS.c.call_back == id_).values(version=CALL_BACKS.c.version))
    found = read(connection, WITH_REQUEST.where(CALL_BACKS.c.call_back == id_))
    if not found:
        raise UnknownRequest(f"there is no call-back '{id_[:64]}'")
    return found[0]


def read(connection: Connection, query: Select[*tuple[object, ...]]) -> list[LoadedCallBack]:
    """Return the call-backs of a query on `WITH_REQUEST`, in its order."""
    rows = connection.execute(query).mappings().all()
    tries = tries_of(connection, [row["id"] for row in rows])
    return [LoadedCallBack(row["id"], call_back_of(row, tries[row["id"]])) for row in rows]


def tries_of(connection: Connection, ids: Sequence[int]) -> defaultdict[int, list[RowMapping]]:
    """Return the rows of tries, by call-back."""
    found: defaultdict[int, list[RowMapping]] = defaultdict(list)
    query = select(TRIES).where(TRIES.c.call_back.in_(ids)).order_by(TRIES.c.call_back, TRIES.c.number)
    for row in connection.execute(query).mappings() if ids else ():
        found[row["call_back"]].append(row)
    return found


def insert_call_back(
    connection: Connection, one: CallBack, request: int | None, by: str, source: str | None
) -> int | None:
    """Store a call-back that is new. Returns the number of its row; None: there is one of that source already."""
    values = call_back_row(one) | {"request": request, "by": clean(by, 64), "source": source}
    new = insert_for(connection, CALL_BACKS).values(values).on_conflict_do_nothing(index_elements=["source"])
    row: int | None = connection.scalar(new.returning(CALL_BACKS.c.id))
    if row is not None:
        _put_tries(connection, row, (), one.tries)
    return row


def store_call_back(connection: Connection, loaded: LoadedCallBack, one: CallBack) -> None:
    """Store what has become of a call-back that was claimed in this transaction."""
    connection.execute(update(CALL_BACKS).where(CALL_BACKS.c.id == loaded.row).values(call_back_row(one)))
    _put_tries(connection, loaded.row, loaded.call_back.tries, one.tries)


def _put_tries(connection: Connection, row: int, before: Sequence[Try], after: Iterable[Try]) -> None:
    for place, tried in enumerate(after):
        if place >= len(before):
            connection.execute(insert(TRIES).values(try_row(tried) | {"call_back": row}))
        elif tried != before[place]:
            ours = (TRIES.c.call_back == row, TRIES.c.number == tried.number)
            connection.execute(update(TRIES).where(*ours).values(try_row(tried)))


def call_back_row(one: CallBack) -> Row:
    """Return the columns of a call-back that follow from it."""
    return {
        "call_back": one.id,
        "version": one.version,
        "line": one.line,
        "origin": one.origin.value,
        "call": one.call,
        "number": clean(one.number, 64),
        "groups": list(one.groups),
        "urgency": one.urgency,
        "words": clean(one.window.words, 500),
        "window_since": one.window.since,
        "window_until": one.window.until,
        "place_at": one.place_at,
        "state": one.state.value,
        "next_at": one.next_at,
        "why": clean(one.why, 2000),
        "created_at": one.created_at,
        "changed_at": one.changed_at,
        "ended_at": one.changed_at if one.ended else None,
    }


def call_back_of(row: RowMapping, tries: Iterable[RowMapping]) -> CallBack:
    """Return the call-back of its rows."""
    return CallBack(
        id=CallBackId(row["call_back"]),
        line=LineId(row["line"]),
        origin=Origin(row["origin"]),
        number=row["number"],
        window=Window(row["window_since"], row["window_until"], row["words"]),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        place_at=row["place_at"],
        groups=tuple(map(GroupId, row["groups"])),
        urgency=row["urgency"],
        request=None if row["request_id"] is None else RequestId(row["request_id"]),
        call=row["call"],
        state=CallBackState(row["state"]),
        next_at=row["next_at"],
        tries=tuple(map(try_of, tries)),
        why=row["why"],
        version=row["version"],
    )


def try_row(tried: Try) -> Row:
    """Return the columns of a try."""
    return {
        "number": tried.number,
        "due_at": tried.due_at,
        "place_at": tried.place_at,
        "start_by": tried.start_by,
        "begun_at": tried.begun_at,
        "over_at": tried.over_at,
        "came": tried.came.value if tried.came else "",
        "talk": tried.talk.total_seconds(),
        "call": clean(tried.call, 150),
        "word": tried.word.value if tried.word else "",
        "delivered": list(tried.delivered),
    }


def try_of(row: RowMapping) -> Try:
    """Return a try."""
    return Try(
        number=row["number"],
        due_at=row["due_at"],
        place_at=row["place_at"],
        start_by=row["start_by"],
        begun_at=row["begun_at"],
        over_at=row["over_at"],
        came=Came(row["came"]) if row["came"] else None,
        talk=timedelta(seconds=row["talk"]),
        call=CallId(ChannelId(row["call"])),
        word=Came(row["word"]) if row["word"] else None,
        delivered=tuple(row["delivered"]),
    )
