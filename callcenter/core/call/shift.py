"""Operators and shifts: log-in, pause, return, log-out, and whether enough are on duty (ESTP 2.2b, 5.3.1)."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.core.call import chat, conversation, dispatch, ending, outgoing, phones, take_back
from callcenter.core.commands import Answer, CancelTimer, Reply, SetTimer, Severity
from callcenter.core.events import DayStarted, LogIn, LogOut, Pause, Return, Timer, TimerKind, UnreadNews
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CHANNEL, NO_PERSON, NO_PHONE, ChannelId, PersonId, PhoneName, ReplyTo
from callcenter.core.operator import IN_CONVERSATION, Activity, Operator, Presence, PresenceStep
from callcenter.core.outgoing_call import OutgoingState

LONGEST_CODE = 20.0
"""Seconds after which the call that dialled a code is considered ended, in case its end was not seen."""

WELCOME_BACK: Mapping[str, Answer] = {
    "missed": Answer.RETURNED_AFTER_MISS,
    "declined": Answer.RETURNED_AFTER_DECLINE,
    "do_not_disturb": Answer.RETURNED_AFTER_DO_NOT_DISTURB,
    "forwarded": Answer.RETURNED_AFTER_FORWARDING,
}
"""The answer to somebody who returns from a pause that the controller set, by its reason: what is to be done else."""


def log_in(floor: Floor, event: LogIn) -> None:
    """Open the shift if the password was right, nobody else uses the phone, and no news is to be read before."""
    operator = floor.operators.get(event.person)
    if event.too_soon:
        _reply(floor, event.reply_to, Answer.TRY_LATER)
        return
    if operator is None or not event.verified:
        _reply(floor, event.reply_to, Answer.WRONG_SECRET)
        return
    if event.unread_news is UnreadNews.FIRST and operator.presence is Presence.OFF:
        _reply(floor, event.reply_to, Answer.NEWS_FIRST)
        return
    _dials(floor, operator, event.channel)
    answer = _open_shift(floor, operator, event.phone or operator.phone or operator.person.phone)
    if answer is Answer.LOGGED_IN:
        phones.somebody_is_there(floor, operator)
        if event.unread_news is UnreadNews.TELL:
            answer = Answer.LOGGED_IN_WITH_NEWS
    _reply(floor, event.reply_to, answer)
    dispatch.offer_callers(floor)


def log_out(floor: Floor, event: LogOut) -> None:
    """End the shift; a conversation in progress is finished first, a ringing phone stops."""
    operator = _on_shift(floor, event.person, event.phone)
    if operator is None:
        _reply(floor, event.reply_to, Answer.NOT_LOGGED_IN)
        return
    if event.by and operator.activity in IN_CONVERSATION:
        _reply(floor, event.reply_to, Answer.IN_CONVERSATION)
        return
    floor.presence(operator, PresenceStep.LOG_OUT, _cause(event.by) if event.by else event.cause)
    _stop_ringing(floor, operator)
    call = floor.outgoing.get(operator.outgoing)
    if call and call.is_before(OutgoingState.TALKING):
        outgoing.hang_up(floor, operator)
    take_back.given_up(floor, operator)
    chat.logged_out(floor, operator)
    _reply(floor, event.reply_to, Answer.LOGGED_OUT)


def pause(floor: Floor, event: Pause) -> None:
    """Pause: no offers for now."""
    operator = _on_shift(floor, event.person, event.phone)
    if operator is None:
        _reply(floor, event.reply_to, Answer.NOT_LOGGED_IN)
    elif event.reason not in floor.settings.pause_reasons:
        _reply(floor, event.reply_to, Answer.UNKNOWN_REASON)
    else:
        floor.presence(operator, PresenceStep.PAUSE, _cause(event.by), event.reason)
        _stop_ringing(floor, operator)
        call = floor.outgoing.get(operator.outgoing)
        if call and call.record.call_back and call.is_before(OutgoingState.PHONE_ANSWERED):
            outgoing.hang_up(floor, operator)
        take_back.given_up(floor, operator)
        chat.paused(floor, operator)
        _reply(floor, event.reply_to, Answer.PAUSED)


def come_back(floor: Floor, event: Return) -> None:
    """Return from a pause, or end the wrap-up early."""
    operator = _on_shift(floor, event.person, event.phone)
    if operator is None:
        _reply(floor, event.reply_to, Answer.NOT_LOGGED_IN)
        return
    if event.by and operator.presence is not Presence.PAUSED:
        _reply(floor, event.reply_to, Answer.NOT_PAUSED)
        return
    _dials(floor, operator, event.channel)
    answer = WELCOME_BACK.get(operator.reason, Answer.RETURNED)
    if operator.presence is Presence.PAUSED:
        floor.presence(operator, PresenceStep.RETURN, _cause(event.by))
    if operator.activity is Activity.WRAPPING_UP and not event.by:
        conversation.wrap_up_over(floor, operator.person.id)
    phones.somebody_is_there(floor, operator)
    _reply(floor, event.reply_to, answer)
    dispatch.offer_callers(floor)


def code_over(floor: Floor, channel: ChannelId) -> None:
    """Handle the end of a call in which a code was dialled: the phone can be rung now."""
    operator = floor.dialled(channel)
    if operator is None:
        return
    floor.do(CancelTimer(Timer(TimerKind.CODE, channel)))
    if operator.dialling == channel:
        floor.change(operator, dialling=NO_CHANNEL, free_since=floor.now)
        floor.enrol(operator)
        dispatch.offer_callers(floor)


def day_started(floor: Floor, event: DayStarted) -> None:
    """Reset the day's statistics, at midnight in the line's zone."""
    if event.line in floor.lines:
        floor.lines[event.line].waits.day.clear()
        floor.change(floor.lines[event.line], joined=0, day=event.day)


def check_staff(floor: Floor) -> None:
    """Warn when fewer people than required are on duty in hours, and report when there are enough again (ESTP 2.2b)."""
    for line in floor.lines.values():
        on_duty, required = floor.staff(line.settings.answered_by), line.settings.required_staff
        written, required_written = floor.staff(line.settings.written_by), line.settings.required_written
        understaffed = line.open and (on_duty < required or written < required_written)
        if understaffed and not line.understaffed:
            away = floor.out_of_reach(line.settings.answered_by)
            phones_lost = f"; phones that can't be reached: {away}" if away else ""
            in_writing = f"; in writing: {written} on duty, {required_written} required" if required_written else ""
            text = f"Line '{line.settings.id}': {on_duty} on duty, {required} required{in_writing}{phones_lost}."
            floor.notice(text, Severity.WARNING)
        elif line.understaffed and not understaffed:
            floor.notice(f"Line '{line.settings.id}': enough people on duty again ({on_duty}).")
        if line.understaffed is not understaffed:
            floor.change(line, understaffed=understaffed)


def _cause(by: PersonId) -> str:
    return f"asked by {by}" if by else "asked"


def _dials(floor: Floor, operator: Operator, channel: ChannelId) -> None:
    if channel:
        floor.dials(operator, channel)
        floor.do(SetTimer(Timer(TimerKind.CODE, channel), floor.now + LONGEST_CODE))


def _open_shift(floor: Floor, operator: Operator, phone: PhoneName) -> Answer:
    if floor.settings.phones and phone not in floor.settings.phones:
        return Answer.UNKNOWN_PHONE
    if floor.at_phone.get(phone, operator.person.id) != operator.person.id:
        return Answer.PHONE_TAKEN
    if operator.presence is Presence.OFF:
        if operator.phone not in (NO_PHONE, phone):
            ending.leave(floor, operator)
        floor.clear_desk(operator.phone)  # left from a conversation that lasted longer than the former shift
        floor.seat(operator, phone)
        phones.shift_begins(floor, phone)
        floor.presence(operator, PresenceStep.LOG_IN, "asked")
    elif operator.phone != phone:
        return _move_to(floor, operator, phone)
    return Answer.LOGGED_IN


def _move_to(floor: Floor, operator: Operator, phone: PhoneName) -> Answer:
    """Move the operator to another phone: close the shift at the old one and open it at the new one.

    A conversation at the old phone is over for them: the phone may have died, and they are not there.
    """
    if operator.activity is Activity.OFFERED:
        return Answer.NOT_POSSIBLE
    floor.presence(operator, PresenceStep.LOG_OUT, "moved")
    ending.leave(floor, operator)
    return _open_shift(floor, operator, phone)


def stop_ringing_of_the_absent(floor: Floor) -> None:
    """Stop the phones of operators who paused or logged out while Asterisk was not seen."""
    for operator in floor.operators.values():
        offer = floor.offers.get(operator.offer)
        if offer and not take_back.wants(floor, operator, offer):
            _stop_ringing(floor, operator)


def _stop_ringing(floor: Floor, operator: Operator) -> None:
    """Withdraw a ringing offer, but not while Asterisk is not seen: the operator may have answered already."""
    offer = floor.offers.get(operator.offer)
    if offer and offer.pending and floor.sees(offer.id):
        floor.withdraw(offer)


def _on_shift(floor: Floor, person: PersonId, phone: PhoneName) -> Operator | None:
    operator = floor.operators.get(person or floor.at_phone.get(phone, NO_PERSON))
    return operator if operator and operator.presence is not Presence.OFF else None


def _reply(floor: Floor, reply_to: ReplyTo, answer: Answer) -> None:
    if reply_to:
        floor.do(Reply(reply_to, answer))
