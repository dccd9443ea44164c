"""A program that writes calls without end and says how many it was told; a test kills it in the middle."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from callcenter.store import Register, Writer
from callcenter.store.spool import Spool
from tests.databases import Where
from tests.store.stories import arrival, wall


async def main(where: Where, folder: Path) -> None:
    """Print the number of calls that were put, after every few of them, while they are being written."""
    writer = Writer(await Register.open(where), wall, Spool(folder))
    writer.start()
    writer._hurry.set()
    for number in count():
        writer.put(arrival(f"{number}", number))
        if number % 20 == 0:
            print(number + 1, flush=True)
            await asyncio.sleep(0.0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
