"""What one line asks of its call-backs: configuration, not code (ESTP 5.4.5, E-SAUDA 2.2)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from callcenter.core.ids import GroupId


@dataclass(frozen=True)
class CallBackRules:
    """The rules of one line's call-backs. Pauses between two tries count in the line's working time."""

    allows: Callable[[str], bool]
    """Whether a number is in one of the line's ranges for outgoing calls."""
    groups: tuple[GroupId, ...]
    """Whose people can be asked to call: those who may call out on behalf of the line, the usual ones first."""
    urgency: str
    """The class of the line's queue in which call-backs wait."""
    tries: int = 3
    """How often the customer is dialled in vain before the head gets it."""
    after_busy: timedelta = timedelta(minutes=10)
    """Until the next try after a busy line, or one that the carrier could not connect."""
    after_no_answer: timedelta = timedelta(hours=1)
    """Until the next try after no answer, a refusal, a voicemail, or a try of which nobody knows what came of it."""
    voicemail: timedelta = timedelta(seconds=15)
    """A shorter conversation was one with a machine, unless the operator says otherwise."""
    shortest: timedelta = timedelta(minutes=15)
    """Working time that a convenient time has at least."""
    longest: timedelta = timedelta(days=7)
    """From the beginning of a convenient time to its end."""
    furthest: timedelta = timedelta(days=31)
    """How far off it may begin."""
    usual: timedelta = timedelta(hours=4)
    """Working time of the one that is suggested."""
    levels: frozenset[str] = frozenset()
    """The customers who may order one (E-SAUDA 2.2: VIP), by the directory's role; empty: everybody."""
    failed_subject: str = ""
    """Of the request that the head gets of a call that has none, if the caller was not reached; and its urgency."""
    failed_urgency: str = ""

    def may_order(self, levels: Collection[str]) -> bool:
        """Return whether a customer of these levels (of contract and directory) may order a call-back."""
        theirs = {one.casefold() for one in levels}
        return not self.levels or not theirs.isdisjoint(one.casefold() for one in self.levels)
