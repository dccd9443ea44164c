"""The lifecycle of a call-back, and its rules: when it is due, what follows a try, when it ends (ESTP 5.4.5).

A call-back that has not ended has a next moment (`next_at`), or waits for what comes of a try. At most one try is due
or under way at a time, and each has a number of its own, under which the customer is dialled at most once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from callcenter.calendar.hours import instant
from callcenter.calendar.working_time import WorkingTime
from callcenter.core.ids import NO_CALL, CallBackId, CallId, GroupId, LineId
from callcenter.core.machine import Machine
from callcenter.requests.call_back_rules import CallBackRules
from callcenter.requests.call_back_wish import Window, checked_number, checked_window, moved_window
from callcenter.requests.change import said
from callcenter.requests.refusal import Reason, Refused, RefusedError, Thing
from callcenter.requests.request import RequestId


class CallBackState(StrEnum):
    """Where a call-back stands."""

    WAITING = "waiting"
    """For its convenient time, or for the next try."""
    DUE = "due"
    """A free person of its groups is to call."""
    UNDER_WAY = "under_way"
    """Somebody's phone rings for it, or the customer's, or they talk."""
    DONE = "done"
    """They have talked."""
    GIVEN_UP = "given_up"
    """The head has it."""
    WITHDRAWN = "withdrawn"


class CallBackStep(StrEnum):
    """What happens to a call-back."""

    FALL_DUE = "fall_due"
    MOVE = "move"
    BEGIN = "begin"
    TALK = "talk"
    TRY_AGAIN = "try_again"
    GIVE_UP = "give_up"
    WITHDRAW = "withdraw"


_S, _T = CallBackState, CallBackStep
ENDED = frozenset({_S.DONE, _S.GIVEN_UP, _S.WITHDRAWN})
TOLD = frozenset({_S.DUE, _S.UNDER_WAY})
"""The telephone core has it."""

CALL_BACK: Machine[CallBackState, CallBackStep] = Machine(
    "promised_call_back",
    _S.WAITING,
    {
        (_S.WAITING, _T.FALL_DUE): _S.DUE,
        (_S.WAITING, _T.MOVE): _S.WAITING,
        (_S.DUE, _T.MOVE): _S.WAITING,
        (_S.DUE, _T.BEGIN): _S.UNDER_WAY,
        **{(state, _T.TALK): _S.DONE for state in (_S.DUE, _S.UNDER_WAY)},
        **{(state, _T.TRY_AGAIN): _S.WAITING for state in (_S.DUE, _S.UNDER_WAY)},
        **{(state, _T.GIVE_UP): _S.GIVEN_UP for state in (_S.WAITING, _S.DUE, _S.UNDER_WAY)},
        **{(state, _T.WITHDRAW): _S.WITHDRAWN for state in (_S.WAITING, _S.DUE)},
        # The operator's word about the last try, which is better than a length: it was a machine, it was the customer.
        **{(state, _T.TALK): _S.DONE for state in (_S.WAITING, _S.GIVEN_UP)},
        (_S.DONE, _T.TRY_AGAIN): _S.WAITING,
        (_S.DONE, _T.GIVE_UP): _S.GIVEN_UP,
    },
)


class Origin(StrEnum):
    """Why somebody is to be called."""

    WISH = "wish"
    """They want it, or somebody who works on their request."""
    ANSWER = "answer"
    """Their request is answered by telephone (ESTP 5.5.2)."""
    KEPT_PLACE = "kept_place"
    """They hung up while they waited, and keep the place."""
    OWED = "owed"
    """A failure cut their call off."""


class Came(StrEnum):
    """What came of a try."""

    TALKED = "talked"
    VOICEMAIL = "voicemail"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"
    FAILED = "failed"
    """The carrier could not connect it."""
    LOST = "lost"
    """Dialled, and nobody knows what came of it: a failure. It counts."""
    NOT_STARTED = "not_started"
    """Nobody was dialled: it does not count."""


WORDS = frozenset({Came.TALKED, Came.VOICEMAIL, Came.WRONG_NUMBER})
"""What an operator can say of a conversation."""


@dataclass(frozen=True)
class Try:
    """One try."""

    number: int
    """1, 2, …: for each, the customer is dialled at most once."""
    due_at: datetime
    place_at: datetime
    """The time that gives its place among the callers."""
    start_by: datetime
    """The end of its convenient time on that day: after it, it is not begun."""
    begun_at: datetime | None = None
    """When somebody's phone rang for it."""
    over_at: datetime | None = None
    came: Came | None = None
    talk: timedelta = timedelta()
    call: CallId = NO_CALL
    word: Came | None = None
    """What the operator said of it."""
    delivered: tuple[str, ...] = ()
    """The keys of the messages that count as delivered by it."""

    @property
    def in_time(self) -> bool:
        """Whether it was begun inside the convenient time."""
        return self.begun_at is not None and self.begun_at <= self.start_by


