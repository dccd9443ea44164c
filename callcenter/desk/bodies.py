"""The allowed request bodies. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from callcenter.config.values import normalise_dialled
from callcenter.core.ids import GroupId, LineId, PersonId, PhoneName
from callcenter.desk.language import N_, translated
from callcenter.knowledge import text as texts

MAX_BODY = 16 * 1024
"""Bytes."""
READ_TIMEOUT = 10.0
"""Seconds that a browser may take to send a body of at most that size."""

_WORD = r"^[A-Za-z0-9_-]{1,32}$"
_OF_A_WORD = Field(pattern=_WORD, description=N_("1 to 32 Latin letters, digits, '-' and '_'"))
Word = Annotated[str, _OF_A_WORD]
Flag = Annotated[bool, Field(description=N_("true or false"))]
LONGEST_WHY = 300
MOST_READ = 100
"""Pieces of news that one log-in confirms: no more of them are shown before it at a time."""
Number = Annotated[int, Field(ge=1, lt=2**31, description=N_("a positive whole number"))]


def _why(raw: str) -> str:
    text = texts.line(raw)
    if len(text) > LONGEST_WHY:
        raise ValueError
    return text


class Body(BaseModel):
    """A JSON object with exactly the described fields. This base class is the body of requests without fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Read(Body):
    """POST /api/news/confirm, and an entry of `read` in POST /api/login: the person has read this version."""

    news: Number
    version: Number


class Login(Body):
    """POST /api/login. `phone`: where the operator sits, if not at the usual phone. `browser`: at that in the page."""

    id: Annotated[PersonId, _OF_A_WORD]
    password: Annotated[str, Field(min_length=1, max_length=256, description=N_("1 to 256 characters"))]
    phone: Annotated[PhoneName, _OF_A_WORD] | None = Field(
        default=None, description=N_("1 to 32 Latin letters, digits, '-' and '_'")
    )
    browser: Flag = False
    shift: Flag = True
    """Whether to open a shift; false: only a session."""
    code: Annotated[str, Field(max_length=64, description=N_("six digits, or a recovery code"))] = ""
    """Of the second factor."""
    read: tuple[Read, ...] = Field(default=(), max_length=MOST_READ, description=N_("a list of news and version"))
    """The news that the person has read, of that which an earlier attempt was answered with."""


class NewPassword(Body):
    """POST /api/account/password: the present password and the new one."""

    old: Annotated[str, Field(min_length=1, max_length=256, description=N_("1 to 256 characters"))]
    new: Annotated[str, Field(min_length=1, max_length=256, description=N_("1 to 256 characters"))]


class Password(Body):
    """POST /api/account/second-factor/drop: the present password."""

    password: Annotated[str, Field(min_length=1, max_length=256, description=N_("1 to 256 characters"))]


class Code(Body):
    """POST /api/account/second-factor/confirm: what the app shows."""

    code: Annotated[str, Field(min_length=1, max_length=64, description=N_("six digits"))]


class PageLogin(Body):
    """The log-in form of the page «Account»."""

    id: Annotated[PersonId, _OF_A_WORD]
    password: Annotated[str, Field(min_length=1, max_length=256, description=N_("1 to 256 characters"))]
    code: Annotated[str, Field(max_length=64, description=N_("six digits, or a recovery code"))] = ""


class Pause(Body):
    """POST /api/pause."""

    reason: Word


class Transfer(Body):
    """POST /api/transfer."""

    target: Annotated[GroupId, _OF_A_WORD]
    consult: Flag = False
    not_customer: Flag = False
    note: Annotated[str, AfterValidator(_why), Field(description=N_("at most 300 characters in one line"))] = ""
    """Why, for the colleague."""


class CallOut(Body):
    """POST /api/call. `line`: on whose behalf; without it, the first one that lets this person call the number."""

    number: Annotated[
        str,
        Field(max_length=40, description=N_("a whole telephone number, such as +7 342 292-19-60")),
        AfterValidator(normalise_dialled),
    ]
    line: Annotated[LineId, _OF_A_WORD] | None = Field(
        default=None, description=N_("1 to 32 Latin letters, digits, '-' and '_'")
    )


class End(Body):
    """POST /api/end. `person`: whose conversation, if not one's own. `caller`: what becomes of the caller.

    `queue`: they wait again, at the head of the queue; `keep`: they wait for the same operator, whose page goes away.
    """

    person: Annotated[PersonId, _OF_A_WORD] | None = Field(
        default=None, description=N_("1 to 32 Latin letters, digits, '-' and '_'")
    )
    caller: Literal["goodbye", "queue", "keep"] = Field(default="goodbye", description=N_("goodbye, queue or keep"))


class PhoneReport(Body):
    """What a page says over the live connection: how the phone is that it has; an answer to a sign of life, too."""

    opening: Annotated[str, Field(pattern=_WORD)]
    trouble: Literal["", "untested", "no_microphone", "no_sound"]


class BadRequest(Exception):
    """A refused request: HTTP status, a word for programs, a sentence to be translated, and an untranslated detail.

    `more`: other fields of the answer, for programs.
    """

    def __init__(
        self, status: int, answer: str, sentence: str, detail: str = "", more: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence or detail)
        self.status, self.answer, self.sentence, self.detail = status, answer, sentence, detail
        self.more = more or {}


B = TypeVar("B", bound=Body)


async def arrived(request: web.Request) -> None:
    """Wait until the whole body is there, whatever it is. Raises `BadRequest`, or aiohttp's error for a large one."""
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            await request.read()
    except TimeoutError:
        raise BadRequest(408, "request_timeout", N_("The body did not arrive in time.")) from None
    except (web.RequestPayloadError, ConnectionError):  # not what its headers say, or the sender has gone
        raise BadRequest(400, "bad_request", N_("The request was not understood.")) from None


H = TypeVar("H", bound=Callable[..., Awaitable[web.StreamResponse]])


def reads_later(handler: H) -> H:
    """Mark a handler that reads a larger body itself, when it knows that the person may send one."""
    handler.reads_later = True  # type: ignore[attr-defined]
    return handler


async def read(request: web.Request, model: type[B], largest: int = MAX_BODY) -> B:
    """Return the body as JSON of this model; an empty one counts as `{}`. Raises `BadRequest`.

    It has arrived already, unless the handler is one that `reads_later`. `largest`: bytes that it allows then.
    """
    if request.content_type != "application/json":
        raise BadRequest(415, "unsupported_media_type", N_("The body must be application/json."))
    try:
        return model.model_validate_json(await whole(request, largest) or b"{}")
    except ValidationError as error:
        raise _explained(request, model, error) from None


def checked(request: web.Request, model: type[B], values: Mapping[str, Any]) -> B:
    """Return this model of values that a form brought. Raises `BadRequest`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _explained(request, model, error) from None


async def whole(request: web.Request, largest: int) -> bytes:
    """Return the body; as `read` otherwise."""
    if largest > MAX_BODY:
        request = request.clone(client_max_size=largest)
        try:
            await arrived(request)
        except web.HTTPRequestEntityTooLarge:
            sentence = N_("The body is too large. Kilobytes allowed:")
            raise BadRequest(413, "request_entity_too_large", sentence, f"{largest // 1024}.") from None
    return await request.read()


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
