"""What lets a page use the TURN servers for one shift: made of a secret that is shared with them, and kept nowhere.

As coturn's `use-auth-secret` takes it (draft-uberti-behave-turn-rest): the user name begins with the Unix time at which
it ends, the password is its HMAC-SHA1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from callcenter.config.sections import Turn
from callcenter.core.ids import PersonId


def ice_servers(turn: Turn | None, secret: str, person: PersonId, now: datetime) -> Sequence[Mapping[str, Any]]:
    """Return the servers as `RTCPeerConnection` takes them, STUN servers without a password; () if there are none."""
    if turn is None:
        return ()
    user = f"{int(now.timestamp()) + turn.lifetime}:{person}"
    digest = hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()
    found: list[Mapping[str, Any]] = []
    if stun := [url for url in turn.urls if url.startswith("stun")]:
        found.append({"urls": stun})
    if relays := [url for url in turn.urls if url.startswith("turn")]:
        found.append({"urls": relays, "username": user, "credential": base64.b64encode(digest).decode()})
    return found
