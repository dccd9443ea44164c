"""Chats beside calls with a real Asterisk: who writes is not rung, who calls is served first (E-SAUDA 2.2)."""

from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest

from callcenter.chats.chat_table import chat_of
from callcenter.core.ids import ChatId
from tests.e2e.listening import CALLER, OPERATOR, hears, voice
from tests.e2e.processes import QUICK, STRAIGHT_TO_THE_QUEUE
from tests.e2e.station import Station, free_port, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.clause("E-SAUDA 2.2")]

CHAT = {"channels": {"chat": {"at_once": "2", "wrap_up": "0"}}}


async def writes(line: Station, secret: str) -> ChatId:
    """A customer begins a chat."""
    address = f"http://127.0.0.1:{line.config.public.port}/estp/chat"
    body = {"secret": secret * 64, "key": "first-key", "name": "Пётр", "contact": "petr@example.ru", "text": "Алло"}
    async with aiohttp.ClientSession() as session, session.post(address, json=body) as answer:
        assert answer.status == 200, await answer.text()
    return chat_of(secret * 64)


def of(line: Station, chat: ChatId) -> tuple[str, str]:
    """State and operator of a chat, as the core has them."""
    found = line.controller._chat(chat)
    return (found.state, found.operator) if found else ("over", "")


async def opens_page(line: Station, person: str) -> aiohttp.ClientWebSocketResponse:
    """A page of the desk, in which chats can be shown."""
    return await line._browsers[person].ws_connect("/api/live")


@pytest.mark.timeout(120)
async def test_calls_and_chats_are_shared_out_together(tmp_path: Path, brief: Path) -> None:
    public = {"port": free_port(socket.SOCK_STREAM), "url": "http://127.0.0.1"}
    settings = {"ivr": STRAIGHT_TO_THE_QUEUE, "timings": QUICK, "prompts": str(brief), "public": public, "line": CHAT}
    async with station(tmp_path, **settings) as line:
        anna = await line.operator("101")
        page = await opens_page(line, "101")
        chat = await writes(line, "a")
        await until(lambda: of(line, chat) == ("offered", "101"), what="the chat is offered")
        assert (await line.api("101", f"chats/{chat}/accept")).status == 200
        irina = await line.operator("102")
        caller = await line.caller()
        caller.say(voice(CALLER))
        leg = await irina.rings()
        assert anna.incoming.empty(), "who writes is not rung"
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        second = await writes(line, "b")
        await until(lambda: of(line, second) == ("offered", "101"), what="two chats at once")
        assert (await line.api("102", f"chats/{second}/accept")).status == 404, "it is offered to somebody else"
        assert (await line.api("101", f"chats/{second}/accept")).status == 200
        waiting = await line.caller("+73421234568", host=11)
        await until(lambda: line.waiting() == 1, what="the second caller waits")
        for one in (chat, second):
            await line.api("101", f"chats/{one}/close")
        await until(lambda: of(line, chat)[0] == of(line, second)[0] == "over", what="both chats are over")
        await anna.rings()
        third = await writes(line, "c")
        assert of(line, third) == ("waiting", ""), "who is rung is offered no chat"
        waiting.hang_up()
        await until(lambda: of(line, third) == ("offered", "101"), what="now Anna is free for it")
        await page.close()
        await until(lambda: of(line, third) == ("waiting", ""), what="a closed page takes no chat")
        leg.hang_up()
