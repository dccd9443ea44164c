"""Texts with values of a line in them: «Это {name}.[ Пишите нам: {email}.]»

`{name}` stands for a value; what stands in brackets is left out on a line that lacks a value in them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

_VALUE = re.compile(r"\{([^{}\[\]]*)\}")
_OPTION = re.compile(r"\[([^\[\]]*)\]")


def has_values(text: str) -> bool:
    """Return whether a text differs from line to line, or is meant to."""
    return bool(re.search(r"[\[\]{}]", text))


def mistakes(text: str, known: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with a text, as sentences that name the values there are."""
    for name in _VALUE.findall(text):
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"; did you mean {{{near[0]}}}?" if near else ""
            yield f"found {{{name[:40]}}}, which is no value of a line{meant}; there are {', '.join(sorted(known))}"
    if re.search(r"[{}]", _VALUE.sub("", text)):
        yield "found a brace without its other half; a value is written {name}"
    if re.search(r"[\[\]]", _OPTION.sub("", text)):
        yield "found a bracket without its other half, or brackets in brackets; an optional part is written [ … ]"


def fill(text: str, values: Mapping[str, str]) -> str | None:
    """Return the text with these values, without the optional parts that lack one; None if something else lacks one."""
    whole = _OPTION.sub(lambda part: part[1] if _has(part[1], values) else "", text)
    return None if not _has(whole, values) else _VALUE.sub(lambda value: values[value[1]], whole)


def names(text: str) -> set[str]:
    """Return the values that a text names."""
    return set(_VALUE.findall(text))


def _has(text: str, values: Mapping[str, str]) -> bool:
    return names(text) <= values.keys()
