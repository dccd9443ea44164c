"""Enters in the audit log who looks at personal data or changes something with a command, before that happens."""

from __future__ import annotations

import asyncio
import os
import pwd
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click

from callcenter.app.register import open_register
from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.reports.audit import Audit
from callcenter.store import Register, RegisterError

_LOGIN = Path("/proc/self/loginuid")
_NOBODY = 2**32 - 1


async def noted(register: Register, now: datetime, what: str, about: str) -> None:
    """Enter that the person at the terminal sees this. Raises `RegisterError`: then nothing may be shown."""
    await Audit(register).enter(now, person(), what, about)


def noted_if_possible(config: Config, what: str, about: str) -> None:
    """Enter in the audit log that the person at the terminal changes something, if there is a register already.

    Raises click's error if it cannot be entered: then nothing may be changed.
    """
    if isinstance(config.database, Path) and not config.database.exists():
        return

    async def enter() -> None:
        register = await open_register(config, create=False, busy_timeout=10)
        try:
            await noted(register, wall_clock(), what, about)
        finally:
            await register.close()

    try:
        asyncio.run(enter())
    except RegisterError as problem:
        raise click.ClickException(f"nothing is changed, because it cannot be written down: {problem}") from problem


def person() -> str:
    """Return the system's name of whoever runs the command; with `runuser` and `sudo`, also who logged in.

    Not from the environment: anybody sets USER and LOGNAME at will.
    """
    user, login = _name(os.getuid()), ""
    with suppress(OSError, ValueError):
        number = int(_LOGIN.read_text())  # set at log-in, and kept by runuser and sudo
        login = _name(number) if number != _NOBODY else ""
    return user if login in ("", user) else f"{user}, logged in as {login}"


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # in a container, for one
        return f"user {number}"
