"""The comparison in words and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple

from tests.bench import cost, throughput
from tests.bench.comparison import OURS, SYSTEMS, THEIRS, Case, Comparison
from tests.bench.cost import Cost
from tests.bench.reaction import Reaction, Spread
from tests.bench.usage import MIB

_HEADS = f"{'n':>6}{'median':>9}{'p95':>9}{'p99':>9}{'max':>9}"
NOTES = """
app_queue is set up as quickly as its settings allow (tests/bench/app_queue_dialplan/queues.conf.j2): autofill, retry=1,
members static, no announcements, recorded in its own way, queue_log and CDR (CSV) for a register.
Ratio: app_queue's median ÷ ours, of all rounds together; in brackets the least and most of single rounds.
"""


def text(found: Comparison) -> str:
    """Everything that was measured."""
    return "\n".join([*_latency(found), *_parts(found), *_moments(found), *_cost(found), *_throughput(found)])


def _latency(found: Comparison) -> Iterator[str]:
    if not found.latency:
        return
    yield "\nOperator free (BYE leaves the phone) → that phone is called (INVITE arrives), callers wait; milliseconds"
    yield f"  {'op/callers':<12}{'talks':<12}{'':<11}{_HEADS}   ratio of medians"
    for case in found.latency:
        title = f"{f'{case.operators}/{case.callers}':<12}{case.talk:<12}"
        for name in SYSTEMS:
            figures = _figures(case.spread(name))
            yield f"  {title}{name:<11}{len(case.samples(name)):>6}{figures}{_ratio(case) if name == THEIRS else ''}"
            title = " " * 24
    measured = [one for case in found.latency for rounds in case.rounds.values() for one in rounds]
    yield (
        f"  {len(found.latency[0].rounds[OURS])} rounds, interleaved; the measuring process itself was late by up to "
        f"{max(one.own_lag.p99 for one in measured):.1f} ms (p99 of the worst round)"
    )
    yield (
        f"  not counted: {sum(one.nobody_waited for one in measured)} times too few waited, "
        f"{sum(one.never_called for one in measured)} times not called again before the end"
    )
    yield from _memory_when_full(found)
    yield NOTES.rstrip()


def _memory_when_full(found: Comparison) -> Iterator[str]:
    """With all callers of the largest size on the line."""
    case = max(found.latency, key=lambda case: case.callers)
    for name, rounds in case.rounds.items():
        asterisk, daemon = (max(found) for found in zip(*[_resident(one) for one in rounds], strict=True))
        with_daemon = f", daemon {daemon:.0f}" if daemon else ""
        yield f"  memory with {case.callers} callers on the line, MiB: {name}: Asterisk {asterisk:.0f}{with_daemon}"


def _resident(one: Reaction) -> tuple[float, float]:
    return one.full.asterisk_resident / MIB, one.full.daemon_resident / MIB


def _ratio(case: Case) -> str:
    return f"   {case.ratio.value:.0f} [{case.ratio.least:.0f}–{case.ratio.most:.0f}]"


def _parts(found: Comparison) -> Iterator[str]:
    """Where our milliseconds go."""
    if not found.latency:
        return
    yield "\nOurs, part by part; milliseconds, median and p95 of each round"
    names = ("bye_to_hangup", "hangup_to_originate", "originate_to_invite")
    titles = ("BYE → HangupRequest read (Asterisk)", "→ Originate written (daemon)", "→ INVITE (Asterisk)")
    yield f"  {'op/callers':<12}{'talks':<12}" + "".join(f"{title:>32}" for title in titles)
    for case in found.latency:
        for one in case.rounds[OURS]:
            spreads: list[Spread | None] = [getattr(one, name) for name in names]
            figures = "".join(f"{f'{part.median:.2f} {part.p95:.2f}' if part else '-':>32}" for part in spreads)
            yield f"  {f'{case.operators}/{case.callers}':<12}{case.talk:<12}{figures}"


def _moments(found: Comparison) -> Iterator[str]:
    if not found.moments:
        return
    yield "\nMoments of a call, at the phones; milliseconds (sound comes in packets of 20 ms)"
    yield f"  {'':<34}{'':<11}{_HEADS}"
    spreads = {name: one.spreads() for name, one in found.moments.items()}
    for what in next(iter(spreads.values())):
        for place, name in enumerate(spreads):
            count = len(found.moments[name].withdrawn)
            yield f"  {what if not place else '':<34}{name:<11}{count:>6}{_figures(spreads[name][what])}"


def _cost(found: Comparison) -> Iterator[str]:
    if not found.cost:
        return
    one = next(iter(found.cost.values()))
    yield (
        f"\nCost of a call: short wait, talk of {cost.TALK[0]:g} to {cost.TALK[1]:g} s, recorded, registered; "
        f"{one.calls} calls, {one.rate:g} a second; sipp not included"
    )
    yield f"  {'':<40}" + "".join(f"{name:>24}" for name in found.cost)
    for title, figure in _COST.items():
        yield f"  {title:<40}" + "".join(f"{figure(each):>24}" for each in found.cost.values())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


_COST: dict[str, Callable[[Cost], str]] = {
    "calls": lambda one: str(one.calls),
    "Asterisk, ms of processor a call": lambda one: _number(one.asterisk_per_call),
    "daemon, ms of processor a call": lambda one: _number(one.daemon_per_call),
    "both, beyond what they use at rest": lambda one: " + ".join(map(_number, one.beyond_rest)),
    "at rest, ms a second: Asterisk + daemon": lambda one: f"{one.asterisk_at_rest:.1f} + {one.daemon_at_rest:.1f}",
    "daemon ÷ Asterisk": lambda one: f"{100 * one.share:.0f} %",
    "Asterisk's memory, MiB, after calls": lambda one: _memory(one.asterisk_memory),
    "daemon's memory, MiB, after calls": lambda one: _memory(one.daemon_memory),
    "AMI events read a call": lambda one: _number(one.events_per_call),
    "AMI actions a call": lambda one: _number(one.actions_per_call),
    "AMI bytes read a call": lambda one: "-" if one.bytes_per_call is None else f"{one.bytes_per_call:.0f}",
}  # fmt: skip


def _memory(by_calls: dict[str, float]) -> str:
    return " ".join(f"{calls}:{mib:.0f}" for calls, mib in by_calls.items())


def _throughput(found: Comparison) -> Iterator[str]:
    if not found.throughput:
        return
    yield (
        f"\nThroughput: short wait, talk of {throughput.TALK:g} s, recorded, registered; seconds from dialling to the "
        "operator's phone;\n  cores in use (callers and phones by sipp, with audio, are on the same machine)"
    )
    titles = ("calls/s", "placed", "answered", "median", "p95", "Asterisk", "daemon", "sipp")
    yield f"  {'':<11}" + "".join(f"{title:>10}" for title in titles)
    for name, one in found.throughput.items():
        for step in one.steps:
            cores = (step.asterisk_cores, step.daemon_cores, step.sipp_cores)
            figures = "".join(f"{value:>10.2f}" for value in (step.delay_median, step.delay_p95, *cores))
            yield f"  {name:<11}{step.rate:>10g}{step.placed:>10}{step.answered:>10}{figures}   {step.trouble()}"
        yield f"  {name}: bears {one.borne:g} calls a second, with {one.operators} operators; {one.end}"


def _figures(spread: Spread) -> str:
    return "".join(f"{value:>9.2f}" for value in astuple(spread))
