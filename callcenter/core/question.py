"""What a waiting caller is asked, one question after the other: a lifecycle of its own beside that of the call.

The caller keeps the place in the queue meanwhile; nothing here delays an operator (ESTP 2.1, 2.3, 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from callcenter.core.machine import Machine
from callcenter.core.settings import AskedFor


class Question(StrEnum):
    """The question that a waiting caller is being asked, or what is still to be asked."""

    NOTHING = "nothing"
    """Nothing is asked, and nothing is to be asked."""
    DUE = "due"
    """The first question is still to be asked."""
    INN = "inn"
    INN_SETTLED = "inn_settled"
    """The INN was given, skipped, or not given; the urgency is still to be asked."""
    URGENCY = "urgency"


class QuestionStep(StrEnum):
    """What moves a caller from one question to the next."""

    BEGIN = "begin"
    ASK_INN = "ask_inn"
    ASK_URGENCY = "ask_urgency"
    SETTLE = "settle"
    """The caller has answered, has skipped the question, or has said nothing."""
    STOP = "stop"
    """It is the caller's turn, or the caller is no longer in the queue."""


_Q, _T = Question, QuestionStep

QUESTION: Machine[Question, QuestionStep] = Machine(
    "question",
    _Q.NOTHING,
    {
        (_Q.NOTHING, _T.BEGIN): _Q.DUE,
        (_Q.DUE, _T.ASK_INN): _Q.INN,
        (_Q.DUE, _T.ASK_URGENCY): _Q.URGENCY,
        (_Q.INN, _T.ASK_INN): _Q.INN,
        (_Q.INN, _T.SETTLE): _Q.INN_SETTLED,
        (_Q.INN_SETTLED, _T.ASK_URGENCY): _Q.URGENCY,
        (_Q.URGENCY, _T.SETTLE): _Q.NOTHING,
        **{(state, _T.STOP): _Q.NOTHING for state in _Q},
    },
)


class Asking(NamedTuple):
    """The prompts with which a caller is asked who they are: the question, that it was wrong, that we go on without."""

    ask: str
    again: str
    unknown: str


ASKING: Mapping[AskedFor, Asking] = {
    AskedFor.INN: Asking("ask-inn", "inn-again", "inn-unknown-go-on"),
    AskedFor.CONTRACT: Asking("ask-contract", "contract-again", "contract-unknown-go-on"),
    AskedFor.INN_OR_CONTRACT: Asking("ask-inn-or-contract", "inn-or-contract-again", "inn-or-contract-unknown-go-on"),
}
