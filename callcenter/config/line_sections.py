"""The settings of a line: its hours, its menu, its queue, what it promises and to whom it calls out."""

from __future__ import annotations

from datetime import time
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator

from callcenter.calendar.auctions import AuctionHours
from callcenter.calendar.hours import MIDNIGHT, Period, WorkingHours
from callcenter.config.channel_sections import Channels
from callcenter.config.contract_section import Contracts
from callcenter.config.request_sections import Requests
from callcenter.config.section import Named, Section
from callcenter.config.spoken_section import SecondLanguage, Spoken
from callcenter.config.values import (
    Country,
    CrmUrl,
    Day,
    Digit,
    DisplayText,
    Email,
    Extension,
    GroupId,
    Id,
    Number,
    NumberRange,
    PlainText,
    PromptId,
    Seconds,
    Site,
    SpokenMinutes,
    TimeOfDay,
    WaitingKey,
    Zone,
)
from callcenter.core import ids
from callcenter.core.records import WaitingFrom
from callcenter.core.settings import AskedFor

OPERATORS = ids.GroupId("operators")
"""The group that is meant where none is named."""

LONGEST_RETENTION = 36_500
"""Days: a hundred years."""

MOST_PERIODS = 1000
"""Of a line."""

MOST_CHANGES = 40
"""Of a line: a day each, on which the whole configuration is checked."""


class HoursPeriod(Section):
    """Days on which a line has other hours: in summer, for example."""

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    """Included."""
    opens: TimeOfDay
    closes: TimeOfDay

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.last < self.first:
            raise ValueError(
                f"found from {self.first} and to {self.last}; a period ends on the day it begins, or later"
            )
        _check_day(self.opens, self.closes)
        return self


def _check_day(opens: time, closes: time) -> None:
    if closes != MIDNIGHT and opens >= closes:
        raise ValueError(f"found opens {opens:%H:%M} and closes {closes:%H:%M}; opens is earlier than closes")


class AuctionSection(Section):
    """The hours of working days while open auctions run; heads enter these at the desk (eLot 2.2a)."""

    opens: TimeOfDay = time(9)
    closes: TimeOfDay = time(21)

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        _check_day(self.opens, self.closes)
        return self


class Hours(Section):
    """Working hours and calendar of a line (ESTP 2.2a)."""

    zone: Zone = ZoneInfo("Europe/Moscow")
    opens: TimeOfDay = time(9)
    closes: TimeOfDay = time(18)
    """24:00 (stored as midnight) if the line works until the end of the day."""
    country: Country = "RU"
    extra_holidays: frozenset[Day] = frozenset()
    extra_workdays: frozenset[Day] = frozenset()
    periods: Annotated[tuple[HoursPeriod, ...], Field(max_length=MOST_PERIODS)] = ()
    """Other hours from one day to another, in any order."""
    auctions: AuctionSection | None = None
    """None: the hours follow no auctions."""

    @model_validator(mode="after")
    def _day_has_length(self) -> Self:
        _check_day(self.opens, self.closes)
        if both := sorted(self.extra_holidays & self.extra_workdays):
            raise ValueError(f"found {both[0]} in extra_holidays and extra_workdays; a day is one of them")
        for before, after in pairwise(self._in_order()):
            if after.first <= before.last:
                raise ValueError(
                    f"found periods {before.first} to {before.last} and {after.first} to {after.last}, which overlap; "
                    "a day is in one of them"
                )
        return self

    def _in_order(self) -> list[HoursPeriod]:
        return sorted(self.periods, key=lambda period: period.first)

    @cached_property
    def calendar(self) -> WorkingHours:
        """These hours, without auctions, as an object that says whether the line is open. A thread needs a copy."""
        return WorkingHours(
            self.zone,
            self.opens,
            self.closes,
            self.country,
            self.extra_holidays,
            self.extra_workdays,
            tuple(Period(one.first, one.last, one.opens, one.closes) for one in self._in_order()),
            AuctionHours(self.auctions.opens, self.auctions.closes) if self.auctions else None,
        )


class KeepPlace(Section):
    """Waiting callers may hang up, keep the place and be called back when the turn comes."""

    key: WaitingKey
    """With which they ask for it."""
    per_number: Annotated[int, Field(ge=1, le=100)] = 2
    """Places that are kept for one number at the same time."""


