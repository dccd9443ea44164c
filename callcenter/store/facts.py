"""A fact on its way into the register: a finished row, which can wait in memory or in the spool."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DefaultClause

from callcenter.core.commands import Save, SavePresence
from callcenter.core.operator import Presence
from callcenter.store.rows import KEY_OF, TABLE_OF, Row, Wall, facts_of
from callcenter.store.spool import Content
from callcenter.store.tables import UtcDateTime, table_of


def _default(column: Column[Any]) -> Any:
    """Return what the database would enter; None: it has no default."""
    default = column.server_default
    return column.type.python_type(default.arg) if isinstance(default, DefaultClause) else None


_KINDS: Mapping[str, type[Save]] = {model.__tablename__: kind for kind, model in TABLE_OF.items()}
_NAMES: Mapping[type[Save], str] = {kind: name for name, kind in _KINDS.items()}
_COLUMNS: Mapping[type[Save], Mapping[str, tuple[bool, bool, Any]]] = {
    kind: {
        name: (isinstance(column.type, UtcDateTime), bool(column.nullable), _default(column))
        for name in (*facts_of(kind), *KEY_OF[kind])
        for column in [table_of(model).c[name]]
    }
    for kind, model in TABLE_OF.items()
}
"""The columns of each kind of fact: name -> (is a date and time, may be NULL, what a fact without it gets)."""


@dataclass(slots=True)
class Fact:
    """One row of one table. Its dates were computed with the wall clock at the moment when it happened."""

    kind: type[Save]
    row: Row
    since: float
    """When this row first began to wait, by the monotonic clock."""
    opens_shift: bool
    position: int
    """Position in the spool. If several versions of the row wait: the position of the first one."""
    kept: bool
    """Whether the fact is in the spool."""

    @property
    def key(self) -> tuple[object, ...]:
        """Facts with equal keys are versions of the same row."""
        return (self.kind, *(self.row[name] for name in KEY_OF[self.kind]))

    @property
    def closes_shift(self) -> bool:
        """Whether this fact is a log-out."""
        return self.kind is SavePresence and self.row["presence"] == Presence.OFF.value

    def content(self, wall: Wall) -> Content:
        """Return the content for the spool. `wall` dates `since`: a later process has another monotonic clock."""
        return [_NAMES[self.kind], round(wall(self.since).timestamp(), 3), int(self.opens_shift), self.row]

    @classmethod
    def of(cls, content: Content, position: int, wall: Wall) -> Fact:
        """Make a fact from the spool's content; `wall` as for `content`.

        Raises ValueError, TypeError or KeyError for content that no version of the controller can have written.
        """
        name, since, opens_shift, told = content
        kind = _KINDS[name]
        now = time.monotonic()
        age = max(0.0, wall(now).timestamp() - since)
        row = {column: _value(told.get(column), column, *known) for column, known in _COLUMNS[kind].items()}
        return cls(kind, row, now - age, bool(opens_shift), position, kept=True)


def _value(told: Any, column: str, is_moment: bool, nullable: bool, default: Any) -> Any:
    if told is None and default is not None:
        return default
    if told is None and not nullable:
        raise ValueError(f"{column} is empty")
    return datetime.fromisoformat(told) if is_moment and told is not None else told
