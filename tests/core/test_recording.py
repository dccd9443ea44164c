"""No room for recordings: calls go on or the line is closed, as configured, and the rows say what is missing."""

from __future__ import annotations

import pytest

from callcenter.core.commands import Notice, Place, Record, Severity
from callcenter.core.events import RecordingFailed, RecordingFinished, RecordingPossible
from callcenter.core.records import Outcome
from tests.core.story import Story, settings

pytestmark = [pytest.mark.clause("ESTP 2.6"), pytest.mark.clause("eLot 2.7"), pytest.mark.clause("TBS 2.4")]

FULL = RecordingPossible(False, "12 MB are free")
ROOM = RecordingPossible(True)


def alarms(story: Story) -> list[str]:
    return [notice.text for notice in story.all(Notice) if notice.severity is Severity.WARNING]


def test_calls_go_on_without_recording_and_the_row_says_so(story: Story) -> None:
    story.logs_in("101")
    story.tell(FULL)
    caller = story.talks("101")
    story.passes(30)
    assert not caller.channel.recorded
    caller.hangs_up()
    assert caller.row.outcome is Outcome.ANSWERED
    assert caller.row.recording_problem == "not recorded from the first word on: 12 MB are free"
    assert caller.recordings == [], "there is nothing to be finished"


def test_the_line_says_loudly_that_it_does_not_record_and_once_that_it_does_again(story: Story) -> None:
    before = len(alarms(story))
    story.tell(FULL, RecordingPossible(False, "11 MB are free"))
    assert story.center.view(story.now).not_recording == "11 MB are free"
    story.tell(ROOM, ROOM)
    assert story.center.view(story.now).not_recording == ""
    assert alarms(story)[before:] == [
        "Conversations are not recorded: 12 MB are free.",
        "Conversations are recorded again.",
    ]


def test_a_recording_that_has_begun_goes_on(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.tell(FULL)
    story.passes(10)
    caller.hangs_up()
    assert [finish.talk for finish in caller.recordings] == [11], "a second of greeting each other included"
    assert caller.row.recording_problem == ""


def test_who_talks_when_there_is_room_again_is_recorded_from_then_on(story: Story) -> None:
    story.logs_in("101")
    story.tell(FULL)
    caller = story.talks("101")
    story.passes(10)
    story.tell(ROOM)
    assert caller.channel.recorded
    story.passes(20)
    caller.hangs_up()
    story.tell(RecordingFinished(caller.call, "estp/1.wav", 20.0, "ab" * 32))
    assert (caller.row.recording, caller.row.recording_seconds) == ("estp/1.wav", 20.0)
    assert caller.row.recording_problem == "not recorded from the first word on: 12 MB are free"


def test_who_talks_unrecorded_when_the_controller_starts_again_is_recorded_from_then_on(story: Story) -> None:
    story.logs_in("101", "102")
    recorded = story.talks("101")
    story.tell(FULL)
    caller = story.talks("102")
    story.passes(10)
    story.dies()
    story.passes(5)
    before = len(story.all(Record))
    story.starts_again()
    assert [record.channel for record in story.all(Record)[before:]] == [caller.call], "nothing is recorded twice"
    assert caller.channel.recorded
    story.passes(20)
    caller.hangs_up()
    recorded.hangs_up()
    assert len(caller.recordings) == len(recorded.recordings) == 1
    assert caller.row.recording_problem.startswith("not recorded from the first word on")
    assert recorded.row.recording_problem == ""


def test_who_talks_unrecorded_when_a_controller_starts_that_has_no_room_either(story: Story) -> None:
    story.logs_in("101")
    story.tell(FULL)
    caller = story.talks("101")
    story.passes(10)
    story.dies()
    story.starts_again(told=FULL)
    assert not story.all(Record)
    story.passes(5)
    story.tell(ROOM)
    assert caller.channel.recorded
    caller.hangs_up()
    assert caller.row.recording_problem.startswith("not recorded from the first word on")


def test_who_only_waited_meanwhile_misses_not_a_word(story: Story) -> None:
    story.logs_in("101")
    story.tell(FULL)
    caller = story.waits()
    story.tell(ROOM)
    story.phone("101").is_not_answered()
    story.logs_in("102")
    story.phone("102").answers()
    story.passes(10)
    caller.hangs_up()
    assert len(caller.recordings) == 1
    assert caller.row.recording_problem == ""


def test_who_gave_up_waiting_has_no_recording_to_miss(story: Story) -> None:
    story.logs_in("101")
    story.tell(FULL)
    caller = story.waits()
    story.passes(5)
    caller.hangs_up()
    assert caller.row.outcome is Outcome.ABANDONED
    assert caller.row.recording_problem == ""


def test_a_line_that_must_record_admits_nobody_new_and_serves_who_waits() -> None:
    story = Story(settings(close_without_recording=True))
    story.opens()
    early = story.waits()
    story.tell(FULL)
    late = story.calls()
    assert late.is_at(Place.FULL)
    late.hangs_up()
    assert late.row.outcome is Outcome.ALL_LINES_BUSY
    assert late.row.recording_problem == "not admitted: 12 MB are free"
    assert story.line.lines_in_use == 1
    story.logs_in("101")
    story.phone("101").answers()
    assert early.talks_with("101")
    story.tell(ROOM)
    assert story.calls().is_at(Place.GREETING)


def test_two_troubles_of_one_recording_stand_side_by_side(story: Story) -> None:
    story.logs_in("101")
    story.tell(FULL)
    caller = story.talks("101")
    story.passes(5)
    story.tell(ROOM)
    caller.hangs_up()
    story.tell(RecordingFailed(caller.call, "Asterisk recorded nothing"))
    assert caller.row.recording_problem == (
        "not recorded from the first word on: 12 MB are free; Asterisk recorded nothing"
    )
