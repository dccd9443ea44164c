"""How many files and connections the process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress

WANTED = 65_536
RESERVE = 256
"""Descriptors for everything except connections to the page: Asterisk, the register, recordings, logs."""


def raise_limit() -> None:
    """Raise the limit as far as the system permits without asking; Asterisk inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def for_connections(wanted: int) -> int:
    """Return how many of `wanted` connections are possible without touching the reserve; at least 16."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(16, min(wanted, soft - RESERVE))
