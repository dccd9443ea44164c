"""A server that speaks the Bot API as far as a line's bot uses it, and can misbehave as the real one does.

As documented at https://core.telegram.org/bots/api: an update is confirmed as soon as getUpdates is called with an
offset higher than its update_id; at most 100 are returned; errors have ok=false, error_code, description, and for
floods parameters.retry_after.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

TOKEN = "123456:AAtest_token_of_a_pretended_bot"


@dataclass
class BotServer:
    """What it has, and what was sent by it."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, str, int]] = field(default_factory=list)
    """What the next calls get: error code, description, and seconds to wait."""
    calls: list[str] = field(default_factory=list)
    url: str = ""
    next_update: int = 1000
    next_message: int = 1

    def writes(self, chat: int, text: str = "", **more: Any) -> dict[str, Any]:
        """Somebody writes to the bot."""
        self.next_message += 1
        message = {
            "message_id": self.next_message,
            "from": {"id": chat, "is_bot": False, "first_name": "Анна", "last_name": "Ли"},
            "chat": {"id": chat, "type": "private"},
            "date": 1796000000,
            **({"text": text} if text else {}),
            **more,
        }
        return self.update(message=message)

    def update(self, **content: Any) -> dict[str, Any]:
        """Something comes in, as it is given."""
        self.next_update += 1
        update = {"update_id": self.next_update, **content}
        self.updates.append(update)
        return update

    async def method(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        self.calls.append(name)
        if request.match_info["token"] != TOKEN:
            return _refused(401, "Unauthorized")
        if self.refusals:
            return _refused(*self.refusals.pop(0))
        given = await (request.json() if request.content_type == "application/json" else _form(request))
        return web.json_response({"ok": True, "result": await getattr(self, f"_{name}")(given)})

    async def _getUpdates(self, given: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802 - the API's name
        offset = given.get("offset")
        if offset is not None:
            self.updates = [one for one in self.updates if one["update_id"] >= offset]
        if not self.updates:
            await asyncio.sleep(min(0.02, given["timeout"]))
        return self.updates[:100]

    async def _sendMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert len(given["text"].encode("utf-16-le")) // 2 <= 4096
        return self._send(given)

    async def _sendDocument(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._send(given)

    async def _getFile(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"file_id": given["file_id"], "file_path": f"documents/{given['file_id']}"}

    def _send(self, given: dict[str, Any]) -> dict[str, Any]:
        self.next_message += 1
        self.sent.append({**given, "message_id": self.next_message})
        return {"message_id": self.next_message}

    async def file(self, request: web.Request) -> web.StreamResponse:
        if self.refusals:
            return _refused(*self.refusals.pop(0))
        return web.Response(body=self.files[request.match_info["name"]])


async def _form(request: web.Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            found |= {name: value.file.read(), "name": value.filename}
        else:
            found[name] = value
    return found


def _refused(code: int, said: str, wait: int = 0) -> web.Response:
    content: dict[str, Any] = {"ok": False, "error_code": code, "description": said}
    if wait:
        content["parameters"] = {"retry_after": wait}
    return web.json_response(content, status=code)


@asynccontextmanager
async def bot_server() -> AsyncIterator[BotServer]:
    """One that listens."""
    server = BotServer()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/bot{token}/{method}", server.method)
    app.router.add_get("/file/bot{token}/documents/{name}", server.file)
    async with TestServer(app) as listening:
        server.url = str(listening.make_url("")).rstrip("/")
        yield server
