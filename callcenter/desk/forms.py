"""What a form of a server-rendered page brings. The fields are strings; the models of the API check them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, tzinfo
from typing import TypeVar
from urllib.parse import parse_qs

from aiohttp import web

from callcenter.desk import bodies
from callcenter.desk.bodies import BadRequest, Body
from callcenter.desk.language import N_

B = TypeVar("B", bound=Body)
MOST_FIELDS = 500
_MINUTES = "%Y-%m-%dT%H:%M"
"""How browsers write date and time."""


class Form:
    """The fields of a form."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self._fields = fields

    @property
    def names(self) -> Collection[str]:
        """The names of the fields that are there."""
        return self._fields.keys()

    def one(self, name: str) -> str:
        """Return a field; '' if it is not there."""
        return self._fields.get(name, [""])[0]

    def all(self, name: str) -> tuple[str, ...]:
        """Return all fields of a name, such as boxes that were ticked."""
        return tuple(self._fields.get(name, ()))

    def ticked(self, name: str) -> bool:
        """Return whether a box was ticked."""
        return name in self._fields

    def number(self, name: str) -> int:
        """Return a positive whole number; 0 for anything else."""
        text = self.one(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    def moment(self, name: str, zone: tzinfo) -> datetime | None:
        """Return date and time in this zone; None for an empty field. Raises `BadRequest`."""
        text = self.one(name)
        if not text:
            return None
        try:
            return datetime.strptime(text[:16], _MINUTES).replace(tzinfo=zone)
        except ValueError:
            raise BadRequest(400, "wrong_value", N_("A date needs day, month, year, hours and minutes.")) from None


def minutes(moment: datetime | None, zone: tzinfo) -> str:
    """Return a moment as a browser's field has it; '' for None."""
    return moment.astimezone(zone).strftime(_MINUTES) if moment else ""


async def read(request: web.Request, largest: int = bodies.MAX_BODY) -> Form:
    """Return the form in the body. `largest`: bytes, for handlers that `reads_later`. Raises `BadRequest`."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise BadRequest(415, "unsupported_media_type", N_("The body must be a form."))
    body = await bodies.whole(request, largest)
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequest(400, "wrong_value", N_("The form has too many fields.")) from None
    return Form(fields)


async def filled(request: web.Request, model: type[B]) -> B:
    """Return the form in the body as this model, all of whose fields are texts. Raises `BadRequest`."""
    form = await read(request)
    return bodies.checked(request, model, {name: form.one(name) for name in form.names})
