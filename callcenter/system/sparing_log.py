"""Log messages that strangers can cause: a few of each kind, then one line a minute with the number left out."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

AT_ONCE = 5
"""Messages of one kind that are written one after the other, before any is left out."""
EVERY = 60.0
"""Seconds after which the next `AT_ONCE` messages of the kind are written."""


@dataclass(slots=True)
class _Kind:
    since: float
    written: int = 0
    left_out: int = 0


class SparingLog:
    """Writes to `log`. A kind is a word of our own code, so there are few of them. `clock`: monotonic seconds."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def warning(self, kind: str, text: str, *values: object) -> None:
        """Write a warning, or count it if there were too many of its kind within a minute."""
        now = self._clock()
        found = self._kinds.setdefault(kind, _Kind(now))
        if now - found.since >= EVERY:
            if found.left_out:
                self._log.warning("%d more messages like the next one were left out (%s).", found.left_out, kind)
            found.since, found.written, found.left_out = now, 0, 0
        if found.written < AT_ONCE:
            found.written += 1
            self._log.warning(text, *values)
        else:
            found.left_out += 1


class SparingServerLog(SparingLog):
    """What a server library logs about requests that it does not understand: one line each, and not all of them."""

    def exception(self, text: str, *values: object, exc_info: BaseException | None = None) -> None:
        """Write an error that a stranger may have caused."""
        told = exc_info or sys.exc_info()[1]
        self.warning(text, text + ": %s", *values, " ".join(repr(told)[:200].split()))

    def debug(self, text: str, *values: object, exc_info: BaseException | None = None) -> None:
        """Write what is of interest only to somebody who looks for a defect."""
        self._log.debug(text, *values, exc_info=exc_info)
