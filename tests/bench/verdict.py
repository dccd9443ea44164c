"""Promises of the register set against what callers really met (ESTP 5.4.6)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from callcenter.core.records import AnnouncementRecord, PromiseResult
from tests.bench.sip_log import Caller, Taken


class BrokenMeasurementError(Exception):
    """The figures would say nothing of the line; the text says why."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One announcement: what was promised, what the ledger says came of it, and what did. Seconds."""

    caller: str
    number: int
    ahead: int
    staff: int
    estimate: float | None
    p90: float | None
    spoken: float | None
    """Minutes; endless: «may exceed …»; None: no time was said."""
    openly_grown: bool
    """Said together with the reason: there are fewer operators."""
    ledger_answered: bool
    ledger_waited: float
    answered: bool
    waited: float
    """From the beginning of the announcement to the operator's 200 OK, or to the BYE of a caller who gave up."""

    def within(self, limit: float | None) -> bool | None:
        """Whether the wait was within so many seconds; None: gave up before, so that nobody knows."""
        if limit is None or not (self.answered or self.waited > limit):
            return None
        return self.answered and self.waited <= limit


@dataclass(frozen=True, slots=True)
class Quality:
    """How true some promises were. Shares and ratios; None where there is nothing to tell."""

    announced: int
    judged: int
    coverage: float | None
    """Of P90."""
    spoken: int
    """Announcements of a time that is not to be exceeded."""
    kept: float | None
    mean_estimate: float | None
    """This and what follows over callers who were answered."""
    mean_wait: float | None
    bias: float | None
    rmse: float | None
    """Divided by the mean wait."""


def quality(promises: Sequence[Promise]) -> Quality:
    """Judge them as the ledger does, by the real waits."""
    held = [held for one in promises if (held := one.within(one.p90)) is not None]
    spoken = [(one, one.spoken * 60.0) for one in promises if one.spoken is not None and math.isfinite(one.spoken)]
    kept = [kept for one, limit in spoken if (kept := one.within(limit)) is not None]
    compared = [(one.estimate, one.waited) for one in promises if one.answered and one.estimate is not None]
    estimate = _mean([estimate for estimate, _ in compared])
    wait = _mean([waited for _, waited in compared])
    squared = _mean([(estimate - waited) ** 2 for estimate, waited in compared])
    return Quality(
        announced=len(promises),
        judged=len(held),
        coverage=_mean(held),
        spoken=len(spoken),
        kept=_mean(kept),
        mean_estimate=estimate,
        mean_wait=wait,
        bias=estimate / wait - 1 if estimate is not None and wait else None,
        rmse=math.sqrt(squared) / wait if squared is not None and wait else None,
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def rises(promises: Iterable[Promise]) -> tuple[int, int]:
    """How often a caller was told a longer time than before: without a reason, and openly with one."""
    unresponsive = openly = 0
    for _, mine in groupby(sorted(promises, key=lambda one: (one.caller, one.number)), key=lambda one: one.caller):
        told = [one for one in mine if one.spoken is not None]
        for before, after in zip(told, told[1:], strict=False):
            grew = (after.spoken or 0.0) > (before.spoken or 0.0)
            unresponsive += grew and not after.openly_grown
            openly += grew and after.openly_grown
    return unresponsive, openly


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a caller, by the phones. POSIX seconds."""

    caller: Caller
    answered_at: float | None

    @property
    def until(self) -> float:
        """The end of the wait."""
        return self.caller.gone_at if self.answered_at is None else self.answered_at


def fates(callers: Iterable[Caller], taken: Iterable[Taken]) -> dict[str, Fate]:
    """By the caller's number. An operator who picked up after the caller's BYE answered nobody."""
    first = {call.number: call.answered_at for call in sorted(taken, key=lambda call: -call.answered_at)}
    found = {}
    for caller in callers:
        at = first.get(caller.number, math.inf)
        found[caller.number] = Fate(caller, at if at < caller.gone_at else None)
    return found


def promises(rows: Iterable[Mapping[str, Any]], met: Mapping[str, Fate]) -> list[Promise]:
    """Announcements of the register, `caller` (a number) among their columns, beside the fates of who heard them.

    Raises BrokenMeasurementError: an announcement to nobody, one without an end, or one after the end.
    """
    found = []
    for row in rows:
        fate = met.get(row["caller"])
        if fate is None:
            raise BrokenMeasurementError(f"{row['caller']} heard an announcement, but no phone of ours has this number")
        if row["result"] not in ("answered", "gave_up"):
            raise BrokenMeasurementError(
                f"announcement {row['number']} to {row['caller']}: its result is '{row['result']}'"
            )
        waited = fate.until - posix(row["spoken_at"])
        if waited < -1.0:
            raise BrokenMeasurementError(
                f"announcement {row['number']} to {row['caller']} began {-waited:.1f} s after the wait: clocks differ"
            )
        prompts = json.loads(row["prompts"])
        found.append(
            Promise(
                caller=row["caller"],
                number=row["number"],
                ahead=row["ahead"],
                staff=row["staff"],
                estimate=row["estimate"],
                p90=row["p90"],
                spoken=_minutes(prompts),
                openly_grown="fewer-operators" in prompts,
                ledger_answered=row["result"] == "answered",
                ledger_waited=row["waited"],
                answered=fate.answered_at is not None,
                waited=waited,
            )
        )
    return found


def believed(record: AnnouncementRecord) -> Promise:
    """A settled announcement, its ledger taken at its word."""
    answered, waited = record.result is PromiseResult.ANSWERED, record.waited or 0.0
    return Promise(
        caller=record.call,
        number=record.number,
        ahead=record.ahead,
        staff=record.staff,
        estimate=record.estimate,
        p90=record.p90,
        spoken=_minutes(record.prompts),
        openly_grown="fewer-operators" in record.prompts,
        ledger_answered=answered,
        ledger_waited=waited,
        answered=answered,
        waited=waited,
    )


def posix(text: str) -> float:
    """A time of the register in seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _minutes(prompts: Iterable[str]) -> float | None:
    for prompt in prompts:
        if prompt.startswith("wait-over-"):
            return math.inf
        if prompt.startswith("wait-"):
            return float(prompt.removeprefix("wait-"))
    return None
