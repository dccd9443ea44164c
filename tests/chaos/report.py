"""What is printed and kept of a run: the table, the same as JSON, and the whole story of every call that went wrong."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos.call_back_judge import CallBackEvidence
from tests.chaos.evidence import Case, Evidence, journal_files
from tests.chaos.idle import idle
from tests.chaos.judge import KINDS, Violation, clock, known_unrecorded
from tests.chaos.run import Result
from tests.chaos.testimony import NUMBER, EndedBy

_JOURNAL_LINES = 80
_SERVED_WITHIN = 30.0
"""Seconds after a kill in which the first ringing by the fallback queue is looked for."""


def figures(result: Result) -> dict[str, Any]:
    """Everything that is counted."""
    evidence, happened = result.evidence, result.happened
    placed = [case.placed for case in evidence.cases]
    names: dict[str, int] = {}
    for one in happened:
        names[one.name] = names.get(one.name, 0) + 1
    back = [
        one.back_at - (one.died_at[-1] if one.daemon_died or one.name == "SIGTERM" else one.mended_at)
        for one in happened
        if one.back_at is not None and one.blind
    ]
    counted = {kind: len(_distinct(result.violations, kind)) for kind in KINDS}
    return {
        "seed": result.plan.seed,
        "callers at once": result.plan.callers,
        "operators": result.plan.operators,
        "seconds": round(result.seconds, 1),
        "faults injected": len(happened),
        "faults by name": dict(sorted(names.items())),
        "kills of the daemon": sum(one.kills for one in happened),
        "deaths of Asterisk": len(evidence.deaths),
        "the line never came back": sum(one.back_at is None for one in happened),
        "calls placed": len(placed),
        "calls answered": sum(bool(case.conversations) for case in evidence.cases),
        "given up": sum(
            not case.conversations and case.placed.ended_by is EndedBy.PHONE and case.ended_at < evidence.closed
            for case in evidence.cases
        ),
        "cut off by Asterisk's death": sum(case.death is not None for case in evidence.cases),
        "known as unrecorded: no room, or too short": sum(known_unrecorded(evidence, case) for case in evidence.cases),
        "answered through the fallback queue": len(_by_net(evidence)),
        "being asked as the controller went, before the queue": sum(
            evidence.asked(case) and not case.asked_waiting for case in evidence.cases
        ),
        "being asked as the controller went, while waiting": sum(
            evidence.asked(case) and case.asked_waiting for case in evidence.cases
        ),
        **_of_call_backs(result.call_backs),
        **counted,
        "seconds of an idle operator with callers waiting": _spread(
            [seconds for _, _, seconds in idle(evidence, result.plan.people, result.plan.wrap_up)]
        ),
        "facts not written at the end": result.pending,
        "seconds until the fallback queue served": _spread(_net_served(evidence)),
        "seconds until callers were in the fallback queue": _spread(_net_entered(evidence)),
        "seconds until the daemon had the line back": _spread(back),
    }


def _of_call_backs(found: CallBackEvidence) -> dict[str, Any]:
    came: dict[str, int] = {}
    for tried in found.tries:
        name = str(tried["came"] or "not over")
        came[name] = came.get(name, 0) + 1
    states: dict[str, int] = {}
    for one in found.call_backs:
        name = f"{one['origin']} {one['state']}"
        states[name] = states.get(name, 0) + 1
    return {
        "call-backs promised by operators": len(found.promised),
        "callers who wanted to keep the place": len(found.keepers),
        "call-backs by origin and state": dict(sorted(states.items())),
        "tries of them by result": dict(sorted(came.items())),
        "customers' phones rung": len(found.rung),
    }


def failed(result: Result) -> bool:
    """Whether something that must be zero is not."""
    return bool(result.violations) or any(one.back_at is None for one in result.happened)


def table(result: Result) -> str:
    """For people."""
    rows = []
    for name, value in figures(result).items():
        if isinstance(value, dict) and "median" in value:
            text = f"median {value['median']:.1f}, worst {value['worst']:.1f} ({value['n']})"
        elif isinstance(value, dict):
            text = ", ".join(f"{key} {n}" for key, n in value.items())
        else:
            text = "–" if value is None else str(value)
        must = "" if name not in KINDS and name != "the line never came back" else " (must be 0)"
        rows.append(f"  {name + must:<72}{text}")
    return "\n".join(rows)


def write(result: Result, folder: Path) -> None:
    """`chaos.json`, and `stories.txt` where there is something to tell."""
    data = figures(result) | {
        "violations": [asdict(one) for one in result.violations],
        "happened": [asdict(one) for one in result.happened],
    }
    (folder / "chaos.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    (folder / "stories.txt").write_text("\n".join(stories(result)) + "\n")


def stories(result: Result) -> Iterator[str]:
    """The faults, and all that is known of the calls with violations, the first of each kind first."""
    evidence = result.evidence
    yield "FAULTS"
    for one in result.happened:
        died = ", ".join(map(clock, one.died_at)) or "-"
        times = f"died {died}; mended {clock(one.mended_at)}; back {clock(one.back_at)}"
        yield f"  {clock(one.at)}  {one.name} {one.note}; {times}"
    yield from _told_of_call_backs(result)
    told: dict[str, list[Violation]] = {}
    for violation in result.violations:
        told.setdefault(violation.number, []).append(violation)
    for number, found in told.items():
        yield ""
        yield from (f"{one.kind.upper()}: {number or '-'} at {clock(one.at)}: {one.what}" for one in found)
        others = {other for one in found for other in NUMBER.findall(one.what)} - {number}
        for case in evidence.cases:
            if case.number == number or case.number in others:
                yield from story(evidence, case)


def _told_of_call_backs(result: Result) -> Iterator[str]:
    """All that is known of the call-backs with violations."""
    found, wrong = result.call_backs, {one.number for one in result.violations}
    for one in found.call_backs:
        if one["number"] not in wrong:
            continue
        yield f"CALL-BACK {_facts(one)}"
        yield from (f"    try      {_facts(tried)}" for tried in found.tries if tried["call_back"] == one["id"])
        yield from (f"    call     {_facts(row)}" for row in found.calls if row["call_back"] == one["call_back"])
        for rung in found.rung:
            if rung.number == one["number"]:
                yield f"    rung     {clock(rung.at)}{' answered' if rung.answered else ''}"
    for placed in found.keepers:
        if placed.number in wrong:
            yield f"KEEPER {placed.number} dialled {clock(placed.dialled_at)}, ended by {placed.ended_by or 'nobody'}"
            yield f"    {clock(placed.ended_at)}"
    for row in found.keepers_rows:
        if row["number"] in wrong:
            yield f"    row      {_facts(row)}"


def story(evidence: Evidence, case: Case) -> Iterator[str]:
    """One call by the phones, the register and Asterisk's journal."""
    placed = case.placed
    end = "Asterisk died" if case.death else f"ended by {placed.ended_by or 'nobody'} {placed.refused}"
    yield (
        f"    {placed.number} dialled {clock(placed.dialled_at)}, accepted {clock(placed.accepted_at)}, key {case.key}"
        f" {clock(placed.key_at)}, {end} {clock(placed.ended_at)}"
    )
    for ringing in case.ringings:
        by = "controller" if evidence.by_controller(case, ringing) else "net"
        yield (
            f"    phone {ringing.phone} rung {clock(ringing.rung_at)} by the {by}, answered"
            f" {clock(ringing.answered_at)}{'' if ringing.joined else ' (not joined)'},"
            f" ended by {ringing.ended_by or 'nobody'} {clock(ringing.ended_at)}"
        )
    for row in case.rows:
        yield f"    row      {_facts(row)}"
        for offer in evidence.offers.get(str(row["call"]), ()):
            yield f"    offer    {_facts(offer)}"
        for line in _journal(evidence.folder, str(row["call"])):
            yield f"    journal  {line}"


