"""The phones in people's pages: each time one is opened it gets a new password, which ends with the shift."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from callcenter.asterisk.connection import AmiError
from callcenter.asterisk.render import REALM
from callcenter.config import Config
from callcenter.config.sections import browser_phone
from callcenter.core.events import PhoneFound, PhoneLost
from callcenter.core.ids import PersonId, PhoneName
from callcenter.core.phone import UNTESTED
from callcenter.core.view import OperatorView
from callcenter.desk.backend import PagePhone

SetPassword = Callable[[PhoneName, str], Awaitable[Any]]
"""Tells Asterisk the digest of a phone's password, at once; what it returns may be ignored, and raises AmiError."""


class PagePhones:
    """`set_password`: of the link to the Asterisk at which the pages register. `tell_pages`: that something changed.

    `ice_servers`: returns the STUN and TURN servers for a person's page.
    `take`: hands an event to the core.
    """

    def __init__(
        self,
        config: Config,
        set_password: SetPassword,
        tell_pages: Callable[[], None],
        take: Callable[[PhoneLost | PhoneFound], object],
        *,
        ice_servers: Callable[[PersonId], Sequence[Mapping[str, Any]]] = lambda person: (),
    ) -> None:
        self._ice_servers = ice_servers
        browsers = config.asterisk.browsers
        self.names: Mapping[PersonId, PhoneName] = (
            {person: browser_phone(person) for person in config.call_takers} if browsers else {}
        )
        self.url = ""
        if browsers:
            scheme = "wss" if browsers.certificate else "ws"
            self.url = browsers.url or f"{scheme}://:{browsers.port}/ws"
        self._set_password = set_password
        self._tell_pages = tell_pages
        self._take = take
        self._echo = config.codes.echo
        self._tested = browsers is not None and browsers.sound_check
        self._troubles: dict[PersonId, str] = {}
        """What the page in which the phone is has said last."""
        self._openings: dict[PersonId, str] = {}

    async def open(self, person: PersonId) -> PagePhone:
        """Return what the page needs. Raises KeyError if there are no such phones, TimeoutError without Asterisk."""
        name, password = self.names[person], secrets.token_urlsafe(24)
        try:
            await self._set_password(name, _digest(name, password))
        except AmiError as problem:
            raise TimeoutError(str(problem)) from problem
        self._openings[person] = secrets.token_hex(4)
        self._troubles.pop(person, None)
        self._tell_pages()  # another page gives way
        ice = self._ice_servers(person)
        return PagePhone(name, password, REALM, self.url, self._openings[person], ice_servers=ice, echo=self._echo)

    def says(self, person: PersonId, opening: str, trouble: str) -> None:
        """Tell the core what is wrong in the page that has the person's phone; '': nothing. Other pages do not count.

        After a restart of the controller the first page that says something is the one that has it.
        """
        name = self.names.get(person)
        if name is None or self._openings.setdefault(person, opening) != opening:
            return
        if trouble == UNTESTED and not self._tested:
            trouble = ""
        if self._troubles.get(person) != trouble:
            self._troubles[person] = trouble
            self._take(PhoneLost(name, page=trouble) if trouble else PhoneFound(name, page=True))

    def opening(self, own: OperatorView) -> str | None:
        """Return which opening of the phone counts, '' if that is not known; None if the person sits elsewhere."""
        return self._openings.get(own.id, "") if own.phone and own.phone == self.names.get(own.id) else None

    def close(self, person: PersonId) -> None:
        """Make the password worthless: the shift is over. Without Asterisk it stays until the next one is made.

        Even if no opening is known: a former controller may have made it.
        """
        self._openings.pop(person, None)
        self._troubles.pop(person, None)
        if name := self.names.get(person):
            self._set_password(name, _digest(name, secrets.token_urlsafe(24)))


def _digest(name: PhoneName, password: str) -> str:
    """Return what SIP's digest needs of the password (RFC 2617): Asterisk never has the password itself."""
    return hashlib.md5(f"{name}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()
