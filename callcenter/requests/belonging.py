"""Where a message that comes in belongs: to a request, to none yet, or to none at all. Facts in, a place out.

What makes a message part of a request is that its writer has had a message of ours: it refers to one by an id that only
we can make. A number alone proves nothing, because it can be guessed; it counts together with an address that has
written to the request before. Anything else becomes a request of its own, and a person is told where it may belong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from callcenter.requests.lifecycle import State
from callcenter.requests.number import Number
from callcenter.requests.request import RequestId


class Nature(StrEnum):
    """Who has written a message."""

    WRITTEN = "written"
    AUTOMATIC = "automatic"
    """A machine: an answer of the kind «I am on holiday», a mailing, a notice (RFC 3834)."""
    RETURNED = "returned"
    """A mail server: a letter was not delivered (RFC 3464)."""


class Outcome(StrEnum):
    """What became of a message that came in."""

    NEW = "new"
    """A request of its own."""
    JOINED = "joined"
    """A message of a request, which goes on with it."""
    BESIDE = "beside"
    """A machine's message, filed with a request that stays as it is."""
    RETURNED = "returned"
    """A letter of a request was not delivered."""
    UNRELATED = "unrelated"
    """Word of a letter that is not ours: it stays in the mailbox alone."""


@dataclass(frozen=True)
class Candidate:
    """A request to which a message may belong; of one that was merged, the one into which it was."""

    id: RequestId
    number: Number
    state: State
    changed_at: datetime
    addresses: frozenset[str]
    """Who has written to it or was written to, in small letters."""


@dataclass(frozen=True)
class Facts:
    """What is known of a message and its writer."""

    nature: Nature
    sender: str
    """In small letters; '' if it has none."""
    at: datetime
    answers: Candidate | None = None
    """The request of the message of ours to which it refers by an id that only we can make."""
    named: tuple[Candidate, ...] = ()
    """The requests whose numbers stand in its subject."""
    latest: Candidate | None = None
    """The latest request that the sender has opened within the hour."""
    last_hour: int = 0
    """Messages of the sender within the hour before this one; and acknowledgements that went there."""
    acknowledged: int = 0
    quiet: bool = False
    """Whether it asks for no answer of a machine, as mailing lists do."""
    going: Candidate | None = None
    """Where the sender's last message within `Limits.same_matter` belongs: people write a thought in five messages."""


@dataclass(frozen=True)
class Limits:
    """What a line bears."""

    reopen_within: timedelta
    """A closed request that is written to goes on for so long; after that it is another matter."""
    per_hour: int
    """Messages of one address that become requests of their own; more join the latest of these."""
    acknowledged_per_hour: int
    same_matter: timedelta = timedelta(0)
    """In a conversation, so long after a message the next one of its writer goes on with the same request."""


@dataclass(frozen=True)
class Place:
    """Where a message belongs."""

    outcome: Outcome
    request: Candidate | None = None
    suggested: Number | None = None
    """A request to which it may belong: a person decides."""
    acknowledge: bool = False
    """Whether its writer is told number and date."""


def place(facts: Facts, limits: Limits) -> Place:
    """Return where a message belongs."""
    if facts.nature is Nature.RETURNED:
        return Place(Outcome.RETURNED, facts.answers) if facts.answers else Place(Outcome.UNRELATED)
    ours = facts.answers or next((one for one in facts.named if facts.sender in one.addresses), None)
    if facts.nature is Nature.AUTOMATIC and ours is not None:
        return Place(Outcome.BESIDE, ours)
    if ours is not None and _goes_on(ours, facts.at, limits):
        return Place(Outcome.JOINED, ours)
    going = facts.going if ours is None else None
    if going is not None and going.state is not State.CLOSED and _goes_on(going, facts.at, limits):
        return Place(Outcome.JOINED if facts.nature is Nature.WRITTEN else Outcome.BESIDE, going)
    if facts.last_hour >= limits.per_hour and facts.latest is not None and _goes_on(facts.latest, facts.at, limits):
        return Place(Outcome.JOINED if facts.nature is Nature.WRITTEN else Outcome.BESIDE, facts.latest)
    near = ours or next(iter(facts.named), None)
    told = facts.nature is Nature.WRITTEN and not facts.quiet and facts.acknowledged < limits.acknowledged_per_hour
    return Place(Outcome.NEW, None, near.number if near else None, told and bool(facts.sender))


def _goes_on(request: Candidate, at: datetime, limits: Limits) -> bool:
    """Return whether a message can go on with this request."""
    if request.state is State.CLOSED:
        return at - request.changed_at <= limits.reopen_within
    return request.state not in (State.REFUSED, State.MERGED, State.DRAFT)
