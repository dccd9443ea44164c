"""What open chats cost the controller: `python -m tests.bench.chats [--chats 500] [--seconds 20] [--flood]`.

The server has the real core, a register of SQLite and the public application; the customers' pages are in another
process. Processor time is the server's own: idle, then with a message a second over all chats.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
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


async def serve(number: int, seconds: float, flood: bool) -> None:
    """Measure."""
    chats.RULES = replace(chats.RULES, at_once=100_000)
    with tempfile.TemporaryDirectory() as folder:
        register = await Register.open(Path(folder) / "register.sqlite")
        controller = Controller(register, Path(folder) / "files")
        controller.opens("101")
        site = Site({LINE: PublicLine(LINE, "bench", ZoneInfo("Europe/Moscow"))})
        now = asyncio.get_running_loop().time
        part = PublicChat(site, {LINE}, controller.chats, ArticleTable(register), now)
        if not flood:
            part._beginnings = part._messages = part._messages_of_chat = Buckets(1e9, 1e9)
            part._connections = _Nothing()  # type: ignore[assignment]
        app = make_public_app(site, [part], requests=Buckets(1e9, 1e9), now=now)
        runner = web.AppRunner(app)
        await runner.setup()
        listening = web.TCPSite(runner, "127.0.0.1", 0)
        await listening.start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        work = asyncio.create_task(controller.chats.run())
        if flood:
            await measure_flood(controller, address)
            work.cancel()
            await runner.cleanup()
            await register.close()
            return
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


FLOOD = 10_000
"""Messages, in a minute, from one address; as the limits are by default."""


async def measure_flood(controller: Controller, address: str) -> None:
    """Have a process of its own send them; whoever is cut off comes again at once."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    flooder = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.chats", "--flooder", address)
    began, cpu = time.monotonic(), time.process_time()
    await flooder.wait()
    took, used = time.monotonic() - began, time.process_time() - cpu
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    kept = sum(live.last for live in controller.chats.live.values())
    print(f"{FLOOD} messages in {took:.0f} s: {used:.2f} s of processor time, {memory:.0f} MB more, {kept} kept")


async def flooding(address: str) -> None:
    """Send evenly, over five chats."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(n: int) -> None:
            secret = f"{n:064x}"
            body = {"secret": secret, "key": "first-key", "name": "Пётр", "contact": f"p{n}@example.ru", "text": "Алло"}
            async with session.post(f"{address}/estp/chat", json=body) as answer:
                assert answer.status == 200
            socket = None
            for number in range(FLOOD // 5):
                if socket is None or socket.closed:
                    socket = await session.ws_connect(f"{address}/estp/chat/live", max_msg_size=0)
                    await socket.send_json({"secret": secret, "after": 0})
                with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                    await socket.send_json({"key": f"flood-{number:08d}", "text": "ы" * 100})
                await asyncio.sleep(60.0 * 5 / FLOOD)

        await asyncio.gather(*(one(n) for n in range(5)))


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
    options.add_argument("--flood", action="store_true", help="10,000 messages in a minute from one address, instead")
    options.add_argument("--customers", default="", help=argparse.SUPPRESS)
    options.add_argument("--flooder", default="", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.customers:
        asyncio.run(customers(asked.customers, asked.chats))
    elif asked.flooder:
        asyncio.run(flooding(asked.flooder))
    else:
        asyncio.run(serve(asked.chats, asked.seconds, asked.flood))


if __name__ == "__main__":
    main()