class Ivr(Section):
    """The questions to a caller (ESTP 2.1, 4.2)."""

    identify: Literal["in_queue", "before_queue"] = "in_queue"
    """When they are asked: while the caller waits, or before the caller joins the queue."""
    ask_inn: bool = True
    asked_for: AskedFor = AskedFor.INN
    """What `ask_inn` asks for: the INN, the digits of a contract's number, or either of them (TBS 1)."""
    inn_tries: Annotated[int, Field(ge=1, le=9)] = 2
    """Wrong INNs that are said to be wrong; silence is not one of them."""
    urgency: dict[Digit, Id] = {"1": "urgent", "2": "normal"}
    """Digit -> urgency class; empty: callers are not asked."""
    keep_place: KeepPlace | None = None
    """None: nobody can keep the place."""


class CallBacks(Section):
    """How call-backs stand among the callers (ESTP 5.4.5)."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Of the callers before a caller: at most so many call-backs come before them, too."""
    hurry: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    """Seconds before the end of its window from which a call-back passes callers, as the share allows."""


class Queue(Section):
    """The order of callers, and their announcements while they wait (ESTP 2.3, 4.2, 5.4.6)."""

    classes: Annotated[tuple[Id, ...], Field(min_length=1, max_length=9)] = ("urgent", "normal")
    """Urgency classes, most urgent first."""
    default_class: Id = "normal"
    overtaking_limit: Annotated[float, Field(ge=0, le=86_400)] = 180.0
    place_kept: Annotated[float, Field(ge=0, le=86400)] = 600.0
    announce_every: Annotated[float, Field(ge=5, le=3600)] = 45.0
    expected_handling: Seconds = 180.0
    expected_calls: Annotated[int, Field(ge=0, le=10_000)] = 100
    remembered_calls: Annotated[int, Field(ge=10, le=100_000)] = 500
    expected_patience: Seconds = 600.0
    call_backs: CallBacks = CallBacks()


class Promises(Section):
    """How a line announces waiting times, and when it stops doing so (ESTP 5.4.6)."""

    percentile: Annotated[float, Field(ge=0.5, le=0.99)] = 0.9
    minutes: SpokenMinutes = (1, 2, 3, 5, 7, 10, 15, 20, 30)
    """Each number needs a prompt; `consistency.py` looks for them in the folder of prompts."""
    with_position: bool = True
    never_longer: bool = True
    trusted_coverage: Annotated[float, Field(ge=0, lt=0.9)] = 0.75
    """Below 0.9, because no more than that share of P90 estimates holds even if they are perfect. 0: never stop."""
    trusted_over: Seconds = 7200.0
    trusted_after: Annotated[int, Field(ge=1, le=10_000)] = 30


class Forecast(Section):
    """The forecast of the day's average wait, and of how many operators meet the target (ESTP 2.2d)."""

    risk: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The accepted probability of exceeding `target_wait`, used for the advised number of people."""
    days: Annotated[int, Field(ge=1, le=366)] = 20
    """How many past working days are used to predict arrivals."""
    every: Annotated[float, Field(ge=5, le=3600)] = 60.0


class Outgoing(Section):
    """How operators call out on behalf of a line (ESTP 5.4.5, 5.5.2)."""

    ranges: Annotated[tuple[NumberRange, ...], Field(min_length=1)]
    """The numbers that may be called. Others never are: short numbers and other countries only if they are here."""
    trunk: Id | None = None
    """The trunk over which they are dialled; None: as for the general line."""
    caller_id: Number | None = None
    """The number that is shown to them; None: the line's first."""
    groups: Annotated[tuple[GroupId, ...], Field(min_length=1)] | None = None
    """Whose people may call out; None: those who answer the line."""
    ring: Annotated[float, Field(ge=5, le=180)] = 45.0
    """How long the customer's phone rings."""
    limit: Annotated[float, Field(ge=60, le=86_400)] = 3600.0
    """The longest conversation, in seconds."""
    words: PromptId | None = None
    """The prompt that says who is calling and that it is recorded, before the operator is there; None: no words."""


