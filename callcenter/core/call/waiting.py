"""What a waiting caller hears: position, estimated wait, or that nobody is on shift (ESTP 5.4.6)."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

from callcenter.core.call.redirect import redirect
from callcenter.core.caller import Caller, CallerState, CallerStep, Composed
from callcenter.core.commands import Announce, Place, SaveAnnouncement, SetTimer
from callcenter.core.events import AnnouncementSpoken, InfoMenuVisited, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId
from callcenter.core.queue.announcement import Said, Wording, phrases, wording
from callcenter.core.queue.ewt_input import remaining_wait
from callcenter.core.records import AnnouncementRecord


def welcome(floor: Floor, caller: Caller, *before: str) -> None:
    """Send a caller who has just joined or rejoined the queue to the waiting room, with the first announcement."""
    line = floor.line(caller)
    at_once = line.queue.ahead(caller.call, floor.now) < floor.free(line.settings.answered_by)
    if at_once and floor.sees(caller.call):
        prompts: tuple[str, ...] = (*before, "connecting")
        number = 0
    else:
        number, prompts = _compose(floor, caller)
        prompts = (*before, *prompts, "press-for-info")
    redirect(floor, caller, Place.WAITING, *prompts, announcement=number)
    _again_later(floor, caller)


def join(floor: Floor, caller: Caller, urgency: str, at: float, place_at: float | None = None) -> None:
    """Put the caller into the queue, from time `at` on. `place_at`: the place of a former call that was cut off."""
    line = floor.line(caller)
    urgency = urgency if urgency in line.settings.classes else line.settings.default_class
    floor.note(caller, urgency=urgency, joined_at=at, place_at=at if place_at is None else place_at)
    floor.move(caller, CallerStep.JOIN)
    take_place(floor, caller)
    line.arrivals[urgency].add(at)
    floor.change(line, joined=line.joined + 1)


def take_place(floor: Floor, caller: Caller) -> None:
    """Put the caller into the queue at the place given by the call's row."""
    line = floor.line(caller)
    urgency = caller.record.urgency
    urgency = urgency if urgency in line.settings.classes else line.settings.default_class
    line.queue.join(caller.call, urgency, caller.place_at)


def back_to_queue(floor: Floor, caller: Caller) -> None:
    """Put a held caller to whom nobody will return back into the queue, at the place of the first arrival."""
    floor.move(caller, CallerStep.JOIN)
    take_place(floor, caller)
    welcome(floor, caller)


def announce(floor: Floor, call: CallId) -> None:
    """Announce position and wait again, when it is time; not while an operator's phone rings for this caller."""
    caller = floor.callers.get(call)
    if caller is None or caller.state is not CallerState.WAITING:
        return
    if not caller.offer:
        number, prompts = _compose(floor, caller)
        floor.do(Announce(call, number, ("thanks-for-waiting", *prompts)))
    _again_later(floor, caller)


def spoken(floor: Floor, event: AnnouncementSpoken) -> None:
    """Save an announcement that Asterisk began to play: from now on it counts as heard."""
    caller = floor.callers.get(event.call)
    composed = caller.pending.get(event.number) if caller else None
    if caller is None or composed is None:
        return
    record = replace(composed.record, spoken_at=floor.now)
    if composed.minutes is not None:
        floor.change(caller, said=Said(composed.minutes, record.staff))
    floor.change(caller, pending={}, promises=(*caller.promises, record))
    floor.do(SaveAnnouncement(record))


def info_menu_visited(floor: Floor, event: InfoMenuVisited) -> None:
    """Count a visit to the information menu; nothing else changes, in particular not the place in the queue."""
    caller = floor.callers.get(event.call)
    if caller:
        floor.note(caller, info_visits=caller.record.info_visits + 1)


def _compose(floor: Floor, caller: Caller) -> tuple[int, tuple[str, ...]]:
    line = floor.line(caller)
    rules = line.settings.promises
    ahead = line.queue.ahead(caller.call, floor.now)
    staff = floor.staff(line.settings.answered_by)
    ewt = remaining_wait(line, caller.call, staff, floor.lines_sharing_staff(line), floor.now)
    estimate = ewt.estimate if ewt else None
    words = Wording(None)
    if estimate and line.ledger.trusted(floor.now):
        words = wording(estimate, staff, caller.said, rules)
    prompts = phrases(ahead, words, rules) if staff else ("nobody-on-shift",)
    number = caller.announcements + 1
    record = AnnouncementRecord(
        caller.call,
        number,
        floor.now,
        ahead=ahead,
        staff=staff,
        handling=line.handling.mean,
        patience=line.patience.mean,
        to_serve=ewt.to_serve if ewt else None,
        estimate=estimate.mean if estimate else None,
        p90=estimate.percentile(0.9) if estimate else None,
        spoken=int(words.minutes) if words.minutes is not None and isfinite(words.minutes) else None,
        prompts=prompts,
    )
    floor.change(caller, announcements=number, pending={number: Composed(record, words.minutes)})
    return number, prompts


def _again_later(floor: Floor, caller: Caller) -> None:
    every = floor.line(caller).settings.announce_every
    floor.do(SetTimer(Timer(TimerKind.ANNOUNCE, caller.call), floor.now + every))
