"""Alembic's entry point: runs the migrations on the connection that `migrations.upgrade` passes."""

from __future__ import annotations

from alembic import context

from callcenter.store.tables import Base

# SQLite cannot change most things of a table in place: batch mode copies the table.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
