"""Requests as JSON, for the API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any

from callcenter.core.contract import Standing
from callcenter.core.ids import LineId
from callcenter.desk.contract_json import contract
from callcenter.desk.request_access import Seen
from callcenter.desk.request_actions import RequestActions, end_of_day
from callcenter.request_register.filed import Attachment, Filed, Outcome
from callcenter.request_register.signatures import WAITS, loaded
from callcenter.request_register.viewers import Viewer
from callcenter.requests.contract_rules import ContractRules
from callcenter.requests.lifecycle import UNFINISHED, State
from callcenter.requests.number import Number
from callcenter.requests.request import Assignee, Entry, Message, Way
from callcenter.requests.rules import LineRules
from callcenter.requests.targets import Target, TargetKind


def row(seen: Seen, desk: RequestActions, now: datetime) -> dict[str, Any]:
    """Return one row of a list; `in_full`: false for one of which the reader is told only where it stands."""
    one = seen.row
    return {
        "in_full": seen.in_full,
        "id": one.id,
        "number": number(one.number),
        "line": one.line,
        "state": one.state.value,
        "subject": desk.subject(one.line, one.subject),
        "urgency": one.urgency,
        "essentials": one.essentials,
        "requester": one.requester,
        "assignee": assignee(one.assignee, desk),
        "opened_by": desk.name_of(one.opened_by),
        "received_at": one.received_at.isoformat(),
        "changed_at": one.changed_at.isoformat(),
        "due": moment(one.due),
        "due_kind": one.due_kind.value if one.due_kind else None,
        "overdue": one.overdue(now),
        "due_today": one.due is not None and one.due < end_of_day(now, desk.zone_of(one.line)),
        "version": one.version,
    }


def state(filed: Filed, desk: RequestActions, now: datetime) -> dict[str, Any]:
    """Return where a request stands (ESTP 5.7.1): what a caller may be told, and nothing of what others wrote."""
    request = filed.request
    answer = request.target(TargetKind.ANSWER)
    running = answer is not None and answer.stopped_at is None
    return {
        "id": request.id,
        "number": number(request.number),
        "line": request.line,
        "state": request.state.value,
        "subject": desk.subject(request.line, request.subject),
        "received_at": request.received_at.isoformat(),
        "expected": moment(answer.expected) if answer and running else None,
        "overdue": answer is not None and answer.overdue(now),
        "words": desk.words(request.line, answer.expected if answer else None)
        if running or request.state in UNFINISHED
        else None,
        "merged_into": number(request.merged_into),
    }


def whole(filed: Filed, history: Iterable[Entry], desk: RequestActions, now: datetime) -> dict[str, Any]:
    """Return a request with all that is kept beside it."""
    request, requester, zone = filed.request, filed.requester, desk.zone_of(filed.request.line)
    return state(filed, desk, now) | {
        "subject_id": request.subject,
        "essentials": request.essentials,
        "urgency": request.urgency,
        "way": request.reply.way.value if request.reply else None,
        "address": request.reply.address if request.reply else "",
        "requester": {
            "name": requester.name,
            "number": requester.number,
            "inn": requester.inn,
            "customer": requester.customer,
            "contract": requester.contract,
            "convenient": requester.convenient,
            "convenient_from": local(requester.convenient_from, zone),
            "convenient_until": local(requester.convenient_until, zone),
        },
        "call": filed.call,
        "origin": filed.origin,
        "suggested": filed.suggested,
        "opened_by": desk.name_of(filed.opened_by),
        "told": filed.told,
        "assignee": assignee(request.assignee, desk),
        "targets": [_target(one, now) for one in request.targets],
        "messages": [_message(one, filed) for one in request.messages],
        "received": [
            {
                "at": one.at.isoformat(),
                "way": one.way.value,
                "sender": one.sender,
                "text": one.text,
                "from_customer": one.from_customer,
                "automatic": one.automatic,
                "original": part_of(filed, one.key, "original"),
                "letter": _came(filed, one.key),
            }
            for one in filed.received
        ],
        "attachments": files(filed),
        "refusal": request.refusal,
        "erased_at": moment(filed.erased_at),
        "history": [_entry(one, desk) for one in history],
        "version": request.version,
    }


def form(filed: Filed, desk: RequestActions, now: datetime) -> dict[str, Any]:
    """Return a form with what is written in it, and the words to say for each urgency (ESTP 5.5.1)."""
    request = filed.request
    told: dict[str, Any] = {}
    for urgency in desk.rules(request.line).on(request.received_at).urgencies:
        due = desk.register.promise(request.line, urgency, request.received_at)
        told[urgency] = {"due": moment(due), "words": desk.words(request.line, due)}
    target, rules, by = request.target(TargetKind.FORM), desk.rules(request.line), desk.standing(filed)
    return whole(filed, (), desk, now) | {
        "form_due": moment(target.due) if target and request.state is State.DRAFT else None,
        "promises": told,
        "contract": _contract(by, rules) if by else None,
        "now": now.isoformat(),
    }


def _contract(by: Standing, rules: LineRules) -> dict[str, Any]:
    of_line = rules.contracts or ContractRules()
    promised = [one for one in rules.urgencies if of_line.promised_to(by.level, one)]
    return contract(by, of_line) | {"urgencies": promised}


def options(desk: RequestActions) -> list[dict[str, Any]]:
    """Return what can be chosen in the forms of each line."""
    return [
        {
            "line": line,
            "title": desk.line(line).title,
            "subjects": list(desk.line(line).subjects.items()),
            "urgencies": list(rules.urgencies),
            "own_urgencies": {
                subject: [one for one in rules.urgencies if rules.urgency_fits(subject, one)]
                for subject in rules.subjects
                if rules.of_subjects
            },
            "contracts": rules.contracts is not None,
            "ways": [way.value for way in Way if way in rules.ways],
            "refusals": sorted(rules.refusals),
            "spoken_answer": desk.line(line).spoken_answer,
            "asks_before_closing": rules.asks_before_closing,
            "files": limits(line, desk),
            "zone": str(desk.zone_of(line)),
        }
        for line, rules in desk.register.rules.items()
    ]


def files(filed: Filed) -> list[dict[str, Any]]:
    """Return the files of a request that are still kept."""
    return [file(kept) for kept in filed.attachments if kept.deleted_at is None and not kept.part]


def part_of(filed: Filed, message: str, part: str) -> str:
    """Return the SHA-256 of a part of a message that came in, such as its 'original'; '': none is handed out."""
    found = (
        one.sha256
        for one in filed.attachments
        if (one.message, one.part) == (message, part) and not (one.deleted_at or one.unchecked or one.infected)
    )
    return next(found, "")


def file(kept: Attachment) -> dict[str, Any]:
    """Return a file: `name` is what its sender called it. `held`: why it is not handed out, 'unchecked' (the virus
    scanner has not answered) or 'infected', by what `infected` names; '': it is.
    """
    return {
        "sha256": kept.sha256,
        "name": kept.name,
        "media_type": kept.media_type,
        "size": kept.size,
        "held": "unchecked" if kept.unchecked else kept.infected and "infected",
        "infected": kept.infected,
        "signature": signature(kept),
    }


def signature(kept: Attachment) -> dict[str, Any] | None:
    """Return what was found out about a signature; None: the file is none.

    Three words, not one. `read`: whether it is a signature at all. `intact`: whether a file, `of`, is what was signed
    with the key of this certificate. `trust`: whether the certificate is known, in force and not revoked. All of it as
    it was at `checked_at`. `time`: when they signed, by their own word.
    """
    if not kept.signature:
        return None
    found = loaded(kept.signature_told)
    if kept.signature == WAITS or found is None:
        waits = {"checked_at": None, "read": False, "intact": WAITS, "trust": "unknown"}
        return waits | {"of": "", "inside": False, "signers": []}
    return {
        "checked_at": found.checked_at.isoformat(),
        "read": found.read,
        "intact": found.intact.value,
        "trust": found.trust.value,
        "of": found.of,
        "inside": found.inside,
        "signers": [
            {
                "name": one.name,
                "organisation": one.organisation,
                "inn": one.inn,
                "ogrn": one.ogrn,
                "time": moment(one.time),
                "valid_until": moment(one.valid_until),
            }
            for one in found.signers
        ],
    }


def limits(line: LineId, desk: RequestActions) -> dict[str, Any] | None:
    """Return what may be attached to requests of a line: bytes, and endings of names; None: nothing."""
    allowed = desk.limits(line)
    return {"longest": allowed.longest, "types": sorted(allowed.endings)} if allowed else None


def viewers(seen: Iterable[Viewer], desk: RequestActions) -> list[dict[str, Any]]:
    """Return who else has a request open."""
    return [{"person": desk.name_of(one.person), "since": one.since.isoformat()} for one in seen]


def outcome(one: Outcome) -> dict[str, Any]:
    """Return what became of one request of several."""
    version = one.filed.request.version if one.filed else None
    return {"id": one.id, "done": one.filed is not None, "version": version, "problem": one.problem}


def moment(at: datetime | None) -> str | None:
    """Return a moment as ISO 8601."""
    return at.isoformat() if at else None


def local(at: datetime | None, zone: tzinfo) -> str | None:
    """Return a moment as ISO 8601, in a line's zone: a form shows its wall clock."""
    return at.astimezone(zone).isoformat() if at else None


