"""An article of the knowledge base."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ArticleText:
    """What an author writes."""

    title: str
    subject: str
    text: str
    """Markdown."""
    lines: tuple[str, ...] = ()
    """The lines that it is for; empty: all."""
    public: bool = False
    """Whether customers may read it."""


@dataclass(frozen=True, slots=True)
class Article:
    """One version of an article."""

    name: str
    version: int
    at: datetime
    """When it was saved."""
    who: str
    written: ArticleText
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """An article in a list."""

    name: str
    version: int
    title: str
    subject: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Feedback:
    """An article did not help somebody («не помогло»)."""

    id: int
    article: str
    title: str
    version: int
    """The version that they read."""
    at: datetime
    who: str
    text: str
