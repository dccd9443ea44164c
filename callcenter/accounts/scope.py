"""What a token is for: parts of the API, to read or to do everything with. Pure.

A scope is the word behind `/api/` (`requests`), for reading alone with `:read` (`requests:read`). Without scopes a
token is for all that its owner may do.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_READING = frozenset({"GET", "HEAD"})
_FORM = re.compile(r"[a-z]{1,32}(?:-[a-z]{1,32})*(?::read)?")
MOST = 20
"""Scopes of one token."""


def well_formed(scope: str) -> bool:
    """Return whether this can be a scope."""
    return _FORM.fullmatch(scope) is not None


def part(path: str) -> str:
    """Return the part of the API that a path is in; '' outside of the API."""
    steps = path.split("/")
    return steps[2] if len(steps) > 2 and steps[1] == "api" else ""


def allows(scopes: Collection[str], method: str, path: str) -> bool:
    """Return whether a token of these scopes may ask for this."""
    if not scopes:
        return True
    wanted = part(path)
    return wanted != "" and (wanted in scopes or (method in _READING and f"{wanted}:read" in scopes))
