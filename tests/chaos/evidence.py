"""Everything there is about a run, put together call by call: phones, register, faults."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos.faults import Happening
from tests.chaos.plan import ASKED_WAITING, line_of
from tests.chaos.testimony import EndedBy, Placed, Ringing, Seen

Row = Mapping[str, Any]
BY_CONTROLLER = "offer-"
"""How the channels begin that the controller places; the fallback queue's are named by Asterisk."""
_NEAR = 1.0
_SAME_RINGING = 0.2
"""Seconds from Asterisk's channel to the phone's INVITE."""


@dataclass(frozen=True, slots=True)
class Death:
    """One death of Asterisk. POSIX seconds."""

    at: float
    up_at: float
    """Asterisk and the phones were there again."""
    back_at: float
    """The controller had the line again."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A channel to a phone of ours, by Asterisk's journal. `at`: when it came into being, POSIX seconds."""

    at: float
    channel_id: str


@dataclass(slots=True)
class Case:
    """One call as the caller's phone saw it, with all that belongs to it."""

    placed: Placed
    conversations: list[Ringing]
    ringings: list[Ringing]
    death: Death | None
    """The death of Asterisk that ended it."""
    gaps: Sequence[tuple[float, float]] = ()
    """From when to when a caller who listened heard nothing; who does not listen has none."""
    key: str = ""
    """What the caller pressed, or would have pressed, when asked for the urgency."""
    rows: list[Row] = field(default_factory=list)

    @property
    def number(self) -> str:
        return self.placed.number

    @property
    def row(self) -> Row | None:
        """The call's row, where there is exactly one."""
        return self.rows[0] if len(self.rows) == 1 else None

    @property
    def ended_at(self) -> float:
        """By the phone; Asterisk's death where there was one."""
        return self.placed.ended_at or (self.death.at if self.death else float("inf"))

    @property
    def asked_waiting(self) -> bool:
        """Whether the line asks for the urgency while the caller waits."""
        return line_of(self.number) == ASKED_WAITING

    @property
    def talk(self) -> float:
        """Seconds of conversation, by the phones of our people."""
        return sum(ringing.seconds(self.ended_at) for ringing in self.conversations)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is judged."""

    cases: list[Case]
    seen: Seen
    happened: Sequence[Happening]
    deaths: Sequence[Death]
    strangers: list[Row]
    """Rows of calls that no phone placed."""
    offers: Mapping[str, list[Row]]
    """By call."""
    legs: Mapping[str, list[Leg]]
    """By phone."""
    dialplan_steps: Mapping[str, list[tuple[float, str]]]
    """By call: where the dialplan had the caller from when on."""
    shifts: Sequence[Row]
    presence: Sequence[Row]
    folder: Path
    recordings: Path
    began: float
    """When the first caller could dial."""
    closed: float
    """When everybody was told to hang up."""

    def late(self, case: Case) -> float:
        """Seconds by which something of this call may be dated late: the manager interface stood still for so long and
        then went on, so that nothing was lost, and nothing told when it had really happened."""
        stalls = [one for one in self.happened if one.name == "AMI stalled"]
        during = [one for one in stalls if case.placed.dialled_at <= one.mended_at and one.at <= case.ended_at]
        return max((one.mended_at - one.at for one in during), default=0.0)

    def died(self, at: float, within: float = _NEAR) -> Death | None:
        """The death of Asterisk around that moment."""
        return next((death for death in self.deaths if death.at - within <= at <= death.up_at + within), None)

    def away(self, at: float) -> bool:
        """Whether there was no Asterisk then that could have heard an INVITE."""
        return any(death.at - _NEAR <= at <= death.back_at for death in self.deaths)

    def blind(self, at: float) -> bool:
        """Whether the controller could not see Asterisk's calls then."""
        return any(one.blind and one.at - _NEAR <= at <= (one.back_at or at) + _NEAR for one in self.happened)

    def asked(self, case: Case) -> bool:
        """Whether the controller could not see Asterisk's calls at some time while this caller was being asked."""
        begin, key = case.placed.accepted_at, case.placed.key_at
        if begin is None or key is None or case.death:
            return False
        return any(one.blind and one.at <= key and begin <= (one.back_at or one.at) for one in self.happened)

    def during(self, name: str, begin: float, end: float) -> bool:
        """Whether a fault of that name went on at any time between."""
        return any(one.name == name and one.at <= end and begin <= one.mended_at for one in self.happened)

    def by_controller(self, case: Case, ringing: Ringing) -> bool:
        """Whether the controller rang this phone, and not the fallback queue."""
        near = [(abs(leg.at - ringing.rung_at), leg) for leg in self.legs.get(ringing.phone, ())]
        nearest = min(near, key=lambda one: one[0], default=None)
        if nearest and nearest[0] < _SAME_RINGING:
            return nearest[1].channel_id.startswith(BY_CONTROLLER)
        offers = [offer for row in case.rows for offer in self.offers.get(str(row["call"]), ())]
        return any(  # the journal's line is lost: it died with Asterisk, or is deleted
            str(offer["offer"]).startswith(BY_CONTROLLER)
            and offer["operator"] == ringing.phone
            and abs((moment(offer["placed_at"]) or 0.0) - ringing.rung_at) < _NEAR
            for offer in offers
        )


