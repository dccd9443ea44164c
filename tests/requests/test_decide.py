"""Stories of requests, with their dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from callcenter.calendar.working_time import Term, WorkingTime
from callcenter.core.ids import LineId
from callcenter.requests import actions as do
from callcenter.requests.change import Decision, counter_year
from callcenter.requests.decide import decide, open_request
from callcenter.requests.lifecycle import State, Step
from callcenter.requests.merge import Part, merge, split
from callcenter.requests.next_step import NextStep, Who, next_step
from callcenter.requests.number import Counter
from callcenter.requests.refusal import Refused, Why
from callcenter.requests.request import (
    Assignee,
    AssigneeKind,
    Fact,
    Fate,
    Purpose,
    Reply,
    Request,
    RequestId,
    Way,
)
from callcenter.requests.rules import LineRules, Urgency
from callcenter.requests.targets import Target, TargetKind
from tests.requests.lines import ESTP, MOSCOW, TBS, done, moscow, refused

MAIL = Reply(Way.EMAIL, "customer@example.com")
PERSON = Assignee(AssigneeKind.PERSON, "103")
LAW = Assignee(AssigneeKind.DEPARTMENT, "law", "law@example.com")
CALLED = moscow("2026-11-23 12:00")
"""A Monday."""


def draft(rules: LineRules = ESTP, urgency: str = "Срочно", called: datetime = CALLED, id_: str = "1") -> Request:
    request = open_request(RequestId(id_), rules.line, "101", called, called, rules).request
    return done(request, do.Fill("101", "Подпись", "Где взять подпись?", urgency, MAIL), called, rules).request


def new(rules: LineRules = ESTP, urgency: str = "Срочно", called: datetime = CALLED, id_: str = "1") -> Request:
    year = called.astimezone(MOSCOW).year
    return done(
        draft(rules, urgency, called, id_), do.Submit("101", Counter(rules.line, year, 122)), called, rules
    ).request


def in_work(rules: LineRules = ESTP, urgency: str = "Срочно", called: datetime = CALLED) -> Request:
    request = done(new(rules, urgency, called), do.Assign("head", PERSON), called, rules).request
    return done(request, do.Start("103"), called, rules).request


def answered(rules: LineRules = ESTP, at: datetime = CALLED) -> Request:
    return done(in_work(rules, next(iter(rules.urgencies))), do.Answer("103", "Вот."), at, rules).request


def target(request: Request, kind: TargetKind = TargetKind.ANSWER) -> Target:
    found = request.target(kind)
    assert found is not None
    return found


def test_the_form_is_due_an_hour_after_the_call_and_passed_on_it_has_a_number() -> None:
    form = draft()
    assert next_step(form, CALLED) == NextStep(Who.OPERATOR, Step.SUBMIT, CALLED + timedelta(hours=1))
    assert not target(form, TargetKind.FORM).overdue(CALLED + timedelta(hours=1))
    assert target(form, TargetKind.FORM).overdue(CALLED + timedelta(hours=1, seconds=1))
    passed_on = done(form, do.Submit("101", Counter(ESTP.line, 2026, 122)), CALLED + timedelta(minutes=70))
    assert str(passed_on.request.number) == "ESTP-2026-000123"
    assert passed_on.counter == Counter(ESTP.line, 2026, 123)
    assert passed_on.request.targets[0].kept is False
    # «Срочно» is promised from the call on, however late the form is.
    assert target(passed_on.request).due == moscow("2026-11-24 18:00")
    assert next_step(passed_on.request, CALLED) == NextStep(Who.HEAD, Step.ASSIGN, moscow("2026-11-23 15:10"))


@pytest.mark.parametrize(("urgency", "due"), [("Срочно", "2026-11-24 18:00"), ("Контроль", "2026-11-26 18:00")])
def test_the_promise_that_the_caller_is_told(urgency: str, due: str) -> None:
    assert target(new(urgency=urgency)).due == moscow(due)


def test_the_answer_leaves_on_the_chosen_way_with_a_key_of_its_own() -> None:
    answer = done(in_work(), do.Answer("103", "Вот."), moscow("2026-11-24 17:59"))
    (message,) = answer.send
    assert (message.key, message.reply, message.text) == ("ESTP-2026-000123/1", MAIL, "Вот.")
    kept = [one.kept for one in answer.request.targets if one.kind is TargetKind.ANSWER]
    assert kept == [True]
    assert next_step(answer.request, CALLED) == NextStep(Who.OUTBOX, Step.CLOSE, moscow("2026-11-26 18:00"))


def test_the_customer_who_moves_gets_the_answer_at_the_new_address() -> None:
    telephone = Reply(Way.TELEPHONE, "+73422000000")
    request = done(in_work(), do.ChangeReply("103", telephone, "asked on the telephone"), CALLED).request
    assert done(request, do.Answer("103", "Вот."), CALLED).send[0].reply == telephone


def test_an_interim_reply_has_the_causes_and_a_new_date_and_the_first_date_stays() -> None:
    late = do.Inform("103", ("the bank is silent", "the expert is ill"), moscow("2026-11-27 18:00"), "Позже.")
    at = moscow("2026-11-24 16:00")
    informed = done(in_work(), late, at)
    assert informed.send[0].purpose is Purpose.INTERIM
    promise = target(informed.request)
    assert (promise.due, promise.expected) == (moscow("2026-11-24 18:00"), moscow("2026-11-27 18:00"))
    assert not promise.overdue(moscow("2026-11-27 18:00"))
    assert promise.overdue(moscow("2026-11-27 18:01"))
    moved = [entry for entry in informed.entries if entry.fact is Fact.TARGET_PROMISED]
    assert [entry.why for entry in moved] == ["the bank is silent; the expert is ill"]
    answer = done(informed.request, do.Answer("103", "Вот."), moscow("2026-11-26 12:00")).request
    assert [one.kept for one in answer.targets if one.kind is TargetKind.ANSWER] == [False]  # by the first date


def test_an_interim_reply_that_does_not_arrive_has_put_nothing_off() -> None:
    late = do.Inform("103", ("the bank is silent",), moscow("2026-11-27 18:00"), "Позже.")
    request = done(in_work(), late, moscow("2026-11-24 16:00")).request
    request = done(
        request, do.NotDelivered("ESTP-2026-000123/1", "no such mailbox"), moscow("2026-11-24 16:01")
    ).request
    assert target(request).expected == moscow("2026-11-24 18:00")


def test_on_tbs_an_extension_is_told_by_e_mail_alone() -> None:
    telephone = Reply(Way.TELEPHONE, "+73422000000")
    request = in_work(TBS, "question")
    assert target(request).due == moscow("2026-11-25 10:00")  # 6½ h on Monday, 9 h on Tuesday, half an hour
    request = done(request, do.ChangeReply("103", telephone, "asked"), CALLED, TBS).request
    late = do.Inform("103", ("an expert is needed",), moscow("2026-11-26 18:00"), "Позже.")
    assert refused(request, late, CALLED, TBS).why is Why.UNKNOWN
    assert done(request, replace(late, reply=MAIL), CALLED, TBS).send[0].reply == MAIL


def test_a_technical_error_has_no_date_but_somebody_whose_turn_it_is() -> None:
    request = in_work(TBS, "technical error")
    assert request.target(TargetKind.ANSWER) is None
    assert next_step(request, CALLED) == NextStep(Who.ASSIGNEE, Step.ANSWER, None)
    assert target(request, TargetKind.FIRST_ANSWER).due == CALLED + timedelta(hours=12)


def test_the_clock_stands_still_while_the_customer_has_to_answer() -> None:
    asked = done(
        in_work(TBS, "question"), do.Ask("103", "Which browser?", "it differs"), moscow("2026-11-23 13:30"), TBS
    )
    assert target(asked.request).stopped_at == moscow("2026-11-23 13:30")
    assert not target(asked.request).overdue(moscow("2027-11-23 13:30"))
    replied = done(asked.request, do.Receive("customer"), moscow("2026-11-24 11:30"), TBS)
    assert replied.request.state is State.IN_WORK
    # Five hours of Monday and two of Tuesday were the customer's.
    assert target(replied.request).due == moscow("2026-11-25 17:00")
    assert [entry.why for entry in replied.entries if entry.fact is Fact.TARGET_MOVED] == ["the customer has replied"]


def test_without_a_reply_it_is_closed_after_eight_working_hours_with_what_was_done() -> None:
    request = done(in_work(), do.Ask("103", "Which browser?", "it differs"), moscow("2026-11-23 13:00")).request
    close = do.CloseWithoutReply("103", "looked at the log")
    assert refused(request, close, moscow("2026-11-25 12:00")).why is Why.UNDER_WAY
    # The customer's time begins when the question has arrived.
    request = done(request, do.Delivered("ESTP-2026-000123/1"), moscow("2026-11-23 17:00")).request
    assert target(request, TargetKind.CUSTOMER_REPLY).due == moscow("2026-11-24 16:00")
    assert next_step(request, moscow("2026-11-24 15:59")) == NextStep(
        Who.CUSTOMER, Step.RESUME, moscow("2026-11-24 16:00")
    )
    assert refused(request, close, moscow("2026-11-24 15:59")).why is Why.DATE
    assert next_step(request, moscow("2026-11-24 16:00")) == NextStep(
        Who.ASSIGNEE, Step.CLOSE, moscow("2026-11-24 16:00")
    )
    closed = done(request, close, moscow("2026-11-24 16:00"))
    assert closed.request.state is State.CLOSED
    assert "looked at the log" in closed.entries[0].why
    # The reply that comes too late goes on with it, with a whole term.
    reopened = done(closed.request, do.Receive("customer"), moscow("2026-11-25 10:00")).request
    assert (reopened.state, target(reopened).due) == (State.IN_WORK, moscow("2026-11-26 18:00"))


def test_a_question_that_never_arrived_has_stopped_no_clock() -> None:
    request = done(in_work(), do.Ask("103", "Which browser?", "it differs"), moscow("2026-11-23 13:00")).request
    request = done(
        request, do.NotDelivered("ESTP-2026-000123/1", "no such mailbox"), moscow("2026-11-25 10:00")
    ).request
    assert (request.state, target(request).due) == (State.IN_WORK, moscow("2026-11-24 18:00"))
    assert target(request).overdue(moscow("2026-11-25 10:00"))


def test_tbs_asks_two_questions_before_it_closes() -> None:
    request = answered(TBS)
    at = moscow("2026-11-23 15:00")
    assert refused(request, do.Close("103", solved=True, more=False), at, TBS).why is Why.UNDER_WAY
    request = done(request, do.Delivered("TBS-2026-000123/1"), at, TBS).request
    assert refused(request, do.Close("103"), at, TBS).why is Why.UNSOLVED
    assert refused(request, do.Close("103", solved=True), at, TBS).why is Why.UNSOLVED
    assert refused(request, do.Close("103", solved=True, more=True), at, TBS).why is Why.UNSOLVED
    assert refused(request, do.Close("103", solved=False, more=False), at, TBS).why is Why.UNSOLVED
    assert done(request, do.Close("103", solved=True, more=False), at, TBS).request.state is State.CLOSED
    # Nobody objects, and the time for it is over.
    silent = target(request, TargetKind.CLOSING).due
    assert done(request, do.Close("103"), silent, TBS).entries[0].why == "no objection"


def test_an_answer_that_comes_back_is_owed_as_before_even_when_it_was_closed() -> None:
    request = done(answered(), do.Delivered("ESTP-2026-000123/1"), CALLED).request
    request = done(request, do.Close("103"), CALLED).request
    back = done(request, do.NotDelivered("ESTP-2026-000123/1", "mailbox full"), moscow("2026-11-24 10:00")).request
    assert (back.state, target(back).due) == (State.IN_WORK, moscow("2026-11-24 18:00"))
    again = done(back, do.Answer("103", "Вот."), moscow("2026-11-24 11:00"))
    assert again.send[0].key == "ESTP-2026-000123/2"
    assert [message.fate for message in again.request.messages] == [Fate.FAILED, Fate.WAITING]


def test_an_older_answer_that_comes_back_changes_nothing_about_the_newer() -> None:
    request = done(answered(), do.Receive("customer"), moscow("2026-11-23 15:00")).request
    request = done(request, do.Answer("103", "Так."), moscow("2026-11-23 16:00")).request
    back = done(request, do.NotDelivered("ESTP-2026-000123/1", "full"), moscow("2026-11-23 17:00")).request
    assert (back.state, back.target(TargetKind.ANSWER)) == (State.ANSWERED, None)
    assert [one.kept for one in back.targets if one.kind is TargetKind.ANSWER] == [None, True]


def test_of_two_answers_in_one_moment_the_one_that_comes_back_is_owed_with_its_own_dates() -> None:
    """The clock was set back by some minutes between them, so all happens at the moment of the first."""
    later = moscow("2026-11-25 12:00")
    request = done(in_work(), do.Inform("103", ("why",), later, "It takes longer"), CALLED).request
    request = done(request, do.Answer("103", "Вот."), CALLED).request
    request = done(request, do.Reopen("head", "not that"), CALLED).request
    request = done(request, do.Answer("103", "Так."), CALLED).request
    back = done(request, do.NotDelivered("ESTP-2026-000123/3", "full"), CALLED).request
    first, second = (one for one in back.targets if one.kind is TargetKind.ANSWER)
    assert (first.promised, first.met_at) == (later, CALLED)
    assert (second.promised, second.open) == (None, True)


def test_an_answer_for_which_no_date_was_promised_opens_no_other_when_it_comes_back() -> None:
    request = done(in_work(TBS, "question"), do.Answer("103", "Вот."), CALLED, TBS).request
    request = done(request, do.Reopen("head", "an error after all"), CALLED, TBS).request
    request = done(request, do.ChangeUrgency("head", "technical error", "an error"), CALLED, TBS).request
    request = done(request, do.Answer("103", "Так."), CALLED, TBS).request
    back = done(request, do.NotDelivered("TBS-2026-000123/2", "full"), CALLED, TBS).request
    assert (back.state, back.target(TargetKind.ANSWER)) == (State.IN_WORK, None)


def test_the_first_answer_was_given_by_the_first_message_that_has_arrived() -> None:
    request = done(in_work(TBS, "question"), do.Ask("103", "Which browser?", "it differs"), CALLED, TBS).request
    request = done(request, do.Resume("103", "found it"), CALLED, TBS).request
    request = done(request, do.Answer("103", "Вот."), CALLED, TBS).request
    for key, owed in (("TBS-2026-000123/1", False), ("TBS-2026-000123/2", True)):
        request = done(request, do.NotDelivered(key, "full"), CALLED, TBS).request
        assert (request.target(TargetKind.FIRST_ANSWER) is not None) is owed


def test_an_older_question_that_comes_back_does_not_end_the_waiting_for_the_newer() -> None:
    request = done(in_work(), do.Ask("103", "Which browser?", "it differs"), CALLED).request
    request = done(request, do.Resume("103", "found it"), CALLED).request
    request = done(request, do.Ask("103", "Which version?", "it differs"), CALLED).request
    assert done(request, do.NotDelivered("ESTP-2026-000123/1", "full"), CALLED).request.state is State.PENDING


def test_the_time_for_an_objection_begins_when_the_letter_has_arrived() -> None:
    arrived = done(answered(), do.Delivered("ESTP-2026-000123/1"), moscow("2026-11-27 12:00")).request
    assert target(arrived, TargetKind.CLOSING).due == moscow("2026-12-01 18:00")


def test_reports_that_come_twice_or_late_change_nothing() -> None:
    request = done(answered(), do.Delivered("ESTP-2026-000123/1"), CALLED).request
    assert done(request, do.Delivered("ESTP-2026-000123/1"), CALLED) == Decision(request, ())
    failed = done(request, do.NotDelivered("ESTP-2026-000123/1", "full"), CALLED).request
    assert done(failed, do.Delivered("ESTP-2026-000123/1"), CALLED) == Decision(failed, ())
    assert refused(request, do.Delivered("ESTP-2026-000123/9"), CALLED).why is Why.UNKNOWN


def test_a_department_outside_is_told_by_e_mail_and_if_it_is_not_reached_the_head_has_it_again() -> None:
    assigned = done(new(), do.Assign("head", LAW, "Просим ответить."), CALLED)
    assert assigned.send[0].reply == Reply(Way.EMAIL, "law@example.com")
    back = done(assigned.request, do.NotDelivered(assigned.send[0].key, "unknown"), CALLED).request
    assert (back.state, back.assignee) == (State.NEW, None)
    assert next_step(back, CALLED) == NextStep(Who.HEAD, Step.ASSIGN, moscow("2026-11-23 14:00"))
    answers = done(assigned.request, do.Receive("law", from_customer=False), CALLED)
    assert answers.request.state is State.ASSIGNED  # filed; somebody of us answers the customer


def test_hooliganism_is_registered_and_not_processed() -> None:
    refuse = do.Refuse("101", "хулиганство", "ругался", Counter(ESTP.line, 2026, 7))
    decision = done(draft(), refuse, CALLED)
    assert (decision.request.state, str(decision.request.number)) == (State.REFUSED, "ESTP-2026-000008")
    assert next_step(decision.request, CALLED) is None
    assert "хулиганство" in refused(draft(), replace(refuse, reason="lazy"), CALLED).text


def test_what_a_customer_writes_to_a_refused_request_is_filed() -> None:
    request = done(new(), do.Refuse("head", "хулиганство", "ругался"), CALLED).request
    filed = done(request, do.Receive("customer"), CALLED)
    assert [entry.fact for entry in filed.entries] == [Fact.RECEIVED]
    assert filed.request.state is State.REFUSED


def test_another_urgency_moves_the_date_with_the_reason_in_the_history() -> None:
    changed = done(in_work(), do.ChangeUrgency("head", "Контроль", "the customer agrees"), CALLED)
    assert target(changed.request).due == moscow("2026-11-26 18:00")
    (moved,) = [entry for entry in changed.entries if entry.fact is Fact.TARGET_MOVED]
    assert (moved.by, moved.why, moved.before, moved.after) == (
        "head",
        "the customer agrees",
        moscow("2026-11-24 18:00"),
        moscow("2026-11-26 18:00"),
    )


def test_a_day_declared_free_moves_open_requests_and_says_so() -> None:
    moved = done(in_work(), do.Recompute("calendar", "24 November is free"), CALLED, free(24))
    assert target(moved.request).due == moscow("2026-11-25 18:00")
    assert [entry.why for entry in moved.entries] == ["24 November is free"]
    same = done(in_work(), do.Recompute("calendar", "nothing for us"), CALLED)
    assert same.entries == ()


def merged(goes: Request, stays: Request, why: str = "the same") -> tuple[Decision, Decision]:
    decisions = merge(goes, stays, "head", why, CALLED, ESTP)
    assert not isinstance(decisions, Refused), decisions
    return decisions


def test_who_was_told_the_earlier_date_gets_the_answer_by_it_after_a_merge() -> None:
    slow = replace(new(urgency="Контроль", id_="2"))
    gone, kept = merged(new(), slow)
    assert (gone.request.state, gone.request.merged_into) == (State.MERGED, slow.number)
    assert target(kept.request).due == moscow("2026-11-24 18:00")
    assert kept.entries[-1].why == "merged with ESTP-2026-000123"


@pytest.mark.parametrize(
    ("line", "asked", "stays"),
    [(ESTP, "Срочно", "Контроль"), (ESTP, "Срочно", "Срочно"), (TBS, "control", "technical error")],
)
def test_a_date_that_was_told_holds_after_a_merge_though_a_day_was_declared_free(
    line: LineRules, asked: str, stays: str
) -> None:
    """What is merged was not open when dates were computed by the new calendar: its answer has bounced since."""
    hours = replace(line.time.hours, extra_holidays=frozenset({date(2026, 11, 24)}))
    rules = replace(line, time=WorkingTime(hours))
    told = new(line, asked)
    decisions = merge(told, new(rules, stays, id_="2"), "head", "the same", CALLED, rules)
    assert not isinstance(decisions, Refused), decisions
    assert target(decisions[1].request).due == target(told).due


def free(*days: int, line: LineRules = ESTP) -> LineRules:
    """The line's rules after these days of November were declared free."""
    hours = replace(line.time.hours, extra_holidays=frozenset(date(2026, 11, day) for day in days))
    return replace(line, time=WorkingTime(hours))


