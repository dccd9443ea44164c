"""What a waiting caller hears: position, estimated wait, or that nobody is on shift (ESTP 5.4.6)."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

from callcenter.core.call import acquaintance, call_back_place, paid_period, recording
from callcenter.core.call.promise import settle
from callcenter.core.call.redirect import redirect
from callcenter.core.caller import Caller, CallerState, CallerStep, Composed
from callcenter.core.commands import Announce, CancelTimer, Place, SaveAnnouncement, SetTimer
from callcenter.core.events import AnnouncementSpoken, InfoMenuVisited, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId
from callcenter.core.question import ASKING, Question, QuestionStep
from callcenter.core.queue.announcement import Said, Wording, call_phrases, phrases, wording
from callcenter.core.queue.ewt_input import remaining_wait
from callcenter.core.queue.line import LineState
from callcenter.core.records import AnnouncementRecord, PromiseResult


def welcome(floor: Floor, caller: Caller, *before: str) -> None:
    """Send a caller who has just joined or rejoined the queue to the waiting room, with the first announcement.

    The first question, if there is one, is the end of it.
    """
    line = floor.line(caller)
    at_once = line.queue.ready_ahead(caller.call, floor.now) < floor.free(line.settings.answered_by)
    at_once = at_once and floor.sees(caller.call)
    if at_once:
        number, prompts = 0, (*before, "connecting")
    else:
        number, prompts = _compose(floor, caller)
        prompts = (*before, *prompts)
    asked, words = next_question(floor, caller, at_once=at_once)
    if not at_once and not words:
        words = ("press-for-info",)
    recording.begin(floor, caller, at_once=False)
    redirect(floor, caller, Place.WAITING, *prompts, *words, announcement=number, question=asked)
    _again_later(floor, caller)


def expect(floor: Floor, caller: Caller) -> None:
    """Hold the place of a caller who has arrived and will join the queue: those who arrive later come after."""
    line = floor.line(caller)
    urgency = paid_period.urgency(floor, caller) or floor.rules(caller).default_class
    line.queue.expect(caller.call, urgency, caller.place_at)
    call_back_place.make_way(floor, line, caller.call)


def join(floor: Floor, caller: Caller, urgency: str, at: float, place_at: float | None = None) -> None:
    """Put the caller into the queue, from time `at` on, at the place of the arrival (ESTP 2.3).

    `place_at`: the place of a former call that was cut off.
    """
    line = floor.line(caller)
    urgency = paid_period.urgency(floor, caller, urgency) or floor.rules(caller).default_class
    place_at = caller.record.arrived_at if place_at is None else place_at
    floor.note(caller, urgency=urgency, joined_at=at, place_at=place_at)
    floor.move(caller, CallerStep.JOIN)
    take_place(floor, caller)
    line.arrivals[urgency].add(at)
    floor.change(line, joined=line.joined + 1)


def take_place(floor: Floor, caller: Caller) -> None:
    """Put the caller into the queue at the place given by the call's row."""
    line = floor.line(caller)
    urgency = caller.record.urgency
    urgency = urgency if urgency in line.settings.classes else floor.rules(caller).default_class
    line.queue.join(caller.call, urgency, caller.place_at)
    taken_at, answered_at = caller.record.out_of_turn_at, caller.record.answered_at
    if taken_at is not None and (answered_at is None or answered_at < taken_at):
        line.queue.take_out_of_turn(caller.call, taken_at)
    call_back_place.make_way(floor, line, caller.call)


def leave(floor: Floor, caller: Caller) -> None:
    """Take the caller out of the queue without an operator; what became of the promises cannot be measured."""
    floor.line(caller).queue.leave(caller.call)
    floor.do(CancelTimer(Timer(TimerKind.ANNOUNCE, caller.call)))
    floor.question(caller, QuestionStep.STOP)
    settle(floor, caller, floor.now, PromiseResult.LOST)


def back_to_queue(floor: Floor, caller: Caller, *before: str) -> None:
    """Put a held caller to whom nobody will return back into the queue, at the place of the first arrival."""
    floor.move(caller, CallerStep.JOIN)
    take_place(floor, caller)
    welcome(floor, caller, *before)