@dataclass(frozen=True)
class CallBack:
    """A call-back as it is now. Who it is for is said by its request, or by the call it comes from."""

    id: CallBackId
    line: LineId
    origin: Origin
    number: str
    window: Window
    created_at: datetime
    changed_at: datetime
    place_at: datetime | None = None
    """A place that was kept: it counts for every try."""
    groups: tuple[GroupId, ...] = ()
    """Whose people are to call; none: the line's usual ones."""
    urgency: str = ""
    """A class of the line's queue; '': the usual one."""
    request: RequestId | None = None
    """None: of a call that has no request (yet)."""
    call: str = ""
    """The caller's call, of a place that was kept or a call that was cut off."""
    state: CallBackState = CALL_BACK.start
    next_at: datetime | None = None
    """When it is due, or due again. None: it is due now, or has ended."""
    tries: tuple[Try, ...] = ()
    why: str = ""
    """Why it was given up or withdrawn."""
    version: int = 1

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be done."""
        return self.state in ENDED

    @property
    def last(self) -> Try | None:
        """The latest try."""
        return self.tries[-1] if self.tries else None

    @property
    def dialled(self) -> int:
        """How many tries count."""
        return sum(one.came not in (None, Came.NOT_STARTED) for one in self.tries)

    @property
    def started_at(self) -> datetime | None:
        """When somebody first tried to call."""
        return next((one.begun_at for one in self.tries if one.begun_at), None)

    def late(self, at: datetime) -> bool:
        """Whether its convenient time is over, and nobody has tried yet."""
        return not self.ended and at > self.window.until and self.started_at is None


@dataclass(frozen=True)
class FallDue:
    """Its time may have come."""


@dataclass(frozen=True)
class Begin:
    """Somebody's phone rings for it."""

    number: int
    call: CallId
    at: datetime


@dataclass(frozen=True)
class Over:
    """A try is over."""

    number: int
    came: Came
    talk: timedelta = timedelta()
    call: CallId = NO_CALL


@dataclass(frozen=True)
class Say:
    """The operator says whom they had on the telephone in the last try: one of `WORDS`."""

    word: Came


@dataclass(frozen=True)
class Withdraw:
    """Nobody wants it any more."""

    why: str


@dataclass(frozen=True)
class Move:
    """The customer wants another time; perhaps at another number, which was checked."""

    window: Window
    why: str
    number: str = ""


@dataclass(frozen=True)
class FollowCalendar:
    """The line's hours may be others than when it was promised."""


Action = FallDue | Begin | Over | Say | Withdraw | Move | FollowCalendar


def order(
    wished: CallBack, at: datetime, time: WorkingTime, rules: CallBackRules, *, emergency: bool = False
) -> CallBack | Refused:
    """Return a new call-back with number and convenient time checked, waiting for its time; or why there is none."""
    at = instant(at)
    try:
        number = checked_number(wished.number, rules, emergency=emergency)
        window = checked_window(wished.window, at, time, rules)
    except RefusedError as no:
        return no.refused
    return replace(
        wished, number=number, window=window, next_at=time.opening(window.since), created_at=at, changed_at=at
    )


