"""News in the register: what was written, and who has read what when (ESTP 5.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from callcenter.knowledge.errors import ChangedMeanwhileError, UnknownError
from callcenter.knowledge.news import NewsItem, NewsText
from callcenter.store import Register
from callcenter.store import knowledge_tables as tables
from callcenter.store.rows import clean
from callcenter.store.tables import table_of

_NEWS = table_of(tables.News)
_VERSIONS = table_of(tables.NewsVersion)
_CONFIRMATIONS = table_of(tables.NewsConfirmation)
_WHO = 64

_COLUMNS = (
    *("version", "at", "who", "title", "text", "valid_from", "valid_until"),
    *("lines", "groups", "urgent", "withdrawn"),
)
_VERSION = select(_NEWS.c.id, _NEWS.c.read_from, *(_VERSIONS.c[name] for name in _COLUMNS)).join_from(_NEWS, _VERSIONS)
_PRESENT = _VERSIONS.c.version == _NEWS.c.version


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Somebody has read a version."""

    version: int
    who: str
    at: datetime


class NewsTable:
    """The news. Its methods raise `RegisterError` when the database fails, and those of `errors`."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self.saved = asyncio.Event()
        """Set whenever something was saved; whoever waits for it clears it."""

    # -- reading -----------------------------------------------------------------------------------------------

    async def not_over(self, now: datetime) -> list[NewsItem]:
        """Return what is to be read now or later."""
        until = _VERSIONS.c.valid_until
        return await self._items(
            _VERSION.where(_PRESENT, ~_NEWS.c.withdrawn, until.is_(None) | (until > now))  # as `news.is_valid`
        )

    async def all(self, limit: int = 200) -> list[NewsItem]:
        """Return the latest news, withdrawn and outdated ones too, the newest first."""
        return await self._items(_VERSION.where(_PRESENT).order_by(_NEWS.c.id.desc()).limit(limit))

    async def item(self, news: int, version: int | None = None) -> NewsItem:
        """Return a piece of news, in its present version if none is named. Raises `UnknownError`."""
        wanted = _PRESENT if version is None else _VERSIONS.c.version == version
        found = await self._items(_VERSION.where(_NEWS.c.id == news, wanted))
        if not found:
            raise UnknownError(f"there is no news {news}" + (f" of version {version}" if version else ""))
        return found[0]

    async def versions(self, news: int) -> list[NewsItem]:
        """Return all versions, the newest first. Raises `UnknownError`."""
        found = await self._items(_VERSION.where(_NEWS.c.id == news).order_by(_VERSIONS.c.version.desc()))
        if not found:
            raise UnknownError(f"there is no news {news}")
        return found

    async def confirmed(self, person: str) -> dict[int, int]:
        """Return the latest version that the person has confirmed, by news."""
        latest = func.max(_CONFIRMATIONS.c.version).label("version")
        query = select(_CONFIRMATIONS.c.news, latest).where(_CONFIRMATIONS.c.who == person)
        return {row.news: row.version for row in await self._read(query.group_by(_CONFIRMATIONS.c.news))}

    async def confirmations(self, news: int) -> list[Confirmation]:
        """Return who has read which version when, in order. Raises `UnknownError` if there is no such news."""
        await self.versions(news)
        columns = (_CONFIRMATIONS.c[name] for name in ("version", "who", "at"))
        query = select(*columns).where(_CONFIRMATIONS.c.news == news).order_by(_CONFIRMATIONS.c.id)
        return [Confirmation(row.version, row.who, row.at) for row in await self._read(query)]

    # -- writing -----------------------------------------------------------------------------------------------

    async def write(self, written: NewsText, who: str, at: datetime) -> NewsItem:
        """Save a new piece of news."""

        def save(connection: Connection) -> NewsItem:
            row = insert(_NEWS).values(version=1, read_from=1, withdrawn=False).returning(_NEWS.c.id)
            item = NewsItem(int(connection.execute(row).scalar_one()), 1, 1, at, who, written)
            _enter(connection, item, read_again=True)
            return item

        return await self._save(save)

    async def change(
        self, news: int, version: int, written: NewsText, who: str, at: datetime, *, read_again: bool
    ) -> NewsItem:
        """Save a new version. `version`: the one that was changed; `read_again`: even by those who have read it.

        Raises `ChangedMeanwhileError` if another version is present by now, `UnknownError` if there is no such news.
        """

        def save(connection: Connection) -> NewsItem:
            item = _next(connection, news, version, withdrawn=False, read_again=read_again)
            item = replace(item, at=at, who=who, written=written)
            _enter(connection, item, read_again=read_again)
            return item

        return await self._save(save)

    async def withdraw(self, news: int, version: int, who: str, at: datetime) -> NewsItem:
        """Withdraw it: nobody has to read it any more. As `change` otherwise; changing it brings it back."""

        def save(connection: Connection) -> NewsItem:
            item = replace(_next(connection, news, version, withdrawn=True, read_again=False), at=at, who=who)
            _enter(connection, item, read_again=False)
            return item

        return await self._save(save)

    async def confirm(self, news: int, version: int, person: str, at: datetime) -> None:
        """Enter that the person has read this version; once is enough.

        Raises `UnknownError` if there is no such version, `ChangedMeanwhileError` if it has to be read in a newer one.
        """

        def save(connection: Connection) -> None:
            present = _one(connection, news)
            if not 0 < version <= present.version:
                raise UnknownError(f"news {news} has no version {version}")
            if version < present.read_from:
                raise ChangedMeanwhileError(f"news {news}", present.version)
            row = {"news": news, "version": version, "who": clean(person, _WHO), "at": at}
            connection.execute(self._register.insert(_CONFIRMATIONS).values(row).on_conflict_do_nothing())

        await self._register.read(save)

    # -- the register ------------------------------------------------------------------------------------------

    async def _save(self, save: Callable[[Connection], NewsItem]) -> NewsItem:
        item = await self._register.read(save)
        self.saved.set()
        return item

    async def _items(self, query: Select[Any]) -> list[NewsItem]:
        return [_item(row) for row in await self._read(query)]

    async def _read(self, query: Select[Any]) -> list[Row[Any]]:
        async with self._register.session() as session:
            return list((await session.execute(query)).all())


def _one(connection: Connection, news: int) -> NewsItem:
    row = connection.execute(_VERSION.where(_NEWS.c.id == news, _PRESENT)).one_or_none()
    if row is None:
        raise UnknownError(f"there is no news {news}")
    return _item(row)


def _next(connection: Connection, news: int, version: int, *, withdrawn: bool, read_again: bool) -> NewsItem:
    """Move on to the next version, and return the item with its number."""
    values: dict[str, Any] = {"version": version + 1, "withdrawn": withdrawn}
    if read_again:
        values["read_from"] = version + 1
    present = _NEWS.c.id == news, _NEWS.c.version == version
    moved = connection.execute(update(_NEWS).where(*present).values(values)).rowcount
    if not moved:
        raise ChangedMeanwhileError(f"news {news}", _one(connection, news).version)
    row = connection.execute(_VERSION.where(_NEWS.c.id == news, _VERSIONS.c.version == version)).one()
    return replace(_item(row), version=version + 1, withdrawn=withdrawn)


def _enter(connection: Connection, item: NewsItem, *, read_again: bool) -> None:
    written = item.written
    row = {
        "news": item.id,
        "version": item.version,
        "at": item.at,
        "who": clean(item.who, _WHO),
        "title": written.title,
        "text": written.text,
        "valid_from": written.valid_from,
        "valid_until": written.valid_until,
        "lines": list(written.lines),
        "groups": list(written.groups),
        "urgent": written.urgent,
        "read_again": read_again,
        "withdrawn": item.withdrawn,
    }
    connection.execute(insert(_VERSIONS).values(row))


def _item(row: Row[Any]) -> NewsItem:
    written = NewsText(
        row.title, row.text, row.valid_from, row.valid_until, tuple(row.lines), tuple(row.groups), row.urgent
    )
    return NewsItem(row.id, row.version, row.read_from, row.at, row.who, written, row.withdrawn)
