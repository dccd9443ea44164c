"""Who calls and how urgent it is: asked while the caller waits, or before the queue if the line insists.

ESTP 2.1, 4.2. No answer is no mistake: whoever types nothing is not told that the INN is wrong, and goes on after one
question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from callcenter.core.call import acquaintance, call_back_place, dispatch, paid_period, waiting
from callcenter.core.call.redirect import after, divert, queue_priority, redirect, say_again
from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import Announce, Answer, Place, Reply, SaveCall
from callcenter.core.events import CallerFound, Customer, InnEntry, InnGiven, UrgencyGiven
from callcenter.core.floor import Floor
from callcenter.core.question import ASKING, QUESTION, Question, QuestionStep
from callcenter.core.records import Identification
from callcenter.core.settings import AskedFor, WithoutPeriod

_QUEUED = frozenset({CallerState.WAITING, CallerState.TALKING, CallerState.HELD, CallerState.KEPT})
"""States in which an answer to a question of the waiting room can arrive; later ones change nothing any more."""


def identified(floor: Floor, caller: Caller, customer: Customer, how: Identification, inn: str = "") -> None:
    """Enter who calls."""
    by = paid_period.of(floor, caller)
    floor.note(
        caller,
        identification=how,
        customer=customer.name,
        role=customer.role,
        inn=customer.inn or inn,
        contract=by.contract,
        level=by.level,
    )


def not_a_customer(floor: Floor, caller: Caller) -> bool:
    """Whether the caller is known to have another role than the line is for (ESTP 2.1)."""
    required = floor.rules(caller).customer_role
    return bool(caller.customer and required and caller.customer.role != required)


def found_by_hand(floor: Floor, event: CallerFound) -> None:
    """Enter whom the operator has found, and who found it: in the conversation, or while the recording is finished."""
    caller, who = floor.callers.get(event.call), event.customer
    kept = floor.unfinished_recordings.get(event.call)
    answer = Answer.IDENTIFIED
    if caller:
        floor.change(caller, customer=who)
        identified(floor, caller, who, Identification.BY_HAND)
        floor.note(caller, identified_by=event.person)
    elif kept:
        how = Identification.BY_HAND
        kept = replace(kept, identification=how, customer=who.name, role=who.role, inn=who.inn)
        kept = replace(kept, identified_by=event.person)
        floor.await_recording(kept)
        floor.do(SaveCall(kept))
    else:
        answer = Answer.NOT_POSSIBLE
    if event.reply_to:
        floor.do(Reply(event.reply_to, answer))


# -- asking ------------------------------------------------------------------------------------------------------------


def ask_before_queue(floor: Floor, caller: Caller) -> None:
    """Ask the first question before the queue. A caller whom the directory knows by number is not asked for the INN."""
    if acquaintance.is_asked(floor, caller):
        floor.move(caller, CallerStep.ASK_INN)
        redirect(floor, caller, Place.IDENTIFY, ASKING[floor.line(caller).settings.asked_for].ask)
    else:
        _ask_urgency(floor, caller, *paid_period.words(floor, caller))


def _ask_urgency(floor: Floor, caller: Caller, *before: str) -> None:
    line = floor.rules(caller)
    if line.class_of_digit:
        floor.move(caller, CallerStep.ASK_URGENCY)
        redirect(floor, caller, Place.URGENCY, *before, "ask-urgency")
    else:
        _join(floor, caller, line.default_class, *before)


def _join(floor: Floor, caller: Caller, urgency: str, *before: str) -> None:
    waiting.join(floor, caller, urgency, floor.now)
    waiting.welcome(floor, caller, *before)
    dispatch.offer_callers(floor)


# -- answers -----------------------------------------------------------------------------------------------------------


def inn_given(floor: Floor, event: InnGiven) -> None:
    """Identify the caller by an INN with correct check digits; after a wrong one they may try again (ESTP 2.1)."""
    caller = floor.callers.get(event.call)
    if caller is None:
        return
    if event.in_queue:
        if caller.state in _QUEUED:
            _inn_in_queue(floor, caller, event)
        return
    if caller.state is not CallerState.IDENTIFYING:
        say_again(floor, caller)
        return
    again, before = _inn_result(floor, caller, event)
    if not_a_customer(floor, caller):
        divert(floor, caller, "not-customer")
    elif paid_period.send_away(floor, caller):
        return
    elif again:
        floor.move(caller, CallerStep.ASK_INN)
        redirect(floor, caller, Place.IDENTIFY, *before)
    else:
        _ask_urgency(floor, caller, *before)


def _inn_result(floor: Floor, caller: Caller, event: InnGiven) -> tuple[bool, tuple[str, ...]]:
    """Enter an answer. Return whether the INN is asked again, and the prompts that say what came of it."""
    if event.entry is not InnEntry.TIMEOUT:
        _first_answer(floor, caller)
    if event.entry is not InnEntry.ENTERED:
        return False, ()
    line = floor.rules(caller)
    asked, words = line.asked_for, ASKING[line.asked_for]
    valid = event.valid and asked is not AskedFor.CONTRACT
    customer = event.customer if valid else None
    how = Identification.BY_INN if customer else Identification.BY_CONTRACT
    customer = customer or (None if asked is AskedFor.INN else event.of_contract)
    if customer:
        floor.change(caller, customer=customer)
        identified(floor, caller, customer, how, event.digits if how is Identification.BY_INN else "")
        return False, paid_period.words(floor, caller) or ("identified",)
    if valid:
        floor.note(caller, identification=Identification.INN_ONLY, inn=event.digits)
        return False, (words.unknown,)
    floor.change(caller, inn_tries=caller.inn_tries + 1)
    if caller.inn_tries < line.inn_tries:
        return True, (words.again,)
    return False, (words.unknown,)


def _inn_in_queue(floor: Floor, caller: Caller, event: InnGiven) -> None:
    if caller.state is not CallerState.WAITING or caller.legs:
        # In the second in which the operator answers: the card shows who it is, and the operator decides.
        if event.entry is InnEntry.ENTERED and _answers(floor, caller, event):
            _inn_result(floor, caller, event)
        return
    if caller.question is not Question.INN and not (event.entry is InnEntry.ENTERED and _answers(floor, caller, event)):
        return  # asked by a controller that has died meanwhile: a good answer is as good
    again, before = _inn_result(floor, caller, event)
    if not_a_customer(floor, caller):
        _leave_queue(floor, caller)
        divert(floor, caller, "not-customer")
        dispatch.offer_callers(floor)
    elif paid_period.lacking(floor, caller) in (WithoutPeriod.GENERAL_LINE, WithoutPeriod.END):
        _leave_queue(floor, caller)
        paid_period.send_away(floor, caller)
        dispatch.offer_callers(floor)
    elif again:
        floor.question(caller, QuestionStep.ASK_INN)
        floor.do(Announce(caller.call, 0, before, Question.INN))
    else:
        if QUESTION.allows(caller.question, QuestionStep.SETTLE):
            floor.question(caller, QuestionStep.SETTLE)
        urgency = paid_period.urgency(floor, caller, caller.record.urgency)
        if urgency and urgency != caller.record.urgency:
            _reclass(floor, caller, urgency)
        _go_on(floor, caller, *before)
        dispatch.offer_callers(floor)


def _answers(floor: Floor, caller: Caller, event: InnGiven) -> bool:
    """Whether the digits tell who calls, by what the line asks for."""
    asked = floor.line(caller).settings.asked_for
    by_inn = event.valid and asked is not AskedFor.CONTRACT
    return by_inn or (event.of_contract is not None and asked is not AskedFor.INN)


def _go_on(floor: Floor, caller: Caller, *before: str) -> None:
    """Say what came of the answer, and ask the next question, unless an operator's phone rings already."""
    asked, words = waiting.next_question(floor, caller, at_once=bool(caller.offer))
    if not words and not caller.offer:
        words = ("press-for-info",)
    if before or words:
        floor.do(Announce(caller.call, 0, (*before, *words), asked))


