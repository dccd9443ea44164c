"""The settings of what customers open in a browser: forms, and where their requests stand (eLot 2.3, TBS 2.6)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from callcenter.config.section import Section
from callcenter.config.values import Bind, Port, Subnet, WebUrl


class Public(Section):
    """The application for customers: a port of its own, and what it bears. It runs if a line has a form."""

    bind: Bind = "127.0.0.1"
    port: Port = 8090
    url: WebUrl | None = None
    """Under which customers reach it, for links in mails; lines with a form need it."""
    proxies: tuple[Subnet, ...] = ()
    """Our reverse proxies: behind them, a request comes from the address that they write into X-Forwarded-For."""
    connections: Annotated[int, Field(ge=16, le=20_000)] = 512
    """Connections at the same time; not more than the system's limit of open files allows."""
    connections_per_address: Annotated[int, Field(ge=4, le=20_000)] = 64
    """Of these, from one address that is not a proxy."""
    requests_per_minute: Annotated[int, Field(ge=10, le=100_000)] = 240
    """Pages, styles and scripts that one address gets; so many at once, too."""
    forms_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Forms that one address sends; half of them at once, too."""
    forms_per_hour_in_all: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    """Forms from everywhere; a tenth of them at once, too."""
    work_bits: Annotated[int, Field(ge=0, le=24)] = 18
    """How much a browser computes for an address that has sent too much, instead of waiting: each bit doubles it.
    0: everybody waits."""
    work_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Forms and chats that one address may have that way, beside the others."""
    files_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 120
    """Files of answers that one address takes; a quarter of them at once, too."""
    uploads: Annotated[int, Field(ge=1, le=1000)] = 20
    """Forms that are being received at the same time; a quarter of them from one address."""
    upload_within: Annotated[int, Field(ge=10, le=7200)] = 900
    """Seconds that a form may take to arrive with its files."""
    shortest_seconds: Annotated[float, Field(ge=0, le=60)] = 3.0
    """Nobody fills in a form faster."""
