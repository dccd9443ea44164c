"""The request bodies of requests. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from callcenter.core.ids import LineId
from callcenter.desk.bodies import Body, Flag, Number
from callcenter.desk.language import N_
from callcenter.desk.registering_bodies import Call
from callcenter.knowledge import text as texts
from callcenter.requests import actions as do
from callcenter.requests.change import LONGEST_LINE, LONGEST_TEXT
from callcenter.requests.postal import postal_identifier
from callcenter.requests.request import Assignee, AssigneeKind, Reply, Way

MAX_BODY = 768 * 1024
"""Bytes: JSON may write each letter of the longest text as six."""
LONGEST_NAME, LONGEST_NUMBER, LONGEST_CONVENIENT = 300, 64, 500
MOST_AT_ONCE = 200
"""Requests that are assigned together."""
MOST_CAUSES = 20
MOST_FILES = 20
"""Files that leave with one message."""

_LENGTH_OF_A_DAY = 10
_A_REQUEST = N_("the id of a request")
_TEXT_ALLOWED = N_("a text of at most 100000 characters")
_LINE_ALLOWED = N_("at most 2000 characters in one line")
_NAME_ALLOWED = N_("at most 300 characters in one line")
_MOMENT_ALLOWED = N_("a moment with its zone, such as 2026-11-23T12:00:00+03:00")


def one_line(longest: int) -> AfterValidator:
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


def _day(raw: Any) -> Any:
    return date.fromisoformat(raw) if isinstance(raw, str) and len(raw) == _LENGTH_OF_A_DAY else raw


def _tracking(raw: str) -> str:
    if raw.strip() and postal_identifier(raw) is None:
        raise ValueError
    return postal_identifier(raw) or ""


RequestRef = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$", description=_A_REQUEST)]
OneLine = Annotated[str, one_line(LONGEST_LINE), Field(description=_LINE_ALLOWED)]
LongText = Annotated[str, AfterValidator(_note), Field(description=_TEXT_ALLOWED)]
Name = Annotated[str, one_line(LONGEST_NAME), Field(description=_NAME_ALLOWED)]
Telephone = Annotated[
    str, one_line(LONGEST_NUMBER), Field(description=N_("a telephone number of at most 64 characters"))
]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), Field(description=_MOMENT_ALLOWED)]
LocalMoment = Annotated[
    datetime,
    BeforeValidator(_moment),
    Field(description=N_("a moment such as 2026-11-23T12:00, in the line's zone, or with a zone of its own")),
]
Day = Annotated[date, BeforeValidator(_day), Field(description=N_("a day such as 2026-12-01"))]
Tracking = Annotated[
    str,
    AfterValidator(_tracking),
    Field(description=N_("the post's number: 14 digits, or two letters, nine digits and two letters")),
]
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
    contract: Name | None = None
    convenient: (
        Annotated[str, one_line(LONGEST_CONVENIENT), Field(description=N_("at most 500 characters in one line"))] | None
    ) = None
    convenient_from: LocalMoment | None = None
    convenient_until: LocalMoment | None = None
    """Without a zone they are in the line's."""

    def action(self, by: str) -> do.Fill:
        """Return what is filled in, for the rules; without an address there is no way of the answer yet."""
        reply = Reply(self.way, self.address) if self.way is not None and self.address else None
        return do.Fill(by, self.subject, self.essentials, self.urgency or None, reply)


class Versioned(Body):
    """`version`: that of the request as it was seen; whoever acts on another is told."""

    version: Number


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description=N_("the SHA-256 of a file of the request"))]
Enclosed = Annotated[
    tuple[Sha256, ...], Field(max_length=MOST_FILES, description=N_("at most 20 files of the request, by SHA-256"))
]


class Acts(Versioned, ABC):
    """What somebody wants to be done to a request."""

    @abstractmethod
    def action(self, by: str) -> do.Action:
        """Return it, for the rules."""


class Told(Versioned):
    """POST /api/requests/{request}/tell: the words in which the customer was told the date (ESTP 5.5.1)."""

    words: OneLine


class Submitted(Acts):
    """POST /api/requests/{request}/submit: the form goes to the head (ESTP 5.5.3).

    `why`: why something is registered that the customer's plan leaves to the customer (TBS 5).
    """

    why: OneLine = ""

    def action(self, by: str) -> do.Action:
        return do.Submit(by, why=self.why)


class Started(Acts):
    """POST /api/requests/{request}/start."""

    def action(self, by: str) -> do.Action:
        return do.Start(by)


class HandedBack(Acts):
    """POST /api/requests/{request}/hand-back: with the reason."""

    why: OneLine

    def action(self, by: str) -> do.Action:
        return do.HandBack(by, self.why)


class Resumed(Acts):
    """POST /api/requests/{request}/resume: why it goes on without the customer's reply."""

    why: OneLine

    def action(self, by: str) -> do.Action:
        return do.Resume(by, self.why)


