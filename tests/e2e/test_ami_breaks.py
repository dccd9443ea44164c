"""The manager connection breaks at the worst moments: nothing is repeated, every offer ends once, nobody is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path

import pytest
import yaml

from callcenter.config import Config
from callcenter.core.events import LogIn, LogOut
from tests.e2e.hearing import listen
from tests.e2e.listening import OPERATOR, all_quiet, hears
from tests.e2e.processes import QUICK, STRAIGHT_TO_THE_QUEUE, pick_up, reconnected
from tests.e2e.station import Station, configuration, station, until
from tests.patience import patience

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 2.3")]


class Break(Enum):
    """What befalls the connection when it carries certain words."""

    BEFORE = auto()
    """It is cut, and they never arrive."""
    AFTER = auto()
    """They arrive, and at once it is cut: no answer comes."""
    SILENCE = auto()
    """They arrive, and from then on nothing does, in either direction; but it stays open."""


class Trap:
    """A connection between the controller and Asterisk's manager that breaks, once, at the words it is set for."""

    def __init__(self, config: Config) -> None:
        self._config = config.asterisk
        self._words: bytes = b""
        self._how = Break.BEFORE
        self._writers: set[asyncio.StreamWriter] = set()
        self.sprung = asyncio.Event()
        self.connections = 0
        self.originates = 0
        """That reached Asterisk."""

    def set(self, words: bytes, how: Break) -> None:
        self._words, self._how = words, how
        self.sprung.clear()

    async def __aenter__(self) -> Trap:
        self._server = await asyncio.start_server(self._carry, self._config.ami_host, self._config.ami_port)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection(self._config.ami_bind, self._config.ami_port)
        both = (writer, far_writer)
        self._writers |= {*both}
        silent = asyncio.Event()
        await asyncio.gather(self._copy(reader, far_writer, both, silent), self._copy(far_reader, writer, both, silent))

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        silent: asyncio.Event,
    ) -> None:
        try:
            while data := await reader.read(65536):
                springs = bool(self._words) and self._words in data
                if silent.is_set():
                    continue
                if not (springs and self._how is Break.BEFORE):
                    self.originates += data.count(b"Action: Originate")
                    writer.write(data)
                    await writer.drain()
                if springs:
                    self._words = b""
                    self.sprung.set()
                    if self._how is Break.BEFORE:
                        break
                    silent.set()
                    if self._how is Break.AFTER:  # closed with words unread, it would be reset, and these be lost
                        writer.write_eof()
                        both[0].close()
                        return
        except OSError:
            pass
        for end in both:
            end.close()  # what was written still goes out


@asynccontextmanager
async def trapped(folder: Path, prompts: Path) -> AsyncIterator[tuple[Station, Trap]]:
    data = configuration(ivr=STRAIGHT_TO_THE_QUEUE, timings=QUICK, prompts=str(prompts))
    data["asterisk"]["ami_host"] = data["asterisk"]["sip_bind"]
    path = folder / "trap.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    async with Trap(Config.load(path)) as trap, station(folder, **data) as line:
        ami = line.controller.link.ami
        ami._settings = replace(ami._settings, lost_after=1.0)
        yield line, trap


@pytest.mark.parametrize("how", [Break.BEFORE, Break.AFTER, Break.SILENCE])
async def test_cut_in_the_moment_of_ringing_a_phone_rings_once_and_the_caller_is_served(
    tmp_path: Path, brief: Path, how: Break
) -> None:
    """Whether Asterisk has got the order nobody can know; it is never given again, only looked at what there is."""
    async with trapped(tmp_path, brief) as (line, trap):
        phone = await line.operator("101")
        trap.set(b"Action: Originate", how)
        caller = await line.caller()
        async with patience(10):
            await trap.sprung.wait()
        await until(lambda: not line.controller.link.connected.is_set(), what="the cut is noticed")
        await reconnected(line)
        leg = await phone.rings()
        await pick_up(line, leg)
        await hears(caller, OPERATOR)
        await listen(caller, 0.5)
        leg.hang_up()
        row = await line.ended(outcome="answered")
        await all_quiet(line)
        assert phone.incoming.empty(), "the phone rang again"
        assert line.see("101").presence == "available"
    assert row["operator"] == "101"
    results = [offer["result"] for offer in line.rows("select result from offers order by placed_at")]
    assert results == (["withdrawn", "connected"] if how is Break.BEFORE else ["connected"])
    assert trap.originates == 1


async def test_cut_while_the_snapshot_is_told_the_next_one_tells_all(tmp_path: Path, brief: Path) -> None:
    async with trapped(tmp_path, brief) as (line, trap):
        callers = []
        for n in range(3):  # one after the other: of three who dial at once, nobody knows who is the first
            callers.append(await line.caller(f"+7342111110{n}", 10 + n))
            await until(lambda: line.waiting() == len(callers), what="the caller is in the queue")
        trap.set(b"Event: StatusComplete", Break.BEFORE)
        before = trap.connections
        for writer in trap._writers:
            writer.transport.abort()
        async with patience(10):
            await trap.sprung.wait()
        callers[0].hang_up()
        await until(lambda: trap.connections >= before + 2)
        await reconnected(line)
        await until(lambda: line.waiting() == 2)
        phone = await line.operator("101")
        leg = await phone.rings()
        await pick_up(line, leg)
        await hears(callers[1], OPERATOR)
        await line.hang_up_all()
        await all_quiet(line)
    assert len(line.rows()) == 3


async def test_a_hangup_that_is_lost_with_the_connection_is_said_after_it(tmp_path: Path, brief: Path) -> None:
    """The caller leaves while a phone rings; the order to silence it is swallowed."""
    async with trapped(tmp_path, brief) as (line, trap):
        phone = await line.operator("101")
        caller = await line.caller()
        leg = await phone.rings()
        trap.set(b"Action: Hangup", Break.BEFORE)
        caller.hang_up()
        async with patience(10):
            await trap.sprung.wait()
            await leg.ended.wait()
        await all_quiet(line)
        assert line.see("101").presence == "available", "nothing was missed"
    assert [offer["result"] for offer in line.rows("select result from offers")] == ["withdrawn"]


async def test_a_phone_that_is_withdrawn_before_asterisk_has_made_its_channel_does_not_ring_on(
    tmp_path: Path, brief: Path
) -> None:
    """Both orders leave in the same moment: of the second Asterisk says that there is no such channel."""
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, timings=QUICK, prompts=str(brief)) as line:
        phone = await line.phone(line.config.people["101"].phone)
        caller = await line.caller()
        await until(lambda: line.waiting() == 1)
        line.controller.take(LogIn("101", True))
        line.controller.take(LogOut("101"))
        gone = "select 1 from offers where result = 'withdrawn'"
        await until(lambda: line.rows(gone), what="nobody is rung any more")  # of the 20 seconds that a phone rings
        if not phone.incoming.empty():  # it has rung for a moment, or not even that
            async with patience(10):
                await (await phone.rings()).ended.wait()
        await line.operator("101")
        await pick_up(line, await phone.rings())
        await hears(caller, OPERATOR)
        await line.hang_up_all()
        await all_quiet(line)
    assert [offer["result"] for offer in line.rows("select result from offers order by placed_at")] == [
        "withdrawn",
        "connected",
    ]