def journal_files(folder: Path) -> list[str]:
    """The texts of Asterisk's journal, as far as they are still there."""
    found = sorted((folder / "var" / "asterisk").rglob("journal*.csv"))
    return [path.read_text(errors="replace") for path in found]


def stages_of(folder: Path) -> dict[str, list[tuple[float, str]]]:
    """By call: all dialplan steps that Asterisk's journal tells of."""
    found: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for text in journal_files(folder):
        for row in csv.reader(text.splitlines()):
            if len(row) > 5 and row[1] == "CC_STAGE":
                found[row[2]].append((float(row[0]), json.loads(row[5])["extra"]))
    return found


def legs_of(folder: Path) -> dict[str, list[Leg]]:
    """By phone: all channels to it that Asterisk's journal tells of."""
    found: defaultdict[str, list[Leg]] = defaultdict(list)
    for text in journal_files(folder):
        for row in csv.reader(text.splitlines()):
            if len(row) > 4 and row[1] == "CHAN_START":
                phone = row[4].removeprefix("PJSIP/").rpartition("-")[0]
                found[phone].append(Leg(float(row[0]), row[2]))
    return found


def moment(text: str | None) -> float | None:
    """A column's date and time as POSIX seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else None


def gather(
    testimony: Seen,
    happened: Sequence[Happening],
    rows: Sequence[Row],
    offers: Sequence[Row],
    shifts: Sequence[Row],
    presence: Sequence[Row],
    keys: Mapping[str, str],
    gaps: Mapping[str, Sequence[tuple[float, float]]],
    *,
    folder: Path,
    recordings: Path,
    began: float,
    closed: float,
) -> Evidence:
    """Put it together."""
    deaths = [
        Death(one.died_at[0], one.mended_at, one.back_at or one.mended_at) for one in happened if one.asterisk_died
    ]
    for ringing in testimony.rung:
        if ringing.ended_at is None:
            ringing.ended_at = next((death.at for death in deaths if ringing.rung_at <= death.at + _NEAR), None)
    cases = [_case(testimony, placed, deaths, keys) for placed in testimony.placed]
    for case in cases:
        case.gaps = gaps.get(case.number, ())
    strangers = _assign(cases, rows)
    by_call: defaultdict[str, list[Row]] = defaultdict(list)
    for offer in offers:
        by_call[str(offer["call"])].append(offer)
    return Evidence(
        cases,
        testimony,
        happened,
        deaths,
        strangers,
        by_call,
        legs_of(folder),
        stages_of(folder),
        shifts,
        presence,
        folder,
        recordings,
        began,
        closed,
    )


def _case(testimony: Seen, placed: Placed, deaths: Iterable[Death], keys: Mapping[str, str]) -> Case:
    death = None
    if placed.in_vain and placed.ended_at:
        death = next((death for death in deaths if abs(placed.ended_at - death.at) <= _NEAR), None)
    elif placed.ended_by is EndedBy.NOBODY and not placed.unplugged:
        death = next((death for death in deaths if placed.dialled_at <= death.at + _NEAR), None)
    if death:
        placed.ended_at, placed.ended_by = death.at, EndedBy.NOBODY
    return Case(
        placed, testimony.conversations(placed), testimony.ringings(placed), death, key=keys.get(placed.number, "")
    )


def _assign(cases: Sequence[Case], rows: Iterable[Row]) -> list[Row]:
    """Give each row to the call of its number that was placed nearest to its arrival; returns those that fit none."""
    of_number: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        of_number[case.number].append(case)
    strangers = []
    for row in rows:
        arrived = moment(row["arrived_at"]) or 0.0
        fitting = of_number.get(row["number"], [])
        if fitting:
            min(fitting, key=lambda case: abs(case.placed.dialled_at - arrived)).rows.append(row)
        else:
            strangers.append(row)
    return strangers