class Reopened(Acts):
    """POST /api/requests/{request}/reopen: with the reason."""

    why: OneLine

    def action(self, by: str) -> do.Action:
        return do.Reopen(by, self.why)


class Urgency(Acts):
    """POST /api/requests/{request}/urgency: with the reason."""

    urgency: OneLine
    why: OneLine

    def action(self, by: str) -> do.Action:
        return do.ChangeUrgency(by, self.urgency, self.why)


class NewReply(Acts):
    """POST /api/requests/{request}/reply: another way of the answer, or another address, with the reason."""

    way: ReplyWay
    address: OneLine
    why: OneLine

    def action(self, by: str) -> do.Action:
        return do.ChangeReply(by, Reply(self.way, self.address), self.why)


class Assignment(Body):
    """Who becomes responsible: an id of a person or a group, or a department's name with its e-mail address.

    `text`: what a department is asked for; without one, what the request asks. A configured one needs no address.
    """

    kind: Kind
    id: Annotated[str, one_line(200), Field(description=N_("a person, a group, or a department's name"))]
    email: OneLine = ""
    text: LongText = ""

    @property
    def assignee(self) -> Assignee:
        """Who it is."""
        return Assignee(self.kind, self.id, self.email)


class Assigned(Assignment, Acts):
    """POST /api/requests/{request}/assign (ESTP 5.5.3)."""

    def action(self, by: str) -> do.Action:
        return do.Assign(by, self.assignee, self.text)


class Seen(Body):
    """A request of several, as it was seen."""

    id: RequestRef
    version: Number


class ManyAssigned(Assignment):
    """POST /api/requests/assign: several at once."""

    requests: Annotated[
        tuple[Seen, ...], Field(min_length=1, max_length=MOST_AT_ONCE, description=N_("1 to 200 requests"))
    ]


class Question(Acts):
    """POST /api/requests/{request}/ask: what the customer is asked for, and why it is needed (E-SAUDA 3.6).

    `files`: those of the request that leave with it.
    """

    text: LongText
    why: OneLine
    files: Enclosed = ()

    def action(self, by: str) -> do.Action:
        return do.Ask(by, self.text, self.why, self.files)


class Interim(Acts):
    """POST /api/requests/{request}/inform: all causes of the delay, and the new date (ESTP 5.5.5).

    `text`: without one, causes and date are put into words. `reply`: if it has to leave on another way.
    """

    causes: Annotated[
        tuple[OneLine, ...], Field(min_length=1, max_length=MOST_CAUSES, description=N_("1 to 20 causes"))
    ]
    expected: Moment
    text: LongText = ""
    reply: ReplyTo | None = None

    def action(self, by: str) -> do.Action:
        reply = Reply(self.reply.way, self.reply.address) if self.reply else None
        return do.Inform(by, self.causes, self.expected, self.text, reply)


class Answered(Acts):
    """POST /api/requests/{request}/answer (ESTP 5.5.6). `files`: those of the request that leave with it."""

    text: LongText
    files: Enclosed = ()

    def action(self, by: str) -> do.Action:
        return do.Answer(by, self.text, self.files)


class Closed(Acts):
    """POST /api/requests/{request}/close, after TBS 3.2's two questions where the line asks them."""

    solved: Flag | None = None
    more: Flag | None = None

    def action(self, by: str) -> do.Action:
        return do.Close(by, self.solved, self.more)


class ClosedWithoutReply(Acts):
    """POST /api/requests/{request}/close-without-reply (E-SAUDA 3.6): what has been done so far."""

    done: OneLine

    def action(self, by: str) -> do.Action:
        return do.CloseWithoutReply(by, self.done)


class Refused(Acts):
    """POST /api/requests/{request}/refuse: one of the line's reasons, and what was wrong."""

    reason: OneLine
    why: OneLine

    def action(self, by: str) -> do.Action:
        return do.Refuse(by, self.reason, self.why)


class Merged(Versioned):
    """POST /api/requests/{request}/merge: into which other one, by its id or number; and why."""

    into: RequestRef
    into_version: Number | None = None
    why: OneLine


class Divided(Versioned):
    """POST /api/requests/{request}/split: what becomes a request of its own, and why."""

    subject: OneLine
    essentials: LongText
    why: OneLine


class Said(Body):
    """POST /api/requests/{request}/receive: what the customer said."""

    text: LongText


class Delivery(Body):
    """POST /api/requests/{request}/delivery: a letter is posted, a call was made; or why it did not arrive."""

    key: Annotated[str, Field(pattern=r"^[A-Z0-9_/-]{1,250}$", description=N_("the key of a message"))]
    delivered: Flag
    why: OneLine = ""
    posted_on: Day | None = None
    """Of a letter."""
    tracking: Tracking = ""
    plain: Flag = False
    """Whether the letter has no such number: it was not registered at the post, or a courier has it."""
