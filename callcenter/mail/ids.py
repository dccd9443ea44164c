"""Message-IDs of ours: whoever refers to one has had a message of ours, because nobody else can make it.

`<ESTP-2026-000123.2.1f0c…@estp.ru>`: the message's key, and a keyed digest of it (HMAC).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

_DIGEST = 24
"""Hexadecimal digits: 96 bits cannot be tried out by mail."""
_OURS = re.compile(
    rf"<?([A-Z0-9_-]{{1,64}}-\d{{4}}-\d{{6,9}})\.(\d{{1,6}}|received)\.([0-9a-f]{{{_DIGEST}}})@[^\s<>@]{{1,255}}>?",
    re.I,
)
ID = re.compile(r"<[^<>\s]{1,480}>")
"""A Message-ID in a header."""
MOST_REFERENCES = 50


class MessageIds:
    """`secret`: kept in var/secrets.yaml; with another one, earlier messages are not known as ours any more."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return "<MessageIds>"

    def of(self, key: str, domain: str) -> str:
        """Return the Message-ID of a message: the same for each try, so that the other side can tell a repetition."""
        name = key.replace("/", ".")
        if not (
            name.isascii() and name.replace(".", "").replace("-", "").replace("_", "").isalnum() and len(name) < 90
        ):
            name = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:40]
        return f"<{name}.{self._digest(key)}@{domain}>"

    def key_of(self, message_id: str) -> str | None:
        """Return the key of the message of ours that has this id; None: it is none of ours, or was made up."""
        found = _OURS.fullmatch(message_id.strip())
        if found is None:
            return None
        key = f"{found[1].upper()}/{found[2].lower()}"
        return key if hmac.compare_digest(found[3].lower(), self._digest(key)) else None

    def keys_of(self, message_ids: Iterable[str]) -> list[str]:
        """Return the keys of those that are ours, in their order."""
        return list(dict.fromkeys(key for one in message_ids if (key := self.key_of(one)) is not None))

    def _digest(self, key: str) -> str:
        return hmac.new(self._secret, key.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:_DIGEST]
