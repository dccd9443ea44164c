"""The knowledge base in the register: articles, their versions, and what people say of them (ESTP 5.4.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, String, cast, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from callcenter.knowledge.article import Article, ArticleText, Feedback, Heading
from callcenter.knowledge.errors import ChangedMeanwhileError, NameTakenError, UnknownError
from callcenter.knowledge.search import ArticleIndex, Entry, Hit, Query, index_for
from callcenter.store import Register
from callcenter.store import knowledge_tables as tables
from callcenter.store.rows import clean
from callcenter.store.tables import table_of

T = TypeVar("T")

_ARTICLES = table_of(tables.Article)
_VERSIONS = table_of(tables.ArticleVersion)
_FEEDBACK = table_of(tables.ArticleFeedback)
_WHO = 64
_AT_ONCE = 100
"""Articles that an import saves in one transaction: the facts of calls wait no longer than for that."""

_VERSION = select(
    _ARTICLES.c.name,
    *(_VERSIONS.c[name] for name in ("version", "at", "who", "title", "subject", "text", "lines", "withdrawn")),
    _VERSIONS.c.public,
).join_from(_ARTICLES, _VERSIONS)
_PRESENT = _VERSIONS.c.version == _ARTICLES.c.version


class ArticleTable:
    """The knowledge base. Its methods raise `RegisterError` when the database fails, and those of `errors`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    # -- reading -----------------------------------------------------------------------------------------------

    async def article(self, name: str, version: int | None = None) -> Article:
        """Return an article, in its present version if none is named. Raises `UnknownError`."""
        wanted = _PRESENT if version is None else _VERSIONS.c.version == version
        rows = await self._read(_VERSION.where(_ARTICLES.c.name == name, wanted))
        if not rows:
            raise UnknownError(f"there is no article '{name}'" + (f" of version {version}" if version else ""))
        return _article(rows[0])

    async def versions(self, name: str) -> list[Article]:
        """Return all versions of an article, the newest first. Raises `UnknownError`."""
        rows = await self._read(_VERSION.where(_ARTICLES.c.name == name).order_by(_VERSIONS.c.version.desc()))
        if not rows:
            raise UnknownError(f"there is no article '{name}'")
        return [_article(row) for row in rows]

    async def all(self) -> list[Article]:
        """Return all articles that are not withdrawn, by name."""
        query = _VERSION.where(_PRESENT, ~_ARTICLES.c.withdrawn).order_by(_ARTICLES.c.name)
        return [_article(row) for row in await self._read(query)]

    async def headings(self, line: str | None = None, subject: str | None = None, limit: int = 200) -> list[Heading]:
        """Return articles that are not withdrawn, by subject and title; `line` and `subject` as for `search`."""
        columns = (_ARTICLES.c.name, *(_VERSIONS.c[name] for name in ("version", "title", "subject", "lines")))
        query = select(*columns).join_from(_ARTICLES, _VERSIONS).where(_PRESENT, ~_ARTICLES.c.withdrawn)
        if subject is not None:
            query = query.where(_VERSIONS.c.subject == subject)
        if line is not None:
            query = query.where(_is_for(line))
        rows = await self._read(query.order_by(_VERSIONS.c.subject, _VERSIONS.c.title, _ARTICLES.c.name).limit(limit))
        return [Heading(row.name, row.version, row.title, row.subject, tuple(row.lines)) for row in rows]

    async def subjects(self, line: str | None = None) -> dict[str, int]:
        """Return how many articles each subject has, by the subjects' names; `line` as for `search`."""
        articles = func.count().label("articles")
        query = select(_VERSIONS.c.subject, articles).join_from(_ARTICLES, _VERSIONS)
        query = query.where(_PRESENT, ~_ARTICLES.c.withdrawn)
        if line is not None:
            query = query.where(_is_for(line))
        rows = await self._read(query.group_by(_VERSIONS.c.subject).order_by(_VERSIONS.c.subject))
        return {row.subject: row.articles for row in rows}

    async def search(
        self,
        asked: str,
        line: str | None = None,
        subject: str | None = None,
        limit: int = 20,
        *,
        public: bool = False,
    ) -> list[tuple[Hit, list[tuple[str, bool]]]]:
        """Return the articles with these words in whatever form, the best first, each with a snippet of its text.

        `line`: only articles for this line, or for all lines; `subject`: only those of this subject. `public`: only
        what customers may read.
        """
        query = await asyncio.to_thread(Query.of, asked)
        hits = await self._look(lambda connection: self._index.find(connection, query, line, subject, limit, public))
        return await asyncio.to_thread(lambda: [(hit, hit.snippet(query)) for hit in hits])

    # -- writing -----------------------------------------------------------------------------------------------

    async def save(self, name: str, version: int, written: ArticleText, who: str, at: datetime) -> int:
        """Save a new version of an article. `version`: the one that was changed; 0: the article is new.

        Returns the new version's number. Raises `ChangedMeanwhileError` if another version is present by now,
        `NameTakenError` if a new article has the name of another, `UnknownError` if there is no such article.
        """
        entry = await asyncio.to_thread(Entry.of, written)
        article = Article(name, version + 1, at, who, written)
        await self._register.read(partial(self._save, article, entry))
        return article.version

    async def withdraw(self, name: str, version: int, who: str, at: datetime) -> int:
        """Withdraw an article: it is found no more, but stays there with all versions. As `save` otherwise."""
        present = await self.article(name)
        article = Article(name, version + 1, at, who, present.written, withdrawn=True)
        await self._register.read(partial(self._save, article, None))
        return article.version

    async def replace(self, articles: Iterable[tuple[str, ArticleText]], who: str, at: datetime) -> int:
        """Save those that differ from the present ones, each as a new version. Returns how many these are."""
        present = {name: (version, written, gone) for name, version, written, gone in await self._state()}
        changed: list[Article] = []
        for name, written in articles:
            version, before, gone = present.get(name, (0, None, False))
            if written != before or gone:
                changed.append(Article(name, version + 1, at, who, written))
        for begin in range(0, len(changed), _AT_ONCE):
            some = changed[begin : begin + _AT_ONCE]
            await self._register.read(partial(self._all, await asyncio.to_thread(_entries, some)))
        return len(changed)

    async def reindex(self) -> int:
        """Make the index anew from the articles. Returns their number."""
        rows = await self._read(select(_ARTICLES.c.id, _ARTICLES.c.name, _ARTICLES.c.withdrawn))
        for row in rows:
            article = await self.article(row.name)
            [(_, entry)] = await asyncio.to_thread(_entries, [article])
            await self._register.read(partial(self._enter, row.id, None if row.withdrawn else entry))
        return sum(not row.withdrawn for row in rows)

    def _all(self, articles: Sequence[tuple[Article, Entry]], connection: Connection) -> None:
        for article, entry in articles:
            self._save(article, entry, connection)

    def _save(self, article: Article, entry: Entry | None, connection: Connection) -> None:
        id = _new(connection, article.name) if article.version == 1 else _next(connection, article)
        written = article.written
        row = {
            "article": id,
            "version": article.version,
            "at": article.at,
            "who": clean(article.who, _WHO),
            "title": written.title,
            "subject": written.subject,
            "lines": list(written.lines),
            "text": written.text,
            "withdrawn": article.withdrawn,
            "public": written.public,
        }
        connection.execute(insert(_VERSIONS).values(row))
        self._enter(id, entry, connection)

    def _enter(self, id: int, entry: Entry | None, connection: Connection) -> None:
        if entry is None:
            self._index.remove(connection, id)
        else:
            self._index.put(connection, id, entry)

    # -- feedback ----------------------------------------------------------------------------------------------

    async def did_not_help(self, name: str, version: int, text: str, who: str, at: datetime) -> None:
        """Enter that a version of an article did not help. Raises `UnknownError`."""
        await self.article(name, version)
        whose = select(_ARTICLES.c.id).where(_ARTICLES.c.name == name).scalar_subquery()
        row = {"article": whose, "version": version, "at": at, "who": clean(who, _WHO), "text": text, "settled_by": ""}
        await self._register.read(lambda connection: connection.execute(insert(_FEEDBACK).values(row)))

    async def feedback(self, author: str | None = None) -> list[Feedback]:
        """Return what nobody has settled yet, oldest first. `author`: only of articles that they wrote or changed."""
        columns = (_FEEDBACK.c[name] for name in ("id", "version", "at", "who", "text"))
        query = (
            select(*columns, _ARTICLES.c.name, _VERSIONS.c.title)
            .join_from(_FEEDBACK, _ARTICLES)
            .join(_VERSIONS, (_VERSIONS.c.article == _ARTICLES.c.id) & _PRESENT)
            .where(_FEEDBACK.c.settled_at.is_(None))
            .order_by(_FEEDBACK.c.at, _FEEDBACK.c.id)
        )
        if author is not None:
            theirs = select(_VERSIONS.c.article).where(_VERSIONS.c.who == clean(author, _WHO))
            query = query.where(_ARTICLES.c.id.in_(theirs))
        rows = await self._read(query)
        return [Feedback(row.id, row.name, row.title, row.version, row.at, row.who, row.text) for row in rows]

    async def settle(self, feedback: int, who: str, at: datetime) -> None:
        """Enter that nothing more is to be done about it. Raises `UnknownError` if it is not open."""
        mark = (
            update(_FEEDBACK)
            .where(_FEEDBACK.c.id == feedback, _FEEDBACK.c.settled_at.is_(None))
            .values(settled_at=at, settled_by=clean(who, _WHO))
        )
        if not await self._register.read(lambda connection: connection.execute(mark).rowcount):
            raise UnknownError(f"there is no open feedback {feedback}")

    # -- the register ------------------------------------------------------------------------------------------

    @property
    def _index(self) -> ArticleIndex:
        return index_for(self._register.engine.dialect.name)

    async def _state(self) -> list[tuple[str, int, ArticleText, bool]]:
        found = map(_article, await self._read(_VERSION.where(_PRESENT)))
        return [(article.name, article.version, article.written, article.withdrawn) for article in found]

    async def _read(self, query: Select[Any]) -> list[Row[Any]]:
        async with self._register.session() as session:
            return list((await session.execute(query)).all())

    async def _look(self, work: Callable[[Connection], T]) -> T:
        """Run a reading in a connection of its own: it waits for no facts of calls, and they do not wait for it."""
        async with self._register.session() as session:
            return await (await session.connection()).run_sync(work)


