"""Choose the Python that the environment is made with: the quickest of those on the PATH. Prints its path, and why.

How a Python was built decides more than its version: without optimisation (as pyenv builds by default) a call costs the
controller half as much again. What a distribution has optimised does not always say so, so each runs the same loop.

It runs with whatever `python3` is there, also one that is too old for the project.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
NAMES = ("python3", *(f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)))
ALIKE = 1.1
"""Loops that differ by less say nothing; then the one that the PATH has first is taken."""
MOST = 20.0
"""Seconds that one may take to answer."""

PROBE = """
import os, sys, time
if not (%r <= sys.version_info[:2] <= %r): sys.exit(1)
import ensurepip, sqlite3, ssl, venv
def once():
    began, kept = time.process_time(), dict.fromkeys(range(100), 0)
    for number in range(300000):
        kept[number %% 100] += 2 * number
    return time.process_time() - began
took = min(once() for _ in range(5))
print(os.path.realpath(sys.executable), sys.version.split()[0], took, sep="\\n")
""" % (OLDEST, NEWEST)  # noqa: UP031 - braces would all have to be doubled


@dataclass(frozen=True)
class Interpreter:
    """A Python that would do."""

    path: str
    version: str
    seconds: float
    """Processor time of the loop."""


def probed(program: Path) -> Interpreter | None:
    """Run the loop with a program. None: it does not run, has no venv module, or is of another version than ours."""
    try:
        done = subprocess.run(
            [str(program), "-I", "-c", PROBE],
            capture_output=True, text=True, timeout=MOST, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        path, version, seconds = done.stdout.splitlines()
        return Interpreter(path, version, float(seconds)) if done.returncode == 0 else None
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def candidates(path: str) -> list[Interpreter]:
    """Return what would do in the folders of `path`, each once, in their order."""
    seen: dict[str, Interpreter] = {}
    tried: set[str] = set()
    for folder in path.split(os.pathsep):
        for program in (Path(folder or ".") / name for name in NAMES):
            # The links of a folder mostly lead to one program; those of pyenv to a script that asks what it was called.
            real = os.path.realpath(program)
            if real in tried or not os.access(program, os.X_OK):
                continue
            if not _is_script(program):
                tried.add(real)
            found = probed(program)
            if found is not None:
                seen.setdefault(found.path, found)
    return list(seen.values())


def _is_script(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(2) == b"#!"


def chosen(found: list[Interpreter]) -> Interpreter | None:
    """Return the quickest; of those that are about as quick the first."""
    if not found:
        return None
    least = min(one.seconds for one in found)
    return next(one for one in found if one.seconds <= ALIKE * least)


def main() -> int:
    """Print the path of the chosen one, and in a second line which it is and why."""
    found = candidates(os.environ.get("PATH", os.defpath))
    best = chosen(found)
    if best is None:
        return 1
    others = [
        f"{one.path} ({one.version}) takes {one.seconds / best.seconds:.2f} times as long"
        for one in found
        if one is not best
    ]
    why = "the only one that would do" if not others else "; ".join(["the quickest here", *others])
    print(best.path)
    print(f"taking {best.path} ({best.version}): {why}. PYTHON=… names another.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
