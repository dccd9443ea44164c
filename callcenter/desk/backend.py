"""The interface through which the web application sees the call centre; it knows nothing else of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from callcenter.core.commands import Reply
from callcenter.core.events import Event
from callcenter.core.ids import LineId, PersonId, ReplyTo
from callcenter.core.view import OperatorView, View
from callcenter.planning.forecast import Forecast


class Backend(Protocol):
    """The call centre as the web application sees it."""

    def view(self) -> View:
        """Return the present state."""

    def operator(self, person: PersonId) -> OperatorView | None:
        """Return one operator's present state; None if there is no such account."""

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        """Send the event to the core and wait for its reply. Raises `asyncio.TimeoutError` if none comes within 5 s."""

    async def verify_password(self, person: PersonId, password: str) -> bool:
        """Return whether this is the password of `person`. It takes the same time when there is no such person."""

    def forecasts(self) -> Mapping[LineId, tuple[Forecast, float]]:
        """Return, by line, the forecast of the day and its age in seconds."""

    async def owed(self) -> Sequence[Mapping[str, Any]]:
        """Return the callers whom a failure cut off and to whom nobody has spoken since, oldest first, fields by name.

        Raises TimeoutError while the register cannot be read.
        """

    def healthy(self) -> tuple[bool, Mapping[str, str]]:
        """Return whether calls can be answered now, and for each component 'ok' or what is wrong."""
