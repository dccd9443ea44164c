"""A program that writes calls without end and says how many are safe; a test kills it in the middle."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from callcenter.register import Register, Writer
from tests.register.stories import arrival, wall


async def main(path: Path) -> None:
    """Print the number of calls that are in the register, after each batch."""
    writer = Writer(await Register.open(path), wall)
    writer.start()
    for batch in count(1):
        for number in range(200):
            writer.put(arrival(f"{batch}.{number}", batch))
        await writer.drain(10)
        print(writer.written, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
