"""A promised waiting time: how it is computed for one caller, and how it is settled (ESTP 5.4.6)."""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.caller import Caller
from callcenter.core.commands import SaveAnnouncement, Severity
from callcenter.core.estimate import Estimate
from callcenter.core.events import PastCalls
from callcenter.core.floor import Floor, LineState
from callcenter.core.records import PromiseResult

ROUNDS = 6
"""How often the wait is computed from those who overtake during it, who are the more the longer it takes."""

NOBODY = 0.05
"""Callers: a smaller difference is none."""


def remaining_wait(floor: Floor, caller: Caller) -> tuple[float | None, Estimate | None]:
    """How many are expected to be served before a waiting caller, and how long that will take; None: nobody can tell.

    Computed anew from the queue as it is, never as "the first estimate less the time that has passed".
    """
    line = floor.line(caller)
    staff = floor.staff(line.settings.answered_by)
    to_serve = _to_serve(floor, line, caller, 0.0)
    estimate = line.wait(to_serve, staff)
    for _ in range(ROUNDS):
        if estimate is None:
            return None, None
        more = _to_serve(floor, line, caller, estimate.mean)
        if more - to_serve < NOBODY:
            break
        to_serve, estimate = more, line.wait(more, staff)
    return to_serve, estimate


def _to_serve(floor: Floor, line: LineState, caller: Caller, horizon: float) -> float:
    queue = line.queue
    joined_at = queue.joined_at(caller.call)
    until_limit = joined_at + line.settings.overtaking_limit - floor.now
    overtaken_for = max(0.0, min(horizon, until_limit))
    overtakers = sum(line.arrivals[name].rate(floor.now) for name in queue.more_urgent(caller.call)) * overtaken_for
    elsewhere = sum(other.queue.ready_before(joined_at) for other in floor.rivals(line))
    return queue.to_serve(caller.call, floor.now, horizon) + overtakers + elsewhere


def newcomer_wait(line: LineState, staff: int, free: int, now: float) -> float | None:
    """Mean wait in seconds of somebody of the default class who joined now."""
    to_serve = line.queue.to_serve_newcomer(line.settings.default_class, now)
    if to_serve < free:
        return line.answering.mean
    estimate = line.wait(to_serve, staff)
    return estimate.mean if estimate else None


def learn(floor: Floor, event: PastCalls) -> None:
    """A controller that starts again knows handling time, patience and the waits of today as before (ESTP 2.2d)."""
    line = floor.lines.get(event.line)
    if line is None:
        return
    if event.handled:
        line.handling.recall(event.handling, event.handled)
        line.patience.recall(event.queued, event.gave_up, event.handled + event.gave_up)
    line.joined += event.joined
    for past in event.waits:
        line.waits.add(past.wait, answered=past.answered, registered=past.registered, now=floor.now - past.ago)


def settle(floor: Floor, caller: Caller, at: float, result: PromiseResult) -> None:
    """The caller's wait is over: every promise that was heard gets its real wait, in the register and in the ledger."""
    line = floor.line(caller)
    for record in caller.promises:
        settled = replace(record, waited=max(0.0, at - record.spoken_at), result=result)
        line.ledger.settle(settled, floor.now)
        floor.do(SaveAnnouncement(settled))
    if caller.promises:
        caller.promises = []
        _tell_of_trust(floor, line)


def _tell_of_trust(floor: Floor, line: LineState) -> None:
    view = line.ledger.view(floor.now)
    if view.trusted is line.trusted or view.coverage is None:
        return
    line.trusted = view.trusted
    share = f"{view.coverage:.0%} of the last {view.judged} estimates of the waiting time held"
    if view.trusted:
        floor.notice(f"Line {line.settings.id}: {share}; times are spoken again.")
    else:
        floor.notice(f"Line {line.settings.id}: only {share}; positions are spoken instead.", Severity.WARNING)
