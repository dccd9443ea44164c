"""Where and when something was measured."""

from __future__ import annotations

import os
import platform
import sysconfig
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from callcenter.asterisk import process
from tests.e2e.station import PROJECT


def circumstances() -> dict[str, Any]:
    """The machine, the programs, and what else the machine had to do just before."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "python_build": python_build(),
        "python_loop_ms": python_loop(),
        "asterisk": process.find(PROJECT).version,
    }


def python_build() -> str:
    """How the interpreter was built, as far as it says so: a distribution may optimise without the usual option."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    found = [word for word in ("--enable-optimizations", "--with-lto", "--with-pydebug") if word in options]
    return f"{platform.python_compiler()}, {' '.join(found) or 'without --enable-optimizations'}"


def python_loop() -> float:
    """Milliseconds of processor time for a million steps of plain Python, the best of three: tells two builds apart."""

    def once() -> float:
        began, kept = time.process_time(), dict.fromkeys(range(100), 0)
        for number in range(1_000_000):
            kept[number % 100] += 2 * number
        return 1000 * (time.process_time() - began)

    return round(min(once() for _ in range(3)), 1)


def python_said() -> str:
    """The interpreter in one line, to be printed beside figures."""
    return f"Python {platform.python_version()} ({python_build()}; {python_loop()} ms for a million steps)"


def _processor() -> str:
    rows = Path("/proc/cpuinfo").read_text().splitlines()
    return next((row.split(":", 1)[1].strip() for row in rows if row.startswith("model name")), platform.machine())
