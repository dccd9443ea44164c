"""By which contract a request is served: what is promised to whom, what a plan leaves to users, categories."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from callcenter.core.contract import Standing
from callcenter.requests import actions as do
from callcenter.requests.contract_rules import ContractRules, Service
from callcenter.requests.decide import open_request
from callcenter.requests.lifecycle import State
from callcenter.requests.number import Counter
from callcenter.requests.refusal import Reason
from callcenter.requests.request import AssigneeKind, Purpose, Reply, Request, RequestId, Way
from callcenter.requests.rules import LineRules, SubjectRules, Urgency
from callcenter.requests.targets import TargetKind
from tests.requests.lines import TBS, done, moscow, refused

CALLED = moscow("2026-11-23 12:00")
MAIL, PHONE = Reply(Way.EMAIL, "user@example.com"), Reply(Way.TELEPHONE, "+73422000000")
HOW = "Оплатить можно в личном кабинете"
PAID = Standing(True, "VIP", "Базовый", "12/А", date(2026, 12, 31))
UNPAID = Standing(paid_to=date(2026, 11, 22))
RULES = replace(
    TBS,
    subjects=frozenset({"price-list", "catalogue", "access", "wishes", "complaint"}),
    urgencies={**TBS.urgencies, "vip": Urgency(None), "wish": Urgency(None), "quality": Urgency(None)},
    contracts=ContractRules(
        needs_period=True,
        refusal="no paid period",
        how_to_get=HOW,
        urgencies={"VIP": frozenset({"vip"})},
        plans={"Базовый": {"price-list": Service.USER, "catalogue": Service.NOBODY, "access": Service.OPERATOR}},
    ),
    of_subjects={
        "wishes": SubjectRules(frozenset({"wish"})),
        "complaint": SubjectRules(frozenset({"quality"}), "quality", confidential=True),
    },
)


def draft(subject: str = "access", urgency: str = "question", reply: Reply = MAIL, rules: LineRules = RULES) -> Request:
    request = open_request(RequestId("1"), rules.line, "101", CALLED, CALLED, rules).request
    return done(request, do.Fill("101", subject, "Что делать?", urgency, reply), CALLED, rules).request


def submit(standing: Standing | None, why: str = "") -> do.Submit:
    return do.Submit("101", Counter(RULES.line, 2026, 0), standing, why)


@pytest.mark.clause("TBS 4.1")
@pytest.mark.parametrize(("standing", "promised"), [(PAID, True), (UNPAID, False), (None, True)])
def test_nothing_is_promised_to_who_has_no_paid_period(standing: Standing | None, promised: bool) -> None:
    request = done(draft(), submit(standing), CALLED, RULES).request
    assert (request.target(TargetKind.ANSWER) is not None) is promised
    assert request.target(TargetKind.ASSIGNMENT) is not None, "it is registered all the same, and looked at (TBS 3.3)"


@pytest.mark.clause("TBS 4.1")
@pytest.mark.parametrize(("reply", "told"), [(MAIL, [HOW]), (PHONE, [])])
def test_who_is_refused_for_it_is_written_to_how_to_get_one(reply: Reply, told: list[str]) -> None:
    """On the telephone the operator has said it."""
    refuse = do.Refuse("101", "no paid period", "платили до 22.11", Counter(RULES.line, 2026, 0))
    decision = done(draft(reply=reply), refuse, CALLED, RULES)
    assert (decision.request.state, decision.request.targets[-1].open) == (State.REFUSED, False)
    assert [one.text for one in decision.send] == told
    assert all((one.purpose, one.reply) == (Purpose.ANSWER, MAIL) for one in decision.send)
    other = do.Refuse("101", "no identification", "не назвался", Counter(RULES.line, 2026, 0))
    assert done(draft(), other, CALLED, RULES).send == ()


@pytest.mark.clause("E-SAUDA 1.3")
def test_what_is_promised_follows_from_the_level() -> None:
    basic = Standing(True, "Basic")
    no = refused(draft(urgency="vip"), submit(basic), CALLED, RULES)
    assert no.reason is Reason.URGENCY_OF_LEVEL
    assert "vip" not in no.values["known"]  # type: ignore[operator]
    done(draft(urgency="vip"), submit(PAID), CALLED, RULES)
    done(draft(urgency="question"), submit(PAID), CALLED, RULES)


@pytest.mark.clause("TBS 5")
@pytest.mark.parametrize("subject", ["price-list", "catalogue"])
def test_what_the_plan_leaves_to_the_user_is_registered_only_with_a_reason(subject: str) -> None:
    no = refused(draft(subject), submit(PAID, " "), CALLED, RULES)
    assert (no.reason, no.values["plan"]) == (Reason.LEFT_TO_USER, "Базовый")
    decision = done(draft(subject), submit(PAID, "по просьбе руководителя"), CALLED, RULES)
    assert "по просьбе руководителя" in [one.why for one in decision.entries]
    done(draft(subject), submit(replace(PAID, plan="Расширенный")), CALLED, RULES)
    done(draft("access"), submit(PAID), CALLED, RULES)


@pytest.mark.clause("E-SAUDA 1.6")
def test_a_wish_is_a_category_of_its_own() -> None:
    assert refused(draft("wishes"), submit(PAID), CALLED, RULES).values["known"] == ("wish",)
    assert refused(draft("access", "wish"), submit(PAID), CALLED, RULES).reason is Reason.URGENCY_OF_SUBJECT
    wish = done(draft("wishes", "wish"), submit(PAID), CALLED, RULES).request
    assert wish.target(TargetKind.ANSWER) is None


@pytest.mark.clause("E-SAUDA 3.7")
def test_a_complaint_about_an_employee_goes_to_quality_control_at_once() -> None:
    complaint = done(draft("complaint", "quality"), submit(PAID), CALLED, RULES).request
    assert complaint.state is State.ASSIGNED
    assert complaint.assignee is not None
    assert (complaint.assignee.kind, complaint.assignee.id) == (AssigneeKind.GROUP, "quality")
    assert complaint.target(TargetKind.ASSIGNMENT) is None
