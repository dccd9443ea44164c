"""What a waiting caller hears, and what the information menu does to the place: nothing."""

from __future__ import annotations

import pytest

from callcenter.core.commands import Announce
from callcenter.core.events import AnnouncementSpoken, InfoMenuVisited, Timer, TimerFired, TimerKind
from callcenter.core.records import HungUpBy, Outcome, PromiseResult
from tests.core.story import Story


@pytest.mark.clause("ESTP 5.4.6")
def test_on_joining_the_caller_hears_the_position_and_the_wait(story: Story) -> None:
    story.logs_in("101", "102")
    for person in ("101", "102"):
        story.talks(person)
    first, second = story.waits(), story.waits()
    assert first.heard[-3:] == ["next-in-line", "wait-5", "press-for-info"]
    assert second.heard[-3:] == ["position-2", "wait-7", "press-for-info"]
    (spoken,) = story.announcements(second)
    assert (spoken.number, spoken.ahead, spoken.staff, spoken.spoken_at) == (1, 1, 2, story.now)
    assert (spoken.handling, spoken.patience, spoken.to_serve) == (180.0, 600.0, 1)
    # a caller of two gives up after 600 s, two people finish a call every 90 s: 90 s, then 1/(1/90 + 1/600)
    assert spoken.estimate == pytest.approx(90 + 1 / (1 / 90 + 1 / 600))
    assert (spoken.spoken, spoken.waited, spoken.result) == (7, None, PromiseResult.OPEN)


@pytest.mark.clause("ESTP 5.4.6")
def test_a_free_operator_means_no_announcement_but_a_connection(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    assert caller.heard[-1] == "connecting"
    assert story.announcements(caller) == []


@pytest.mark.clause("ESTP 5.4.6")
def test_the_announcement_comes_again_and_follows_the_queue(story: Story) -> None:
    story.logs_in("101")
    story.talks("101")
    ahead, caller = story.waits(), story.waits()
    story.passes(45)
    assert caller.heard[-3:] == ["thanks-for-waiting", "position-2", "wait-15"]
    ahead.hangs_up()
    story.passes(45)
    assert caller.heard[-3:] == ["thanks-for-waiting", "next-in-line", "wait-7"]
    assert [record.number for record in story.announcements(caller)] == [1, 2, 3]
    assert [record.spoken_at - caller.row.arrived_at for record in story.announcements(caller)] == [0, 45, 90]


@pytest.mark.clause("ESTP 5.4.6")
def test_nobody_on_shift_is_said_instead_of_a_promise(story: Story) -> None:
    caller = story.waits()
    assert caller.heard[-2:] == ["nobody-on-shift", "press-for-info"]
    (spoken,) = story.announcements(caller)
    assert (spoken.staff, spoken.estimate, spoken.prompts) == (0, None, ("nobody-on-shift",))


@pytest.mark.clause("ESTP 5.4.6")
def test_urgent_arrivals_move_the_position_of_the_others(story: Story) -> None:
    story.logs_in("101")
    story.talks("101")
    caller = story.waits()
    assert "next-in-line" in caller.heard
    story.waits("urgent")
    story.passes(45)
    assert caller.heard[-2] == "position-2"


@pytest.mark.clause("ESTP 5.4.6")
def test_the_estimate_learns_from_the_calls_of_the_line(story: Story) -> None:
    story.logs_in("101")
    for _ in range(40):
        caller = story.talks("101")
        story.passes(9)
        story.phone("101").hangs_up()
        caller.hangs_up()
        story.returns("101")
    story.talks("101")
    caller = story.waits()
    # 20 calls assumed of 180 s, 40 seen of 10 s: what contradicts the calls by more than chance hardly counts any more
    assert 10.0 <= story.announcements(caller)[0].handling < 20.0


@pytest.mark.clause("ESTP 5.4.6")
def test_one_whose_operator_is_being_rung_is_left_in_peace(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    before = len(story.commands)
    story.tell(TimerFired(Timer(TimerKind.ANNOUNCE, caller.call)))
    assert not any(isinstance(command, Announce) for command in story.since(before))
    story.phone("101").is_not_answered()
    story.passes(45)
    assert caller.heard[-2:] == ["thanks-for-waiting", "nobody-on-shift"]


@pytest.mark.clause("ESTP 5.4.2")
@pytest.mark.clause("ESTP 5.4.6")
def test_the_information_menu_keeps_the_place(story: Story) -> None:
    curious, behind = story.waits(), story.waits()
    story.passes(5)
    before = len(story.commands)
    curious.opens_info_menu()
    curious.opens_info_menu()
    assert curious.row.info_visits == 2
    assert len(story.since(before)) == 2  # the row, twice: nothing else happens
    story.logs_in("101")
    assert story.phone("101").display.call == curious.call
    assert behind.state == "waiting"


@pytest.mark.clause("ESTP 5.4.6")
def test_a_caller_in_the_information_menu_is_still_connected(story: Story) -> None:
    caller = story.waits()
    caller.opens_info_menu()
    story.logs_in("101")
    story.phone("101").answers()
    assert caller.talks_with("101")


def test_an_announcement_is_registered_once_and_only_when_heard(story: Story) -> None:
    caller = story.waits()
    story.tell(AnnouncementSpoken(caller.call, 1), AnnouncementSpoken(caller.call, 99))
    assert len(story.announcements(caller)) == 1


@pytest.mark.clause("ESTP 5.6.1")
def test_giving_up_in_the_queue_is_an_abandonment_with_its_waiting_time(story: Story) -> None:
    caller = story.waits()
    story.passes(77)
    caller.hangs_up()
    row = caller.row
    assert (row.outcome, row.hung_up_by, row.waiting, row.talk) == (Outcome.ABANDONED, HungUpBy.CALLER, 77, 0)
    assert row.operator == ""
    assert [finish.talk for finish in caller.recordings] == [0], "the empty files of the recorder are removed"
    assert sum(story.line.waiting.values()) == 0
    told = len(caller.heard)
    story.passes(500)
    assert len(caller.heard) == told


def test_information_menu_and_announcements_of_strangers_are_passed_over(story: Story) -> None:
    assert story.handle(InfoMenuVisited("x")) == []
    assert story.handle(AnnouncementSpoken("x", 1)) == []
    assert story.handle(TimerFired(Timer(TimerKind.ANNOUNCE, "x"))) == []


def test_the_longest_wait_is_seen_by_supervisors(story: Story) -> None:
    story.waits()
    story.passes(30)
    story.waits("urgent")
    story.passes(12)
    assert story.line.longest_wait == 42
    assert story.line.waiting == {"urgent": 1, "normal": 1}
    assert story.line.lines_in_use == 2
