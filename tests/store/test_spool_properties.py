"""Whatever happens to spool, database and controller, in whatever order: no fact is lost, none is changed."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from callcenter.store import Register, Writer, database, spool, writer
from callcenter.store.spool import Spool
from tests.store.stories import arrival, presence, stored, wall

T = TypeVar("T")


def dies(opened: Spool) -> None:
    """As the process would: nothing is finished, the system closes its files."""
    for descriptor in (opened._file, opened._lock):
        if descriptor is not None:
            os.close(descriptor)


class SpoolMachine(RuleBasedStateMachine):
    """A spool against a list."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(spool, "LARGE", 200)
        self.patch.setattr(spool, "TRY_AGAIN", 0.0)
        self.opened = Spool(self.folder)
        self.kept: dict[int, int] = {}
        self.told = 0

    def teardown(self) -> None:
        self.patch.undo()
        self.opened.close()
        shutil.rmtree(self.folder)

    @rule(facts=st.integers(1, 12))
    def facts_come(self, facts: int) -> None:
        for _ in range(facts):
            self.told += 1
            position = self.opened.next
            if self.opened.append([self.told]):
                self.kept[position] = self.told

    @rule(taken=st.integers(1, 8))
    def the_disk_is_full_for_a_fact(self, taken: int) -> None:
        write, self.told = os.write, self.told + 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", lambda file, line: write(file, line[:taken]))
            assert not self.opened.append([self.told])

    @rule(share=st.floats(0, 1))
    def the_database_takes_some(self, share: float) -> None:
        self.opened.advance(self.opened.done + round(share * self.opened.facts))

    @rule(orderly=st.booleans())
    def the_controller_starts_again(self, orderly: bool) -> None:
        done = self.opened.done
        if orderly:
            self.opened.close()
        else:
            dies(self.opened)
        self.opened = Spool(self.folder)
        assert self.opened.next > max(self.kept, default=-1) or self.opened.facts == 0
        if self.opened.facts:
            assert self.opened.done <= done, "facts were taken for written that are not"
        else:
            assert all(position < done for position in self.kept)
        self.opened.done = min(done, self.opened.next)  # others may come twice, which changes nothing
        if not self.opened.facts:
            self.kept.clear()  # positions begin anew

    @invariant()
    def all_that_was_kept_can_be_read(self) -> None:
        found = {position: content[0] for position, content in self.opened.read(self.opened.done, self.opened.next)}
        assert found == {position: fact for position, fact in self.kept.items() if position >= self.opened.done}
        assert self.opened.damaged == 0


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class Trouble:
    """A database that can be away."""

    def __init__(self, register: Register) -> None:
        self.away = False
        self._really = register.in_one_go

    async def in_one_go(self, work: Callable[[Connection], T]) -> T:
        if self.away:
            raise OperationalError("", {}, Exception("the database is away"))
        return await self._really(work)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 6)),
        st.tuples(st.just("call"), st.integers(0, 6)),
        st.tuples(st.just("shift"), st.booleans()),
        st.tuples(st.sampled_from(["away", "back", "killed", "turn", "disk full", "disk empty"]), st.none()),
    ),
    max_size=60,
)


async def play(folder: Path, steps: list[tuple[str, Any]]) -> tuple[dict[str, int], int]:
    """What the core told last of each call, and how many changes of presence; `folder` gets what is left of it."""
    last: dict[str, int] = {}
    changes = 0
    path = folder / "register.sqlite"
    register = await Register.open(path)
    trouble = Trouble(register)
    register.in_one_go = trouble.in_one_go  # type: ignore[method-assign]
    kept, full = Spool(folder / "spool"), False
    in_memory = False  # whether something came while the disk was full: of a call, the spool may have an older version
    found = Writer(register, wall, kept)
    found.start()
    for number, (step, what) in enumerate(steps):
        in_memory = (in_memory and found.pending > 0) or (full and step in ("call", "shift"))
        if step == "call":
            found.put(arrival(f"{what}", info_visits=number))
            last[f"{what}"] = number
        elif step == "shift":
            found.put(presence("101", float(number), "available" if what else "off", ""))
            changes += 1
        elif step in ("away", "back"):
            trouble.away = step == "away"
        elif step in ("disk full", "disk empty"):
            full = step == "disk full"
            kept._fail(OSError("the disk is full"))
            kept._next_try = float("inf") if full else 0.0
        elif step == "killed":
            if (
                full or in_memory or kept.facts < found.pending
            ):  # what neither disk nor database has dies with the process
                trouble.away = False
                assert await found.drain(10)
            assert found._task is not None
            found._task.cancel()
            await asyncio.gather(found._task, return_exceptions=True)
            dies(kept)
            kept, full, in_memory = Spool(folder / "spool"), False, False
            found = Writer(register, wall, kept)
            found.start()
        else:
            found._hurry.set()
            await asyncio.sleep(0.002)
            found._hurry.clear()
    trouble.away = False
    assert await found.stop(10)
    assert found.refused == 0
    kept.close()
    await register.close()
    return last, changes


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([("call", 0), ("disk full", None), ("call", 0), ("disk empty", None), ("killed", None)])
@given(STEPS)
def test_the_register_has_every_fact_in_its_last_version(steps: list[tuple[str, Any]]) -> None:
    folder = Path(tempfile.mkdtemp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_IN_MEMORY", 5)
        patch.setattr(writer, "_BATCH", 3)
        patch.setattr(database, "LINGER", 0.001)
        patch.setattr(writer, "_FIRST_RETRY", 0.001)
        patch.setattr(writer, "_LONGEST_RETRY", 0.002)
        patch.setattr(spool, "LARGE", 3000)
        last, changes = asyncio.run(play(folder, steps))
    assert dict(stored(folder / "register.sqlite", "SELECT call, info_visits FROM calls")) == last
    [(facts, different)] = stored(
        folder / "register.sqlite", "SELECT count(*), count(DISTINCT at) FROM presence_changes"
    )
    assert facts == different == changes
    shutil.rmtree(folder)
