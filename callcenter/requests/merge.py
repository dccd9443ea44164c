"""Two requests that ask the same become one; one that asks two things becomes two.

Both decisions are stored in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from callcenter.requests import targets
from callcenter.requests.change import (
    LONGEST_TEXT,
    Change,
    Decision,
    known_subject,
    moment,
    said,
)
from callcenter.requests.lifecycle import UNFINISHED, State, Step
from callcenter.requests.number import Counter
from callcenter.requests.refusal import Reason, Refused, RefusedError, Thing
from callcenter.requests.request import Fact, Request, RequestId
from callcenter.requests.rules import LineRules
from callcenter.requests.targets import TargetKind


@dataclass(frozen=True)
class Part:
    """What a new request asks, which is split from another."""

    id: RequestId
    subject: str
    essentials: str


def merge(
    request: Request, into: Request, by: str, why: str, at: datetime, rules: LineRules
) -> tuple[Decision, Decision] | Refused:
    """Return what changes in `request`, which ends, and in `into`, which is answered by the earlier of both dates."""
    if {request.line, into.line} != {rules.line}:
        return Refused(Reason.OTHER_LINE, {})
    if request.id == into.id:
        return Refused(Reason.ITSELF, {})
    if into.state not in UNFINISHED:
        return Refused(Reason.OTHER_ENDED, {"state": into.state})
    goes = Change(request, rules, moment(request, at), by)
    stays = Change(into, rules, moment(into, at), by)
    try:
        goes.step(Step.MERGE, said(why, Thing.REASON))
    except RefusedError as no:
        return no.refused
    _keep_promise(request, stays)
    goes.request = replace(goes.request, merged_into=stays.number)
    goes.drop()
    return goes.decision(), stays.decision()


def split(
    request: Request, part: Part, by: str, why: str, at: datetime, rules: LineRules, counter: Counter
) -> tuple[Decision, Decision] | Refused:
    """Return what changes in `request`, and a new request for a part of it, due when the whole was promised."""
    if request.line != rules.line:
        raise ValueError(f"a request of {request.line} is not decided by the rules of {rules.line}")
    try:
        why = said(why, Thing.REASON)
        subject = known_subject(said(part.subject, Thing.SUBJECT), rules)
        essentials = said(part.essentials, Thing.ESSENTIALS, LONGEST_TEXT)
    except RefusedError as no:
        return no.refused
    if request.state not in UNFINISHED:
        return Refused(Reason.NOTHING_TO_SPLIT, {"state": request.state})
    at = moment(request, at)
    draft = Request(part.id, request.line, request.received_at, at, urgency=request.urgency, reply=request.reply)
    new = Change(replace(draft, subject=subject, essentials=essentials), rules, at, by)
    new.note(Fact.OPENED, request.line, f"split from {request.number}: {why}")
    new.step(Step.SUBMIT)
    new.take_number(counter)
    new.begin(TargetKind.ASSIGNMENT, rules.assignment)
    if (promised := request.target(TargetKind.ANSWER)) is not None:
        new.take_over(targets.go_on(promised, at, rules.time))
    old = Change(request, rules, at, by)
    old.note(Fact.SPLIT, str(new.number), why)
    return old.decision(), new.decision()


def _keep_promise(request: Request, stays: Change) -> None:
    """Who asked first was told a date, which still holds."""
    number = str(request.number)
    stays.note(Fact.ABSORBED, number)
    theirs, ours = request.target(TargetKind.ANSWER), stays.request.target(TargetKind.ANSWER)
    if theirs is None:
        return
    if ours is None:
        begun = targets.begin(TargetKind.ANSWER, theirs.term, theirs.since, stays.rules.time)
        stays.take_over(targets.no_later(begun, theirs.due))
    elif theirs.due < ours.due:
        promised = ours.promised if theirs.promised is None else theirs.promised
        earlier = replace(ours, term=theirs.term, since=theirs.since, pauses=theirs.pauses, promised=promised)
        computed = targets.computed(earlier, stays.rules.time)
        stays.move(ours, targets.no_later(computed, theirs.due), f"merged with {number}")
    else:  # nothing moves now, and not past their date when the calendar changes
        stays.move(ours, targets.no_later(ours, theirs.due), f"merged with {number}")
    if stays.state is State.PENDING:
        stays.stop(TargetKind.ANSWER, "the customer has to answer")
