"""The log of `callcenter run`: on the terminal, and in files of limited size."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST = 10 * 2**20
"""Bytes. Then the file is renamed, and a new one begun."""
KEPT = 4
"""Renamed files; the oldest one is deleted."""
FORMAT, DATES = "%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S"

log = logging.getLogger(__name__)


def keep_in_files(var: Path) -> logging.Handler | None:
    """Log to `callcenter.log` in the folder of logs, too. Returns the handler; None if that is not possible."""
    file = var / "log" / "callcenter.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8")
    except OSError as problem:
        log.warning("The log is only on the terminal: %s", problem)
        return None
    handler.setFormatter(logging.Formatter(FORMAT, DATES))
    logging.getLogger().addHandler(handler)
    return handler
