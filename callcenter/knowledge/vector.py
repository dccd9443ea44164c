"""Lemmas as PostgreSQL's `tsvector` and `tsquery`, written out, so that none of its parsers sees a text.

They split words at '/' and '-' in ways of their own, and know paths, numbers with a sign, and addresses.
"""

from __future__ import annotations

from collections.abc import Sequence

_LAST_POSITION, _MOST_POSITIONS = 16_383, 255
"""Limits of a `tsvector`: the largest position, and the positions of one word."""
LARGEST = 900_000
"""Characters of a `tsvector` in writing. The database refuses more than 1 MiB of it."""


def vector(*parts: tuple[str, str]) -> str:
    """Make a `tsvector` of parts: its weight, A to D, and its lemmas as `words.slots` joined by ' '.

    What does not fit is left out: it is kept where it belongs, and not found.
    """
    places: dict[str, list[str]] = {}
    position = size = 0
    for weight, slots in parts:
        for slot in slots.split():
            position += 1
            place = f"{min(position, _LAST_POSITION)}{weight}"
            for lemma in slot.split("/"):
                known = places.setdefault(lemma, [])
                size += len(place) + 1 + (0 if known else len(lemma.encode()) + 4)
                if len(known) < _MOST_POSITIONS and size < LARGEST and place not in known[-1:]:
                    known.append(place)
    return " ".join(f"{_quoted(lemma)}:{','.join(found)}" for lemma, found in places.items() if found)


def condition(asked: Sequence[Sequence[str]], beginning: str, together: str) -> str:
    """Make a `tsquery` of words, each given by its lemmas; the last may be one that begins with `beginning`.

    `together`: '&', all words; '|', one of them.
    """
    words = [[_quoted(lemma) for lemma in forms] for forms in asked]
    if beginning:
        words[-1].append(f"{_quoted(beginning)}:*")
    return together.join(f"({'|'.join(forms)})" for forms in words)


def _quoted(lemma: str) -> str:
    return "'" + lemma.replace("\\", "\\\\").replace("'", "''") + "'"
