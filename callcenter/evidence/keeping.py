"""Points about what is kept: recordings, the register of calls, what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from callcenter.core.records import Outcome
from callcenter.evidence.finding import Deviation, Finding, Sentence, judged, sentence
from callcenter.evidence.month import Month
from callcenter.recordings.manifest import Action, Entry, Head
from callcenter.web.language import N_


def recordings(calls: Sequence[Any], entries: Mapping[str, Entry], problems: Sequence[str], head: Head) -> Finding:
    """Whether every conversation was recorded, and nothing was changed since.

    `entries`: what the manifest says last of each path. `problems`: what is wrong with the chain itself.
    """
    talked = [row for row in calls if row.talk > 0]
    wrong = [Deviation(sentence("{problem}", problem=problem)) for problem in problems]
    deleted = checked = 0
    for row in talked:
        entry = entries.get(row.recording) if row.recording else None
        what = _problem(row, entry)
        if what is not None:
            wrong.append(Deviation(what, row.ended_at or row.arrived_at, row.call))
        deleted += bool(entry and entry.action is Action.DELETED)
        checked += row.recording_checked_at is not None
    return Finding(
        sentence(N_("Recordings")),
        ("ESTP 2.6", "eLot 2.7", "TBS 2.4"),
        sentence(N_("Every conversation is recorded.")),
        [
            sentence(
                N_("{talked} conversations, {right} with a recording as it was made; {checked} were compared with it."),
                talked=len(talked),
                right=len(talked) - sum(one.of != "" for one in wrong),
                checked=checked,
            ),
            sentence(
                N_("{deleted} recordings were deleted after their time; their length and hash stay in the chain."),
                deleted=deleted,
            ),
            sentence(N_("The chain of the manifest when the month ended: {head}"), head=head),
        ],
        judged(wrong, len(talked)),
        wrong,
        [sentence(N_("The files were not read for this: `callcenter recordings verify` does that."))],
    )


def _problem(row: Any, entry: Entry | None) -> Sentence | None:
    if not row.recording:
        return sentence(N_("has no recording"))
    if entry is None:
        return sentence(N_("{path} is not in the manifest"), path=row.recording)
    if entry.action is not Action.DELETED and entry.sha256 != row.recording_sha256:
        return sentence(N_("the manifest has another hash of {path}"), path=row.recording)
    if row.recording_problem:
        return sentence(N_("its check found: {problem}"), problem=row.recording_problem)
    return None


def register(month: Month, calls: Sequence[Any]) -> Finding:
    """Whether each call has what has to be recorded of it."""
    wrong = []
    for row in calls:
        lacks = _lacking(row)
        wrong += [Deviation(what, row.arrived_at, row.call) for what in lacks]
        if not lacks and row.outcome == Outcome.LOST.value:
            what = sentence(N_("cut off: {cause}"), cause=row.cause_text or "–")
            wrong.append(Deviation(what, row.ended_at, row.call))
    answered = sum(row.answered_at is not None for row in calls)
    return Finding(
        sentence(N_("Register of calls")),
        ("ESTP 5.6.1",),
        sentence(N_("Of each call: date and time of arrival, wait, time of conversation, who took it.")),
        [sentence(N_("{calls} calls, {answered} of them answered."), calls=len(calls), answered=answered)],
        judged(wrong, len(calls)),
        wrong,
    )


def _lacking(row: Any) -> list[Sentence]:
    lacks = [] if row.ended_at else [sentence(N_("the row has no end"))]
    if row.answered_at and not row.operator:
        lacks.append(sentence(N_("the row does not say who took it")))
    if row.answered_at and row.waiting is None and row.joined_at is not None:
        lacks.append(sentence(N_("the row has no wait")))
    return lacks


def questions(month: Month, calls: Sequence[Any], registered: Sequence[Any]) -> Finding:
    """Whether operators have registered what was asked."""
    noted = {row.call for row in registered}
    talked = [row for row in calls if row.talk > 0 and row.answered_at is not None]
    wrong = [
        Deviation(
            sentence(N_("nothing was registered by {operator}"), operator=row.operator), row.answered_at, row.call
        )
        for row in talked
        if row.call not in noted
    ]
    conduct = len({row.call for row in registered if row.conduct})
    return Finding(
        sentence(N_("What was asked")),
        ("ESTP 5.6.2", "ESTP 5.6.3"),
        sentence(N_("The essentials of each question are registered; calls refused for conduct, too.")),
        [
            sentence(
                N_("{talked} conversations, {noted} of them registered; {conduct} refused for conduct."),
                talked=len(talked),
                noted=len(talked) - len(wrong),
                conduct=conduct,
            )
        ],
        judged(wrong, len(talked)),
        wrong,
    )
