"""What processes have used of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor seconds since the start; resident memory in bytes, now and at its largest."""

    daemon: float
    asterisk: float
    daemon_memory: int
    asterisk_memory: int
    daemon_resident: int = 0
    asterisk_resident: int = 0

    @classmethod
    def of(cls, daemon: Sequence[psutil.Process], asterisk: Sequence[psutil.Process]) -> Usage:
        """Of a daemon, if there is one, and of Asterisk."""
        return cls(
            sum(map(seconds, daemon)),
            sum(map(seconds, asterisk)),
            max((_memory(one, "VmHWM") for one in daemon), default=0),
            max((_memory(one, "VmHWM") for one in asterisk), default=0),
            max((_memory(one, "VmRSS") for one in daemon), default=0),
            max((_memory(one, "VmRSS") for one in asterisk), default=0),
        )


def seconds(process: psutil.Process) -> float:
    """Processor seconds, its own and those for it in the kernel."""
    times = process.cpu_times()
    return float(times.user + times.system)


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(psutil.Process().memory_info().rss)


def _memory(process: psutil.Process, field: str) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    kilobytes = next(row.split()[1] for row in status.splitlines() if row.startswith(f"{field}:"))
    return int(kilobytes) * 1024
