"""Compare the announced waiting times with the real waits, so that the line learns from them (ESTP 5.4.6)."""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.caller import Caller
from callcenter.core.commands import SaveAnnouncement, Severity
from callcenter.core.floor import Floor
from callcenter.core.queue.line import LineState
from callcenter.core.records import PromiseResult
from callcenter.core.warm_start import LineWarmStart


def learn(floor: Floor, event: LineWarmStart) -> None:
    """Restore what the line had learnt: handling time, patience and today's waits are as before a restart (ESTP 2.2d).

    So is the ledger of promises: the line announces times, or only positions, as before (ESTP 5.4.6).
    """
    line = floor.lines.get(event.line)
    if line is None:
        return
    if event.handled:
        line.handling.warm_start(event.handling, event.handled)
        line.patience.warm_start(event.queued, event.gave_up, event.handled + event.gave_up)
    floor.change(line, joined=line.joined + event.joined)
    for past in event.waits:
        line.waits.add(past.wait, answered=past.answered, registered=past.registered, now=floor.now - past.ago)
    for promise in event.promises:
        line.ledger.settle(promise, floor.now + promise.spoken_at + (promise.waited or 0.0))
    for known in event.acquaintances:
        floor.acquaint(line, known)
    _tell_of_trust(floor, line)


def settle(floor: Floor, caller: Caller, at: float, result: PromiseResult) -> None:
    """End the caller's wait: set the real wait of every announcement heard, in the register and in the ledger."""
    line = floor.line(caller)
    staff = floor.staff(line.settings.answered_by)
    for record in caller.promises:
        settled = replace(record, waited=max(0.0, at - record.spoken_at), result=result)
        line.ledger.settle(settled, floor.now, staff)
        floor.do(SaveAnnouncement(settled))
    if caller.promises:
        floor.change(caller, promises=())
        _tell_of_trust(floor, line)


def _tell_of_trust(floor: Floor, line: LineState) -> None:
    now, before = line.ledger.distrusted(floor.now), line.distrusted
    if now == before:
        return
    floor.change(line, distrusted=now)
    for name in sorted(now ^ before):
        group = line.ledger.group(name, floor.now)
        who = f"{group.urgency} callers, {'later announcements' if group.later else 'on joining'}"
        share = f"{group.coverage or 0.0:.0%} of the last {group.judged} estimates of the waiting time held"
        if group.trusted:
            floor.notice(f"Line {line.settings.id}: {share} ({who}); times are spoken again.")
        else:
            text = f"Line {line.settings.id}: only {share} ({who}); positions are spoken instead."
            floor.notice(text, Severity.WARNING)
