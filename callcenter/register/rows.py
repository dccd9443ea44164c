"""From a fact of the core to a row of a table, safe to store whatever an outsider put into its texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Column, String

from callcenter.core.commands import Save, SaveAnnouncement, SaveCall, SaveOffer, SavePresence, SaveTransfer
from callcenter.register.tables import (
    Announcement,
    Base,
    Call,
    Offer,
    PresenceChange,
    Transfer,
    UtcDateTime,
    table_of,
)

Wall = Callable[[float], datetime]
"""Turns seconds of the core's monotonic clock into an aware datetime."""

Row = dict[str, Any]

TABLE_OF: dict[type[Save], type[Base]] = {
    SaveCall: Call,
    SaveOffer: Offer,
    SaveAnnouncement: Announcement,
    SaveTransfer: Transfer,
    SavePresence: PresenceChange,
}
KEY_OF: dict[type[Save], tuple[str, ...]] = {
    SaveCall: ("call",),
    SaveOffer: ("offer",),
    SaveAnnouncement: ("call", "number"),
    SaveTransfer: ("call", "number"),
    SavePresence: ("fact",),
}
"""What makes two facts versions of the same row."""

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ") | {0: "\ufffd"}


def clean(raw: str, limit: int | None) -> str:
    """`raw` as any database can store it: no lone surrogates or control characters, at most `limit` long."""
    cut = raw[:limit]
    if cut.isascii() and cut.isprintable():
        return cut
    return cut.encode("utf-8", "replace").decode("utf-8").translate(_CONTROLS)


def row_of(save: Save, wall: Wall, fact: str = "") -> Row:
    """The fact as a row. Raises ValueError, TypeError or OverflowError when a value makes no sense."""
    record = save.record
    columns = table_of(TABLE_OF[type(save)]).c
    row = {f.name: _stored(getattr(record, f.name), columns[f.name], wall) for f in fields(record)}
    if isinstance(save, SavePresence):
        row["fact"] = fact
    return row


def _stored(value: Any, column: Column[Any], wall: Wall) -> Any:
    if value is None:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        # Databases differ in what they make of it, and a single one spoils every sum of a report.
        if column.nullable:
            return None
        raise ValueError(f"{column.name} is {value}")
    if isinstance(column.type, UtcDateTime):
        return wall(value)
    if isinstance(column.type, String):
        return clean(str(value), column.type.length)
    return list(value) if isinstance(value, tuple) else value
