"""What a register on PostgreSQL needs beyond SQL: the set-up of connections, and its troubles in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, text

from callcenter.store.errors import RegisterError

OLDEST = 14
"""The oldest version of the server that is used."""
LINGER = 0.05
"""Seconds that facts wait for others: a commit costs little, and others read the register meanwhile."""
MOVE = "database_move"
"""The table that a database has while a register is being moved into it."""
UPGRADE_LOCK, AUDIT_LOCK = 0x63616C01, 0x63616C02
"""Keys of advisory locks: who upgrades the tables; who adds an entry to the audit log (migration 0022 has it, too)."""

_PATIENCE: Mapping[str, str] = MappingProxyType(
    {
        "application_name": "callcenter",
        "connect_timeout": "5",
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
        "tcp_user_timeout": "10000",
    }
)
"""A server that falls silent is noticed within ten seconds; without these, after two hours."""

_SENTENCES = {
    "08": "can't be reached",
    "28": "refuses the log-in",
    "3D": "does not exist on that server",
    "53": "is out of disk space, memory or connections",
    "55P03": "is locked by another process; try again, or stop that one",
    "57P": "is just being stopped or started",
    "25006": "takes no changes: it is read only, or a standby",
    "40": "was changed by somebody else at the same moment; try again",
    "42501": "gives the controller's user too few rights",
}
"""SQLSTATE, or its beginning -> what is wrong."""


def engine_url(url: URL, password: str) -> URL:
    """Return the URL with the driver, the password ('': none is needed), and limits of patience."""
    known = url.set(drivername="postgresql+psycopg", password=password or url.password)
    return known.update_query_dict({name: value for name, value in _PATIENCE.items() if name not in url.query})


def shown(url: URL) -> str:
    """Return the URL for messages and logs, without a password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def connect_args(busy_timeout: float, *, writing: bool) -> dict[str, Any]:
    """Return how a connection is set up. `busy_timeout`: seconds that it waits for a lock of somebody else.

    One that writes holds locks, and is ended if it forgets to go on; one that reads may wait for whoever reads along.
    Compiling queries (JIT) takes longer than any of ours does, and a plan for any value is a bad one for a rare word.
    """
    settings = {
        "lock_timeout": max(1, int(busy_timeout * 1000)),
        "idle_in_transaction_session_timeout": "60s" if writing else "0",
        "TimeZone": "UTC",
        "jit": "off",
        "plan_cache_mode": "force_custom_plan",
    }
    return {"options": " ".join(f"-c {name}={value}" for name, value in settings.items())}


def check_server(connection: Connection, name: str) -> None:
    """Raise `RegisterError` for a server that is too old, or a database that cannot keep every text."""
    version = connection.dialect.server_version_info or ()
    if version < (OLDEST,):
        raise RegisterError(f"{name} is PostgreSQL {'.'.join(map(str, version))}; {OLDEST} or newer is needed")
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise RegisterError(f"{name} has the encoding {encoding}; make the database with ENCODING 'UTF8'")


def check_rights(connection: Connection, name: str) -> None:
    """Raise `RegisterError` if the controller could not make its tables here."""
    if not connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")):
        raise RegisterError(
            f"the user of {name} may make no tables there; let it own the database: ALTER DATABASE … OWNER TO …"
        )


def state_of(problem: BaseException | None) -> str:
    """Return the SQLSTATE of an error; '' if it has none, such as when nobody answers."""
    return (problem.sqlstate or "") if isinstance(problem, psycopg.Error) else ""


def in_each_others_way(problem: BaseException | None) -> bool:
    """Return whether a transaction was undone for somebody else's sake: a deadlock, or a lock that was held too long.

    Done again it meets what the other one has left.
    """
    return state_of(problem).startswith("40") or state_of(problem) == "55P03"


def never_the_facts_fault(problem: BaseException | None) -> bool:
    """Return whether the tables or the rights are not as they should be: no other facts would fare better."""
    return state_of(problem).startswith("42")


def said_by(problem: psycopg.Error) -> str:
    """Return what the server says, without the details: they have the values of rows, which are personal data."""
    return problem.diag.message_primary or " ".join(str(problem).split())


def explain(cause: psycopg.Error, name: str) -> str:
    """Say for people what is wrong with a register on PostgreSQL; never with a value of a row."""
    state = state_of(cause)
    said = said_by(cause)
    if not state and isinstance(cause, psycopg.OperationalError):
        _, answered, why = said.rpartition("FATAL: ")
        what = "takes no connection" if answered else "can't be reached"
        return f"the register {name} {what}: {why.strip()}"
    for beginning, sentence in _SENTENCES.items():
        if state.startswith(beginning):
            return f"the register {name} {sentence} ({said})"
    return f"the register {name} can't be used: {said}"
