"""The chain of the audit log: each entry has the hash of the one before, so no change goes unnoticed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

FIRST = "0" * 64
"""What stands for the entry before the first one."""


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of an entry."""

    number: int = 0
    hash: str = FIRST

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


def hash_after(before: Head, at: datetime, who: str, what: str, about: str) -> Head:
    """Return the head of the chain after one more entry with this content."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    content = [before.number + 1, moment, who, what, about, before.hash]
    return Head(before.number + 1, hashlib.sha256(json.dumps(content).encode()).hexdigest())
