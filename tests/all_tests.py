"""`make test`: all tests, in two pools one after the other; `make test T=…` hands pytest's own arguments on.

Stories take place in real time, several at once; beside tests that compute, their sound falters on two cores, even if
those only get the processor time that stories leave (SCHED_IDLE: 12 stories of 534 had pauses of a tenth of a second).
A story takes 7 s, mostly for sound that is played, and one second of a processor. Seven at once took 609 s for 549 of
them, and five failed that pass alone: six leave some room.

A test can fail because the machine was late: in the crowd, or because something else runs here. So what failed in the
crowd is told alone, twice at most. What it takes is told at the end; some thirty failures are no accident.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.pools import FAST, STORIES

CACHE = Path("var/cache")
POOLS = {STORIES: ("-n", "6", "--dist", "worksteal"), FAST: ("-n", "3", "--dist", "worksteal")}
ALONE = ("-n", "0", "--last-failed", "--last-failed-no-failures", "none")
NO_ACCIDENT = 30
"""So many tests of a pool that fail are not told once more."""
PASSED, FAILED, NOTHING_CHOSEN = 0, 1, 5
"""Exit codes of pytest."""


def main() -> int:
    """0 if everything passed, some possibly alone."""
    began, chosen = time.monotonic(), sys.argv[1:]
    # Each process would compile every module for itself, and so would each controller that a story starts.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    notes: list[str] = []
    outcomes = {pool: _crowd(pool, chosen, notes) for pool in POOLS}
    if set(outcomes.values()) == {NOTHING_CHOSEN}:
        notes.append("nothing was chosen")
        worst = NOTHING_CHOSEN
    else:
        worst = max((outcome for outcome in outcomes.values() if outcome != NOTHING_CHOSEN), default=PASSED)
    print("\n".join(f"== {note}" for note in [*notes, f"all tests: {time.monotonic() - began:.0f} s"]), flush=True)
    return worst


def _crowd(pool: str, chosen: Sequence[str], notes: list[str]) -> int:
    outcome = subprocess.run(_pytest(pool, "--cache-clear", *POOLS[pool], *chosen), check=False).returncode
    return _alone(pool, chosen, notes) if outcome == FAILED else outcome


def _alone(pool: str, chosen: Sequence[str], notes: list[str]) -> int:
    """Tell what failed once more, one after the other. Notes what came of it."""
    failed = _failed(pool)
    if len(failed) >= NO_ACCIDENT:
        notes.append(f"{len(failed)} of the {pool} FAILED: too many for an accident")
        return FAILED
    for before in ("in the crowd", "in the crowd and once alone"):
        print(f"== what failed of the {pool}, once more, alone", flush=True)
        outcome = subprocess.run(_pytest(pool, *ALONE, *chosen), check=False).returncode
        left = _failed(pool) if outcome == FAILED else set()
        notes += [f"FAILED {before}, then passed: {test}" for test in sorted(failed - left)]
        if outcome != FAILED:
            return outcome
        failed = left
    notes += [f"FAILED in the crowd and twice alone: {test}" for test in sorted(failed)]
    return FAILED


def _failed(pool: str) -> set[str]:
    """What pytest has noted of the last run."""
    noted = CACHE / f"pytest-{pool}" / "v" / "cache" / "lastfailed"
    return set(json.loads(noted.read_text())) if noted.exists() else set()


def _pytest(pool: str, *arguments: str) -> list[str]:
    cache = f"cache_dir={CACHE / f'pytest-{pool}'}"
    return [sys.executable, "-m", "pytest", "--pool", pool, "-o", cache, *arguments]


if __name__ == "__main__":
    sys.exit(main())
