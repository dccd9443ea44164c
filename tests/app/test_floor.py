"""The floor of a whole controller: a wall screen hears of a change at once; what a supervisor ordered outlives us."""

from __future__ import annotations

import aiohttp
import pytest

from callcenter.accounts.wall_token import WallToken
from callcenter.core import events
from callcenter.core.commands import Answer
from callcenter.core.ids import LineId, PersonId
from callcenter.desk.floor_live import PROTOCOL
from tests.app.harness import Harness, arrives
from tests.desk.floor_desk import Shown

LINE = LineId("estp")


async def test_each_change_reaches_the_wall_by_itself(harness: Harness) -> None:
    """How soon is measured by `tests/bench/floor.py`."""
    token = WallToken(harness.config.var).text()
    async with harness.connected() as controller, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{harness.config.http.port}/api/wall/live"
        async with session.ws_connect(url, protocols=(PROTOCOL, token)) as socket:
            screen = Shown(socket)
            await screen.told()
            for call in range(1, 6):
                harness.asterisk.say(arrives(f"1.{call}"))
                await screen.until(lambda shown, used=call: shown.tables["lines"]["estp"]["in_use"] == used)  # type: ignore[misc]
            assert controller.view().lines["estp"].lines_in_use == 5


@pytest.mark.clause("ESTP 2.2a")
async def test_a_line_that_was_closed_by_order_is_closed_after_a_restart(harness: Harness) -> None:
    async with harness.connected() as controller:
        until = controller.people.hours_change_at(LINE)
        assert until is not None
        assert until > controller.now()
        assert controller.people.hours_change_at(LineId("nowhere")) is None
        reply = await controller.people.ask(
            lambda r: events.LineOrdered(LINE, False, "o-1", "Авария", PersonId("402"), until, r)
        )
        assert reply.answer is Answer.LINE_CLOSED
    async with harness.connected() as controller:
        assert not controller.view().lines["estp"].open
        harness.asterisk.say(arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-closed"
        reply = await controller.people.ask(
            lambda r: events.LineOrdered(LINE, True, "o-2", "Починили", PersonId("402"), until, r)
        )
        assert reply.answer is Answer.LINE_OPENED
    rows = harness.stored('SELECT "order", open, reason, "by", ended_by FROM line_orders')
    assert rows == [("o-1", 0, "Авария", "402", "402")]
    async with harness.connected() as controller:
        assert controller.view().lines["estp"].open