def _leave_queue(floor: Floor, caller: Caller) -> None:
    """Take a waiting caller who is not served here out of the queue; a phone that rings for them stops."""
    offer = floor.offers.get(caller.offer)
    if offer and offer.pending:
        floor.withdraw(offer)
    waiting.leave(floor, caller)
    general = not_a_customer(floor, caller) or paid_period.lacking(floor, caller) is WithoutPeriod.GENERAL_LINE
    # The operator may have answered in the same instant.
    after(floor, caller, Place.GENERAL if general else Place.GOODBYE)


def urgency_given(floor: Floor, event: UrgencyGiven) -> None:
    """Choose the urgency class by the key (ESTP 4.2); any other key, or no key, means the default class."""
    caller = floor.callers.get(event.call)
    if caller is None:
        return
    if event.in_queue:
        asked = caller.question is Question.URGENCY
        if caller.state is CallerState.WAITING and (asked or event.digit in _keys(floor, caller)):
            _urgency_in_queue(floor, caller, event)
        return
    if caller.state is not CallerState.CHOOSING:
        say_again(floor, caller)
        return
    if event.digit:
        _first_answer(floor, caller)
    urgency = _class_of(floor, caller, event.digit)
    _join(floor, caller, urgency, *_accepted(floor, caller, urgency))


def _urgency_in_queue(floor: Floor, caller: Caller, event: UrgencyGiven) -> None:
    if event.digit:
        _first_answer(floor, caller)
    if QUESTION.allows(caller.question, QuestionStep.SETTLE):
        floor.question(caller, QuestionStep.SETTLE)
    urgency = paid_period.urgency(floor, caller, _class_of(floor, caller, event.digit))
    words = _accepted(floor, caller, urgency)
    if urgency != caller.record.urgency:
        _reclass(floor, caller, urgency)
    if not caller.offer:
        words = (*words, "press-for-info")
    if words:
        floor.do(Announce(caller.call, 0, words, queue_priority=queue_priority(floor, caller, Place.WAITING)))
    dispatch.offer_callers(floor)


def _reclass(floor: Floor, caller: Caller, urgency: str) -> None:
    """Change the class from now on, by the ordinary rule; the place stays that of the arrival (ESTP 2.3, 4.2)."""
    line = floor.line(caller)
    line.queue.reclass(caller.call, urgency)
    if not caller.offer:
        call_back_place.make_way(floor, line, caller.call)
    line.arrivals[urgency].add(floor.now)
    floor.note(caller, urgency=urgency)


def _keys(floor: Floor, caller: Caller) -> Mapping[str, str]:
    return floor.rules(caller).class_of_digit or {}


def _class_of(floor: Floor, caller: Caller, digit: str) -> str:
    return _keys(floor, caller).get(digit, floor.rules(caller).default_class)


def _accepted(floor: Floor, caller: Caller, urgency: str) -> tuple[str, ...]:
    line = floor.rules(caller)
    return ("urgency-accepted",) if urgency == line.classes[0] != line.default_class else ()


def _first_answer(floor: Floor, caller: Caller) -> None:
    if caller.record.question_answered_at is None:
        floor.note(caller, question_answered_at=floor.now)
