"""The rules of requests: a request and an action in, changes or a refusal out.

Every rule takes its step first, which refuses what the state does not allow; then it sets, stops and meets targets. An
open request always has a next step (`next_step.py`). A report that comes late or twice changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from callcenter.calendar.hours import instant
from callcenter.core.ids import LineId
from callcenter.requests import targets
from callcenter.requests.actions import (
    Action,
    Answer,
    Ask,
    Assign,
    ChangeReply,
    ChangeUrgency,
    Close,
    CloseWithoutReply,
    Delivered,
    Fill,
    HandBack,
    Inform,
    NotDelivered,
    Receive,
    Recompute,
    Refuse,
    Reopen,
    Resume,
    Start,
    Submit,
    TakeBack,
)
from callcenter.requests.address import check_address
from callcenter.requests.change import (
    LONGEST_LINE,
    LONGEST_TEXT,
    SHOWN,
    Change,
    Decision,
    bounded,
    known_subject,
    moment,
    said,
)
from callcenter.requests.contract_rules import Service
from callcenter.requests.lifecycle import ENDS, UNFINISHED, State, Step
from callcenter.requests.refusal import Reason, Refused, RefusedError, Thing
from callcenter.requests.request import (
    Assignee,
    AssigneeKind,
    Fact,
    Fate,
    Message,
    Purpose,
    Reply,
    Request,
    RequestId,
    Way,
)
from callcenter.requests.rules import LineRules, SubjectRules, Urgency
from callcenter.requests.targets import TargetKind

LONGEST_DELAY = timedelta(days=366)
"""How far off the date of an interim reply may be: as far as the longest term."""
_TICK = timedelta(microseconds=1)


def open_request(
    id_: RequestId,
    line: LineId,
    by: str,
    received_at: datetime,
    at: datetime,
    rules: LineRules,
    form_since: datetime | None = None,
) -> Decision:
    """Return a new draft of what was asked at `received_at`: the form is due from then (ESTP 5.5.3).

    `form_since`: from when it is due instead: of a letter that came yesterday nobody could have had one.
    """
    at = instant(at)
    change = Change(Request(id_, line, min(instant(received_at), at), at), rules, at, by)
    change.note(Fact.OPENED, line)
    change.begin(TargetKind.FORM, rules.form, form_since or change.request.received_at)
    return change.decision()


def decide(request: Request, action: Action, at: datetime, rules: LineRules) -> Decision | Refused:
    """Return what `action` changes in a request of this line, or why nothing may change."""
    if request.line != rules.line:
        raise ValueError(f"a request of {request.line} is not decided by the rules of {rules.line}")
    change = Change(request, rules, moment(request, at), action.by)
    try:
        _apply(change, action)
    except RefusedError as no:
        return no.refused
    return change.decision()


def _apply(change: Change, action: Action) -> None:
    match action:
        case Fill():
            _fill(change, action)
        case Submit():
            _submit(change, action)
        case ChangeUrgency():
            _change_urgency(change, action)
        case ChangeReply():
            _change_reply(change, action)
        case Assign():
            _assign(change, action)
        case HandBack():
            _hand_back(change, said(action.why, Thing.REASON))
        case Start():
            _start(change)
        case Ask():
            _ask(change, action)
        case Resume():
            _resume(change, said(action.why, Thing.REASON))
        case Receive():
            _receive(change, action)
        case Inform():
            _inform(change, action)
        case Answer():
            _answer(change, action)
        case Delivered():
            _delivered(change, action)
        case NotDelivered():
            _not_delivered(change, action)
        case TakeBack():
            _take_back(change, action)
        case Close():
            _close(change, action)
        case CloseWithoutReply():
            _close_without_reply(change, action)
        case Reopen():
            _reopen(change, said(action.why, Thing.REASON))
        case Refuse():
            _refuse(change, action)
        case Recompute():
            _recompute(change, said(action.why, Thing.REASON))
        case _:
            assert_never(action)


def _fill(change: Change, action: Fill) -> None:
    if change.state is not State.DRAFT:
        raise RefusedError(Reason.FORM_PASSED_ON, state=change.state)
    request = change.request
    if action.subject is not None:
        change.edit("subject", replace(request, subject=known_subject(action.subject, change.rules)))
    if action.essentials is not None:
        essentials = bounded(action.essentials, Thing.ESSENTIALS, LONGEST_TEXT)
        change.edit("essentials", replace(change.request, essentials=essentials))
    if action.urgency is not None:
        _known_urgency(change, action.urgency)
        change.edit("urgency", replace(change.request, urgency=action.urgency))
    if action.reply is not None:
        change.edit("reply", replace(change.request, reply=_checked(change, action.reply)))


def _submit(change: Change, action: Submit) -> None:
    change.step(Step.SUBMIT, action.why.strip()[:LONGEST_LINE])
    request = change.request
    said(request.subject, Thing.SUBJECT)
    said(request.essentials, Thing.ESSENTIALS, LONGEST_TEXT)
    urgency = _known_urgency(change, request.urgency)
    _check_category(change, action)
    if request.reply is None:
        raise RefusedError(Reason.MISSING, thing=Thing.WAY)  # ESTP 5.5.2
    if action.counter is None:
        raise ValueError("what is submitted is registered: hand in the line's counter")
    change.take_number(action.counter)
    change.meet(TargetKind.FORM)
    change.begin(TargetKind.ASSIGNMENT, change.rules.assignment)
    contracts = change.rules.contracts
    if contracts is None or action.standing is None or action.standing.paid or not contracts.needs_period:
        change.begin(TargetKind.FIRST_ANSWER, urgency.first_answer, request.received_at)
        change.begin(TargetKind.ANSWER, urgency.answer, request.received_at)
    if group := change.rules.of_subjects.get(request.subject, SubjectRules()).group:
        _assign(change, Assign(action.by, Assignee(AssigneeKind.GROUP, group)))


def _check_category(change: Change, action: Submit) -> None:
    """Refuse an urgency that is another subject's or level's, and what the customer's plan leaves to the customer."""
    request, rules, by = change.request, change.rules, action.standing
    fitting = [one for one in rules.urgencies if rules.urgency_fits(request.subject, one)]
    if request.urgency not in fitting:
        raise RefusedError(Reason.URGENCY_OF_SUBJECT, given=request.urgency[:SHOWN], known=tuple(fitting))
    if rules.contracts is None or by is None:
        return
    if not rules.contracts.promised_to(by.level, request.urgency):
        known = tuple(one for one in fitting if rules.contracts.promised_to(by.level, one))
        raise RefusedError(Reason.URGENCY_OF_LEVEL, given=request.urgency[:SHOWN], known=known)
    if rules.contracts.service(by.plan, request.subject) is not Service.OPERATOR and not action.why.strip():
        raise RefusedError(Reason.LEFT_TO_USER, plan=by.plan)