@pytest.mark.parametrize("stays", ["Контроль", "Срочно"])
def test_a_date_that_was_told_before_a_merge_holds_when_a_day_is_declared_free_after_it(stays: str) -> None:
    _, kept = merged(new(), new(urgency=stays, id_="2"))
    later = done(kept.request, do.Recompute("calendar", "24 November is free"), CALLED, free(24))
    assert target(later.request).due == moscow("2026-11-24 18:00")
    assert later.entries == ()


def test_the_later_date_of_a_merge_holds_too_and_the_earlier_may_move_up_to_it() -> None:
    _, kept = merged(new(urgency="Контроль"), new(id_="2"))
    assert target(kept.request).due == moscow("2026-11-24 18:00")
    later = done(kept.request, do.Recompute("calendar", "free"), CALLED, free(24)).request
    assert target(later).due == moscow("2026-11-25 18:00")
    much_later = done(later, do.Recompute("calendar", "free"), CALLED, free(24, 25, 26, 27)).request
    assert target(much_later).due == moscow("2026-11-26 18:00")


@pytest.mark.parametrize(
    ("line", "urgency"), [(ESTP, "Срочно"), (TBS, "question"), (TBS, "control"), (ESTP, "по часам")]
)
def test_while_the_customer_has_to_answer_a_date_that_was_told_moves_as_if_nothing_had_been_merged(
    line: LineRules, urgency: str
) -> None:
    line = replace(line, urgencies={**line.urgencies, "по часам": Urgency(Term.plain_hours(30))})
    asks = (
        (do.Assign("head", PERSON), CALLED),
        (do.Start("103"), CALLED),
        (do.Ask("103", "Which browser?", "it differs"), moscow("2026-11-23 13:00")),
        (do.Receive("customer"), moscow("2026-11-24 10:00")),
    )
    decisions = merge(new(line, urgency), new(line, urgency, id_="2"), "head", "the same", CALLED, line)
    assert not isinstance(decisions, Refused), decisions
    together, alone = decisions[1].request, new(line, urgency, id_="2")
    for action, at in asks:
        together, alone = done(together, action, at, line).request, done(alone, action, at, line).request
    assert target(together).due == target(alone).due > target(new(line, urgency)).due
    later = done(together, do.Recompute("calendar", "free"), asks[-1][1], free(25, 26, 27, line=line)).request
    assert target(later).due == target(together).due


