"""Why an action was refused: a reason for programs, and a sentence with values, so that it can be told in any language.

The sentences are English; the desk's catalogue has them in Russian. Each says what was wrong and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callcenter.requests.lifecycle import State, Step
from callcenter.requests.request import Way

Value = str | int | datetime | tuple[str, ...]
"""What a sentence names. States, steps, ways and things are words of ours, to be translated; dates are in the line's
zone; of several, each is a value of its own."""


class Why(StrEnum):
    """The kind of a reason."""

    NOT_NOW = "not_now"
    """The state does not allow it."""
    EMPTY = "empty"
    TOO_LONG = "too_long"
    UNKNOWN = "unknown"
    """An urgency, a way, a reason or a message that there is none of."""
    DATE = "date"
    UNDER_WAY = "under_way"
    """A message has not left yet."""
    UNSOLVED = "unsolved"
    NO_CALL_BACKS = "no_call_backs"
    """Nobody calls back on behalf of this line."""
    LEVEL = "level"
    """This customer may not order a call-back (E-SAUDA 2.2)."""
    WINDOW = "window"
    """The convenient time of a call-back cannot be kept."""
    NUMBER = "number"
    """Its number may not be called."""


class Thing(StrEnum):
    """What can be missing, or too long."""

    SUBJECT = "the subject"
    ESSENTIALS = "what is asked"
    WAY = "the way of the answer"
    ADDRESS = "the address or number of the answer"
    REASON = "the reason"
    WHY_MORE = "the reason why more is needed"
    TEXT = "the text"
    CAUSES = "the causes of the delay"
    ASSIGNEE = "the assignee"
    DEPARTMENT_EMAIL = "the department's e-mail address"
    DEPARTMENT_TASK = "what the department is asked for"
    DONE = "what has been done so far"
    WRONG = "what was wrong with it"
    REMARK = "the remark"
    CONVENIENT = "the convenient time in words"


class Reason(StrEnum):
    """Why an action was refused; one for each sentence."""

    NOT_IN_STATE = "not_in_state"
    MISSING = "missing"
    TOO_LONG = "too_long"
    UNKNOWN_SUBJECT = "unknown_subject"
    UNKNOWN_URGENCY = "unknown_urgency"
    URGENCY_OF_SUBJECT = "urgency_of_subject"
    URGENCY_OF_LEVEL = "urgency_of_level"
    LEFT_TO_USER = "left_to_user"
    UNKNOWN_WAY = "unknown_way"
    UNKNOWN_REFUSAL = "unknown_refusal"
    UNKNOWN_MESSAGE = "unknown_message"
    NO_EMAIL = "no_email"
    NO_TELEPHONE = "no_telephone"
    INTERIM_WAY = "interim_way"
    FORM_PASSED_ON = "form_passed_on"
    URGENCY_TOO_LATE = "urgency_too_late"
    REPLY_TOO_LATE = "reply_too_late"
    CUSTOMER_FIRST = "customer_first"
    NOT_ANSWERED = "not_answered"
    NOTHING_AWAITED = "nothing_awaited"
    NOTHING_TO_SPLIT = "nothing_to_split"
    NO_DATE = "no_date"
    NOT_LATER = "not_later"
    TOO_FAR = "too_far"
    CLOSED_THEN = "closed_then"
    TIME_TO_REPLY = "time_to_reply"
    ANSWER_UNDER_WAY = "answer_under_way"
    QUESTION_UNDER_WAY = "question_under_way"
    NOT_SOLVED = "not_solved"
    NOT_ASKED = "not_asked"
    OTHER_LINE = "other_line"
    ITSELF = "itself"
    OTHER_ENDED = "other_ended"
    # Of call-backs:
    NO_CALL_BACKS = "no_call_backs"
    LEVEL = "level"
    WINDOW_PAST = "window_past"
    WINDOW_HOLIDAY = "window_holiday"
    WINDOW_CLOSED = "window_closed"
    WINDOW_TOO_SHORT = "window_too_short"
    WINDOW_TOO_LONG = "window_too_long"
    WINDOW_TOO_FAR = "window_too_far"
    NUMBER_WRONG = "number_wrong"
    NUMBER_TOO_LONG = "number_too_long"
    NUMBER_EMERGENCY = "number_emergency"
    NUMBER_ABROAD = "number_abroad"
    NUMBER_OUTSIDE = "number_outside"
    UNKNOWN_GROUP = "unknown_group"
    UNKNOWN_WORD = "unknown_word"
    HAS_CALL_BACK = "has_call_back"
    REQUEST_ENDED = "request_ended"
    CALL_BACK_UNDER_WAY = "call_back_under_way"
    CALL_BACK_ENDED = "call_back_ended"
    NOT_TRIED = "not_tried"
    NO_CONVERSATION = "no_conversation"


SENTENCES: Mapping[Reason, tuple[Why, str]] = {
    Reason.NOT_IN_STATE: (
        Why.NOT_NOW,
        "“{step}” is not possible while the state of the request is “{state}”; possible are: {possible}",
    ),
    Reason.MISSING: (Why.EMPTY, "This is missing: {thing}"),
    Reason.TOO_LONG: (Why.TOO_LONG, "This is too long: {thing}, {length} characters; allowed are {longest}"),
    Reason.UNKNOWN_SUBJECT: (Why.UNKNOWN, "“{given}” is no subject of this line; it has: {known}"),
    Reason.UNKNOWN_URGENCY: (Why.UNKNOWN, "“{given}” is no urgency of this line; it has: {known}"),
    Reason.URGENCY_OF_SUBJECT: (
        Why.UNKNOWN,
        "“{given}” is not for requests of this subject; these are: {known}",
    ),
    Reason.URGENCY_OF_LEVEL: (
        Why.UNKNOWN,
        "“{given}” is not promised at this customer's level of service; what is: {known}",
    ),
    Reason.LEFT_TO_USER: (
        Why.EMPTY,
        "By the plan “{plan}” the customer does this without us: tell where the instructions are, or say why it is "
        "registered nevertheless",
    ),
    Reason.UNKNOWN_WAY: (Why.UNKNOWN, "This line does not answer by “{given}”; its ways are: {known}"),
    Reason.UNKNOWN_REFUSAL: (Why.UNKNOWN, "“{given}” is no reason of this line; its reasons are: {known}"),
    Reason.UNKNOWN_MESSAGE: (Why.UNKNOWN, "This request has no such message; it has: {known}"),
    Reason.NO_EMAIL: (Why.UNKNOWN, "“{given}” is not an e-mail address; one looks like name@example.ru"),
    Reason.NO_TELEPHONE: (Why.UNKNOWN, "“{given}” is not a telephone number; it needs at least {fewest} digits"),
    Reason.INTERIM_WAY: (Why.UNKNOWN, "On this line an interim reply leaves by this way alone: {way}"),
    Reason.FORM_PASSED_ON: (
        Why.NOT_NOW,
        "The form has been passed on, and is not filled in any more; the state of the request is “{state}”",
    ),
    Reason.URGENCY_TOO_LATE: (
        Why.NOT_NOW,
        "The urgency is changed after the form and before the answer; the state of the request is “{state}”",
    ),
    Reason.REPLY_TOO_LATE: (
        Why.NOT_NOW,
        "The way of the answer is changed after the form and before the end; the state of the request is “{state}”",
    ),
    Reason.CUSTOMER_FIRST: (
        Why.NOT_NOW,
        "The customer has to answer first; then a department outside can be asked. A person or a group can be now",
    ),
    Reason.NOT_ANSWERED: (Why.NOT_NOW, "Only what is answered is closed; the state of the request is “{state}”"),
    Reason.NOTHING_AWAITED: (
        Why.NOT_NOW,
        "Only what waits for the customer's reply is closed without it; the state of the request is “{state}”",
    ),
    Reason.NOTHING_TO_SPLIT: (
        Why.NOT_NOW,
        "Only what is still to be answered is split; the state of the request is “{state}”",
    ),
    Reason.NO_DATE: (Why.DATE, "No date was promised for the answer, so there is none to put off"),
    Reason.NOT_LATER: (Why.DATE, "{given} is too early: the new date has to be later than {than}"),
    Reason.TOO_FAR: (Why.DATE, "{given} is too far off: the new date has to be before {before}"),
    Reason.CLOSED_THEN: (
        Why.DATE,
        "The line is closed at {given}: name a moment of its working hours; it opens next at {opens}",
    ),
    Reason.TIME_TO_REPLY: (Why.DATE, "The customer has time to reply until {until}; it can be closed after that"),
    Reason.ANSWER_UNDER_WAY: (Why.UNDER_WAY, "The answer has not left yet; it can be closed when it has"),
    Reason.QUESTION_UNDER_WAY: (
        Why.UNDER_WAY,
        "The question to the customer has not left yet; the time to reply begins when it has",
    ),
    Reason.NOT_SOLVED: (
        Why.UNSOLVED,
        "The customer's question is not solved, or there is another one: open the request again instead",
    ),
    Reason.NOT_ASKED: (Why.UNSOLVED, "Ask the customer first whether it is solved, and whether there is anything else"),
    Reason.OTHER_LINE: (Why.UNKNOWN, "Only requests of one line are merged"),
    Reason.ITSELF: (Why.UNKNOWN, "A request is not merged into itself; name another one"),
    Reason.OTHER_ENDED: (
        Why.NOT_NOW,
        "What is asked would not be answered there: the state of the other request is “{state}”; name an open one",
    ),
    Reason.NO_CALL_BACKS: (Why.NO_CALL_BACKS, "Nobody calls back on behalf of this line; it has no outgoing calls"),
    Reason.LEVEL: (Why.LEVEL, "Only some customers may order a call-back on this line; these: {known}"),
    Reason.WINDOW_PAST: (Why.WINDOW, "The convenient time is over since {until}; name a later one"),
    Reason.WINDOW_HOLIDAY: (Why.WINDOW, "The convenient time is on a day off; the line opens next at {opens}"),
    Reason.WINDOW_CLOSED: (Why.WINDOW, "The convenient time is outside the line's hours; it opens next at {opens}"),
    Reason.WINDOW_TOO_SHORT: (
        Why.WINDOW,
        "The convenient time is too short: {minutes} minutes of it at least have to be in the line's hours",
    ),
    Reason.WINDOW_TOO_LONG: (Why.WINDOW, "The convenient time is too long; days allowed are {days}"),
    Reason.WINDOW_TOO_FAR: (Why.WINDOW, "The convenient time is too far off: it has to begin before {before}"),
    Reason.NUMBER_WRONG: (Why.NUMBER, "“{given}” is no whole telephone number; one looks like +7 342 292-19-60"),
    Reason.NUMBER_TOO_LONG: (Why.NUMBER, "“{given}” has too many digits; a telephone number has at most {most}"),
    Reason.NUMBER_EMERGENCY: (
        Why.NUMBER,
        "“{given}” is the number of an emergency service: it is never called; name another one",
    ),
    Reason.NUMBER_ABROAD: (Why.NUMBER, "“{given}” is abroad: the line does not call there; name another number"),
    Reason.NUMBER_OUTSIDE: (Why.NUMBER, "“{given}” is outside the ranges that the line may call; name another number"),
    Reason.UNKNOWN_GROUP: (Why.UNKNOWN, "“{given}” may not call out on behalf of this line; these may: {known}"),
    Reason.UNKNOWN_WORD: (Why.UNKNOWN, "“{given}” cannot be said of a conversation; what can be: {known}"),
    Reason.HAS_CALL_BACK: (Why.NOT_NOW, "The request has a call-back already: move or withdraw that one"),
    Reason.REQUEST_ENDED: (Why.NOT_NOW, "Nobody is called back any more: the state of the request is “{state}”"),
    Reason.CALL_BACK_UNDER_WAY: (Why.NOT_NOW, "The call-back is being made just now: wait until it is over"),
    Reason.CALL_BACK_ENDED: (Why.NOT_NOW, "The call-back has ended already; promise another one"),
    Reason.NOT_TRIED: (Why.NOT_NOW, "Nobody has called yet; it can be said after the first try"),
    Reason.NO_CONVERSATION: (Why.NOT_NOW, "Nobody was talked with in the last try, so there is nothing to say of it"),
}
"""The kind of each reason, and its sentence, without its full stop."""


@dataclass(frozen=True)
class Refused:
    """Nothing changes. `values`: what the sentence of the reason names."""

    reason: Reason
    values: Mapping[str, Value]

    @property
    def why(self) -> Why:
        """The kind of the reason."""
        return SENTENCES[self.reason][0]

    @property
    def text(self) -> str:
        """A sentence in English: what was wrong, and what is allowed."""
        return SENTENCES[self.reason][1].format(**{name: _english(value) for name, value in self.values.items()})


def refused(reason: Reason, **values: Value) -> Refused:
    """Return a refusal with what its sentence names."""
    return Refused(reason, values)


class RefusedError(Exception):
    """Carries a refusal out of the rules."""

    def __init__(self, reason: Reason, **values: Value) -> None:
        self.refused = Refused(reason, values)
        super().__init__(self.refused.text)


def _english(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_english, value)) or "none"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M %Z}"
    return value.value.replace("_", " ") if isinstance(value, State | Step | Way) else str(value)
