"""Articles in a real register: versions, two authors at once, withdrawal, and «не помогло»."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from callcenter.knowledge.article import ArticleText
from callcenter.knowledge.article_table import ArticleTable
from callcenter.knowledge.errors import ChangedMeanwhileError, NameTakenError, UnknownError
from callcenter.knowledge.search import Entry
from tests.wall import MONDAY_NOON

TEXT = ArticleText("Электронная подпись", "Подпись", "Обратитесь в **удостоверяющий центр**.", ("estp",))
SOON = MONDAY_NOON + timedelta(minutes=1)


async def names(articles: ArticleTable, asked: str, **which: Any) -> list[str]:
    return [hit.name for hit, _ in await articles.search(asked, **which)]


async def test_every_version_stays(articles: ArticleTable) -> None:
    assert await articles.save("podpis", 0, TEXT, "301", MONDAY_NOON) == 1
    changed = replace(TEXT, text="Подпись получают в МФЦ.", lines=())
    assert await articles.save("podpis", 1, changed, "302", SOON) == 2
    present = await articles.article("podpis")
    assert (present.version, present.who, present.at, present.written) == (2, "302", SOON, changed)
    assert (await articles.article("podpis", 1)).written == TEXT
    assert [(one.version, one.who) for one in await articles.versions("podpis")] == [(2, "302"), (1, "301")]
    assert await names(articles, "удостоверяющий") == [], "the former text is not searched"
    assert await names(articles, "мфц") == ["podpis"]


async def test_two_authors_do_not_overwrite_each_other(articles: ArticleTable) -> None:
    await articles.save("podpis", 0, TEXT, "301", MONDAY_NOON)
    await articles.save("podpis", 1, replace(TEXT, text="первый"), "301", SOON)
    with pytest.raises(ChangedMeanwhileError) as told:
        await articles.save("podpis", 1, replace(TEXT, text="второй"), "302", SOON)
    assert told.value.present == 2
    assert await names(articles, "второй") == []
    with pytest.raises(NameTakenError):
        await articles.save("podpis", 0, TEXT, "302", SOON)
    with pytest.raises(UnknownError):
        await articles.save("нет-такой", 1, TEXT, "302", SOON)
    assert len(await articles.versions("podpis")) == 2


async def test_of_many_who_save_at_the_same_moment_one_succeeds(articles: ArticleTable) -> None:
    await articles.save("podpis", 0, TEXT, "301", MONDAY_NOON)
    attempts = (articles.save("podpis", 1, replace(TEXT, text=f"{who}"), f"{who}", SOON) for who in range(8))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, ChangedMeanwhileError) for result in results) == 7
    assert [one.version for one in await articles.versions("podpis")] == [2, 1]


async def test_a_withdrawn_article_is_found_no_more_but_can_be_brought_back(articles: ArticleTable) -> None:
    await articles.save("podpis", 0, TEXT, "301", MONDAY_NOON)
    assert await articles.withdraw("podpis", 1, "302", SOON) == 2
    assert await names(articles, "подпись") == []
    assert await articles.headings() == []
    assert await articles.subjects() == {}
    assert await articles.all() == []
    gone = await articles.article("podpis")
    assert (gone.withdrawn, gone.who, gone.written) == (True, "302", TEXT)
    assert await articles.save("podpis", 2, TEXT, "301", SOON) == 3
    assert await names(articles, "подпись") == ["podpis"]


async def test_lists_by_line_and_subject(articles: ArticleTable) -> None:
    for name, line, subject in (("a", "estp", "Подпись"), ("b", "e_tp", "Подпись"), ("c", "", "Деньги")):
        lines = (line,) if line else ()
        await articles.save(name, 0, replace(TEXT, subject=subject, lines=lines), "301", MONDAY_NOON)
    assert [one.name for one in await articles.headings()] == ["c", "a", "b"]
    assert [one.name for one in await articles.headings("estp")] == ["c", "a"]
    assert [one.name for one in await articles.headings("e_tp")] == ["c", "b"], "'_' is no wild card"
    assert [one.name for one in await articles.headings(subject="Подпись")] == ["a", "b"]
    assert [one.name for one in await articles.headings(limit=1)] == ["c"]
    assert await articles.subjects("estp") == {"Деньги": 1, "Подпись": 1}
    assert await names(articles, "удостоверяющий", line="estp") == ["a", "c"]
    assert await names(articles, "удостоверяющий", line="e_tp", subject="Деньги") == ["c"]
    assert await names(articles, "центр", limit=2) == ["a", "b"]


async def test_what_did_not_help_reaches_those_who_wrote_it(articles: ArticleTable) -> None:
    await articles.save("podpis", 0, TEXT, "301", MONDAY_NOON)
    await articles.save("podpis", 1, replace(TEXT, title="Подпись"), "302", SOON)
    await articles.save("other", 0, TEXT, "303", MONDAY_NOON)
    await articles.did_not_help("podpis", 1, "Адрес устарел", "101", SOON)
    [told] = await articles.feedback("301")
    assert (told.article, told.title, told.version, told.who, told.at) == ("podpis", "Подпись", 1, "101", SOON)
    assert told.text == "Адрес устарел"
    assert await articles.feedback("302") == await articles.feedback() == [told]
    assert await articles.feedback("303") == []
    await articles.settle(told.id, "302", SOON)
    assert await articles.feedback() == []
    for wrong in (told.id, told.id + 1):
        with pytest.raises(UnknownError):
            await articles.settle(wrong, "302", SOON)
    with pytest.raises(UnknownError):
        await articles.did_not_help("podpis", 9, "нет", "101", SOON)


async def test_an_import_saves_only_what_differs(articles: ArticleTable) -> None:
    many = [(f"a{number}", replace(TEXT, text=f"Статья {number}")) for number in range(250)]
    assert await articles.replace(many, "root", MONDAY_NOON) == 250
    assert await articles.replace(many, "root", SOON) == 0
    await articles.withdraw("a7", 1, "301", SOON)
    many[0] = ("a0", replace(TEXT, text="Другое"))
    assert await articles.replace(many, "root", SOON) == 2
    assert [(one.version, one.withdrawn) for one in await articles.versions("a7")] == [
        (3, False),
        (2, True),
        (1, False),
    ]
    assert len(await articles.all()) == 250
    assert await names(articles, "другие") == ["a0"]


async def test_the_index_is_made_anew_from_the_articles(articles: ArticleTable) -> None:
    await articles.save("podpis", 0, TEXT, "301", MONDAY_NOON)
    await articles.save("gone", 0, TEXT, "301", MONDAY_NOON)
    await articles.withdraw("gone", 1, "301", MONDAY_NOON)
    wrong = Entry("слово", "слово", "слово")
    for id in (1, 2):
        await articles._register.read(partial(articles._index.put, article=id, entry=wrong))
    assert await names(articles, "подпись") == []
    assert await articles.reindex() == 1
    assert await names(articles, "подпись") == ["podpis"]
    assert await names(articles, "слово") == []
