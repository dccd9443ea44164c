"""What open chats cost the controller: `python -m tests.bench.chats [--chats 500] [--seconds 20]`.

The server has the real core, a register of SQLite and the public application; the customers' pages are in another
process. Processor time is the server's own: idle, then with a message a second over all chats.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web

from callcenter.knowledge.article_table import ArticleTable
from callcenter.public.app import make_public_app
from callcenter.public.chat import PublicChat
from callcenter.public.rates import Buckets
from callcenter.public.site import PublicLine, Site
from callcenter.store import Register
from tests.chats import conftest as chats
from tests.chats.conftest import LINE, Controller


async def serve(number: int, seconds: float) -> None:
    """Measure."""
    chats.RULES = replace(chats.RULES, at_once=100_000)
    with tempfile.TemporaryDirectory() as folder:
        register = await Register.open(Path(folder) / "register.sqlite")
        controller = Controller(register, Path(folder) / "files")
        controller.opens("101")
        site = Site({LINE: PublicLine(LINE, "bench", ZoneInfo("Europe/Moscow"))})
        now = asyncio.get_running_loop().time
        part = PublicChat(site, {LINE}, controller.chats, ArticleTable(register), now)
        part._beginnings = part._messages = part._messages_of_chat = Buckets(1e9, 1e9)
        part._connections = _Nothing()  # type: ignore[assignment]
        app = make_public_app(site, [part], requests=Buckets(1e9, 1e9), now=now)
        runner = web.AppRunner(app)
        await runner.setup()
        listening = web.TCPSite(runner, "127.0.0.1", 0)
        await listening.start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        work = asyncio.create_task(controller.chats.run())
        customers = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.chats", "--customers", address, "--chats", str(number),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert customers.stdin
        assert customers.stdout
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await customers.stdout.readline()
        for row in [live.row for live in controller.chats.live.values()]:
            controller.accepts("101", row)
        while controller.chats._moves:  # noqa: ASYNC110 - until all of them are stored
            await asyncio.sleep(0.1)
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        states = {live.state for live in controller.chats.live.values()}
        print(f"{len(controller.chats.live)} chats {states}: {memory:.0f} MB more")
        for what, command in (("idle", b"idle\n"), ("a message a second in all", b"talk\n")):
            customers.stdin.write(command)
            await customers.stdin.drain()
            began, cpu = time.monotonic(), time.process_time()
            await asyncio.sleep(seconds)
            share = (time.process_time() - cpu) / (time.monotonic() - began)
            print(f"{what}: {share:.2%} of a processor")
        customers.stdin.close()
        said = sum(live.last for live in controller.chats.live.values())
        print(f"messages kept: {said}; slowest acknowledgement: {(await customers.stdout.readline()).decode().strip()}")
        await customers.wait()
        work.cancel()
        await runner.cleanup()
        await register.close()


class _Nothing(dict[str, int]):
    """All connections come from one address here."""

    def __missing__(self, key: str) -> int:
        return 0

    def __setitem__(self, key: str, value: int) -> None:
        pass

    def __delitem__(self, key: str) -> None:
        pass


async def customers(address: str, number: int) -> None:
    """Open so many chats, and then do what the other process says."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    slowest = 0.0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        sockets = []
        for n in range(number):
            secret = f"{n:064x}"
            body = {"secret": secret, "key": "first-key", "name": "Пётр", "contact": f"p{n}@example.ru", "text": "Алло"}
            async with session.post(f"{address}/estp/chat", json=body) as answer:
                assert answer.status == 200, await answer.text()
            socket = await session.ws_connect(f"{address}/estp/chat/live", max_msg_size=0)
            await socket.send_json({"secret": secret, "after": 0})
            sockets.append(socket)
        waiting: dict[str, float] = {}

        async def read(socket: aiohttp.ClientWebSocketResponse) -> None:
            nonlocal slowest
            async for message in socket:
                for one in json.loads(message.data).get("messages", ()):
                    if began := waiting.pop(one["key"], 0.0):
                        slowest = max(slowest, loop.time() - began)

        readers = [asyncio.create_task(read(socket)) for socket in sockets]
        print("open", flush=True)
        talks = False
        line = asyncio.create_task(reader.readline())
        n = 0
        while True:
            done, _ = await asyncio.wait([line], timeout=1.0)
            if done:
                said = line.result()
                if not said:
                    break
                talks = said == b"talk\n"
                line = asyncio.create_task(reader.readline())
            elif talks:
                n += 1
                waiting[key := f"message-{n:08d}"] = loop.time()
                await sockets[n % number].send_json({"key": key, "text": "Сообщение обычной длины, каких большинство."})
        print(f"{slowest * 1000:.0f} ms", flush=True)
        for one in readers:
            one.cancel()


def main() -> None:
    """Read what is asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chats", type=int, default=500)
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--customers", default="")
    asked = options.parse_args()
    asyncio.run(customers(asked.customers, asked.chats) if asked.customers else serve(asked.chats, asked.seconds))


if __name__ == "__main__":
    main()
