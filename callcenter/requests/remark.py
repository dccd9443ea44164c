"""What is written into a request's history without a step: words said, a file, another telephone number."""

from __future__ import annotations

from datetime import datetime

from callcenter.requests.change import Change, Decision, bounded, moment
from callcenter.requests.refusal import Refused, RefusedError, Thing
from callcenter.requests.request import Fact, Request
from callcenter.requests.rules import LineRules


def remark(
    request: Request,
    fact: Fact,
    what: str,
    why: str,
    by: str,
    at: datetime,
    rules: LineRules,
    dates: tuple[datetime | None, datetime | None] = (None, None),
) -> Decision | Refused:
    """Return the request with one more row of its history, whatever its state.

    `dates`: what it says of the time, before and after.
    """
    change = Change(request, rules, moment(request, at), by)
    try:
        change.note(fact, bounded(what, Thing.REMARK), bounded(why, Thing.REMARK), *dates)
    except RefusedError as no:
        return no.refused
    return change.decision()
