"""What a customer has agreed with a line's owner: the paid period, the level, the plan (E-SAUDA 1.3, TBS 4.1, 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from callcenter.core.ids import LineId


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract, or one account, as the customers' directory has it."""

    number: str = ""
    login: str = ""
    level: str = ""
    """The service level, in the directory's word: «VIP»."""
    plan: str = ""
    """The plan, in the directory's word: «Расширенный»."""
    paid_from: date | None = None
    paid_to: date | None = None
    """Included. One of the two alone: a period without a beginning, or without an end."""
    line: str = ""
    """The line that it is for; '': all."""

    def holds(self, day: date) -> bool:
        """Return whether the day is not outside the paid period; a contract without one holds on every day."""
        return (self.paid_from is None or self.paid_from <= day) and (self.paid_to is None or day <= self.paid_to)

    def paid(self, day: date) -> bool:
        """Return whether the day is in the paid period; there is none without a date (TBS 4.1)."""
        return (self.paid_from is not None or self.paid_to is not None) and self.holds(day)


@dataclass(frozen=True, slots=True)
class Standing:
    """By what a customer is served on one day. Without any contract everything is empty."""

    paid: bool = False
    level: str = ""
    plan: str = ""
    contract: str = ""
    """Its number, else its login."""
    paid_to: date | None = None
    """The last day of the period; of one that is over, when it was."""


def newest_first(contracts: Iterable[Contract]) -> tuple[Contract, ...]:
    """Return the contracts in the order in which they count: what began last replaces what began before.

    Of those that began on the same day the one that lasts longer counts, then the one that stands first.
    """
    by_end = sorted(contracts, key=lambda one: one.paid_to or date.max, reverse=True)
    return tuple(sorted(by_end, key=lambda one: one.paid_from or date.min, reverse=True))


def standing(contracts: Iterable[Contract], line: LineId, day: date | None) -> Standing:
    """Return by what a customer with these contracts, in the order in which they count, is served on a line.

    A contract in its paid period counts before one without a period. `day`: by the line's zone; None: not known yet,
    then nothing is paid, and nothing is said to be over.
    """
    if day is None:
        return Standing()
    here = [one for one in contracts if one.line in ("", line)]
    holding = [one for one in here if one.holds(day)]
    found = next((one for one in holding if one.paid(day)), next(iter(holding), None))
    if found is not None:
        return Standing(found.paid(day), found.level, found.plan, found.number or found.login, found.paid_to)
    over = max((one.paid_to for one in here if one.paid_to and one.paid_to < day), default=None)
    return Standing(paid_to=over)
