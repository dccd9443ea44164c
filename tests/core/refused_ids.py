"""Ids that are taken for one another, for mypy to refuse: `make check` fails where one of these needs no ignore."""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.events import CallArrived, ChannelHungUp, LogIn
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId, ChannelId, ChannelName, GroupId, LineId, OfferId, PersonId, PhoneName
from callcenter.core.records import CallRecord


def is_refused(
    floor: Floor,
    call: CallId,
    offer: OfferId,
    channel: ChannelId,
    name: ChannelName,
    line: LineId,
    group: GroupId,
    person: PersonId,
    phone: PhoneName,
    row: CallRecord,
    text: str,
) -> None:
    """Never called."""
    ChannelHungUp(call)  # a call is a channel, and so is an offer
    ChannelHungUp(offer)
    ChannelHungUp(name)  # type: ignore[arg-type]
    CallArrived(channel, name, line, "")  # type: ignore[arg-type]
    CallArrived(call, name, group, "")  # type: ignore[arg-type]
    LogIn(phone, True, phone)  # type: ignore[arg-type]
    LogIn(person, True, phone, channel=name)  # type: ignore[arg-type]
    floor.callers[offer]  # type: ignore[index]
    floor.offers[call]  # type: ignore[index]
    floor.operators[phone]  # type: ignore[index]
    floor.note(floor.callers[call], operator=phone)  # type: ignore[arg-type]
    replace(row, operator=call)  # type: ignore[arg-type]
    floor.attempt(person, "something", floor.forget, floor.callers[call])  # type: ignore[arg-type]
    floor.seat(floor.operators[person], text)  # type: ignore[arg-type]
    assert person not in floor.callers  # type: ignore[comparison-overlap]