def test_a_told_date_whose_day_became_free_while_the_customer_was_asked_is_not_past_when_the_clock_goes_on() -> None:
    _, kept = merged(new(), new(id_="2"))
    request = kept.request
    for action, at in (
        (do.Assign("head", PERSON), CALLED),
        (do.Start("103"), CALLED),
        (do.Ask("103", "Which browser?", "it differs"), moscow("2026-11-23 20:00")),
        (do.Recompute("calendar", "free"), moscow("2026-11-23 21:00")),
        (do.Receive("customer"), moscow("2026-11-25 09:30")),
    ):
        request = done(request, action, at, free(24)).request
    assert target(request).due == moscow("2026-11-25 09:30")


def test_another_urgency_is_another_promise_also_after_a_merge() -> None:
    _, kept = merged(new(), new(id_="2"))
    changed = done(kept.request, do.ChangeUrgency("head", "Контроль", "the customer agrees"), CALLED).request
    assert target(changed).due == moscow("2026-11-26 18:00")
    assert target(done(changed, do.Recompute("calendar", "free"), CALLED, free(24)).request).due == moscow(
        "2026-11-27 18:00"
    )


def test_waiting_for_the_customer_after_the_first_date_moves_the_promised_date_alone() -> None:
    late = do.Inform("103", ("the bank is silent",), moscow("2026-11-27 18:00"), "Позже.")
    request = done(in_work(), late, moscow("2026-11-24 16:00")).request
    request = done(request, do.Ask("103", "Which browser?", "it differs"), moscow("2026-11-25 12:00")).request
    request = done(request, do.Receive("customer"), moscow("2026-11-26 12:00")).request
    assert target(request).due == moscow("2026-11-24 18:00")
    assert target(request).expected == moscow("2026-11-30 18:00")


