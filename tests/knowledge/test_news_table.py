"""News in a real register: versions, confirmations, withdrawal, and what somebody has to read before the shift."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.knowledge.errors import ChangedMeanwhileError, UnknownError
from callcenter.knowledge.news import NewsText, Reader
from callcenter.knowledge.news_table import Confirmation, NewsTable
from callcenter.knowledge.reading import Reading
from callcenter.store import Register
from tests.databases import Where, held
from tests.wall import MONDAY_NOON, Wall

TEXT = NewsText("Новый тариф", "С **понедельника**.", MONDAY_NOON, None, ("estp",), ("technical",), urgent=True)
SOON = MONDAY_NOON + timedelta(minutes=1)
ANNA = PersonId("101")


@pytest.fixture
def reading(news: NewsTable) -> Reading:
    return Reading(news, {ANNA: Reader(ANNA, GroupId("operators"), frozenset({LineId("estp")}))}, Wall(SOON))


async def test_what_was_written_is_there_with_every_version(news: NewsTable) -> None:
    first = await news.write(TEXT, "301", MONDAY_NOON)
    changed = replace(TEXT, text="Со вторника.", urgent=False, valid_until=SOON)
    second = await news.change(first.id, 1, changed, "302", SOON, read_again=True)
    assert (first.version, second.version, second.read_from) == (1, 2, 2)
    assert [(one.version, one.who, one.at, one.written) for one in await news.versions(first.id)] == [
        (2, "302", SOON, changed),
        (1, "301", MONDAY_NOON, TEXT),
    ]
    assert [one.written for one in await news.all()] == [changed]


async def test_two_authors_do_not_overwrite_each_other(news: NewsTable) -> None:
    first = await news.write(TEXT, "301", MONDAY_NOON)
    await news.change(first.id, 1, TEXT, "301", SOON, read_again=False)
    with pytest.raises(ChangedMeanwhileError) as told:
        await news.change(first.id, 1, replace(TEXT, text="anders"), "302", SOON, read_again=False)
    assert told.value.present == 2
    with pytest.raises(ChangedMeanwhileError):
        await news.withdraw(first.id, 1, "302", SOON)
    assert [one.who for one in await news.versions(first.id)] == ["301", "301"]


async def test_of_many_who_change_at_the_same_moment_one_succeeds(news: NewsTable) -> None:
    first = await news.write(TEXT, "301", MONDAY_NOON)
    changes = (news.change(first.id, 1, TEXT, f"30{who}", SOON, read_again=False) for who in range(8))
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(result, ChangedMeanwhileError) for result in results) == 7
    assert len(await news.versions(first.id)) == 2


@pytest.mark.clause("ESTP 5.2")
async def test_confirmations_are_rows_that_say_who_read_which_version_when(news: NewsTable) -> None:
    first = await news.write(TEXT, "301", MONDAY_NOON)
    await news.confirm(first.id, 1, ANNA, SOON)
    await news.confirm(first.id, 1, ANNA, SOON + timedelta(hours=1))
    await news.confirm(first.id, 1, "102", SOON)
    assert await news.confirmations(first.id) == [Confirmation(1, ANNA, SOON), Confirmation(1, "102", SOON)]
    assert await news.confirmed(ANNA) == {first.id: 1}


async def test_a_version_that_is_outdated_or_does_not_exist_cannot_be_confirmed(news: NewsTable) -> None:
    first = await news.write(TEXT, "301", MONDAY_NOON)
    await news.change(first.id, 1, TEXT, "301", SOON, read_again=True)
    with pytest.raises(ChangedMeanwhileError):
        await news.confirm(first.id, 1, ANNA, SOON)
    for id, version in ((first.id, 3), (first.id, 0), (first.id + 1, 1)):
        with pytest.raises(UnknownError):
            await news.confirm(id, version, ANNA, SOON)
    assert await news.confirmations(first.id) == []


async def test_what_does_not_exist_is_not_changed_or_withdrawn(news: NewsTable) -> None:
    with pytest.raises(UnknownError):
        await news.change(7, 1, TEXT, "301", SOON, read_again=False)
    with pytest.raises(UnknownError):
        await news.withdraw(7, 1, "301", SOON)
    with pytest.raises(UnknownError):
        await news.confirmations(7)


@pytest.mark.clause("ESTP 5.2")
async def test_news_is_read_once_and_again_if_the_author_says_so(news: NewsTable, reading: Reading) -> None:
    item = await news.write(TEXT, "301", MONDAY_NOON)
    assert await reading.before_shift(ANNA) == [item]
    assert await reading.before_shift(ANNA, [(item.id, 1)]) == []
    assert await reading.of(ANNA) == [(item, True)]
    await news.change(item.id, 1, TEXT, "301", SOON, read_again=False)
    assert await reading.before_shift(ANNA) == []
    again = await news.change(item.id, 2, TEXT, "301", SOON, read_again=True)
    assert await reading.before_shift(ANNA) == [again]
    assert await reading.before_shift(ANNA, [(item.id, 2), (item.id + 9, 1)]) == [again], "an old page does not count"


async def test_withdrawn_outdated_and_foreign_news_is_not_read(news: NewsTable, reading: Reading) -> None:
    withdrawn = await news.write(TEXT, "301", MONDAY_NOON)
    await news.withdraw(withdrawn.id, 1, "301", SOON)
    await news.write(replace(TEXT, valid_until=SOON - timedelta(seconds=1)), "301", MONDAY_NOON)
    await news.write(replace(TEXT, valid_from=SOON + timedelta(hours=1)), "301", MONDAY_NOON)
    await news.write(replace(TEXT, lines=(), groups=("technical",)), "301", MONDAY_NOON)
    assert await reading.before_shift(ANNA) == []
    assert await reading.of(ANNA) == []
    await news.change(withdrawn.id, 2, TEXT, "301", SOON, read_again=False)
    assert len(await reading.before_shift(ANNA)) == 1, "an author brings it back"


async def test_who_has_no_account_any_more_has_nothing_to_read(news: NewsTable, reading: Reading) -> None:
    await news.write(TEXT, "301", MONDAY_NOON)
    assert await reading.before_shift(PersonId("gone")) == []


async def test_a_shift_opens_without_the_register(
    news: NewsTable, reading: Reading, register: Register, where: Where, caplog: pytest.LogCaptureFixture
) -> None:
    item = await news.write(TEXT, "301", MONDAY_NOON)
    with held(where, "news", "news_confirmations"):
        assert await reading.before_shift(ANNA) == [item], "reading waits for no writer"
        assert await reading.before_shift(ANNA, [(item.id, 1)]) == [], "what cannot be written down does not count"
    assert "'101' begins the shift without it" in caplog.text
    assert await news.confirmations(item.id) == []
