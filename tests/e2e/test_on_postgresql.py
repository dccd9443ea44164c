"""The story of a line whose register is on a PostgreSQL server, which dies in the middle of a call."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.databases import SYNCED, Server
from tests.e2e.hearing import listen
from tests.e2e.listening import CALLER, OPERATOR, hears, voice
from tests.e2e.processes import QUICK, STRAIGHT_TO_THE_QUEUE
from tests.e2e.station import Station, station, until

pytestmark = pytest.mark.e2e


@pytest.mark.clause("ESTP 5.6.1, 2.6")
async def test_a_server_that_dies_in_a_conversation_is_not_noticed_by_who_talks_and_has_all_of_it_afterwards(
    tmp_path: Path, brief: Path, own_server: Server
) -> None:
    with own_server.connect() as connection:
        connection.execute("CREATE DATABASE line")
    settings = {"ivr": STRAIGHT_TO_THE_QUEUE, "timings": QUICK, "prompts": str(brief)}
    async with station(tmp_path, database=own_server.url("line"), **settings) as line:
        phone = await line.operator("101")
        caller = await line.caller("+73421111101")
        caller.say(voice(CALLER))
        leg = await phone.rings()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        await until(lambda: line.rows("select * from calls where answered_at is not null"), what="the row says so")

        own_server.kill()
        second = await line.caller("+73421111102", host=11)
        await listen(caller, 1.0)
        await hears(caller, OPERATOR)
        leg.hang_up()
        await until(lambda: second.answered.is_set(), what="the second call is taken without a database")
        other = await phone.rings()
        other.answer()
        await until(lambda: _late(line), what="facts wait in the spool")

        await asyncio.to_thread(own_server.run, os.getpid(), **SYNCED)
        await listen(second, 1.0)
        other.hang_up()
        first = await line.ended(number="+73421111101")
        later = await line.ended(number="+73421111102")
        assert (first["outcome"], later["outcome"]) == ("answered", "answered")
        assert first["answered_at"] < later["answered_at"] < later["ended_at"]
        for row in (first, later):
            assert (row["recording_problem"], bool(row["recording"])) == ("", True)
        offers = line.rows("select operator, result from offers where ended_at is not null order by id")
        assert [(one["operator"], one["result"]) for one in offers] == [("101", "connected")] * 2
        assert len(line.rows("select * from shifts where ended_at is null")) == 1
        assert len(line.rows()) == 2
        assert line.controller._writer.refused == 0


def _late(line: Station) -> bool:
    return line.controller._writer.failures > 0 and line.controller._writer.pending > 0