@pytest.mark.parametrize(
    ("goes", "stays", "why", "refusal"),
    [
        (new(), new(), "the same", Why.UNKNOWN),
        (new(), new(TBS, "question", id_="2"), "the same", Why.UNKNOWN),
        (new(), replace(answered(), id=RequestId("2")), "the same", Why.NOT_NOW),
        (answered(), new(id_="2"), "the same", Why.NOT_NOW),
        (draft(), new(id_="2"), "the same", Why.NOT_NOW),
        (new(), new(id_="2"), " ", Why.EMPTY),
        (new(), new(id_="2"), "x" * 2001, Why.TOO_LONG),
    ],
)
def test_a_merge_that_would_lose_something_is_refused(goes: Request, stays: Request, why: str, refusal: Why) -> None:
    answer = merge(goes, stays, "head", why, CALLED, ESTP)
    assert isinstance(answer, Refused)
    assert answer.why is refusal


def test_a_part_of_a_request_becomes_another_with_the_date_that_was_promised_for_the_whole() -> None:
    request = done(in_work(), do.Ask("103", "Which browser?", "it differs"), moscow("2026-11-23 13:00")).request
    part = Part(RequestId("2"), "Тариф", "Сколько стоит?")
    counter = Counter(ESTP.line, 2026, 123)
    halves = split(request, part, "head", "two questions", moscow("2026-11-24 10:00"), ESTP, counter)
    assert not isinstance(halves, Refused), halves
    old, new_ = halves
    assert (old.request.state, old.request.targets) == (State.PENDING, request.targets)
    assert (str(new_.request.number), new_.request.state, new_.request.reply) == ("ESTP-2026-000124", State.NEW, MAIL)
    assert target(new_.request).due == moscow("2026-11-25 18:00")  # it waited for the customer for a day, too
    assert (old.entries[0].what, new_.counter) == ("ESTP-2026-000124", Counter(ESTP.line, 2026, 124))
    assert [entry.running for entry in new_.entries] == [1, 2, 3, 4]
    for wrong, reason in ((answered(), Why.NOT_NOW), (draft(), Why.NOT_NOW)):
        assert split(wrong, part, "head", "two", CALLED, ESTP, counter).why is reason  # type: ignore[union-attr]
    assert isinstance(split(new(), part, "head", " ", CALLED, ESTP, counter), Refused)
    for long in (replace(part, subject="x" * 2001), replace(part, essentials="x" * 100_001)):
        assert split(new(), long, "head", "two", CALLED, ESTP, counter).why is Why.TOO_LONG  # type: ignore[union-attr]


