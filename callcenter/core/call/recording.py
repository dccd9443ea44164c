"""Record every conversation (ESTP 2.6) while recordings can be stored; the row says why one was not recorded."""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import FinishRecording, Record, SaveCall, Severity
from callcenter.core.events import RecordingFailed, RecordingFinished, RecordingPossible
from callcenter.core.floor import Floor


def possible(floor: Floor, event: RecordingPossible) -> None:
    """Note whether recordings can be stored. When they can again, record the conversations now unrecorded."""
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
    """Prepare the recording before a phone rings for this caller, so that no word is missed."""
    if caller.recorded:
        return
    if floor.not_recording:
        floor.change(caller, unrecorded=floor.not_recording)
        return
    if not caller.record.talk and caller.talking_since is None:
        floor.change(caller, unrecorded="")  # nobody had answered while recording was not possible: no word is missing
    _record(floor, caller)


def _record(floor: Floor, caller: Caller) -> None:
    floor.change(caller, recorded=True)
    floor.do(Record(caller.call, caller.record.line))


def end(floor: Floor, caller: Caller) -> None:
    """At the end of a call have its recording made into a file, or say in the row what was not recorded."""
    if caller.unrecorded and caller.record.talk:
        floor.note(caller, recording_problem=f"not recorded from the first word on: {caller.unrecorded}")
    if caller.recorded:
        floor.await_recording(caller.record)
        ended_at = floor.now if caller.record.ended_at is None else caller.record.ended_at
        floor.do(FinishRecording(caller.call, caller.record.line, caller.record.talk, ended_at))


def finished(floor: Floor, event: RecordingFinished) -> None:
    """Write the finished file's name, length and hash into the call's row."""
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
    """Write into the call's row why its recording is missing."""
    record = floor.recording_told(event.call)
    if record:
        why = f"{record.recording_problem}; {event.why}" if record.recording_problem else event.why
        floor.do(SaveCall(replace(record, recording_problem=why)))
