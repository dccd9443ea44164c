"""What the floor page and the wall screen show, as plain rows, and what differs between two moments.

Rows have moments of the controller's clock instead of durations; each message says what time that clock shows. So a row
differs only when something has happened, and only its fields that differ are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.core.on_floor import CallerOnFloor, FloorView, LineOnFloor, PersonOnFloor
from callcenter.planning.forecast import Forecast

Rows = dict[str, dict[str, Any]]
State = dict[str, Rows]
"""Tables of rows by their keys."""
Forecasts = Callable[[], Mapping[LineId, tuple[Forecast, float]]]

ON_THE_WALL = 6
"""So many who wait on a line are shown there, and how many more there are."""
NAMELESS = {"order": "", "order_by": ""}
SHOWN_DIGITS = 2
"""Of a number on the wall."""


class FloorStates:
    """Makes them. `lines`, `groups`: titles; a group without one is shown by its id. `name`: of a person."""

    def __init__(
        self,
        lines: Mapping[LineId, str],
        groups: Mapping[GroupId, str],
        forecasts: Forecasts,
        name: Callable[[PersonId], str] = str,
    ) -> None:
        self._name = name
        self._lines = lines
        self._groups = groups
        self._forecasts = forecasts

    def of_floor(self, view: FloorView) -> State:
        """Return what supervisors and heads see."""
        return {
            "floor": self._floor(view),
            "lines": self._lines_of(view),
            "people": {person.id: self._person(person) for person in view.people},
            "waiting": {one.call: _caller(one) | _who(one) for one in view.waiting},
        }

    def of_wall(self, view: FloorView) -> State:
        """Return what may hang on a wall: of people how many, of callers nothing that names one."""
        states = Counter((person.group, state_of(person)) for person in view.people)
        return {
            "floor": self._floor(view),
            "lines": {id: line | NAMELESS for id, line in self._lines_of(view).items()},
            "people": {
                f"{group} {state}": {"group": self._title(group), "state": state, "count": count}
                for (group, state), count in states.items()
            },
            "waiting": {
                f"{one.line} {one.place}": _caller(one) | {"number": masked(one.number)}
                for one in view.waiting
                if one.place <= ON_THE_WALL
            },
        }

    def _floor(self, view: FloorView) -> Rows:
        return {"floor": {"connected": view.connected, "recording": not view.not_recording}}

    def _lines_of(self, view: FloorView) -> Rows:
        queues = Counter(one.line for one in view.waiting)
        return {line.id: self._line(line) | {"queue": queues[line.id]} for line in view.lines}

    def _line(self, line: LineOnFloor) -> dict[str, Any]:
        found = self._forecasts().get(LineId(line.id))
        forecast = found[0] if found else None
        return {
            "id": line.id,
            "title": self._lines.get(line.id, line.id),
            "open": line.open,
            "in_use": line.lines_in_use,
            "capacity": line.capacity,
            "waiting": [list(pair) for pair in line.waiting],
            "oldest": line.oldest,
            "on_duty": line.on_duty,
            "required": line.required,
            "out_of_reach": line.out_of_reach,
            "target": line.target,
            "average": line.average,
            "registered": line.registered,
            "forecast": forecast.average_registered if forecast else None,
            "exceeding": forecast.exceeding_registered if forecast else None,
            "order": line.order,
            "order_by": self._name(line.order_by) if line.order_by else "",
            "order_until": line.order_until,
            "needed": forecast.needed_now if forecast else None,
        }

    def _person(self, person: PersonOnFloor) -> dict[str, Any]:
        return {
            "id": person.id,
            "name": person.name,
            "group": self._title(person.group),
            "state": state_of(person),
            "presence": person.presence,
            "reason": person.reason,
            "trouble": person.trouble,
            "since": round(person.since, 1),
            "call": person.call,
            "line": person.line,
            "number": person.number,
            "customer": person.customer,
            "chats": person.chats,
        }

    def _title(self, group: GroupId) -> str:
        return self._groups.get(group, group)


def state_of(person: PersonOnFloor) -> str:
    """Return the person's state in one word, as on their own page."""
    if person.activity != "idle":
        return person.activity
    if person.presence == "available" and person.trouble:
        return "no_calls"
    return "chatting" if person.chats else person.presence


def masked(number: str) -> str:
    """Return of a number only the last digits: enough to see that one row is not another."""
    digits = "".join(one for one in number if one.isdigit())
    return f"••{digits[-SHOWN_DIGITS:]}" if len(digits) > 2 * SHOWN_DIGITS else ""


def _caller(one: CallerOnFloor) -> dict[str, Any]:
    spoken = one.minutes if one.minutes is not None and isfinite(one.minutes) else None
    return {
        "line": one.line,
        "place": one.place,
        "urgency": one.urgency,
        "since": round(one.since, 1),
        "call_back": one.call_back,
        "by": one.turn.by.value,
        "overtakes": one.turn.overtakes,
        "overtaken": one.turn.overtaken,
        "kept": one.turn.kept,
        "safe_at": one.turn.safe_at,
        "elsewhere": one.earlier_elsewhere,
        "minutes": spoken,
        "longer": one.minutes is not None and spoken is None,
        "until": one.promised_until,
        "holds": one.holds,
    }


def _who(one: CallerOnFloor) -> dict[str, Any]:
    return {"call": one.call, "number": one.number, "customer": one.customer}


def difference(now: State, before: State) -> dict[str, dict[str, Any]]:
    """Return by table and row the fields that differ; a new row as a whole, one that is gone as None."""
    found: dict[str, dict[str, Any]] = {}
    for table, rows in now.items():
        old = before.get(table, {})
        news: dict[str, Any] = dict.fromkeys(old.keys() - rows.keys())
        for key, row in rows.items():
            known = old.get(key)
            if known is None:
                news[key] = row
            elif row != known:
                news[key] = {name: value for name, value in row.items() if value != known[name]}
        if news:
            found[table] = news
    return found