def test_both_parts_have_the_date_of_the_last_interim_reply() -> None:
    late = do.Inform("103", ("the bank is silent",), moscow("2026-11-27 18:00"), "Позже.")
    request, part = done(in_work(), late, CALLED).request, Part(RequestId("2"), "Тариф", "Сколько стоит?")
    halves = split(request, part, "head", "two questions", CALLED, ESTP, Counter(ESTP.line, 2026, 123))
    assert not isinstance(halves, Refused), halves
    assert target(halves[1].request).expected == moscow("2026-11-27 18:00")
    assert [e.after for e in halves[1].entries if e.fact is Fact.TARGET_PROMISED] == [moscow("2026-11-27 18:00")]


def test_a_clock_that_is_set_back_does_not_turn_the_history_round() -> None:
    started = done(
        done(new(), do.Assign("head", PERSON), CALLED).request, do.Start("103"), CALLED - timedelta(minutes=9)
    )
    assert {entry.at for entry in started.entries} == {CALLED}


def test_the_number_has_the_year_of_the_lines_zone() -> None:
    new_year = moscow("2027-01-01 00:30")  # 2026 in UTC
    assert str(new(called=new_year).number) == "ESTP-2027-000123"
    assert counter_year(draft(called=new_year), new_year, ESTP) == 2027
    with pytest.raises(ValueError, match="not the counter"):
        decide(draft(called=new_year), do.Submit("101", Counter(ESTP.line, 2026)), new_year, ESTP)
    with pytest.raises(ValueError, match="not the counter"):
        decide(draft(), do.Submit("101", Counter(LineId("tbs"), 2026)), CALLED, ESTP)


