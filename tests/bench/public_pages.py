"""What the public form costs: `python -m tests.bench.public_pages`. The pages run in a process of their own.

Memory while 25 MB come in, once and four times at once; forms a second; processor time of 1,000 refused forms.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import psutil
from aiohttp import ClientSession, FormData, web

from callcenter.public.keys import Tickets
from tests.public.conftest import GIVEN, public_house
from tests.request_register.stories import CALLED

MB = 1_000_000
FORMS, REFUSED, AT_ONCE = 300, 1000, 4


async def serve(folder: Path, often: bool) -> None:
    """Serve on a free port, and say which."""
    async with public_house(folder / "register.sqlite", folder, often=often) as house:
        runner = web.AppRunner(house.app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


class Sender:
    """Somebody who sends forms, and what that costs the other side."""

    def __init__(self, session: ClientSession, url: str, process: psutil.Process) -> None:
        self._session, self._url, self.process = session, url, process

    async def send(self, size: int = 0) -> int:
        form = FormData(default_to_multipart=True)
        ticket = Tickets("secret").make("estp", CALLED - timedelta(seconds=30))
        mailbox = {"ticket": ticket, "email": f"{ticket.split('.')[1]}@customer.ru"}
        for name, value in (GIVEN | mailbox).items():
            form.add_field(name, value)
        if size:
            form.add_field("files", BytesIO(b"%PDF-" + os.urandom(size - 5)), filename="a.pdf")
        async with self._session.post(self._url, data=form, allow_redirects=False) as answer:
            await answer.read()
            return answer.status

    async def many(self, count: int) -> Counter[int]:
        found: Counter[int] = Counter()
        for _ in range(count // AT_ONCE):
            found.update(await asyncio.gather(*(self.send() for _ in range(AT_ONCE))))
        return found

    def seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@asynccontextmanager
async def pages(often: bool) -> AsyncIterator[Sender]:
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "tests.bench.public_pages", folder, "often" if often else "seldom")
        server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert server.stdout is not None
        port = int(await server.stdout.readline())
        async with ClientSession() as session:
            yield Sender(session, f"http://127.0.0.1:{port}/estp/", psutil.Process(server.pid))
        server.kill()
        await server.wait()


async def most(sender: Sender, uploads: int) -> float:
    """How many megabytes the pages grow while as many forms of 25 MB come in at once."""
    base = peak = sender.process.memory_info().rss
    sending = asyncio.gather(*(sender.send(25 * MB) for _ in range(uploads)))
    while not sending.done():
        peak = max(peak, sender.process.memory_info().rss)
        await asyncio.sleep(0.005)
    assert set(await sending) == {303}
    return (peak - base) / MB


async def main() -> None:
    """Measure."""
    async with pages(often=True) as sender:
        await sender.many(20)
        print(f"25 MB: +{await most(sender, 1):.1f} MB; four times at once: +{await most(sender, 4):.1f} MB")
        began, used = time.perf_counter(), sender.seconds()
        assert set(await sender.many(FORMS)) == {303}
        took, used = time.perf_counter() - began, sender.seconds() - used
        print(f"forms: {FORMS / took:.0f} a second, {1000 * used / FORMS:.1f} ms of processor time each")
    async with pages(often=False) as sender:
        await sender.many(20)
        used = sender.seconds()
        answers = await sender.many(REFUSED)
        print(f"{REFUSED} forms over the limit: {sender.seconds() - used:.2f} s of processor time, {dict(answers)}")


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2] == "often") if len(sys.argv) > 1 else main())
