"""Points about calls: hours, lines, order, waits, announcements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from callcenter.core.records import REGISTERED, Outcome
from callcenter.evidence.finding import Deviation, Finding, Sentence, Verdict, clock, judged, sentence, share
from callcenter.evidence.month import Month
from callcenter.evidence.order import Inversion, inversions
from callcenter.web.language import N_

_AT_THE_EDGE = timedelta(seconds=2)
"""A call at the very moment of opening or closing may hear either."""
UNHEARD = 60.0
"""Seconds in the queue after which a caller must have heard an announcement."""

NOT_BROUGHT = sentence(N_("Calls that the carrier did not bring to the line leave no row."))


def hours(month: Month, calls: Sequence[Any], orders: Sequence[Any]) -> Finding:
    """Whether the line served callers in its published hours. `orders`: by which supervisors closed or opened it."""
    spans = list(month.open_spans())
    closed = [row for row in calls if row.outcome == Outcome.CLOSED.value]
    wrong = [
        Deviation(_closed(row, orders), row.arrived_at, row.call)
        for row in closed
        if any(opens + _AT_THE_EDGE <= row.arrived_at < closes - _AT_THE_EDGE for opens, closes in spans)
    ]
    during = sum(any(opens <= row.arrived_at < closes for opens, closes in spans) for row in calls)
    total = sum((closes - opens for opens, closes in spans), timedelta())
    return Finding(
        sentence(N_("Hours")),
        ("ESTP 2.2a", "ESTP 2.2c", "eLot 2.2a", "E-SAUDA 1.5", "TBS 2.5"),
        sentence(
            N_("Open on {days} days, {hours} hours in all; outside of them callers hear when the line is open."),
            days=len(spans),
            hours=f"{total.total_seconds() / 3600:g}",
        ),
        [
            sentence(
                N_("{calls} calls, {during} of them during the hours; {closed} were told that the line is closed."),
                calls=len(calls),
                during=during,
                closed=len(closed),
            )
        ],
        judged(wrong, len(calls)),
        wrong,
        [NOT_BROUGHT],
    )


def _closed(row: Any, orders: Sequence[Any]) -> Sentence:
    """Say that a caller was told so, and by whose order: the one that held then."""
    for one in orders:
        ended = min(one.until, one.ended_at or one.until)
        if not one.open and one.at <= row.arrived_at < ended:
            text = N_("was told that the line is closed, by order of {by}: {why}")
            return sentence(text, by=one.by, why=one.reason)
    return sentence(N_("was told that the line is closed"))


def lines(month: Month, calls: Sequence[Any]) -> Finding:
    """Whether there were as many lines as required."""
    refused = [row for row in calls if row.outcome == Outcome.ALL_LINES_BUSY.value]
    moments: list[tuple[datetime, int, str]] = []
    for row in calls:
        if row.outcome != Outcome.ALL_LINES_BUSY.value:
            moments += [(row.arrived_at, 1, row.call), (row.ended_at or month.ends, -1, row.call)]
    moments += [(row.arrived_at, 0, row.call) for row in refused]
    peak, peak_at, now, in_use = 0, month.begins, 0, dict[str, int]()
    for at, step, call in sorted(moments, key=lambda moment: (moment[0], moment[1])):
        now += step
        in_use[call] = now
        if now > peak:
            peak, peak_at = now, at
    wrong = [
        Deviation(
            sentence(N_("heard that all lines are taken, while {used} of {lines} were"), used=used, lines=capacity),
            row.arrived_at,
            row.call,
        )
        for row in refused
        if (used := in_use[row.call]) < (capacity := month.settings(row.arrived_at).capacity)
    ]
    found = [
        sentence(N_("{refused} callers heard that all lines are taken."), refused=len(refused)),
    ]
    if peak:
        found.insert(
            0,
            sentence(
                N_("At most {peak} callers were on the line at once ({at})."),
                peak=peak,
                at=f"{peak_at.astimezone(month.zone):%Y-%m-%d %H:%M:%S}",
            ),
        )
    return Finding(
        sentence(N_("Lines")),
        ("ESTP 2.2b", "eLot 2.2a"),
        sentence(N_("{lines} callers at the same time."), lines=_least(month, "capacity")),
        found,
        judged(wrong, len(calls)),
        wrong,
        [NOT_BROUGHT],
    )


def _least(month: Month, setting: str) -> int:
    spans = list(month.open_spans()) or [(month.begins, month.ends)]
    return min(int(getattr(month.settings(opens), setting)) for opens, _ in spans)


def order(month: Month, calls: Sequence[Any]) -> Finding:
    """Whether callers were served in their order."""
    queue = month.line.queue
    ranks = {name: rank for rank, name in enumerate(queue.classes)}
    limit = timedelta(seconds=queue.overtaking_limit)
    served = [row for row in calls if row.joined_at is not None and row.answered_at is not None]
    rows = {row.call: row for row in calls}
    wrong = [Deviation(_why(one, rows), one.at, one.served) for one in inversions(calls, ranks, limit)]
    return Finding(
        sentence(N_("Order of service")),
        ("ESTP 2.3", "ESTP 4.2", "eLot 2.4"),
        sentence(
            N_("By urgency ({classes}), each class in order of arrival; after {limit} nobody is overtaken."),
            classes=", ".join(queue.classes),
            limit=clock(queue.overtaking_limit),
        ),
        [
            sentence(N_("{served} callers of the queue were answered."), served=len(served)),
            sentence(N_("{wrong} of them were offered before somebody whose turn it was."), wrong=len(wrong)),
        ],
        judged(wrong, len(served)),
        wrong,
        [sentence(N_("A caller's urgency is that of the end of the call: an earlier one is not in the row."))],
    )


def _why(one: Inversion, rows: Mapping[str, Any]) -> Sentence:
    by = rows[one.served].out_of_turn_by
    if by:
        return sentence(N_("taken out of turn by {by}, before {passed}"), by=by, passed=one.passed)
    if any(rows[call].offered_at is None and rows[call].answered_at for call in (one.served, one.passed)):
        return sentence(N_("by Asterisk's own queue, before {passed}"), passed=one.passed)
    return sentence(N_("before {passed}, whose turn it was; {ahead} came first"), passed=one.passed, ahead=one.ahead)


def waits(month: Month, calls: Sequence[Any]) -> Finding:
    """Whether registered persons waited no longer than promised, on average."""
    known = {one.value for one in REGISTERED}
    waited = [row for row in calls if row.answered_at and row.waiting is not None and row.identification in known]
    target = month.line.target_wait
    by_day = defaultdict(list)
    for row in waited:
        by_day[month.day(row.arrived_at)].append(row.waiting)
    above = [
        Deviation(
            sentence(
                N_("{day}: {average} on average, {calls} calls"),
                day=day,
                average=clock(sum(found) / len(found)),
                calls=len(found),
            )
        )
        for day, found in sorted(by_day.items())
        if sum(found) / len(found) > target
    ]
    mean = sum(row.waiting for row in waited) / len(waited) if waited else 0.0
    verdict = (
        judged(above, len(by_day), 0.0) if mean <= target else Verdict.BROKEN
    )  # it is the average that is promised
    gave_up = sum(row.outcome == Outcome.ABANDONED.value for row in calls)
    return Finding(
        sentence(N_("Average wait of registered persons")),
        ("ESTP 2.2d",),
        sentence(N_("At most {target} on average."), target=clock(target)),
        [
            sentence(
                N_("{average} on average, over {calls} answered calls of registered persons; the longest {longest}."),
                average=clock(mean),
                calls=len(waited),
                longest=clock(max((row.waiting for row in waited), default=0.0)),
            ),
            sentence(N_("{gave_up} callers gave up while they waited; they are in no average."), gave_up=gave_up),
        ],
        verdict,
        above,
    )


def announcements(month: Month, calls: Sequence[Any], told: Sequence[Any]) -> Finding:
    """Whether those who waited heard how long it will take, and whether that was true."""
    heard = {row.call for row in told}
    waited = [row for row in calls if row.joined_at is not None and (row.queued or 0.0) >= UNHEARD]
    silent = [
        Deviation(
            sentence(N_("waited {wait} and heard no announcement"), wait=clock(row.queued)), row.joined_at, row.call
        )
        for row in waited
        if row.call not in heard
    ]
    spoken = [row for row in told if row.spoken is not None]
    kept = sum(_kept(row) is True for row in spoken)
    broken = sum(_kept(row) is False for row in spoken)
    return Finding(
        sentence(N_("Announced waits")),
        ("ESTP 5.4.6",),
        sentence(N_("Whoever waits hears the estimated time.")),
        [
            sentence(
                N_("{waited} callers waited a minute or longer; {told} announcements, {spoken} of them with a time."),
                waited=len(waited),
                told=len(told),
                spoken=len(spoken),
            ),
            sentence(
                N_("Of {judged} times that can be judged {kept} were kept ({share})."),
                judged=kept + broken,
                kept=kept,
                share=share(kept, kept + broken),
            ),
        ],
        judged(silent, len(waited)),
        silent,
        [
            sentence(
                N_("{open} times cannot be judged: the caller gave up before, or the call was lost."),
                open=len(spoken) - kept - broken,
            )
        ],
    )


def _kept(row: Any) -> bool | None:
    """Whether a spoken time was kept, as `reports/promises.py` counts; None: that cannot be known."""
    if row.waited is None or row.result not in ("answered", "gave_up"):
        return None
    late = row.waited > row.spoken * 60.0 - row.elapsed
    return False if late else True if row.result == "answered" else None
