"""Why something is not done with a request, in words for whoever asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from callcenter.desk.bodies import BadRequest
from callcenter.desk.call_back_words import REFUSED_CALL_BACKS
from callcenter.desk.language import N_, chosen, translated
from callcenter.desk.request_words import MISSING
from callcenter.request_register.errors import (
    ActionRefused,
    ChangedMeanwhile,
    NoRequests,
    RequestError,
    UnknownRequest,
)
from callcenter.requests.change import Why
from callcenter.store import RegisterError

_ANSWER_WITHIN = 5.0
"""Seconds."""
NO_REQUESTS = N_("This line takes no requests.")
_CHANGED = N_("It was changed meanwhile: look at it again, then decide. Changed by")
_AWAY = N_("The call centre does not answer. Please try again.")
_REFUSED: Mapping[Why, tuple[int, str]] = {
    Why.NOT_NOW: (409, N_("That is not possible while the request stands as it does.")),
    Why.UNDER_WAY: (409, N_("A message of it is still under way: wait until it has left.")),
    Why.UNSOLVED: (
        409,
        N_("Ask first whether it is solved, and whether there is anything else; if it is not, open it again."),
    ),
    Why.TOO_LONG: (400, N_("A text is too long.")),
    Why.EMPTY: (400, N_("This is missing:")),
    Why.UNKNOWN: (400, N_("The line has no such urgency, way, subject or reason, or the other request does not fit.")),
    Why.DATE: (
        400,
        N_(
            "The date does not do: it has to be later than what was promised and than now, in the line's hours, and "
            "within a year. What waits for the customer waits until their time is over."
        ),
    ),
    **REFUSED_CALL_BACKS,
}


@asynccontextmanager
async def answering(request: web.Request | None = None, name_of: Callable[[str], str] = str) -> AsyncIterator[None]:
    """Turn what goes wrong into the desk's answers, with words; the rules' own, English words only in English."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            yield
    except ChangedMeanwhile as changed:
        raise BadRequest(409, "changed_meanwhile", _CHANGED, f"{name_of(changed.by)}.") from None
    except UnknownRequest:
        raise BadRequest(404, "unknown", N_("There is no such request.")) from None
    except NoRequests:
        raise BadRequest(404, "no_requests", NO_REQUESTS) from None
    except ActionRefused as refused:
        status, sentence = _REFUSED[refused.why]
        raise BadRequest(status, refused.why.value, sentence, _detail(request, refused)) from None
    except RequestError as problem:
        raise BadRequest(400, "refused", N_("That is not possible now."), _english(request, problem)) from None
    except (RegisterError, TimeoutError):
        raise BadRequest(503, "no_answer", _AWAY) from None


def _detail(request: web.Request | None, refused: ActionRefused) -> str:
    what, is_missing, _ = str(refused).partition(" is missing")
    what = what.partition(" (")[0]
    if request is not None and is_missing and what in MISSING:
        return f"{translated(request, MISSING[what])}."
    return _english(request, refused)


def _english(request: web.Request | None, problem: RequestError) -> str:
    return f"{problem}." if request is not None and chosen(request) == "en" else ""


def in_words(request: web.Request, problem: BadRequest) -> str:
    """Return a refusal in the reader's language."""
    return " ".join(filter(None, (translated(request, problem.sentence), problem.detail)))
