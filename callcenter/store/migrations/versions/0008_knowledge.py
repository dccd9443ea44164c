"""News and the knowledge base (ESTP 5.2, 5.4.3, 5.7), and the index in which articles are searched.

The index has what the articles have, in another form: `callcenter knowledge reindex` fills it anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEX = (
    "CREATE VIRTUAL TABLE article_index USING fts5"
    "(title, body, plain UNINDEXED, tokenize = 'unicode61 remove_diacritics 0', prefix = '3')"
)


def upgrade() -> None:
    _articles()
    _news()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_INDEX)
        op.execute("INSERT INTO article_index (article_index, rank) VALUES ('rank', 'bm25(8.0, 1.0)')")


def _articles() -> None:
    op.create_table(
        "articles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_articles"),
        sa.UniqueConstraint("name", name="uq_articles_name"),
    )
    op.create_table(
        "article_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_article_versions"),
        sa.ForeignKeyConstraint(["article"], ["articles.id"], name="fk_article_versions_article"),
        sa.UniqueConstraint("article", "version", name="uq_article_versions_article"),
    )
    op.create_table(
        "article_feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_article_feedback"),
        sa.ForeignKeyConstraint(["article"], ["articles.id"], name="fk_article_feedback_article"),
    )
    op.create_index("ix_article_feedback_article", "article_feedback", ["article"])


def _news() -> None:
    op.create_table(
        "news",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("read_from", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_news"),
    )
    op.create_table(
        "news_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("news", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("read_again", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_news_versions"),
        sa.ForeignKeyConstraint(["news"], ["news.id"], name="fk_news_versions_news"),
        sa.UniqueConstraint("news", "version", name="uq_news_versions_news"),
    )
    op.create_table(
        "news_confirmations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("news", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_news_confirmations"),
        sa.ForeignKeyConstraint(["news"], ["news.id"], name="fk_news_confirmations_news"),
        sa.UniqueConstraint("news", "version", "who", name="uq_news_confirmations_news"),
    )
    op.create_index("ix_news_confirmations_who", "news_confirmations", ["who"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_table("article_index")
    for table in (
        "news_confirmations",
        "news_versions",
        "news",
        "article_feedback",
        "article_versions",
        "articles",
    ):
        op.drop_table(table)
