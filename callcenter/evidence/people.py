"""Points about people and promises: staff, shifts, requests, notices of change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from callcenter.config.dated import ALWAYS
from callcenter.dated.plan import Published
from callcenter.evidence.finding import Deviation, Finding, Verdict, judged, sentence
from callcenter.evidence.month import Month
from callcenter.evidence.staff import gaps, present
from callcenter.reports.requests import RequestFigures
from callcenter.requests.targets import TargetKind
from callcenter.web.language import N_

_LATE = {
    TargetKind.FORM: N_("the form was filled in late"),
    TargetKind.ASSIGNMENT: N_("was assigned late"),
    TargetKind.FIRST_ANSWER: N_("the first answer came late"),
    TargetKind.ANSWER: N_("the answer came late"),
}


def staff(month: Month, changes: Sequence[Any]) -> Finding:
    """Whether as many people were there as required."""
    counted = present(changes)
    spans = list(month.open_spans())
    wrong, missing = [], timedelta()
    for opens, closes in spans:
        required = month.settings(opens).required_staff
        for gap in gaps(counted, [(opens, closes)], required):
            missing += gap.ends - gap.begins
            wrong.append(
                Deviation(
                    sentence(
                        N_("{people} of {required} until {until}"),
                        people=gap.people,
                        required=required,
                        until=f"{gap.ends.astimezone(month.zone):%H:%M:%S}",
                    ),
                    gap.begins,
                )
            )
    total = sum((closes - opens for opens, closes in spans), timedelta())
    return Finding(
        sentence(N_("People")),
        ("ESTP 2.2b", "eLot 2.2a"),
        sentence(
            N_("At least {required} people during the hours."),
            required=min((month.settings(opens).required_staff for opens, _ in spans), default=0),
        ),
        [
            sentence(
                N_("{hours} hours in all, {missing} minutes of them with fewer."),
                hours=f"{total.total_seconds() / 3600:g}",
                missing=round(missing.total_seconds() / 60),
            )
        ],
        judged(wrong, total.total_seconds() if counted else 0.0, missing.total_seconds()),
        wrong,
        [
            sentence(N_("Whether the phone of somebody on shift could be reached is in no row.")),
            sentence(N_("Of those who have left since, only who answered a call in the month is counted.")),
        ],
    )


def shifts(month: Month, found: Sequence[Any]) -> Finding:
    """Whether the beginning and the end of each shift were recorded."""
    wrong = [
        Deviation(
            sentence(N_("has no end"))
            if row.ended_at is None
            else sentence(N_("was ended by the system: {cause}"), cause=row.end_cause),
            row.started_at,
            row.operator,
        )
        for row in found
        if (row.ended_at is None and row.started_at < month.ends - timedelta(days=1))
        or (row.ended_at is not None and row.end_cause == "controller stopped")
    ]
    people = len({row.operator for row in found})
    return Finding(
        sentence(N_("Shifts")),
        ("ESTP 5.3.1",),
        sentence(N_("Who begins to work logs in, and out at the end; both moments are recorded.")),
        [sentence(N_("{shifts} shifts of {people} people."), shifts=len(found), people=people)],
        judged(wrong, len(found)),
        wrong,
    )


def requests(month: Month, found: Sequence[RequestFigures]) -> Finding:
    """Whether requests were passed on, assigned and answered in time."""
    wrong: list[Deviation] = []
    kept = missed = unknown = 0
    for one in found:
        for kind, held in one.targets.items():
            kept, missed, unknown = kept + (held is True), missed + (held is False), unknown + (held is None)
            if held is False:
                wrong.append(Deviation(sentence(_LATE[kind]), one.received_at, one.number))
    interim = sum(one.interim for one in found)
    return Finding(
        sentence(N_("Requests")),
        ("ESTP 5.5.1", "ESTP 5.5.3", "ESTP 5.5.5", "ESTP 5.5.6", "eLot 2.2b", "TBS 4.3"),
        sentence(N_("Each date that a customer was told, and those inside the house, are kept.")),
        [
            sentence(
                N_("{requests} requests; {kept} dates kept, {missed} missed, {unknown} ahead; {interim} interim."),
                requests=len(found),
                kept=kept,
                missed=missed,
                unknown=unknown,
                interim=interim,
            )
        ],
        judged(wrong, kept + missed),
        wrong,
    )


def notices(month: Month, published: Sequence[Published]) -> Finding:
    """Whether customers were told in time what changes."""
    begun = [one for one in published if one.first != ALWAYS and month.first <= one.first <= month.last]
    wrong = [
        Deviation(
            sentence(N_("without notice: {why}"), why=one.without_notice), one.published_at, f"{one.first:%Y-%m-%d}"
        )
        for one in begun
        if one.without_notice
    ]
    found = [
        sentence(
            N_("From {first} on, published on {published}."),
            first=one.first,
            published=month.day(one.published_at),
        )
        for one in begun
    ]
    return Finding(
        sentence(N_("Notice of changes")),
        ("ESTP 6.2", "eLot 4.3"),
        sentence(N_("Changes are published {days} days before."), days=month.line.notice_days),
        found or [sentence(N_("Nothing has changed in this month."))],
        Verdict.EXCEPTIONS if wrong else Verdict.KEPT,
        wrong,
    )
