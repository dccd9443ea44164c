"""Public pages whose process dies when it has stored a form and has not answered yet."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from aiohttp.test_utils import TestServer

from callcenter.request_register.arrivals import Arrived, Taken
from tests.databases import Where
from tests.public.conftest import public_house


async def main(where: Where, folder: Path) -> None:
    """Serve, say where, and die."""
    async with public_house(where, folder / "doomed") as house, TestServer(house.app) as server:
        take = house.desk.arrivals.take

        async def take_and_die(arrived: Arrived, at: datetime) -> Taken:
            taken = await take(arrived, at)
            os.kill(os.getpid(), signal.SIGKILL)
            return taken

        house.desk.arrivals.take = take_and_die  # type: ignore[method-assign]
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
