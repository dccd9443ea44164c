"""What a new table of customers would change in the directory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from callcenter.core.events import Customer

Entry = tuple[str, Customer]
SHOWN = 20
"""Examples of each kind."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How many entries are new, others than before, gone, the same; and some of each."""

    added: int
    changed: int
    removed: int
    unchanged: int
    examples: Mapping[str, tuple[Entry, ...]]
    """By 'added', 'changed' (as they would be) and 'removed', in the order of the table."""

    @property
    def nothing(self) -> bool:
        """Whether the directory would stay as it is."""
        return not (self.added or self.changed or self.removed)


def difference(before: Iterable[Entry], after: Iterable[Entry]) -> Difference:
    """Compare two directories, entry by entry: an entry is one number, or one contract or INN without a number."""
    old, new = {_key(entry): entry for entry in before}, {_key(entry): entry for entry in after}
    added = [entry for key, entry in new.items() if key not in old]
    removed = [entry for key, entry in old.items() if key not in new]
    changed = [entry for key, entry in new.items() if key in old and old[key] != entry]
    examples = {"added": added, "changed": changed, "removed": removed}
    return Difference(
        len(added),
        len(changed),
        len(removed),
        len(new) - len(added) - len(changed),
        {kind: tuple(entries[:SHOWN]) for kind, entries in examples.items()},
    )


def _key(entry: Entry) -> tuple[str, ...]:
    number, customer = entry
    if number:
        return (number,)
    contract = next(iter(customer.contracts), None)
    return ("", customer.inn, contract.number if contract else "", contract.login if contract else "")
