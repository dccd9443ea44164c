"""What the phones saw: every call and every ringing, by the SIP messages that sipp wrote down. POSIX seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.bench.sip_log import Message, messages

NUMBER = re.compile(r"\+7\d{10}")

_A_MOMENT = 0.3
CROSSING = 0.1
"""Seconds in which two messages may cross: a CANCEL or BYE and the next INVITE, an answer, the other side's BYE."""


class EndedBy(StrEnum):
    """Whose message ended a call."""

    NOBODY = ""
    """The log has no end: the phones vanished when Asterisk died."""
    PHONE = "phone"
    """The phone that wrote this log."""
    LINE = "line"
    """Asterisk."""


@dataclass(slots=True)
class Placed:
    """A call that somebody placed to the line, by the caller's phone."""

    number: str
    crowd: int
    dialled_at: float
    heard_at: float | None = None
    """The first answer of any kind: then Asterisk knows of the call."""
    accepted_at: float | None = None
    """200 OK: the greeting begins."""
    key_at: float | None = None
    """The first key was pressed: the urgency."""
    refused: str = ""
    """The final answer, if that was no 200."""
    ended_at: float | None = None
    ended_by: EndedBy = EndedBy.NOBODY
    unplugged: bool = False
    """The phone is gone, and Asterisk was not told: sipp's last BYE may bear the number of a key still on its way."""
    in_vain: bool = False
    """The phone hung up, and Asterisk did not answer that any more."""

    def gave_up_while_answered(self, ringing: Ringing) -> bool:
        """The caller hung up in the moment of the answer: they were put through for a blink, or just not any more."""
        if self.ended_by is not EndedBy.PHONE or self.ended_at is None or ringing.answered_at is None:
            return False
        return abs(self.ended_at - ringing.answered_at) <= CROSSING


@dataclass(slots=True)
class Ringing:
    """A phone of ours that was rung, by that phone."""

    phone: str
    number: str
    """The caller's."""
    rung_at: float
    answered_at: float | None = None
    joined: bool = False
    """The answer was acknowledged: there was a conversation."""
    ended_at: float | None = None
    ended_by: EndedBy = EndedBy.NOBODY

    @property
    def rang_until(self) -> float:
        """Endless when the log has no end of it."""
        return min(self.answered_at or float("inf"), self.ended_at or float("inf"))

    @property
    def taken_back(self) -> bool:
        """Rang for a moment that disturbs nobody: an order that was held up on its way, and taken back at once."""
        return self.answered_at is None and (self.ended_at or float("inf")) - self.rung_at < _A_MOMENT

    @property
    def crossed(self) -> bool:
        """Picked up while the line took it back. Where the caller waits on nobody had been put through yet."""
        if self.ended_by is not EndedBy.LINE or self.answered_at is None or self.ended_at is None:
            return False
        return self.ended_at - self.answered_at < CROSSING

    def seconds(self, at_most: float) -> float:
        """Of conversation; `at_most`: the moment when it ended at the latest."""
        if self.answered_at is None or not self.joined:
            return 0.0
        return max(0.0, min(self.ended_at or at_most, at_most) - self.answered_at)


@dataclass(slots=True)
class Seen:
    """Everything that all phones saw."""

    placed: list[Placed] = field(default_factory=list)
    rung: list[Ringing] = field(default_factory=list)

    def conversations(self, call: Placed) -> list[Ringing]:
        """The ringings that became this call's conversations, in order; the last of them maybe for a blink only."""
        until = call.ended_at or float("inf")
        rung = [r for r in self.rung if r.number == call.number and r.joined and r.answered_at is not None]
        found = [r for r in rung if not r.crossed or call.gave_up_while_answered(r)]
        mine = [r for r in found if call.dialled_at <= (r.answered_at or 0.0) <= until + 1.0]
        return sorted(mine, key=lambda r: r.answered_at or 0.0)

    def ringings(self, call: Placed) -> list[Ringing]:
        """All ringings for this call."""
        until = (call.ended_at or float("inf")) + 1.0
        return [r for r in self.rung if r.number == call.number and call.dialled_at <= r.rung_at <= until]


def read(path: Path) -> list[Message]:
    """A phone's log, empty when there is none."""
    return list(messages(path)) if path.exists() else []


def placed(log: Iterable[Message], crowd: int) -> list[Placed]:
    """The calls of a log of callers."""
    found: dict[str, Placed] = {}
    for message in log:
        call, method = found.get(message.call_id), message.first_line.split(" ", 1)[0]
        if call is None:
            number = NUMBER.search(message.caller)
            if method == "INVITE" and message.sent and number:
                found[message.call_id] = Placed(number[0], crowd, message.at)
            continue
        if method == "SIP/2.0" and not message.sent and message.cseq.endswith("INVITE"):
            _progress(call, message)
        elif method == "SIP/2.0" and not message.sent and message.cseq.endswith("BYE"):
            if _status(message) >= 300:
                call.unplugged, call.ended_at, call.ended_by = True, None, EndedBy.NOBODY
            call.in_vain = False
        elif method == "INFO":
            call.key_at = call.key_at or message.at
        elif method in ("BYE", "CANCEL") and call.ended_at is None:
            call.ended_at = message.at
            call.ended_by = EndedBy.PHONE if message.sent else EndedBy.LINE
            call.in_vain = message.sent and method == "BYE"
    return list(found.values())


def _progress(call: Placed, message: Message) -> None:
    status = _status(message)
    call.heard_at = call.heard_at or message.at
    if 200 <= status < 300:
        call.accepted_at = call.accepted_at or message.at
    elif status >= 300 and call.ended_at is None:
        call.refused = message.first_line
        call.ended_at, call.ended_by = message.at, EndedBy.LINE


def _status(message: Message) -> int:
    return int(message.first_line.split()[1])


def rung(log: Iterable[Message], phone: str) -> list[Ringing]:
    """The ringings of a log of one phone."""
    found: dict[str, Ringing] = {}
    for message in log:
        ringing, method = found.get(message.call_id), message.first_line.split(" ", 1)[0]
        if ringing is None:
            number = NUMBER.search(message.caller)
            if method == "INVITE" and not message.sent:
                found[message.call_id] = Ringing(phone, number[0] if number else message.caller, message.at)
        elif message.accepts_call and message.sent:
            ringing.answered_at = ringing.answered_at or message.at
        elif method == "ACK" and ringing.answered_at is not None:
            ringing.joined = True
        elif method in ("BYE", "CANCEL") and ringing.ended_at is None:
            ringing.ended_at = message.at
            ringing.ended_by = EndedBy.PHONE if message.sent else EndedBy.LINE
    return list(found.values())


def collect(crowds: Iterable[tuple[Path, dict[str, Path]]]) -> Seen:
    """All logs of all generations: (callers' log, person -> phone's log)."""
    testimony = Seen()
    for crowd, (callers, phones) in enumerate(crowds):
        testimony.placed += placed(read(callers), crowd)
        testimony.rung += _all_rung(phones)
    testimony.placed.sort(key=lambda call: call.dialled_at)
    testimony.rung.sort(key=lambda ringing: ringing.rung_at)
    return testimony


def _all_rung(phones: dict[str, Path]) -> Iterator[Ringing]:
    for phone, path in phones.items():
        yield from rung(read(path), phone)
