"""Heads keep auctions at the desk, by page, file and API, and the line's hours follow at once (eLot 2.2a)."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from sqlalchemy import text

from callcenter.core.ids import LineId
from tests.desk.auction_desk import HEAD, OPERATOR, OTHER_HEAD, AuctionDesk, auction_desk

pytestmark = pytest.mark.clause("eLot 2.2a")
ELOT = LineId("elot")
TUESDAY = "2026-11-24"
"""The wall shows the noon of the Monday before."""


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AuctionDesk]:
    async with auction_desk(tmp_path) as found:
        yield found


def auction(
    name: str = "17-ОАОФ", start: str = f"{TUESDAY}T15:00", results: str = f"{TUESDAY}T19:30"
) -> dict[str, Any]:
    return {"name": name, "starts_at": f"{start}:00+03:00", "results_at": f"{results}:00+03:00"}


def typed(name: str = "17-ОАОФ", start: str = f"{TUESDAY}T15:00", results: str = f"{TUESDAY}T19:30") -> dict[str, str]:
    return {"line": "elot", "name": name, "starts_at": start, "results_at": results}


def hours_of(desk: AuctionDesk, day: str = TUESDAY) -> str:
    opens, closes = desk.hours.of(ELOT).clock(datetime.fromisoformat(day).date())
    return f"{opens:%H:%M}-{closes:%H:%M}"


async def test_a_head_enters_corrects_and_withdraws_an_auction_by_the_api(desk: AuctionDesk) -> None:
    made = await desk.ask(HEAD, "POST", "auctions", 201, json={"line": "elot"} | auction())
    assert hours_of(desk) == "11:00-19:30", "when the answer is there, the hours have followed"
    listed = await desk.ask(HEAD, "GET", "auctions?line=elot")
    assert listed["auctions"] == [made]
    assert listed["hours"][1] == {"day": TUESDAY, "opens": "11:00", "closes": "19:30"}
    assert listed["hours"][5] == {"day": "2026-11-28", "opens": None, "closes": None}, "a Saturday"

    changed = auction(results="2026-11-25T12:00") | {"version": 1}
    await desk.ask(OTHER_HEAD, "POST", f"auctions/{made['id']}", json=changed)
    assert hours_of(desk) == "11:00-21:00"
    await desk.ask(HEAD, "POST", f"auctions/{made['id']}/withdraw", json={"version": 2})
    assert hours_of(desk) == "11:00-18:00"
    one = await desk.ask(HEAD, "GET", f"auctions/{made['id']}")
    assert [(version["version"], version["who"]) for version in one["versions"]] == [(3, "401"), (2, "404"), (1, "401")]
    assert (await desk.ask(HEAD, "GET", "auctions?over=1"))["auctions"][0]["withdrawn"]
    entries = [(who, what, about) for who, what, about in desk.accounts.entries if "auction" in what]
    assert entries == [
        ("401", "auction added", "auction 1 of elot"),
        ("404", "auction corrected", "auction 1"),
        ("401", "auction withdrawn", "auction 1"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ({"line": "elot"} | auction(results=f"{TUESDAY}T14:59"), 400, "ends_before_start"),
        ({"line": "elot"} | auction(start="2026-11-20T15:00", results="2026-11-21T15:00"), 400, "over"),
        ({"line": "elot"} | auction(start="2026-11-20T15:00"), 400, "began_earlier"),
        ({"line": "elot"} | auction(results="2027-12-24T15:00"), 400, "too_long"),
        ({"line": "elot"} | auction(name=" "), 400, "wrong_value"),
        ({"line": "elot"} | auction(name="x" * 301), 400, "wrong_value"),
        ({"line": "elot"} | auction() | {"starts_at": "2026-11-24T15:00:00"}, 400, "wrong_value"),
        ({"line": "elot"} | auction() | {"starts_at": "2026-11-24T15:00:30+03:00"}, 400, "wrong_value"),
        ({"line": "elot"} | auction() | {"starts_at": "1999-11-24T15:00:00+03:00"}, 400, "wrong_value"),
        ({"line": "estp"} | auction(), 404, "no_such_line"),
        ({"line": "elot"} | auction() | {"id": 3}, 400, "unknown_field"),
    ],
)
async def test_what_is_not_allowed_is_refused_with_a_word_and_a_sentence(
    desk: AuctionDesk, body: dict[str, Any], status: int, answer: str
) -> None:
    told = await desk.ask(HEAD, "POST", "auctions", status, json=body)
    assert told["answer"] == answer
    assert told["message"]
    assert hours_of(desk) == "11:00-18:00"


async def test_of_two_heads_at_one_auction_the_second_sees_what_the_first_has_done(desk: AuctionDesk) -> None:
    await desk.send(HEAD, "/auctions", data=typed())
    first = typed(results=f"{TUESDAY}T20:00") | {"version": "1", "action": "save"}
    assert await desk.send(HEAD, "/auctions/1", data=first) == "/auctions?line=elot&done=corrected"
    second = typed(results=f"{TUESDAY}T20:30") | {"version": "1", "action": "save"}
    page = await desk.send(OTHER_HEAD, "/auctions/1", 409, data=second)
    assert "Somebody else has changed it meanwhile; nothing was saved. Its version now: 2" in page
    assert f'value="{TUESDAY}T20:30"' in page, "what was typed is still there"
    assert hours_of(desk) == "11:00-20:00"
    gone = await desk.ask(OTHER_HEAD, "POST", "auctions/1/withdraw", 409, json={"version": 1})
    assert gone["answer"] == "changed_meanwhile"


async def test_the_pages_show_what_runs_and_what_was_wrong(desk: AuctionDesk) -> None:
    assert "No auction runs, and none is to come" in await desk.see(HEAD, "/auctions")
    page = await desk.send(HEAD, "/auctions", 400, data=typed(results=f"{TUESDAY}T14:00"))
    assert "The results are announced after the start." in page
    assert f'value="{TUESDAY}T14:00"' in page
    await desk.send(HEAD, "/auctions", 400, data=typed(start="yesterday"))
    assert await desk.send(HEAD, "/auctions", data=typed(name="<b>17</b>")) == "/auctions?line=elot&done=added"
    page = await desk.see(HEAD, "/auctions?line=elot&done=added")
    assert "The auction is entered" in page
    assert "&lt;b&gt;17&lt;/b&gt;" in page
    assert "11:00–19:30" in page
    assert "Марина Шубина" in page
    assert await desk.send(HEAD, "/auctions/1", data={"version": "1", "action": "withdraw"}) == (
        "/auctions?line=elot&done=withdrawn"
    )
    assert "This auction is withdrawn" in await desk.see(HEAD, "/auctions/1")
    assert "✕" in await desk.see(HEAD, "/auctions")
    await desk.see(HEAD, "/auctions/99", 404)
    await desk.see(HEAD, "/auctions?line=estp", 404)
    await desk.see(OPERATOR, "/auctions", 403)
    assert '"/auctions' not in await desk.see(OPERATOR, "/account"), "who may not see it is not led there"
    assert '"/auctions' in await desk.see(HEAD, "/account")


async def test_times_are_those_of_the_line_s_zone(desk: AuctionDesk) -> None:
    await desk.send(HEAD, "/auctions", data=typed() | {"line": "north"})
    [one] = (await desk.ask(HEAD, "GET", "auctions?line=north"))["auctions"]
    assert one["starts_at"] == "2026-11-24T14:00:00+00:00"
    skipped = typed(start="2027-03-28T02:30", results="2027-03-29T12:00") | {"line": "north"}
    assert "skips this time. 2027-03-28 02:30, Europe/Berlin" in await desk.send(HEAD, "/auctions", 400, data=skipped)


def file_of(content: str | bytes, name: str = "auctions.csv") -> FormData:
    form = FormData()
    form.add_field("file", io.BytesIO(content.encode() if isinstance(content, str) else content), filename=name)
    return form


async def test_a_file_is_taken_over_by_page_and_api_all_or_nothing(desk: AuctionDesk) -> None:
    rows = f"торги;начало;результаты\n17;{TUESDAY} 15:00;{TUESDAY} 19:30\n18;25.11.2026 09:00;25.11.2026 20:00\n"
    where = await desk.send(HEAD, "/auctions/import?line=elot", data=file_of(rows))
    assert where == "/auctions?line=elot&taken=2.0.0"
    assert "Added: 2, corrected: 0, as before: 0." in await desk.see(HEAD, where)
    assert [hours_of(desk, day) for day in (TUESDAY, "2026-11-25")] == ["11:00-19:30", "09:00-20:00"]

    wrong = rows + "19;вчера;сегодня\n20;2026-11-20 09:00;2026-11-21 09:00\n"
    page = await desk.send(HEAD, "/auctions/import?line=elot", 400, data=file_of(wrong))
    assert "Nothing was taken over. Line 4: A moment is written as 2026-12-01 15:00" in page
    assert "\nLine 5: It was over before today" in page
    csv = {"Content-Type": "text/csv"}
    old = "name,start,results\n20,2026-11-20 09:00,2026-11-21 09:00\n21,2026-11-26 09:00,2026-11-27 09:00\n"
    told = await desk.ask(HEAD, "POST", "auctions/import?line=elot", 400, data=old.encode(), headers=csv)
    assert (told["answer"], told["message"]) == (
        "rows_wrong",
        "Nothing was taken over. Line 2: It was over before today; what the hours were is not changed any more. 20",
    )
    moved = rows.replace("19:30", "20:00").encode("cp1251")
    told = await desk.ask(HEAD, "POST", "auctions/import?line=elot", data=moved, headers=csv)
    assert told == {"added": 0, "corrected": 1, "unchanged": 1}
    assert hours_of(desk) == "11:00-20:00"
    for data, status in ((file_of(b"x" * (4 * 1024 * 1024 + 1)), 413), (FormData({"file": ""}), 415)):
        await desk.send(HEAD, "/auctions/import?line=elot", status, data=data)
    await desk.ask(HEAD, "POST", "auctions/import", 413, data=io.BytesIO(b"x" * (4 * 1024 * 1024 + 1)), headers=csv)
    await desk.ask(HEAD, "POST", "auctions/import", 415, data=b"", headers={"Content-Type": "text/plain"})
    abouts = [about for _, what, about in desk.accounts.entries if what == "auctions imported"]
    assert abouts == ["2 added, 0 corrected of elot", "0 added, 1 corrected of elot"]


async def test_many_mistakes_are_cut_off_and_long_lists_have_pages(desk: AuctionDesk) -> None:
    rows = ["name;start;results"] + [f"{number};x;y" for number in range(1000)]
    told = await desk.ask(
        HEAD, "POST", "auctions/import", 400, data="\n".join(rows).encode(), headers={"Content-Type": "text/csv"}
    )
    assert told["message"].endswith("… and 980 more mistakes")
    first = desk.wall() + timedelta(days=1)
    rows = ["name;start;results"]
    rows += [f"{number};{first:%Y-%m-%d} 15:00;{first:%Y-%m-%d} 16:00" for number in range(450)]
    await desk.send(HEAD, "/auctions/import?line=elot", data=file_of("\n".join(rows)))
    page = await desk.see(HEAD, "/auctions?skip=200")
    assert re.findall(r'href="/auctions\?line=elot&amp;skip=(\d+)"', page) == ["0", "400"]
    assert len((await desk.ask(HEAD, "GET", "auctions?skip=400"))["auctions"]) == 50


async def test_what_is_exported_is_no_formula_and_can_be_taken_over_again(desk: AuctionDesk) -> None:
    await desk.send(HEAD, "/auctions", data=typed(name="=1+1"))
    answer = await desk.browsers[HEAD].get("/auctions.csv?line=elot")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    content = await answer.read()
    assert f"'=1+1;{TUESDAY} 15:00;{TUESDAY} 19:30" in content.decode()
    where = await desk.send(HEAD, "/auctions/import?line=elot", data=file_of(content))
    assert where == "/auctions?line=elot&taken=0.0.1"


async def test_a_register_that_is_away_is_told_and_nothing_is_entered(desk: AuctionDesk) -> None:
    async with desk.register.session() as session:
        await session.execute(text("ALTER TABLE auctions RENAME TO elsewhere"))
    told = await desk.ask(HEAD, "POST", "auctions", 503, json={"line": "elot"} | auction())
    assert told["answer"] == "no_answer"
