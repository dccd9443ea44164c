"""The floor, live: told at once and told only what differs; the wall screen shows the same without anybody's name."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from callcenter.core.ids import LineId, PersonId
from callcenter.desk import floor_live
from callcenter.desk.floor_state import difference, masked
from callcenter.desk.live import LOGGED_OUT, TOO_MANY
from tests.core.story import NUMBER
from tests.desk.floor_desk import ANOTHER, FORECAST, HEAD, OPERATOR, SUPERVISOR, FloorDesk, Shown, floor_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[FloorDesk]:
    async with floor_desk(tmp_path) as made:
        yield made


async def test_a_supervisor_sees_lines_people_and_who_waits(desk: FloorDesk) -> None:
    desk.floor.forecast[LineId("estp")] = FORECAST, 1.0
    story = desk.story
    first = story.waits()
    story.passes(10)
    urgent = story.waits("urgent")
    story.logs_in("201")
    async with desk.watches(SUPERVISOR) as socket:
        page = Shown(socket)
        await page.told()
        line = page.tables["lines"]["estp"]
        assert (line["title"], line["open"], line["in_use"], line["capacity"]) == ("Линия ЕСТП", True, 2, 100)
        assert (line["waiting"], line["queue"]) == ([["urgent", 1], ["normal", 1]], 2)
        assert (line["forecast"], line["exceeding"], line["needed"], line["target"]) == (200.0, 0.15, 3, 300.0)
        assert [(row["call"], row["by"], row["overtakes"]) for row in page.queue] == [
            (urgent.call, "urgency", 1),
            (first.call, "arrival", 0),
        ]
        assert page.queue[1]["overtaken"] == 1
        assert page.tables["people"]["201"]["state"] == "available"
        assert page.tables["people"]["201"]["group"] == "Технические специалисты"
    assert [entry[:2] for entry in desk.accounts.entries] == [(SUPERVISOR, "watch floor")]


async def test_a_change_is_told_to_all_who_watch_at_once_and_alone(desk: FloorDesk) -> None:
    desk.story.logs_in("101")
    async with desk.watches(SUPERVISOR) as one, desk.watches(HEAD) as other:
        pages = Shown(one), Shown(other)
        for page in pages:
            await page.told()
        desk.story.pauses("101", "lunch")
        began = time.monotonic()
        for page in pages:
            await page.until(lambda page: page.tables["people"]["101"]["state"] == "paused")
            assert set(page.last["people"]["101"]) <= {"state", "presence", "reason", "since"}
        assert time.monotonic() - began < 1.0


async def test_nothing_is_told_when_nothing_has_changed(desk: FloorDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor_live, "TICK", 0.02)
    async with desk.watches(SUPERVISOR) as socket:
        await Shown(socket).told()
        with pytest.raises(asyncio.TimeoutError):
            await socket.receive_json(timeout=5 * floor_live.APART)


async def test_what_was_promised_and_whether_it_will_hold(desk: FloorDesk) -> None:
    desk.story.logs_in("101")
    talking = desk.story.talks("101")
    desk.story.waits()
    async with desk.watches(SUPERVISOR) as socket:
        page = Shown(socket)
        await page.told()
        [row] = page.queue
        assert row["minutes"] is not None
        assert row["until"] == pytest.approx(desk.story.now + 60 * row["minutes"], abs=5)
        assert 0.85 <= row["holds"] <= 1.0, "what is said is what nine of ten are served within"
        assert page.tables["people"]["101"]["call"] == talking.call
        desk.story.passes(60 * row["minutes"] + 5)
        desk.floor.changed()
        await page.until(lambda page: page.queue[0]["holds"] == 0.0)


async def test_a_session_that_ends_ends_the_page(desk: FloorDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor_live, "CHECKED_EVERY", 0.0)
    monkeypatch.setattr(floor_live, "TICK", 0.02)
    async with desk.watches(ANOTHER) as socket:
        await socket.receive_json(timeout=5)
        desk.sessions.close_others(ANOTHER)
        await socket.receive(timeout=5)
        assert socket.close_code == LOGGED_OUT


async def test_no_operator_and_no_other_site_watches(desk: FloorDesk) -> None:
    with pytest.raises(WSServerHandshakeError, match="403"):
        await desk.watches(OPERATOR)
    foreign = desk.session(SUPERVISOR) | {"Origin": "https://elsewhere.example"}
    with pytest.raises(WSServerHandshakeError, match="403"):
        await desk.browser.ws_connect("/api/floor/live", headers=foreign)


async def test_who_says_something_is_not_listened_to(desk: FloorDesk) -> None:
    async with desk.watches(SUPERVISOR) as socket:
        await socket.receive_json(timeout=5)
        await socket.send_str("hello")
        await socket.receive(timeout=5)
        assert socket.closed


async def test_the_wall_names_nobody(desk: FloorDesk) -> None:
    desk.story.logs_in("101")
    desk.story.talks("101")
    for _ in range(9):
        desk.story.waits()
    async with desk.hangs(desk.wall.text()) as socket:
        message = await Shown(socket).told()
        text = json.dumps(message, ensure_ascii=False)
        for secret in ("342", "Министерство", "5902290459", "Сотрудник", "17000"):
            assert secret not in text
        assert len(message["waiting"]) == 6
        assert message["lines"]["estp"]["queue"] == 9
        assert message["people"] == {
            "operators talking": {"group": "Операторы", "state": "talking", "count": 1},
        }
        assert {row["number"] for row in message["waiting"].values()} == {"••00"}


async def test_a_token_that_was_renewed_ends_the_screens_of_before(
    desk: FloorDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor_live, "CHECKED_EVERY", 0.0)
    monkeypatch.setattr(floor_live, "TICK", 0.02)
    former = desk.wall.text()
    async with desk.hangs(former) as socket:
        await socket.receive_json(timeout=5)
        new = desk.wall.renew()
        await socket.receive(timeout=5)
        assert socket.close_code == LOGGED_OUT
    for wrong in (former, "none", "ccw_" + "A" * 43):
        with pytest.raises(WSServerHandshakeError, match="401"):
            await desk.hangs(wrong)
    async with desk.hangs(new) as socket:
        await socket.receive_json(timeout=5)
    with pytest.raises(WSServerHandshakeError, match="401"):
        await desk.browser.ws_connect("/api/wall/live", headers=desk.session(SUPERVISOR))
    with pytest.raises(WSServerHandshakeError, match="403"):
        await desk.browser.ws_connect("/api/floor/live", headers=desk.session(PersonId("101")), protocols=("wall", new))


async def test_too_many_screens_end_the_oldest(desk: FloorDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor_live, "MOST", 1)
    async with desk.watches(SUPERVISOR) as first, desk.watches(SUPERVISOR) as second:
        await second.receive_json(timeout=5)
        while (message := await first.receive(timeout=5)).type is not WSMsgType.CLOSE:
            pass
        assert message.data == TOO_MANY


async def test_both_pages_are_there(desk: FloorDesk) -> None:
    floor = await desk.browser.get("/floor", headers=desk.session(HEAD))
    assert (floor.status, 'aria-current="page"' in await floor.text()) == (200, True)
    wall = await desk.browser.get("/wall?lang=en")
    assert (wall.status, wall.headers["Content-Language"]) == (200, "en")


def test_only_what_differs_is_told() -> None:
    before = {"people": {"1": {"a": 1, "b": 2}, "2": {"a": 1, "b": 2}}, "lines": {}}
    now = {"people": {"1": {"a": 1, "b": 3}, "3": {"a": 0, "b": 0}}, "lines": {}}
    assert difference(now, before) == {"people": {"1": {"b": 3}, "2": None, "3": {"a": 0, "b": 0}}}


@pytest.mark.parametrize(("number", "shown"), [(NUMBER, "••01"), ("", ""), ("0890", ""), ("anonymous", "")])
def test_of_a_number_two_digits_are_shown(number: str, shown: str) -> None:
    assert masked(number) == shown


# -- hands -------------------------------------------------------------------------------------------------------------


async def test_a_supervisor_pauses_returns_and_logs_somebody_out(desk: FloorDesk) -> None:
    desk.story.logs_in("101")
    status, told = await desk.post(SUPERVISOR, "pause", person="101", reason="lunch")
    assert (status, told["message"]) == (200, "Пауза поставлена.")
    status, told = await desk.post(SUPERVISOR, "pause", person="101", reason="boredom")
    assert (status, told["answer"]) == (400, "unknown_reason")
    assert (await desk.post(SUPERVISOR, "return", person="101"))[1]["message"] == "Сотрудник снова на линии."
    assert (await desk.post(SUPERVISOR, "log-out", person="101"))[0] == 200
    status, told = await desk.post(SUPERVISOR, "log-out", person="101")
    assert (status, told["message"]) == (409, "Этот сотрудник не на смене.")
    assert [entry[1:] for entry in desk.accounts.entries] == [
        ("person paused", "101: lunch"),
        ("person returned", "101"),
        ("person logged out", "101"),
    ]


async def test_a_line_is_closed_with_a_reason_and_opened_again(desk: FloorDesk) -> None:
    status, told = await desk.post(SUPERVISOR, "line", line="estp", open=False, reason="  Авария\nплощадки ")
    assert (status, told["answer"]) == (200, "line_closed")
    async with desk.watches(HEAD) as socket, desk.hangs(desk.wall.text()) as wall:
        page, screen = Shown(socket), Shown(wall)
        await page.told()
        await screen.told()
        line = page.tables["lines"]["estp"]
        assert (line["open"], line["order"], line["order_by"]) == (False, "Авария площадки", "Ольга Старшая")
        assert screen.tables["lines"]["estp"]["order_by"] == ""
        status, told = await desk.post(ANOTHER, "line", line="estp", open=False, reason="Я тоже")
        assert (status, told["message"]) == (409, "Линия уже закрыта.")
        assert (await desk.post(ANOTHER, "line", line="estp", open=True, reason="Починили"))[0] == 200
        await page.until(lambda page: page.tables["lines"]["estp"]["open"])
    assert (await desk.post(SUPERVISOR, "line", line="nowhere", open=True, reason="Да"))[0] == 404
    assert (SUPERVISOR, "line opened or closed", "estp closed: Авария площадки") in desk.accounts.entries


@pytest.mark.clause("ESTP 2.3")
async def test_a_caller_is_taken_out_of_turn_with_a_reason(desk: FloorDesk) -> None:
    first, last = desk.story.waits(), desk.story.waits()
    for reason in ("", " \n", "Ы" * 301):
        assert (await desk.post(SUPERVISOR, "out-of-turn", call=last.call, reason=reason))[0] == 400
    status, told = await desk.post(SUPERVISOR, "out-of-turn", call=last.call, reason="Торги <b>сейчас</b>")
    assert (status, told["answer"]) == (200, "out_of_turn")
    assert [one.call for one in desk.floor.floor().waiting] == [last.call, first.call]
    status, told = await desk.post(SUPERVISOR, "out-of-turn", call="17000.99", reason="Да")
    assert (status, told["message"]) == (409, "Этот абонент больше не ждёт.")
    assert (await desk.post(HEAD, "out-of-turn", call=first.call, reason="Да"))[0] == 403
    assert desk.accounts.entries == [(SUPERVISOR, "call taken out of turn", f"{last.call}: Торги <b>сейчас</b>")]
