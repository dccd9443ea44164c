"""The request bodies of card and registering. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from callcenter.core.ids import CallId
from callcenter.desk.bodies import Body
from callcenter.desk.language import N_
from callcenter.knowledge import text as texts
from callcenter.registering.notes import LONGEST_TEXT, Result

MAX_NOTE_BODY = 64 * 1024
"""Bytes of a request that brings a note: JSON may write a Russian letter as six."""
LONGEST_PERSON = 200

_A_CALL = N_("the id of a call")
_A_NOTE = N_("at most 4000 characters")
_A_PERSON = N_("at most 200 characters in one line")
_AN_INN = N_("an INN of 10 or 12 digits")
_A_NUMBER = N_("a telephone number with its country code, such as +73420000001")
_RESULTS = N_("answered, transferred, request, call_back, refused, or nothing")


def _note(raw: str) -> str:
    text = texts.note(raw)
    if len(text) > LONGEST_TEXT:
        raise ValueError
    return text


def _person(raw: str) -> str:
    text = texts.line(raw)
    if len(text) > LONGEST_PERSON:
        raise ValueError
    return text


def _result(raw: str) -> str:
    return Result(raw).value if raw else ""


Call = Annotated[CallId, Field(pattern=r"^[!-~]{1,150}$", description=_A_CALL)]
NoteText = Annotated[str, AfterValidator(_note), Field(description=_A_NOTE)]
Subject = Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,32}$", description=N_("one of the line's subjects"))]


class Draft(Body):
    """POST /api/note: what is written so far."""

    call: Call
    subject: Subject = ""
    text: NoteText = ""
    result: Annotated[str, AfterValidator(_result), Field(description=_RESULTS)] = ""


class Refusal(Body):
    """POST /api/note/refuse: «хулиганство» (ESTP 5.6.3, eLot 2.11)."""

    call: Call
    text: NoteText = ""


class Identified(Body):
    """POST /api/identify: whose call it is, by contract or login, by INN, or by a number of a customer without one.

    `learn`: the number belongs to them from now on. `person`: who is there.
    """

    call: Call
    inn: Annotated[str, Field(pattern=r"^([0-9]{10}|[0-9]{12})?$", description=_AN_INN)] = ""
    number: Annotated[str, Field(pattern=r"^(\+[0-9]{5,15})?$", description=_A_NUMBER)] = ""
    contract: Annotated[str, Field(max_length=300, description=N_("a contract's number, or a login"))] = ""
    learn: Annotated[bool, Field(description=N_("true or false"))] = False
    person: Annotated[str, AfterValidator(_person), Field(description=_A_PERSON)] = ""
