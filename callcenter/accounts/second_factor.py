"""The second factor: six digits from an app, new every 30 seconds (TOTP, RFC 6238), and codes for when it is lost."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime

import pyotp

ISSUER = "callcenter"
STEP = 30
"""Seconds for which a code is valid."""
EITHER_SIDE = 1
"""Steps by which the clock of somebody's telephone may be wrong."""
RECOVERY_CODES = 10

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike on paper."""


def new_secret() -> str:
    """Return a new random secret for an app."""
    return pyotp.random_base32()


def address(secret: str, person: str) -> str:
    """Return what an app reads from the picture (`otpauth://…`)."""
    return pyotp.TOTP(secret).provisioning_uri(name=person, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: datetime, after: int = 0) -> int | None:
    """Return the number of the 30 seconds to which the code belongs; None if it is wrong.

    `after`: the step of the last code that was taken: a code is good once, even if somebody looked over the shoulder.
    """
    digits = re.sub(r"\s", "", code)
    if not re.fullmatch(r"[0-9]{6}", digits):
        return None
    app, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP
    for step in range(max(after + 1, present - EITHER_SIDE), present + EITHER_SIDE + 1):
        if secrets.compare_digest(app.generate_otp(step), digits):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Return ten codes of 79 random bits; each replaces the app once."""
    return [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)) for _ in range(RECOVERY_CODES)
    ]


def recovery_hash(code: str) -> str:
    """Return what is kept of a recovery code. It is long and random, so a fast hash is as safe as a slow one."""
    return hashlib.sha256(re.sub(r"[\s-]", "", code[:64]).lower().encode("utf-8", "replace")).hexdigest()
