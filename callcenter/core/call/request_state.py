"""A caller hears where a request stands, by its number, without an operator (ESTP 5.5.4, 5.7).

The place in the queue is kept, and nothing here delays an operator: the register is asked outside of the core, and the
dialplan apologises by itself if no answer comes. Who may hear what: docs/security.md, decision 36.
"""

from __future__ import annotations

from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import LookUpRequest, TellRequest
from callcenter.core.events import LookUp, RequestLookedUp, RequestNumberGiven
from callcenter.core.floor import Floor
from callcenter.core.records import Outcome
from callcenter.core.spoken import number_words, until_words

HOUR = 3600.0


def number_given(floor: Floor, event: RequestNumberGiven) -> None:
    """Look the request up, unless this call, or this number in the last hour, has asked too often."""
    caller = floor.caller_of(event.call)
    if caller is None or not _listens(caller):
        return
    line, number = floor.line(caller), caller.record.number
    limits = line.settings.requests_heard
    if limits is None:
        return
    telephone = number if number.startswith("+") else ""  # whatever else stands there is chosen at will
    lately = sum(at > floor.now - HOUR for at in line.requests_asked.get(telephone, ()))
    if caller.requests_asked >= limits.tries or lately >= limits.per_hour:
        floor.do(TellRequest(caller.channel_id, event.attempt, ("request-tries-over",)))
        return
    floor.ask_for_request(line, telephone, floor.now - HOUR)
    floor.change(caller, requests_asked=caller.requests_asked + 1, looked_up=event.attempt)
    record = caller.record
    floor.do(LookUpRequest(caller.call, event.attempt, record.line, event.digits, number, record.inn))


def looked_up(floor: Floor, event: RequestLookedUp) -> None:
    """Tell the caller what was found, if they still wait for it."""
    caller = floor.callers.get(event.call)
    if caller is None or not event.attempt or caller.looked_up != event.attempt or not _listens(caller):
        return
    floor.change(caller, looked_up=0)
    floor.do(TellRequest(caller.channel_id, event.attempt, _words(event)))


def _listens(caller: Caller) -> bool:
    """Whether the caller waits, or hears that the line is closed: places where numbers are keyed in."""
    closed = caller.state is CallerState.LEAVING and caller.record.outcome is Outcome.CLOSED
    return closed or (caller.state is CallerState.WAITING and not caller.legs)


def _words(event: RequestLookedUp) -> tuple[str, ...]:
    if event.result is not LookUp.FOUND:
        return (f"request-{event.result}",)
    words = ("request-number", *number_words(event.running), f"request-{event.standing}")
    if event.late:
        return (*words, "request-late")
    return words if event.due is None else (*words, *until_words(event.due))