def _change_urgency(change: Change, action: ChangeUrgency) -> None:
    why = said(action.why, Thing.REASON)
    urgency = _known_urgency(change, action.urgency)
    if change.state not in UNFINISHED:
        raise RefusedError(Reason.URGENCY_TOO_LATE, state=change.state)
    change.edit("urgency", replace(change.request, urgency=action.urgency), why)
    first_sent = any(m.purpose is not Purpose.ASSIGNMENT for m in change.request.messages)
    for kind, term in ((TargetKind.FIRST_ANSWER, urgency.first_answer), (TargetKind.ANSWER, urgency.answer)):
        target = change.request.target(kind)
        if target is None:
            if kind is TargetKind.ANSWER or not first_sent:
                change.begin(kind, term)
        elif term is None:
            change.drop(kind)
        else:
            change.move(target, targets.promised_anew(target, term, change.rules.time), why)
    if change.state is State.PENDING:
        change.stop(TargetKind.ANSWER, "the customer has to answer")


def _change_reply(change: Change, action: ChangeReply) -> None:
    if change.state in ENDS or change.state is State.DRAFT:
        raise RefusedError(Reason.REPLY_TOO_LATE, state=change.state)
    reply = _checked(change, action.reply)
    change.edit("reply", replace(change.request, reply=reply), said(action.why, Thing.REASON))


