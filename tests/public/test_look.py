"""What customers open looks like the desk: one set of colours, in two applications that share no files."""

from __future__ import annotations

import re
from pathlib import Path

CALLCENTER = Path(__file__).resolve().parents[2] / "callcenter"


def tokens(path: Path) -> dict[str, str]:
    """The colours that a style sheet defines for all of it."""
    return dict(re.findall(r"^  (--[a-z-]+): (light-dark\(.*\));$", path.read_text("utf-8"), re.MULTILINE))


def test_a_colour_of_both_is_the_same() -> None:
    ours, desk = (
        tokens(CALLCENTER / of / "static" / f"{name}.css") for of, name in (("public", "public"), ("desk", "desk"))
    )
    assert len(ours) >= 8
    assert ours == {name: desk.get(name) for name in ours}