LATER = moscow("2026-11-27 18:00")
BAD = [
    (draft(), do.Fill("101", subject="x" * 2001), Why.TOO_LONG),
    (draft(), do.Fill("101", urgency="Молния"), Why.UNKNOWN),
    (draft(), do.Fill("101", reply=Reply(Way.TELEGRAM, "@x")), Why.UNKNOWN),
    (draft(), do.Fill("101", reply=Reply(Way.EMAIL, " ")), Why.EMPTY),
    (new(), do.Fill("101", subject="too late"), Why.NOT_NOW),
    (new(), do.Submit("101", Counter(ESTP.line, 2026, 123)), Why.NOT_NOW),
    (new(), do.Start("103"), Why.NOT_NOW),
    (new(), do.Answer("103", "nobody has it yet"), Why.NOT_NOW),
    (new(), do.Assign("head", Assignee(AssigneeKind.PERSON, "")), Why.EMPTY),
    (new(), do.Assign("head", Assignee(AssigneeKind.DEPARTMENT, "law"), "text"), Why.EMPTY),
    (new(), do.Assign("head", LAW, " "), Why.EMPTY),
    (in_work(), do.HandBack("103", " "), Why.EMPTY),
    (in_work(), do.Ask("103", "Which browser?", ""), Why.EMPTY),
    (in_work(), do.Answer("103", ""), Why.EMPTY),
    (in_work(), do.Answer("103", "x" * 100_001), Why.TOO_LONG),
    (in_work(), do.ChangeUrgency("head", "Молния", "why"), Why.UNKNOWN),
    (in_work(), do.Inform("103", (), LATER, "text"), Why.EMPTY),
    (in_work(), do.Inform("103", ("cause", " "), LATER, "text"), Why.EMPTY),
    (in_work(), do.Inform("103", ("cause",), moscow("2026-11-24 18:00"), "text"), Why.DATE),
    (in_work(), do.Inform("103", ("cause",), moscow("2026-11-28 12:00"), "text"), Why.DATE),
    (in_work(), do.Inform("103", ("cause",), moscow("2028-01-12 12:00"), "text"), Why.DATE),
    (in_work(), do.Inform("103", ("cause",), moscow("9999-12-31 12:00"), "text"), Why.DATE),
    (in_work(), do.CloseWithoutReply("103", "done"), Why.NOT_NOW),
    (in_work(), do.Close("103"), Why.NOT_NOW),
    (in_work(), do.Refuse("head", "хулиганство", ""), Why.EMPTY),
    (answered(), do.Refuse("head", "хулиганство", "why"), Why.NOT_NOW),
    (answered(), do.ChangeUrgency("head", "Контроль", "why"), Why.NOT_NOW),
    (answered(), do.Answer("103", "again"), Why.NOT_NOW),
    (draft(), do.ChangeReply("101", MAIL, "why"), Why.NOT_NOW),
]


