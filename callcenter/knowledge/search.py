"""Searching articles by words in any of their forms.

`ArticleIndex` is what the knowledge base needs; each kind of database has its own: FTS5, or a column of `tsvector`. An
index is changed in the transaction that saves the article. Words are looked up in the
dictionary before (`Entry.of`, `Query.of`), outside the transaction and outside the event loop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, Self

from sqlalchemy import Connection, text

from callcenter.knowledge import markdown, vector
from callcenter.knowledge.article import ArticleText
from callcenter.knowledge.text import without_stress
from callcenter.knowledge.words import WORD, is_function_word, lemmas, slots

LONGEST_QUERY = 200
"""Characters."""
_MOST_WORDS = 12
_SHORTEST_BEGINNING = 3
"""Characters from which on the last word may be unfinished."""
_BEFORE, _AFTER = 8, 22
"""Words of a snippet before and after the first word that was found."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index has of one article: lemmas of title with subject and of the text, and the text as it is read."""

    title: str
    body: str
    plain: str

    @classmethod
    def of(cls, article: ArticleText) -> Self:
        """Make it. Takes up to a second for the longest text: not for the event loop."""
        plain = markdown.plain(article.text)
        title = without_stress(f"{article.title} {article.subject}")
        return cls(" ".join(slots(title)), " ".join(slots(plain)), plain)


@dataclass(frozen=True, slots=True)
class Query:
    """The words that are looked for, each as its lemmas. `beginning`: the last word as it was typed, or ''."""

    words: tuple[tuple[str, ...], ...]
    beginning: str

    @classmethod
    def of(cls, asked: str) -> Self:
        """Make it of what somebody typed. Not for the event loop: the dictionary may have to be loaded."""
        words = WORD.findall(without_stress(asked[:LONGEST_QUERY]))[:_MOST_WORDS]
        telling = [word for word in words if not is_function_word(word)] or words
        last = words[-1].lower() if words and telling and telling[-1] is words[-1] else ""
        return cls(tuple(map(lemmas, telling)), last if len(last) >= _SHORTEST_BEGINNING else "")

    def wants(self, slot: str) -> bool:
        """Return whether a word of a text, given by its lemmas joined by '/', is one of those looked for."""
        forms = slot.split("/")
        if self.beginning and any(form.startswith(self.beginning) for form in forms):
            return True
        return any(form in word for word in self.words for form in forms)


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that was found. Better ones come first."""

    name: str
    version: int
    title: str
    subject: str
    lines: tuple[str, ...]
    entry: Entry

    def snippet(self, query: Query) -> list[tuple[str, bool]]:
        """Return a piece of the text around what was found: texts in turn, and whether each was looked for."""
        found = self.entry.body.split(" ") if self.entry.body else []
        first = next((place for place, slot in enumerate(found) if query.wants(slot)), 0)
        begin, end = max(0, first - _BEFORE), first + _AFTER
        pieces: list[tuple[str, bool]] = []
        done: int | None = None
        for place, word in enumerate(islice(WORD.finditer(self.entry.plain), end)):
            if place < begin:
                continue
            before = self.entry.plain[word.start() if done is None else done : word.start()]
            if before:
                pieces.append((before, False))
            pieces.append((word.group(), query.wants(found[place])))
            done = word.end()
        return _joined(pieces)


def _joined(pieces: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    joined: list[tuple[str, bool]] = []
    for piece, wanted in pieces:
        if joined and joined[-1][1] == wanted:
            joined[-1] = (joined[-1][0] + piece, wanted)
        else:
            joined.append((piece, wanted))
    return joined


class ArticleIndex(Protocol):
    """The index of the articles' present versions."""

    def put(self, connection: Connection, article: int, entry: Entry) -> None:
        """Enter an article, or replace its entry."""

    def remove(self, connection: Connection, article: int) -> None:
        """Remove an article; one that is not there is no mistake."""

    def find(
        self,
        connection: Connection,
        query: Query,
        line: str | None,
        subject: str | None,
        limit: int,
        public: bool = False,  # noqa: FBT001, FBT002 - one more of what is asked for
    ) -> list[Hit]:
        """Return the articles with all words; if there are none, those with one of them. At most `limit`.

        `line`: only articles for this line, or for all lines; `subject`: only those of this subject;
        `public`: only what customers may read.
        """


_FIND = text(
    "SELECT a.name, v.version, v.title, v.subject, v.lines, i.title, i.body, i.plain "
    "FROM article_index AS i "
    "JOIN articles AS a ON a.id = i.rowid "
    "JOIN article_versions AS v ON v.article = a.id AND v.version = a.version "
    "WHERE article_index MATCH :words "
    "AND (:subject IS NULL OR v.subject = :subject) AND (:all OR v.public) "
    "AND (:line IS NULL OR v.lines = '[]' OR EXISTS (SELECT 1 FROM json_each(v.lines) WHERE value = :line)) "
    "ORDER BY rank LIMIT :most"
)
_PUT = text("INSERT INTO article_index (rowid, title, body, plain) VALUES (:article, :title, :body, :plain)")
_REMOVE = text("DELETE FROM article_index WHERE rowid = :article")


