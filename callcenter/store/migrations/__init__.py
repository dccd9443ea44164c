"""The versions of the register's tables. The controller applies them itself when it starts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the database; None if it has none."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def known() -> frozenset[str]:
    """Return all revisions that this version of the controller can read."""
    return frozenset(script.revision for script in _scripts().walk_revisions())


@cache
def newest() -> str:
    """Return the revision that this version of the controller needs."""
    return _scripts().get_current_head() or ""


def upgrade(connection: Connection) -> None:
    """Apply the missing revisions, in the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    # '%' would be read as an interpolation of the configuration file.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
