"""By which contract a caller is served: the class in the queue, and what becomes of callers without a paid period.

E-SAUDA 1.3, 2.2, TBS 4.1. The day on which a call began decides, by the line's zone: whose period ends at midnight is
served to the end of the call.
"""

from __future__ import annotations

from callcenter.core.call.redirect import divert, redirect
from callcenter.core.caller import Caller, CallerStep
from callcenter.core.commands import Place
from callcenter.core.contract import Standing, standing
from callcenter.core.floor import Floor
from callcenter.core.records import HungUpBy, Outcome
from callcenter.core.settings import WithoutPeriod

NOT_PAID = "not-paid"
"""The prompt that says that there is no paid period, and how to get one."""


def of(floor: Floor, caller: Caller) -> Standing:
    """Return by what the caller is served; nothing, while nobody knows who calls."""
    if _recalled(caller):
        return Standing(level=caller.record.level, contract=caller.record.contract)
    line = floor.line(caller)
    contracts = caller.customer.contracts if caller.customer else ()
    return standing(contracts, line.settings.id, caller.day or line.day)


def _recalled(caller: Caller) -> bool:
    """Whether only the row tells who calls, after a crash: it has the contract, but nothing of periods."""
    return caller.day is None and not (caller.customer and caller.customer.contracts)


def lacking(floor: Floor, caller: Caller) -> WithoutPeriod | None:
    """Return what becomes of a known caller without a paid period; None: the line does not ask, or they have one."""
    line = floor.line(caller)
    unknown = caller.customer is None or (caller.day or line.day) is None or _recalled(caller)
    if unknown or of(floor, caller).paid:
        return None
    return line.settings.without_period


def words(floor: Floor, caller: Caller) -> tuple[str, ...]:
    """Return what a caller who is put into the queue without a paid period is told first."""
    return (NOT_PAID,) if lacking(floor, caller) is WithoutPeriod.QUEUE else ()


def send_away(floor: Floor, caller: Caller) -> bool:
    """Send a caller without a paid period where the line says so; return False for one who may wait."""
    match lacking(floor, caller):
        case WithoutPeriod.GENERAL_LINE:
            divert(floor, caller, NOT_PAID)
        case WithoutPeriod.END:
            floor.move(caller, CallerStep.TURN_AWAY)
            floor.line(caller).queue.leave(caller.call)
            floor.note(caller, outcome=Outcome.NOT_PAID, hung_up_by=HungUpBy.SYSTEM)
            redirect(floor, caller, Place.NOT_PAID, NOT_PAID)
        case _:
            return False
    return True


def urgency(floor: Floor, caller: Caller, chosen: str = "") -> str:
    """Return the caller's class: the chosen one, or the level's if that is more urgent; '': the line's usual one."""
    rules = floor.line(caller).settings
    of_level = rules.class_of_level.get(of(floor, caller).level, "")
    known = [one for one in rules.classes if one in (chosen, of_level)]
    return next(iter(known), "")


def may_keep_place(floor: Floor, caller: Caller) -> bool:
    """Return whether a caller of this level may order to be called back (E-SAUDA 2.2)."""
    levels = floor.line(caller).settings.call_back_levels
    theirs = {of(floor, caller).level.casefold(), caller.customer.role.casefold() if caller.customer else ""}
    return not levels or not theirs.isdisjoint(one.casefold() for one in levels)