@pytest.mark.parametrize(("request_", "action", "why"), BAD)
def test_what_is_wrong_is_refused_with_a_sentence(request_: Request, action: do.Action, why: Why) -> None:
    refusal = refused(request_, action, CALLED)
    assert (refusal.why, refusal.text != "") == (why, True)


def test_a_form_with_something_missing_is_not_passed_on() -> None:
    empty = open_request(RequestId("1"), ESTP.line, "101", CALLED, CALLED, ESTP).request
    form: dict[str, object] = {}
    for field, value in (("subject", "It"), ("essentials", "What"), ("urgency", "Срочно"), ("reply", MAIL)):
        assert refused(replace(empty, **form), do.Submit("101", Counter(ESTP.line, 2026)), CALLED).text  # type: ignore[arg-type]
        form[field] = value
    whole = replace(empty, **form)  # type: ignore[arg-type]
    assert done(whole, do.Submit("101", Counter(ESTP.line, 2026)), CALLED).request.state is State.NEW


def test_a_request_is_decided_by_its_own_lines_rules() -> None:
    with pytest.raises(ValueError, match="rules of tbs"):
        decide(new(), do.Start("103"), CALLED, TBS)


def test_the_stricter_reading_of_working_days_is_a_matter_of_configuration() -> None:
    strict = replace(ESTP.urgencies["Срочно"], answer=Term.working_days(1, by_the_minute=True))
    assert target(new(replace(ESTP, urgencies={"Срочно": strict}))).due == moscow("2026-11-24 12:00")
