"""Record every conversation (ESTP 2.6) while recordings can be stored; the row says why one was not recorded."""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import FinishRecording, Record, SaveCall, Severity
from callcenter.core.events import RecordingFailed, RecordingFinished, RecordingPossible
from callcenter.core.floor import Floor
from callcenter.core.outgoing_call import OutgoingCall

BEFORE = "the controller was started again since"
"""Why nobody knows any more why a conversation was not recorded."""


def possible(floor: Floor, event: RecordingPossible) -> None:
    """Note whether recordings can be stored. When they can again, record the conversations now unrecorded."""
    why = "" if event.possible else event.why or "recordings cannot be kept"
    if bool(why) != bool(floor.not_recording):
        text = f"Conversations are not recorded: {why}." if why else "Conversations are recorded again."
        floor.notice(text, Severity.WARNING)
    floor.change(floor, not_recording=why)
    resume(floor)


def resume(floor: Floor) -> None:
    """Record the conversations that are not recorded, if recordings can be stored."""
    if floor.not_recording:
        return
    for caller in floor.callers.values():
        if caller.unrecorded and not caller.recorded and caller.state is CallerState.TALKING:
            floor.attempt(caller.call, "the beginning of a recording", _record, floor, caller)


def not_begun(floor: Floor, caller: Caller) -> None:
    """Note what Asterisk tells: no recording was begun for this caller.

    Of a caller who has talked already, only a former controller knew why.
    """
    if caller.talking_since is None and not caller.record.talk:
        floor.change(caller, recorded=False)  # the Record command was lost: repeat it with the next offer
    elif caller.restored:
        floor.change(caller, recorded=False, unrecorded=BEFORE)


def begin(floor: Floor, caller: Caller, *, at_once: bool = True) -> None:
    """Prepare the recording before a phone rings for this caller, so that no word is missed.

    `at_once`: the caller is in the waiting room; otherwise on the way there.
    """
    if caller.recorded:
        return
    if floor.not_recording:
        floor.change(caller, unrecorded=floor.not_recording)
        return
    if not caller.record.talk and caller.talking_since is None:
        floor.change(caller, unrecorded="")  # nobody had answered while recording was not possible: no word is missing
    _record(floor, caller, at_once=at_once)


def _record(floor: Floor, caller: Caller, *, at_once: bool = True) -> None:
    floor.change(caller, recorded=True)
    floor.do(Record(caller.channel_id, caller.record.line, at_once))


def end(floor: Floor, caller: Caller | OutgoingCall) -> None:
    """At the end of a call have its recording made into a file, or say in the row what was not recorded."""
    if caller.unrecorded and caller.record.talk:
        floor.note(caller, recording_problem=f"not recorded from the first word on: {caller.unrecorded}")
    if caller.recorded:
        record = caller.record
        floor.await_recording(record)
        ended_at = floor.now if record.ended_at is None else record.ended_at
        floor.do(FinishRecording(caller.call, record.line, record.talk, ended_at, record.customer_channel))


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
                    recording_problem=_together(record.recording_problem, event.problem),
                )
            )
        )


def failed(floor: Floor, event: RecordingFailed) -> None:
    """Write into the call's row why its recording is missing."""
    record = floor.recording_told(event.call)
    if record:
        floor.do(SaveCall(replace(record, recording_problem=_together(record.recording_problem, event.why))))


def _together(known: str, new: str) -> str:
    return "; ".join(filter(None, (known, new)))
