"""The interface through which the web application sees the call centre; it knows nothing else of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from callcenter.core.commands import Reply
from callcenter.core.events import Customer, Event
from callcenter.core.ids import LineId, PersonId, PhoneName, ReplyTo
from callcenter.core.on_floor import FloorView
from callcenter.core.view import OperatorView, View
from callcenter.planning.forecast import Forecast


@dataclass(frozen=True, slots=True)
class PagePhone:
    """What the phone in a page needs to register. `url`: without a host (`ws://:8088/ws`) it is the page's own."""

    name: PhoneName
    password: str = field(repr=False)
    realm: str
    url: str
    opening: str
    """Names this opening: when another one counts, the page has lost the phone."""
    ice_servers: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    """The STUN and TURN servers, as `RTCPeerConnection` takes them (W3C WebRTC, `RTCIceServer`)."""
    echo: str = ""
    """What it dials to hear itself."""


class Backend(Protocol):
    """The call centre as the web application sees it."""

    @property
    def page_phones(self) -> Mapping[PersonId, PhoneName]:
        """The phone in the page of each person; empty if there are none."""

    def page_phone(self, own: OperatorView) -> str | None:
        """Return which opening of the phone in the page counts, '' if none is known; None: they sit elsewhere."""

    async def open_page_phone(self, person: PersonId) -> PagePhone:
        """Make a new password for the phone in the person's page; the former is worthless. Raises TimeoutError."""

    def page_phone_says(self, person: PersonId, opening: str, trouble: str) -> None:
        """Note what is wrong in the page with this opening of the person's phone; '': nothing."""

    def view(self, people: Collection[PersonId] | None = None) -> View:
        """Return the present state; of the people only those named, if any are (`()`: nobody)."""

    def floor(self) -> FloorView:
        """Return the present floor as supervisors see it."""

    def hours_change_at(self, line: LineId) -> float | None:
        """Return when the line's hours open or close it next, by the core's clock; None: there is no such line."""

    def operator(self, person: PersonId) -> OperatorView | None:
        """Return one operator's present state; None if there is no such account."""

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        """Send the event to the core and wait for its reply. Raises `asyncio.TimeoutError` if none comes within 5 s."""

    def customer(self, number: str) -> Customer | None:
        """Return whose number it is (E.164), as far as the directory knows."""

    def forecasts(self) -> Mapping[LineId, tuple[Forecast, float]]:
        """Return, by line, the forecast of the day and its age in seconds."""

    async def owed(self, reader: PersonId) -> Sequence[Mapping[str, Any]]:
        """Return the callers whom a failure cut off and to whom nobody has spoken since, oldest first, fields by name.

        It is written down that `reader` has seen them. Raises TimeoutError while the register cannot be read.
        """

    def healthy(self) -> tuple[bool, Mapping[str, str]]:
        """Return whether calls can be answered now, and for each component 'ok' or what is wrong."""
