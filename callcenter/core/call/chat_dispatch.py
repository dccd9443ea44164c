"""Offer chats to people (E-SAUDA 2.2): in the order of arrival and urgency, to who has been free the longest.

The rule (docs/decisions/0047-chats-beside-calls.md): callers come first. Somebody who could be offered a caller gets a
chat only while no caller waits for them, and only if enough others stay free for the next callers, unless nobody
answers chats at all. Who answers chats already is kept from no caller by one more.
"""

from __future__ import annotations

from collections.abc import Callable

from callcenter.core.chat import Chat, ChatState, ChatStep, chat_of
from callcenter.core.commands import CancelTimer, ChatMoved, SetTimer
from callcenter.core.events import Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CALL, NO_PERSON, CallId, PersonId
from callcenter.core.operator import Operator, Presence
from callcenter.core.queue.line import LineState


def offer_chats(floor: Floor) -> None:
    """Offer as long as a waiting chat has somebody who can take it."""
    lines = [line for line in floor.lines.values() if len(line.chats)]
    while (pair := _next_pair(floor, lines)) and floor.attempt(NO_CALL, "a chat", _offer, floor, *pair):
        pass


def moved(floor: Floor, chat: Chat, why: str = "", before: PersonId = NO_PERSON) -> None:
    """Tell the pages and the register how the chat is now."""
    floor.do(ChatMoved(chat.id, chat.state.value, chat.operator, why=why, before=before))


def has_room(floor: Floor, line: LineState, operator: Operator) -> bool:
    """Return whether the person can be offered a chat of the line, whoever else wants them."""
    rules = line.settings.chat
    room = rules is not None and len(operator.chats) < rules.at_once
    return room and operator.may_chat and not any(floor.chats[one].state is ChatState.OFFERED for one in operator.chats)


def why_not(floor: Floor, line: LineState, operator: Operator, giver: Operator) -> str:
    """Return why the person cannot be offered a chat that somebody gives, as `ChatColleague` names it; '': they can."""
    rules = line.settings.chat
    if rules is None or not operator.at_desk or operator.presence is Presence.OFF:
        return "away"
    if operator.presence is not Presence.AVAILABLE:
        return "paused"
    if not operator.may_chat:
        return "busy"
    if len(operator.chats) >= rules.at_once:
        return "full"
    if not has_room(floor, line, operator):
        return "offered"
    return "" if _leaves_callers_alone(floor, line, operator, giver) else "callers"


def _offer(floor: Floor, chat: Chat, operator: Operator) -> None:
    rules = floor.lines[chat.arrived.line].settings.chat
    within = rules.accept_within if rules else 0.0
    floor.step_chat(chat, ChatStep.OFFER)
    floor.give_chat(chat, operator)
    floor.do(SetTimer(Timer(TimerKind.CHAT_OFFER, chat.id), floor.now + within))
    moved(floor, chat)


def release(floor: Floor, chat: Chat, why: str) -> None:
    """Let a chat that was offered wait at its place again."""
    before = chat.operator
    floor.do(CancelTimer(Timer(TimerKind.CHAT_OFFER, chat.id)))
    floor.step_chat(chat, ChatStep.RELEASE)
    floor.take_chat(chat)
    floor.change(chat, wanted=NO_PERSON)
    moved(floor, chat, why, before)


def _next_pair(floor: Floor, lines: list[LineState]) -> tuple[Chat, Operator] | None:
    """Return the chat that has waited the longest of those whose turn it is, and who has been free the longest."""
    best: tuple[float, Chat, Operator] | None = None
    for line in lines:
        people = [one for one in floor.at_desks.values() if has_room(floor, line, one)]
        people = [one for one in people if _leaves_callers_alone(floor, line, one)]
        if not people:
            continue
        people.sort(key=_free_the_longest)
        key = line.chats.head(floor.now, _can_be_next(floor, people))
        if key is None:
            continue
        chat = floor.chats[chat_of(key)]
        operator = _whose(chat, people)
        if operator and (best is None or chat.arrived.place_at < best[0]):
            best = chat.arrived.place_at, chat, operator
    return best[1:] if best else None


def _can_be_next(floor: Floor, people: list[Operator]) -> Callable[[CallId], bool]:
    return lambda key: _whose(floor.chats[chat_of(key)], people) is not None


def _whose(chat: Chat, people: list[Operator]) -> Operator | None:
    if chat.wanted:
        return next((one for one in people if one.person.id == chat.wanted), None)
    return next((x for x in people if x.person.group in chat.groups and x.person.id not in chat.passed), None)


def _free_the_longest(operator: Operator) -> tuple[int, float, PersonId]:
    since = operator.chats_since if operator.chats else operator.free_since
    return len(operator.chats), since, operator.person.id


def _leaves_callers_alone(floor: Floor, line: LineState, operator: Operator, giver: Operator | None = None) -> bool:
    """Return whether a chat may be theirs. `giver`: who gives it away, and is free without it if it is the only one."""
    freed = giver if giver is not None and len(giver.chats) == 1 else None
    rules = line.settings.chat
    if rules is None or rules.beside_calls or operator.kept_from_calls:
        return rules is not None
    group = operator.person.group
    theirs = [one for one in floor.lines.values() if group in one.settings.answered_by]
    if not theirs or not floor.phone(operator.phone).reachable:
        return True
    if any(one.queue.head(floor.now) for one in theirs):
        return False
    itself = 1 if floor.can_be_offered(operator) else 0
    more = freed is not None and freed.presence is Presence.AVAILABLE and floor.phone(freed.phone).reachable
    others = min(
        floor.free(one.settings.answered_by)
        - itself
        + (1 if more and freed is not None and freed.person.group in one.settings.answered_by else 0)
        for one in theirs
    )
    return others >= rules.stay_free or not any(
        x.chats for x in floor.at_desks.values() if x.person.group in rules.groups and x is not freed
    )
