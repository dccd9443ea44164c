"""Converts facts of the core to rows of a table and back. Texts from outside are made safe to store."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from enum import StrEnum
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from sqlalchemy import JSON, Column, String

from callcenter.core.commands import (
    Save,
    SaveAnnouncement,
    SaveCall,
    SaveLineOrder,
    SaveOffer,
    SavePresence,
    SaveTransfer,
)
from callcenter.store.tables import (
    Announcement,
    Base,
    Call,
    LineOrder,
    Offer,
    PresenceChange,
    Transfer,
    UtcDateTime,
    table_of,
)

Wall = Callable[[float], datetime]
"""Converts seconds of the core's monotonic clock to an aware datetime."""

Clock = Callable[[datetime], float]
"""The inverse: seconds of the core's clock, negative for what happened before the clock began."""

Row = dict[str, Any]
Record = TypeVar("Record")

_Stored = Callable[[Any, datetime], Any]
"""Converts a field's value (not None) to its column's value. The datetime is second 0 of the core's clock."""

_ANY_LENGTH = sys.maxsize

TABLE_OF: dict[type[Save], type[Base]] = {
    SaveCall: Call,
    SaveOffer: Offer,
    SaveAnnouncement: Announcement,
    SaveTransfer: Transfer,
    SavePresence: PresenceChange,
    SaveLineOrder: LineOrder,
}
KEY_OF: dict[type[Save], tuple[str, ...]] = {
    SaveCall: ("call",),
    SaveOffer: ("offer",),
    SaveAnnouncement: ("call", "number"),
    SaveTransfer: ("call", "number"),
    SavePresence: ("fact",),
    SaveLineOrder: ("order",),
}
"""The columns that identify a row: facts with the same values are versions of the same row."""

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ") | {0: "\ufffd"}


def clean(raw: str, limit: int | None) -> str:
    """Make `raw` storable in any database: no lone surrogates or control characters, at most `limit` characters."""
    cut = raw[:limit]
    if cut.isprintable():
        return cut
    return cut.encode("utf-8", "replace").decode("utf-8").translate(_CONTROLS)


def row_of(save: Save, wall: Wall, fact: str = "") -> Row:
    """Convert a fact to a row. Raises ValueError, TypeError or OverflowError for an impossible value."""
    zero, record = wall(0.0), save.record
    row: Row = {}
    for name, longest, stored in _FIELDS[type(save)]:
        value = getattr(record, name)
        plain = value is None or (type(value) is str and len(value) <= longest and value.isprintable())
        row[name] = value if plain else stored(value, zero)
    if isinstance(save, SavePresence):
        row["fact"] = fact
    return row


def record_of(record: type[Record], row: Mapping[str, Any], clock: Clock) -> Record:
    """Convert a row back to the core's record, exact to the microsecond.

    Raises ValueError for a row that no record can have produced.
    """
    return record(**{name: read_back(row[name], clock) for name, read_back in _READ_BACK[record]})


def facts_of(kind: type[Save]) -> Sequence[str]:
    """Return the columns that the core's fact of this kind fills."""
    return [name for name, *_ in _FIELDS[kind]]


def _stored(column: Column[Any]) -> _Stored:
    kind, name, nullable = column.type, column.name, column.nullable
    if isinstance(kind, String):
        return lambda value, _: clean(str(value), kind.length)
    if isinstance(kind, JSON):
        return lambda value, _: list(value)
    is_moment = isinstance(kind, UtcDateTime)

    def number(value: float, zero: datetime) -> datetime | float | None:
        if math.isfinite(value):
            return zero + timedelta(seconds=value) if is_moment else value
        # Databases treat NaN and infinity differently, and one such value would spoil every sum of a report.
        if nullable:
            return None
        raise ValueError(f"{name} is {value}")

    return number


def _fields(kind: type[Save]) -> Sequence[tuple[str, int, _Stored]]:
    columns = [table_of(TABLE_OF[kind]).c[field.name] for field in fields(get_type_hints(kind)["record"])]
    return [(column.name, _longest(column), _stored(column)) for column in columns]


def _longest(column: Column[Any]) -> int:
    """Return up to how many characters a printable text is stored as it is; -1: this is no column of texts."""
    if not isinstance(column.type, String):
        return -1
    return _ANY_LENGTH if column.type.length is None else column.type.length


_FIELDS = {kind: _fields(kind) for kind in TABLE_OF}
"""Each field of a fact's record, up to which length its texts are stored as they are (nearly all of them), and its
converter. Computed once, because every fact is converted."""


def _read_back(record: type, name: str, column: Column[Any]) -> Callable[[Any, Clock], Any]:
    """Return the converter from a column's value to a field's value.

    It raises ValueError for NULL in a required field: rows of earlier versions may lack it.
    """
    hint = get_type_hints(record)[name]
    optional = NoneType in get_args(hint)
    word = hint if isinstance(hint, type) and issubclass(hint, StrEnum) else None
    is_moment, is_list = isinstance(column.type, UtcDateTime), isinstance(column.type, JSON)

    def field(value: Any, clock: Clock) -> Any:
        if value is None:
            if optional:
                return None
            raise ValueError(f"{name} is empty")
        if is_moment:
            return clock(value)
        if word:
            return word(value)
        return tuple(value) if is_list else value

    return field


_READ_BACK: dict[type, Sequence[tuple[str, Callable[[Any, Clock], Any]]]] = {
    record: [
        (field.name, _read_back(record, field.name, table_of(TABLE_OF[kind]).c[field.name])) for field in fields(record)
    ]
    for kind in TABLE_OF
    for record in [get_type_hints(kind)["record"]]
}
