"""The index in which requests are searched by words in any of their forms, as articles are (`knowledge.search`).

Words are looked up in the dictionary before the transaction and outside the event loop (`Words.of`); the index changes
in the transaction that stores the request. Each kind of database has an index of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from sqlalchemy import Connection, text

from callcenter.knowledge import vector
from callcenter.knowledge.search import Query
from callcenter.knowledge.text import without_stress
from callcenter.knowledge.words import slots

INDEXED = 20_000
"""Characters of a text that can be found; what comes after them is kept, but not looked up in the dictionary."""


@dataclass(frozen=True, slots=True)
class Words:
    """Lemmas of what changes. None: stays as it is; `more` is added to what is there."""

    subject: str | None = None
    essentials: str | None = None
    who: str | None = None
    more: str = ""

    @classmethod
    def of(cls, subject: str | None, essentials: str | None, who: str | None, *more: str) -> Self:
        """Make it of texts. Takes a tenth of a second for long ones: not for the event loop."""
        known = [None if one is None else lemmatised(one) for one in (subject, essentials, who)]
        return cls(known[0], known[1], known[2], " ".join(lemmatised(one) for one in more if one))


NO_WORDS = Words()


def lemmatised(raw: str) -> str:
    """Return the lemmas of a text, as the index has them."""
    return " ".join(slots(without_stress(raw[:INDEXED])))


class RequestIndex(Protocol):
    """The index of all requests, by the numbers of their rows."""

    def change(self, connection: Connection, row: int, words: Words) -> None:
        """Change what a request can be found by; it is entered if it is new."""

    def remove(self, connection: Connection, row: int) -> None:
        """Forget a request's words."""

    def forget(self, connection: Connection, *, begin: bool) -> bool:
        """Do a part of the work after which nothing of removed requests is left. Returns whether there is more."""

    def find(self, connection: Connection, query: Query, limit: int) -> list[int]:
        """Return the rows with all words, the newest first."""


_ENTER = text("INSERT INTO request_index (rowid, subject, essentials, who, more) VALUES (:row, '', '', '', '')")
_THERE = text("SELECT 1 FROM request_index WHERE rowid = :row")
_CHANGE = text(
    "UPDATE request_index SET subject = coalesce(:subject, subject), essentials = coalesce(:essentials, essentials), "
    "who = coalesce(:who, who), more = trim(more || ' ' || :more) WHERE rowid = :row"
)
_REMOVE = text("DELETE FROM request_index WHERE rowid = :row")
_CHANGES = text("SELECT total_changes()")
_MERGE = text("INSERT INTO request_index (request_index, rank) VALUES ('merge', :pages)")
_PAGES = 200
"""Pages of the index that are merged in one transaction: some ten milliseconds."""
_FIND = text("SELECT rowid FROM request_index WHERE request_index MATCH :words ORDER BY rowid DESC LIMIT :most")


class SqliteIndex:
    """The table `request_index` (FTS5) of lemmas."""

    def change(self, connection: Connection, row: int, words: Words) -> None:
        """Change what a request can be found by; see `RequestIndex`."""
        if words == NO_WORDS:
            return
        if connection.execute(_THERE, {"row": row}).one_or_none() is None:
            connection.execute(_ENTER, {"row": row})
        values = {"subject": words.subject, "essentials": words.essentials, "who": words.who, "more": words.more}
        connection.execute(_CHANGE, values | {"row": row})

    def remove(self, connection: Connection, row: int) -> None:
        """Forget a request's words; see `RequestIndex`."""
        connection.execute(_REMOVE, {"row": row})

    def forget(self, connection: Connection, *, begin: bool) -> bool:
        """Merge the index's segments: a removed entry is in its old one, until that is merged with what removed it."""
        before = connection.scalar(_CHANGES) or 0
        connection.execute(_MERGE, {"pages": -_PAGES if begin else _PAGES})
        return begin or (connection.scalar(_CHANGES) or 0) - before >= 2  # as SQLite describes it

    def find(self, connection: Connection, query: Query, limit: int) -> list[int]:
        """Return the rows with all words; see `RequestIndex`."""
        if not query.words:
            return []
        found = connection.execute(_FIND, {"words": _expression(query), "most": limit})
        return [row for (row,) in found]


def _expression(query: Query) -> str:
    """Make FTS5's expression. Words have letters and digits only, so nothing in the quotes can end them."""
    words = [[f'"{lemma}"' for lemma in forms] for forms in query.words]
    if query.beginning:
        words[-1].append(f'"{query.beginning}"*')
    return " AND ".join(f"({' OR '.join(forms)})" for forms in words)


_PUT = text(
    "INSERT INTO request_index AS known (request, words) VALUES (:row, CAST(:words AS tsvector)) "
    'ON CONFLICT (request) DO UPDATE SET words = ts_filter(known.words, CAST(:kept AS "char"[])) || '
    # The database takes no more than 1 MiB; what comes after it is kept, but not found.
    "CASE WHEN octet_length(CAST(known.words AS text)) + octet_length(CAST(:words AS text)) < :most "
    "THEN excluded.words ELSE '' END"
)
_TAKE_OUT = text("DELETE FROM request_index WHERE request = :row")
_SELECT = text(
    "SELECT request FROM request_index WHERE words @@ CAST(:words AS tsquery) ORDER BY request DESC LIMIT :most"
)


class PostgresqlIndex:
    """The table `request_index` of `tsvector`: the weight of a word tells in which part of the request it is."""

    def change(self, connection: Connection, row: int, words: Words) -> None:
        """Change what a request can be found by; see `RequestIndex`."""
        if words != NO_WORDS:
            connection.execute(_PUT, self._values(row, words))

    def fill(self, connection: Connection, requests: Iterable[tuple[int, Words]]) -> None:
        """Enter many requests at once."""
        connection.execute(_PUT, [self._values(row, words) for row, words in requests])

    @staticmethod
    def _values(row: int, words: Words) -> dict[str, int | str]:
        parts = {"A": words.subject, "B": words.essentials, "C": words.who}
        kept = [weight for weight, part in parts.items() if part is None]
        new = vector.vector(*((weight, part or "") for weight, part in parts.items()), ("D", words.more))
        return {"row": row, "words": new, "kept": f"{{{','.join([*kept, 'D'])}}}", "most": vector.LARGEST}

    def remove(self, connection: Connection, row: int) -> None:
        """Forget a request's words; see `RequestIndex`."""
        connection.execute(_TAKE_OUT, {"row": row})

    def forget(self, connection: Connection, *, begin: bool) -> bool:
        """Leave it to the database, which removes what no transaction sees any more (VACUUM)."""
        return False

    def find(self, connection: Connection, query: Query, limit: int) -> list[int]:
        """Return the rows with all words; see `RequestIndex`."""
        if not query.words:
            return []
        words = vector.condition(query.words, query.beginning, "&")
        return [row for (row,) in connection.execute(_SELECT, {"words": words, "most": limit})]


_INDEXES: Mapping[str, RequestIndex] = {"sqlite": SqliteIndex(), "postgresql": PostgresqlIndex()}


def index_for(database: str) -> RequestIndex:
    """Return the index for a kind of database: 'sqlite' or 'postgresql'."""
    return _INDEXES[database]


DIGITS = re.compile(r"[+\d][\d ()-]*")
"""A telephone number, an INN, or the end of a registration number."""
