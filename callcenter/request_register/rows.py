"""Converts requests to rows of the register and back. Texts of people are made safe to store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import RowMapping

from callcenter.calendar.working_time import Term, Unit
from callcenter.core.ids import LineId
from callcenter.knowledge.text import line, note
from callcenter.request_register.errors import ActionRefused
from callcenter.request_register.filed import Attachment, BoardRow, Received, Requester
from callcenter.requests.change import LONGEST_TEXT
from callcenter.requests.lifecycle import ENDS, State
from callcenter.requests.number import Number, parse_number
from callcenter.requests.refusal import Reason, Thing, refused
from callcenter.requests.request import (
    Assignee,
    AssigneeKind,
    Entry,
    Fact,
    Fate,
    Message,
    Purpose,
    Reply,
    Request,
    RequestId,
    Way,
)
from callcenter.requests.targets import Target, TargetKind
from callcenter.store.rows import Row, clean

T = TypeVar("T")

_SEVERAL_LINES = frozenset({"text", "essentials", "done"})
_WHO = 64
_THINGS = {
    "subject": Thing.SUBJECT,
    "essentials": Thing.ESSENTIALS,
    "address": Thing.ADDRESS,
    "why": Thing.REASON,
    "causes": Thing.CAUSES,
    "done": Thing.DONE,
}
"""What the fields of actions hold; of the others a text is too long."""


def safe_action(action: T) -> T:
    """Return an action, or what is in it, with all its texts safe. Only a message's text has several lines.

    Raises `ActionRefused` for what is too long to look at. Takes a twentieth of a second for the longest text.
    """
    if not is_dataclass(action) or isinstance(action, type):
        return action
    given = {field.name: getattr(action, field.name) for field in fields(action)}
    return replace(action, **{name: _safe_value(name, value) for name, value in given.items()})


def _safe_value(name: str, value: Any) -> Any:
    if type(value) is str:
        return clean(value, _WHO) if name == "by" else safe_text(name, value)
    if isinstance(value, tuple) and all(type(one) is str for one in value):
        return tuple(safe_text(name, one) for one in value)
    return safe_action(value) if isinstance(value, Reply | Assignee) else value


def safe_text(name: str, value: str) -> str:
    """Return a text without NUL, controls, lone surrogates and characters that turn the writing direction round."""
    if len(value) > LONGEST_TEXT:
        thing = _THINGS.get(name, Thing.TEXT)
        raise ActionRefused(refused(Reason.TOO_LONG, thing=thing, length=len(value), longest=LONGEST_TEXT))
    return note(value) if name in _SEVERAL_LINES else line(value)


def request_row(request: Request) -> Row:
    """Return the columns of a request that follow from it."""
    due, kind = next_due(request)
    reply, assignee, number = request.reply, request.assignee, request.number
    return {
        "request": request.id,
        "version": request.version,
        "line": request.line,
        "year": number.year if number else None,
        "running": number.running if number else None,
        "state": request.state.value,
        "received_at": request.received_at,
        "changed_at": request.changed_at,
        "ended_at": request.changed_at if request.state in ENDS else None,
        "subject": request.subject,
        "essentials": request.essentials,
        "urgency": request.urgency,
        "way": reply.way.value if reply else "",
        "address": reply.address if reply else "",
        "assignee_kind": assignee.kind.value if assignee else "",
        "assignee": assignee.id if assignee else "",
        "assignee_email": assignee.email if assignee else "",
        "refusal": request.refusal,
        "merged_into": str(request.merged_into or ""),
        "entries": request.entries,
        "next_due": due,
        "next_kind": kind.value if kind else "",
        "look_at": None,
    }


def next_due(request: Request) -> tuple[datetime | None, TargetKind | None]:
    """Return the earliest date of the request's running targets, and what is due then."""
    running = [target for target in request.targets if target.open and target.stopped_at is None]
    first = min(running, key=lambda target: target.expected, default=None)
    return (first.expected, first.kind) if first else (None, None)


def request_of(row: RowMapping, targets: Sequence[RowMapping], messages: Sequence[RowMapping]) -> Request:
    """Return the request of its rows."""
    return Request(
        id=RequestId(row["request"]),
        line=LineId(row["line"]),
        received_at=row["received_at"],
        changed_at=row["changed_at"],
        state=State(row["state"]),
        number=number_of(row),
        subject=row["subject"],
        essentials=row["essentials"],
        urgency=row["urgency"],
        reply=Reply(Way(row["way"]), row["address"]) if row["way"] else None,
        assignee=_assignee(row, row["assignee_email"]),
        targets=tuple(map(target_of, targets)),
        messages=tuple(map(_message, messages)),
        refusal=row["refusal"],
        merged_into=parse_number(row["merged_into"]),
        entries=row["entries"],
        version=row["version"],
    )


