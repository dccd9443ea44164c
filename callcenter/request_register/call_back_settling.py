"""What a call-back means for its request: rows of the history, answers that have reached the customer, or the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from callcenter.core.records import Outcome
from callcenter.request_register.call_back_rows import CALL_BACKS
from callcenter.request_register.errors import UnknownRequest
from callcenter.request_register.filed import Requester
from callcenter.request_register.filing import OUTBOX, Loaded, claim, insert_new, load, store, take_counter
from callcenter.request_register.register import allowed, new_id
from callcenter.request_register.rows import requester_row
from callcenter.request_register.search import NO_WORDS, Words
from callcenter.requests.actions import Action, Delivered, Fill, HandBack, NotDelivered, Submit, TakeBack
from callcenter.requests.call_back import CallBack, CallBackState, Came, Try
from callcenter.requests.change import Decision, counter_year
from callcenter.requests.decide import decide, open_request
from callcenter.requests.lifecycle import REQUEST, Step
from callcenter.requests.remark import remark
from callcenter.requests.request import Fact, Fate, Reply, Request, Way
from callcenter.requests.rules import LineRules
from callcenter.store.tables import Call, table_of

BY = "call-back"
_CALLS = table_of(Call)
_CAME = {
    Outcome.ANSWERED: Came.TALKED,
    Outcome.BUSY: Came.BUSY,
    Outcome.NO_ANSWER: Came.NO_ANSWER,
    Outcome.CANCELLED: Came.NO_ANSWER,
    Outcome.REFUSED: Came.REFUSED,
    Outcome.WRONG_NUMBER: Came.WRONG_NUMBER,
    Outcome.FAILED: Came.FAILED,
}


def came_of(outcome: Outcome) -> Came:
    """Return what came of a try whose number was dialled, by its call's row."""
    return _CAME.get(outcome, Came.LOST)


def talk(seconds: float) -> timedelta:
    """Return how long they talked."""
    return timedelta(seconds=max(0.0, seconds))


def unknown(call_back: str) -> UnknownRequest:
    """Return the error for a call-back that there is none of."""
    return UnknownRequest(f"there is no call-back '{call_back[:64]}'")


def noted(
    request: Request,
    what: str,
    why: str,
    by: str,
    at: datetime,
    rules: LineRules,
    dates: tuple[datetime | None, datetime | None] = (None, None),
) -> Decision:
    """Return the request with a row of its history that tells of its call-back."""
    return allowed(remark(request, Fact.CALL_BACK, what, why, by, at, rules, dates))


def settle(
    connection: Connection,
    row: int,
    before: CallBack,
    after: CallBack,
    by: str,
    at: datetime,
    rules: LineRules,
    moved_why: str = "",
) -> CallBack:
    """Do to the request what follows from a change of its call-back; return that, with what was delivered by it.

    `moved_why`: its convenient time was moved, if it was.
    """
    if after.request is None:
        if after.state is CallBackState.GIVEN_UP and before.state is not CallBackState.GIVEN_UP:
            for_the_head(connection, row, after, at, rules)
        return after
    loaded = claim(connection, after.request)
    for what, why, dates in _said(before, after, moved_why):
        loaded = _stored(connection, loaded, noted(loaded.request, what, why, by, at, rules, dates))
    if after.state is before.state:
        return after
    if after.state is CallBackState.DONE:
        keys = [m.key for m in loaded.request.messages if m.reply.way is Way.TELEPHONE and m.fate is Fate.WAITING]
        for key in keys:
            loaded = _acted(connection, loaded, Delivered(key, by), at, rules)
            connection.execute(update(OUTBOX).where(OUTBOX.c.key == key).values(settled_at=at, sent=True))
        return _with_delivered(after, tuple(keys))
    if before.state is CallBackState.DONE:  # it was a machine, or somebody else
        for key in after.tries[-1].delivered:
            loaded = _acted(connection, loaded, TakeBack(key, _last_came(after), by), at, rules)
            still = any(m.key == key and m.fate is Fate.WAITING for m in loaded.request.messages)
            values = {"settled_at": None if still else at, "sent": False}
            connection.execute(update(OUTBOX).where(OUTBOX.c.key == key).values(values))
        after = _with_delivered(after, ())
    if after.state is CallBackState.GIVEN_UP:
        _to_the_head(connection, loaded, after, at, rules)
    return after


