"""Whether an address can be one of its way: asked when the form is filled in, not when the answer comes back."""

from __future__ import annotations

import re

from callcenter.requests.refusal import Reason, RefusedError
from callcenter.requests.request import Reply, Way

_EMAIL = re.compile(r"[^\s@,;:<>()\"\\\[\]]{1,64}@[^\s@,;:<>()\"\\\[\]]{1,253}")
_SHOWN = 100
_FEWEST_DIGITS = 5
"""Of a telephone number; whether and when it may be called is decided where calls are made."""


def check_address(reply: Reply) -> None:
    """Raise `RefusedError` if the address cannot be one of its way."""
    address = reply.address.strip()
    if reply.way is Way.EMAIL and not _EMAIL.fullmatch(address):
        raise RefusedError(Reason.NO_EMAIL, given=address[:_SHOWN])
    if reply.way is Way.TELEPHONE and sum(letter.isdecimal() for letter in address) < _FEWEST_DIGITS:
        raise RefusedError(Reason.NO_TELEPHONE, given=address[:_SHOWN], fewest=_FEWEST_DIGITS)