def _facts(row: Any) -> str:
    return " ".join(
        f"{key}={str(value)[11:-3] if key.endswith(('_at', '_since')) else value}"
        for key, value in row.items()
        if value not in (None, "") and key not in ("id", "name", "identification", "recording_sha256")
    )


def _journal(folder: Path, call: str) -> list[str]:
    """All lines of Asterisk's journal about a call."""
    found = [line for text in journal_files(folder) for line in text.splitlines() if f'"{call}"' in line]
    return sorted(found)[:_JOURNAL_LINES]


def _distinct(violations: Sequence[Violation], kind: str) -> set[tuple[str, str]]:
    """Calls (or, where none is meant, sentences) with a violation of this kind."""
    return {(one.number, "" if one.number else one.what) for one in violations if one.kind == kind}


def _by_net(evidence: Evidence) -> list[Case]:
    return [
        case
        for case in evidence.cases
        if case.conversations and not evidence.by_controller(case, case.conversations[0])
    ]


def _kills(evidence: Evidence) -> list[tuple[float, float]]:
    """Every time that the controller could not see, from when to when; Asterisk's deaths left out."""
    return [
        (one.died_at[0] if one.died_at else one.at, one.back_at or one.mended_at)
        for one in evidence.happened
        if one.blind and not one.asterisk_died
    ]


def _net_served(evidence: Evidence) -> list[float]:
    """Seconds from each kill to the first phone that the fallback queue rang."""
    rung = [(r.rung_at, case) for case in evidence.cases for r in case.ringings if not evidence.by_controller(case, r)]
    found = []
    for begin, end in _kills(evidence):
        after = [at - begin for at, _ in rung if begin + 1.0 < at < min(end, begin + _SERVED_WITHIN) + 1.0]
        found += [min(after)] if after else []
    return found


def _net_entered(evidence: Evidence) -> list[float]:
    """Seconds (whole ones: so Asterisk writes them) from each kill to the first caller in Asterisk's own queue."""
    entered = []
    for path in (evidence.folder / "var" / "asterisk" / "log").glob("queue_log*"):
        for line in path.read_text(errors="replace").splitlines():
            fields = line.split("|")
            if len(fields) > 4 and fields[4] == "ENTERQUEUE" and fields[0].isdecimal():
                entered.append(float(fields[0]))
    found = []
    for begin, end in _kills(evidence):
        after = [at - begin for at in entered if begin - 1.0 < at < end + 1.0]
        found += [max(0.0, min(after))] if after else []
    return found


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"n": len(values), "median": round(statistics.median(values), 2), "worst": round(max(values), 2)}