class SqliteIndex:
    """The table `article_index` (FTS5). It has lemmas, so that FTS5's own tokenizer has only to split them."""

    def put(self, connection: Connection, article: int, entry: Entry) -> None:
        """Enter an article; see `ArticleIndex`."""
        self.remove(connection, article)
        values = {"article": article, "title": entry.title, "body": entry.body, "plain": entry.plain}
        connection.execute(_PUT, values)

    def remove(self, connection: Connection, article: int) -> None:
        """Remove an article; see `ArticleIndex`."""
        connection.execute(_REMOVE, {"article": article})

    def find(
        self,
        connection: Connection,
        query: Query,
        line: str | None,
        subject: str | None,
        limit: int,
        public: bool = False,  # noqa: FBT001, FBT002 - one more of what is asked for
    ) -> list[Hit]:
        """Return the articles with these words; see `ArticleIndex`."""
        if not query.words:
            return []
        values = {"line": line, "subject": subject, "most": limit, "all": not public}
        for together in (" AND ", " OR "):
            found = connection.execute(_FIND, values | {"words": _expression(query, together)}).all()
            if found:
                break
        return [
            Hit(name, version, title, subject, tuple(json.loads(lines)), Entry(*entry))
            for name, version, title, subject, lines, *entry in found
        ]


def _expression(query: Query, together: str) -> str:
    """Make FTS5's expression. Words have letters and digits only, so nothing in the quotes can end them."""
    words = [[f'"{lemma}"' for lemma in forms] for forms in query.words]
    if query.beginning:
        words[-1].append(f'"{query.beginning}"*')
    return together.join(f"({' OR '.join(forms)})" for forms in words)


_POSTGRESQL_FIND = text(
    "SELECT a.name, v.version, v.title, v.subject, v.lines, i.title, i.body, i.plain "
    "FROM article_index AS i "
    "JOIN articles AS a ON a.id = i.article "
    "JOIN article_versions AS v ON v.article = a.id AND v.version = a.version "
    "WHERE i.words @@ CAST(:words AS tsquery) "
    "AND (CAST(:subject AS text) IS NULL OR v.subject = :subject) "
    "AND (CAST(:all AS boolean) OR v.public) "
    "AND (CAST(:line AS text) IS NULL OR json_array_length(v.lines) = 0 "
    "OR EXISTS (SELECT 1 FROM json_array_elements_text(v.lines) AS one WHERE one = :line)) "
    # The title counts eight times as much as the text, and a word of a short text more than one of a long text.
    "ORDER BY ts_rank('{0, 0, 0.125, 1}', i.words, CAST(:words AS tsquery), 1) DESC, i.article LIMIT :most"
)
_POSTGRESQL_PUT = text(
    "INSERT INTO article_index (article, title, body, plain, words) "
    "VALUES (:article, :title, :body, :plain, CAST(:words AS tsvector))"
)
_POSTGRESQL_REMOVE = text("DELETE FROM article_index WHERE article = :article")


class PostgresqlIndex:
    """The table `article_index` with a `tsvector`, in which a title's words have weight A and a text's weight B."""

    def put(self, connection: Connection, article: int, entry: Entry) -> None:
        """Enter an article; see `ArticleIndex`."""
        self.remove(connection, article)
        words = vector.vector(("A", entry.title), ("B", entry.body))
        values = {"article": article, "title": entry.title, "body": entry.body, "plain": entry.plain, "words": words}
        connection.execute(_POSTGRESQL_PUT, values)

    def remove(self, connection: Connection, article: int) -> None:
        """Remove an article; see `ArticleIndex`."""
        connection.execute(_POSTGRESQL_REMOVE, {"article": article})

    def find(
        self,
        connection: Connection,
        query: Query,
        line: str | None,
        subject: str | None,
        limit: int,
        public: bool = False,  # noqa: FBT001, FBT002 - one more of what is asked for
    ) -> list[Hit]:
        """Return the articles with these words; see `ArticleIndex`."""
        if not query.words:
            return []
        values = {"line": line, "subject": subject, "most": limit, "all": not public}
        for together in ("&", "|"):
            words = vector.condition(query.words, query.beginning, together)
            found = connection.execute(_POSTGRESQL_FIND, values | {"words": words}).all()
            if found:
                break
        return [
            Hit(name, version, title, subject, tuple(lines), Entry(*entry))
            for name, version, title, subject, lines, *entry in found
        ]


_INDEXES: Mapping[str, ArticleIndex] = {"sqlite": SqliteIndex(), "postgresql": PostgresqlIndex()}


def index_for(database: str) -> ArticleIndex:
    """Return the index for a kind of database: 'sqlite' or 'postgresql'."""
    return _INDEXES[database]
