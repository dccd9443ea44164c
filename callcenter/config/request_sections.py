"""The settings of a line's requests, and of the e-mail by which answers leave (ESTP 5.4.3–5.5.6).

A term is written as people say it: `1 working day`, `2 working hours`, `1 hour`, `3 days`. Plain hours and days run
through nights and holidays; working ones count as the line's hours do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, model_validator

from callcenter.calendar.working_time import Term, Unit, WorkingTime
from callcenter.config.channel_sections import Words
from callcenter.config.section import Section
from callcenter.config.values import DisplayText, Email, FilePath, GroupId, Host, Id, PlainText, Port
from callcenter.core.ids import LineId
from callcenter.core.settings import Outgoing
from callcenter.requests.call_back_rules import CallBackRules
from callcenter.requests.contract_rules import ContractRules
from callcenter.requests.escalation import Escalation, Notice
from callcenter.requests.request import Way
from callcenter.requests.rules import LineRules, SubjectRules, Urgency
from callcenter.requests.targets import TargetKind

LONGEST_FILE_MB = 100
"""Megabytes (10^6 bytes) that an attachment may be allowed to have."""
_TERM = re.compile(r"(\d{1,4}(?:\.\d{1,2})?) ?(working )?(minutes?|hours?|days?)( by the minute)?")
_ALLOWED = "a term such as 1 working day, 3 working days by the minute, 2 working hours, 90 minutes, 1 hour or 3 days"


def _term(text: object) -> Term:
    if isinstance(text, Term):  # a default
        return text
    match = _TERM.fullmatch(str(text).strip())
    if match is None or (match[4] and (not match[2] or not match[3].startswith("day"))):
        raise ValueError(_ALLOWED)
    unit = match[3].rstrip("s")
    try:
        if match[2] and unit == "day":
            return Term.working_days(int(match[1]), by_the_minute=bool(match[4]))
        time = timedelta(**{f"{unit}s": float(match[1])})
        return Term(Unit.WORKING_TIME if match[2] else Unit.PLAIN_TIME, time=time)
    except ValueError:
        raise ValueError(f"{_ALLOWED}; longer than nothing and at most 366 days") from None


def spelled(term: Term) -> str:
    """Return a term as it is written in the file.

    >>> spelled(Term.working_days(3)), spelled(Term.working_hours(2)), spelled(Term.plain_hours(1.5))
    ('3 working days', '2 working hours', '90 minutes')
    """
    if term.days:
        minute = " by the minute" if term.unit is Unit.WORKING_DAYS_BY_THE_MINUTE else ""
        return f"{term.days} working day{'s' * (term.days > 1)}{minute}"
    minutes = term.time.total_seconds() / 60
    amount, unit = (minutes / 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    return f"{amount:g} {'working ' * (term.unit is Unit.WORKING_TIME)}{unit}{'s' * (amount != 1)}"


def _span(text: object) -> timedelta:
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,2})?) ?(minute|hour)s?", str(text).strip())
    if str(text).strip() == "0":
        return timedelta()
    if match is None:
        raise ValueError("a time such as 30 minutes, 2 hours or 0")
    return timedelta(**{f"{match[2]}s": float(match[1])})


def _ending(text: object) -> str:
    if not re.fullmatch(r"[a-z0-9]{1,8}", str(text)):
        raise ValueError("the ending of a file's name, in small letters and without a dot, such as pdf")
    return str(text)


TermText = Annotated[Term, PlainValidator(_term)]
Span = Annotated[timedelta, PlainValidator(_span)]
Ending = Annotated[str, PlainValidator(_ending)]


class UrgencySection(Section):
    """What is promised for one urgency."""

    answer: TermText | None = None
    """None: no date is promised (TBS 4.3: technical errors)."""
    first_answer: TermText | None = None
    out_of_turn: bool = False
    """Whether its requests are worked on before others that are not late yet (eLot 2.4)."""


class SubjectSection(Section):
    """What is special about the requests of one subject."""

    urgencies: tuple[PlainText, ...] = ()
    """The only ones that they may have; without any: all but those of other such subjects."""
    group: GroupId | None = None
    """Who gets them as soon as they are registered; None: the head makes somebody responsible."""
    confidential: bool = False
    """Only that group and the heads read them: not whoever registered them, nor supervisors (E-SAUDA 3.7)."""

    @property
    def rules(self) -> SubjectRules:
        """Return it for requests."""
        return SubjectRules(frozenset(self.urgencies), self.group or "", self.confidential)


class NoticeSection(Section):
    """When to warn of one target."""

    before: tuple[Span, ...] = ()
    after: tuple[Span, ...] = ()


class Files(Section):
    """What may be attached to a request."""

    longest_mb: Annotated[int, Field(ge=1, le=LONGEST_FILE_MB)] = 25
    """Megabytes (10^6 bytes) of one file."""
    types: Annotated[tuple[Ending, ...], Field(min_length=1)] = (
        *("pdf", "png", "jpg", "jpeg", "gif", "txt", "csv", "doc", "docx", "xls", "xlsx", "odt", "ods", "rtf", "zip"),
        *("eml", "sig", "sgn", "p7s"),
    )


class Letterhead(Section):
    """What stands on answers that leave by letter (ESTP 5.5.2), and how long they may wait to be posted."""

    sender: Annotated[Words, Field(max_length=1000)] = ""
    """Who writes, in several lines: name, address, telephone. '': the line's title, number and e-mail."""
    signed: Annotated[Words, Field(max_length=500)] = ""
    """Below the text: office and name of who signs, in one or several lines."""
    posted_within: TermText = Term.working_days(1)
    """After that, the head's board and the metrics show a letter that nobody has posted."""


