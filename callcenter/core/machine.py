"""A lifecycle as one table: (state, trigger) -> state. A pair that is not in the table is a mistake of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)


class IllegalTransition(Exception):
    """The core asked a lifecycle for a step that its table does not have: a defect of the core, never of a peer."""


@dataclass(frozen=True)
class Machine(Generic[S, T]):
    """One lifecycle. `start` is the state of a new thing, `table` every step that can be taken."""

    name: str
    start: S
    table: Mapping[tuple[S, T], S]

    def next(self, state: S, trigger: T) -> S:
        """The state after `trigger`; raises `IllegalTransition` when the table has no such step."""
        try:
            return self.table[state, trigger]
        except KeyError:
            allowed = ", ".join(sorted(t.value for s, t in self.table if s is state)) or "nothing"
            raise IllegalTransition(
                f"{self.name}: no '{trigger.value}' in state '{state.value}'; allowed there: {allowed}"
            ) from None

    def allows(self, state: S, trigger: T) -> bool:
        """Whether `trigger` is a step of the table in `state`."""
        return (state, trigger) in self.table

    def way(self, goal: S, state: S | None = None) -> list[T]:
        """The fewest steps from `state` (None: the start) to `goal`; raises `IllegalTransition` if there is no way."""
        ways: dict[S, list[T]] = {self.start if state is None else state: []}
        for here in (queue := list(ways)):
            if here is goal:
                return ways[here]
            for (before, trigger), after in self.table.items():
                if before is here and after not in ways:
                    ways[after] = [*ways[here], trigger]
                    queue.append(after)
        raise IllegalTransition(f"{self.name}: no way from '{queue[0].value}' to '{goal.value}'")

    def diagram(self) -> str:
        """The table as a Mermaid state diagram (ARCHITECTURE.md is generated from it)."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start.value}"]
        labels: dict[tuple[str, str], list[str]] = {}
        for (state, trigger), after in self.table.items():
            labels.setdefault((state.value, after.value), []).append(trigger.value.replace("_", " "))
        lines += [f"    {before} --> {after}: {', '.join(names)}" for (before, after), names in labels.items()]
        return "\n".join(lines)
