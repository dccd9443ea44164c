"""The evidence of one line and month: all findings, the rows they stand on, and one hash over it all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from callcenter.auctions.hours import HoursInForce
from callcenter.config import Config, Line
from callcenter.core.ids import LineId
from callcenter.dated.table import SettingTable
from callcenter.evidence import keeping, people, rows, telephone
from callcenter.evidence.finding import Finding
from callcenter.evidence.month import Month, month_of
from callcenter.evidence.rows import Source, source
from callcenter.recordings.chain import Chain
from callcenter.recordings.manifest import Action, Entry, Head, Manifest
from callcenter.reports.requests import RequestFigures, figures
from callcenter.store import Register

_OF_FILES = frozenset({Action.ADDED, Action.FOUND, Action.KEPT, Action.DELETED})


@dataclass(frozen=True)
class Evidence:
    """What a line kept in a month. The same rows give the same evidence, whoever asks and whenever."""

    month: Month
    findings: Sequence[Finding]
    sources: Sequence[Source]

    @cached_property
    def sha256(self) -> str:
        """Return the hash over the sources and all that was found; texts as in the catalogue, in no language."""
        told = [
            str(self.month.line.id),
            str(self.month.first),
            str(self.month.ends),
            [[one.name, one.rows, one.sha256] for one in self.sources],
            [_plain(one) for one in self.findings],
        ]
        return hashlib.sha256(json.dumps(told, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def _plain(finding: Finding) -> list[Any]:
    return [
        list(finding.clauses),
        finding.verdict.value,
        [[one.text, sorted(one.values.items())] for one in (finding.required, *finding.found, *finding.unproved)],
        [
            [one.of, one.at.isoformat() if one.at else "", one.what.text, sorted(one.what.values.items())]
            for one in finding.exceptions
        ],
    ]


async def gather(
    config: Config, register: Register, manifest: Manifest, line: LineId, year: int, month: int, now: datetime
) -> Evidence:
    """Read what there is of a line and a month that has begun at `now`.

    `config`: with the settings that were published. Raises `MonthError`, RegisterError, ManifestError, OSError.
    """
    hours = HoursInForce(config.lines.values, register)
    await hours.refresh()
    before, settings = config.held_before(line), config.lines[line]

    def held(at: datetime) -> Line:
        return next((one for ended, one in before if at < ended), settings)

    its = month_of(settings, year, month, now, held, lambda one: hours.with_auctions(line, one.hours.calendar))
    span = (register, line, its.begins, its.ends)
    everything = await rows.calls(*span)
    callers = rows.incoming(everything)
    orders = await rows.line_orders(*span)
    told, noted = await rows.announcements(*span), await rows.registered(*span)
    staff = _staff(config, settings, callers)
    changes = await rows.presence(register, staff, its.begins, its.ends)
    shifts = await rows.shifts(register, staff, its.begins, its.ends)
    asked = await _requests(config, hours, register, its, now)
    published = [one for one in await SettingTable(register).published() if one.line == line]
    entries, problems, head = _chain(manifest, its)
    findings = [
        telephone.hours(its, callers, orders),
        telephone.lines(its, callers),
        people.staff(its, changes),
        telephone.order(its, callers),
        telephone.waits(its, callers),
        telephone.announcements(its, callers, told),
        keeping.recordings(everything, entries, problems, head),
        keeping.register(its, everything),
        keeping.questions(its, callers, noted),
        people.requests(its, asked),
        people.shifts(its, shifts),
        people.notices(its, published),
    ]
    sources = [
        source("calls", everything),
        source("announcements", told),
        source("call notes", noted),
        source("changes of presence", changes),
        source("shifts", shifts),
        source("orders of supervisors", orders),
        source("requests", [(one.number, one.state, one.received_at, sorted(one.targets.items())) for one in asked]),
        source("published settings", [(one.id, one.first, one.published_at, one.by) for one in published]),
    ]
    return Evidence(its, findings, sources)


def _staff(config: Config, line: Line, callers: Sequence[Any]) -> list[str]:
    """Return whose presence counts: who answers the line today, and who answered it then and may have left since."""
    today = {str(person.id) for person in config.call_takers.values() if person.group in line.answered_by}
    return sorted(today | {row.operator for row in callers if row.operator and row.operator not in config.people})


async def _requests(
    config: Config, hours: HoursInForce, register: Register, month: Month, now: datetime
) -> list[RequestFigures]:
    line = month.line.id
    if month.line.requests is None:
        return []
    times = {name: rules.time for name, rules in hours.rules(config.request_rules)().items()}
    found = figures(register, month.first, month.last, {line: month.zone}, times, now, line)
    return [one async for one in found]


def _chain(manifest: Manifest, month: Month) -> tuple[dict[str, Entry], list[str], Head]:
    """Return what the manifest says last of each file, what is wrong with it, and its head when the month ended."""
    chain = Chain(manifest, None)
    entries: dict[str, Entry] = {}
    head, until = Head(), month.ends.isoformat()
    for entry in chain.entries():
        if entry.path and entry.action in _OF_FILES:
            entries[entry.path] = entry
        if entry.at < until:
            head = Head(entry.number, entry.hash)
    return entries, chain.problems, head
