"""Why something is not done with a request, in the words of whoever asked for it: what was wrong, what is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from aiohttp import web
from babel.dates import format_datetime

from callcenter.desk.bodies import BadRequest
from callcenter.desk.language import DEFAULT, N_, TEXTS, chosen
from callcenter.desk.request_words import word_of
from callcenter.request_register.errors import (
    FILE_SENTENCES,
    ActionRefused,
    AttachmentError,
    ChangedMeanwhile,
    FileProblem,
    NoRequests,
    RequestError,
    UnknownRequest,
)
from callcenter.requests.lifecycle import State, Step
from callcenter.requests.refusal import SENTENCES, Thing, Value, Why
from callcenter.requests.request import Way
from callcenter.store import RegisterError

_ANSWER_WITHIN = 5.0
"""Seconds."""
NO_REQUESTS = N_("This line takes no requests.")
_CHANGED = N_("It was changed meanwhile: look at it again, then decide. Changed by")
_AWAY = N_("The call centre does not answer. Please try again.")
_NONE = N_("nothing")
_STATUS: Mapping[Why, int] = {
    Why.NOT_NOW: 409,
    Why.UNDER_WAY: 409,
    Why.UNSOLVED: 409,
    Why.NO_CALL_BACKS: 409,
    Why.LEVEL: 403,
}
"""Of the others 400."""
_FILE_STATUS: Mapping[FileProblem, int] = {
    FileProblem.TOO_LARGE: 413,
    FileProblem.DISK_FULL: 507,
    FileProblem.NOT_WRITTEN: 500,
    FileProblem.UNKNOWN: 404,
    FileProblem.DELETED: 410,
    FileProblem.NOT_READ: 500,
    FileProblem.UNCHECKED: 409,
    FileProblem.INFECTED: 403,
}


@asynccontextmanager
async def answering(
    request: web.Request | None = None, name_of: Callable[[str], str] = str, within: float | None = _ANSWER_WITHIN
) -> AsyncIterator[None]:
    """Turn what goes wrong into the desk's answers, in the reader's language. `within`: seconds; None: whatever."""
    language = chosen(request) if request is not None else DEFAULT
    try:
        async with asyncio.timeout(within):
            yield
    except ChangedMeanwhile as changed:
        raise BadRequest(409, "changed_meanwhile", _CHANGED, f"{name_of(changed.by)}.") from None
    except UnknownRequest:
        raise BadRequest(404, "unknown", N_("There is no such request.")) from None
    except NoRequests:
        raise BadRequest(404, "no_requests", NO_REQUESTS) from None
    except ActionRefused as no:
        why, reason = no.refused.why, no.refused.reason.value
        raise BadRequest(_STATUS.get(why, 400), why.value, "", sentence(no, language), {"reason": reason}) from None
    except AttachmentError as no:
        status = _FILE_STATUS.get(no.problem, 400)
        raise BadRequest(status, no.problem.value, "", file_sentence(no, language)) from None
    except RequestError as problem:
        raise BadRequest(400, "refused", N_("That is not possible now."), f"{problem}.") from None
    except (RegisterError, TimeoutError):
        raise BadRequest(503, "no_answer", _AWAY) from None


def sentence(no: ActionRefused, language: str) -> str:
    """Return why the rules do not allow something, as a sentence in a language."""
    return _in_language(SENTENCES[no.refused.reason][1], no.refused.values, language)


def file_sentence(no: AttachmentError, language: str) -> str:
    """Return what is wrong with a file, as a sentence in a language."""
    return _in_language(FILE_SENTENCES[no.problem], no.values, language)


def _in_language(words: str, values: Mapping[str, Value], language: str) -> str:
    named = {name: _value(value, language) for name, value in values.items()}
    return f"{TEXTS[language].gettext(words).format(**named)}."


def _value(value: Value, language: str) -> str:
    gettext = TEXTS[language].gettext
    match value:
        case tuple():
            return ", ".join(_value(one, language) for one in value) or gettext(_NONE)
        case datetime():
            return format_datetime(value, "d MMMM y, HH:mm", locale=language)
        case State() | Step() | Way() | Thing():
            return gettext(word_of(value))
        case _:
            return str(value)
