"""The current state of one line: who waits, how many lines are in use, what the line has learnt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from callcenter.core.call_back import CallBack
from callcenter.core.ids import CallId
from callcenter.core.queue.estimate import Estimate, wait
from callcenter.core.queue.ledger import Ledger
from callcenter.core.queue.queue import Queue
from callcenter.core.queue.statistics import ArrivalRate, Ewma, Patience, Waits
from callcenter.core.records import CallRecord, LineOrderRecord
from callcenter.core.settings import Line
from callcenter.core.undo import Undo
from callcenter.core.warm_start import Acquaintance

ARRIVALS_OVER = 1800.0
"""Seconds over which the arrivals of a class are counted."""


class LineState:
    """State of one line. Its parts note their changes in `undo`; only the floor sets the attributes."""

    def __init__(self, settings: Line, undo: Undo) -> None:
        self.settings = settings
        self.former: tuple[tuple[float, Line], ...] = ()
        """The settings of before, each with the time until when it held; the latest at the end."""
        self.open = False
        self.hours_open = False
        """Whether it is open by its hours."""
        self.order: LineOrderRecord | None = None
        """A supervisor's order that it be open, or closed, instead."""
        self.day: date | None = None
        """The date in the line's zone; None: nobody has told it yet."""
        self.lines_in_use = 0
        self.queue = Queue(settings.classes, settings.overtaking_limit, undo)
        self.chats = Queue(settings.classes, settings.overtaking_limit, undo)
        """Chats that nobody answers yet: a queue of their own, so that they take no place among the callers."""
        self.joined = 0
        """Callers who joined the queue since the day began."""
        self.arrivals = {name: ArrivalRate(ARRIVALS_OVER, undo) for name in settings.classes}
        self.waits = Waits(settings.answer_within, undo)
        memory = settings.remembered_calls
        self.handling = Ewma(settings.expected_handling, settings.expected_calls, memory, undo)
        """Handling time, from placing the offer to the end of wrap-up: all the time that a call takes an operator."""
        self.answering = Ewma(0.0, 0, memory, undo)
        """Seconds from placing an offer to the connection with the caller."""
        self.patience = Patience(settings.expected_patience, memory, undo)
        self.ledger = Ledger(settings.promises, settings.classes, undo)
        self.distrusted: frozenset[tuple[str, bool]] = frozenset()
        """The classes, on joining or later, of which the log last said that no times are announced to them."""
        self.understaffed = False
        self.cut_off: Mapping[str, tuple[CallRecord, ...]] = {}
        """Callers cut off by a failure, by number: their place is kept for a while."""
        self.call_backs: dict[CallId, CallBack] = {}
        """The call-backs that stand in this queue, by their name there."""
        self.spare = 0.0
        """How many call-backs in a hurry may pass the callers now: it grows by the share of each caller served."""
        self.acquaintances: dict[str, Acquaintance] = {}
        """Who has called before, by number; those who called last at the end."""
        self.requests_asked: dict[str, tuple[float, ...]] = {}
        """When registration numbers were keyed in during the last hour, by calling number; the latest at the end."""

    def settings_at(self, at: float) -> Line:
        """Return the settings that held at a time."""
        return next((settings for until, settings in self.former if at < until), self.settings)

    def wait(self, to_serve: float, staff: int) -> Estimate | None:
        """Estimate the wait until connection of a caller after `to_serve` others; None: nobody is on duty."""
        handling = self.handling
        reached = wait(to_serve, staff, handling.mean, self.patience.mean, handling.irregularity)
        return Estimate(reached.mean + self.answering.mean, reached.variance) if reached else None
