"""What a caller who presses no key lives through, as shipped: when an operator's phone rings, and when music begins
(ESTP 2.1, 2.3).

`python -m tests.bench.first_minute --against REVISION` measures another revision and this checkout in turn, story by
story, and prints the table of docs/performance.md. The other revision gets a temporary work tree, with this file in it:
so it uses only what revisions of before the first minute have, too.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import click

from tests.e2e.hearing import heard_music
from tests.e2e.listening import OPERATOR, voice
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import PROJECT, Station, station, until
from tests.e2e.test_caller_arrival import CUSTOMER, import_customers

STRANGER = "+73421234567"
WITHIN = 120.0
"""Seconds of a story at most."""
TALK = 3.0
"""Seconds of each conversation of those before the caller."""
_PARTS = PROJECT / "tools" / "parts.py"
"""Knows where our Asterisk is, which the other work tree uses, too."""
_LASTING = 1.0
"""Seconds; what is shorter was meant for a controller that takes its time, between two prompts."""
_LISTENED = 5.0
"""Seconds after which the ear looks for music anew."""


@dataclass(frozen=True, slots=True)
class Story:
    """`known`: by number. `waiting`: so many others are in the queue. `staff`: operators who log in meanwhile; nobody:
    the caller waits, and the story ends when music is heard."""

    name: str
    known: bool
    waiting: int
    staff: tuple[str, ...]

    @property
    def number(self) -> str:
        return CUSTOMER if self.known else STRANGER


STORIES = {
    story.name: story
    for who, known in (("known by number", True), ("unknown", False))
    for story in (
        Story(f"{who}, an operator is free", known, 0, ("101",)),
        Story(f"{who}, ten are waiting for three operators", known, 10, ("101", "102", "103")),
        Story(f"{who}, nobody is on shift", known, 0, ()),
    )
}


def takes_calls(phone: Softphone) -> None:
    """From now on the phone is picked up after a second, and put down after `TALK`."""

    def picked_up(call: Call) -> None:
        loop = asyncio.get_running_loop()
        call.say(voice(OPERATOR))
        loop.call_later(1.0, call.answer)
        loop.call_later(1.0 + TALK, call.hang_up)

    phone.on_call = picked_up


async def play(story: Story) -> float:
    """Seconds from the arrival to the ringing, by the register; where nobody is on shift, from the first sound to the
    first music."""
    with tempfile.TemporaryDirectory() as folder:
        await import_customers(Path(folder))
        async with station(Path(folder), timings={"ring_timeout": "15"}) as line:
            others = [await line.caller(f"+734200000{place + 2:02}") for place in range(story.waiting)]
            if others:
                await until(lambda: line.waiting() == len(others), WITHIN, "the others wait")
            for person in story.staff if not others else ():
                await line.operator(person)
            caller = await line.caller(story.number)
            for person in story.staff if others else ():
                takes_calls(await line.phone(person))
                await line.operator(person)
            if not story.staff:
                return await music_begins(caller)
            row = await rung(line, story.number)
            return seconds(row, line)


async def rung(line: Station, number: str) -> dict[str, Any]:
    """Wait until a phone rings for the caller with this number; the caller's row."""

    def fact() -> dict[str, Any] | None:
        rows = [row for row in line.rows() if row["number"] == number]
        offered = {offer["call"] for offer in line.rows("select call from offers")}
        return next((row for row in rows if row["call"] in offered), None)

    return dict(await until(fact, WITHIN, f"a phone rings for {number}"))


def seconds(row: dict[str, Any], line: Station) -> float:
    """From the arrival to the first offer."""
    offers = line.rows("select * from offers order by placed_at")
    placed = next(offer["placed_at"] for offer in offers if offer["call"] == row["call"])
    return (datetime.fromisoformat(placed) - datetime.fromisoformat(row["arrived_at"])).total_seconds()


async def music_begins(caller: Call) -> float:
    """Seconds of sound before the first music."""
    for _ in range(int(WITHIN / _LISTENED)):
        await asyncio.sleep(_LISTENED)
        lasting = [start for start, end in heard_music(caller.heard()) if end - start >= _LASTING]
        if lasting:
            return lasting[0]
    raise AssertionError(f"no music within {WITHIN} s")


# -- two revisions in turn ---------------------------------------------------------------------------------------------


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A work tree of another revision, with this file and our environment."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", str(tree), revision)
        try:
            shutil.copy(__file__, tree / "tests" / "bench" / Path(__file__).name)
            (tree / "var").symlink_to(PROJECT / "var")
            (tree / "tools" / "parts.py").write_text(
                f"import runpy\nrunpy.run_path({str(_PARTS)!r}, run_name='__main__')\n"
            )
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> None:
    subprocess.run(["git", "-C", str(PROJECT), *words], check=True, capture_output=True)


def measured(tree: Path, name: str) -> float:
    """One story in a process of its own, with the code of that work tree."""
    command = [sys.executable, "-m", "tests.bench.first_minute", "--story", name]
    done = subprocess.run(command, cwd=tree, check=True, stdout=subprocess.PIPE, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


@dataclass(slots=True)
class Compared:
    """One line of the table; seconds, one of each round."""

    name: str
    before: list[float]
    now: list[float]

    @property
    def text(self) -> str:
        figures = (f"{median(each):.1f}" if each else "–" for each in (self.before, self.now))
        what = "first sound → first music" if "nobody" in self.name else "arrival → an operator's phone rings"
        return f"| {self.name} | {what} | " + " | ".join(figures) + " |"


def compare(against: str | None, only: str, rounds: int, to: Path) -> None:
    """All stories whose names contain `only`, each with both revisions in turn."""
    found = [Compared(name, [], []) for name in STORIES if only in name]

    def play_all(other: Path | None) -> None:
        for one in found * rounds:
            if other:
                one.before.append(measured(other, one.name))
            one.now.append(measured(PROJECT, one.name))
            click.echo(one.text)

    if against:
        with checked_out(against) as tree:
            play_all(tree)
    else:
        play_all(None)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False) + "\n")
    click.echo("\n".join(["", "| caller | seconds | before | now |", "| --- | --- | --- | --- |"]))
    click.echo("\n".join(one.text for one in found))


@click.command()
@click.option("--against", metavar="REVISION", help="Measure this one, too, in turn.")
@click.option("--only", default="", metavar="WORDS", help="Stories with these words in their names.")
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True)
@click.option("--story", type=click.Choice(list(STORIES)), help="One story, in this process; prints JSON.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), default=PROJECT / "var/bench/first-minute.json")
def main(against: str | None, only: str, rounds: int, story: str | None, to: Path) -> None:
    """Play the first minute of callers who press no key."""
    if story:
        click.echo(json.dumps({"seconds": asyncio.run(play(STORIES[story]))}))
    else:
        compare(against, only, rounds, to)


if __name__ == "__main__":
    main()
