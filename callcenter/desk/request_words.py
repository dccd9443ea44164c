"""What requests are called for people, and the words in which an operator tells a date (ESTP 5.5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

from babel.dates import format_date

from callcenter.desk.call_back_words import AT_THE_DESK as CALL_BACKS_AT_THE_DESK
from callcenter.desk.call_back_words import CALL_BACK_FACTS
from callcenter.desk.call_back_words import WHYS as CALL_BACK_WHYS
from callcenter.desk.language import LANGUAGES, N_, TEXTS
from callcenter.request_register.signatures import WAITS
from callcenter.requests.lifecycle import State, Step
from callcenter.requests.refusal import Thing
from callcenter.requests.request import Entry, Fact, Fate, Purpose, Way
from callcenter.requests.targets import TargetKind
from callcenter.system.signature_process import Intact, Trust

STATES: Mapping[State, str] = {
    State.DRAFT: N_("form not passed on"),
    State.NEW: N_("new"),
    State.ASSIGNED: N_("assigned"),
    State.IN_WORK: N_("in work"),
    State.PENDING: N_("waits for the customer"),
    State.ANSWERED: N_("answered, not closed"),
    State.CLOSED: N_("is closed"),
    State.REFUSED: N_("left unresolved"),
    State.MERGED: N_("merged into another"),
}
WAYS: Mapping[Way, str] = {
    Way.LETTER: N_("letter"),
    Way.EMAIL: N_("e-mail"),
    Way.TELEPHONE: N_("telephone"),
    Way.CHAT: N_("chat"),
    Way.TELEGRAM: N_("Telegram"),
}
KINDS: Mapping[TargetKind, str] = {
    TargetKind.FORM: N_("form to the head"),
    TargetKind.ASSIGNMENT: N_("assignment"),
    TargetKind.FIRST_ANSWER: N_("first answer"),
    TargetKind.ANSWER: N_("answer"),
    TargetKind.CUSTOMER_REPLY: N_("customer's reply"),
    TargetKind.CLOSING: N_("closing"),
}
PURPOSES: Mapping[Purpose, str] = {
    Purpose.ANSWER: N_("answer"),
    Purpose.INTERIM: N_("interim reply"),
    Purpose.QUESTION: N_("question to the customer"),
    Purpose.ASSIGNMENT: N_("to the department outside"),
}
FATES: Mapping[Fate, str] = {
    Fate.WAITING: N_("under way"),
    Fate.SENT: N_("delivered"),
    Fate.FAILED: N_("not delivered"),
}
STEPS: Mapping[Step, str] = {
    Step.SUBMIT: N_("passed to the head"),
    Step.ASSIGN: N_("assigned"),
    Step.HAND_BACK: N_("given back to the head"),
    Step.START: N_("work has begun"),
    Step.ASK: N_("the customer is asked for more"),
    Step.RESUME: N_("work goes on"),
    Step.INFORM: N_("interim reply"),
    Step.ANSWER: N_("the answer is given"),
    Step.NOT_DELIVERED: N_("the answer was not delivered"),
    Step.CLOSE: N_("is closed"),
    Step.REOPEN: N_("opened again"),
    Step.REFUSE: N_("left unresolved"),
    Step.MERGE: N_("merged into another"),
}
FACTS: Mapping[Fact, str] = {
    Fact.OPENED: N_("opened"),
    Fact.STEP: N_("step"),
    Fact.CHANGED: N_("changed"),
    Fact.SAID: N_("the customer was told"),
    Fact.ATTACHED: N_("file added"),
    Fact.SIGNATURE: N_("signature looked at"),
    Fact.ERASED: N_("personal data erased"),
    Fact.RECEIVED: N_("message received"),
    Fact.QUEUED: N_("message written"),
    Fact.SENT: N_("message delivered"),
    Fact.FAILED: N_("message not delivered"),
    Fact.CALL_BACK: N_("call-back"),
    Fact.ABSORBED: N_("another request was merged into this one"),
    Fact.SPLIT: N_("a part became a request of its own"),
    Fact.TARGET_SET: N_("due"),
    Fact.TARGET_MOVED: N_("due date moved"),
    Fact.TARGET_PROMISED: N_("new date promised"),
    Fact.TARGET_STOPPED: N_("the clock stands still"),
    Fact.TARGET_RUNS: N_("the clock runs again"),
    Fact.TARGET_MET: N_("done"),
    Fact.TARGET_UNMET: N_("open again"),
    Fact.TARGET_NEVER_MET: N_("was not done"),
    Fact.TARGET_DROPPED: N_("not owed any more"),
}
CHANGED: Mapping[str, str] = {
    "subject": N_("subject"),
    "essentials": N_("what is asked"),
    "urgency": N_("urgency"),
    "reply": N_("way of the answer"),
    "assignee": N_("assignee"),
    "requester": N_("who asks"),
    "refusal": N_("reason"),
    "date": N_("date"),
    "customer": N_("customer"),
    "colleague": N_("department outside"),
    "automatic": N_("a machine"),
}
CHANNELS: Mapping[str, str] = {
    "form": N_("form on the public page"),
    "email": N_("incoming e-mail"),
}
"""What has opened a request that came in by itself; anything else is a person."""
THINGS: Mapping[Thing, str] = {
    Thing.SUBJECT: N_("the subject"),
    Thing.ESSENTIALS: N_("what is asked"),
    Thing.WAY: N_("the way of the answer"),
    Thing.ADDRESS: N_("the address or number of the answer"),
    Thing.REASON: N_("the reason"),
    Thing.WHY_MORE: N_("the reason why more is needed"),
    Thing.TEXT: N_("the text"),
    Thing.CAUSES: N_("the causes of the delay"),
    Thing.ASSIGNEE: N_("the assignee"),
    Thing.DEPARTMENT_EMAIL: N_("the department's e-mail address"),
    Thing.DEPARTMENT_TASK: N_("what the department is asked for"),
    Thing.DONE: N_("what has been done so far"),
    Thing.WRONG: N_("what was wrong with it"),
    Thing.REMARK: N_("the remark"),
    Thing.CONVENIENT: N_("the convenient time in words"),
}
"""What the rules find missing, or too long."""
LABELS: Mapping[str, str] = {
    "submit": N_("Pass to the head"),
    "assign": N_("Assign"),
    "hand-back": N_("Give back to the head"),
    "start": N_("Begin to work on it"),
    "ask": N_("Ask the customer for more"),
    "resume": N_("Go on without the reply"),
    "inform": N_("Interim reply"),
    "answer": N_("Answer"),
    "close": N_("Close"),
    "close-without-reply": N_("Close: no reply from the customer"),
    "reopen": N_("Open again"),
    "refuse": N_("Leave unresolved"),
    "urgency": N_("Change the urgency"),
    "reply": N_("Change the way of the answer"),
    "fill": N_("The form"),
    "receive": N_("What the customer said"),
    "merge": N_("Merge into another request"),
    "split": N_("Split a part off"),
}
"""The forms on the page of a request, by the last word of their address."""

OF_FILES: Mapping[str, str] = {
    "files": N_("Files"),
    "files_none": N_("No files."),
    "file_add": N_("Add files"),
    "file_drop": N_("or drop them here"),
    "file_limits": N_("At most {megabytes} MB each:"),
    "file_waits": N_("waits"),
    "file_cancel": N_("Cancel"),
    "file_again": N_("Try again"),
    "file_forget": N_("Put away"),
    "file_too_large": N_("too large"),
    "file_unchecked": N_("not checked for viruses yet"),
    "file_infected": N_("virus:"),
    "file_wrong_type": N_("This type is not taken."),
    "file_not_sent": N_("It was not sent: no connection."),
    "file_added": N_("Added:"),
    "file_sends": N_("is being sent"),
    "kb": N_("KB"),
    "mb": N_("MB"),
}
"""Words for the script that sends files, by key."""

INTACT: Mapping[str, str] = {
    WAITS: N_("not looked at yet"),
    Intact.INTACT: N_("intact: it was signed with the key of this certificate"),
    Intact.BROKEN: N_("not intact: the file is not what was signed"),
    Intact.NO_FILE: N_("it belongs to none of the request's files"),
    Intact.WEAK: N_("made with an outdated method: it proves nothing"),
    Intact.CANNOT: N_("cannot be checked here"),
    Intact.UNREAD: N_("cannot be checked: nothing was read"),
}
"""Whether a signature is intact: the second of three words."""
TRUST: Mapping[Trust, str] = {
    Trust.TRUSTED: N_("trusted and not revoked"),
    Trust.REVOKED: N_("not trusted: the certificate was revoked"),
    Trust.EXPIRED: N_("not trusted: the certificate has expired"),
    Trust.NOT_YET: N_("not trusted: the certificate is not in force yet"),
    Trust.REFUSED: N_("not trusted: its certificates are not in order"),
    Trust.NO_ROOT: N_("unknown: none of the authorities known here has issued it"),
    Trust.NO_LIST: N_("unknown: there is no list of revoked certificates in force"),
    Trust.UNKNOWN: N_("unknown"),
}
"""Whether its certificate is trusted: the third."""

AT_THE_DESK: Mapping[str, str] = {
    **OF_FILES,
    **{f"request_state_{state}": words for state, words in STATES.items()},
    **{f"request_way_{way}": words for way, words in WAYS.items()},
    "request": N_("The request"),
    "requests": N_("Requests of the caller"),
    "requests_none": N_("This caller has asked nothing yet that took longer than a conversation."),
    "request_open": N_("Make a request"),
    "answer_within": N_("Time left for a spoken answer:"),
    "answer_over": N_("The time for a spoken answer is over: make a request."),
    "request_choose_urgency": N_("Choose the urgency: then the words to say are here."),
    "request_tell": N_("I have said it"),
    "request_told": N_("It is noted what was said."),
    "request_was_told": N_("said to the caller"),
    "request_urgency": N_("Urgency"),
    "request_way": N_("Way of the answer"),
    "request_address": N_("Address or number"),
    "request_convenient": N_("Convenient time"),
    "request_convenient_from": N_("from"),
    "request_convenient_until": N_("until"),
    "request_name": N_("Who asks"),
    "request_number": N_("Number"),
    "request_customer": N_("Organisation"),
    "request_submit": N_("Pass to the head"),
    "request_also_open": N_("Also open at:"),
    "request_aside": N_("Put aside"),
    "request_registered": N_("Registered"),
    "request_done": N_("Done with it"),
    "request_page": N_("Page of the request"),
    "request_form_within": N_("pass it on within"),
    "request_form_late": N_("should be with the head by now"),
    "request_form": N_("Form"),
    "request_forms": N_("Forms not passed on"),
    "request_find": N_("Where a request stands, by its number"),
    "request_not_found": N_("There is no such request."),
    "warned": N_("Requests that need you"),
    "warned_near": N_("soon due"),
    "warned_missed": N_("late"),
    "request_not_yours": N_("not yours: you see where it stands"),
    "request_late": N_("late"),
    "request_today": N_("today"),
    **CALL_BACKS_AT_THE_DESK,
}
"""Words for the script of the operators' page, by key."""

