"""News and the knowledge base through the API, with the real core and a real register (ESTP 5.2, 5.4.3, 5.7)."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest

from callcenter.core.ids import PersonId
from tests.desk.writing_desk import AUTHOR, OPERATOR, Desk, writing_desk
from tests.wall import MONDAY_NOON


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with writing_desk(tmp_path) as found:
        yield found


# -- news --------------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.2")
async def test_the_log_in_shows_the_news_first_and_opens_the_shift_once_it_is_read(desk: Desk, tmp_path: Path) -> None:
    first = await desk.post(AUTHOR, "news", title="Новый тариф", text="С **понедельника**.", lines=["estp"])
    other = await desk.post(AUTHOR, "news", title="Срочно", text="Сбой", urgent=True)
    shown = await desk.log_in(OPERATOR, 409)
    assert shown["answer"] == "news_first"
    assert [(one["id"], one["version"], one["urgent"]) for one in shown["news"]] == [
        (other["id"], 1, True),
        (first["id"], 1, False),
    ]
    assert shown["news"][1]["html"] == "<p>С <strong>понедельника</strong>.</p>\n"
    assert desk.floor.view().operators[PersonId(OPERATOR)].presence == "off"
    await desk.get(OPERATOR, "news", 401)

    half = await desk.log_in(OPERATOR, 409, read=[{"news": first["id"], "version": 1}])
    assert [one["id"] for one in half["news"]] == [other["id"]], "what was read is not shown again"
    await desk.log_in(OPERATOR, read=[{"news": other["id"], "version": 1}])
    assert desk.floor.view().operators[PersonId(OPERATOR)].presence == "available"
    told = await desk.get(AUTHOR, f"news/{first['id']}/confirmations")
    assert [(one["version"], one["who"]) for one in told["confirmations"]] == [(1, OPERATOR)]
    assert [one["read"] for one in (await desk.get(OPERATOR, "news"))["news"]] == [True, True]


@pytest.mark.clause("ESTP 5.2", "ESTP 5.3.1")
async def test_after_reading_the_news_no_second_code_is_asked_for(desk: Desk) -> None:
    """The code of the first attempt is used up, and the next one comes in half a minute."""
    desk.accounts.factors[OPERATOR] = secret = pyotp.random_base32()
    news = await desk.post(AUTHOR, "news", title="a", text="b")
    code = pyotp.TOTP(secret).at(MONDAY_NOON)
    assert (await desk.log_in(OPERATOR, 409, code=code))["answer"] == "news_first"
    await desk.get(OPERATOR, "me", 401)
    read = [{"news": news["id"], "version": 1}]
    assert (await desk.log_in(OPERATOR, code=code, read=read))["answer"] == "logged_in"


@pytest.mark.clause("ESTP 5.2")
async def test_who_has_more_to_read_than_one_log_in_confirms_reads_it_in_portions(desk: Desk) -> None:
    for number in range(101):
        await desk.post(AUTHOR, "news", title=f"News {number}", text="b")
    shown = (await desk.log_in(OPERATOR, 409))["news"]
    rest = (await desk.log_in(OPERATOR, 409, read=[{"news": one["id"], "version": 1} for one in shown]))["news"]
    assert (len(shown), [one["title"] for one in rest]) == (100, ["News 0"])
    await desk.log_in(OPERATOR, read=[{"news": rest[0]["id"], "version": 1}])


async def test_with_a_wrong_password_nobody_reads_the_news_or_confirms_it(desk: Desk) -> None:
    news = await desk.post(AUTHOR, "news", title="a", text="b")
    read = [{"news": news["id"], "version": 1}]
    told = await desk.post(OPERATOR, "login", 401, id=OPERATOR, password="wrong", read=read)
    assert told == {"answer": "wrong_secret", "message": "Wrong id or password."}
    assert (await desk.get(AUTHOR, f"news/{news['id']}/confirmations"))["confirmations"] == []


@pytest.mark.clause("ESTP 5.2")
async def test_news_that_comes_in_the_shift_is_confirmed_there(desk: Desk) -> None:
    await desk.log_in(OPERATOR)
    news = await desk.post(AUTHOR, "news", title="Сбой", text="Не работает вход", urgent=True)
    [unread] = (await desk.get(OPERATOR, "news"))["news"]
    assert (unread["read"], unread["urgent"], unread["title"]) == (False, True, "Сбой")
    assert (await desk.log_in(OPERATOR))["answer"] == "logged_in", "another page of somebody on shift opens at once"
    await desk.post(OPERATOR, "news/confirm", news=news["id"], version=1)
    assert [one["read"] for one in (await desk.get(OPERATOR, "news"))["news"]] == [True]


async def test_a_changed_version_is_read_again_if_the_author_says_so(desk: Desk) -> None:
    id = (await desk.post(AUTHOR, "news", title="a", text="b"))["id"]
    await desk.log_in(OPERATOR, read=[{"news": id, "version": 1}])
    assert await desk.post(AUTHOR, f"news/{id}", title="a", text="c", version=1) == {"id": id, "version": 2}
    assert (await desk.get(OPERATOR, "news"))["news"][0]["read"] is True
    await desk.post(AUTHOR, f"news/{id}", title="a", text="d", version=2, read_again=True)
    assert (await desk.get(OPERATOR, "news"))["news"][0]["read"] is False
    told = await desk.post(OPERATOR, "news/confirm", 409, news=id, version=2)
    assert told["answer"] == "changed_meanwhile"
    assert told["message"].endswith("Its version now: 3")
    assert [one["version"] for one in (await desk.get(AUTHOR, f"news/{id}/versions"))["versions"]] == [3, 2, 1]
    assert [(await desk.get(AUTHOR, f"news/{id}?version={one}"))["text"] for one in (1, 2, 3)] == ["b", "c", "d"]
    assert (await desk.get(AUTHOR, f"news/{id}"))["html"] == "<p>d</p>\n"


async def test_withdrawn_and_outdated_news_holds_nobody_up(desk: Desk) -> None:
    id = (await desk.post(AUTHOR, "news", title="a", text="b"))["id"]
    over = (MONDAY_NOON - timedelta(hours=1)).isoformat()
    begun = (MONDAY_NOON - timedelta(hours=2)).isoformat()
    await desk.post(AUTHOR, "news", title="old", text="b", valid_from=begun, valid_until=over)
    later = (MONDAY_NOON + timedelta(days=1)).isoformat()
    await desk.post(AUTHOR, "news", title="later", text="b", valid_from=later)
    await desk.post(AUTHOR, f"news/{id}/withdraw", version=1)
    await desk.log_in(OPERATOR)
    assert [one["title"] for one in (await desk.get(AUTHOR, "news/all"))["news"]] == ["later", "old", "a"]


# -- articles ----------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.4.3")
async def test_an_article_is_written_found_read_and_improved(desk: Desk) -> None:
    await desk.log_in(OPERATOR)
    new: dict[str, Any] = {
        "title": "Электронная подпись",
        "subject": "Подпись",
        "text": "Где получить **подпись**.",
        "lines": ["estp"],
    }
    assert await desk.post(AUTHOR, "articles", **new) == {"name": "электронная-подпись", "version": 1}
    [hit] = (await desk.get(OPERATOR, "articles?q=подписей&line=estp"))["articles"]
    assert hit["name"] == "электронная-подпись"
    assert [part["text"] for part in hit["snippet"] if part["found"]] == ["подпись"]
    page = await desk.get(OPERATOR, "articles/электронная-подпись")
    assert (page["html"], page["text"], page["who"]) == (
        "<p>Где получить <strong>подпись</strong>.</p>\n",
        new["text"],
        AUTHOR,
    )
    assert (await desk.get(OPERATOR, "subjects"))["subjects"] == [{"subject": "Подпись", "articles": 1}]

    await desk.post(OPERATOR, "articles/электронная-подпись/feedback", version=1, text="Нет адреса")
    [told] = (await desk.get(AUTHOR, "feedback"))["feedback"]
    assert (told["article"], told["text"], told["who"]) == ("электронная-подпись", "Нет адреса", OPERATOR)
    changed = new | {"text": "Получить: МФЦ, Ленина 1", "version": 1}
    assert (await desk.post(AUTHOR, "articles/электронная-подпись", **changed))["version"] == 2
    await desk.post(AUTHOR, f"feedback/{told['id']}/settle")
    assert (await desk.get(AUTHOR, "feedback?all=1"))["feedback"] == []
    assert (await desk.get(OPERATOR, "articles/электронная-подпись?version=1"))["text"] == new["text"]
    versions = (await desk.get(OPERATOR, "articles/электронная-подпись/versions"))["versions"]
    assert [one["version"] for one in versions] == [2, 1]


async def test_a_concurrent_edit_is_refused_and_nothing_is_lost(desk: Desk) -> None:
    new: dict[str, Any] = {"title": "a", "subject": "b", "text": "c", "name": "имя"}
    await desk.post(AUTHOR, "articles", **new)
    assert (await desk.post(AUTHOR, "articles", 409, **new))["answer"] == "name_taken"
    del new["name"]
    await desk.post(AUTHOR, "articles/имя", **new | {"version": 1, "text": "mine"})
    told = await desk.post(AUTHOR, "articles/имя", 409, **new | {"version": 1, "text": "theirs"})
    assert told["message"] == "Somebody else has changed it meanwhile; nothing was saved. Its version now: 2"
    assert (await desk.get(AUTHOR, "articles/имя"))["text"] == "mine"
    await desk.post(AUTHOR, "articles/имя/withdraw", version=2)
    assert (await desk.get(AUTHOR, "articles"))["articles"] == []


async def test_html_from_the_api_does_nothing_in_a_page(desk: Desk) -> None:
    hostile = "<script>alert(1)</script> [x](javascript:alert(1)) ![](http://evil.example/p.png)"
    html = (await desk.post(AUTHOR, "preview", text=hostile))["html"]
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


# -- who may, and what is refused --------------------------------------------------------------------------------------


WRITING = [
    ("POST", "news"),
    ("GET", "news/all"),
    ("GET", "news/1"),
    ("GET", "news/1/versions"),
    ("GET", "news/1/confirmations"),
    ("POST", "news/1"),
    ("POST", "news/1/withdraw"),
    ("POST", "articles"),
    ("POST", "articles/a"),
    ("POST", "articles/a/withdraw"),
    ("GET", "feedback"),
    ("POST", "feedback/1/settle"),
    ("POST", "preview"),
]
READING = [
    ("GET", "news"),
    ("POST", "news/confirm"),
    ("GET", "articles"),
    ("GET", "articles/a"),
    ("GET", "articles/a/versions"),
    ("POST", "articles/a/feedback"),
    ("GET", "subjects"),
]


async def test_only_authors_write_and_only_people_on_shift_read(desk: Desk) -> None:
    for method, path in (*WRITING, *READING):
        assert (await desk.ask(OPERATOR, method, path, None, 401))["answer"] == "not_logged_in"
    await desk.log_in(OPERATOR)
    for method, path in WRITING:
        assert (await desk.ask(OPERATOR, method, path, None, 403))["answer"] == "forbidden"
    paths = {one.canonical for one in desk.app.router.resources() if one.canonical.startswith("/api/")}
    ours = {path for path in paths if any(word in path for word in ("news", "articles", "feedback", "subject", "prev"))}
    assert len(ours) == len({path for _, path in (*WRITING, *READING)}), "each route is in one of the lists"


async def test_what_does_not_exist_is_not_found(desk: Desk) -> None:
    await desk.post(AUTHOR, "news/confirm", 404, news=9, version=1)
    await desk.get(AUTHOR, "news/9/versions", 404)
    await desk.get(AUTHOR, "news/9", 404)
    await desk.post(AUTHOR, "news/9/withdraw", 404, version=1)
    await desk.get(AUTHOR, "articles/нет", 404)
    await desk.get(AUTHOR, "articles/..%2f..%2fetc", 404)
    await desk.post(AUTHOR, "articles/нет", 404, title="a", subject="b", text="c", version=1)
    await desk.post(AUTHOR, "articles/нет/feedback", 404, version=1, text="c")
    await desk.post(AUTHOR, "feedback/9/settle", 404)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("news", {"title": "\u202e\u0000", "text": "a"}, "title: 1 to 200 characters in one line."),
    ("news", {"title": "a" * 201, "text": "a"}, "title: 1 to 200 characters in one line."),
    ("news", {"title": "a", "text": " \n"}, "text: 1 to 40,000 characters."),
    ("news", {"title": "a", "text": "a" * 40_001}, "text: 1 to 40,000 characters."),
    ("news", {"title": "a", "text": "b", "lines": ["nope"]}, "Allowed: estp"),
    ("news", {"title": "a", "text": "b", "groups": ["nope"]}, "Allowed: operators"),
    ("news", {"title": "a", "text": "b", "lines": ["../x"]}, "lines: a list of ids."),
    (
        "news",
        {"title": "a", "text": "b", "valid_until": "2026-12-01T09:00"},
        "valid_until: date and time with zone",
    ),
    ("news", {"title": "a", "text": "b", "valid_from": "0001-01-01T00:00:00+14:00"}, "valid_from: date and time"),
    ("news", {"title": "a", "text": "b", "valid_until": "2026-11-01T09:00:00Z"}, "ends before it begins"),
    ("news", {"title": "a", "text": "b", "author": "c"}, "Allowed fields: title, text, valid_from"),
    ("news/1", {"title": "a", "text": "b"}, "A field is missing: version"),
    ("news/1", {"title": "a", "text": "b", "version": 2**40}, "version: a positive whole number."),
    ("articles", {"title": "a", "subject": "", "text": "b"}, "subject: 1 to 64 characters in one line."),
    ("articles", {"title": "a", "subject": "b", "text": "b", "name": "../x"}, "name: 1 to 64 small letters"),
    ("articles/a/feedback", {"version": 1, "text": "a" * 1001}, "text: 1 to 1000 characters."),
]


async def test_a_wrong_body_is_refused_with_what_is_allowed(desk: Desk) -> None:
    for path, body, told in WRONG:
        refused = await desk.post(AUTHOR, path, 400, **body)
        assert told in refused["message"]


async def test_a_wrong_question_is_refused(desk: Desk) -> None:
    for query in ("limit=0", "limit=x", "limit=51&q=a", "limit=²", "line=nope", "line=%00"):
        await desk.get(AUTHOR, f"articles?{query}", 400)
    await desk.get(AUTHOR, "articles/a?version=x", 400)


async def test_a_note_of_a_megabyte_is_refused_and_of_strangers_not_even_read(desk: Desk) -> None:
    note = io.BytesIO(json.dumps({"title": "a", "text": "x" * 1_000_000}).encode())
    headers = {"Content-Type": "application/json", "Accept-Language": "en"}
    async with desk.browsers[AUTHOR].post("/api/news", data=note, headers=headers) as refused:
        assert refused.status == 413
        assert (await refused.json())["message"] == "The body is too large. Kilobytes allowed: 256."
    await desk.log_in(OPERATOR)
    await desk.ask(OPERATOR, "POST", "news", {"title": "a", "text": "b" * 50_000}, 403)
    longest = await desk.post(AUTHOR, "articles", title="a", subject="b", text="я" * 40_000)
    assert len((await desk.get(OPERATOR, f"articles/{longest['name']}"))["text"]) == 40_000


async def test_names_in_a_title_do_not_turn_the_page_around(desk: Desk) -> None:
    await desk.post(AUTHOR, "news", title="\u202eфират\x07 <b>новый</b>\u2066", text="a\u202e")
    [shown] = (await desk.log_in(OPERATOR, 409))["news"]
    assert (shown["title"], shown["text"]) == ("фират <b>новый</b>", "a")


async def test_while_the_register_is_locked_nothing_is_said_to_be_saved(desk: Desk, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "register.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert (await desk.post(AUTHOR, "news", 503, title="a", text="b"))["answer"] == "no_answer"
        assert (await desk.get(AUTHOR, "news"))["news"] == []
    assert (await desk.post(AUTHOR, "news", title="a", text="b"))["version"] == 1
