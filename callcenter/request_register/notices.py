"""What the head is told by e-mail of targets that are near or missed. No personal data: numbers and dates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from callcenter.core.ids import LineId
from callcenter.requests.escalation import Warn
from callcenter.requests.request import Request
from callcenter.requests.targets import TargetKind

Gettext = Callable[[str], str]
"""Puts a sentence into the language in which a head reads (`head_language`)."""

MOST = 50
"""Warnings, or requests, that are named in one e-mail."""
WHAT = {
    TargetKind.FORM: "the form was not passed to the head",
    TargetKind.ASSIGNMENT: "nobody is responsible",
    TargetKind.FIRST_ANSWER: "no first answer",
    TargetKind.ANSWER: "no answer",
    TargetKind.CUSTOMER_REPLY: "no reply from the customer",
    TargetKind.CLOSING: "not closed",
}
_SUBJECT = "Targets of requests ({line}): {missed} missed, {near} soon"
_MORE = "… and {more} more"
_DRAFT = "Form of {received}"
_MISSED = "{who}: {what}, was due {when}{assignee}"
_NEAR = "{who}: {what}, due {when}{assignee}"
_LEFT_SUBJECT = "Requests came back ({line}): {count}"
_LEFT = "{who} does not work here any more, and these requests are the head's again:"
CONDUCT_SUBJECT = "Refused because of the caller's conduct ({line})"
CONDUCT = (
    "Operator {operator}: the conversation was ended because of the caller's conduct.\n"
    "The call came at {arrived}; in the register it is {call}.\n"
    "Please listen to its recording.\n"
)
UNKNOWN = "unknown"
WORDS = (
    *WHAT.values(),
    *(_SUBJECT, _MORE, _DRAFT, _MISSED, _NEAR, _LEFT_SUBJECT, _LEFT, CONDUCT_SUBJECT, CONDUCT, UNKNOWN),
)
"""All that is translated; the desk's catalogue has it in Russian."""


@dataclass(frozen=True, slots=True)
class Told:
    """One warning, and the request that it is about."""

    request: Request
    warn: Warn


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail. Its key is made of what it tells, so that it leaves once."""

    key: str
    subject: str
    text: str


def letter_to_head(line: LineId, warnings: Sequence[Told], zone: tzinfo, at: datetime, gettext: Gettext) -> Letter:
    """Return the e-mail for new warnings of a line's requests."""
    inorder = sorted(warnings, key=lambda told: told.warn.expected)
    missed = sum(told.warn.expected <= at for told in inorder)
    subject = gettext(_SUBJECT).format(line=line, missed=missed, near=len(inorder) - missed)
    lines = [_sentence(told, zone, at, gettext) for told in inorder[:MOST]]
    if len(inorder) > MOST:
        lines.append(gettext(_MORE).format(more=len(inorder) - MOST))
    named = "".join(f"{told.warn}" for told in inorder)
    return Letter(f"warning/{line}/{_digest(named)}", subject, "\n".join(lines) + "\n")


def letter_of_leaver(line: LineId, who: str, requests: Sequence[Request], gettext: Gettext) -> Letter:
    """Return the e-mail that tells which requests of somebody who has left are the head's again."""
    numbers = sorted(str(request.number) for request in requests)
    lines = [gettext(_LEFT).format(who=who), *numbers[:MOST]]
    if len(numbers) > MOST:
        lines.append(gettext(_MORE).format(more=len(numbers) - MOST))
    named = "".join(f"{request.id} {request.version}" for request in requests)
    subject = gettext(_LEFT_SUBJECT).format(line=line, count=len(numbers))
    return Letter(f"left/{line}/{_digest(named)}", subject, "\n".join(lines) + "\n")


def _digest(named: str) -> str:
    return hashlib.sha256(named.encode()).hexdigest()[:24]


def _sentence(told: Told, zone: tzinfo, at: datetime, gettext: Gettext) -> str:
    request, warn = told.request, told.warn
    draft = gettext(_DRAFT).format(received=f"{request.received_at.astimezone(zone):%d.%m %H:%M}")
    return gettext(_MISSED if warn.expected <= at else _NEAR).format(
        who=str(request.number) if request.number else draft,
        what=gettext(WHAT[warn.kind]),
        when=f"{warn.expected.astimezone(zone):%d.%m.%Y %H:%M}",
        assignee=f", {request.assignee.id}" if request.assignee else "",
    )