class Change(Section):
    """What is another one from a day on, at midnight of the line's zone (ESTP 6.2): `dated.py` has the rules."""

    model_config = ConfigDict(extra="allow")

    first: Day = Field(alias="from")

    @property
    def settings(self) -> dict[str, Any]:
        """The settings, as they are written."""
        return dict(self.model_extra or {})


class Written(Section):
    """The people who answer what is written: e-mail, forms, messengers (eLot 2.2a)."""

    groups: Annotated[tuple[GroupId, ...], Field(min_length=1)]
    """None of them answers the line's telephone: nobody counts twice."""
    required_staff: Annotated[int, Field(ge=1, le=10_000)] = 1


class Line(Named):
    """One published support line: its numbers, hours, people and promises."""

    id: ids.LineId = Field(alias="(id)")
    title: DisplayText
    numbers: Annotated[tuple[Number, ...], Field(min_length=1)]
    """E.164. `values.dialled_forms` gives the forms in which a trunk may deliver them."""
    extension: Extension | None = None
    """Digits after the answer that choose this line (TBS 2.6); lines with one may share a number. None: not asked."""
    hours: Hours = Hours()
    capacity: Annotated[int, Field(ge=1, le=10_000)] = 100
    spoken_refusals: Annotated[int, Field(ge=0, le=1000)] = 20
    """Callers who hear at the same time that the line is closed or full; more are refused without an answer."""
    calls_per_number: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Calls of one number at the same time."""
    required_staff: Annotated[int, Field(ge=0, le=10_000)] = 2
    written: Written | None = None
    """Who must be there for what is written, beside those who answer the telephone; None: nobody (eLot 2.2a)."""
    target_wait: Seconds = 300.0
    answer_within: Seconds = 60.0
    waiting_from: WaitingFrom = WaitingFrom.ARRIVAL
    """From when on waiting times count (ESTP 2.2d)."""
    customer_role: PlainText = "Заказчик"
    general_line: Number | None = None
    general_trunk: Id | None = None
    """The trunk over which the general line is dialled; None: the first trunk that can place calls."""
    general_calls: Annotated[int, Field(ge=1, le=1000)] = 10
    """Callers connected with the general line at the same time."""
    general_limit: Annotated[float, Field(ge=60, le=86_400)] = 3600.0
    """The longest conversation with the general line, in seconds."""
    email: Email | None = None
    site: Site | None = None
    """Announced like the e-mail address, where the catalogue says so."""
    spoken: Spoken = Spoken()
    """How the line's own values are said in its prompts."""
    second_language: SecondLanguage | None = None
    """None: the line speaks Russian only."""
    answered_by: Annotated[tuple[GroupId, ...], Field(min_length=1)] = (OPERATORS,)
    ivr: Ivr = Ivr()
    queue: Queue = Queue()
    promises: Promises = Promises()
    forecast: Forecast = Forecast()
    retention_days: Annotated[int, Field(ge=1, le=LONGEST_RETENTION)] | None = None
    """Replaces `recordings.retention_days` for this line."""
    subjects: dict[Id, PlainText] = {}
    """The subjects under which a call can be registered (ESTP 3.1): id -> title."""
    requests: Requests | None = None
    """What is not finished in the conversation (ESTP 5.4.3, 5.5); None: this line has no requests."""
    channels: Channels = Channels()
    """Where it takes what is written to it; by default nowhere."""
    contracts: Contracts | None = None
    """None: nobody is asked for a contract, and all are served alike."""
    crm_url: CrmUrl | None = None
    """Where more is known of a caller; `values.CRM_VALUES` can stand in it."""
    wrap_up_limit: Annotated[float, Field(ge=0, le=7200)] = 600.0
    """The longest wrap-up to which operators may prolong theirs."""
    outgoing: Outgoing | None = None
    """None: nobody calls out on behalf of this line."""
    notice_days: Annotated[int, Field(ge=0, le=366)] = 0
    """Calendar days before which a change of what customers are told has to be published (ESTP 6.2); 0: at any time."""
    changes: Annotated[tuple[Change, ...], Field(max_length=MOST_CHANGES)] = ()
    """In any order."""
    auto_answer: bool = False
    """Whether phones in pages answer its calls by themselves, after a tone; never while the operator types."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the line's hours, days and reports."""
        return self.hours.zone
