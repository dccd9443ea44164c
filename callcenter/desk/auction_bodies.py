"""The request bodies of auctions. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from callcenter.calendar.auctions import LONGEST_NAME, YEARS, AuctionText
from callcenter.core.ids import LineId
from callcenter.desk.bodies import Body, Number
from callcenter.desk.language import N_
from callcenter.knowledge import text as texts

_OF_A_NAME = N_("1 to 300 characters in one line")
_A_MINUTE = N_("a whole minute with zone, such as 2026-12-01T15:00:00+03:00, of the years 2000 to 2100")


def _name(raw: str) -> str:
    name = " ".join(texts.line(raw).split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError
    return name


def _minute(moment: datetime) -> datetime:
    if moment.year not in YEARS or moment.second or moment.microsecond:
        raise ValueError
    return moment


Minute = Annotated[AwareDatetime, AfterValidator(_minute), Field(description=_A_MINUTE)]


class WrittenAuction(Body):
    """What is entered of an auction: from its start until its results are announced, the line's hours are others."""

    name: Annotated[str, AfterValidator(_name), Field(description=_OF_A_NAME)]
    starts_at: Minute
    results_at: Minute

    @property
    def text(self) -> AuctionText:
        """As the table takes it."""
        return AuctionText(self.name, self.starts_at, self.results_at)


class NewAuction(WrittenAuction):
    """POST /api/auctions."""

    line: Annotated[
        LineId,
        Field(pattern=r"^[A-Za-z0-9_-]{1,32}$", description=N_("1 to 32 Latin letters, digits, '-' and '_'")),
    ]


class CorrectedAuction(WrittenAuction):
    """POST /api/auctions/{auction}. `version`: the one that was seen."""

    version: Number


class WithdrawnAuction(Body):
    """POST /api/auctions/{auction}/withdraw. `version`: the one that was seen."""

    version: Number
