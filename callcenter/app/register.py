"""Opens the register that the configuration names; its server's password is in the secrets file."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from callcenter.accounts.secrets import SecretsError, database_password
from callcenter.config import Config
from callcenter.store import Register, RegisterError
from callcenter.store.errors import OutdatedError


async def open_register(
    config: Config,
    where: Path | str | None = None,
    *,
    create: bool = True,
    busy_timeout: float = 1.0,
    moving: bool = False,
    as_it_is: bool = False,
) -> Register:
    """Open the register, or another one at `where`; the rest as `Database.open`. Raises `RegisterError`."""
    place = config.database if where is None else where
    try:
        password = "" if isinstance(place, Path) else await asyncio.to_thread(database_password, config.var)
    except SecretsError as problem:
        raise RegisterError(str(problem)) from problem
    return await Register.open(
        place, create=create, busy_timeout=busy_timeout, password=password, moving=moving, as_it_is=as_it_is
    )


async def database_trouble(config: Config) -> str:
    """Return what keeps the controller from using the database server; '' if nothing does. Changes nothing."""
    if isinstance(config.database, Path):
        return ""
    try:
        with suppress(OutdatedError):
            await (await open_register(config, create=False)).close()
    except RegisterError as problem:
        return str(problem)
    return ""
