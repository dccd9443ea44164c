"""Browsers in which a person has logged in before, proved by a signed cookie ("device cookies", OWASP).

The cookie opens nothing: with it, attempts to log in are not delayed by other people's mistakes (`attempts.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

LIFETIME = timedelta(days=180)

_FORM = re.compile(r"([\w-]{16})\.(\d{1,12})\.([0-9a-f]{64})", re.ASCII)


class Devices:
    """Makes and checks such cookies. `key`: any secret text; another one makes all cookies worthless."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def remember(self, person: str, now: datetime) -> str:
        """Return the value of a cookie for a browser in which `person` has just logged in."""
        device, at = secrets.token_urlsafe(12), int(now.timestamp())
        return f"{device}.{at}.{self._signature(person, device, at)}"

    def known(self, person: str, cookie: str, now: datetime) -> str | None:
        """Return the browser's name if `person` has logged in there, at most `LIFETIME` ago; else None."""
        found = _FORM.fullmatch(cookie)
        if not found:
            return None
        device, at, signature = found[1], int(found[2]), found[3]
        genuine = hmac.compare_digest(signature, self._signature(person, device, at))
        return device if genuine and 0 <= now.timestamp() - at < LIFETIME.total_seconds() else None

    def _signature(self, person: str, device: str, at: int) -> str:
        return hmac.new(self._key, f"{person} {device} {at}".encode(), hashlib.sha256).hexdigest()
