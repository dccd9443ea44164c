"""Chats (E-SAUDA 2.2): whose turn it is, who answers, and that nobody is lost when that person is gone.

A chat needs no Asterisk and no phone: only a page of the desk, in which it is shown.
"""

from __future__ import annotations

from callcenter.core.call import chat_dispatch, dispatch
from callcenter.core.call.chat_dispatch import moved
from callcenter.core.chat import Chat, ChatState, ChatStep
from callcenter.core.commands import CancelTimer, ChatMoved, ChatOutcome, SetTimer
from callcenter.core.events import (
    ChatAccepted,
    ChatArrived,
    ChatClosed,
    ChatDeclined,
    ChatHandedOver,
    ChatLeft,
    DeskOpened,
    Timer,
    TimerKind,
)
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_PERSON, ChatId, GroupId, PersonId
from callcenter.core.operator import Operator, Presence, PresenceStep
from callcenter.core.settings import ChatRules

_OPEN = frozenset({ChatState.OPEN, ChatState.WRAPPING_UP})


def arrived(floor: Floor, event: ChatArrived) -> None:
    """Let a chat wait, or say that nobody is there. One that was answered before a start stays with its operator."""
    if event.chat in floor.chats:
        return
    line = floor.lines.get(event.line)
    rules = line.settings.chat if line else None
    if line is None or rules is None or not (event.again or (line.open and _somebody_there(floor, rules.groups))):
        floor.do(ChatMoved(event.chat, ChatState.LEFT.value, NO_PERSON, ChatOutcome.NOBODY_THERE))
        return
    chat = Chat(event, rules.groups, answered=event.answered)
    floor.enter_chat(chat)
    operator = floor.operators.get(event.operator)
    if operator and operator.presence is not Presence.OFF:
        _take_up_again(floor, chat, operator, rules)
        return
    _wait(floor, chat)
    dispatch.offer_callers(floor)


def accepted(floor: Floor, event: ChatAccepted) -> None:
    """Open the chat for whom it is offered to; the chat of somebody else stays theirs."""
    chat = floor.chats.get(event.chat)
    if chat is None or chat.operator != event.person or chat.state is not ChatState.OFFERED:
        return
    floor.do(CancelTimer(Timer(TimerKind.CHAT_OFFER, chat.id)), CancelTimer(Timer(TimerKind.CHAT_WAIT, chat.id)))
    floor.step_chat(chat, ChatStep.ACCEPT)
    floor.change(chat, answered=True, wanted=NO_PERSON, passed=frozenset())
    moved(floor, chat)
    dispatch.offer_callers(floor)


def declined(floor: Floor, event: ChatDeclined) -> None:
    """Offer it to the next one, and pause who does not want it, as with calls."""
    chat = floor.chats.get(event.chat)
    if chat and chat.operator == event.person and chat.state is ChatState.OFFERED:
        _not_taken(floor, chat, "declined")


def not_accepted(floor: Floor, id: ChatId) -> None:
    """Do the same for who has not accepted it in time."""
    chat = floor.chats.get(id)
    if chat and chat.state is ChatState.OFFERED:
        _not_taken(floor, chat, "missed")


def handed_over(floor: Floor, event: ChatHandedOver) -> None:
    """Give the chat to a colleague or a group; it stays where it is if there is nobody who could take it."""
    chat = floor.chats.get(event.chat)
    if chat is None or chat.operator != event.person or chat.state is not ChatState.OPEN:
        return
    colleague = floor.operators.get(event.to)
    groups = (event.group,) if event.group else chat.groups
    line = floor.lines[chat.arrived.line]
    giver = floor.operators[event.person]
    if event.to and (not colleague or colleague is giver or chat_dispatch.why_not(floor, line, colleague, giver)):
        return  # it would wait for somebody who does not come
    if not event.to and not _somebody_there(floor, groups, without=event.person):
        return
    floor.change(chat, groups=groups, wanted=event.to, passed=frozenset({event.person}))
    _give_up(floor, chat, "handed_over")
    dispatch.offer_callers(floor)


def closed(floor: Floor, event: ChatClosed) -> None:
    """End the conversation, or the work after it."""
    chat = floor.chats.get(event.chat)
    if chat and chat.operator == event.person and chat.state in _OPEN:
        if chat.state is ChatState.OPEN:
            _finish(floor, chat)
        else:
            _end(floor, chat, ChatOutcome.ENDED)
        dispatch.offer_callers(floor)


def left(floor: Floor, event: ChatLeft) -> None:
    """Take note that the customer is gone."""
    chat = floor.chats.get(event.chat)
    if chat is None or chat.state is ChatState.WRAPPING_UP:
        return
    if chat.state is ChatState.OPEN:
        _finish(floor, chat)
    else:
        _end(floor, chat, ChatOutcome.LEFT)
    dispatch.offer_callers(floor)


def wrap_up_over(floor: Floor, id: ChatId) -> None:
    """Free the place that a chat has among those of its operator."""
    chat = floor.chats.get(id)
    if chat and chat.state is ChatState.WRAPPING_UP:
        _end(floor, chat, ChatOutcome.ENDED)
        dispatch.offer_callers(floor)


