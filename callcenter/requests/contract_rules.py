"""By which contract a request is served (E-SAUDA 1.3, TBS 4.1, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Service(StrEnum):
    """Who does a service in a plan (TBS 5)."""

    OPERATOR = "operator"
    USER = "user"
    """The customer, by the instructions; an operator only for a reason that is written down."""
    NOBODY = "nobody"
    """It is not part of the plan."""


@dataclass(frozen=True)
class ContractRules:
    """What a line asks of its customers' contracts."""

    needs_period: bool = False
    """Nothing is promised to who has no paid period (TBS 4.1)."""
    refusal: str = ""
    """The line's reason to leave a request unresolved because of that; '': it has none."""
    how_to_get: str = ""
    """What the customer is told then: how to get a paid period."""
    usual_level: str = ""
    """The level of who has no other one."""
    urgencies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What is promised to a level alone, by level; what is in none is promised to everybody."""
    plans: Mapping[str, Mapping[str, Service]] = field(default_factory=dict)
    """Who does a service, by plan and subject; what is not named the operator does."""

    def promised_to(self, level: str, urgency: str) -> bool:
        """Return whether requests of this level may have the urgency."""
        level = level or self.usual_level
        whose = [name for name, own in self.urgencies.items() if urgency in own]
        return not whose or level in whose

    def service(self, plan: str, subject: str) -> Service:
        """Return who does what a request is about, by the customer's plan."""
        return self.plans.get(plan, {}).get(subject, Service.OPERATOR)
