"""The checkpoint: when the controller last ran and what it had seen of Asterisk. A small file, written every heartbeat.

It tells the next controller how long none was running, how far Asterisk's journal is known, and whether Asterisk has
been restarted. If the file is lost, no call is lost: the journal is then read from its oldest line.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from callcenter.system import files

log = logging.getLogger(__name__)

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_boot() -> str:
    """Return the machine's boot id; '' if the system has none. The monotonic clock is valid within one boot only."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a controller at one moment."""

    at: datetime
    origin: datetime
    """The date of the monotonic clock's zero, by the wall clock of that moment."""
    boot: str = ""
    asterisk: str = ""
    """Asterisk's start time, as it prints it; '': unknown."""
    journal: Mapping[str, str | int] | None = None
    """Position in Asterisk's journal, from `Journal.position`; None: unknown."""

    def origin_now(self, boot: str) -> datetime | None:
        """Return `origin` if the machine has not been rebooted since; else None. `boot`: the present boot id."""
        return self.origin if boot and boot == self.boot else None

    def save(self, path: Path) -> None:
        """Write the file atomically: a reader finds this checkpoint or the previous one. Raises OSError."""
        files.replace(path, json.dumps(asdict(self), default=datetime.isoformat).encode())

    @classmethod
    def load(cls, path: Path) -> Checkpoint | None:
        """Return the saved checkpoint; None if the file is missing or invalid."""
        try:
            fields = json.loads(path.read_text())
            return cls(
                _date(fields["at"]),
                _date(fields["origin"]),
                str(fields["boot"]),
                str(fields["asterisk"]),
                dict(fields["journal"]) if fields["journal"] else None,
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as problem:
            log.warning("%s does not tell when the controller last lived (%s); it is written anew.", path, problem)
            return None


def _date(text: str) -> datetime:
    date = datetime.fromisoformat(text)
    if date.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return date.astimezone(UTC)
