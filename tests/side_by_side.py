"""`make test`: all tests, in two pools at once; `make test T=…` hands pytest's own arguments on.

Stories take place in real time, several at once: they go first where both want a processor. The other tests take what
is left of the machine; what fails there, fails.

A story can fail because the machine was late: in the crowd, or because something else runs here. So a story that failed
in the crowd is told alone, twice at most. What it takes is told at the end; a dozen failures are no accident.
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
OUTPUT = CACHE / "fast-tests.txt"
SIDE_BY_SIDE = {STORIES: ("-n", "6", "--dist", "worksteal"), FAST: ("-n", "2", "--dist", "worksteal")}
BEHIND = 10
"""By so much the fast tests are nicer than the stories."""
ALONE = ("-n", "0", "--last-failed", "--last-failed-no-failures", "none")
NO_ACCIDENT = 12
"""So many stories that fail are not told once more."""
PASSED, FAILED, NOTHING_CHOSEN = 0, 1, 5
"""Exit codes of pytest."""


def main() -> int:
    """0 if everything passed, stories possibly alone."""
    began, chosen = time.monotonic(), sys.argv[1:]
    # Each process would compile every module for itself, and so would each controller that a story starts.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    with OUTPUT.open("wb") as output:
        command = ["nice", "-n", str(BEHIND), *_pytest(FAST, *SIDE_BY_SIDE[FAST], *chosen)]
        with subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as beside:
            told = subprocess.run(
                _pytest(STORIES, "--cache-clear", *SIDE_BY_SIDE[STORIES], *chosen), check=False
            ).returncode
            fast = beside.wait()
    print(f"== the others, beside them\n{OUTPUT.read_text()}", flush=True)
    notes: list[str] = []
    if told == FAILED:
        told = _alone(chosen, notes)
    outcomes = {told, fast} - {PASSED, NOTHING_CHOSEN}
    notes += ["nothing was chosen"] if {told, fast} == {NOTHING_CHOSEN} else []
    notes += ["the fast tests FAILED"] if fast not in (PASSED, NOTHING_CHOSEN) else []
    print("\n".join(f"== {note}" for note in [*notes, f"all tests: {time.monotonic() - began:.0f} s"]), flush=True)
    return max(outcomes, default=NOTHING_CHOSEN if {told, fast} == {NOTHING_CHOSEN} else PASSED)


def _alone(chosen: Sequence[str], notes: list[str]) -> int:
    """Tell the stories that failed once more, one after the other. Notes what came of it."""
    failed = _failed()
    if len(failed) >= NO_ACCIDENT:
        notes.append(f"{len(failed)} stories FAILED: too many for an accident")
        return FAILED
    for before in ("in the crowd", "in the crowd and once alone"):
        print("== the stories that failed, once more, alone", flush=True)
        outcome = subprocess.run(_pytest(STORIES, *ALONE, *chosen), check=False).returncode
        left = _failed() if outcome == FAILED else set()
        notes += [f"FAILED {before}, then passed: {story}" for story in sorted(failed - left)]
        if outcome != FAILED:
            return outcome
        failed = left
    notes += [f"FAILED in the crowd and twice alone: {story}" for story in sorted(failed)]
    return FAILED


def _failed() -> set[str]:
    """What pytest has noted of the last run."""
    noted = CACHE / f"pytest-{STORIES}" / "v" / "cache" / "lastfailed"
    return set(json.loads(noted.read_text())) if noted.exists() else set()


def _pytest(pool: str, *arguments: str) -> list[str]:
    cache = f"cache_dir={CACHE / f'pytest-{pool}'}"
    return [sys.executable, "-m", "pytest", "--pool", pool, "-o", cache, *arguments]


if __name__ == "__main__":
    sys.exit(main())
