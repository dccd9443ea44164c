"""What an Asterisk writes down of callers while they are there, whoever listens: the journal of the obedient one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from callcenter.core.call_history import CallHistory, LegHistory
from callcenter.core.ids import NO_LINE, CallId, ChannelId, LineId, OfferId, PhoneName
from callcenter.core.records import HungUpBy


@dataclass
class LegLines:
    """Lines about a phone that was rung."""

    id: OfferId
    phone: PhoneName
    placed_at: float
    answered_at: float | None = None
    talks: list[tuple[float, float | None]] = field(default_factory=list)
    ended_at: float | None = None
    cause: int = 0

    def told(self) -> LegHistory:
        return LegHistory(
            self.id, self.phone, self.placed_at, self.answered_at, tuple(self.talks), self.ended_at, self.cause
        )


@dataclass
class CallLines:
    """Lines about a caller."""

    id: CallId
    line: LineId
    number: str
    arrived_at: float
    dialplan_steps: list[tuple[float, str]] = field(default_factory=list)
    legs: dict[OfferId, LegLines] = field(default_factory=dict)
    ended_at: float | None = None
    cause: int = 0
    hung_up_by: HungUpBy = HungUpBy.NOBODY

    def told(self) -> CallHistory:
        return CallHistory(
            self.id,
            f"SIP/{self.id}",
            self.line,
            self.number,
            "",
            self.arrived_at,
            tuple(self.dialplan_steps),
            tuple(leg.told() for leg in self.legs.values()),
            self.ended_at,
            self.cause,
            "",
            self.hung_up_by,
        )

    @property
    def talks(self) -> list[tuple[float, float | None]]:
        """Every conversation of the caller, in order."""
        return sorted(talk for leg in self.legs.values() for talk in leg.talks)


class Journal:
    """All lines there are. `clock`: the time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.calls: dict[CallId, CallLines] = {}
        self._of: dict[OfferId, CallLines] = {}

    def histories(self, since: float) -> tuple[CallHistory, ...]:
        """Callers who were there at that moment or later, each with all that is written of them."""
        calls = (call for call in self.calls.values() if call.ended_at is None or call.ended_at >= since)
        return tuple(call.told() for call in calls)

    def arrived(self, call: CallId, line: LineId, number: str) -> None:
        self.calls[call] = CallLines(call, line, number, self._clock())
        self.came_to(call, "arriving")

    def called(self, call: CallId, number: str) -> None:
        """Whom an operator has called has answered; of the line nothing is written."""
        self.calls[call] = CallLines(call, NO_LINE, number, self._clock())
        self.came_to(call, "called")

    def came_to(self, call: CallId, dialplan_step: str) -> None:
        self.calls[call].dialplan_steps.append((self._clock(), dialplan_step))

    def rung(self, leg: OfferId, phone: PhoneName, call: CallId) -> None:
        if call in self.calls:
            self._of[leg] = self.calls[call]
            self.calls[call].legs[leg] = LegLines(leg, phone, self._clock())

    def answered(self, leg: OfferId) -> None:
        if leg in self._of:
            self._of[leg].legs[leg].answered_at = self._clock()

    def talk_began(self, leg: OfferId) -> None:
        self._of[leg].legs[leg].talks.append((self._clock(), None))

    def talk_ended(self, leg: OfferId) -> None:
        talks = self._of[leg].legs[leg].talks
        talks[-1] = talks[-1][0], self._clock()

    def ended(self, id: ChannelId, cause: int, by: HungUpBy) -> None:
        lines: CallLines | LegLines | None = self.calls.get(CallId(id))
        leg = OfferId(id)
        if leg in self._of:
            lines = self._of[leg].legs[leg]
        if lines:
            lines.ended_at, lines.cause = self._clock(), cause
        if isinstance(lines, CallLines):
            lines.hung_up_by = by
