"""One run, from the first caller to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import call_back_judge, evidence, idle, testimony
from tests.chaos.call_back_judge import CallBackEvidence
from tests.chaos.call_backs import Promises
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Chaos, Happening
from tests.chaos.judge import STUCK, Violation, violations
from tests.chaos.order import inversions
from tests.chaos.plan import ASKED_BEFORE, DIALLED, KEEPERS, Plan
from tests.chaos.scene import Scene, scene
from tests.e2e.softphone import Softphone

Tell = Callable[[str], None]
_WARM = 12.0
_CALM = 12.0
_QUIET_WITHIN = 30.0
_SETTLED_WITHIN = 60.0
_ANSWERED_WITHIN = 30.0
_CALLED_BACK_WITHIN = 120.0
_PROBE = "+73429999999"
_GOOD_BYE = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    plan: Plan
    evidence: Evidence
    call_backs: CallBackEvidence
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
        await stack.enter_async_context(here.keepers.listening())
        promises = Promises(plan, here.pages)
        work = asyncio.create_task(here.pages.work())
        promising = asyncio.create_task(promises.work())
        chaos = Chaos(here)
        try:
            await asyncio.sleep(_WARM)
            await chaos.run(tell)
            promising.cancel()
            here.pages.breaks = False
            await asyncio.sleep(_CALM)
            closed = time.time()
            stuck = await _close(here)
            tell("everybody has hung up; the last call is answered")
        finally:
            for task in (work, promising):
                task.cancel()
            await asyncio.gather(work, promising, return_exceptions=True)
            await stack.aclose()
        await _settle(here)
        pending = await here.gauge("callcenter_register_pending_rows")
        await here.crowds.close()
        rows = here.rows("select * from calls where direction = 'incoming' order by arrived_at")
        call_backs = _of_call_backs(here, promises, [row for row in rows if row["number"].startswith(KEEPERS)])
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
        [row for row in rows if row["number"] != _PROBE and not row["number"].startswith(KEEPERS)],
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
    judged += call_back_judge.violations(call_backs, found)
    judged.sort(key=lambda one: one.at)
    return Result(plan, found, call_backs, judged, chaos.happened, time.monotonic() - started, pending)


def _of_call_backs(here: Scene, promises: Promises, keepers_rows: list[dict[str, Any]]) -> CallBackEvidence:
    return CallBackEvidence(
        promises.made,
        here.customers.rung,
        here.rows("select * from call_backs order by id"),
        here.rows("select * from call_back_tries order by call_back, number"),
        here.rows("select * from calls where call_back <> '' order by id"),
        [heard.placed for heard in here.keepers.heard],
        keepers_rows,
        time.time(),
    )


async def _close(here: Scene) -> list[Violation]:
    """All hang up; then nobody may be busy, and one more caller is answered."""
    await here.crowds.hang_up()
    await here.witnesses.hang_up()
    await here.keepers.hang_up()
    await _until(lambda: here.rows(_OPEN_CALL_BACKS)[0]["n"] == 0, _CALLED_BACK_WITHIN)
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
_OPEN_CALL_BACKS = "select count(*) as n from call_backs where ended_at is null"
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
