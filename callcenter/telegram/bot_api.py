"""The few methods of Telegram's Bot API that a line's bot needs (https://core.telegram.org/bots/api).

The token is part of every address, so nothing that names an address leaves this module: neither in errors nor in logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

POLL = 50
"""Seconds for which the server waits for something new."""
WITHIN = 30.0
"""Seconds for any other answer; and beyond `POLL`."""
LARGEST_FILE = 20 * 1024 * 1024
"""Bytes of a file that a bot can fetch."""
LONGEST_TEXT = 4096
"""UTF-16 units of a message."""
_LONGEST_ANSWER = 16 * 1024 * 1024
_PIECE = 256 * 1024


class BotError(Exception):
    """What the server said, or that it said nothing. `code`: as HTTP's; 0: it was not reached."""

    def __init__(self, code: int, said: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{code} {said}" if code else said)
        self.code = code
        self.retry_after = retry_after
        """Seconds after which it may be asked again, if it asks for a pause."""


class BotApi:
    """One bot. `base`: of the server, without a slash at its end."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base
        self._token = token

    def __repr__(self) -> str:
        return f"<BotApi {self._base}>"

    async def updates(self, offset: int | None, wait: int = POLL) -> list[Mapping[str, Any]]:
        """Return up to 100 unconfirmed updates, the oldest first; those before `offset` are confirmed by it."""
        asked: dict[str, Any] = {"timeout": wait, "allowed_updates": ["message", "edited_message"]}
        if offset is not None:
            asked["offset"] = offset
        found = await self._call("getUpdates", asked, within=wait + WITHIN)
        if not isinstance(found, list):
            raise BotError(0, "the server has answered with something else than updates")
        return [one for one in found if isinstance(one, dict) and isinstance(one.get("update_id"), int)]

    async def send(self, chat: str, text: str, answers: int | None = None) -> int:
        """Send a text; returns the message's id. `answers`: the id of the message that it answers."""
        return _id_of(await self._call("sendMessage", {"chat_id": chat, "text": text, **_answering(answers)}))

    async def send_file(self, chat: str, path: Path, name: str, media_type: str) -> int:
        """Send a file; returns the message's id. Raises OSError if it cannot be read."""
        with await asyncio.to_thread(path.open, "rb") as file:
            form = aiohttp.FormData(quote_fields=False)  # Telegram shows a quoted name as it is
            form.add_field("chat_id", chat)
            form.add_field("document", file, filename=name, content_type=media_type)
            return _id_of(await self._call("sendDocument", form, within=10 * WITHIN))

    async def fetch(self, file: str, to: Path) -> None:
        """Fetch a file that was sent to the bot, at most `LARGEST_FILE` bytes of it."""
        found = await self._call("getFile", {"file_id": file})
        place = found.get("file_path") if isinstance(found, dict) else None
        if not isinstance(place, str) or ".." in place or place.startswith("/"):
            raise BotError(0, "the server does not say where the file is")
        async with self._asked("GET", f"/file/bot{self._token}/{place}", None, 10 * WITHIN) as answer:
            if answer.status != 200:
                raise BotError(answer.status, "the file is not there")
            with await asyncio.to_thread(to.open, "wb") as target:
                size = 0
                async for piece in answer.content.iter_chunked(_PIECE):
                    size += len(piece)
                    if size > LARGEST_FILE:
                        raise BotError(400, "file is too big")
                    await asyncio.to_thread(target.write, piece)

    async def _call(self, method: str, content: object, within: float = WITHIN) -> Any:
        async with self._asked("POST", f"/bot{self._token}/{method}", content, within) as answer:
            raw = await answer.content.read(_LONGEST_ANSWER)
            try:
                found = json.loads(raw)
            except ValueError:
                raise BotError(answer.status, "the server has answered with something that is no JSON") from None
            if not isinstance(found, dict):
                raise BotError(answer.status, "the server has answered with something that is no object")
            if found.get("ok") is True:
                return found.get("result")
            raise _refusal(answer.status, found)

    @contextlib.asynccontextmanager
    async def _asked(
        self, method: str, path: str, content: object, within: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(total=within)
        form, body = (content, None) if isinstance(content, aiohttp.FormData) else (None, content)
        try:
            # Few are asked: a connection each, which nobody has to close at the end.
            async with (
                aiohttp.ClientSession(self._base, timeout=timeout, trust_env=True) as session,
                session.request(method, path, data=form, json=body, allow_redirects=False) as answer,
            ):
                yield answer
        except TimeoutError:
            raise BotError(0, "the server has not answered in time") from None
        except aiohttp.ClientError as problem:  # its text may name the address, and the token in it
            raise BotError(0, f"the server cannot be used ({type(problem).__name__})") from None


def _answering(message: int | None) -> dict[str, Any]:
    if message is None:
        return {}
    return {"reply_parameters": {"message_id": message, "allow_sending_without_reply": True}}


def _id_of(sent: Any) -> int:
    found = sent.get("message_id") if isinstance(sent, dict) else None
    if not isinstance(found, int):
        raise BotError(0, "the server does not say what it has made of the message")
    return found


def _refusal(status: int, found: Mapping[str, Any]) -> BotError:
    code = found.get("error_code")
    said = str(found.get("description", ""))[:300]
    parameters = found.get("parameters")
    wait = parameters.get("retry_after", 0) if isinstance(parameters, dict) else 0
    pause = float(wait) if isinstance(wait, int | float) else 0.0
    return BotError(code if isinstance(code, int) else status, said or "the server refuses", pause)
