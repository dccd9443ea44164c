"""Gives the next written request to whoever asks for one: the first in turn, and never the same one to two people.

Nothing is reserved beforehand. Who takes a request begins to work on it, which is one transaction with the version that
was seen: of two who want the same, one gets it, and the other the next.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from callcenter.core.ids import LineId
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.errors import ActionRefused, ChangedMeanwhile, UnknownRequest
from callcenter.request_register.filed import BoardQuery, BoardRow, Filed
from callcenter.request_register.register import RequestRegister
from callcenter.requests.actions import Start
from callcenter.requests.lifecycle import State
from callcenter.requests.request import AssigneeKind
from callcenter.requests.rules import LineRules
from callcenter.requests.turn import Turn, in_turn, turn

MOST = 50
"""Requests of which the first is looked for: next due, and of those that go out of turn."""


class Distribution:
    """The written work of all lines. Methods raise `RegisterError`."""

    def __init__(self, board: RequestBoard, register: RequestRegister) -> None:
        self._board = board
        self._register = register

    async def waiting(self, assignees: Collection[str], now: datetime) -> list[BoardRow]:
        """Return what waits to be begun by these, a person and their groups; whose turn is next, first."""
        rules = self._register.rules
        base = BoardQuery(states=(State.ASSIGNED,), assignees=tuple(assignees))
        found = {row.id: row for row in await self._board.rows(base, MOST)}
        first = {name for line in rules.values() for name, one in line.urgencies.items() if one.out_of_turn}
        if first:
            out_of_turn = BoardQuery(states=(State.ASSIGNED,), assignees=tuple(assignees), urgencies=sorted(first))
            found |= {row.id: row for row in await self._board.rows(out_of_turn, MOST)}
        ours = [row for row in found.values() if row.assignee and row.assignee.kind is not AssigneeKind.DEPARTMENT]
        return in_turn(ours, lambda row: _turn(row, rules, now))

    async def take(self, person: str, assignees: Collection[str], now: datetime) -> Filed | None:
        """Have the person begin with the first of them; None: nothing waits."""
        for row in await self.waiting(assignees, now):
            try:
                return await self._register.act(row.id, row.version, Start(person), now)
            except (ActionRefused, ChangedMeanwhile, UnknownRequest):
                continue  # somebody was faster
        return None


def _turn(row: BoardRow, rules: Mapping[LineId, LineRules], now: datetime) -> Turn:
    line = rules.get(row.line)
    urgency = line.on(row.received_at).urgencies.get(row.urgency) if line else None
    out_of_turn = urgency is not None and urgency.out_of_turn
    return turn(row.id, row.received_at, row.due, now, out_of_turn=out_of_turn)