class CallBacks(Section):
    """How customers are called back (ESTP 5.4.5, 5.5.2): by lines that have `outgoing`. Pauses are working time."""

    tries: Annotated[int, Field(ge=1, le=20)] = 3
    """How often the customer is dialled in vain before the head gets it."""
    after_busy: Span = timedelta(minutes=10)
    after_no_answer: Span = timedelta(hours=1)
    """Also after a refusal and a voicemail."""
    voicemail: Annotated[float, Field(ge=0, le=120)] = 15.0
    """Seconds. A shorter conversation was one with a machine, unless the operator says otherwise."""
    usual: Annotated[Span, Field(gt=timedelta(), le=timedelta(hours=100))] = timedelta(hours=4)
    """Working time of the convenient time that is suggested."""
    shortest: Annotated[Span, Field(gt=timedelta(), le=timedelta(hours=8))] = timedelta(minutes=15)
    """Working time that a convenient time has at least."""
    longest_days: Annotated[int, Field(ge=1, le=31)] = 7
    """From the beginning of a convenient time to its end."""
    furthest_days: Annotated[int, Field(ge=1, le=366)] = 31
    """How far off a convenient time may begin."""
    levels: tuple[PlainText, ...] = Field(default=(), alias="for")
    """The customers who may order one (E-SAUDA 2.2), by their contract's level or the directory's role; without any:
    everybody."""

    def rules(self, outgoing: Outgoing, queue_class: str, subject: str, urgency: str) -> CallBackRules:
        """Return the line's rules. `subject`, `urgency`: of a request that is made of a failed one."""
        return CallBackRules(
            allows=outgoing.allows,
            groups=outgoing.groups,
            urgency=queue_class,
            tries=self.tries,
            after_busy=self.after_busy,
            after_no_answer=self.after_no_answer,
            voicemail=timedelta(seconds=self.voicemail),
            shortest=self.shortest,
            longest=timedelta(days=self.longest_days),
            furthest=timedelta(days=self.furthest_days),
            usual=self.usual,
            levels=frozenset(self.levels),
            failed_subject=subject,
            failed_urgency=urgency,
        )


class MeanAnswer(Section):
    """How long the mean answer may take, in plain time (eLot 2.2b). None: there is no aim."""

    registered: Span | None = None
    """To who is known by an INN."""
    others: Span | None = None


class HeardByCallers(Section):
    """Callers hear by themselves where a request stands, by its number (ESTP 5.5.4, 5.7)."""

    offered: bool = True
    when_closed: bool = False
    """Also while the line is closed, with the announcement that says so."""
    tries: Annotated[int, Field(ge=1, le=9)] = 3
    """Numbers that may be keyed in during one call."""
    per_hour: Annotated[int, Field(ge=1, le=1000)] = 10
    """Numbers that may be keyed in from one calling number."""