def next_question(floor: Floor, caller: Caller, *, at_once: bool = False) -> tuple[Question, tuple[str, ...]]:
    """Begin the next question of a waiting caller: return it with its prompts. None is left: nothing, and ().

    `at_once`: an operator is free, so at most the INN is asked, while the phone rings; the urgency changes nothing.
    """
    line = floor.rules(caller)
    if caller.question is Question.DUE and acquaintance.is_asked(floor, caller):
        floor.question(caller, QuestionStep.ASK_INN)
        return Question.INN, (ASKING[line.asked_for].ask,)
    if caller.question in (Question.DUE, Question.INN_SETTLED) and not at_once:
        if line.class_of_digit:
            floor.question(caller, QuestionStep.ASK_URGENCY)
            return Question.URGENCY, ("ask-urgency",)
        floor.question(caller, QuestionStep.STOP)
    return Question.NOTHING, ()


def announce(floor: Floor, call: CallId) -> None:
    """Announce position and wait again, when it is time; not while an operator's phone rings for this caller."""
    caller = floor.callers.get(call)
    if caller is None or caller.state is not CallerState.WAITING:
        return
    if not caller.offer:
        number, prompts = _compose(floor, caller)
        asked, words = next_question(floor, caller)
        # Four files fit into one line for Asterisk.
        words = words or _keep_place(floor, caller)
        before = () if words else ("thanks-for-waiting",)
        floor.do(Announce(caller.channel_id, number, (*before, *prompts, *words), asked))
    _again_later(floor, caller)


def may_keep_place(floor: Floor, caller: Caller) -> bool:
    """Whether the caller may keep the place and be called back: the line allows it, and is open.

    So many keep theirs as callers can wait, and no more: otherwise the queue would grow with callers who have gone.
    """
    line = floor.line(caller)
    allowed = caller.state is CallerState.WAITING and line.open and bool(line.settings.keep_place_key)
    return allowed and paid_period.may_keep_place(floor, caller) and len(kept_for(floor, line)) < line.settings.capacity


def kept_for(floor: Floor, line: LineState) -> list[str]:
    """Return the numbers to be called, once for each place that is kept on this line."""
    leaving = [one.record.call_back_to for one in floor.callers.values() if one.record.line == line.settings.id]
    return [*filter(None, leaving), *(back.due.number for back in line.call_backs.values() if back.kept)]


def promise_call(floor: Floor, caller: Caller) -> tuple[AnnouncementRecord, tuple[str, ...]]:
    """Compose when a caller who keeps the place will be called: it is said while they leave, so it counts as heard."""
    _compose(floor, caller, kept=True)
    [composed] = caller.pending.values()
    return composed.record, composed.record.prompts


def _keep_place(floor: Floor, caller: Caller) -> tuple[str, ...]:
    """Return the words that offer to be called back; not at first, when the wait may be short."""
    if not may_keep_place(floor, caller):
        return ()
    return (f"keep-place-{floor.line(caller).settings.keep_place_key}",)


def spoken(floor: Floor, event: AnnouncementSpoken) -> None:
    """Save an announcement that Asterisk began to play: from now on it counts as heard."""
    caller = floor.caller_of(event.call)
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
    caller = floor.caller_of(event.call)
    if caller:
        floor.note(caller, info_visits=caller.record.info_visits + 1)


def _compose(floor: Floor, caller: Caller, *, kept: bool = False) -> tuple[int, tuple[str, ...]]:
    line = floor.line(caller)
    rules = floor.rules(caller).promises
    ahead = line.queue.ahead(caller.call, floor.now)
    staff = floor.staff(line.settings.answered_by)
    ewt = remaining_wait(line, caller.call, staff, floor.lines_sharing_staff(line), floor.now)
    number, urgency = caller.announcements + 1, line.queue.urgency(caller.call)
    correction = line.ledger.calibration.correction(urgency, number)
    estimate = ewt.estimate.corrected(correction.mean, correction.p90) if ewt else None
    elapsed = floor.now - caller.waits_since if number == 1 and caller.record.answered_at is None else 0.0
    words = Wording(None)
    if estimate and line.ledger.trusted(urgency, number, floor.now):
        words = wording(estimate, staff, caller.said, rules, elapsed)
    if kept:
        prompts: tuple[str, ...] = call_phrases(words)
    else:
        prompts = phrases(ahead, words, rules) if staff else ("nobody-on-shift",)
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
        elapsed=elapsed,
        urgency=urgency,
        lengthened=correction.mean,
        widened=correction.p90,
    )
    floor.change(caller, announcements=number, pending={number: Composed(record, words.minutes)})
    return number, prompts


def _again_later(floor: Floor, caller: Caller) -> None:
    every = floor.rules(caller).announce_every
    floor.do(SetTimer(Timer(TimerKind.ANNOUNCE, caller.call), floor.now + every))
