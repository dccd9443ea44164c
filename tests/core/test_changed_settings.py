"""At midnight a line has other settings: who has called before keeps theirs, who calls later has the new ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core import settings as core
from callcenter.core.commands import Announce, Place, SetTimer
from callcenter.core.defect import Defect
from callcenter.core.events import SettingsChanged, TimerKind
from tests.core.story import ASKS_IN_QUEUE, ESTP, Guest, Story, settings

pytestmark = pytest.mark.clause("ESTP 6.2")

OLD = replace(ASKS_IN_QUEUE, ask_inn=False, class_of_digit=None, announce_every=45.0)
NEW = replace(OLD, announce_every=20.0, asks_before_queue=True, ask_inn=True, required_staff=5)


@pytest.fixture
def line() -> Story:
    story = Story(settings(OLD))
    story.opens()
    return story


def midnight(line: Story, new: core.Line = NEW) -> None:
    line.passes(1)
    line.tell(SettingsChanged(ESTP.id, new, line.now))


def announcements(line: Story, guest: Guest) -> int:
    return sum(one.channel == guest.call for one in line.all(Announce))


def next_announcement(line: Story, guest: Guest) -> float:
    """Seconds until the caller is told again where they stand."""
    (at,) = (at for timer, at in line.timers.items() if timer.kind is TimerKind.ANNOUNCE and timer.of == guest.call)
    return at - line.now


def test_a_caller_who_waits_at_midnight_is_told_as_often_as_before(line: Story) -> None:
    before = line.waits()
    midnight(line)
    line.passes(45)
    assert announcements(line, before) == 1
    assert next_announcement(line, before) == pytest.approx(44)


def test_who_calls_after_midnight_is_asked_by_the_new_rules(line: Story) -> None:
    greeted = line.calls()
    midnight(line)
    later = line.calls()
    greeted.hears_greeting()
    later.hears_greeting()
    assert greeted.place is Place.WAITING, "asked in the queue, as when the call began"
    assert later.place is Place.IDENTIFY, "asked before it"


def test_a_conversation_goes_on_over_midnight_and_the_next_caller_is_served(line: Story) -> None:
    line.logs_in("101")
    talking, waiting = line.talks("101"), line.waits()
    midnight(line)
    talking.hangs_up()
    line.passes(line.settings.wrap_up + 1)
    line.phone("101").answers()
    assert line.is_now("101")[1] == "talking"
    assert line.calls_saved[waiting.call].answered_at is not None


def test_the_staff_that_is_required_is_another_at_once(line: Story) -> None:
    line.logs_in("101", "102")
    assert not line.center._floor.lines[ESTP.id].understaffed
    midnight(line)
    assert line.center._floor.lines[ESTP.id].understaffed


def test_after_a_crash_each_caller_has_the_settings_of_the_day_the_call_began(line: Story) -> None:
    before = line.waits()
    line.passes(10)
    midnight(line)
    line.passes(5)
    after = line.calls()
    at = line.now - 5
    line.dies()
    line.starts_again(told=SettingsChanged(ESTP.id, NEW, at))
    floor = line.center._floor
    assert floor.rules(floor.callers[before.call]) == OLD
    assert floor.rules(floor.callers[after.call]) == NEW


def test_two_midnights_at_once_after_a_long_sleep_are_two_changes(line: Story) -> None:
    """The machine slept over both: who called between them has the settings of that time."""
    first, second = line.now + 10, line.now + 20
    newest = replace(NEW, announce_every=10.0)
    line.passes(30)
    line.tell(SettingsChanged(ESTP.id, NEW, first), SettingsChanged(ESTP.id, newest, second))
    state = line.center._floor.lines[ESTP.id]
    assert [state.settings_at(at) for at in (first - 1, first, second - 1, second, line.now)] == [
        *(OLD, NEW, NEW),
        *(newest, newest),
    ]


def test_settings_whose_classes_are_others_are_not_taken_over(line: Story) -> None:
    """The queue's order stands on them; the configuration refuses such a section already."""
    waiting = line.waits()
    midnight(line, replace(NEW, classes=("urgent", "normal", "late")))
    midnight(line, replace(NEW, id="elsewhere"))
    line.tell(SettingsChanged("elsewhere", NEW, line.now))
    line.passes(46)
    assert announcements(line, waiting) == 1


def test_all_or_nothing(line: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it cannot be taken over as a whole, the line goes on with what it had."""
    monkeypatch.setattr("callcenter.core.floor.Floor.notice", lambda *_: 1 / 0)
    with pytest.raises(Defect):
        line.center.handle(SettingsChanged(ESTP.id, NEW, line.now), line.now)
    state = line.center._floor.lines[ESTP.id]
    assert state.settings == OLD
    assert state.former == ()
    assert not line.all(SetTimer)
