"""The history of the register's tables, applied by the controller itself when it starts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def revision_of(connection: Connection) -> str | None:
    """The revision that the database is at; None: no revision at all."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def known() -> frozenset[str]:
    """All revisions that this version of the controller can read."""
    return frozenset(script.revision for script in _scripts().walk_revisions())


@cache
def newest() -> str:
    """The revision that this version of the controller needs."""
    return _scripts().get_current_head() or ""


def upgrade(connection: Connection) -> None:
    """Apply what is missing, in the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    # '%' would be taken for an interpolation in a configuration file.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
