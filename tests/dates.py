"""`make dates`: the fast tests on days that go wrong elsewhere, whatever day it is.

All of them are run over New Year, and on the other dates those that were seen to read the wall clock. It goes on while
they run: midnight and the changed hour come while most of them are at it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from callcenter.calendar.clock import wall_clock

DATES = {
    "over New Year": "2026-12-31T23:59:59.95 Europe/Moscow",
    "in forty days": f"{wall_clock() + timedelta(days=40):%Y-%m-%dT%H:%M:%S} Europe/Moscow",
    "on a day that three years of four do not have": "2028-02-29T12:00:00 Europe/Moscow",
    "when the clocks of another zone go forward": "2027-03-28T01:59:59.95 Europe/Berlin",
    "on a Saturday that is worked": "2027-02-20T10:00:00 Europe/Moscow",
}
FAST = ("--pool", "fast", *(word for part in ("bench", "chaos", "core") for word in ("--ignore", f"tests/{part}")))
"""No real Asterisk, which has a clock of its own, no measurements, and not the core, which can ask no clock at all."""
LONGEST = 2700.0
"""Seconds for all of them."""


ALONE = ("-n", "0", "--last-failed", "--last-failed-no-failures", "none")


def _run(command: Sequence[str], ends: float) -> int:
    """The exit code. Raises TimeoutExpired at `ends`, in monotonic seconds."""
    return subprocess.run(command, timeout=max(1.0, ends - time.monotonic()), check=False).returncode


def main() -> int:
    """How many dates went wrong."""
    ends, wrong = time.monotonic() + LONGEST, 0
    for number, (when, moment) in enumerate(DATES.items()):
        began = time.monotonic()
        print(f"== {when}: {moment}", flush=True)
        command = [sys.executable, "-m", "pytest", *FAST, "--at", moment]
        if number:
            command += ["--readers"]
        try:
            outcome = _run([*command, *sys.argv[1:]], ends)
            if outcome:
                print("== what failed, once more, alone", flush=True)
                outcome = _run([*command, *ALONE], ends)
        except subprocess.TimeoutExpired:
            print(f"not ready after {LONGEST:.0f} s", flush=True)
            return wrong + 1
        wrong += outcome != 0
        print(f"== {when}: {'wrong' if outcome else 'in order'}, {time.monotonic() - began:.0f} s", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
