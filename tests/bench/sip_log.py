"""What really happened to callers, by the SIP messages that sipp's phones wrote down: nothing of ours is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_HEAD = re.compile(r"^-{20,} (\d{4}-\d\d-\d\d[ \t]\d\d:\d\d:\d\d\.\d+).*\n\w+ message (sent|received) .*\n\n", re.M)
_NUMBER = re.compile(r"\+7\d{10}")


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message as a phone saw it. `at`: POSIX seconds."""

    at: float
    sent: bool
    first_line: str
    call_id: str
    cseq: str
    caller: str
    """From."""

    @property
    def accepts_call(self) -> bool:
        return self.first_line.startswith("SIP/2.0 200") and self.cseq.endswith("INVITE")


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller's call, by the caller's phone. POSIX seconds."""

    number: str
    dialled_at: float
    gone_at: float
    """The first BYE, whoever sent it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that an operator's phone took. POSIX seconds."""

    number: str
    """The caller's."""
    rung_at: float
    answered_at: float
    """200 OK was sent."""
    ended_at: float


def messages(path: Path) -> Iterator[Message]:
    """Read sipp's message log, in its order. Times there are local ones, to the microsecond."""
    text = path.read_text(encoding="utf-8", errors="replace")
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    for head, end in zip(heads, ends, strict=True):
        lines = text[head.end() : end].splitlines()
        fields = dict(reversed([_field(line) for line in lines[1:] if ":" in line]))  # of a name the first counts
        yield Message(
            datetime.fromisoformat(head[1].replace("\t", " ")).astimezone().timestamp(),
            head[2] == "sent",
            lines[0],
            fields.get("call-id", ""),
            fields.get("cseq", ""),
            fields.get("from", ""),
        )


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def callers(log: Iterable[Message]) -> list[Caller]:
    """Everybody who dialled, and whose call has come to an end."""
    dialled: dict[str, tuple[str, float]] = {}
    gone: dict[str, float] = {}
    for message in log:
        method = message.first_line.split(" ", 1)[0]
        number = _NUMBER.search(message.caller)
        if method == "INVITE" and message.sent and number:
            dialled.setdefault(message.call_id, (number[0], message.at))
        elif method == "BYE":
            gone.setdefault(message.call_id, message.at)
    return [Caller(number, at, gone[call]) for call, (number, at) in dialled.items() if call in gone]


def taken(log: Iterable[Message]) -> list[Taken]:
    """The calls that a phone answered and, this being acknowledged, got, and that have come to an end."""
    rung: dict[str, tuple[str, float]] = {}
    accepted: dict[str, float] = {}
    connected: set[str] = set()
    ended: dict[str, float] = {}
    for message in log:
        call, method = message.call_id, message.first_line.split(" ", 1)[0]
        number = _NUMBER.search(message.caller)
        if method == "INVITE" and not message.sent and number:
            rung.setdefault(call, (number[0], message.at))
        elif message.accepts_call and message.sent:
            accepted.setdefault(call, message.at)
        elif method == "ACK" and call in accepted:
            connected.add(call)
        elif method == "BYE":
            ended.setdefault(call, message.at)
    return [
        Taken(number, at, accepted[call], ended[call])
        for call, (number, at) in rung.items()
        if call in connected and call in ended
    ]
