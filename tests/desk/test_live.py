"""The live connection of an open page: told at once, told only what is new, and told when it is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSServerHandshakeError

from callcenter.core.ids import GroupId, PersonId, PhoneName
from callcenter.desk.app import LIVE
from callcenter.desk.live import APART, LOGGED_OUT, PER_PERSON, SILENT, TOO_MANY, Live
from callcenter.desk.open_page import OpenPage, frame
from callcenter.desk.state import unchanged
from tests.desk.conftest import Browser, Clock, LogIn
from tests.desk.fake_backend import FakeBackend, call
from tests.patience import patience


def live_of(browser: Browser) -> Live:
    app = browser.app
    assert app is not None
    return app[LIVE]


async def told(socket: ClientWebSocketResponse) -> dict[str, Any]:
    news: dict[str, Any] = await socket.receive_json(timeout=5)
    return news


async def test_a_page_gets_the_whole_state_and_then_only_what_has_changed(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        first = await told(socket)
        assert first["n"] == 1
        parts = {"me", "colleagues", "conversations", "lines", "recording", "news", "warned", "chats"}
        assert set(first) == {"n", "room", *parts}
        backend.change("101", activity="offered", call=call())
        live_of(browser).changed()
        second = await told(socket)
        assert set(second) == {"n", "me"}
        assert (second["n"], second["me"]["activity"], second["me"]["call"]["number"]) == (2, "offered", "+73420000001")


async def test_what_changes_fast_is_told_in_one_message(browser: Browser, backend: FakeBackend, log_in: LogIn) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        await told(socket)
        for activity in ("offered", "talking", "wrapping_up"):
            backend.change("101", activity=activity)
            live_of(browser).changed()
        found = await told(socket)
        assert (found["n"], found["me"]["activity"]) == (2, "wrapping_up")


async def test_nothing_is_told_when_nothing_has_changed(browser: Browser, backend: FakeBackend, log_in: LogIn) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        await told(socket)
        live_of(browser).changed()
        with pytest.raises(asyncio.TimeoutError):
            await socket.receive_json(timeout=2 * APART)
        backend.change("101", activity="talking")
        live_of(browser).changed()
        assert (await told(socket))["n"] == 2


async def test_what_all_see_is_told_to_all(browser: Browser, backend: FakeBackend, log_in: LogIn) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as anna, browser.ws_connect("/api/live") as her_other_page:
        for socket in (anna, her_other_page):
            await told(socket)
        backend.free[GroupId("technical")] = 2
        live_of(browser).changed([])
        for socket in (anna, her_other_page):
            news = await told(socket)
            assert set(news) == {"room", "colleagues"}
            assert (news["room"], news["colleagues"][0]["free"]) == (1, 2)


async def test_who_comes_later_gets_the_durations_of_then(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as early:
        await told(early)
        backend.longest_wait = 100.0
        async with browser.ws_connect("/api/live") as late:
            assert (await told(late))["lines"][0]["longest_wait"] == 100.0
        live_of(browser).changed([])
        assert (await told(early))["lines"][0]["longest_wait"] == 100.0


async def test_what_was_not_noted_with_its_event_is_found_at_the_next_look(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        await told(socket)
        backend.change("101", activity="talking")
        live_of(browser).changed([PersonId("102")])
        assert (await told(socket))["me"]["activity"] == "talking"


async def test_a_look_at_the_room_finds_an_ended_session(
    browser: Browser, backend: FakeBackend, log_in: LogIn, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcenter.desk.live.CHECKED_EVERY", 0.0)
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        await told(socket)
        clock.now += timedelta(hours=13)
        live_of(browser).changed([PersonId("102")])
        await socket.receive(timeout=5)
        assert socket.close_code == LOGGED_OUT


async def test_who_does_not_read_is_told_later_what_is_new_then(
    browser: Browser, backend: FakeBackend, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        await told(socket)
        reads = OpenPage.reads
        monkeypatch.setattr(OpenPage, "reads", False)
        for free in (1, 2, 3):
            backend.free[GroupId("technical")] = free
            backend.change("101", activity="offered" if free < 3 else "talking")
            live_of(browser).changed()
            with pytest.raises(asyncio.TimeoutError):
                await socket.receive_json(timeout=1.5 * APART)
        monkeypatch.setattr(OpenPage, "reads", reads)
        found: dict[str, Any] = {}
        while not {"me", "colleagues"} <= set(found):
            found |= await told(socket)
        assert (found["me"]["activity"], found["colleagues"][0]["free"]) == ("talking", 3)
        assert found["n"] == 3
        assert set(found) >= {"room", "lines", "recording"}, "the room as a whole"


async def test_one_page_that_cannot_be_told_is_closed_and_no_other(
    browser: Browser, backend: FakeBackend, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_in("201")
    async with browser.ws_connect("/api/live") as broken:
        await told(broken)
        await log_in()
        async with browser.ws_connect("/api/live") as sound:
            await told(sound)
            operator = backend.operator
            monkeypatch.setattr(
                live_of(browser), "_operator", lambda person: operator(person) if person == "101" else 1 / 0
            )
            backend.change("101", activity="talking")
            live_of(browser).changed()
            assert (await told(sound))["me"]["activity"] == "talking"
            while not broken.closed:
                await broken.receive(timeout=5)
            # The end of the connection may overtake the word about it.
            assert broken.close_code in (WSCloseCode.INTERNAL_ERROR, WSCloseCode.ABNORMAL_CLOSURE)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65535, 65536, 200_000])
async def test_a_message_of_any_length_is_one_frame_that_a_client_reads(
    browser: Browser, log_in: LogIn, length: int
) -> None:
    await log_in()
    async with browser.ws_connect("/api/live", max_msg_size=0) as socket:
        await told(socket)
        (page,) = live_of(browser)._pages
        page.write(frame("x" * length))
        page.write(frame("«ы» \ud800"))
        assert await socket.receive_str(timeout=5) == "x" * length
        assert await socket.receive_str(timeout=5) == "«ы» ?"


async def test_the_end_of_a_shift_ends_the_connection(browser: Browser, backend: FakeBackend, log_in: LogIn) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        await told(socket)
        backend.change("101", presence="off")
        live_of(browser).changed()
        await socket.receive(timeout=5)
        assert socket.close_code == LOGGED_OUT


async def test_nobody_listens_without_a_session_or_from_another_site(browser: Browser, log_in: LogIn) -> None:
    with pytest.raises(WSServerHandshakeError, match="401"):
        await browser.ws_connect("/api/live")
    await log_in()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        with pytest.raises(WSServerHandshakeError, match="403"):
            await browser.ws_connect("/api/live", headers=headers)


@pytest.mark.parametrize(
    "said", ["{}", "hello", '{"opening": "1", "trouble": "<b>"}', '{"opening": "a b", "trouble": ""}']
)
async def test_a_page_that_says_anything_else_is_shown_the_door(browser: Browser, log_in: LogIn, said: str) -> None:
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        await told(socket)
        await socket.send_str(said)
        await socket.receive(timeout=5)
        assert socket.closed
    async with patience(5):
        while len(live_of(browser)):
            await browser.get("/healthz")


async def test_one_page_too_many_ends_the_persons_oldest(browser: Browser, log_in: LogIn) -> None:
    await log_in()
    sockets = []
    for _ in range(PER_PERSON + 1):
        socket = await browser.ws_connect("/api/live")
        await told(socket)
        sockets.append(socket)
    await sockets[0].receive(timeout=5)
    assert sockets[0].close_code == TOO_MANY
    assert not any(socket.closed for socket in sockets[1:])
    for socket in sockets:
        await socket.close()


async def test_the_page_is_told_that_its_phone_was_opened_elsewhere(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    backend.page_phones[PersonId("101")] = PhoneName("101-web")
    await log_in(browser=True)
    async with browser.ws_connect("/api/live") as socket:
        assert (await told(socket))["me"]["page_phone"] == ""
        opened = await (await browser.post("/api/phone", json={})).json()
        live_of(browser).changed()
        assert (await told(socket))["me"]["page_phone"] == opened["opening"]
    assert opened["url"] == "ws://127.0.0.1:8088/ws"


async def test_no_phone_in_the_page_for_who_sits_at_a_desk_phone(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    assert (await log_in(browser=True)).status == 409  # there are none here
    backend.page_phones[PersonId("101")] = PhoneName("101-web")
    await log_in()
    refused = await browser.post("/api/phone", json={})
    assert (refused.status, (await refused.json())["answer"]) == (409, "other_phone")


async def test_a_page_says_how_its_phone_is_and_is_missed_when_it_falls_silent(
    browser: Browser, backend: FakeBackend, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcenter.desk.live.ASKED_EVERY", 0.05)
    monkeypatch.setattr("callcenter.desk.live.SILENT_AFTER", 0.12)
    await log_in()
    async with browser.ws_connect("/api/live") as socket:
        assert "me" in await told(socket)
        await socket.send_json({"opening": "0a1b", "trouble": "untested"})
        assert await told(socket) == {"how": "phone"}
        async with patience(5):
            while ("101", "0a1b", SILENT) not in backend.said:
                await told(socket)
        await socket.send_json({"opening": "0a1b", "trouble": ""})
        async with patience(5):
            while backend.said[-1] != ("101", "0a1b", ""):
                await told(socket)
    assert backend.said[0] == ("101", "0a1b", "untested")


@pytest.mark.parametrize(
    ("state", "before", "passed", "same"),
    [
        ({"since": 12.0}, {"since": 2.0}, 10.0, True),
        ({"since": 0.0}, {"since": 20.0}, 1.0, False),
        ({"longest_wait": 0.0}, {"longest_wait": 0.0}, 60.0, True),
        ([{"waiting": {"normal": 1}}], [{"waiting": {"normal": 2}}], 0.0, False),
        ({"call": None}, {"call": {"waited": 1.0}}, 0.0, False),
        ({"call": {"waited": 61.0}}, {"call": {"waited": 61.0}}, 9.0, True),
        ([1], [1, 2], 0.0, False),
        ({"a": 1}, {"b": 1}, 0.0, False),
    ],
)
def test_durations_that_go_on_are_no_news(state: object, before: object, passed: float, same: bool) -> None:
    assert unchanged(state, before, passed) is same