WHYS: Mapping[str, str] = {
    "the customer has to answer": N_("the customer has to answer"),
    "the customer has replied": N_("the customer has replied"),
    "solved, nothing else": N_("solved, nothing else"),
    "no objection": N_("no objection"),
    "the assignee has left": N_("the assignee does not work here any more"),
    "promised before": N_("promised before"),
    **CALL_BACK_WHYS,
}
"""Reasons that the rules give themselves."""


def word_of(value: State | Step | Way | Thing) -> str:
    """Return what a word of the rules is called on the pages, to be translated."""
    match value:
        case State():
            return STATES[value]
        case Step():
            return LABELS.get(value.value.replace("_", "-"), STEPS[value])
        case Way():
            return WAYS[value]
        case Thing():
            return THINGS[value]


_TOLD = N_("You will have the answer by {time} on {date}.")
_NO_DATE = N_("No date is set for an answer to this; you will be told as soon as there is one.")


def words_to_say(due: datetime | None, zone: tzinfo, now: datetime) -> dict[str, str]:
    """Return, by language, what the caller is told: until when the answer comes, in the line's time.

    'Ответ будет дан до 18:00 2 декабря, среда.' The year is said when it is another one.
    """
    return {language: _words(language, due, zone, now) for language in LANGUAGES}


