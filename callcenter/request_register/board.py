"""Lists of requests: the head's board, my requests, drafts that grow old; and the search over text and numbers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from callcenter.core.ids import LineId
from callcenter.request_register.filed import BoardQuery, BoardRow, Count
from callcenter.store import Register

MOST = 500
"""Rows of a list."""


class RequestBoard:
    """Reads lists. Its methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def rows(self, query: BoardQuery, limit: int = 200, skip: int = 0) -> list[BoardRow]:
        """Return the requests that match, in the query's order. `limit` is at most `MOST`."""
        raise NotImplementedError

    async def number_of(self, query: BoardQuery) -> int:
        """Return how many requests match."""
        raise NotImplementedError

    async def counts(self, at: datetime) -> list[Count]:
        """Return how many requests are open, by line, state and what is due, and how many of them are late."""
        raise NotImplementedError

    async def drafts(self, opened_before: datetime, by: str | None = None) -> list[BoardRow]:
        """Return the drafts of calls before that moment, oldest first: of one operator, or of all (for the head)."""
        raise NotImplementedError

    async def of_call(self, call: str) -> list[BoardRow]:
        """Return the requests that came from a call."""
        raise NotImplementedError

    async def of_requester(self, number: str, inn: str, limit: int = 20) -> list[BoardRow]:
        """Return the requests of a telephone number or a body, the newest first."""
        raise NotImplementedError

    async def search(
        self, asked: str, lines: Collection[LineId] | None = None, limit: int = 50
    ) -> list[BoardRow]:
        """Return what was typed: a registration number or its end, a telephone number, an INN, or words in any form.

        The newest first. Words are looked up in subject, essentials, names and all messages.
        """
        raise NotImplementedError
