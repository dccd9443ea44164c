"""How a conversation sounded is kept with the call: only of one's own, and only what can be true."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from callcenter.store.quality_tables import CallQuality
from tests.desk.test_registering import ANNA, BORIS, Desk, boris, desk

__all__ = ["desk"]
GOOD = {"loss": 0.0, "sent_loss": 0.01, "jitter": 4.0, "round_trip": 20.0}
BAD = {"loss": 0.2, "sent_loss": None, "jitter": 90.5, "round_trip": None}


async def kept(desk: Desk) -> list[CallQuality]:
    async with desk.line.register.session() as session:
        return list((await session.scalars(select(CallQuality))).all())


async def test_each_five_seconds_of_a_conversation_are_kept(desk: Desk) -> None:
    call = await desk.line.rings()
    await desk.line.answers(call)
    await desk.post("quality", call=call, samples=[GOOD | {"ago": 5.0}, GOOD])
    desk.line.passes(5)
    await desk.post("quality", call=call, samples=[BAD])
    await desk.line.ends(call)
    desk.line.passes(5)
    await desk.post("quality", call=call, samples=[GOOD])  # the last ones may come after the end
    [row] = await kept(desk)
    assert (row.call, row.operator, row.worst_loss) == (call, ANNA, 0.2)
    good, bad = [0.0, 0.01, 4.0, 20.0], [0.2, None, 90.5, None]
    assert row.samples == [[0.0, *good], [5.0, *good], [10.0, *bad], [15.0, *good]]


async def test_nobody_says_anything_of_somebody_elses_call(desk: Desk) -> None:
    call = await desk.line.talked()
    await boris(desk)
    await desk.post("quality", 403, who=BORIS, call=call, samples=[GOOD])
    await desk.post("quality", 403, who=BORIS, call="1700.99", samples=[GOOD])
    assert await kept(desk) == []


@pytest.mark.parametrize(
    "samples",
    [
        [],
        [GOOD] * 121,
        [GOOD | {"loss": 1.1}],
        [GOOD | {"loss": -0.1}],
        [GOOD | {"jitter": "9"}],
        [GOOD | {"jitter": 1e9}],
        [GOOD | {"more": 1}],
        [GOOD | {"ago": 4000}],
        "no list",
    ],
)
async def test_what_cannot_be_true_is_refused(desk: Desk, samples: Any) -> None:
    call = await desk.line.rings()
    await desk.post("quality", 400, call=call, samples=samples)
    assert await kept(desk) == []