def _words(language: str, due: datetime | None, zone: tzinfo, now: datetime) -> str:
    gettext = TEXTS[language].gettext
    if due is None:
        return gettext(_NO_DATE)
    local = due.astimezone(zone)
    day, time = local.date(), f"{local:%H:%M}"
    if time == "00:00":  # nobody takes the beginning of a day for the end of the one before
        day, time = day - timedelta(days=1), "24:00"
    another_year = day.year != now.astimezone(zone).year
    pattern = {
        "ru": "d MMMM y 'года', EEEE" if another_year else "d MMMM, EEEE",
        "en": "EEEE, d MMMM y" if another_year else "EEEE, d MMMM",
    }[language]
    return gettext(_TOLD).format(time=time, date=format_date(day, pattern, locale=language))


def entry_words(entry: Entry) -> Iterator[str]:
    """Return what a row of the history says, in parts to be translated; what people wrote is not among them."""
    if entry.fact is Fact.STEP:
        yield STEPS[Step(entry.what)] if entry.what in set(Step) else entry.what
        return
    yield FACTS[entry.fact]
    if entry.fact is Fact.CALL_BACK and entry.what in CALL_BACK_FACTS:
        yield CALL_BACK_FACTS[entry.what]
    elif entry.fact is Fact.SIGNATURE and entry.what in INTACT:
        yield INTACT[entry.what]
    elif entry.what in set(TargetKind):
        yield KINDS[TargetKind(entry.what)]
    elif entry.what in CHANGED:
        yield CHANGED[entry.what]
    elif entry.fact is not Fact.OPENED:
        yield entry.what
