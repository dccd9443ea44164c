"""A chat: a customer writes in a page, and a person of the line's groups answers (E-SAUDA 2.2).

Its messages are not known here, only whose turn it is and who answers. The register keeps both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.events import ChatArrived
from callcenter.core.ids import NO_PERSON, CallId, ChannelId, ChatId, GroupId, PersonId
from callcenter.core.machine import Machine


class ChatState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    OFFERED = "offered"
    """Somebody's page shows it and sounds. The chat keeps its place."""
    OPEN = "open"
    WRAPPING_UP = "wrapping_up"
    """The conversation is over; its operator still writes down what came of it."""
    ENDED = "ended"
    LEFT = "left"
    """The customer left before anybody answered, or nobody could."""


class ChatStep(StrEnum):
    """What moves it to the next state."""

    OFFER = "offer"
    RELEASE = "release"
    """The offer was missed, declined or withdrawn."""
    ACCEPT = "accept"
    HAND_OVER = "hand_over"
    """Its operator gives it to somebody else, or is gone."""
    FINISH = "finish"
    END = "end"
    LEAVE = "leave"


_S, _T = ChatState, ChatStep

CHAT: Machine[ChatState, ChatStep] = Machine(
    "chat",
    _S.WAITING,
    {
        (_S.WAITING, _T.OFFER): _S.OFFERED,
        (_S.OFFERED, _T.RELEASE): _S.WAITING,
        (_S.OFFERED, _T.ACCEPT): _S.OPEN,
        (_S.OPEN, _T.HAND_OVER): _S.WAITING,
        (_S.OPEN, _T.FINISH): _S.WRAPPING_UP,
        (_S.WRAPPING_UP, _T.END): _S.ENDED,
        (_S.WAITING, _T.LEAVE): _S.LEFT,
        (_S.OFFERED, _T.LEAVE): _S.LEFT,
        (_S.WAITING, _T.END): _S.ENDED,
        (_S.OFFERED, _T.END): _S.ENDED,
    },
)
"""Who leaves a chat that waits for the second time, after a hand-over, has been answered: it is ended and not left."""


@dataclass(slots=True)
class Chat:
    """One chat. Its values are immutable; only the floor replaces them."""

    arrived: ChatArrived
    groups: tuple[GroupId, ...]
    """Whose people it is offered to."""
    state: ChatState = CHAT.start
    operator: PersonId = NO_PERSON
    """To whom it is offered, or who answers."""
    passed: frozenset[PersonId] = frozenset()
    """To whom it is not offered: who did not take it, or has handed it over."""
    answered: bool = False
    """Whether anybody has ever accepted it."""
    wanted: PersonId = NO_PERSON
    """To whom it is handed over; nobody in particular: to whoever of `groups` is free."""

    @property
    def id(self) -> ChatId:
        """Its id."""
        return self.arrived.chat

    @property
    def key(self) -> CallId:
        """Its name in the line's queue of chats."""
        return key_of(self.arrived.chat)


def key_of(chat: ChatId) -> CallId:
    """Return its name in the queue of chats, in which there are no calls."""
    return CallId(ChannelId(chat))


def chat_of(key: CallId) -> ChatId:
    """Return the chat that has this name there."""
    return ChatId(key)