class Requests(Section):
    """A line's requests: what is promised, who is warned, how it is answered (ESTP 5.4.3, 5.5)."""

    urgencies: Annotated[dict[PlainText, UrgencySection], Field(min_length=1)] = {
        "Срочно": UrgencySection(answer=Term.working_days(1)),
        "Контроль": UrgencySection(answer=Term.working_days(3)),
    }
    """ESTP 5.5.1."""
    of_subjects: dict[Id, SubjectSection] = {}
    """Subjects that are categories of their own: wishes (E-SAUDA 1.6), complaints about employees (E-SAUDA 3.7)."""
    form: TermText = Term.plain_hours(1)
    """From the call until the form is with the head (ESTP 5.5.3)."""
    assignment: TermText = Term.working_hours(2)
    customer_reply: TermText = Term.working_hours(8)
    closing: TermText = Term.working_days(3)
    ways: Annotated[frozenset[Way], Field(min_length=1)] = frozenset({Way.LETTER, Way.EMAIL, Way.TELEPHONE})
    """ESTP 5.5.2."""
    refusals: tuple[PlainText, ...] = ("хулиганство",)
    """ESTP 5.6.3."""
    asks_before_closing: bool = False
    interim_way: Way | None = None
    spoken_answer: Annotated[float, Field(ge=10, le=7200)] = 600.0
    """Seconds. The longest time for an answer in the conversation (ESTP 5.4.3); then the form is offered."""
    departments: dict[DisplayText, Email] = {}
    """Those outside to whom requests can be assigned (ESTP 5.5.3)."""
    head_email: Email | None = None
    """Who is warned by e-mail; None: the desk and the metrics alone tell."""
    warnings: dict[TargetKind, NoticeSection] = {
        TargetKind.FORM: NoticeSection(before=(timedelta(minutes=15),), after=(timedelta(),)),
        TargetKind.ASSIGNMENT: NoticeSection(before=(timedelta(minutes=30),), after=(timedelta(),)),
        TargetKind.ANSWER: NoticeSection(before=(timedelta(hours=4), timedelta(hours=1)), after=(timedelta(),)),
    }
    warn_at_all_hours: bool = False
    call_backs: CallBacks = CallBacks()
    head_language: Literal["ru", "en"] = "ru"
    """Of the e-mails to the head."""
    mean_answer: MeanAnswer = MeanAnswer()
    letterhead: Letterhead = Letterhead()
    heard_by_callers: HeardByCallers = HeardByCallers()
    files: Files = Files()
    keep_days: Annotated[int, Field(ge=1, le=36_500)] = 1095
    """Days from a request's end until its texts, names and files are erased; the figures stay."""

    @model_validator(mode="after")
    def _interim_is_a_way(self) -> Requests:
        if self.interim_way is not None and self.interim_way not in self.ways:
            known = ", ".join(sorted(self.ways))
            raise ValueError(f"found interim_way {self.interim_way.value}; one of ways: {known}")
        return self

    def rules(
        self,
        line: LineId,
        time: WorkingTime,
        subjects: Sequence[str],
        outgoing: Outgoing | None,
        queue_class: str,
        contracts: ContractRules | None = None,
    ) -> LineRules:
        """Return the rules of the line's requests. `outgoing`: how the line calls out; `queue_class`: its usual one."""
        subject = "other" if "other" in subjects else next(iter(subjects), "call back")
        urgency = next(iter(self.urgencies))
        return LineRules(
            line=line,
            time=time,
            urgencies={
                name: Urgency(one.answer, one.first_answer, one.out_of_turn) for name, one in self.urgencies.items()
            },
            ways=self.ways,
            refusals=frozenset(self.refusals),
            form=self.form,
            assignment=self.assignment,
            customer_reply=self.customer_reply,
            closing=self.closing,
            subjects=frozenset(subjects),
            asks_before_closing=self.asks_before_closing,
            interim_way=self.interim_way,
            call_backs=self.call_backs.rules(outgoing, queue_class, subject, urgency) if outgoing else None,
            contracts=contracts,
            of_subjects={name: one.rules for name, one in self.of_subjects.items()},
        )

    @property
    def escalation(self) -> Escalation:
        """When to warn of what."""
        notices = {kind: Notice(one.before, one.after) for kind, one in self.warnings.items()}
        return Escalation(notices, self.warn_at_all_hours)


class Antivirus(Section):
    """The virus scanner (clamd) that is asked about each file of requests."""

    socket: FilePath | None = None
    """Where it listens on this machine: /run/clamav/clamd.ctl."""
    host: Host | None = None
    """Or on another one; its protocol is not encrypted."""
    port: Port = 3310
    within: Annotated[float, Field(ge=1, le=600)] = 120.0
    """Seconds for one file."""

    @model_validator(mode="after")
    def _one_place(self) -> Antivirus:
        if (self.socket is None) == (self.host is None):
            raise ValueError("found both or neither; one of `socket` and `host`")
        return self


class Signatures(Section):
    """How signatures among the files of requests are looked at, by openssl. Nothing is asked of a network."""

    roots: FilePath | None = None
    """A folder of certificates (PEM or DER): those that vouch for themselves are trusted, others lead there; None:
    whether a certificate is trusted is unknown."""
    revoked: FilePath | None = None
    """A folder of lists of revoked certificates (CRL), which somebody keeps fresh; None: unknown, too."""
    within: Annotated[float, Field(ge=1, le=300)] = 30.0
    """Seconds for one signature."""


class Mail(Section):
    """The server that takes our e-mail (SMTP). Its password is `mail` in the secrets file."""

    host: Host
    port: Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """starttls: the connection is encrypted before anything is said; tls: from its beginning (port 465)."""
    sender: Email = Field(alias="from")
    sender_name: PlainText = ""
    user: PlainText | None = None
    """None: the server asks for no password."""
    authorities: FilePath | None = None
    """A file (PEM) of the authority that signed the server's certificate; None: those of this machine."""
    give_up_after: TermText = Term.plain_hours(48)
    """How long a message is tried that the server does not take now."""
