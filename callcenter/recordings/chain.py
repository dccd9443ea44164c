"""Reads the manifest as evidence: every entry, and every sign that it was changed or damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from callcenter.recordings.manifest import Action, Entry, Head, Manifest


class Chain:
    """One reading of the manifest, from the first line to the last."""

    def __init__(self, manifest: Manifest, expected: Head | None = None) -> None:
        """Prepare to read. `expected`: a head that somebody noted earlier."""
        self._manifest = manifest
        self._noted = [head for head in (expected, manifest.kept_head()) if head]
        self._kept = manifest.kept_head() is not None
        self.head = Head()
        self.problems: list[str] = []

    def entries(self) -> Iterator[Entry]:
        """Yield every readable entry. `problems` and `head` are complete when all entries have been taken."""
        torn: bytes | None = None
        hashes = {0: Head().hash}
        wanted = {head.number for head in self._noted}
        for place, line in enumerate(self._manifest.lines(), 1):
            try:
                entry = Entry.parse(line)
            except ValueError:
                if torn is not None:
                    self._tell(f"line {place - 1} cannot be read, and no crash explains it")
                torn = line.removesuffix(b"\n")
                continue
            self._look_at_torn(entry, torn, place)
            torn = None
            self._look_at(entry)
            if entry.number in wanted:
                hashes[entry.number] = entry.hash
            yield entry
        if torn is not None:
            self._tell("the last line is torn; the next entry will say so if it was a crash")
        self._compare(hashes)

    def _look_at(self, entry: Entry) -> None:
        before, self.head = self.head, Head(entry.number, entry.hash)
        what = f"{entry.action} {entry.path or entry.call}".rstrip()
        if entry.hash != entry.digest():
            self._tell(f"entry {entry.number} ({what}) was changed after it was written")
        elif entry.number > before.number + 1:
            self._tell(f"before entry {entry.number} ({what}) {_missing(before.number + 1, entry.number - 1)}")
        elif entry.number != before.number + 1 or entry.previous != before.hash:
            self._tell(
                f"entry {entry.number} ({what}) does not follow the one before it: "
                "one of the two was changed, or put there later"
            )
        elif entry.action is Action.MISSING:
            self._tell(f"{entry.why}: its end had been cut off before {entry.at}")

    def _look_at_torn(self, entry: Entry, torn: bytes | None, place: int) -> None:
        explained = entry.action is Action.REPAIRED
        if torn is not None and not (explained and entry.sha256 == hashlib.sha256(torn).hexdigest()):
            self._tell(f"line {place - 1} cannot be read, and no crash explains it")
        elif torn is None and explained:
            self._tell(f"entry {entry.number} speaks of a torn line before it, which is gone")

    def _compare(self, hashes: dict[int, str]) -> None:
        """Compare with the heads that are known from elsewhere."""
        for noted in self._noted:
            if noted.number > self.head.number:
                self._tell(f"its end was cut off: {_missing(self.head.number + 1, noted.number)}")
            elif hashes.get(noted.number) != noted.hash:
                self._tell(f"entry {noted.number} is not the one that was noted elsewhere: it was written anew")
        if not self._kept and self.head.number:
            self._tell("the second copy of its head is gone, so nobody can tell whether its end was cut off")

    def _tell(self, problem: str) -> None:
        self.problems.append(f"manifest: {problem}")


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"the entries {first} to {last} are missing"
