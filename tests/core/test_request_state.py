"""A caller keys in a request's number and hears where it stands; the place in the queue is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from callcenter.core.commands import LookUpRequest, TellRequest
from callcenter.core.events import LookUp, RequestLookedUp, RequestNumberGiven, Standing
from callcenter.core.ids import CallId
from callcenter.core.settings import RequestsHeard
from callcenter.core.spoken import number_words, until_words
from tests.core.story import ESTP, INN, Guest, Story, settings

pytestmark = pytest.mark.clause("ESTP 5.5.4, 5.4.6")
MOSCOW = ZoneInfo("Europe/Moscow")
DUE = datetime(2026, 12, 2, 18, 0, tzinfo=MOSCOW)


@pytest.fixture
def story() -> Story:
    line = replace(
        ESTP, asks_before_queue=False, class_of_digit=None, requests_heard=RequestsHeard(tries=3, per_hour=5)
    )
    found = Story(settings(line))
    found.opens()
    return found


def keys_in(story: Story, caller: Guest, attempt: int = 1, digits: str = "2026000123") -> list[LookUpRequest]:
    """The caller types a number. Returns what is looked up."""
    before = len(story.commands)
    story.tell(RequestNumberGiven(caller.call, digits, attempt))
    return [command for command in story.since(before) if isinstance(command, LookUpRequest)]


def found(caller: Guest, attempt: int = 1, **more: object) -> RequestLookedUp:
    return RequestLookedUp(caller.call, attempt, LookUp.FOUND, 123, Standing.IN_WORK, **more)  # type: ignore[arg-type]


def test_the_requester_hears_state_and_date(story: Story) -> None:
    caller = story.waits()
    (wanted,) = keys_in(story, caller)
    assert (wanted.line, wanted.digits, wanted.number, wanted.inn) == ("estp", "2026000123", "+73422000000", INN)
    story.tell(found(caller, due=DUE))
    words = ("request-number", "number-100", "number-23", "request-in-work", "answer-by-2", "month-12", "hour-18")
    assert story.commands[-1] == TellRequest(caller.call, 1, words)


def test_without_a_date_the_state_alone_is_said_and_a_date_that_has_passed_is_no_date(story: Story) -> None:
    caller = story.waits()
    keys_in(story, caller)
    story.tell(found(caller))
    assert caller.heard[-1] == "request-in-work"
    keys_in(story, caller, 2)
    story.tell(found(caller, 2, due=DUE, late=True))
    assert caller.heard[-2:] == ["request-in-work", "request-late"]


@pytest.mark.parametrize("result", [LookUp.UNKNOWN, LookUp.UNAVAILABLE])
def test_what_is_not_found_is_said_and_a_register_that_is_away_is_apologised_for(story: Story, result: LookUp) -> None:
    caller = story.waits()
    keys_in(story, caller)
    story.tell(RequestLookedUp(caller.call, 1, result))
    assert caller.heard[-1] == f"request-{result}"


@pytest.mark.clause("ESTP 2.3")
def test_the_place_is_kept_and_an_operator_is_not_waited_for(story: Story) -> None:
    caller, behind = story.waits(), story.waits()
    keys_in(story, caller)
    story.logs_in("101")
    assert story.phone("101").display.call == caller.call
    story.tell(found(caller))  # while the phone rings: the caller hears it all the same
    assert caller.heard[-1] == "request-in-work"
    assert behind.state == "waiting"


def test_an_answer_that_comes_in_the_conversation_or_after_the_next_number_is_dropped(story: Story) -> None:
    caller = story.waits()
    keys_in(story, caller, 1)
    keys_in(story, caller, 2)
    assert story.handle(found(caller, 1)) == []
    story.logs_in("101")
    story.phone("101").answers()
    assert caller.talks_with("101")
    assert story.handle(found(caller, 2)) == []
    assert keys_in(story, caller, 3) == []


def test_three_numbers_in_a_call_and_five_in_an_hour_from_one_telephone(story: Story) -> None:
    first = story.waits()
    assert [len(keys_in(story, first, attempt)) for attempt in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert story.commands[-1] == TellRequest(first.call, 4, ("request-tries-over",))
    again = story.waits()
    assert [len(keys_in(story, again, attempt)) for attempt in (1, 2, 3)] == [1, 1, 0], "the fourth and fifth"
    assert again.heard[-1] == "request-tries-over"
    other = story.calls(number="+73422999999")
    other.hears_greeting()
    assert keys_in(story, other), "somebody else's number is not used up"
    story.passes(3601)
    later = story.waits()
    assert keys_in(story, later)
    assert len(story.center._floor.lines["estp"].requests_asked) == 1, "what is over is forgotten"


def test_numbers_that_are_withheld_are_counted_together(story: Story) -> None:
    asked = 0
    for withheld in ("", "anonymous", "12", "", "Restricted", "100", ""):
        caller = story.calls(number=withheld)
        caller.hears_greeting()
        asked += len(keys_in(story, caller))
    assert asked == 5


def test_outside_hours_where_the_line_says_so(story: Story) -> None:
    story.closes()
    caller = story.calls()
    assert caller.state == "leaving"
    (wanted,) = keys_in(story, caller)
    assert wanted.number == "+73422000000"
    story.tell(found(caller, due=DUE))
    assert caller.heard[-1] == "hour-18"


def test_a_line_that_does_not_offer_it_looks_nothing_up() -> None:
    story = Story(settings(replace(ESTP, asks_before_queue=False, class_of_digit=None)))
    story.opens()
    assert keys_in(story, story.waits()) == []


def test_strangers_change_nothing(story: Story) -> None:
    assert story.handle(RequestNumberGiven(CallId("x"), "2026000123", 1)) == []
    assert story.handle(RequestLookedUp(CallId("x"), 1, LookUp.UNKNOWN)) == []
    caller = story.waits()
    assert story.handle(RequestLookedUp(caller.call, 0, LookUp.UNKNOWN)) == []
    assert story.handle(RequestLookedUp(caller.call, 1, LookUp.UNKNOWN)) == []


# -- how it is spoken ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "1"),
        (20, "20"),
        (100, "100"),
        (123, "100 23"),
        (1000, "1 0 0 0"),
        (12045, "12 0 45"),
        (300007, "300 0 0 7"),
        (1000500, "1 0 0 0 500"),
    ],
)
def test_a_number_is_dictated_in_groups_of_three(number: int, words: str) -> None:
    assert number_words(number) == tuple(f"number-{word}" for word in words.split())


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-12-02 18:00", "answer-by-2 month-12 hour-18"),
        ("2026-12-02 14:36", "answer-by-2 month-12 hours-14 minutes-40"),
        ("2026-12-02 14:35:01", "answer-by-2 month-12 hours-14 minutes-40"),
        ("2026-12-02 00:05", "answer-by-2 month-12 hours-0 minutes-5"),
        ("2026-12-02 23:56", "answer-by-2 month-12 hour-24"),
        ("2027-01-01 00:00", "answer-by-31 month-12 hour-24"),
    ],
)
def test_a_date_is_never_spoken_earlier_than_it_is(moment: str, words: str) -> None:
    assert until_words(datetime.fromisoformat(moment)) == tuple(words.split())


def test_an_aware_moment_is_spoken_by_its_own_zone() -> None:
    assert until_words(DUE.astimezone(ZoneInfo("Asia/Almaty")))[-1] == "hour-20"
    assert until_words(DUE + timedelta(microseconds=1))[-1] == "minutes-5"
