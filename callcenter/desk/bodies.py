"""The allowed request bodies. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

import asyncio
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callcenter.core.ids import GroupId, PersonId, PhoneName
from callcenter.desk.language import N_, translated

MAX_BODY = 16 * 1024
"""Bytes."""
READ_TIMEOUT = 10.0
"""Seconds that a browser may take to send a body of at most that size."""

_WORD = r"^[A-Za-z0-9_-]{1,32}$"
_OF_A_WORD = Field(pattern=_WORD, description=N_("1 to 32 Latin letters, digits, '-' and '_'"))
Word = Annotated[str, _OF_A_WORD]
Flag = Annotated[bool, Field(description=N_("true or false"))]


class Body(BaseModel):
    """A JSON object with exactly the described fields. This base class is the body of requests without fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Login(Body):
    """POST /api/login. `phone`: where the operator sits, if not at their usual phone."""

    id: Annotated[PersonId, _OF_A_WORD]
    password: Annotated[str, Field(min_length=1, max_length=256, description=N_("1 to 256 characters"))]
    phone: Annotated[PhoneName, _OF_A_WORD] | None = Field(
        default=None, description=N_("1 to 32 Latin letters, digits, '-' and '_'")
    )


class Pause(Body):
    """POST /api/pause."""

    reason: Word


class Transfer(Body):
    """POST /api/transfer."""

    target: Annotated[GroupId, _OF_A_WORD]
    consult: Flag = False
    not_customer: Flag = False


class BadRequest(Exception):
    """A refused request: HTTP status, a word for programs, a sentence to be translated, and an untranslated detail."""

    def __init__(self, status: int, answer: str, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.status, self.answer, self.sentence, self.detail = status, answer, sentence, detail


B = TypeVar("B", bound=Body)


async def read(request: web.Request, model: type[B]) -> B:
    """Read the request's body as JSON of this model; an empty body counts as `{}`. Raises `BadRequest`."""
    if request.content_type != "application/json":
        raise BadRequest(415, "unsupported_media_type", N_("The body must be application/json."))
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            raw = await request.read()
    except TimeoutError:
        raise BadRequest(408, "request_timeout", N_("The body did not arrive in time.")) from None
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise _explained(request, model, error) from None


def _explained(request: web.Request, model: type[Body], error: ValidationError) -> BadRequest:
    """Describe the first problem without repeating what was sent, because it may be a password."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(problem["loc"][0]) if problem["loc"] else ""
    field = model.model_fields.get(name)
    if problem["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields) or "—"
        return BadRequest(400, "unknown_field", N_("Unknown field. Allowed fields:"), known)
    if field is None:
        return BadRequest(400, "not_json", N_("The body is not a JSON object."))
    if problem["type"] == "missing":
        return BadRequest(400, "missing_field", N_("A field is missing:"), name)
    allowed = translated(request, field.description or "")
    return BadRequest(400, "wrong_value", N_("A value is not allowed."), f"{name}: {allowed}.")
