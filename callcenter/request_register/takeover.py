"""Takes over open requests of another system: all in one transaction, each with a number and targets of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from callcenter.request_register import rows
from callcenter.request_register.deadline import write
from callcenter.request_register.errors import ActionRefused, RequestError
from callcenter.request_register.filing import insert_new, take_counter
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


async def take_over(register: Register, rules: Rules, imported: Sequence[Imported], by: str, at: datetime) -> list[str]:
    """Register these requests as they were received. Returns their numbers, in the order of the rows.

    Their targets count from when they were received: some may be missed already. Raises `TakeoverRefused`,
    `NoRequests` and `RegisterError`; then nothing was taken over.
    """
    made = await asyncio.to_thread(_checked, rules, imported, by, at)
    ours = rules()

    def enter(connection: Connection) -> list[str]:
        numbers = []
        for one, fill, words in made:
            of = of_line(ours, one.line)
            decision = _decision(connection, one, fill, of, by, at)
            beside = {"call": "", "opened_by": clean(by, 64), "told": "", "erased_at": None}
            insert_new(connection, decision, rows.requester_row(one.requester) | beside, words)
            numbers.append(str(decision.request.number))
        return numbers

    return await write(register, enter)


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
