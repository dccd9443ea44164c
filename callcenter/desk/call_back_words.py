"""What call-backs are called for people, why one is refused, and the words to say to the caller (ESTP 5.4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from babel.dates import format_date

from callcenter.desk.language import LANGUAGES, N_, TEXTS
from callcenter.requests.call_back import CallBackState, Came, Origin
from callcenter.requests.call_back_wish import Window

CALL_BACK_STATES: Mapping[CallBackState, str] = {
    CallBackState.WAITING: N_("waits for its time"),
    CallBackState.DUE: N_("is to be called now"),
    CallBackState.UNDER_WAY: N_("is being called"),
    CallBackState.DONE: N_("they have talked"),
    CallBackState.GIVEN_UP: N_("not reached"),
    CallBackState.WITHDRAWN: N_("called off"),
}
ORIGINS: Mapping[Origin, str] = {
    Origin.WISH: N_("ordered"),
    Origin.ANSWER: N_("answer by telephone"),
    Origin.KEPT_PLACE: N_("has kept a place in the queue"),
    Origin.OWED: N_("was cut off by a failure"),
}
CAME: Mapping[Came, str] = {
    Came.TALKED: N_("they have talked"),
    Came.VOICEMAIL: N_("a voicemail"),
    Came.BUSY: N_("busy"),
    Came.NO_ANSWER: N_("no answer"),
    Came.REFUSED: N_("the call was declined"),
    Came.WRONG_NUMBER: N_("the wrong number"),
    Came.FAILED: N_("the carrier could not connect it"),
    Came.LOST: N_("nobody knows: a failure"),
    Came.NOT_STARTED: N_("nobody was free to call"),
}
CALL_BACK_FACTS: Mapping[str, str] = {
    "ordered": N_("promised"),
    "moved": N_("another time"),
    "given_up": N_("not reached"),
    "withdrawn": N_("called off"),
    **{came.value: words for came, words in CAME.items()},
}
"""What a row of a request's history says of its call-back."""
WHYS: Mapping[str, str] = {
    "the request has ended": N_("the request has ended"),
    "told in another way": N_("told in another way"),
    "it is the wrong number": N_("it is the wrong number"),
    "its convenient time is over, and nobody could call": N_("its convenient time is over, and nobody could call"),
    "nobody could call in the convenient time": N_("nobody could call in the convenient time"),
    "not reached in the convenient time": N_("not reached in the convenient time"),
    "not reached, as often as the line tries": N_("not reached, as often as the line tries"),
    "the calendar of the line has changed": N_("the calendar of the line has changed"),
}
"""Reasons that the rules give themselves."""
AT_THE_DESK: Mapping[str, str] = {
    "call_back": N_("Call back"),
    "call_back_when": N_("When it suits them"),
    "call_back_since": N_("from"),
    "call_back_until": N_("until"),
    "call_back_order": N_("Promise to call back"),
    "call_back_group": N_("Who calls"),
    "call_back_anybody": N_("whoever is free first"),
    "call_back_promised": N_("A call-back is promised."),
    "call_back_for": N_("Call-back for"),
    "call_back_result": N_("Whom did you have on the telephone?"),
    "call_back_said": N_("noted"),
    "call_back_talked": N_("the customer"),
    "call_back_voicemail": N_("a voicemail"),
    "call_back_wrong_number": N_("the wrong number"),
}
"""Words for the script of the operators' page, by key."""

_ONE_DAY = N_("We will call you back on {date}, between {since} and {until}.")
_DAYS = N_("We will call you back between {since} on {date} and {until} on {last}.")


def words_of_window(window: Window, zone: tzinfo, now: datetime) -> dict[str, str]:
    """Return, by language, what the caller is told: 'Мы перезвоним вам 2 декабря, среда, с 14:00 до 16:00.'"""
    return {language: _words(language, window, zone, now) for language in LANGUAGES}


def _words(language: str, window: Window, zone: tzinfo, now: datetime) -> str:
    since, until = window.since.astimezone(zone), window.until.astimezone(zone)
    gettext = TEXTS[language].gettext
    sentence = gettext(_ONE_DAY if since.date() == until.date() else _DAYS)
    return sentence.format(
        date=_date(since, language, now.astimezone(zone)),
        last=_date(until, language, now.astimezone(zone)),
        since=f"{since:%H:%M}",
        until=f"{until:%H:%M}",
    )


def _date(at: datetime, language: str, now: datetime) -> str:
    another = at.year != now.year
    pattern = {
        "ru": "d MMMM y 'года', EEEE" if another else "d MMMM, EEEE",
        "en": "EEEE, d MMMM y" if another else "EEEE, d MMMM",
    }[language]
    return format_date(at.date(), pattern, locale=language)
