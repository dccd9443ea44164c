"""What one line asks of its requests: configuration, not code (ESTP 5.5, E-SAUDA 2.3 and 3.6, TBS 3.2 and 4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callcenter.calendar.working_time import Term, WorkingTime
from callcenter.core.ids import LineId
from callcenter.requests.call_back_rules import CallBackRules
from callcenter.requests.contract_rules import ContractRules
from callcenter.requests.request import Way


@dataclass(frozen=True)
class Urgency:
    """What is promised for one urgency or category: «Срочно» and «Контроль», a level, a technical error."""

    answer: Term | None
    """None: no date is promised (TBS 4.3: technical errors)."""
    first_answer: Term | None = None
    out_of_turn: bool = False
    """Whether it goes before others that are not late yet (eLot 2.4)."""


@dataclass(frozen=True)
class SubjectRules:
    """What is special about a subject: wishes (E-SAUDA 1.6), complaints about employees (E-SAUDA 3.7)."""

    urgencies: frozenset[str] = frozenset()
    """The only ones that its requests may have; empty: all that belong to no other subject."""
    group: str = ""
    """Who gets them; '': the head assigns them."""
    confidential: bool = False
    """Only that group and the heads read them."""


@dataclass(frozen=True)
class LineRules:
    """The rules of one line's requests."""

    line: LineId
    time: WorkingTime
    urgencies: Mapping[str, Urgency]
    ways: frozenset[Way]
    """How customers may be answered (ESTP 5.5.2)."""
    refusals: frozenset[str]
    """The reasons for which a request may be left unresolved (ESTP 5.6.3, E-SAUDA 2.3, TBS 4.1)."""
    form: Term
    """From the call until the form is with the head (ESTP 5.5.3)."""
    assignment: Term
    """Until the head has assigned it."""
    customer_reply: Term
    """How long a question to the customer waits (E-SAUDA 3.6: 8 working hours)."""
    closing: Term
    """How long an answered request waits for an objection."""
    subjects: frozenset[str] = frozenset()
    """What requests can be about (ESTP 3.1); empty: whatever is written."""
    asks_before_closing: bool = False
    """Whether the customer is asked if it is solved and if there is more (TBS 3.2)."""
    interim_way: Way | None = None
    """How an interim reply has to leave, whatever way was chosen (TBS 4.3: by e-mail)."""
    call_backs: CallBackRules | None = None
    """None: nobody calls back on behalf of this line."""
    contracts: ContractRules | None = None
    """None: nobody is asked for a contract."""
    of_subjects: Mapping[str, SubjectRules] = field(default_factory=dict)
    since: datetime | None = None
    """From when these rules hold; None: always."""
    before: LineRules | None = None
    """The rules until then: requests of that time keep them (ESTP 6.2)."""

    def on(self, at: datetime) -> LineRules:
        """Return the rules that held at a moment."""
        rules = self
        while rules.before is not None and rules.since is not None and at < rules.since:
            rules = rules.before
        return rules

    def urgency_fits(self, subject: str, urgency: str) -> bool:
        """Return whether a request about this may have the urgency."""
        own = self.of_subjects.get(subject, SubjectRules()).urgencies
        return urgency in own if own else all(urgency not in one.urgencies for one in self.of_subjects.values())