def number(one: Number | None) -> str:
    """Return a number; '' for none."""
    return str(one) if one else ""


def assignee(one: Assignee | None, desk: RequestActions) -> dict[str, str] | None:
    """Return who is responsible."""
    return {"kind": one.kind.value, "id": one.id, "name": desk.assignee_name(one)} if one else None


def _target(one: Target, now: datetime) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "since": one.since.isoformat(),
        "due": one.due.isoformat(),
        "promised": moment(one.promised),
        "stopped_at": moment(one.stopped_at),
        "met_at": moment(one.met_at),
        "dropped": one.dropped,
        "overdue": one.overdue(now),
    }


def _came(filed: Filed, key: str) -> dict[str, Any] | None:
    """Return what stood on a message that came on paper."""
    letter = next((one.letter for one in filed.incoming if one.key == key), None)
    return (
        None
        if letter is None
        else {
            "number": letter.number,
            "dated": letter.dated.isoformat() if letter.dated else None,
            "came_on": letter.came_on.isoformat(),
            "name": letter.name,
            "organisation": letter.organisation,
            "inn": letter.inn,
            "address": letter.address,
        }
    )


def _leaves(filed: Filed, key: str) -> dict[str, Any] | None:
    """Return the number of a message that leaves on paper, and when it was posted."""
    letter = next((one for one in filed.outgoing if one.key == key), None)
    return (
        None
        if letter is None
        else {
            "number": str(letter.number),
            "dated": letter.dated.isoformat(),
            "posted_on": letter.posted_on.isoformat() if letter.posted_on else None,
            "tracking": letter.tracking,
        }
    )


def _message(one: Message, filed: Filed) -> dict[str, Any]:
    return {
        "key": one.key,
        "purpose": one.purpose.value,
        "way": one.reply.way.value,
        "address": one.reply.address,
        "text": one.text,
        "queued_at": one.queued_at.isoformat(),
        "files": list(one.files),
        "fate": one.fate.value,
        "letter": _leaves(filed, one.key),
    }


def _entry(one: Entry, desk: RequestActions) -> dict[str, Any]:
    return {
        "running": one.running,
        "at": one.at.isoformat(),
        "by": desk.name_of(one.by),
        "fact": one.fact.value,
        "what": one.what,
        "state": one.state.value,
        "why": one.why,
        "before": moment(one.before),
        "after": moment(one.after),
    }