def _assign(change: Change, action: Assign) -> None:
    who = action.assignee
    said(who.id, Thing.ASSIGNEE)
    if who.kind is AssigneeKind.DEPARTMENT and change.state is State.PENDING:
        raise RefusedError(Reason.CUSTOMER_FIRST)
    change.step(Step.ASSIGN)
    change.edit("assignee", replace(change.request, assignee=who), f"{who.kind.value} {who.id}")
    change.meet(TargetKind.ASSIGNMENT)
    if who.kind is AssigneeKind.DEPARTMENT:
        reply = _reachable(Reply(Way.EMAIL, who.email), Thing.DEPARTMENT_EMAIL)
        change.send(Purpose.ASSIGNMENT, reply, said(action.text, Thing.DEPARTMENT_TASK, LONGEST_TEXT))


def _start(change: Change) -> None:
    """Begin to work on it. What a group was responsible for is then this person's: no two of them answer the same."""
    change.step(Step.START)
    who = change.request.assignee
    if who is not None and who.kind is AssigneeKind.GROUP:
        mine = Assignee(AssigneeKind.PERSON, change.by)
        change.edit("assignee", replace(change.request, assignee=mine), f"{mine.kind.value} {mine.id}")


def _hand_back(change: Change, why: str) -> None:
    """Nobody is responsible; what waits for the customer goes on waiting."""
    change.step(Step.HAND_BACK, why)
    change.edit("assignee", replace(change.request, assignee=None), why)
    _owe_assignment(change)


def _owe_assignment(change: Change) -> None:
    """The head has to make somebody responsible, if nobody is."""
    if change.request.assignee is None:
        change.begin(TargetKind.ASSIGNMENT, change.rules.assignment)


def _ask(change: Change, action: Ask) -> None:
    why = said(action.why, Thing.WHY_MORE)
    change.step(Step.ASK, why)
    _to_customer(change, Purpose.QUESTION, action.text, files=action.files)
    change.stop(TargetKind.ANSWER, why)
    change.begin(TargetKind.CUSTOMER_REPLY, change.rules.customer_reply)


def _resume(change: Change, why: str, *, counts: bool = True) -> None:
    change.step(Step.RESUME, why)
    change.drop(TargetKind.CUSTOMER_REPLY)
    change.go_on(TargetKind.ANSWER, why, counts=counts)


def _receive(change: Change, action: Receive) -> None:
    """A reply goes on with the work; whatever else comes is filed, so that nothing is lost (TBS 3.3)."""
    change.note(Fact.RECEIVED, "customer" if action.from_customer else "colleague")
    if not action.from_customer:
        return
    if change.state is State.PENDING:
        change.meet(TargetKind.CUSTOMER_REPLY)
        _resume(change, "the customer has replied")
    elif change.state in (State.ANSWERED, State.CLOSED):
        _reopen(change, "the customer has replied")


def _inform(change: Change, action: Inform) -> None:
    causes = "; ".join(said(cause, Thing.CAUSES) for cause in action.causes)
    said(causes, Thing.CAUSES)
    change.step(Step.INFORM, causes)
    target = change.request.target(TargetKind.ANSWER)
    if target is None:
        raise RefusedError(Reason.NO_DATE)
    expected = instant(action.expected)
    _check_new_date(change, expected, max(change.at, target.expected))
    way = change.rules.interim_way
    reply = _checked(change, action.reply) if action.reply is not None else change.request.reply
    if way is not None and (reply is None or reply.way is not way):
        raise RefusedError(Reason.INTERIM_WAY, way=way)
    _to_customer(change, Purpose.INTERIM, action.text, reply)
    change.move(target, replace(target, promised=expected), causes)


def _check_new_date(change: Change, expected: datetime, than: datetime) -> None:
    """Refuse a date that is no later than `than`, or cannot be kept because the line is closed then."""
    given, hours = change.local(expected), change.rules.time.hours
    if expected <= than:
        raise RefusedError(Reason.NOT_LATER, given=given, than=change.local(than))
    if expected - change.at > LONGEST_DELAY:
        raise RefusedError(Reason.TOO_FAR, given=given, before=change.local(change.at + LONGEST_DELAY))
    if not hours.is_open(expected - _TICK):
        opens = change.rules.time.opening(expected)
        raise RefusedError(Reason.CLOSED_THEN, given=given, opens=change.local(opens))


