"""What requests may contain. Anything else is refused, and the refusal says what is allowed."""

from __future__ import annotations

import asyncio
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callcenter.desk.language import N_, translated

MAX_BODY = 16 * 1024
"""Bytes."""
READ_TIMEOUT = 10.0
"""Seconds that a browser may take to send a body of that size."""

_WORD = r"^[A-Za-z0-9_-]{1,32}$"
Word = Annotated[str, Field(pattern=_WORD, description=N_("1 to 32 Latin letters, digits, '-' and '_'"))]
Flag = Annotated[bool, Field(description=N_("true or false"))]


class Body(BaseModel):
    """A JSON object with exactly the fields that are described. Without any of its own: nothing to say."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Login(Body):
    """POST /api/login. `phone`: where the person sits, when it is not their usual place."""

    id: Word
    password: Annotated[str, Field(min_length=1, max_length=256, description=N_("1 to 256 characters"))]
    phone: Word | None = Field(default=None, description=N_("1 to 32 Latin letters, digits, '-' and '_'"))


class Pause(Body):
    """POST /api/pause."""

    reason: Word


class Transfer(Body):
    """POST /api/transfer."""

    target: Word
    consult: Flag = False
    not_customer: Flag = False


class BadRequest(Exception):
    """A request that is not understood: `status`, a word and a sentence, translated but for the detail."""

    def __init__(self, status: int, answer: str, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.status, self.answer, self.sentence, self.detail = status, answer, sentence, detail


B = TypeVar("B", bound=Body)


async def read(request: web.Request, model: type[B]) -> B:
    """The request's body, which must be JSON of this shape; an empty one means an object without fields."""
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
    """The first problem in words that never repeat what was sent: it may be a password."""
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
