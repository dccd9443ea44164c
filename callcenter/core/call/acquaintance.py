"""Callers who have called before: they can skip the greeting, and are not asked again who they are (ESTP 2.1)."""

from __future__ import annotations

from callcenter.core.caller import Caller
from callcenter.core.floor import Floor
from callcenter.core.records import Identification
from callcenter.core.warm_start import TELLING, Acquaintance


def of(floor: Floor, caller: Caller) -> Acquaintance | None:
    """Return what former calls from the caller's number told; None: none is known, or the number is withheld."""
    return floor.line(caller).acquaintances.get(caller.record.number)


def recall(floor: Floor, caller: Caller) -> None:
    """Enter who the caller is by a former call, unless the directory knows the number.

    A former caller of another role may be somebody else of the same office now: they are asked, not sent away.
    """
    known, required = of(floor, caller), floor.rules(caller).customer_role
    if known is None or caller.customer or not known.inn or _needs_contract(floor, caller):
        return
    if known.customer and required in ("", known.role):
        how = Identification.BY_FORMER_CALL
        floor.note(caller, identification=how, inn=known.inn, customer=known.customer, role=known.role)
    elif not known.customer:
        floor.note(caller, identification=Identification.INN_ONLY, inn=known.inn)


def is_asked(floor: Floor, caller: Caller) -> bool:
    """Whether the caller is asked for the INN: not if the number told it once, or an operator found out."""
    if not floor.rules(caller).ask_inn or caller.customer or caller.record.inn:
        return False
    known = of(floor, caller)
    return known is None or _needs_contract(floor, caller) or known.identification is not Identification.BY_OPERATOR


def _needs_contract(floor: Floor, caller: Caller) -> bool:
    """Whether the line serves by contracts: a former call does not tell what the directory says of them today."""
    rules = floor.line(caller).settings
    return bool(rules.without_period or rules.class_of_level or rules.call_back_levels)


def remember(floor: Floor, caller: Caller) -> None:
    """Remember a caller who has heard the greeting and now leaves."""
    record = caller.record
    if record.joined_at is None or not tells_who(record.number):
        return
    if record.identification in TELLING:
        new = Acquaintance(record.number, record.identification, record.inn, record.customer, record.role)
    else:
        new = of(floor, caller) or Acquaintance(record.number)
    floor.acquaint(floor.line(caller), new)


def tells_who(number: str) -> bool:
    """Whether the number identifies a caller. A withheld number comes as '' or as a word."""
    return any(character.isdecimal() for character in number)
