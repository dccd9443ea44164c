"""When the controller last lived and what it had seen of Asterisk until then: a small file, written with every beat.

It tells the next controller how long nobody was there, how far Asterisk's journal is known, and whether Asterisk is
still the one that was left. Losing it loses no call: then the journal is read from the oldest line there is.
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
    """Tells one start of the machine from another; '' where the system does not say. The monotonic clock is its own."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One such moment."""

    at: datetime
    origin: datetime
    """The date of the monotonic clock's zero, as it was believed then."""
    boot: str = ""
    asterisk: str = ""
    """When that Asterisk had started, in its own words; '': not known."""
    journal: Mapping[str, str | int] | None = None
    """Position in Asterisk's journal, as `Journal.position` gives it; None: nothing is known."""

    def origin_now(self, boot: str) -> datetime | None:
        """The origin of the rows that were written then, if the machine has not been started anew since."""
        return self.origin if boot and boot == self.boot else None

    def save(self, path: Path) -> None:
        """In one piece: a reader finds this moment or the one before."""
        files.replace(path, json.dumps(asdict(self), default=datetime.isoformat).encode())

    @classmethod
    def load(cls, path: Path) -> Checkpoint | None:
        """None when there is no such file, or none that makes sense."""
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
