"""Alembic's entry: runs the migrations on the connection that `migrations.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from callcenter.store.tables import Base

# SQLite can't alter most things of a table in place: batch mode copies it.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
