"""How conversations sounded at phones in pages, in the register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from callcenter.store import Register
from callcenter.store.quality_tables import CallQuality
from callcenter.store.rows import clean
from callcenter.store.tables import table_of

_QUALITY = table_of(CallQuality)
MOST_SAMPLES = 5000
"""Of one operator's part of a call: seven hours. Later ones are not kept."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How five seconds of a conversation sounded; `ago`: how many seconds before now they ended."""

    ago: float
    loss: float
    """Share of packets lost on the way to the page, from 0 to 1."""
    sent_loss: float | None
    """The same on the way to Asterisk; None: it has not told."""
    jitter: float
    """Milliseconds."""
    round_trip: float | None
    """Milliseconds; None: not known."""

    @property
    def worst_loss(self) -> float:
        """The loss in the worse direction."""
        return max(self.loss, self.sent_loss or 0.0)


class QualityTable:
    """The measurements. Its methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def add(self, call: str, operator: str, samples: Sequence[Sample], now: datetime) -> None:
        """Keep samples of an operator's part of a call, after those that are kept already."""
        ours = _QUALITY.c.call == clean(call, 150), _QUALITY.c.operator == clean(operator, 64)
        worst = max(sample.worst_loss for sample in samples)
        began_at = now - timedelta(seconds=max(sample.ago for sample in samples))

        def add(connection: Connection) -> None:
            before = connection.execute(select(_QUALITY).where(*ours)).one_or_none()
            if before is None:
                row = {"call": clean(call, 150), "operator": clean(operator, 64), "began_at": began_at}
                row |= {"worst_loss": worst, "samples": _since(began_at, samples, now)}
                connection.execute(_QUALITY.insert().values(row))
            else:
                kept = [*before.samples, *_since(before.began_at, samples, now)][:MOST_SAMPLES]
                changed = {"samples": kept, "worst_loss": max(before.worst_loss, worst)}
                connection.execute(update(_QUALITY).where(*ours).values(changed))

        await self._register.read(add)


def _since(began_at: datetime, samples: Sequence[Sample], now: datetime) -> list[list[float | None]]:
    passed = (now - began_at).total_seconds()
    return [[round(passed - one.ago, 1), one.loss, one.sent_loss, one.jitter, one.round_trip] for one in samples]
