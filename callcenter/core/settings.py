"""What the core needs from the configuration: plain frozen data, durations in seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from callcenter.core.ids import GroupId, LineId, PersonId, PhoneName, ServerId
from callcenter.core.records import WaitingFrom
from callcenter.core.server import ONLY


@dataclass(frozen=True, slots=True)
class Promises:
    """How a line announces waiting times, and when it stops doing so (ESTP 5.4.6)."""

    percentile: float = 0.9
    """The announced time is one that this share of callers does not exceed."""
    minutes: tuple[int, ...] = (1, 2, 3, 5, 7, 10, 15, 20, 30)
    """Times that can be announced, ascending: each has a recording. Beyond the last it is «may exceed …»."""
    with_position: bool = True
    """Whether the position is announced together with a time; without a time it is always announced."""
    never_longer: bool = True
    """Announce no longer time to the same caller than before, unless operators have left."""
    trusted_coverage: float = 0.75
    """Share of recent P90 estimates that must have held, else only positions are announced; 0: no condition."""
    trusted_over: float = 7200.0
    """How far back "recent" reaches, seconds."""
    trusted_after: int = 30
    """With fewer judged estimates than this the estimates are trusted."""


_NUMBER = re.compile(r"\+[0-9]{7,15}|[0-9]{2,6}", re.ASCII)
"""A number in E.164, or a short number."""
ANY_DIGIT = "X"
"""Stands for one digit in a range of numbers."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """How operators call out on behalf of a line."""

    ranges: tuple[str, ...]
    """The numbers that may be called: +7342 (all that begin so), +7342XXXXXXX (with exactly so many digits), or a
    short number in full."""
    groups: tuple[GroupId, ...]
    """Whose people may."""
    ring: float = 45.0
    """How long the customer's phone rings."""

    def allows(self, number: str) -> bool:
        """Return whether the number, which is normalised, is in one of the ranges."""
        return bool(_NUMBER.fullmatch(number)) and any(_is_in(number, numbers) for numbers in self.ranges)


def _is_in(number: str, numbers: str) -> bool:
    fixed = numbers.rstrip(ANY_DIGIT)
    whole = fixed != numbers or not numbers.startswith("+")
    return number.startswith(fixed) and (not whole or len(number) == len(numbers))


@dataclass(frozen=True, slots=True)
class RequestsHeard:
    """How callers hear by themselves where a request stands."""

    tries: int = 3
    """Numbers that may be keyed in during one call."""
    per_hour: int = 10
    """Numbers that may be keyed in from one calling number; callers who withhold theirs count as one."""


class AskedFor(StrEnum):
    """What a caller is asked for whom nobody knows by number (ESTP 2.1, TBS 1)."""

    INN = "inn"
    CONTRACT = "contract"
    """The digits of its number, or of a login that consists of digits."""
    INN_OR_CONTRACT = "inn_or_contract"


class WithoutPeriod(StrEnum):
    """What becomes of a known caller without a paid period, who is told so and how to get one (TBS 4.1)."""

    QUEUE = "queue"
    """They wait like others; nothing is promised to their requests."""
    GENERAL_LINE = "general_line"
    END = "end"


@dataclass(frozen=True, slots=True)
class CallBacks:
    """How call-backs stand among the callers of a line (docs/decisions/0032-call-backs-wait-in-the-queue.md)."""

    share: float = 0.25
    """A caller with n callers before them finds at most this share of n call-backs before them; and of those in a
    hurry, at most this share of the callers served pass them later."""
    hurry: float = 600.0
    """Seconds before the end of its window from which a call-back may pass callers, as the share allows."""


@dataclass(frozen=True, slots=True)
class ChatRules:
    """How the chats of a line are shared out among its people (docs/decisions/0047)."""

    groups: tuple[GroupId, ...]
    """Whose people answer them."""
    at_once: int = 3
    """Chats that one person answers at the same time."""
    beside_calls: bool = False
    """Whether somebody who answers chats is offered callers, too."""
    stay_free: int = 1
    """So many people stay free for callers, as long as somebody else answers the chats."""
    accept_within: float = 20.0
    """Seconds for which somebody is offered a chat."""
    away: float = 30.0
    """Seconds for which a person's page may be closed before their chats are given to others."""
    longest_wait: float = 300.0
    """Seconds after which a chat that nobody accepts becomes a request."""
    wrap_up: float = 60.0
    """Seconds after the end of a chat in which it still counts among its operator's."""