def promise(wished: CallBack, at: datetime, time: WorkingTime, rules: CallBackRules, *, emergency: bool) -> CallBack:
    """Return a call-back that was promised already, or is owed: at once, until the end of the next working day.

    If its number may not be called, it is given up from the beginning: the head gets it.
    """
    at = instant(at)
    window = Window(at, time.end_of_day(at, 1), wished.window.words)
    promised = replace(wished, window=window, next_at=time.opening(at), created_at=at, changed_at=at)
    try:
        return replace(promised, number=checked_number(wished.number, rules, emergency=emergency))
    except RefusedError as no:
        return _given_up(promised, no.refused.text)


def decide(
    call_back: CallBack, action: Action, at: datetime, time: WorkingTime, rules: CallBackRules
) -> CallBack | Refused:
    """Return the call-back after `action`, the same one if nothing changes, or why nothing may change.

    What comes late or twice from the telephone side changes nothing.
    """
    at = max(instant(at), call_back.changed_at)
    try:
        changed = _decided(call_back, action, at, time, rules)
    except RefusedError as no:
        return no.refused
    if changed == call_back:
        return call_back
    return replace(changed, changed_at=at, version=call_back.version + 1)


def _decided(one: CallBack, action: Action, at: datetime, time: WorkingTime, rules: CallBackRules) -> CallBack:
    match action:
        case FallDue():
            return _fall_due(one, at, time)
        case Begin(number, call, began):
            return _begin(one, number, call, began)
        case Over():
            return _over(one, action, at, time, rules)
        case Say(word):
            return _say(one, word, at, time, rules)
        case Withdraw(why):
            return _stepped(one, CallBackStep.WITHDRAW, next_at=None, why=said(why, Thing.REASON))
        case Move():
            return _move(one, action, at, time, rules)
        case FollowCalendar():
            return _follow_calendar(one, at, time)
        case _:
            assert_never(action)


def _stepped(one: CallBack, step: CallBackStep, **changes: object) -> CallBack:
    if not CALL_BACK.allows(one.state, step):
        under_way = one.state is CallBackState.UNDER_WAY
        raise RefusedError(Reason.CALL_BACK_UNDER_WAY if under_way else Reason.CALL_BACK_ENDED)
    return replace(one, state=CALL_BACK.next(one.state, step), **changes)  # type: ignore[arg-type]


def _fall_due(one: CallBack, at: datetime, time: WorkingTime) -> CallBack:
    if one.state is not CallBackState.WAITING or one.next_at is None or at < one.next_at:
        return one
    if one.last is not None and one.last.came is None:  # moved while it was due: first it has to be over
        return one
    due = _next_in(one.window, at, time)
    if due is None:
        return _given_up(one, "its convenient time is over, and nobody could call")
    if due > at:  # the line is closed now
        return replace(one, next_at=due)
    closes = time.hours.span(at.astimezone(time.hours.zone).date())[1]
    begun = Try(len(one.tries) + 1, at, one.place_at or one.next_at, min(one.window.until, closes))
    return _stepped(one, CallBackStep.FALL_DUE, next_at=None, tries=(*one.tries, begun))


def _begin(one: CallBack, number: int, call: CallId, at: datetime) -> CallBack:
    latest = one.last
    if latest is None or latest.number != number or latest.begun_at is not None:
        return one
    begun = replace(one, tries=_with(one, replace(latest, begun_at=instant(at), call=call)))
    return _stepped(begun, CallBackStep.BEGIN) if one.state is CallBackState.DUE else begun


