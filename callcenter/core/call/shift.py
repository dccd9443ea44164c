"""Operators and shifts: log-in, pause, return, log-out, and whether enough are on duty (ESTP 2.2b, 5.3.1)."""

from __future__ import annotations

from callcenter.core.call import conversation, dispatch
from callcenter.core.commands import Answer, CancelTimer, Reply, SetTimer, Severity
from callcenter.core.events import DayStarted, HoursChanged, LogIn, LogOut, Pause, Return, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CHANNEL, NO_PERSON, ChannelId, PersonId, PhoneName, ReplyTo
from callcenter.core.operator import Activity, Operator, Presence, PresenceStep

LONGEST_DELAY = 3600.0
"""Longest delay after wrong passwords or PINs, in seconds."""

LONGEST_CODE = 20.0
"""Seconds after which the call that dialled a code is considered ended, in case its end was not seen."""

MISSED = frozenset({"missed", "busy", "unreachable"})
"""Pause reasons that the controller sets."""


def log_in(floor: Floor, event: LogIn) -> None:
    """Open the shift if the password was right and nobody else uses the phone."""
    operator = floor.operators.get(event.person)
    if operator is None:
        _reply(floor, event.reply_to, Answer.WRONG_SECRET)
        return
    if floor.now < operator.blocked_until:
        _reply(floor, event.reply_to, Answer.TRY_LATER)
        return
    if not event.verified:
        _wrong_secret(floor, operator)
        _reply(floor, event.reply_to, Answer.WRONG_SECRET)
        return
    floor.change(operator, wrong_secrets=0)
    _dials(floor, operator, event.channel)
    _reply(floor, event.reply_to, _open_shift(floor, operator, event.phone or operator.phone or operator.person.phone))
    dispatch.offer_callers(floor)


def log_out(floor: Floor, event: LogOut) -> None:
    """End the shift; a conversation in progress is finished first, a ringing phone stops."""
    operator = _on_shift(floor, event.person, event.phone)
    if operator is None:
        _reply(floor, event.reply_to, Answer.NOT_LOGGED_IN)
        return
    floor.presence(operator, PresenceStep.LOG_OUT, event.cause)
    _stop_ringing(floor, operator)
    _reply(floor, event.reply_to, Answer.LOGGED_OUT)


def pause(floor: Floor, event: Pause) -> None:
    """Pause: no offers for now."""
    operator = _on_shift(floor, event.person, event.phone)
    if operator is None:
        _reply(floor, event.reply_to, Answer.NOT_LOGGED_IN)
    elif event.reason not in floor.settings.pause_reasons:
        _reply(floor, event.reply_to, Answer.UNKNOWN_REASON)
    else:
        floor.presence(operator, PresenceStep.PAUSE, "asked", event.reason)
        _stop_ringing(floor, operator)
        _reply(floor, event.reply_to, Answer.PAUSED)


def come_back(floor: Floor, event: Return) -> None:
    """Return from a pause, or end the wrap-up early."""
    operator = _on_shift(floor, event.person, event.phone)
    if operator is None:
        _reply(floor, event.reply_to, Answer.NOT_LOGGED_IN)
        return
    _dials(floor, operator, event.channel)
    answer = Answer.RETURNED_AFTER_MISS if operator.reason in MISSED else Answer.RETURNED
    if operator.presence is Presence.PAUSED:
        floor.presence(operator, PresenceStep.RETURN, "asked")
    if operator.activity is Activity.WRAPPING_UP:
        conversation.wrap_up_over(floor, operator.person.id)
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


def hours_changed(floor: Floor, event: HoursChanged) -> None:
    """Open or close the line; callers already in the queue are still served."""
    line = floor.lines.get(event.line)
    if line and line.open != event.open:
        floor.change(line, open=event.open)
        floor.notice(f"Line '{event.line}' is {'open' if event.open else 'closed'} by its calendar.")


def day_started(floor: Floor, event: DayStarted) -> None:
    """Reset the day's statistics, at midnight in the line's zone."""
    if event.line in floor.lines:
        floor.lines[event.line].waits.day.clear()
        floor.change(floor.lines[event.line], joined=0)


def check_staff(floor: Floor) -> None:
    """Warn when fewer people than required are on duty in hours, and report when there are enough again (ESTP 2.2b)."""
    for line in floor.lines.values():
        on_duty, required = floor.staff(line.settings.answered_by), line.settings.required_staff
        understaffed = line.open and on_duty < required
        if understaffed and not line.understaffed:
            floor.notice(f"Line '{line.settings.id}': {on_duty} on duty, {required} required.", Severity.WARNING)
        elif line.understaffed and not understaffed:
            floor.notice(f"Line '{line.settings.id}': enough people on duty again ({on_duty}).")
        if line.understaffed is not understaffed:
            floor.change(line, understaffed=understaffed)


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
        floor.clear_desk(operator.phone)  # left from a conversation that lasted longer than the former shift
        floor.seat(operator, phone)
        floor.presence(operator, PresenceStep.LOG_IN, "asked")
    elif operator.phone != phone:
        return _move_to(floor, operator, phone)
    return Answer.LOGGED_IN


def _move_to(floor: Floor, operator: Operator, phone: PhoneName) -> Answer:
    """Move the operator to another phone: close the shift at the old one and open it at the new one."""
    if operator.activity is not Activity.IDLE:
        return Answer.NOT_POSSIBLE
    floor.presence(operator, PresenceStep.LOG_OUT, "moved")
    return _open_shift(floor, operator, phone)


def _wrong_secret(floor: Floor, operator: Operator) -> None:
    floor.change(operator, wrong_secrets=operator.wrong_secrets + 1)
    too_many = operator.wrong_secrets - floor.settings.wrong_secrets_allowed
    if too_many >= 0:
        delay = min(LONGEST_DELAY, floor.settings.wrong_secret_delay * 2 ** min(too_many, 20))
        floor.change(operator, blocked_until=floor.now + delay)
        floor.notice(
            f"{operator.wrong_secrets} wrong passwords or PINs in a row for '{operator.person.id}': "
            f"no attempt is accepted for {delay:.0f} s.",
            Severity.WARNING,
        )


def stop_ringing_of_the_absent(floor: Floor) -> None:
    """Stop the phones of operators who paused or logged out while Asterisk was not seen."""
    for operator in floor.operators.values():
        if operator.offer and operator.presence is not Presence.AVAILABLE:
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
