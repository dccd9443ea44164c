"""Two versions of the daemon at the same time: how many times the processor time of the old one does the new one take?

Both sides have the same Python, the same scripted Asterisk over a socket and the same calls, at the same moment: what
else the machine does meets both. Pairs change sides: which of the two is started first.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

SIDE = Path(__file__).with_name("ab_side.py")
START, LIMIT = 120.0, 300.0
"""Seconds."""
OLD, NEW = "old", "new"


@dataclass(frozen=True, slots=True)
class Used:
    """What one side used; milliseconds of processor time of one core."""

    a_call: float
    """All of the daemon's work while calls come, for each of them."""
    beyond_rest: float
    """Without what it uses in the same time when nobody calls."""
    in_loop: float
    """Of `a_call`, in the thread of the event loop."""
    at_rest: float
    """For a second in which nobody calls."""
    events: float
    """Of the manager interface, read for a call."""
    actions: float
    threads: int
    registered: int
    """Calls that the register has as answered and over."""
    recorded: int
    """Calls with a finished recording."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides, measured at the same time."""

    old: Used
    new: Used

    def ratio(self, what: str) -> float:
        """How many times the old side's figure is the new one's."""
        return float(getattr(self.new, what) / getattr(self.old, what))


def ratios(pairs: Sequence[Pair], what: str) -> tuple[float, float, float]:
    """Return the median ratio of the pairs, the least and the greatest."""
    found = sorted(pair.ratio(what) for pair in pairs)
    return median(found), found[0], found[-1]


def tree_of(commit: str) -> tuple[str, Path]:
    """Check a commit out beside this tree, in `var/bench/trees`; return its short name and where it is.

    Raises BrokenMeasurementError if there is no such commit.
    """
    try:
        name = _git("rev-parse", "--short", "--verify", f"{commit}^{{commit}}")
        folder = PROJECT / "var" / "bench" / "trees" / name
        if not (folder / ".git").exists():
            _git("worktree", "prune")
            _git("worktree", "add", "--detach", "--force", str(folder), name)
    except subprocess.CalledProcessError as error:
        raise BrokenMeasurementError(f"{commit}: {error.stderr.strip()}") from None
    return name, folder


async def measure(
    old: Path, new: Path, pairs: int, calls: int, pace: float, tell: Callable[[Pair], None], profile: Path | None = None
) -> list[Pair]:
    """Measure so many pairs. `old`, `new`: source trees. `profile`: folder for what cProfile saw of each side."""
    found = []
    for number in range(pairs):
        sides = [(OLD, old), (NEW, new)][:: -1 if number % 2 else 1]
        pair = await _pair(dict(sides), calls, pace, profile)
        tell(pair)
        found.append(pair)
    return found


async def _pair(trees: dict[str, Path], calls: int, pace: float, profile: Path | None) -> Pair:
    folder = Path(tempfile.mkdtemp(prefix="bench-ab-"))
    async with AsyncExitStack() as stack:
        running = {}
        for name, tree in trees.items():
            words = [str(profile / f"{name}.prof")] if profile else []
            running[name] = await _started(stack, tree, folder / name, calls, pace, words)
        for name, process in running.items():
            await _ready(process, folder / f"{name}.log")
        for process in running.values():
            assert process.stdin
            process.stdin.write(b"\n")
        used = {name: await _used(process, folder / f"{name}.log", calls) for name, process in running.items()}
    shutil.rmtree(folder)
    return Pair(used[OLD], used[NEW])


async def _started(
    stack: AsyncExitStack, tree: Path, folder: Path, calls: int, pace: float, words: Sequence[str]
) -> Process:
    log = stack.enter_context(folder.with_suffix(".log").open("wb"))
    command = (sys.executable, "-P", str(SIDE), str(folder), str(PROJECT), str(calls), str(pace), *words)
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tree, env=environment, stdin=PIPE, stdout=PIPE, stderr=log
    )

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
        await process.wait()

    stack.push_async_callback(end)
    return process


async def _ready(process: Process, log: Path) -> None:
    assert process.stdout
    async with asyncio.timeout(START):
        said = await process.stdout.readline()
    if said != b"READY\n":
        raise BrokenMeasurementError(_end_of("a side does not start", log))


async def _used(process: Process, log: Path, calls: int) -> Used:
    assert process.stdout
    async with asyncio.timeout(LIMIT):
        said = await process.stdout.readline()
    if not said:
        raise BrokenMeasurementError(_end_of("a side ended early", log))
    used = Used(**json.loads(said))
    if used.registered != calls or used.recorded != calls:
        raise BrokenMeasurementError(f"of {calls} calls {used.registered} are registered, {used.recorded} recorded")
    return used


def _end_of(what: str, log: Path) -> str:
    return f"{what}; the end of {log}:\n{log.read_text()[-2000:]}"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()
