"""What became of an attempt to log in."""

from __future__ import annotations

from enum import Enum, auto


class Verdict(Enum):
    """Whether somebody is who they say."""

    RIGHT = auto()
    WRONG = auto()
    CODE_NEEDED = auto()
    """The password is right, but this account has a second factor and no code was given."""
    EXPIRED = auto()
    """The password is right, but it was a one-time password, and its term is over."""
    TOO_SOON = auto()
    """After too many mistakes; nobody looked."""
