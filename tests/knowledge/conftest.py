"""A real register in a file of its own, with the tables of news and articles."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from callcenter.knowledge.article_table import ArticleTable
from callcenter.knowledge.news_table import NewsTable
from callcenter.store import Register
from tests.databases import Where


@pytest.fixture
async def register(where: Where) -> AsyncIterator[Register]:
    """An open, empty register that does not wait long for locks."""
    opened = await Register.open(where, busy_timeout=0.05)
    yield opened
    await opened.close()


@pytest.fixture
def articles(register: Register) -> ArticleTable:
    return ArticleTable(register)


@pytest.fixture
def news(register: Register) -> NewsTable:
    return NewsTable(register)
