"""All that the web knows of the call centre."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from callcenter.core.commands import Reply
from callcenter.core.events import Event, ReplyTo
from callcenter.core.view import OperatorView, View
from callcenter.planning.forecast import Forecast


class Backend(Protocol):
    """The call centre as seen from a page."""

    def view(self) -> View:
        """The present moment."""

    def operator(self, person: str) -> OperatorView | None:
        """One person at the present moment; None: there is no such account."""

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        """Put the event in and wait for the core's reply; `asyncio.TimeoutError` when none comes in 5 s."""

    async def verify_password(self, person: str, password: str) -> bool:
        """Whether this is the password of `person`; an unknown person takes just as long."""

    def forecasts(self) -> Mapping[str, tuple[Forecast, float]]:
        """By line: the forecast of its day, and how many seconds ago it was made."""

    async def owed(self) -> Sequence[Mapping[str, Any]]:
        """Callers whom a failure cut off and to whom nobody has spoken since, the oldest first: fields by name.

        Raises TimeoutError while the register cannot be read.
        """

    def healthy(self) -> tuple[bool, Mapping[str, str]]:
        """Whether calls can be answered now, and for each component 'ok' or what is wrong."""
