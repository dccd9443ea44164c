"""What customers' browsers are given and bring back, keyed so that nobody else can make it (HMAC). Nothing is stored.

A *ticket* is in each page with a form: when the page was made, and an id by which a form that comes twice is one. A
*link* opens one request, to whoever has it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.core.ids import LineId
from callcenter.requests.number import Number

_DIGEST = 32
"""Hexadecimal digits: 128 bits."""
_TICKET = re.compile(rf"([0-9a-f]{{8,10}})\.([0-9a-f]{{32}})\.([0-9a-f]{{{_DIGEST}}})")
LASTS = timedelta(days=7)
"""How long a page with a form can stay open."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that is one of ours."""

    id: str
    age: timedelta


class _Keyed:
    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _digest(self, *words: str) -> str:
        text = "\0".join((type(self).__name__, *words)).encode("utf-8", "replace")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:_DIGEST]


class Tickets(_Keyed):
    """Tickets for the pages with a form."""

    def make(self, purpose: str, at: datetime) -> str:
        """Return a new one. `purpose`: for which form; a ticket is for no other."""
        issued, id_ = f"{int(at.timestamp()):08x}", secrets.token_hex(16)
        return f"{issued}.{id_}.{self._digest(purpose, issued, id_)}"

    def read(self, ticket: str, purpose: str, at: datetime) -> Ticket | None:
        """Return a ticket that is brought back; None: it is none of ours, for another form, or too old."""
        found = _TICKET.fullmatch(ticket)
        if found is None or not hmac.compare_digest(found[3], self._digest(purpose, found[1], found[2])):
            return None
        age = timedelta(seconds=at.timestamp() - int(found[1], 16))
        return Ticket(found[2], age) if age <= LASTS else None


class Links(_Keyed):
    """Links to requests. With another secret, earlier ones open nothing any more."""

    def __init__(self, secret: str, url: str) -> None:
        """`url`: under which customers reach the public pages."""
        super().__init__(secret)
        self._url = url.rstrip("/")

    def path(self, number: Number) -> str:
        """Return the address of the request's page, without the host."""
        return f"/{LineId(number.line)}/requests/{number}/{self.token(number)}"

    def address(self, number: Number) -> str:
        """Return the whole address, for mails."""
        return f"{self._url}{self.path(number)}"

    def token(self, number: Number) -> str:
        """Return what opens the request."""
        return self._digest(str(number))

    def opens(self, token: str, number: Number) -> bool:
        """Return whether this opens the request."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token(number).encode())
