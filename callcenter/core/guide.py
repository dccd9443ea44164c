"""Sending a caller from one place of the dialplan to another."""

from __future__ import annotations

from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import AfterBridge, Direct, Place
from callcenter.core.floor import Floor
from callcenter.core.records import Outcome


def direct(floor: Floor, caller: Caller, place: Place, *prompts: str, announcement: int = 0) -> None:
    """Send the caller to a place of the dialplan, and remember it."""
    caller.direct = Direct(caller.call, place, prompts, announcement)
    floor.do(caller.direct)


def say_again(floor: Floor, caller: Caller) -> None:
    """Asterisk asks again because our answer did not arrive. Never for one who is being connected or talks."""
    busy = caller.offer or caller.legs or caller.state is CallerState.TALKING
    if caller.direct and not busy:
        floor.do(caller.direct)


def after(floor: Floor, caller: Caller, place: Place) -> None:
    """Where the caller goes when the present conversation's bridge ends."""
    caller.after = place
    floor.do(AfterBridge(caller.call, place))


def divert(floor: Floor, caller: Caller, prompt: str) -> None:
    """To the general inbound line (ESTP 2.1)."""
    floor.move(caller, CallerStep.DIVERT)
    if caller.record.outcome is Outcome.IN_PROGRESS:
        floor.note(caller, outcome=Outcome.GENERAL_LINE)
    direct(floor, caller, Place.GENERAL, prompt)
