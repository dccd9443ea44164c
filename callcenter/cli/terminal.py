"""Tables for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

DASH = "–"
"""Stands for an unknown figure."""


def visible(text: str) -> str:
    """Remove characters that control a terminal or reverse the writing direction: callers choose their own names."""
    if text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)


def words(cells: Iterable[str], widths: Sequence[int]) -> str:
    """Make a line of texts, each cut to its column's width."""
    return _layout(tuple(widths)).format(*map(visible, cells)).rstrip()


@cache
def _layout(widths: tuple[int, ...]) -> str:
    """Return the format of a line.

    Cached, because a day has thousands of lines; cell by cell would take four times as long.
    """
    return " ".join(f"{{:<{width}.{width}}}" for width in widths)


def figures(name: str, cells: Sequence[str], width: int, headings: Sequence[str]) -> str:
    """Make a line that begins with a name; each figure is right-aligned with its heading."""
    return f"{visible(name):<{width}}" + "".join(
        f"  {cell:>{max(len(heading), 5)}}" for cell, heading in zip(cells, headings, strict=True)
    )


def percent(share: float | None, sign: str = "") -> str:
    """Format a share (0 to 1) as per cent; with `sign` "+" a positive number gets its sign."""
    return DASH if share is None else f"{share:{sign}z.0%}"


def seconds(value: float | None) -> str:
    """Format as whole seconds."""
    return DASH if value is None else f"{value:.0f}"
