"""Somebody who writes HTTP by hand, from whatever address of this machine they like."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

STRANGER, ELSEWHERE = "127.0.0.66", "127.0.0.77"


@dataclass(frozen=True)
class Answered:
    """An answer to a request."""

    status: int
    head: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def cookie(self, name: str) -> str:
        """The value of a cookie that is set; '' if it is not."""
        found = re.search(rf"^Set-Cookie: {name}=\"?([^;\"\r]*)", self.head, re.MULTILINE)
        return found[1] if found else ""


def written(method: str, path: str, body: object = None, cookies: str = "") -> bytes:
    """A request as text."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n"
    head += "Content-Type: application/json\r\n" * (body is not None) + f"Cookie: {cookies}\r\n" * bool(cookies)
    return head.encode() + b"\r\n" + content


async def answer(reader: asyncio.StreamReader) -> Answered:
    """The next answer on a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = re.search(r"^Content-Length: (\d+)", head, re.MULTILINE)
    body = await reader.readexactly(int(length[1]) if length else 0)
    return Answered(int(head.split()[1]), head, body)


async def asked(
    port: int, method: str, path: str, body: object = None, *, cookies: str = "", address: str = "127.0.0.1"
) -> Answered:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        writer.write(written(method, path, body, cookies))
        return await answer(reader)
    finally:
        writer.close()


async def log_in(port: int, person: str, password: str, *, cookies: str = "", address: str = "127.0.0.1") -> Answered:
    return await asked(
        port, "POST", "/api/login", {"id": person, "password": password}, cookies=cookies, address=address
    )
