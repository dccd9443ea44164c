"""The warnings that are in force now: given, and what they warn of is still not done (ESTP 5.5.3, 5.5.4).

A warning is over as soon as its target is met, moves, stands still or is not owed any more. Kept in memory, for the
notices at the desk; read anew after every action there, and every quarter of a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select

from callcenter.request_register.deadline import look
from callcenter.request_register.filed import Own
from callcenter.request_register.filing import REQUESTS
from callcenter.requests.request import AssigneeKind
from callcenter.store import Register
from callcenter.store.request_tables import RequestWarning
from callcenter.store.tables import table_of

_WARNINGS = table_of(RequestWarning)
WARNED = REQUESTS.c.ended_at.is_(None) & exists().where(
    _WARNINGS.c.request == REQUESTS.c.id,
    _WARNINGS.c.kind == REQUESTS.c.next_kind,
    _WARNINGS.c.expected == REQUESTS.c.next_due,
)
"""Whether a request has a warning in force: about what is due next."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests somebody is warned of."""

    near: int = 0
    missed: int = 0

    def __bool__(self) -> bool:
        return bool(self.near or self.missed)


@dataclass(frozen=True, slots=True)
class _InForce:
    missed: bool
    opened_by: str
    """Of a form; '' when it was passed on: then it is the head's, or the assignee's."""
    assignee: str
    """A person or a group; '' for nobody, or a department outside."""


class WarningsInForce:
    """Those of one controller. `changed`: called when they are others than before."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._found: Sequence[_InForce] = ()
        self.changed: Callable[[], None] = lambda: None

    async def refresh(self, at: datetime) -> None:
        """Read them anew, as they are at this moment. Raises `RegisterError`; then those of before stay."""
        columns = ("next_due", "running", "opened_by", "assignee_kind", "assignee")
        query = select(*(REQUESTS.c[name] for name in columns)).where(WARNED).order_by(REQUESTS.c.id)
        found = [
            _InForce(
                missed=due <= at,
                opened_by=opened_by if running is None else "",
                assignee="" if kind == AssigneeKind.DEPARTMENT.value else assignee,
            )
            for due, running, opened_by, kind, assignee in await look(
                self._register, lambda connection: connection.execute(query).all()
            )
        ]
        before, self._found = self._found, found
        if found != before:
            self.changed()

    def tally(self, own: Own | None) -> Tally:
        """Return how many there are: of somebody's own; None: of all, for a head."""
        theirs = [one for one in self._found if own is None or _concerns(one, own)]
        missed = sum(one.missed for one in theirs)
        return Tally(len(theirs) - missed, missed)


def _concerns(one: _InForce, own: Own) -> bool:
    return one.opened_by == own.opened_by or bool(one.assignee and one.assignee in own.assignees)
