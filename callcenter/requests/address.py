"""Whether an address can be one of its way: asked when the form is filled in, not when the answer comes back."""

from __future__ import annotations

import re

from callcenter.requests.request import Reply, Way

_EMAIL = re.compile(r"[^\s@,;:<>()\"\\\[\]]{1,64}@[^\s@,;:<>()\"\\\[\]]{1,253}")
_FEWEST_DIGITS = 5
"""Of a telephone number; whether and when it may be called is decided where calls are made."""


def misfit(reply: Reply) -> str | None:
    """Return what is wrong with the address, as a sentence; None if it can be one."""
    address = reply.address.strip()
    if reply.way is Way.EMAIL and not _EMAIL.fullmatch(address):
        return f"'{address[:100]}' is not an e-mail address"
    if reply.way is Way.TELEPHONE and sum(letter.isdecimal() for letter in address) < _FEWEST_DIGITS:
        return f"'{address[:100]}' is not a telephone number"
    return None
