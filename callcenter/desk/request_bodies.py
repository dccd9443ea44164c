"""The request bodies of requests. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from callcenter.core.ids import LineId
from callcenter.desk.bodies import Body, Flag, Number
from callcenter.desk.language import N_
from callcenter.desk.registering_bodies import Call
from callcenter.knowledge import text as texts
from callcenter.requests.change import LONGEST_LINE, LONGEST_TEXT
from callcenter.requests.request import AssigneeKind, Way

MAX_BODY = 768 * 1024
"""Bytes: JSON may write each letter of the longest text as six."""
LONGEST_NAME, LONGEST_NUMBER, LONGEST_CONVENIENT = 300, 64, 500
MOST_AT_ONCE = 200
"""Requests that are assigned together."""
MOST_CAUSES = 20

_A_REQUEST = N_("the id of a request")
_TEXT_ALLOWED = N_("a text of at most 100000 characters")
_LINE_ALLOWED = N_("at most 2000 characters in one line")
_NAME_ALLOWED = N_("at most 300 characters in one line")
_MOMENT_ALLOWED = N_("a moment with its zone, such as 2026-11-23T12:00:00+03:00")


def _line(longest: int) -> AfterValidator:
    def check(raw: str) -> str:
        if len(raw) > 4 * longest or len(text := texts.line(raw)) > longest:
            raise ValueError
        return text

    return AfterValidator(check)


def _note(raw: str) -> str:
    text = texts.note(raw)
    if len(text) > LONGEST_TEXT:
        raise ValueError
    return text


def _way(raw: Any) -> Any:
    return Way(raw) if isinstance(raw, str) else raw


def _kind(raw: Any) -> Any:
    return AssigneeKind(raw) if isinstance(raw, str) else raw


def _moment(raw: Any) -> Any:
    return datetime.fromisoformat(raw) if isinstance(raw, str) and len(raw) < 50 else raw


RequestRef = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$", description=_A_REQUEST)]
OneLine = Annotated[str, _line(LONGEST_LINE), Field(description=_LINE_ALLOWED)]
LongText = Annotated[str, AfterValidator(_note), Field(description=_TEXT_ALLOWED)]
Name = Annotated[str, _line(LONGEST_NAME), Field(description=_NAME_ALLOWED)]
Telephone = Annotated[str, _line(LONGEST_NUMBER), Field(description=N_("a telephone number of at most 64 characters"))]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), Field(description=_MOMENT_ALLOWED)]
ReplyWay = Annotated[Way, BeforeValidator(_way), Field(description=N_("letter, email, telephone, chat or telegram"))]
Kind = Annotated[AssigneeKind, BeforeValidator(_kind), Field(description=N_("person, group or department"))]


class ReplyTo(Body):
    """The way of an answer, with its address or number (ESTP 5.5.2)."""

    way: ReplyWay
    address: OneLine = ""


class Opened(Body):
    """POST /api/requests: from a call of one's own; or, for somebody who asked otherwise, of a line."""

    call: Call | None = None
    line: Annotated[LineId, Field(pattern=r"^[a-z0-9_-]{1,64}$", description=N_("the id of a line"))] | None = None


class Filled(Body):
    """POST /api/requests/{request}/fill: what is written so far; what is left out stays as it is.

    `version`: as it was seen; without it one's own draft is filled in whatever was written before.
    """

    version: Number | None = None
    subject: OneLine | None = None
    essentials: LongText | None = None
    urgency: OneLine | None = None
    way: ReplyWay | None = None
    address: OneLine = ""
    name: Name | None = None
    number: Telephone | None = None
    inn: Annotated[str, Field(pattern=r"^[0-9]{0,12}$", description=N_("an INN of 10 or 12 digits"))] | None = None
    customer: Name | None = None
    convenient: (
        Annotated[str, _line(LONGEST_CONVENIENT), Field(description=N_("at most 500 characters in one line"))] | None
    ) = None
    convenient_from: Moment | None = None
    convenient_until: Moment | None = None


class Versioned(Body):
    """Nothing but which version was seen: whoever acts on another is told."""

    version: Number


class Told(Versioned):
    """POST /api/requests/{request}/tell: the words in which the customer was told the date (ESTP 5.5.1)."""

    words: OneLine


class Reason(Versioned):
    """What needs a reason: hand-back, resume, reopen."""

    why: OneLine


class Urgency(Reason):
    """POST /api/requests/{request}/urgency."""

    urgency: OneLine


class NewReply(Reason):
    """POST /api/requests/{request}/reply: another way of the answer, or another address."""

    way: ReplyWay
    address: OneLine


class Assignment(Body):
    """Who becomes responsible: an id of a person or a group, or a department's name with its e-mail address."""

    kind: Kind
    id: Annotated[str, _line(200), Field(description=N_("a person, a group, or a department's name"))]
    email: OneLine = ""
    text: LongText = ""
    """For a department outside: what it is asked for."""


class Assigned(Assignment):
    """POST /api/requests/{request}/assign."""

    version: Number


class Seen(Body):
    """A request of several, as it was seen."""

    id: RequestRef
    version: Number


class ManyAssigned(Assignment):
    """POST /api/requests/assign: several at once."""

    requests: Annotated[
        tuple[Seen, ...], Field(min_length=1, max_length=MOST_AT_ONCE, description=N_("1 to 200 requests"))
    ]


class Question(Reason):
    """POST /api/requests/{request}/ask: what the customer is asked for, and why it is needed (E-SAUDA 3.6)."""

    text: LongText


class Interim(Versioned):
    """POST /api/requests/{request}/inform: all causes of the delay, and the new date (ESTP 5.5.5)."""

    causes: Annotated[
        tuple[OneLine, ...], Field(min_length=1, max_length=MOST_CAUSES, description=N_("1 to 20 causes"))
    ]
    expected: Moment
    text: LongText = ""
    """Without one, causes and date are put into words."""
    reply: ReplyTo | None = None
    """If it has to leave on another way than the chosen one."""


class Answered(Versioned):
    """POST /api/requests/{request}/answer (ESTP 5.5.6)."""

    text: LongText


class Closed(Versioned):
    """POST /api/requests/{request}/close, after TBS 3.2's two questions where the line asks them."""

    solved: Flag | None = None
    more: Flag | None = None


class ClosedWithoutReply(Versioned):
    """POST /api/requests/{request}/close-without-reply (E-SAUDA 3.6)."""

    done: OneLine


class Refused(Reason):
    """POST /api/requests/{request}/refuse: one of the line's reasons, and what was wrong."""

    reason: OneLine


class Merged(Reason):
    """POST /api/requests/{request}/merge: into which other one, by its id or number."""

    into: RequestRef
    into_version: Number | None = None


class Divided(Reason):
    """POST /api/requests/{request}/split: what becomes a request of its own."""

    subject: OneLine
    essentials: LongText


class Said(Body):
    """POST /api/requests/{request}/receive: what the customer said."""

    text: LongText
