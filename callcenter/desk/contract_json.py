"""By which contract somebody is served, as JSON: for the card of a call and the form of a request."""

from __future__ import annotations

from typing import Any

from callcenter.core.contract import Standing
from callcenter.requests.contract_rules import ContractRules


def contract(by: Standing, rules: ContractRules) -> dict[str, Any]:
    """Return by what a customer is served on a line, and what the operator has to tell (E-SAUDA 1.3, TBS 4.1, 5).

    `services`: who does what, by subject: operator, user or nobody; what is missing the operator does.
    """
    return {
        "paid": by.paid,
        "needed": rules.needs_period,
        "how_to_get": rules.how_to_get,
        "refusal": rules.refusal,
        "level": by.level or rules.usual_level,
        "plan": by.plan,
        "contract": by.contract,
        "paid_to": by.paid_to.isoformat() if by.paid_to else None,
        "services": {subject: one.value for subject, one in rules.plans.get(by.plan, {}).items()},
    }
