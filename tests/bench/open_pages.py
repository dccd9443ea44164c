"""Open pages without a browser: the live connections of many people, in a process of its own.

`python -m tests.bench.open_pages PORT [phones]` reads a session's token from each line of its input until an empty one,
opens the connections, says `open`, and at the end of its input prints what came: for each message of a page its number,
the moment (monotonic seconds, the same clock in all processes), its bytes, and whether it was about the person. With
`phones` each page says that it has a phone, and answers when it is asked how that is; the questions are not printed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp

Came = list[tuple[int, float, int, bool]]
_IN_ORDER = '{"opening": "0a1b2c3d", "trouble": ""}'


async def main(port: int, phones: bool = False) -> None:
    """Serve one run."""
    loop = asyncio.get_running_loop()
    tokens = []
    while token := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        tokens.append(token)
    came: Came = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as session:
        pages = [
            asyncio.create_task(_page(session, number, token, came, phones)) for number, token in enumerate(tokens)
        ]
        while len({number for number, *_ in came}) < len(tokens):
            await asyncio.sleep(0.05)
            for number, page in enumerate(pages):
                if page.done():
                    page.result()
                    raise SystemExit(f"page {number} was closed")
        print("open", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    print(json.dumps(came), flush=True)


async def _page(session: aiohttp.ClientSession, number: int, token: str, came: Came, phone: bool) -> None:
    async with session.ws_connect("/api/live", headers={"Cookie": f"session={token}"}) as socket:
        if phone:
            await socket.send_str(_IN_ORDER)
        async for message in socket:
            if '"how"' in message.data:
                await socket.send_str(_IN_ORDER)
                continue
            came.append((number, time.monotonic(), len(message.data.encode()), '"me"' in message.data))
        if socket.close_code != 1000:
            raise SystemExit(f"page {number} was closed: {socket.close_code}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), "phones" in sys.argv))