def waited_too_long(floor: Floor, id: ChatId) -> None:
    """End a chat that nobody has accepted, unless it is being offered: then a little later."""
    chat = floor.chats.get(id)
    rules = _rules(floor, chat) if chat else None
    if chat and rules and chat.state is ChatState.OFFERED:
        floor.do(SetTimer(Timer(TimerKind.CHAT_WAIT, id), floor.now + rules.accept_within))
    elif chat and chat.state is ChatState.WAITING:
        _end(floor, chat, ChatOutcome.WAITED_TOO_LONG)


def desk_opened(floor: Floor, event: DeskOpened) -> None:
    """Offer chats to who has a page open; whose page is closed keeps theirs for a moment only."""
    operator = floor.operators.get(event.person)
    if operator is None or operator.at_desk is event.open:
        return
    floor.sit_at_desk(operator, there=event.open)
    away = Timer(TimerKind.CHAT_AWAY, event.person)
    if event.open:
        floor.do(CancelTimer(away))
    elif operator.chats:
        _withdraw(floor, operator)
        floor.do(SetTimer(away, floor.now + _away(floor, operator)))
    dispatch.offer_callers(floor)


def away(floor: Floor, person: PersonId) -> None:
    """Give the chats of somebody to others whose page has not come back."""
    operator = floor.operators.get(person)
    if operator and not operator.at_desk:
        _without(floor, operator, "away")
        dispatch.offer_callers(floor)


def paused(floor: Floor, operator: Operator) -> None:
    """Withdraw what somebody is offered who pauses; what they answer already stays theirs."""
    if operator.chats:
        _withdraw(floor, operator)
        dispatch.offer_callers(floor)


def logged_out(floor: Floor, operator: Operator) -> None:
    """Give the chats of somebody to others whose shift is over."""
    if operator.chats:
        _without(floor, operator, "logged_out")
        dispatch.offer_callers(floor)


def _wait(floor: Floor, chat: Chat) -> None:
    floor.do(SetTimer(Timer(TimerKind.CHAT_WAIT, chat.id), floor.now + _rules(floor, chat).longest_wait))
    moved(floor, chat)


def _take_up_again(floor: Floor, chat: Chat, operator: Operator, rules: ChatRules) -> None:
    floor.step_chat(chat, ChatStep.OFFER)
    floor.give_chat(chat, operator)
    floor.step_chat(chat, ChatStep.ACCEPT)
    moved(floor, chat)
    if not operator.at_desk:
        floor.do(SetTimer(Timer(TimerKind.CHAT_AWAY, operator.person.id), floor.now + rules.away))


def _not_taken(floor: Floor, chat: Chat, why: str) -> None:
    operator = floor.operators[chat.operator]
    if operator.presence is Presence.AVAILABLE:  # before the chat is free: it must not come back at once
        floor.presence(operator, PresenceStep.PAUSE, why, why)
    chat_dispatch.release(floor, chat, why)
    dispatch.offer_callers(floor)


def _without(floor: Floor, operator: Operator, why: str) -> None:
    for chat in [floor.chats[one] for one in operator.chats]:
        if chat.state is ChatState.OFFERED:
            chat_dispatch.release(floor, chat, "withdrawn")
        elif chat.state is ChatState.OPEN:
            _give_up(floor, chat, why)
        else:
            _end(floor, chat, ChatOutcome.ENDED)


def _withdraw(floor: Floor, operator: Operator) -> None:
    for chat in [floor.chats[one] for one in operator.chats]:
        if chat.state is ChatState.OFFERED:
            chat_dispatch.release(floor, chat, "withdrawn")


def _give_up(floor: Floor, chat: Chat, why: str) -> None:
    before = chat.operator
    floor.step_chat(chat, ChatStep.HAND_OVER)
    floor.take_chat(chat)
    floor.do(SetTimer(Timer(TimerKind.CHAT_WAIT, chat.id), floor.now + _rules(floor, chat).longest_wait))
    moved(floor, chat, why, before)


def _finish(floor: Floor, chat: Chat) -> None:
    floor.step_chat(chat, ChatStep.FINISH)
    floor.do(SetTimer(Timer(TimerKind.CHAT_WRAP_UP, chat.id), floor.now + _rules(floor, chat).wrap_up))
    moved(floor, chat)


def _end(floor: Floor, chat: Chat, outcome: ChatOutcome) -> None:
    """End a chat. One that was answered before is not lost, whatever it waited for."""
    before = chat.operator
    lost = chat.state is not ChatState.WRAPPING_UP and not chat.answered
    floor.step_chat(chat, ChatStep.LEAVE if lost else ChatStep.END)
    kinds = TimerKind.CHAT_OFFER, TimerKind.CHAT_WAIT, TimerKind.CHAT_WRAP_UP
    floor.do(*(CancelTimer(Timer(kind, chat.id)) for kind in kinds))
    floor.forget_chat(chat)
    told = ChatOutcome.ENDED if outcome is ChatOutcome.LEFT and not lost else outcome
    floor.do(ChatMoved(chat.id, chat.state.value, NO_PERSON, told, before=before))


def _rules(floor: Floor, chat: Chat) -> ChatRules:
    return floor.lines[chat.arrived.line].settings.chat or ChatRules(chat.groups)


def _away(floor: Floor, operator: Operator) -> float:
    return min((_rules(floor, floor.chats[one]).away for one in operator.chats), default=0.0)


def _somebody_there(floor: Floor, groups: tuple[GroupId, ...], without: PersonId = NO_PERSON) -> bool:
    people = (one for one in floor.at_desks.values() if one.person.id != without)
    return any(one.person.group in groups and one.presence is not Presence.OFF for one in people)