def number_of(row: RowMapping) -> Number | None:
    """Return the registration number of a request's row."""
    return None if row["running"] is None else Number(LineId(row["line"]), row["year"], row["running"])


def _assignee(row: RowMapping, email: str = "") -> Assignee | None:
    kind = row["assignee_kind"]
    return Assignee(AssigneeKind(kind), row["assignee"], email) if kind else None


def target_row(target: Target) -> Row:
    """Return the columns of a target."""
    return {
        "kind": target.kind.value,
        "unit": target.term.unit.value,
        "seconds": target.term.time.total_seconds(),
        "days": target.term.days,
        "since": target.since,
        "due": target.due,
        "pauses": [[begun.isoformat(), over.isoformat()] for begun, over in target.pauses],
        "stopped_at": target.stopped_at,
        "promised": target.promised,
        "no_later_than": target.no_later_than,
        "met_at": target.met_at,
        "met_by": target.met_by,
        "dropped": target.dropped,
    }


def target_of(row: RowMapping) -> Target:
    """Return a target."""
    return Target(
        kind=TargetKind(row["kind"]),
        term=Term(Unit(row["unit"]), timedelta(seconds=row["seconds"]), row["days"]),
        since=row["since"],
        due=row["due"],
        pauses=tuple((datetime.fromisoformat(begun), datetime.fromisoformat(over)) for begun, over in row["pauses"]),
        stopped_at=row["stopped_at"],
        promised=row["promised"],
        no_later_than=row["no_later_than"],
        met_at=row["met_at"],
        met_by=row["met_by"],
        dropped=bool(row["dropped"]),
    )


def message_row(message: Message) -> Row:
    """Return the columns of a message that leaves."""
    return {
        "key": message.key,
        "inward": False,
        "purpose": message.purpose.value,
        "way": message.reply.way.value,
        "address": message.reply.address,
        "text": message.text,
        "at": message.queued_at,
        "fate": message.fate.value,
        "files": list(message.files),
    }


def _message(row: RowMapping) -> Message:
    reply = Reply(Way(row["way"]), row["address"])
    return Message(
        row["key"], Purpose(row["purpose"]), reply, row["text"], row["at"], Fate(row["fate"]), tuple(row["files"])
    )


def received_of(row: RowMapping) -> Received:
    """Return a message that came in."""
    from_customer, automatic = row["purpose"] == "customer", row["purpose"] == "automatic"
    return Received(row["key"], row["at"], Way(row["way"]), row["address"], row["text"], from_customer, automatic)


def entry_row(entry: Entry) -> Row:
    """Return the columns of a row of the history."""
    return {field.name: getattr(entry, field.name) for field in fields(entry)} | {
        "fact": entry.fact.value,
        "state": entry.state.value,
    }


def entry_of(row: RowMapping) -> Entry:
    """Return a row of the history."""
    given = {field.name: row[field.name] for field in fields(Entry)}
    return Entry(**given | {"fact": Fact(row["fact"]), "state": State(row["state"])})


def requester_row(requester: Requester) -> Row:
    """Return the columns of who asks."""
    return {
        "requester_name": clean(requester.name, 300),
        "requester_number": clean(requester.number, 64),
        "requester_inn": clean(requester.inn, 32),
        "registered": bool(requester.inn.strip()),
        "requester_customer": clean(requester.customer, 300),
        "requester_contract": clean(requester.contract, 300),
        "convenient": clean(requester.convenient, 500),
        "convenient_from": requester.convenient_from,
        "convenient_until": requester.convenient_until,
    }


def requester_of(row: RowMapping) -> Requester:
    """Return who asks."""
    return Requester(
        row["requester_name"],
        row["requester_number"],
        row["requester_inn"],
        row["requester_customer"],
        row["convenient"],
        row["convenient_from"],
        row["convenient_until"],
        row["requester_contract"],
    )


def attachment_of(row: RowMapping) -> Attachment:
    """Return what is known of a file."""
    return Attachment(**{field.name: row[field.name] for field in fields(Attachment)})


def board_row_of(row: RowMapping) -> BoardRow:
    """Return a row of a list."""
    return BoardRow(
        id=RequestId(row["request"]),
        number=number_of(row),
        line=LineId(row["line"]),
        state=State(row["state"]),
        subject=row["subject"],
        urgency=row["urgency"],
        essentials=row["beginning"],
        requester=row["requester_name"] or row["requester_customer"] or row["requester_number"],
        assignee=_assignee(row),
        opened_by=row["opened_by"],
        received_at=row["received_at"],
        changed_at=row["changed_at"],
        due=row["next_due"],
        due_kind=TargetKind(row["next_kind"]) if row["next_kind"] else None,
        version=row["version"],
    )
