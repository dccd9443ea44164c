"""Takes over open requests of another system: all in one transaction, each with a number and targets of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from callcenter.request_register import rows
from callcenter.request_register.deadline import write
from callcenter.request_register.errors import ActionRefused, RequestError
from callcenter.request_register.filing import REQUESTS, insert_new, take_counter
from callcenter.request_register.import_file import Imported
from callcenter.request_register.register import Rules, allowed, new_id, of_line
from callcenter.request_register.search import Words
from callcenter.requests.actions import Action, Fill, Submit
from callcenter.requests.change import Decision, counter_year
from callcenter.requests.decide import decide, open_request
from callcenter.requests.number import Counter
from callcenter.requests.rules import LineRules
from callcenter.store import Register
from callcenter.store.rows import clean


class TakeoverRefused(RequestError):
    """Nothing was taken over. The text has a line for each row that the rules do not allow."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What became of the rows of a file, in their order."""

    numbers: tuple[str, ...]
    """Of the requests that are new."""
    there: tuple[tuple[int, str], ...]
    """Rows that were taken over before, and the numbers of their requests, which stay as they are."""


async def take_over(register: Register, rules: Rules, imported: Sequence[Imported], by: str, at: datetime) -> TakenOver:
    """Register these requests as they were received; one whose number in the other system is known is left alone.

    Their targets count from when they were received: some may be missed already. Raises `TakeoverRefused`,
    `NoRequests` and `RegisterError`; then nothing was taken over.
    """
    made = await asyncio.to_thread(_checked, rules, imported, by, at)
    ours = rules()

    def enter(connection: Connection) -> TakenOver:
        connection.execute(update(REQUESTS).where(REQUESTS.c.id == 0).values(version=0))  # waits for SQLite's lock
        numbers, there = [], []
        for one, fill, words in made:
            if (number := _number_of(connection, one)) is not None:
                there.append((one.row, number))
                continue
            of = of_line(ours, one.line)
            decision = _decision(connection, one, fill, of, by, at)
            beside = {"call": "", "opened_by": clean(by, 64), "told": "", "erased_at": None, "origin": one.origin}
            insert_new(connection, decision, rows.requester_row(one.requester) | beside, words)
            numbers.append(str(decision.request.number))
        return TakenOver(tuple(numbers), tuple(there))

    return await write(register, enter)


def _number_of(connection: Connection, one: Imported) -> str | None:
    """Return the number of the request that was taken over as this one before; None: there is none."""
    theirs = select(REQUESTS).where(REQUESTS.c.line == one.line, REQUESTS.c.origin == one.origin)
    found = connection.execute(theirs).mappings().one_or_none()
    return None if found is None else str(rows.number_of(found))


def _checked(rules: Rules, imported: Sequence[Imported], by: str, at: datetime) -> list[tuple[Imported, Fill, Words]]:
    """Decide all of it without storing, so that all mistakes are told at once."""
    ours, made, mistakes = rules(), [], []
    for one in imported:
        of = of_line(ours, one.line)
        try:
            fill = rows.safe_action(Fill(by, one.subject, one.essentials, one.urgency, one.reply))
            _decision(None, one, fill, of, by, at)
        except ActionRefused as refused:
            mistakes.append(f"line {one.row}: {refused}")
            continue
        who = f"{one.requester.name} {one.requester.customer}"
        made.append((one, fill, Words.of(fill.subject, fill.essentials, who)))
    if mistakes:
        raise TakeoverRefused("\n".join(mistakes[:50]))
    return made


def _decision(
    connection: Connection | None, one: Imported, fill: Fill, rules: LineRules, by: str, at: datetime
) -> Decision:
    """Return all three decisions as one. Without a connection: with a number that is not kept."""
    by = clean(by, 64)
    opened = open_request(new_id(), one.line, by, one.received_at, at, rules)
    filled = _next(opened, fill, rules, at)
    year = counter_year(filled.request, at, rules)
    counter = take_counter(connection, one.line, year) if connection is not None else Counter(one.line, year)
    return _next(filled, Submit(by, counter), rules, at)


def _next(before: Decision, action: Action, rules: LineRules, at: datetime) -> Decision:
    after = allowed(decide(before.request, action, at, rules))
    return Decision(
        after.request, (*before.entries, *after.entries), (*before.send, *after.send), after.counter or before.counter
    )
