"""Phones that cannot be rung: lost and found ones, and those that rest after an offer (ESTP 2.2b, 5.4.1).

A technical fault is never taken for a person's absence. It is a state of the phone that ends by itself, and costs no
rows in the register, however often it changes.
"""

from __future__ import annotations

from callcenter.core.call import dispatch, ringing
from callcenter.core.commands import CancelTimer, LookForPhone, SetTimer, Severity
from callcenter.core.events import OfferFailure, PhoneFound, PhoneLost, PhonesListed, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CALL, PhoneName, ServerId
from callcenter.core.operator import Operator, Presence
from callcenter.core.phone import UNTESTED, Phone, PhoneState, PhoneStep

STEADY = 1.0
"""Seconds that a phone which was lost must stay until it counts as reachable; doubled by each further loss …"""
LONGEST_STEADY = 30.0
"""… up to this."""
FORGIVEN = 30.0
"""Seconds without a loss after which earlier losses no longer count."""

LATE = 2.5
"""Seconds after a phone was found in which its loss may be the answer to an older question. Asterisk waits 2 s for an
answer (`qualify_timeout` in pjsip.conf), and takes answers as they come: a question that it asked before the phone was
there fails after a later one was answered, and then the phone is 'Unreachable' until it is asked again."""


def lost(floor: Floor, event: PhoneLost) -> None:
    """Offer nobody at a phone that Asterisk cannot reach, or in whose page something is wrong.

    If Asterisk found it just now, it is asked once more at once.
    """
    if event.page:
        _page_says(floor, event.phone, event.page)
    else:
        _told(floor, event.server, event.phone, reachable=False)
    dispatch.offer_callers(floor)


def found(floor: Floor, event: PhoneFound) -> None:
    """Offer callers again at a phone that Asterisk can reach, when it has stayed for a moment."""
    before = floor.phones.get(event.phone)
    was_lost = before is not None and before.state in (PhoneState.DOUBTED, PhoneState.UNREACHABLE)
    only_seemed = before is not None and _only_seemed_lost(floor, before)
    if event.page:
        _page_says(floor, event.phone, "")
    else:
        _told(floor, event.server, event.phone, reachable=True)
    phone = floor.phones.get(event.phone)
    operator = _on_shift(floor, phone) if phone else None
    if phone and operator and operator.keeps:
        offer = floor.offers.get(operator.offer)
        if offer and offer.pending and was_lost and not only_seemed and floor.sees(offer.id):
            ringing.give_up(floor, offer, OfferFailure.UNREACHABLE)  # a page that was reloaded does not ring any more
        _rested(floor, phone)  # their caller waits for just this
    dispatch.offer_callers(floor)


def listed(floor: Floor, event: PhonesListed) -> None:
    """Take over what Asterisk knows of all phones, at a (re)connection and from time to time.

    It corrects what an event did not tell. What an event has told since the list was asked for is newer.
    """
    for names, reachable in ((event.reachable, True), (event.unreachable, False)):
        for name in sorted(names):
            phone = floor.phones.get(name)
            if phone is None or phone.told_at < event.asked_at:
                floor.attempt(NO_CALL, "a list of phones", _note, floor, event.server, name, reachable)
    dispatch.offer_callers(floor)


def doubted(floor: Floor, name: PhoneName) -> None:
    """Count a phone as lost that has not answered when it was asked once more."""
    phone = floor.phone(name)
    if phone.state is PhoneState.DOUBTED:
        _lose(floor, phone, counts=False)
        dispatch.offer_callers(floor)


def settled(floor: Floor, name: PhoneName) -> None:
    """Count a phone as reachable that was found again and has stayed."""
    phone = floor.phone(name)
    if phone.state is PhoneState.RETURNING:
        _settle(floor, phone)
        dispatch.offer_callers(floor)


def rested(floor: Floor, name: PhoneName) -> None:
    """Offer callers again at a phone whose last offer came to nothing."""
    floor.rest(floor.phone(name), "")
    dispatch.offer_callers(floor)


def shift_begins(floor: Floor, name: PhoneName) -> None:
    """Offer nobody at a phone in a page until somebody has heard a test there in this shift."""
    if name in floor.settings.tested_phones:
        _page_says(floor, name, UNTESTED)


def somebody_is_there(floor: Floor, operator: Operator) -> None:
    """Forget the last offer's failure and earlier losses, because the operator has just asked for callers; look for a
    lost phone now."""
    phone = floor.phone(operator.phone)
    if phone.failures or phone.losses:
        floor.change(phone, failures=0, losses=0)
    if phone.rests:
        floor.do(CancelTimer(Timer(TimerKind.PHONE_RESTS, phone.name)))
        floor.rest(phone, "")
    if phone.state is PhoneState.UNREACHABLE:
        floor.do(LookForPhone(phone.name))


def _told(floor: Floor, server: ServerId, name: PhoneName, *, reachable: bool) -> None:
    if floor.settings.phones and name not in floor.settings.phones:
        return  # a trunk
    _note(floor, server, name, reachable)
    phone = floor.phone(name)
    floor.change(phone, told_at=floor.now, found_at=floor.now if reachable else phone.found_at)


