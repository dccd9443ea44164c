"""The faults, one by one: each is done to the scene, mended, and written down with the moment the line was back."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.chaos.plan import NEEDS_ROOT, faults
from tests.chaos.scene import Scene

_STAY_AWAY = (12.0, 18.0)
_SHORT = (2.0, 6.0)
_LONG = (8.0, 15.0)
_STARTING = (0.2, 1.6)
"""Seconds after the start of the controller in which it is killed again."""
_CALLS_AGAIN = 0.5
"""Of those whom Asterisk's death cut off so many call again."""


@dataclass(slots=True)
class Happening:
    """One fault. POSIX seconds."""

    name: str
    at: float
    mended_at: float = 0.0
    """When we had undone what we did; a controller that was killed mends itself."""
    back_at: float | None = None
    """When the controller had the line; None: not within the limit."""
    blind: bool = False
    """The controller was dead or could not see Asterisk: the fallback queue's hour."""
    daemon_died: bool = False
    """By kill -9; each of them, where there were several."""
    died_at: list[float] = field(default_factory=list)
    kills: int = 0
    asterisk_died: bool = False
    again: tuple[str, ...] = ()
    """Numbers of those who were cut off and call again."""
    note: str = ""


class Chaos:
    """Does the plan's faults until the time is over."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._luck = random.Random(f"chaos {scene.plan.seed}")
        self.happened: list[Happening] = []

    async def run(self, tell: Callable[[str], None]) -> None:
        """All of it; `tell` is told of each fault as it is over."""
        plan = self._scene.plan
        end = time.monotonic() + plan.seconds
        if not plan.groups:
            await asyncio.sleep(plan.seconds)
        for name in faults(plan, root=bool(self._scene.volumes)):
            await asyncio.sleep(self._luck.uniform(*plan.calm))
            if time.monotonic() > end:
                return
            happening = Happening(name, time.time())
            self.happened.append(happening)
            try:
                await _DO[name](self, happening)
            finally:
                happening.mended_at = happening.mended_at or time.time()
            happening.back_at = await self._scene.until_back()
            tell(_said(happening))
            if happening.back_at is None:
                return  # nothing that happened to a line that is not there would say anything

    # -- the controller --------------------------------------------------------------------------------------------

    async def _kill(self, happening: Happening, away: float = 0.0) -> None:
        happening.blind = happening.daemon_died = True
        happening.kills += 1
        happening.died_at.append(await self._scene.daemon.kill(away))

    async def kill(self, happening: Happening) -> None:
        await self._kill(happening)

    async def kill_away(self, happening: Happening) -> None:
        away = self._luck.uniform(*_STAY_AWAY)
        happening.note = f"for {away:.0f} s"
        await self._kill(happening, away)

    async def kill_twice(self, happening: Happening) -> None:
        await self._kill(happening)
        await self._scene.until_back()
        await asyncio.sleep(self._luck.uniform(0.0, 0.5))
        await self._kill(happening)

    async def kill_starting(self, happening: Happening) -> None:
        await self._kill(happening)
        for _ in range(2):
            await self._scene.daemon.until_started()
            await asyncio.sleep(self._luck.uniform(*_STARTING))
            await self._kill(happening)

    async def terminate(self, happening: Happening) -> None:
        happening.blind = True
        happening.died_at.append(await self._scene.daemon.terminate())
        happening.note = f"ended after {time.time() - happening.at:.1f} s with {self._scene.daemon.exits[-1][1]}"

    # -- the connection --------------------------------------------------------------------------------------------

    async def ami_cut(self, happening: Happening) -> None:
        happening.blind = True
        self._scene.wire.cut()
        await asyncio.sleep(0.3)  # it may be noticed that the line is not there

    async def ami_refused(self, happening: Happening) -> None:
        happening.blind = True
        seconds = self._luck.uniform(*_LONG)
        happening.note = f"for {seconds:.0f} s"
        self._scene.wire.refuse()
        self._scene.wire.cut()
        await asyncio.sleep(seconds)
        await self._scene.wire.accept()

    async def ami_stalled(self, happening: Happening) -> None:
        await self._stall(happening, cut=False, to_asterisk=True, to_controller=True)

    async def ami_half_open(self, happening: Happening) -> None:
        to_asterisk = self._luck.random() < 0.5
        await self._stall(happening, cut=True, to_asterisk=to_asterisk, to_controller=not to_asterisk)

    async def _stall(self, happening: Happening, *, cut: bool, to_asterisk: bool, to_controller: bool) -> None:
        happening.blind = True
        seconds = self._luck.uniform(*(_LONG if self._luck.random() < 0.5 else _SHORT))
        ways = [name for name, on in (("to Asterisk", to_asterisk), ("to the controller", to_controller)) if on]
        happening.note = f"for {seconds:.0f} s, {' and '.join(ways)}, then {'cut' if cut else 'on'}"
        self._scene.wire.stall(to_asterisk=to_asterisk, to_controller=to_controller)
        await asyncio.sleep(seconds)
        if cut:
            self._scene.wire.cut()
        self._scene.wire.flow()
        await asyncio.sleep(0.3)

    # -- the database and the disks ----------------------------------------------------------------------------------

    async def database_locked(self, happening: Happening) -> None:
        seconds = self._luck.uniform(*_LONG)
        happening.note = f"for {seconds:.0f} s"
        async with self._locked():
            await asyncio.sleep(seconds)

    async def database_locked_while_starting(self, happening: Happening) -> None:
        seconds = self._luck.uniform(*_LONG)
        happening.note = f"for {seconds:.0f} s"
        async with self._locked():
            await self._kill(happening)
            await asyncio.sleep(seconds)

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        # Not in WAL mode, so that readers are kept out too where the journal is another one.
        database = sqlite3.connect(self._scene.config.database, timeout=0.0, isolation_level=None)
        try:
            for _ in range(400):
                try:
                    database.execute("begin exclusive")
                    break
                except sqlite3.OperationalError:  # the controller writes just now
                    await asyncio.sleep(0.01)
            yield
        finally:
            if database.in_transaction:
                database.execute("rollback")
            database.close()

    async def database_full(self, happening: Happening) -> None:
        await self._filled(happening, "database")

    async def recordings_full(self, happening: Happening) -> None:
        await self._filled(happening, "recordings")

    async def spool_full(self, happening: Happening) -> None:
        await self._filled(happening, "spool")

    async def _filled(self, happening: Happening, name: str) -> None:
        seconds = self._luck.uniform(*_LONG)
        happening.note = f"for {seconds:.0f} s"
        volume, end = self._scene.volumes[name], time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                await asyncio.to_thread(volume.fill)  # again: what was freed meanwhile is taken too
                await asyncio.sleep(0.5)
        finally:
            volume.empty()

    # -- Asterisk ----------------------------------------------------------------------------------------------------

    async def kill_asterisk(self, happening: Happening) -> None:
        scene = self._scene
        happening.blind = happening.asterisk_died = True
        await scene.asterisk.kill()
        happening.died_at.append(time.time())
        await scene.crowds.vanish()
        await scene.witnesses.vanish()
        await scene.keepers.vanish()
        waited = await asyncio.to_thread(scene.crowds.waiting)
        happening.again = waited[: round(len(waited) * _CALLS_AGAIN)]
        happening.note = f"{len(waited)} waited, {len(happening.again)} call again"
        await asyncio.sleep(self._luck.uniform(0.5, 2.0))
        await scene.crowds.plug_in()
        await scene.asterisk.start()
        happening.mended_at = time.time()
        await scene.crowds.dial(happening.again)
        scene.witnesses.dial()
        scene.keepers.dial()


_DO: dict[str, Callable[[Chaos, Happening], Awaitable[None]]] = {
    "kill": Chaos.kill,
    "kill and stay away": Chaos.kill_away,
    "kill twice": Chaos.kill_twice,
    "kill while starting": Chaos.kill_starting,
    "SIGTERM": Chaos.terminate,
    "AMI cut": Chaos.ami_cut,
    "AMI refused": Chaos.ami_refused,
    "AMI stalled": Chaos.ami_stalled,
    "AMI half-open": Chaos.ami_half_open,
    "database locked": Chaos.database_locked,
    "database locked while starting": Chaos.database_locked_while_starting,
    "database full": Chaos.database_full,
    "recordings full": Chaos.recordings_full,
    "spool full": Chaos.spool_full,
    "kill Asterisk": Chaos.kill_asterisk,
}
assert _DO.keys() >= NEEDS_ROOT


def _said(happening: Happening) -> str:
    back = "NEVER BACK" if happening.back_at is None else f"line back {happening.back_at - happening.at:.1f} s after"
    return f"{happening.name}{', ' if happening.note else ''}{happening.note}: {back}"