def _over(one: CallBack, over: Over, at: datetime, time: WorkingTime, rules: CallBackRules) -> CallBack:
    tried = next((t for t in one.tries if t.number == over.number), None)
    if tried is None or tried.came is not None:
        return one
    came = over.came
    if came is Came.TALKED and over.talk < rules.voicemail:
        came = Came.VOICEMAIL
    if tried.word is not None and over.came is Came.TALKED:
        came = tried.word
    begun = tried.begun_at or (None if over.came is Came.NOT_STARTED else at)
    tried = replace(tried, came=came, over_at=at, talk=over.talk, call=over.call or tried.call, begun_at=begun)
    heard = replace(one, tries=_with(one, tried))
    if one.state not in TOLD and (one.state is not CallBackState.WAITING or came is not Came.TALKED):
        return heard  # withdrawn or moved meanwhile: it is only written down
    return _after(heard, came, at, time, rules)


def _after(one: CallBack, came: Came, at: datetime, time: WorkingTime, rules: CallBackRules) -> CallBack:
    """What follows a try."""
    if came is Came.TALKED:
        return _stepped(one, CallBackStep.TALK, next_at=None, why="")
    if came is Came.WRONG_NUMBER:
        return _given_up(one, "it is the wrong number")
    if one.dialled >= rules.tries:
        return _given_up(one, "not reached, as often as the line tries")
    due = _next_in(one.window, time.add(at, _pause(came, rules)), time)
    if due is None:
        why = "nobody could call in the convenient time" if not one.dialled else "not reached in the convenient time"
        return _given_up(one, why)
    return _stepped(one, CallBackStep.TRY_AGAIN, next_at=due)


def _pause(came: Came, rules: CallBackRules) -> timedelta:
    if came is Came.NOT_STARTED:
        return timedelta()
    return rules.after_busy if came in (Came.BUSY, Came.FAILED) else rules.after_no_answer


def _say(one: CallBack, word: Came, at: datetime, time: WorkingTime, rules: CallBackRules) -> CallBack:
    tried = one.last
    if word not in WORDS:
        raise RefusedError(Reason.UNKNOWN_WORD, given=word.value, known=tuple(sorted(WORDS)))
    if tried is None or tried.begun_at is None or tried.came is Came.NOT_STARTED:
        raise RefusedError(Reason.NOT_TRIED)
    noted = replace(one, tries=_with(one, replace(tried, word=word)))
    if tried.came is None:  # they still talk
        return noted
    if tried.came is word:
        return noted
    if not tried.talk or one.state is CallBackState.WITHDRAWN:
        raise RefusedError(Reason.NO_CONVERSATION)
    heard = replace(noted, tries=_with(noted, replace(tried, word=word, came=word)))
    if one.state is CallBackState.GIVEN_UP and word is not Came.TALKED:
        return heard
    if word is Came.VOICEMAIL and one.state is not CallBackState.DONE:
        return heard  # the next try stays as it is
    return _after(heard, word, at, time, rules)


def _move(one: CallBack, action: Move, at: datetime, time: WorkingTime, rules: CallBackRules) -> CallBack:
    window = checked_window(action.window, at, time, rules)
    said(action.why, Thing.REASON)
    return _stepped(
        one,
        CallBackStep.MOVE,
        window=window,
        number=action.number or one.number,
        next_at=time.opening(window.since),
        place_at=None,
    )


def _follow_calendar(one: CallBack, at: datetime, time: WorkingTime) -> CallBack:
    if one.state is not CallBackState.WAITING or one.next_at is None or one.next_at <= at:
        return one
    due = _next_in(one.window, max(at, one.next_at), time)
    if due is None and not time.elapsed(max(one.window.since, at), max(one.window.until, at)):
        moved = moved_window(one.window, time)
        return replace(one, window=moved, next_at=time.opening(moved.since))
    return replace(one, next_at=due) if due is not None else one


def _given_up(one: CallBack, why: str) -> CallBack:
    return _stepped(one, CallBackStep.GIVE_UP, next_at=None, why=why)


def _next_in(window: Window, since: datetime, time: WorkingTime) -> datetime | None:
    """Return the first moment in the convenient time, and in the line's hours, from `since` on."""
    due = time.opening(max(since, window.since))
    return due if due < window.until else None


def _with(one: CallBack, tried: Try) -> tuple[Try, ...]:
    return tuple(tried if t.number == tried.number else t for t in one.tries)
