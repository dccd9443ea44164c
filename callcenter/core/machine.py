"""A lifecycle as one table: (state, trigger) -> state. A pair that is not in the table is a defect of the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)


class IllegalTransition(Exception):
    """The core asked for a step that the lifecycle's table does not have: a defect of the core, never of a peer."""


@dataclass(frozen=True)
class Machine(Generic[S, T]):
    """One lifecycle. `start` is the initial state, `table` has every possible step."""

    name: str
    start: S
    table: Mapping[tuple[S, T], S]

    def next(self, state: S, trigger: T) -> S:
        """Return the state after `trigger`; raise `IllegalTransition` if the table has no such step."""
        try:
            return self.table[state, trigger]
        except KeyError:
            allowed = ", ".join(sorted(t.value for s, t in self.table if s is state)) or "nothing"
            raise IllegalTransition(
                f"{self.name}: no '{trigger.value}' in state '{state.value}'; allowed there: {allowed}"
            ) from None

    def allows(self, state: S, trigger: T) -> bool:
        """Whether the table has the step `trigger` in `state`."""
        return (state, trigger) in self.table

    def way(self, goal: S, state: S | None = None) -> list[T]:
        """Return the fewest steps from `state` (None: `start`) to `goal`; raise `IllegalTransition` if none exist."""
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
        """Return the table as a Mermaid state diagram (ARCHITECTURE.md is generated from it)."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start.value}"]
        labels: dict[tuple[str, str], list[str]] = {}
        for (state, trigger), after in self.table.items():
            labels.setdefault((state.value, after.value), []).append(trigger.value.replace("_", " "))
        lines += [f"    {before} --> {after}: {', '.join(names)}" for (before, after), names in labels.items()]
        return "\n".join(lines)
