"""An exception at any line of the core, and a look at the whole floor to see what it left behind."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Any

from callcenter import core
from callcenter.core.floor import Floor
from callcenter.core.undo import Undo

CORE = str(Path(core.__file__).parent)
MACHINERY = frozenset(
    {"begin", "forget", "handle", "finish", "take_back", "back_to", "attempt", "concerned", "__init__"}
)
"""What takes an event back cannot itself be cut short: there is nothing left that could help."""
OF_THE_EVENT = frozenset({"now", "commands", "_undo", "_changed", "settings"})

Place = tuple[str, int]


class Fault(Exception):
    """Nobody's fault but ours."""


@contextmanager
def tracing(at_line: Callable[[Place], None]) -> Iterator[None]:
    """Every line of a rule that is about to run, in order; one that `at_line` raises at does not run."""

    def lines(frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            at_line((frame.f_code.co_filename, frame.f_lineno))
        return lines

    def calls(frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        return lines if code.co_filename.startswith(CORE) and code.co_name not in MACHINERY else None

    before = sys.gettrace()
    sys.settrace(calls)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def fault_at(number: int) -> Iterator[list[Place]]:
    """An exception instead of the line that would run as the `number`-th, and the place of it, if it came so far."""
    hit: list[Place] = []
    seen = 0

    def count(place: Place) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            hit.append(place)
            raise Fault(f"{Path(place[0]).name}:{place[1]}")

    with tracing(count):
        yield hit


def frozen(floor: Floor) -> object:
    """All that the floor remembers, as plain values."""
    return {name: _frozen(value) for name, value in vars(floor).items() if name not in OF_THE_EVENT}


def _frozen(value: Any) -> Any:
    if isinstance(value, Undo | str | int | float | bool | None | Enum | frozenset):
        return None if isinstance(value, Undo) else value
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    if isinstance(value, list | tuple | deque):
        return [_frozen(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _frozen(getattr(value, field.name)) for field in fields(value)}
    return {name: _frozen(each) for name, each in vars(value).items()}
