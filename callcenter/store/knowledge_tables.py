"""The tables of news and of the knowledge base (ESTP 5.2, 5.4.3, 5.7): every version ever saved is a row of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.tables import Base, Id, Name

Subject = String(64)
Remark = String(1000)


class Article(Base):
    """An article of the knowledge base: its name, and which of its versions is the present one."""

    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Id, unique=True)
    """Part of its address, and the name of its file in an exported folder."""
    version: Mapped[int]
    withdrawn: Mapped[bool]


class ArticleVersion(Base):
    """What somebody saved. Never changed, never deleted."""

    __tablename__ = "article_versions"
    __table_args__ = (UniqueConstraint("article", "version", name="uq_article_versions_article"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    article: Mapped[int] = mapped_column(ForeignKey("articles.id"))
    version: Mapped[int]
    """1, 2, …"""
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(Id)
    title: Mapped[str] = mapped_column(Name)
    subject: Mapped[str] = mapped_column(Subject)
    lines: Mapped[list[str]] = mapped_column(JSON)
    """The lines that it is for; empty: all."""
    text: Mapped[str] = mapped_column(Text)
    """Markdown."""
    withdrawn: Mapped[bool]
    """Whether the article was withdrawn with this version."""
    public: Mapped[bool] = mapped_column(server_default=false())
    """Whether customers may read it."""


class ArticleFeedback(Base):
    """An article did not help somebody («не помогло»)."""

    __tablename__ = "article_feedback"
    __table_args__ = (Index(None, "article"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    article: Mapped[int] = mapped_column(ForeignKey("articles.id"))
    version: Mapped[int]
    """The version that they read."""
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(Id)
    text: Mapped[str] = mapped_column(Remark)
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str] = mapped_column(Id)
    """'' while nobody has settled it."""


class News(Base):
    """A piece of news: its present version, and the first version whose confirmation still counts."""

    __tablename__ = "news"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]
    read_from: Mapped[int]
    """Who has confirmed this version or a later one has read the news."""
    withdrawn: Mapped[bool]


class NewsVersion(Base):
    """What somebody saved. Never changed, never deleted."""

    __tablename__ = "news_versions"
    __table_args__ = (UniqueConstraint("news", "version", name="uq_news_versions_news"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    news: Mapped[int] = mapped_column(ForeignKey("news.id"))
    version: Mapped[int]
    """1, 2, …"""
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(Id)
    title: Mapped[str] = mapped_column(Name)
    text: Mapped[str] = mapped_column(Text)
    """Markdown."""
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    """None: until it is withdrawn."""
    lines: Mapped[list[str]] = mapped_column(JSON)
    groups: Mapped[list[str]] = mapped_column(JSON)
    """Both empty: for everybody."""
    urgent: Mapped[bool]
    read_again: Mapped[bool]
    """Whether those who had read an earlier version have to read this one."""
    withdrawn: Mapped[bool]


class NewsConfirmation(Base):
    """Somebody has read a version of a piece of news, and said so."""

    __tablename__ = "news_confirmations"
    __table_args__ = (
        UniqueConstraint("news", "version", "who", name="uq_news_confirmations_news"),
        Index(None, "who"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    news: Mapped[int] = mapped_column(ForeignKey("news.id"))
    version: Mapped[int]
    who: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
