"""One run, from the first caller to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import evidence, idle, testimony
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Chaos, Happening
from tests.chaos.judge import STUCK, Violation, violations
from tests.chaos.order import inversions
from tests.chaos.plan import ASKED_BEFORE, DIALLED, Plan
from tests.chaos.scene import Scene, scene
from tests.e2e.softphone import Softphone

Tell = Callable[[str], None]
_WARM = 12.0
_CALM = 12.0
_QUIET_WITHIN = 30.0
_SETTLED_WITHIN = 60.0
_ANSWERED_WITHIN = 30.0
_PROBE = "+73429999999"
_GOOD_BYE = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    plan: Plan
    evidence: Evidence
    violations: list[Violation]
    happened: list[Happening]
    seconds: float
    pending: float | None
    """Facts that the register had not written at the end."""


async def play(plan: Plan, folder: Path, tell: Tell = lambda text: None) -> Result:
    """Play the plan in a new folder. Raises BrokenMeasurementError when the scene itself cannot be set."""
    started = time.monotonic()
    async with scene(plan, folder) as here:
        began = time.time()
        await here.crowds.dial()
        stack = contextlib.AsyncExitStack()
        witnesses = await stack.enter_async_context(here.witnesses.listening())
        work = asyncio.create_task(here.pages.work())
        chaos = Chaos(here)
        try:
            await asyncio.sleep(_WARM)
            await chaos.run(tell)
            here.pages.breaks = False
            await asyncio.sleep(_CALM)
            closed = time.time()
            stuck = await _close(here)
            tell("everybody has hung up; the last call is answered")
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await stack.aclose()
        await _settle(here)
        pending = await here.gauge("callcenter_register_pending_rows")
        await here.crowds.close()
        rows = here.rows("select * from calls order by arrived_at")
        offers = here.rows("select * from offers order by placed_at")
        presence = here.rows("select operator, at, presence from presence_changes order by id")
        shifts = here.rows("select * from shifts order by started_at")
        limit = here.config.lines[ASKED_BEFORE].queue.overtaking_limit
    seen = testimony.collect((log.callers, log.phones) for log in here.crowds.logs)
    seen.placed += [heard.placed for heard in witnesses.heard]
    seen.rung = [ringing for ringing in seen.rung if ringing.number != _PROBE]
    found = evidence.gather(
        seen,
        chaos.happened,
        [row for row in rows if row["number"] != _PROBE],
        offers,
        shifts,
        presence,
        here.crowds.keys | {heard.placed.number: "2" for heard in witnesses.heard},
        {heard.placed.number: heard.gaps for heard in witnesses.heard},
        folder=folder,
        recordings=here.config.recordings.folder,
        began=began,
        closed=closed,
    )
    judged = [*violations(found), *inversions(found, limit), *stuck, *idle.stuck(found, plan.people, plan.wrap_up)]
    judged.sort(key=lambda one: one.at)
    return Result(plan, found, judged, chaos.happened, time.monotonic() - started, pending)


async def _close(here: Scene) -> list[Violation]:
    """All hang up; then nobody may be busy, and one more caller is answered."""
    await here.crowds.hang_up()
    await here.witnesses.hang_up()
    found = []
    end = time.monotonic() + _QUIET_WITHIN
    while time.monotonic() < end:
        busy = await _busy(here)
        in_use = await here.gauge("callcenter_lines_in_use")
        if not busy and in_use == 0:
            break
        await asyncio.sleep(0.5)
    else:
        found += [Violation(STUCK, "", time.time(), f"operator {who}: {what}") for who, what in busy.items()]
        if in_use:
            found.append(Violation(STUCK, "", time.time(), f"{in_use:.0f} lines in use, and nobody calls"))
    for person in here.plan.people:
        await here.pages.ask(person, "return")
    if not await _answered(here):
        text = f"one more caller was not answered in {_ANSWERED_WITHIN:.0f} s"
        found.append(Violation(STUCK, _PROBE, time.time(), text))
    return found


async def _busy(here: Scene) -> dict[str, str]:
    """Who is neither idle nor paused with a reason though nobody calls, and how it looks."""
    found = {}
    for person in here.plan.people:
        seen = await here.pages.me(person)
        if seen is None:
            found[person] = "the page does not answer"
        elif seen["activity"] != "idle" or seen["presence"] not in ("available", "paused"):
            found[person] = f"{seen['presence']}, {seen['activity']}"
        elif seen["presence"] == "paused" and not seen["reason"]:
            found[person] = "paused without a reason"
    return found


async def _answered(here: Scene) -> bool:
    """Whether somebody who calls now is answered by an operator's phone."""
    network = here.config.asterisk.sip_bind.removesuffix("0.1")
    places = here.config.asterisk
    async with Softphone(_PROBE, f"{network}1.20", 0, (places.sip_bind, places.sip_port)) as phone:
        await phone.dial(DIALLED[ASKED_BEFORE])  # leaving the block hangs up
        return await _until(lambda: any(row["answered_at"] for row in here.rows(_OF_PROBE)), _ANSWERED_WITHIN)


_OF_PROBE = f"select answered_at from calls where number = '{_PROBE}'"
_UNFINISHED = (
    "select count(*) as n from calls where ended_at is null or (talk > 1 and recording = '' and recording_problem = '')"
)


async def _settle(here: Scene) -> None:
    """Until the register says all there is to say, with a limit; and phones have hung up."""
    await _until(lambda: here.rows(_UNFINISHED)[0]["n"] == 0, _SETTLED_WITHIN)
    await asyncio.sleep(_GOOD_BYE)


async def _until(fact: Callable[[], bool], within: float) -> bool:
    end = time.monotonic() + within
    while not (true := fact()) and time.monotonic() < end:  # noqa: ASYNC110 - the register is a file
        await asyncio.sleep(0.3)
    return true
