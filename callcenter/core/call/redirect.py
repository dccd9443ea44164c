"""Send a caller from one place of the dialplan to another."""

from __future__ import annotations

from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import AfterBridge, Place, Redirect
from callcenter.core.floor import Floor
from callcenter.core.question import Question
from callcenter.core.records import Outcome


def redirect(
    floor: Floor,
    caller: Caller,
    place: Place,
    *prompts: str,
    announcement: int = 0,
    question: Question = Question.NOTHING,
) -> None:
    """Send the caller to a place of the dialplan, and remember it."""
    word = Redirect(caller.channel_id, place, prompts, announcement, queue_priority(floor, caller, place), question)
    floor.change(caller, redirect=word)
    floor.do(word)


def refuse(floor: Floor, caller: Caller) -> None:
    """Send a caller to the words that refuse them because of their conduct; again, if they are found anywhere else."""
    redirect(floor, caller, Place.CONDUCT, "conduct-refused")


def queue_priority(floor: Floor, caller: Caller, place: Place) -> float:
    """Return the caller's priority in Asterisk's own queue, in seconds.

    That queue has only one order. To come close to ours, urgency counts as additional waiting time: a more urgent
    caller may come before one who has waited up to the overtaking limit longer (ESTP 2.3, 4.2).
    """
    if place is not Place.WAITING:
        return 0.0
    line = floor.rules(caller)
    urgency = caller.record.urgency if caller.record.urgency in line.classes else line.default_class
    less_urgent = len(line.classes) - 1 - line.classes.index(urgency)
    return floor.now - caller.place_at + line.overtaking_limit * less_urgent


def say_again(floor: Floor, caller: Caller) -> None:
    """Repeat the last redirect, which was lost, when Asterisk asks again; not for a caller who connects or talks."""
    busy = caller.offer or caller.legs or caller.state is CallerState.TALKING
    if caller.redirect and not busy:
        floor.do(caller.redirect)


def after(floor: Floor, caller: Caller, place: Place) -> None:
    """Set where the caller goes when the bridge of the present conversation ends."""
    floor.change(caller, after=place)
    floor.do(AfterBridge(caller.channel_id, place))


def divert(floor: Floor, caller: Caller, prompt: str) -> None:
    """Send the caller to the general inbound line (ESTP 2.1)."""
    floor.move(caller, CallerStep.DIVERT)
    floor.line(caller).queue.leave(caller.call)
    if caller.record.outcome is Outcome.IN_PROGRESS:
        floor.note(caller, outcome=Outcome.GENERAL_LINE)
    redirect(floor, caller, Place.GENERAL, prompt)
