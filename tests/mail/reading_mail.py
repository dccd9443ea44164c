"""A mailbox that is read as the controller does it, and the program that a test kills while it does."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from callcenter.channels.receiver import Receiver
from callcenter.mail.ids import MessageIds
from callcenter.mail.imap import ImapServer
from callcenter.mail.mailbox import Mailbox, Rules
from callcenter.mail.progress import ProgressTable
from callcenter.mail.reader import Reader
from callcenter.request_register.arrivals import ArrivalRegister, Arrived, Taken
from callcenter.request_register.outbox import Came, Leaving, Outbox, Receipt
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.sender import OutboxSender
from callcenter.requests.request import Way
from callcenter.store import Register
from tests.channels.conftest import ESTP, make_arrivals, make_attachments, of_lines
from tests.patience import patience
from tests.request_register.stories import CALLED

IDS = MessageIds("secret")
RULES = Rules(longest=2_000_000, takes_old=False)


def mail(
    subject: str = "Вопрос", text: str = "Не подписывается контракт", *, sender: str = "p@customer.ru", **headers: str
) -> bytes:
    """Return a mail as a simple program writes it."""
    lines = [
        f"From: Пётр <{sender}>",
        "To: info@estp.ru",
        f"Subject: {subject}",
        "Date: Mon, 30 Nov 2026 10:00:00 +0300",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        text,
    ]
    return "\r\n".join(lines).replace("\r\n", "\n").replace("\n", "\r\n").encode()


@asynccontextmanager
async def being_read(
    server: ImapServer,
    database: Register,
    arrivals: ArrivalRegister,
    folder: Path,
    *,
    rules: Rules = RULES,
    now: datetime = CALLED,
    every: float = 0.2,
) -> AsyncIterator[tuple[Mailbox, Receiver]]:
    """Read a mailbox for the block."""
    reader = Reader()
    progress = ProgressTable(database)
    mailbox = Mailbox(ESTP, server, rules, progress, arrivals, reader, IDS, folder / "mail", lambda: now, every=every)
    receiver = Receiver(mailbox, arrivals, lambda: now)
    running = asyncio.create_task(receiver.run())
    try:
        yield mailbox, receiver
        assert not running.done() or running.result() is None
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await reader.close()


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for what has to come."""
    async with patience(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def taken(receiver: Receiver, messages: int) -> None:
    """Wait until so many messages were taken, whatever became of them."""
    await until(lambda: receiver.outcomes.total() >= messages)


class _Doomed(ArrivalRegister):
    """Says what it does, and stops for ever at one step; whoever reads that, kills it."""

    stop_at = ""

    async def take(self, arrived: Arrived, at: datetime) -> Taken:
        await step("fetched", self.stop_at)
        found = await super().take(arrived, at)
        await step("committed", self.stop_at)
        return found


async def step(name: str, stop_at: str) -> None:
    print(name, flush=True)
    if name == stop_at:
        await asyncio.Event().wait()


class _Printing:
    """The other side: what is printed has arrived."""

    def __init__(self, stop_at: str) -> None:
        self._stop_at = stop_at

    async def deliver(self, leaving: Leaving) -> Receipt:
        print(f"arrived {leaving.key}", flush=True)
        await step("sent", self._stop_at)
        return Receipt(Came.SENT)


async def main(where: str, port: str, user: str, folder: str, stop_at: str) -> None:
    """Read mail and acknowledge it until killed."""
    database = await Register.open(where)
    arrivals = make_arrivals(database, make_attachments(database, Path(folder) / "attachments"))
    arrivals.__class__ = _Doomed
    found: Any = arrivals
    found.stop_at = stop_at
    server = ImapServer("127.0.0.1", int(port), "none", user, "right", done="Обработанные")
    sender = OutboxSender(
        Outbox(database), RequestRegister(database, of_lines), {Way.EMAIL: _Printing(stop_at)},
        timedelta(hours=48), lambda: CALLED,
    )  # fmt: skip
    async with being_read(server, database, arrivals, Path(folder)) as (mailbox, _):
        kept = mailbox.kept

        async def moved(one: Arrived) -> None:
            await kept(one)
            await step("moved", stop_at)

        mailbox.kept = moved  # type: ignore[method-assign,assignment]
        while True:
            await sender.send_due()
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
