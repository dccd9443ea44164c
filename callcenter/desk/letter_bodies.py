"""The request bodies of letters on paper. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from callcenter.desk.bodies import Body, Flag
from callcenter.desk.language import N_
from callcenter.desk.request_bodies import Day, LongText, Name, OneLine, RequestRef, one_line

LONGEST_NUMBER = 100


class NewLetter(Body):
    """POST /api/letters/{line}: a letter that came, as it is read; the same `key` again is the same letter.

    `subject`, `text`: what it says. `about`: a subject of the line; without it, the usual one. `request`: the number of
    a request to which it belongs. `again`: it is another letter than one with the same number, date and sender.
    """

    key: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$", description=N_("a random word of 8 to 64 letters or digits"))
    ]
    came_on: Day
    name: Name = ""
    organisation: Name = ""
    inn: Annotated[str, Field(pattern=r"^[0-9]{0,12}$", description=N_("an INN of 10 or 12 digits"))] = ""
    address: OneLine
    number: Annotated[str, one_line(LONGEST_NUMBER), Field(description=N_("at most 100 characters in one line"))] = ""
    dated: Day | None = None
    subject: OneLine = ""
    text: LongText = ""
    about: OneLine = ""
    request: RequestRef | None = None
    again: Flag = False
