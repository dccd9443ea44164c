"""A program that takes facts while the database is held by another one; a test kills it before they are written."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from callcenter.core.commands import SaveCall
from callcenter.core.ids import PersonId
from callcenter.core.records import Outcome
from callcenter.store import Register, Writer
from callcenter.store.spool import Spool
from tests.databases import Where
from tests.store.stories import announcement, arrival, presence, wall

CALLS = 1500


async def main(where: Where, folder: Path) -> None:
    """Take all facts of some calls and shifts, say so, and go on trying to write them."""
    register = await Register.open(where, busy_timeout=0.05)
    writer = Writer(register, wall, Spool(folder))
    writer.start()
    print("ready", flush=True)
    sys.stdin.readline()
    for person in ("101", "102"):
        writer.put(presence(person, 0.0, "available", "log in"))
    for number in range(CALLS):
        call = arrival(f"100.{number}", number)
        writer.put(call)
        writer.put(announcement(call.record.call, spoken_at=number + 5.0))
        writer.put(SaveCall(replace(call.record, operator=PersonId("101"), outcome=Outcome.ANSWERED)))
        await asyncio.sleep(0)
    writer.put(presence("102", 3600.0, "off", "asked"))
    writer.put(presence("102", 3700.0, "available", "log in"))
    print("told", flush=True)
    await asyncio.sleep(60.0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