def _note(floor: Floor, server: ServerId, name: PhoneName, reachable: bool) -> None:
    """Note whether one server reaches the phone; it is lost when none does."""
    if floor.settings.phones and name not in floor.settings.phones:
        return
    state = floor.servers[server]
    floor.change(state, unreachable=state.unreachable - {name} if reachable else state.unreachable | {name})
    is_new, phone = name not in floor.phones, floor.phone(name)
    _judge(floor, phone, counts=not is_new)


def _page_says(floor: Floor, name: PhoneName, trouble: str) -> None:
    """Note what is wrong in the phone's page; '': nothing."""
    if floor.settings.phones and name not in floor.settings.phones:
        return
    phone = floor.phone(name)
    floor.change(phone, page=trouble)
    _judge(floor, phone, counts=trouble != UNTESTED)


def _judge(floor: Floor, phone: Phone, *, counts: bool) -> None:
    """Lose or find the phone, as it is now. `counts`: whether a loss makes it less trusted."""
    if not phone.page and any(phone.name not in one.unreachable for one in floor.servers.values()):
        if phone.state is PhoneState.UNREACHABLE:
            _find(floor, phone)
        elif phone.state is PhoneState.DOUBTED:
            floor.do(CancelTimer(Timer(TimerKind.PHONE_DOUBTED, phone.name)))
            floor.step_phone(phone, PhoneStep.SETTLE)
    elif phone.page:
        if phone.state is not PhoneState.UNREACHABLE:
            floor.do(CancelTimer(Timer(TimerKind.PHONE_DOUBTED, phone.name)))
            _lose(floor, phone, counts=counts)
    elif phone.state in (PhoneState.REACHABLE, PhoneState.RETURNING):
        late = phone.found_at is not None and floor.now - phone.found_at < LATE
        if late:
            floor.do(LookForPhone(phone.name))
        if late and phone.state is PhoneState.REACHABLE and not _lost_lately(floor, phone):
            _doubt(floor, phone)
        else:
            _lose(floor, phone, counts=counts, rings_on=late and phone.name not in floor.settings.page_phones)


def _only_seemed_lost(floor: Floor, phone: Phone) -> bool:
    """Whether what Asterisk last told of a phone, its loss, may be the answer to an older question.

    Then it rings on. Not if it is in a page: that may have been loaded anew as quickly.
    """
    if phone.name in floor.settings.page_phones or phone.found_at is None:
        return False
    return 0 <= phone.told_at - phone.found_at < LATE


def _lost_lately(floor: Floor, phone: Phone) -> bool:
    return phone.losses > 0 and floor.now - phone.lost_at < FORGIVEN


def _doubt(floor: Floor, phone: Phone) -> None:
    """Do not believe a loss yet, but count it: a phone that comes and goes is doubted once."""
    _count_loss(floor, phone)
    floor.step_phone(phone, PhoneStep.DOUBT)
    floor.do(SetTimer(Timer(TimerKind.PHONE_DOUBTED, phone.name), floor.now + LATE))


def _count_loss(floor: Floor, phone: Phone) -> None:
    floor.change(phone, losses=phone.losses + 1 if _lost_lately(floor, phone) else 1, lost_at=floor.now)


def _lose(floor: Floor, phone: Phone, *, counts: bool, rings_on: bool = False) -> None:
    """Count the phone as lost. `rings_on`: it may only seem so, and whoever is rung there is given all their time."""
    was_reachable = phone.reachable
    if counts:
        _count_loss(floor, phone)
    floor.do(CancelTimer(Timer(TimerKind.PHONE_RETURNS, phone.name)))
    floor.step_phone(phone, PhoneStep.LOSE)
    operator = _on_shift(floor, phone)
    if operator and was_reachable and phone.page != UNTESTED:
        what = f"takes no calls, its page says: {phone.page}" if phone.page else "can't be reached"
        floor.notice(f"Phone '{phone.name}' of '{operator.person.id}' {what}.", Severity.WARNING)
    offer = floor.offers.get(operator.offer) if operator else None
    silent = offer is not None and (offer.record.ringing_at is None or phone.page != "")
    if offer and offer.pending and silent and not rings_on and floor.sees(offer.id):
        ringing.give_up(floor, offer, OfferFailure.UNREACHABLE)


def _find(floor: Floor, phone: Phone) -> None:
    floor.step_phone(phone, PhoneStep.FIND)
    if phone.losses:
        stays = min(LONGEST_STEADY, STEADY * 2 ** min(phone.losses - 1, 10))
        floor.do(SetTimer(Timer(TimerKind.PHONE_RETURNS, phone.name), floor.now + stays))
    else:  # it was never reachable before: somebody has just plugged it in
        _settle(floor, phone)


def _settle(floor: Floor, phone: Phone) -> None:
    if phone.failures:
        floor.change(phone, failures=0)
    _rested(floor, phone)
    floor.step_phone(phone, PhoneStep.SETTLE)
    operator = _on_shift(floor, phone)
    if operator:
        floor.notice(f"Phone '{phone.name}' of '{operator.person.id}' can be reached again.")


def _rested(floor: Floor, phone: Phone) -> None:
    """End the rest of a phone that seemed not to be there."""
    if phone.rests in ringing.TECHNICAL:
        floor.do(CancelTimer(Timer(TimerKind.PHONE_RESTS, phone.name)))
        floor.rest(phone, "")


def _on_shift(floor: Floor, phone: Phone) -> Operator | None:
    person = floor.at_phone.get(phone.name)
    operator = floor.operators[person] if person else None
    return operator if operator and operator.presence is not Presence.OFF else None
