"""The pages on which authors write news and articles, as a browser without any script uses them (ESTP 5.2, 5.4.3)."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.desk.writing_desk import AUTHOR, OPERATOR, Desk, writing_desk

OUR_SCRIPT = '<script type="module" src="/built/pages.js"></script>'
"""It warns before a session ends; what people do here needs none."""
ARTICLE = {"title": "Электронная подпись", "subject": "Подпись", "text": "Где получить **подпись**.", "lines": "estp"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with writing_desk(tmp_path) as found:
        yield found


async def see(desk: Desk, who: str, path: str, status: int = 200) -> str:
    async with desk.browsers[who].get(path, headers={"Accept-Language": "en"}, allow_redirects=False) as answer:
        assert answer.status == status, await answer.text()
        return await answer.text()


async def send(desk: Desk, who: str, path: str, status: int = 303, /, **fields: str) -> str:
    """Send a form; returns where it leads, or the page that comes instead."""
    origin = str(desk.browsers[who].make_url("")).rstrip("/")
    headers = {"Accept-Language": "en", "Origin": origin}
    async with desk.browsers[who].post(path, data=fields, headers=headers, allow_redirects=False) as answer:
        assert answer.status == status, await answer.text()
        return answer.headers.get("Location") or await answer.text()


def value_of(page: str, field: str) -> str:
    found = re.search(rf'name="{field}"[^>]* value="(.*?)"', page)
    assert found is not None, field
    return html.unescape(found[1])


@pytest.mark.clause("ESTP 5.2")
async def test_news_is_written_previewed_changed_and_withdrawn(desk: Desk) -> None:
    typed = {"title": "Сбой", "text": "Вход **не** работает", "valid_until": "2026-11-23T18:00", "urgent": "on"}
    page = await send(desk, AUTHOR, "/write/news", 200, action="preview", **typed)
    assert "<p>Вход <strong>не</strong> работает</p>" in page
    assert value_of(page, "valid_until") == "2026-11-23T18:00", "what was typed is still there"
    assert "There is no news yet" in await see(desk, AUTHOR, "/news"), "a preview saves nothing"

    assert await send(desk, AUTHOR, "/write/news", action="save", **typed) == "/news"
    [saved] = (await desk.get(AUTHOR, "news/all"))["news"]
    assert (saved["urgent"], saved["valid_until"]) == (True, "2026-11-23T15:00:00+00:00"), "18:00 in Moscow"
    assert "valid" in await see(desk, AUTHOR, "/news")

    page = await see(desk, AUTHOR, f"/news/{saved['id']}")
    assert value_of(page, "version") == "1"
    assert re.search(r"Who has not read it yet</h2>\s*<ul>\s*<li>Анна</li>\s*<li>Борис</li>", page)
    await desk.log_in(OPERATOR, read=[{"news": saved["id"], "version": 1}])
    page = await see(desk, AUTHOR, f"/news/{saved['id']}")
    assert re.search(r"Who has read it</h2>\s*<ul>\s*<li>Анна <small>.*version 1", page)

    changed = typed | {"text": "Вход работает", "version": "1", "read_again": "on"}
    await send(desk, AUTHOR, f"/news/{saved['id']}", action="save", **changed)
    assert "Nobody yet" not in await see(desk, AUTHOR, f"/news/{saved['id']}")
    assert "<li>Анна</li>" in await see(desk, AUTHOR, f"/news/{saved['id']}"), "has to read it again"
    assert "Вход **не** работает" in await see(desk, AUTHOR, f"/news/{saved['id']}?version=1")
    await send(desk, AUTHOR, f"/news/{saved['id']}", action="withdraw", version="2")
    assert "withdrawn" in await see(desk, AUTHOR, "/news")


async def test_of_two_authors_at_once_the_second_sees_the_text_of_the_first_and_loses_nothing(desk: Desk) -> None:
    await send(desk, AUTHOR, "/write/news", action="save", title="a", text="before")
    await send(desk, AUTHOR, "/news/1", action="save", title="a", text="of the *first*", version="1")
    page = await send(desk, AUTHOR, "/news/1", 409, action="save", title="a", text="of the second", version="1")
    assert "Somebody else has changed it meanwhile" in page
    assert "<p>of the <em>first</em></p>" in page
    assert ">of the second</textarea>" in page
    await send(desk, AUTHOR, "/news/1", action="save", title="a", text="of both", version=value_of(page, "version"))
    assert (await desk.get(AUTHOR, "news/1"))["text"] == "of both"


@pytest.mark.clause("ESTP 5.4.3")
async def test_an_article_is_written_found_and_improved_after_a_remark(desk: Desk) -> None:
    await desk.log_in(OPERATOR)
    where = await send(desk, AUTHOR, "/write/article", action="save", **ARTICLE)
    page = await see(desk, OPERATOR, where)
    assert "<p>Где получить <strong>подпись</strong>.</p>" in page
    assert "/edit" not in page
    assert "<mark>подпись</mark>" in await see(desk, OPERATOR, "/articles?q=подписей")
    name = "электронная-подпись"
    await desk.post(OPERATOR, f"articles/{name}/feedback", version=1, text="<b>Нет</b> адреса")
    assert "адреса" not in await see(desk, OPERATOR, "/articles"), "only authors see remarks"
    page = await see(desk, AUTHOR, "/articles")
    assert "&lt;b&gt;Нет&lt;/b&gt; адреса" in page
    form = await see(desk, AUTHOR, f"/articles/{name}/edit")
    assert 'value="estp" checked' in form
    await send(desk, AUTHOR, f"/articles/{name}/edit", action="save", version="1", **ARTICLE | {"text": "Ленина, 1"})
    remark = re.search(r'action="(/feedback/\d+)"', page)
    assert remark
    await send(desk, AUTHOR, remark[1])
    assert "Settled" not in await see(desk, AUTHOR, "/articles")
    assert "Ленина, 1" in await see(desk, OPERATOR, where)
    assert "Где получить" in await see(desk, OPERATOR, f"{where}?version=1")
    await send(desk, AUTHOR, f"/articles/{name}/edit", action="withdraw", version="2")
    assert "There are no articles yet" in await see(desk, OPERATOR, "/articles")


async def test_what_cannot_be_saved_comes_back_as_it_was_typed_with_the_reason(desk: Desk) -> None:
    hostile = '"><script>alert(1)</script>'
    page = await send(desk, AUTHOR, "/write/article", 400, action="save", title=hostile, subject="", text="</textarea>")
    assert "subject: 1 to 64 characters in one line" in page
    assert value_of(page, "title") == hostile
    assert "<script" not in page.replace(OUR_SCRIPT, "")
    assert "&lt;/textarea&gt;" in page
    for fields, told in (
        ({"valid_until": "soon"}, "A date needs day, month, year"),
        ({"valid_until": "2026-11-01T09:00"}, "ends before it begins"),
        ({"lines": "nope"}, "Allowed: estp"),
    ):
        assert told in await send(desk, AUTHOR, "/write/news", 400, action="save", title="a", text="b", **fields)
    await send(desk, AUTHOR, "/write/article", action="save", name="one", **ARTICLE)
    assert "of this name already" in await send(desk, AUTHOR, "/write/article", 409, name="one", **ARTICLE)


async def test_news_that_ends_before_it_begins_is_refused_in_the_hours_of_a_clock_change_too(tmp_path: Path) -> None:
    """In March half past two does not exist: it is half past three, and so after a quarter past three."""
    spring, autumn = "2027-03-28T", "2027-10-31T"
    async with writing_desk(tmp_path, "Europe/Berlin") as desk:
        for begin, end, status in (
            (f"{spring}02:30", f"{spring}03:15", 400),
            (f"{spring}02:30", f"{spring}03:45", 303),
            (f"{autumn}02:45", f"{autumn}02:15", 400),
            (f"{autumn}02:15", f"{autumn}02:45", 303),
        ):
            fields = {"title": begin, "text": "b", "valid_from": begin, "valid_until": end}
            page = await send(desk, AUTHOR, "/write/news", status, action="save", **fields)
            assert ("ends before it begins" in page) == (status == 400), begin
        saved = (await desk.get(AUTHOR, "news/all"))["news"]
        assert len(saved) == 2
        assert all(one["valid_until"] > one["valid_from"] for one in saved), "in UTC"


async def test_who_may_not_write_is_told_so_and_who_has_no_session_logs_in(desk: Desk) -> None:
    for path in ("/news", "/articles", "/write/news", "/write/article", "/articles/x/edit"):
        assert await see(desk, OPERATOR, path, 303) == ""
    assert (await desk.browsers[OPERATOR].get("/news", allow_redirects=False)).headers["Location"] == "/account"
    assert "nothing was saved" in await send(desk, OPERATOR, "/write/news", 401, title="a", text="b" * 20_000)
    await desk.log_in(OPERATOR)
    for path in ("/news", "/write/news", "/write/article", "/articles/x/edit", "/news/1"):
        assert "Your role does not allow that" in await see(desk, OPERATOR, path, 403)
    await send(desk, OPERATOR, "/write/news", 403, title="a", text="b")
    await send(desk, OPERATOR, "/feedback/1", 403)
    assert "nothing of that number or name" in await see(desk, OPERATOR, "/articles/нет", 404)


async def test_a_form_of_another_site_or_of_a_million_letters_is_refused(desk: Desk) -> None:
    author = desk.browsers[AUTHOR]
    for origin in ("https://evil.example", "null"):
        answer = await author.post("/write/news", data={"title": "a", "text": "b"}, headers={"Origin": origin})
        assert answer.status == 403
    assert (await author.post("/write/news", data={"title": "a", "text": "x" * 300_000})).status == 413
    assert (await author.post("/write/news", json={"title": "a"})).status == 415
    many = "&".join(f"a{n}=1" for n in range(1000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await author.post("/write/news", data=many, headers=headers)).status == 400
    longest = ARTICLE | {"text": "я" * 40_000}
    assert (await send(desk, AUTHOR, "/write/article", action="save", **longest)).startswith("/articles/")


async def test_a_page_has_no_script_but_ours_and_its_forms_lead_only_here(desk: Desk) -> None:
    answer = await desk.browsers[AUTHOR].get("/write/news")
    text = (await answer.text()).replace(OUR_SCRIPT, "")
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", text)
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "same-origin", "else a browser sends Origin: null with a form"


async def test_a_language_of_the_address_is_kept(desk: Desk) -> None:
    page = await see(desk, AUTHOR, "/news?lang=ru")
    assert "Написать новость" in page
    assert 'href="/write/news?lang=ru"' in page
    assert await send(desk, AUTHOR, "/write/news?lang=ru", action="save", title="a", text="b") == "/news?lang=ru"


async def test_the_audit_log_has_what_was_saved_on_pages_and_no_previews(desk: Desk) -> None:
    before = len(desk.accounts.entries)
    await send(desk, AUTHOR, "/write/news", 200, action="preview", title="a", text="b")
    await send(desk, AUTHOR, "/write/news", action="save", title="a", text="b")
    await send(desk, AUTHOR, "/news/1", 409, action="save", title="a", text="c", version="7")
    await send(desk, AUTHOR, "/news/1", action="withdraw", version="1")
    await send(desk, AUTHOR, "/write/article", action="save", **ARTICLE | {"name": "one"})
    await send(desk, AUTHOR, "/articles/one/edit", action="save", version="1", **ARTICLE)
    assert desk.accounts.entries[before:] == [
        (AUTHOR, "news written", "news 1"),
        (AUTHOR, "news withdrawn", "news 1"),
        (AUTHOR, "article written", "name one"),
        (AUTHOR, "article changed", "name one"),
    ]
