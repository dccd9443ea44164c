"""`make test`: all tests, in two pools side by side; `make test T=…` hands pytest's own arguments on.

Stories take place in real time, several at once, and mostly wait. The other tests take the processor time that stories
leave, and no more (`SCHED_IDLE`): beside what computes as their equal, a story's sound would falter on two cores. Where
a system has no such policy, one pool comes after the other.

A test can fail because the machine was late: in the crowd, or because something else runs here. So what failed in the
crowd is told alone, twice at most. What it takes is told at the end; some thirty failures are no accident.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.pools import FAST, STORIES

CACHE = Path("var/cache")
POOLS = {STORIES: ("-n", "5", "--dist", "worksteal"), FAST: ("-n", "3", "--dist", "worksteal")}
ALONE = ("-n", "0", "--last-failed", "--last-failed-no-failures", "none")
LEAVES_TO_OTHERS = [chrt, "--idle", "0"] if (chrt := shutil.which("chrt")) else []
"""A command so prefixed has the processor when nobody else wants it."""
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
    outcomes = dict(zip(POOLS, _crowds(chosen, began, notes), strict=True))
    for pool, outcome in outcomes.items():
        if outcome == FAILED:
            outcomes[pool] = _alone(pool, chosen, notes)
    if set(outcomes.values()) == {NOTHING_CHOSEN}:
        notes.append("nothing was chosen")
        worst = NOTHING_CHOSEN
    else:
        worst = max((outcome for outcome in outcomes.values() if outcome != NOTHING_CHOSEN), default=PASSED)
    print("\n".join(f"== {note}" for note in [*notes, f"all tests: {time.monotonic() - began:.0f} s"]), flush=True)
    return worst


def _crowds(chosen: Sequence[str], began: float, notes: list[str]) -> tuple[int, int]:
    """Both pools: what pytest returned for the stories and for the others."""
    stories, fast = (_pytest(pool, "--cache-clear", *POOLS[pool], *chosen) for pool in POOLS)
    if not LEAVES_TO_OTHERS:
        return subprocess.run(stories, check=False).returncode, subprocess.run(fast, check=False).returncode
    with tempfile.TemporaryFile() as printed:  # two that print at once could not be read
        beside = subprocess.Popen([*LEAVES_TO_OTHERS, *fast], stdout=printed, stderr=subprocess.STDOUT)
        try:
            first = subprocess.run(stories, check=False).returncode
            notes.append(f"stories: {time.monotonic() - began:.0f} s")
            second = beside.wait()
        finally:
            beside.kill()
        printed.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(printed, sys.stdout.buffer)
    return first, second


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
