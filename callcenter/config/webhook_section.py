"""Who is told by a webhook, and of what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from callcenter.config.section import Section
from callcenter.config.values import LineId, WebUrl


class Kind(StrEnum):
    """What a webhook can tell of."""

    CALL_ARRIVED = "call.arrived"
    CALL_PLACED = "call.placed"
    """An operator calls out."""
    CALL_ANSWERED = "call.answered"
    CALL_ENDED = "call.ended"
    CALL_REGISTERED = "call.registered"
    """An operator has registered what was asked (ESTP 5.6.2)."""
    REQUEST_CHANGED = "request.changed"


class Webhook(Section):
    """One program that is told. The key that signs what it is told: `callcenter webhooks key`."""

    url: WebUrl
    events: Annotated[tuple[Kind, ...], Field(min_length=1)] = tuple(Kind)
    lines: tuple[LineId, ...] = ()
    """(): all."""
    within: Annotated[float, Field(ge=1, le=60)] = 10.0
    """Seconds for an answer."""
    give_up_after_hours: Annotated[float, Field(ge=0.1, le=720)] = 72.0