def _is_for(line: str) -> ColumnElement[bool]:
    """Return the condition that an article is for this line, or for all lines."""
    lines = cast(_VERSIONS.c.lines, String)
    return (lines == "[]") | lines.contains(f'"{line}"', autoescape=True)


def _new(connection: Connection, name: str) -> int:
    row = insert(_ARTICLES).values(name=name, version=1, withdrawn=False).returning(_ARTICLES.c.id)
    try:
        return int(connection.execute(row).scalar_one())
    except IntegrityError:
        raise NameTakenError(f"there is an article '{name}' already") from None


def _next(connection: Connection, article: Article) -> int:
    move = (
        update(_ARTICLES)
        .where(_ARTICLES.c.name == article.name, _ARTICLES.c.version == article.version - 1)
        .values(version=article.version, withdrawn=article.withdrawn)
    )
    moved = connection.execute(move).rowcount
    present = connection.execute(
        select(_ARTICLES.c.id, _ARTICLES.c.version).where(_ARTICLES.c.name == article.name)
    ).one_or_none()
    if present is None:
        raise UnknownError(f"there is no article '{article.name}'")
    if not moved:
        raise ChangedMeanwhileError(f"the article '{article.name}'", present.version)
    return int(present.id)


def _entries(articles: Sequence[Article]) -> list[tuple[Article, Entry]]:
    return [(article, Entry.of(article.written)) for article in articles]


def _article(row: Row[Any]) -> Article:
    written = ArticleText(row.title, row.subject, row.text, tuple(row.lines), row.public)
    return Article(row.name, row.version, row.at, row.who, written, row.withdrawn)
