"""A real Asterisk tells of a few calls: makes `tests/data/ami_session.txt` (`python -m tests.asterisk.record_session`).

Answers to actions and lists are left out: whoever replays the events answers for itself. What operators asked for
on their pages stands between the events. The boot id of the controller that was there reads BOOT, its token TOKEN, and
secrets or addresses of this machine are in none of the events.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

from callcenter.asterisk.connection import Connection
from tests.asterisk.recorded import ASKED, SESSION
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.softphone import Call
from tests.e2e.station import Station, station, until


async def record(folder: Path) -> str:
    """Three callers, two operators: a conversation, a transfer after a consultation, a missed call, a wait in vain."""
    heard = bytearray()
    received = Connection.data_received

    def listening(connection: Connection, data: bytes) -> None:
        heard.extend(data)
        received(connection, data)

    def asks(what: str) -> None:
        heard.extend(f"{ASKED}{what}\r\n\r\n".encode())

    prompts = brief_prompts(folder / "prompts")
    asking = {"ask_inn": "true", "urgency": {"1": "urgent", "2": "normal"}}
    timings = {"ring_timeout": 3, "false_answer": 0}
    with patch.object(Connection, "data_received", listening):
        async with station(folder, ivr=asking, prompts=str(prompts), timings=timings) as line:
            await _day(line, asks)
            boot, token = line.controller._center._floor.settings.boot, line.controller.link._token
    return heard.decode().replace(boot, "BOOT").replace(token, "TOKEN")


async def _day(line: Station, asks: Callable[[str], None]) -> None:
    first, second = await line.operator("101"), await line.operator("201")
    anna = await _joins(line, "+73421111101", 10)
    leg = await first.rings()
    leg.answer()
    await until(lambda: line.see("101").activity == "talking")
    boris = await _joins(line, "+73421111102", 11)
    await until(lambda: line.waiting() == 1)
    asks("consult 101")
    assert (await line.api("101", "transfer", target="technical", consult=True)).status == 200
    advice = await second.rings()
    advice.answer()
    await until(lambda: line.see("101").activity == "consulting")
    await listen(advice, 0.5)
    asks("complete 101")
    assert (await line.api("101", "transfer/complete")).status == 200
    await until(lambda: line.see("201").activity == "talking")
    await first.rings()  # for Boris, and nobody picks up
    await until(lambda: line.see("101").presence == "paused", 15)
    vera = await _joins(line, "+73421111103", 12)
    await until(lambda: line.waiting() == 2)
    boris.hang_up()
    await until(lambda: line.waiting() == 1)
    anna.hang_up()
    asks("return 101")
    assert (await line.api("101", "return")).status == 200
    leg = await first.rings()
    leg.answer()
    await until(lambda: line.see("101").activity == "talking")
    await listen(vera, 0.5)
    leg.hang_up()
    await vera.ended.wait()
    await until(lambda: not line.controller.view().lines["estp"].lines_in_use)


async def _joins(line: Station, number: str, host: int) -> Call:
    """Greeting, no INN, not urgent."""
    call = await line.caller(number, host)
    callers = line.controller._center._floor.callers
    for state, key in (("identifying", "#"), ("choosing", "2")):
        await until(partial(lambda state: state in [caller.state for caller in callers.values()], state))
        await listen(call, 0.3)
        await call.press(key)
    return call


def events(session: str) -> str:
    """The session without what only that controller had asked for; lines as other text has them."""
    told = [block for block in session.split("\r\n\r\n") if block.startswith(("Event: ", ASKED))]
    told = [block for block in told if "list/" not in block and not block.startswith("Event: FullyBooted")]
    lines = [[line.rstrip() for line in block.split("\r\n")] for block in told]
    return "\n\n".join("\n".join(line for line in block if "ActionID: action/" not in line) for block in lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        SESSION.write_text(events(asyncio.run(record(Path(folder)))))
