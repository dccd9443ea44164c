"""The settings of a line's contracts: who needs a paid period, levels, plans (E-SAUDA 1.3, TBS 4.1, 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from callcenter.config.problems import Problem, nearest
from callcenter.config.section import Section
from callcenter.config.values import Id, PlainText
from callcenter.core.settings import WithoutPeriod
from callcenter.requests.contract_rules import ContractRules, Service


class Level(Section):
    """What a level is promised (E-SAUDA 1.3)."""

    queue_class: Id | None = Field(default=None, alias="class")
    """The urgency class of its callers; None: as everybody's."""
    urgencies: tuple[PlainText, ...] = ()
    """The urgencies of requests that are for this level alone."""


class Contracts(Section):
    """By which contract customers are served; levels and plans are named as in the customers' directory."""

    without_period: WithoutPeriod | None = None
    """What becomes of a known caller without a paid period; None: nobody needs one (TBS 4.1)."""
    how_to_get: PlainText = ""
    """How to get one: what operators tell, and what is written when a request is refused because of it."""
    refusal: PlainText | None = None
    """The reason in `requests.refusals` that means it."""
    usual_level: PlainText | None = None
    """Of who has no contract with a level."""
    levels: dict[PlainText, Level] = {}
    plans: Annotated[dict[PlainText, dict[Id, Service]], Field(max_length=20)] = {}
    """By plan: subject -> who does it; what is not named the operator does (TBS 5)."""

    @property
    def rules(self) -> ContractRules:
        """Return them for requests."""
        return ContractRules(
            needs_period=self.without_period is not None,
            refusal=self.refusal or "",
            how_to_get=self.how_to_get,
            usual_level=self.usual_level or "",
            urgencies={name: frozenset(one.urgencies) for name, one in self.levels.items()},
            plans=self.plans,
        )

    @property
    def class_of_level(self) -> Mapping[str, str]:
        """Level -> urgency class."""
        return {name: one.queue_class for name, one in self.levels.items() if one.queue_class is not None}

    def problems(
        self,
        place: tuple[str, ...],
        classes: tuple[str, ...],
        subjects: Mapping[str, str],
        urgencies: Mapping[str, object],
        refusals: tuple[str, ...],
    ) -> Iterator[Problem]:
        """Yield what does not fit the rest of the line."""
        for name, one in self.levels.items():
            if one.queue_class is not None and one.queue_class not in classes:
                text = f"found class {one.queue_class!r}, which is not described; {nearest(one.queue_class, classes)}"
                yield Problem((*place, "levels", name, "class"), text)
            for index, urgency in enumerate(one.urgencies):
                if urgency not in urgencies:
                    text = f"found {urgency!r}, which is not in requests.urgencies; {nearest(urgency, urgencies)}"
                    yield Problem((*place, "levels", name, "urgencies", index), text)
        if self.usual_level is not None and self.usual_level not in self.levels:
            text = f"found {self.usual_level!r}, which is not in levels; {nearest(self.usual_level, self.levels)}"
            yield Problem((*place, "usual_level"), text)
        for plan, services in self.plans.items():
            for subject in services:
                if subject not in subjects:
                    text = f"found {subject!r}, which is not in subjects; {nearest(subject, subjects)}"
                    yield Problem((*place, "plans", plan, subject), text)
        if self.refusal is not None and self.refusal not in refusals:
            text = f"found {self.refusal!r}, which is not in requests.refusals; {nearest(self.refusal, refusals)}"
            yield Problem((*place, "refusal"), text)
        if self.without_period is not None and not self.how_to_get:
            yield Problem((*place, "how_to_get"), "found nothing; how to get a paid period, in words (TBS 4.1)")
