"""The rules of lines as requests.md's regulations ask them, for the tests of requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import Term, WorkingTime
from callcenter.core.ids import GroupId, LineId
from callcenter.core.settings import Outgoing
from callcenter.requests.actions import Action
from callcenter.requests.call_back_rules import CallBackRules
from callcenter.requests.change import Decision
from callcenter.requests.decide import decide
from callcenter.requests.refusal import Refused
from callcenter.requests.request import Request, Way
from callcenter.requests.rules import LineRules, Urgency

MOSCOW = ZoneInfo("Europe/Moscow")

OUTGOING = Outgoing(("+7342", "+79XXXXXXXXX"), (GroupId("operators"), GroupId("managers")))
CALL_BACKS = CallBackRules(
    allows=OUTGOING.allows,
    groups=OUTGOING.groups,
    urgency="normal",
    failed_subject="other",
    failed_urgency="Срочно",
)
ESTP = LineRules(
    line=LineId("estp"),
    time=WorkingTime(WorkingHours(MOSCOW, time(9), time(18))),
    urgencies={"Срочно": Urgency(Term.working_days(1)), "Контроль": Urgency(Term.working_days(3))},
    ways=frozenset({Way.LETTER, Way.EMAIL, Way.TELEPHONE}),
    refusals=frozenset({"хулиганство"}),
    form=Term.plain_hours(1),
    assignment=Term.working_hours(2),
    customer_reply=Term.working_hours(8),
    closing=Term.working_days(2),
    call_backs=CALL_BACKS,
)
TBS = replace(
    ESTP,
    line=LineId("tbs"),
    time=WorkingTime(WorkingHours(MOSCOW, time(9, 30), time(18, 30))),
    urgencies={
        "question": Urgency(Term.working_hours(16), Term.working_hours(1)),
        "technical error": Urgency(None, Term.plain_hours(12)),
        "control": Urgency(Term.working_days(3, by_the_minute=True)),
    },
    refusals=frozenset({"no identification", "no paid period"}),
    asks_before_closing=True,
    interim_way=Way.EMAIL,
    call_backs=None,
)


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW).astimezone(UTC)


def done(request: Request, action: Action, at: datetime, rules: LineRules = ESTP) -> Decision:
    """Decide what is allowed."""
    decision = decide(request, action, at, rules)
    assert isinstance(decision, Decision), decision
    return decision


def refused(request: Request, action: Action, at: datetime, rules: LineRules = ESTP) -> Refused:
    """Decide what is not allowed."""
    refusal = decide(request, action, at, rules)
    assert isinstance(refusal, Refused), refusal
    return refusal
