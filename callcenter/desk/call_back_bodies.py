"""The request bodies of call-backs. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from callcenter.desk.bodies import Body
from callcenter.desk.language import N_
from callcenter.desk.registering_bodies import Call
from callcenter.desk.request_bodies import LONGEST_CONVENIENT, Moment, OneLine, Telephone, Versioned, one_line
from callcenter.requests.call_back import WORDS, Came

MOST_GROUPS = 20


def _word(raw: Any) -> Any:
    came = Came(raw) if isinstance(raw, str) else raw
    if came not in WORDS:
        raise ValueError
    return came


Convenient = Annotated[str, one_line(LONGEST_CONVENIENT), Field(description=N_("at most 500 characters in one line"))]
Groups = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")], ...],
    Field(max_length=MOST_GROUPS, description=N_("the ids of groups")),
]
Word = Annotated[Came, BeforeValidator(_word), Field(description=N_("talked, voicemail or wrong_number"))]


class CallBackOrdered(Versioned):
    """POST /api/requests/{request}/call-back: the number as it was typed, and when it suits them.

    Without `since` and `until`: the line's next hours. `groups`: whose people are to call; without any, the usual ones.
    """

    number: Telephone
    words: Convenient = ""
    since: Moment | None = None
    until: Moment | None = None
    groups: Groups = ()


class CallBackMoved(Versioned):
    """POST /api/call-backs/{call_back}/move: another time, perhaps another number. `version`: of the call-back."""

    since: Moment
    until: Moment
    words: Convenient = ""
    number: Telephone = ""
    why: OneLine


class CallBackWithdrawn(Versioned):
    """POST /api/call-backs/{call_back}/withdraw: why nobody wants it any more. `version`: of the call-back."""

    why: OneLine


class CallBackSaid(Body):
    """POST /api/call-backs/{call_back}/said: whom the operator had on the telephone."""

    word: Word


class CallBackOwed(Body):
    """POST /api/owed/call-back: a call that was cut off by a failure."""

    call: Call
