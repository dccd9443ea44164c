"""A program that answers requests, sends the answers and says so for each; a test kills it in the middle of that."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from callcenter.request_register.outbox import Came, Leaving, Outbox, Receipt
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.sender import OutboxSender
from callcenter.requests.request import Way
from callcenter.store import Register
from tests.databases import Where
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, MINUTE, answered


class Printing:
    """The other side: what is printed has arrived."""

    async def deliver(self, leaving: Leaving) -> Receipt:
        print(leaving.key, flush=True)
        await asyncio.sleep(0.001)
        return Receipt(Came.SENT)


async def main(where: Where) -> None:
    """Go on until killed."""
    register = await Register.open(where)
    requests = RequestRegister(register, of_lines)
    sender = OutboxSender(
        Outbox(register), requests, {Way.EMAIL: Printing()}, timedelta(hours=48), lambda: CALLED + 10 * MINUTE
    )

    async def work() -> None:
        while True:
            await answered(requests)

    async def send() -> None:
        while True:
            await sender.send_due()
            await asyncio.sleep(0.005)

    await asyncio.gather(work(), work(), send())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