@dataclass(frozen=True, slots=True)
class Line:
    """One published support line: its obligations, its operators, its rules (ESTP 2.2, 4.2, 5.4)."""

    id: LineId
    answered_by: tuple[GroupId, ...]
    """Groups whose free operators are offered the queue's callers."""
    capacity: int = 100
    """Callers admitted at the same time (ESTP 2.2b)."""
    required_staff: int = 2
    """People who must be on duty during hours (ESTP 2.2b)."""
    written_by: tuple[GroupId, ...] = ()
    """Groups whose people answer what is written (eLot 2.2a)."""
    required_written: int = 0
    """Of them, how many must be on duty during hours."""
    customer_role: str = "Заказчик"
    """The role this line is for; a known caller of another role goes to the general line (ESTP 2.1)."""
    ask_inn: bool = True
    """Whether a caller whom the directory does not know by number is asked for the INN, or what `asked_for` says."""
    asks_before_queue: bool = False
    """Whether INN and urgency are asked before the queue; otherwise while waiting in it."""
    asked_for: AskedFor = AskedFor.INN
    inn_tries: int = 2
    """Wrong INNs that are said to be wrong; silence is not one of them."""
    classes: tuple[str, ...] = ("urgent", "normal")
    """Urgency classes, most urgent first (ESTP 4.2)."""
    class_of_digit: Mapping[str, str] | None = None
    """The urgency menu: digit -> class; None or empty: the caller is not asked."""
    default_class: str = "normal"
    overtaking_limit: float = 180.0
    """A caller who has waited this long is no longer overtaken by a more urgent one (ESTP 2.3, 4.2)."""
    place_kept: float = 600.0
    """A caller cut off by a failure who calls again within this time gets the old place back."""
    announce_every: float = 45.0
    expected_handling: float = 180.0
    """Handling time (ringing + talk + wrap-up) assumed until the line has had calls of its own."""
    expected_calls: int = 100
    """Weight of that assumption, in calls."""
    remembered_calls: int = 500
    """Memory of mean handling time and patience, in calls: slow on purpose, fast averages give worse estimates."""
    expected_patience: float = 600.0
    """Patience assumed until the line has had abandonments of its own."""
    promises: Promises = Promises()
    waiting_from: WaitingFrom = WaitingFrom.ARRIVAL
    """From when on waiting times count (ESTP 2.2d)."""
    target_wait: float = 300.0
    """Average wait that must not be exceeded (ESTP 2.2d)."""
    answer_within: float = 60.0
    """The service level is the share of callers answered within this time."""
    wrap_up_limit: float = 600.0
    """The longest wrap-up to which operators may prolong theirs, from the end of the conversation."""
    outgoing: Outgoing | None = None
    """None: nobody calls out on behalf of this line."""
    requests_heard: RequestsHeard | None = None
    """None: callers hear of requests from operators alone."""
    call_backs: CallBacks = CallBacks()
    keep_place_key: str = ""
    """The key with which a waiting caller asks to be called back; '': nobody can."""
    chat: ChatRules | None = None
    """None: the line has no chat."""
    without_period: WithoutPeriod | None = None
    """None: nobody needs a paid period."""
    class_of_level: Mapping[str, str] = field(default_factory=dict)
    """The urgency class that follows from a contract's level (E-SAUDA 1.3)."""
    call_back_levels: frozenset[str] = frozenset()
    """The levels, or the directory's roles, whose callers may order a call-back (E-SAUDA 2.2); empty: all."""
    keep_place_per_number: int = 2
    """Places that are kept for one number at the same time: whoever is to be called has not asked for it, perhaps."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account: somebody who can open a shift (ESTP 5.3.1)."""

    id: PersonId
    name: str
    group: GroupId
    phone: PhoneName
    """The phone they usually use: a key of the configuration's phones."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration as the core sees it."""

    lines: Mapping[LineId, Line]
    people: Mapping[PersonId, Person]
    phones: frozenset[PhoneName] = frozenset()
    """Phones at which a shift can be opened; empty: any phone."""
    page_phones: frozenset[PhoneName] = frozenset()
    """Phones in pages: one that is found again may be another page, in which nothing rings yet."""
    tested_phones: frozenset[PhoneName] = frozenset()
    """Those of them that are tested: no caller is offered there in a shift before somebody has heard a test."""
    pause_reasons: tuple[str, ...] = ("lunch", "break", "training", "paperwork")
    ring_timeout: float = 15.0
    """How long an operator's phone rings before the offer counts as missed."""
    silent_phone: float = 4.0
    """A phone that does not begin to ring within this time is given up: it is out of reach, or broken."""
    wrap_up: float = 20.0
    take_back: float = 20.0
    """How long a caller is kept for an operator whose phone or page was suddenly gone; 0: not at all."""
    false_answer: float = 0.5
    """An answer shorter than this is a false answer: the caller keeps the place."""
    close_without_recording: bool = False
    """Admit no new callers while conversations cannot be recorded (ESTP 2.6)."""
    servers: tuple[ServerId, ...] = (ONLY,)
    """Every Asterisk that takes calls. If there are several, each has this name as its `systemname`."""
    boot: str = "0"
    """Distinguishes the offers of this start of the controller from those of earlier ones."""