def _to_the_head(connection: Connection, loaded: Loaded, after: CallBack, at: datetime, rules: LineRules) -> None:
    """What could not be told has not arrived, and the head decides what to do instead."""
    for message in loaded.request.messages:
        if message.reply.way is Way.TELEPHONE and message.fate is Fate.WAITING:
            loaded = _acted(connection, loaded, NotDelivered(message.key, after.why, BY), at, rules)
            settled = update(OUTBOX).where(OUTBOX.c.key == message.key)
            connection.execute(settled.values(settled_at=at, sent=False))
    if REQUEST.allows(loaded.request.state, Step.HAND_BACK):
        _acted(connection, loaded, HandBack(BY, after.why), at, rules)


def for_the_head(connection: Connection, row: int, one: CallBack, at: datetime, rules: LineRules) -> None:
    """Make a request of a call-back that has none, because its caller was not reached: the head has to know."""
    call = connection.execute(select(_CALLS).where(_CALLS.c.call == one.call)).mappings().one_or_none()
    who = Requester(number=one.number)
    if call is not None:
        who = Requester(call["name"], call["number"], call["inn"], call["customer"])
    settings = rules.call_backs
    decision = open_request(new_id(), one.line, BY, one.created_at, at, rules)
    beside = requester_row(who) | {"call": one.call, "opened_by": BY, "told": "", "erased_at": None}
    text = ESSENTIALS.format(number=one.number, why=one.why)
    request_row = insert_new(connection, decision, beside, Words.of(None, text, f"{who.name} {who.customer}"))
    connection.execute(update(CALL_BACKS).where(CALL_BACKS.c.id == row).values(request=request_row))
    loaded = Loaded(request_row, decision.request)
    reply = Reply(Way.TELEPHONE, one.number) if Way.TELEPHONE in rules.ways else None
    fill = Fill(
        BY, settings.failed_subject if settings else None, text, settings.failed_urgency if settings else None, reply
    )
    loaded = _acted(connection, loaded, fill, at, rules)
    loaded = _stored(connection, loaded, noted(loaded.request, "given_up", one.why, BY, at, rules))
    if reply is not None:  # otherwise it stays a form, which turns up at the head, too
        counter = take_counter(connection, one.line, counter_year(loaded.request, at, rules))
        _acted(connection, loaded, Submit(BY, counter), at, rules)


ESSENTIALS = "Абоненту {number} обещан обратный звонок, дозвониться не удалось ({why})."
"""What the head reads, in Russian as the line's letters are."""


def _said(
    before: CallBack, after: CallBack, why: str
) -> Iterator[tuple[str, str, tuple[datetime | None, datetime | None]]]:
    """Yield what the request's history says of a change: what, why, and dates."""
    came = {one.number: one.came for one in before.tries}
    for one in after.tries:
        if one.came is not None and one.came is not came.get(one.number):
            yield one.came.value, "", (None, after.next_at)
    if after.window != before.window:
        yield "moved", why, (after.window.since, after.window.until)
    if after.state is not before.state and after.state in (CallBackState.GIVEN_UP, CallBackState.WITHDRAWN):
        yield after.state.value, after.why, (None, None)


def _last_came(one: CallBack) -> str:
    last: Try = one.tries[-1]
    return f"by telephone: {(last.came or Came.LOST).value.replace('_', ' ')}"


def _with_delivered(one: CallBack, keys: tuple[str, ...]) -> CallBack:
    if not one.tries:
        return one
    return replace(one, tries=(*one.tries[:-1], replace(one.tries[-1], delivered=keys)))


def _acted(connection: Connection, loaded: Loaded, action: Action, at: datetime, rules: LineRules) -> Loaded:
    return _stored(connection, loaded, allowed(decide(loaded.request, action, at, rules)))


def _stored(connection: Connection, loaded: Loaded, decision: Decision) -> Loaded:
    store(connection, loaded, decision, {}, NO_WORDS)
    return load(connection, loaded.request.id)