def _answer(change: Change, action: Answer) -> None:
    change.step(Step.ANSWER)
    change.meet(TargetKind.ANSWER, _to_customer(change, Purpose.ANSWER, action.text, files=action.files))
    change.drop(TargetKind.ASSIGNMENT)
    change.begin(TargetKind.CLOSING, change.rules.closing)


def _to_customer(
    change: Change, purpose: Purpose, text: str, reply: Reply | None = None, files: tuple[str, ...] = ()
) -> Message:
    reply = reply or change.request.reply
    if reply is None:
        raise ValueError("only a draft has no way of the answer")
    message = change.send(purpose, reply, said(text, Thing.TEXT, LONGEST_TEXT), files)
    change.meet(TargetKind.FIRST_ANSWER, message)
    return message


def _delivered(change: Change, action: Delivered) -> None:
    message = _message(change, action.key)
    if message.fate is not Fate.WAITING:
        return
    change.settle(message, Fate.SENT, action.note[:LONGEST_LINE])
    for purpose, kind in ((Purpose.QUESTION, TargetKind.CUSTOMER_REPLY), (Purpose.ANSWER, TargetKind.CLOSING)):
        waited, latest = change.request.target(kind), change.request.last_message(purpose)
        if waited is not None and latest is not None and latest.key == message.key:
            began = targets.begin(kind, waited.term, change.at, change.rules.time)
            change.move(waited, began, f"the {purpose.value} has only now reached the customer")


def _not_delivered(change: Change, action: NotDelivered) -> None:
    message = _message(change, action.key)
    if message.fate is Fate.FAILED:
        return
    latest = message == change.request.last_message(message.purpose)
    change.settle(message, Fate.FAILED, action.why[:LONGEST_LINE])
    why = f"{message.key} was not delivered"
    match message.purpose:
        case Purpose.ANSWER:
            if latest and change.state in (State.ANSWERED, State.CLOSED):
                change.step(Step.NOT_DELIVERED, why)
                change.drop(TargetKind.CLOSING)
                _owe_assignment(change)
            change.unmeet(TargetKind.ANSWER, message, owed=latest and change.state in UNFINISHED)
        case Purpose.QUESTION:
            if latest and change.state is State.PENDING:
                _resume(change, why, counts=message.fate is Fate.SENT)
        case Purpose.INTERIM:
            target = change.request.target(TargetKind.ANSWER)
            if latest and target is not None:
                change.move(target, replace(target, promised=None), why)
        case Purpose.ASSIGNMENT:
            if latest and change.state is State.ASSIGNED and _outside(change.request):
                _hand_back(change, why)
    _first_answer_was_none(change, message)


def _take_back(change: Change, action: TakeBack) -> None:
    message = _message(change, action.key)
    if message.fate is not Fate.SENT:
        return
    if change.state not in (State.ANSWERED, State.PENDING) and message.purpose is not Purpose.INTERIM:
        _not_delivered(change, NotDelivered(action.key, action.why, action.by))
        return
    change.settle(message, Fate.WAITING, action.why[:LONGEST_LINE])


def _first_answer_was_none(change: Change, failed: Message) -> None:
    """The first answer was given by the first message that has not failed."""
    if failed.purpose is Purpose.ASSIGNMENT:
        return
    messages = [m for m in change.request.messages if m.purpose is not Purpose.ASSIGNMENT and m.fate is not Fate.FAILED]
    if not messages:
        change.unmeet(TargetKind.FIRST_ANSWER, failed, owed=change.state in UNFINISHED)
    else:
        change.meet_later(TargetKind.FIRST_ANSWER, failed, messages[0])


