"""Every conversation is recorded (ESTP 2.6), as long as there is a place to put it; the row says why one is not."""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import FinishRecording, Record, SaveCall, Severity
from callcenter.core.events import RecordingFailed, RecordingFinished, RecordingPossible
from callcenter.core.floor import Floor


def possible(floor: Floor, event: RecordingPossible) -> None:
    """Recordings can be kept, or cannot. Who talks unrecorded is recorded from the moment that it is possible."""
    why = "" if event.possible else event.why or "recordings cannot be kept"
    if bool(why) != bool(floor.not_recording):
        text = f"Conversations are not recorded: {why}." if why else "Conversations are recorded again."
        floor.notice(text, Severity.WARNING)
    floor.change(floor, not_recording=why)
    if not why:
        for caller in floor.callers.values():
            if caller.unrecorded and caller.state is CallerState.TALKING:
                floor.attempt(caller.call, "the beginning of a recording", _record, floor, caller)


def begin(floor: Floor, caller: Caller) -> None:
    """A phone is about to ring for this caller: recording is prepared before anybody can say a word."""
    if caller.recorded:
        return
    if floor.not_recording:
        floor.change(caller, unrecorded=floor.not_recording)
        return
    if not caller.record.talk and caller.talking_since is None:
        floor.change(caller, unrecorded="")  # nobody had picked up when it was not possible: not a word is missing
    _record(floor, caller)


def _record(floor: Floor, caller: Caller) -> None:
    floor.change(caller, recorded=True)
    floor.do(Record(caller.call, caller.record.line))


def end(floor: Floor, caller: Caller) -> None:
    """The call is over: what was recorded is made into a file, and what was not is said in the row."""
    if caller.unrecorded and caller.record.talk:
        floor.note(caller, recording_problem=f"not recorded from the first word on: {caller.unrecorded}")
    if caller.recorded:
        floor.await_recording(caller.record)
        ended_at = floor.now if caller.record.ended_at is None else caller.record.ended_at
        floor.do(FinishRecording(caller.call, caller.record.line, caller.record.talk, ended_at))


def finished(floor: Floor, event: RecordingFinished) -> None:
    """The file is whole: its name, length and hash go into the call's row."""
    record = floor.recording_told(event.call)
    if record and event.path:
        floor.do(
            SaveCall(
                replace(
                    record,
                    recording=event.path,
                    recording_seconds=event.seconds,
                    recording_sha256=event.sha256,
                )
            )
        )


def failed(floor: Floor, event: RecordingFailed) -> None:
    """There should be a recording and will be none: the row says why."""
    record = floor.recording_told(event.call)
    if record:
        why = f"{record.recording_problem}; {event.why}" if record.recording_problem else event.why
        floor.do(SaveCall(replace(record, recording_problem=why)))
