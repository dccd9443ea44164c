"""What a webhook says, and how it is signed. Pure.

The signature is over the moment of sending and the body, so that nobody can change either, or send an old one again
unseen. It is made anew for each try.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

EVENT, DELIVERY, SIGNATURE = "X-Callcenter-Event", "X-Callcenter-Delivery", "X-Callcenter-Signature"


def body(number: int, kind: str, at: datetime, facts: Mapping[str, Any]) -> bytes:
    """Return the JSON of one event. `number`: the same at each try; `facts`: of call or request, as it is now."""
    told = {"id": number, "event": kind, "at": _plain(at), **{name: _plain(value) for name, value in facts.items()}}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def headers(number: int, kind: str, content: bytes, key: str, now: datetime) -> dict[str, str]:
    """Return the headers of one try at `now`."""
    return {
        "Content-Type": "application/json",
        EVENT: kind,
        DELIVERY: str(number),
        SIGNATURE: signature(content, key, int(now.timestamp())),
    }


def signature(content: bytes, key: str, at: int) -> str:
    """Return `t=…,v1=…`: the Unix time in seconds, and HMAC-SHA256 of `<time>.<body>` in hexadecimal digits."""
    made = hmac.new(key.encode(), f"{at}.".encode() + content, hashlib.sha256)
    return f"t={at},v1={made.hexdigest()}"