def _close(change: Change, action: Close) -> None:
    request = change.request
    if request.state is not State.ANSWERED:
        raise RefusedError(Reason.NOT_ANSWERED, state=request.state)
    if request.waits_for(Purpose.ANSWER):
        raise RefusedError(Reason.ANSWER_UNDER_WAY)
    closing = request.target(TargetKind.CLOSING)
    silent = closing is not None and change.at >= closing.due
    if action.solved is False or action.more:
        raise RefusedError(Reason.NOT_SOLVED)
    if change.rules.asks_before_closing and not silent and (action.solved is None or action.more is None):
        raise RefusedError(Reason.NOT_ASKED)  # TBS 3.2
    asked = action.solved is True and action.more is False
    change.step(Step.CLOSE, "solved, nothing else" if asked else "no objection" if silent else "")
    change.meet(TargetKind.CLOSING)


def _close_without_reply(change: Change, action: CloseWithoutReply) -> None:
    done = said(action.done, Thing.DONE)
    if change.state is not State.PENDING:
        raise RefusedError(Reason.NOTHING_AWAITED, state=change.state)
    if change.request.waits_for(Purpose.QUESTION):
        raise RefusedError(Reason.QUESTION_UNDER_WAY)
    waited = change.request.target(TargetKind.CUSTOMER_REPLY)
    if waited is not None and change.at < waited.due:
        raise RefusedError(Reason.TIME_TO_REPLY, until=change.local(waited.due))
    change.step(Step.CLOSE, f"no reply from the customer; done so far: {done}")
    change.drop()


def _reopen(change: Change, why: str) -> None:
    change.step(Step.REOPEN, why)
    change.drop(TargetKind.CLOSING)
    urgency = change.rules.urgencies.get(change.request.urgency)
    change.begin(TargetKind.ANSWER, None if urgency is None else urgency.answer)
    _owe_assignment(change)


def _refuse(change: Change, action: Refuse) -> None:
    why = said(action.why, Thing.WRONG)
    if action.reason not in change.rules.refusals:
        given, known = action.reason[:SHOWN], tuple(sorted(change.rules.refusals))
        raise RefusedError(Reason.UNKNOWN_REFUSAL, given=given, known=known)
    was_draft = change.state is State.DRAFT
    change.step(Step.REFUSE, why)
    if was_draft:
        if action.counter is None:
            raise ValueError("a draft that is refused is registered: hand in the line's counter")
        change.take_number(action.counter)
        change.meet(TargetKind.FORM)
    change.edit("refusal", replace(change.request, refusal=action.reason), why)
    _tell_how_to_get(change, action.reason)
    change.drop()


def _tell_how_to_get(change: Change, refusal: str) -> None:
    """Write to who has no paid period how to get one (TBS 4.1); on the telephone the operator has said it."""
    contracts, reply = change.rules.contracts, change.request.reply
    told = contracts is not None and refusal == contracts.refusal and contracts.how_to_get
    if contracts and told and reply is not None and reply.way is not Way.TELEPHONE:
        _to_customer(change, Purpose.ANSWER, contracts.how_to_get, reply)


def _recompute(change: Change, why: str) -> None:
    for target in change.request.targets:
        if target.open:
            change.move(target, targets.computed(target, change.rules.time), why)


def _known_urgency(change: Change, urgency: str) -> Urgency:
    try:
        return change.rules.urgencies[urgency]
    except KeyError:
        given, known = urgency[:SHOWN], tuple(sorted(change.rules.urgencies))
        raise RefusedError(Reason.UNKNOWN_URGENCY, given=given, known=known) from None


def _checked(change: Change, reply: Reply) -> Reply:
    if reply.way not in change.rules.ways:
        raise RefusedError(Reason.UNKNOWN_WAY, given=reply.way, known=tuple(sorted(change.rules.ways)))
    return _reachable(reply, Thing.ADDRESS)


def _reachable(reply: Reply, thing: Thing) -> Reply:
    said(reply.address, thing)
    check_address(reply)
    return reply


def _message(change: Change, key: str) -> Message:
    for message in change.request.messages:
        if message.key == key:
            return message
    raise RefusedError(Reason.UNKNOWN_MESSAGE, known=tuple(m.key for m in change.request.messages))


def _outside(request: Request) -> bool:
    return request.assignee is not None and request.assignee.kind is AssigneeKind.DEPARTMENT
