"""Tables for people at a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

DASH = "–"
"""In the place of a figure that nobody can tell."""


def visible(text: str) -> str:
    """Without characters that steer a terminal or turn the writing around: callers choose their own names."""
    if text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)


def words(cells: Iterable[str], widths: Sequence[int]) -> str:
    """A line of texts, each cut to its width."""
    return _layout(tuple(widths)).format(*map(visible, cells)).rstrip()


@cache
def _layout(widths: tuple[int, ...]) -> str:
    """Looked up, since a day has thousands of lines, and one cell after the other takes four times as long."""
    return " ".join(f"{{:<{width}.{width}}}" for width in widths)


def figures(name: str, cells: Sequence[str], width: int, headings: Sequence[str]) -> str:
    """A line that begins with a name; each figure ends where its heading does."""
    return f"{visible(name):<{width}}" + "".join(
        f"  {cell:>{max(len(heading), 5)}}" for cell, heading in zip(cells, headings, strict=True)
    )


def percent(share: float | None, sign: str = "") -> str:
    """A share of one; `sign` "+" shows that of a difference, too."""
    return DASH if share is None else f"{share:{sign}z.0%}"


def seconds(value: float | None) -> str:
    """Whole seconds."""
    return DASH if value is None else f"{value:.0f}"
