"""The customers' side over real connections: articles, a chat, a reload, and whatever strangers may send."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from callcenter.core.ids import LineId
from callcenter.knowledge.article import ArticleText
from callcenter.knowledge.article_table import ArticleTable
from callcenter.public import chat as chat_module
from callcenter.public.app import make_public_app
from callcenter.public.chat import TOO_MANY, UNKNOWN, PublicChat
from callcenter.public.rates import Buckets
from callcenter.public.site import PublicLine, Site
from callcenter.public.work import HEADER, Work, solves, tasks
from callcenter.store import Register
from tests.chats.conftest import Controller
from tests.request_register.stories import CALLED

pytestmark = pytest.mark.clause("E-SAUDA 2.2")

Client = TestClient[Any, Any]
SECRET = "0123456789abcdef" * 4
BEGUN = {"secret": SECRET, "key": "first-key", "name": "Пётр", "contact": "petr@example.ru", "text": "Не входит"}
ORIGIN = "https://www.example.ru"
ESTP, TBS, ZONE = LineId("estp"), LineId("tbs"), ZoneInfo("Europe/Moscow")


@pytest.fixture
async def client(controller: Controller, database: Register) -> AsyncIterator[Client]:
    lines = {id: PublicLine(id, title, ZONE, {}, (ORIGIN,)) for id, title in ((ESTP, "ЕСТП <b>"), (TBS, "ОТП"))}
    site, now = Site(lines, ["chat.js"]), asyncio.get_running_loop().time
    work = Work(tasks("secret"), 6, Buckets(1 / 60, 2), now, lambda: CALLED, lambda: "/static/work.js")
    chat = PublicChat(site, {ESTP}, controller.chats, ArticleTable(database), now, work)
    app = make_public_app(site, [chat], requests=Buckets(100, 1000), now=now)
    async with TestClient(TestServer(app)) as one:
        yield one


async def hello(client: Client, after: int = 0, secret: str = SECRET) -> ClientWebSocketResponse:
    socket = await client.ws_connect("/estp/chat/live")
    await socket.send_json({"secret": secret, "after": after})
    return socket


async def told(socket: ClientWebSocketResponse, until: str) -> dict[str, Any]:
    """Read until a part comes; return all parts and, together, all messages by number."""
    found: dict[str, Any] = {"said": {}}
    async with asyncio.timeout(5):
        while until not in found:
            news = json.loads(await socket.receive_str())
            found |= news
            for one in news.get("messages", ()):
                assert found["said"].setdefault(one["number"], one["text"]) == one["text"]
    return found


async def test_articles_come_first_and_only_those_for_customers(client: Client, database: Register) -> None:
    articles = ArticleTable(database)
    for name, public, lines in (("open", True, ()), ("inner", False, ()), ("other", True, ("tbs",))):
        text = ArticleText(f"Вход {name}", "Вход", "Не входит? **Смените** пароль.<script>1</script>", lines, public)
        await articles.save(name, 0, text, "401", CALLED)
    found = await (await client.get("/estp/chat/articles", params={"q": "не входит"})).json()
    assert [one["name"] for one in found["articles"]] == ["open"]
    read = await (await client.get("/estp/chat/articles/open")).json()
    assert "<strong>Смените</strong>" in read["html"]
    assert "<script" not in read["html"]
    for name in ("inner", "other", "nothing"):
        assert (await client.get(f"/estp/chat/articles/{name}")).status == 404


async def test_the_page_is_in_both_languages_and_may_be_framed_by_named_sites_only(client: Client) -> None:
    page = await client.get("/estp/chat?lang=en")
    assert f"frame-ancestors {ORIGIN}" in page.headers["Content-Security-Policy"]
    text = await page.text()
    assert '<html lang="en">' in text
    assert "ЕСТП &lt;b&gt;" in text
    assert "We are looking for a free specialist." in text
    russian = unescape(await (await client.get("/estp/chat")).text())
    assert "Ищем свободного специалиста." in russian.encode().decode("unicode_escape", "replace")
    assert (await client.get("/nothing/chat")).status == 404
    assert (await client.get("/tbs/chat")).status == 404, "this line has a form only"


async def test_a_chat_survives_a_reload_in_order_and_each_message_is_there_once(
    client: Client, controller: Controller
) -> None:
    controller.opens("101")
    for _ in range(2):  # the answer to the first was lost
        assert (await client.post("/estp/chat", json=BEGUN)).status == 200
    [chat] = controller.chats.live
    socket = await hello(client)
    first = await told(socket, "whole")
    assert (first["state"], first["said"]) == ("waiting", {1: "Не входит"})
    controller.accepts("101", controller.chats.live[chat].row)
    assert (await told(socket, "state"))["who"] == "Имя 101"
    await controller.chats.say(chat, "operator", "o1", "101", "Добрый день")
    for _ in range(2):
        await socket.send_json({"key": "key-number-2", "text": "Спасибо\u202e!"})
    said: dict[int, str] = {}
    while len(said) < 2:
        said |= (await told(socket, "messages"))["said"]
    assert said == {2: "Добрый день", 3: "Спасибо!"}
    await socket.close()
    again = await told(await hello(client, after=2), "whole")
    assert again["said"] == {3: "Спасибо!"}
    assert again["chat"] == controller.chats.live[chat].row.number


async def test_nobody_gets_in_without_the_secret_or_from_another_site(client: Client, controller: Controller) -> None:
    controller.opens("101")
    await client.post("/estp/chat", json=BEGUN)
    socket = await hello(client, secret="f" * 64)
    assert (await socket.receive()).data == UNKNOWN
    foreign = await client.post("/estp/chat", json=BEGUN, headers={"Origin": "https://evil.example"})
    assert foreign.status == 403
    for said in ("{}", "nonsense", json.dumps({"secret": "short"})):
        odd = await client.ws_connect("/estp/chat/live")
        await odd.send_str(said)
        assert (await odd.receive()).type is WSMsgType.CLOSE
    pages = [await hello(client) for _ in range(5)]
    for page in pages:
        await told(page, "whole")
    assert (await (await hello(client)).receive()).data == TOO_MANY


@pytest.mark.parametrize(
    ("change", "field"),  # `where` is the fixture that says where the register is
    [
        ({"contact": "petr"}, "contact"),
        ({"contact": "a@b.ru\nBcc: c@d.ru"}, "contact"),
        ({"text": "я" * 4001}, "text"),
        ({"text": " \u202e\x00 "}, "text"),
        ({"name": "\x07"}, "name"),
        ({"secret": "1"}, "secret"),
        ({"more": 1}, "more"),
    ],
)
async def test_what_cannot_begin_a_chat(client: Client, change: dict[str, Any], field: str) -> None:
    refused = await client.post("/estp/chat", json=BEGUN | change)
    assert (refused.status, (await refused.json())["where"]) == (400, field)


async def test_a_flood_from_one_page_disturbs_no_other(
    client: Client, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_module, "PAUSE", 0.05)
    controller.opens("101")
    other = BEGUN | {"secret": "e" * 64, "key": "other-key"}
    await client.post("/estp/chat", json=BEGUN)
    await client.post("/estp/chat", json=other)
    flooding, calm = await hello(client), await hello(client, secret="e" * 64)
    await told(flooding, "whole")
    await told(calm, "whole")

    async def flood() -> None:
        for number in range(10_000):
            await flooding.send_json({"key": f"flood-{number:08d}", "text": "ы" * 100})

    flooded = asyncio.create_task(flood())
    await told(flooding, "refused")
    await calm.send_json({"key": "calm-key", "text": "Я один"})
    assert (await told(calm, "messages"))["said"] == {2: "Я один"}
    flooded.cancel()
    await asyncio.gather(flooded, return_exceptions=True)
    flooding._response.connection.transport.abort()  # type: ignore[union-attr]
    [flooder] = [one for one in controller.chats.live.values() if one.row.name == "Пётр" and one.last > 2]
    assert flooder.last < 20


async def test_a_message_that_is_too_long_ends_the_connection_and_nothing_else(
    client: Client, controller: Controller
) -> None:
    controller.opens("101")
    await client.post("/estp/chat", json=BEGUN)
    socket = await hello(client)
    await told(socket, "whole")
    await socket.send_json({"key": "long-key", "text": "я" * 30_000})
    assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
    assert (await told(await hello(client), "whole"))["said"] == {1: "Не входит"}


async def test_beginnings_of_one_address_are_paced(client: Client, controller: Controller) -> None:
    controller.opens("101")
    statuses = [
        (await client.post("/estp/chat", json=BEGUN | {"secret": f"{number:064x}"})).status for number in range(8)
    ]
    assert statuses == [200] * 5 + [429] * 3


async def test_who_computes_begins_a_chat_without_waiting(client: Client, controller: Controller) -> None:
    controller.opens("101")
    for number in range(5):
        await client.post("/estp/chat", json=BEGUN | {"secret": f"{number:064x}"})
    got = []
    for number in range(5, 9):
        body = BEGUN | {"secret": f"{number:064x}"}
        async with client.post("/estp/chat", json=body) as answer:
            assert answer.status == 429
            task = (await answer.json())["work"]
        solution = next(n for n in itertools.count() if solves(task["id"], str(n), task["bits"]))
        headers = {HEADER: f"{task['task']}/{solution}"}
        got.append((await client.post("/estp/chat", json=body, headers=headers)).status)
        again = BEGUN | {"secret": f"{number + 100:064x}"}
        assert (await client.post("/estp/chat", json=again, headers=headers)).status == 429, "each counts once"
    assert got == [200, 200, 429, 429], "and only so often"
