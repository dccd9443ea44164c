"""`callcenter simulate`: a day, a year or recorded callers in virtual time, with the controller's own core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite
from pathlib import Path
from typing import Any

import click

from callcenter.cli.options import Finite
from callcenter.core.errors import ReadableError
from callcenter.core.settings import Line
from callcenter.planning.calls_table import read_calls
from callcenter.planning.staffing import Aim, staffing
from callcenter.simulation import pictures
from callcenter.simulation.call_backs import CallBackTraffic
from callcenter.simulation.measures import table
from callcenter.simulation.promises import ENOUGH, lines, together
from callcenter.simulation.runs import ESTIMATORS, OURS, Experiment, beside
from callcenter.simulation.scenario import LINE, Scenario
from callcenter.simulation.staff_plan import StaffPlan, staffed
from callcenter.simulation.trace import Trace
from callcenter.simulation.traffic import (
    ESTP_DAY,
    SHAPES,
    Drifting,
    Duration,
    Poisson,
    Traffic,
    TrafficError,
    duration,
)
from callcenter.simulation.worlds import WORLDS

CLASSES = ("urgent", "normal")
HANDLING = "lognormal:180,1.2"
PATIENCE = "exponential:600"
ESTP_URGENCY = {"urgent": 0.15, "normal": 0.85}
AT_LEAST = 2
"""People on duty during opening hours (ESTP 2.2b)."""
WORLD_DAYS = 5
STAY_ON = 2
"""Half-hours after the last one with calls, to serve those who still wait."""
OF_NO_TRACE = ("call_backs", "forecast", "per_hour", "hours", "calls", "handling", "drift", "patience", "urgency")

_FILE = click.Path(dir_okay=False, path_type=Path)
_SECONDS = Finite(0, 86400 * 366)
_POSITIVE = Finite(0, 86400 * 366, min_open=True)


def _shape(context: click.Context, option: click.Parameter, value: str | None) -> Duration | None:
    try:
        return None if value is None else duration(value)
    except TrafficError as problem:
        raise click.BadParameter(str(problem)) from problem


def _mix(context: click.Context, option: click.Parameter, value: str | None) -> dict[str, float] | None:
    mix: dict[str, float] = {}
    for part in [] if value is None else value.split(","):
        name, _, weight = part.partition("=")
        try:
            mix[name.strip()] = float(weight)
        except ValueError:
            raise click.BadParameter(f"'{part}'; a mix is such as urgent=0.15,normal=0.85") from None
    return mix or None


@click.command("simulate")
@click.option("--world", type=click.Choice(tuple(WORLDS)), help="A whole line by name, see docs/waiting-times.md.")
@click.option("--days", type=click.IntRange(1, 1000), help="How many of that world.  [default: 5]")
@click.option("--trace", type=_FILE, help="Recorded callers: CSV with arrival, handling[, patience, urgency]; seconds.")
@click.option("--forecast", type=_FILE, help="A day of Poisson arrivals: CSV with start (09:30) and calls.")
@click.option("--per-hour", type=Finite(0, 1e6, min_open=True), help="Poisson arrivals, always as many.")
@click.option("--hours", type=Finite(0, 1e6, min_open=True), help="How long they come.  [default: 24]")
@click.option("--calls", type=click.IntRange(1), help="How many come.")
@click.option(
    "--handling", metavar="SHAPE", callback=_shape, help=f"Talk and wrap-up, seconds: {SHAPES}.  [default: {HANDLING}]"
)
@click.option("--drift", type=Finite(0, 0.99), help="Handling swings by so much over the day: 0.3 is ±30 %.")
@click.option("--patience", metavar="SHAPE", callback=_shape, help=f"The same, or endless.  [default: {PATIENCE}]")
@click.option("--urgency", metavar="MIX", callback=_mix, help="Shares, such as urgent=0.15,normal=0.85.")
@click.option("--classes", default=",".join(CLASSES), show_default=True, help="The most urgent first.")
@click.option("--agents", type=click.IntRange(0, 10_000), help="People on duty.")
@click.option("--staff", type=_FILE, help="A plan: CSV with start (HH:MM every day, or seconds) and agents.")
@click.option(
    "--call-backs", type=click.IntRange(1, 100_000), help="Customers to be called back, each day from 9 to 18."
)
@click.option(
    "--call-back-window", type=Finite(1, 540), default=120.0, show_default=True, help="Minutes in which to begin each."
)
@click.option("--call-back-share", type=Finite(0, 1), default=0.25, show_default=True, help="queue.call_backs.share.")
@click.option("--wrap-up", type=_SECONDS, default=20.0, show_default=True, help="Seconds of the handling time.")
@click.option("--answer-delay", type=Finite(0, 60), default=0.0, help="Seconds that a phone rings.")
@click.option("--capacity", type=click.IntRange(1), help="Callers admitted at the same time.  [default: all]")
@click.option("--overtaking-limit", type=_SECONDS, default=180.0, show_default=True, help="Seconds.")
@click.option("--announce-every", type=_POSITIVE, default=45.0, show_default=True, help="Seconds.")
@click.option(
    "--expected-handling", type=_POSITIVE, help="What the line begins with.  [default: the true mean; trace: 180]"
)
@click.option("--expected-patience", type=_POSITIVE, help="The same.  [default: the true mean; trace, endless: 600]")
@click.option(
    "--expected-calls", type=click.IntRange(1), default=100, show_default=True, help="Weight of these, in calls."
)
@click.option("--remembered-calls", type=click.IntRange(1), default=500, show_default=True, help="Memory of the means.")
@click.option("--estimator", type=click.Choice(ESTIMATORS), default=OURS, show_default=True, help="Whose estimates.")
@click.option("--answer-within", type=_SECONDS, default=60.0, show_default=True, help="For the service level, seconds.")
@click.option("--warm-up", type=click.IntRange(0), default=0, show_default=True, help="First callers not measured.")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Independent runs.")
@click.option("--first-seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--processes", type=click.IntRange(1, 1024), help="Side by side.  [default: one for each processor]")
@click.option("--output", type=_FILE, help="CSV with a row for each caller; of several runs one each: NAME-SEED.csv.")
@click.option("--picture", type=_FILE, help="Waits, estimates and kept promises, .png or .svg.")
def simulate_command(**given: Any) -> None:
    """Try callers, people and settings in virtual time, on the very code that runs the line.

    Without options: a day of the ESTP line, with as many people as keep the average wait of 5 minutes (ESTP 2.2d).
    """
    try:
        _simulate(given)
    except (ReadableError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem


def _simulate(given: Mapping[str, Any]) -> None:
    if given["picture"]:
        pictures.check(given["picture"])
    written = [given[name].resolve() for name in ("output", "picture") if given[name]]
    read = [given[name].resolve() for name in ("trace", "forecast", "staff") if given[name]]
    if len({*written, *read}) < len(written) + len(read):
        raise click.UsageError("one file stands for two things; what is written must not replace what is read")
    experiment = Experiment(
        _scenario(given),
        given["estimator"],
        given["warm_up"],
        given["answer_within"],
        given["output"],
        sketched=given["picture"] is not None,
        days=(given["days"] or WORLD_DAYS) if given["world"] else None,
    )
    seeds = range(given["first_seed"], given["first_seed"] + given["seeds"])
    processes = given["processes"] or os.cpu_count() or 1
    runs = experiment.runs(seeds, processes)
    click.echo(f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}, 95 % confidence intervals")
    click.echo(table(experiment.table(runs)))
    kept = [run.kept for run in runs if run.kept]
    if kept:
        click.echo(f"\nAnnouncements in groups of {ENOUGH} and more: {WORLDS[given['world']].sentence}")
        for line in lines(together(kept)):
            click.echo(line)
    if given["call_backs"]:
        without = replace(experiment, scenario=replace(experiment.scenario, call_backs=None), output=None)
        click.echo(f"\n{given['call_backs']} call-backs a day, beside the same callers without them")
        click.echo(table(beside(runs, without.runs(seeds, processes))))
    if given["picture"]:
        pictures.draw(
            [run.sketch for run in runs if run.sketch], given["picture"], title=f"estimator: {given['estimator']}"
        )


def _scenario(given: Mapping[str, Any]) -> Scenario:
    if given["agents"] is not None and given["staff"]:
        raise click.UsageError("--agents and --staff: either is the number of people")
    if sum(given[name] is not None for name in ("trace", "forecast", "per_hour")) > 1:
        raise click.UsageError("--trace, --forecast and --per-hour: one of them says when callers come")
    classes = tuple(name.strip() for name in given["classes"].split(",") if name.strip())
    if not classes or len(set(classes)) < len(classes):
        raise click.UsageError(f"--classes {given['classes']}: names of classes, each once, are needed")
    if given["world"]:
        return _world(given)
    if given["days"] is not None:
        raise click.UsageError("--days is of a --world; --hours says how long others come")
    if given["trace"]:
        return _recorded(given, classes)
    return _synthetic(given, classes)


def _world(given: Mapping[str, Any]) -> Scenario:
    names = ("trace", "forecast", "per_hour", "agents", "staff", "expected_handling", "expected_patience", *OF_NO_TRACE)
    wrong = [f"--{name.replace('_', '-')}" for name in dict.fromkeys(names) if given[name] is not None]
    if wrong:
        raise click.UsageError(f"{', '.join(wrong)}: a world says that itself")
    return WORLDS[given["world"]].scenario(given["days"] or WORLD_DAYS, _line(given, CLASSES))


def _recorded(given: Mapping[str, Any], classes: tuple[str, ...]) -> Scenario:
    wrong = [f"--{name.replace('_', '-')}" for name in OF_NO_TRACE if given[name] is not None]
    if wrong:
        raise click.UsageError(f"{', '.join(wrong)}: a trace says that itself")
    if given["staff"]:
        plan = StaffPlan.read(given["staff"])
    elif given["agents"] is not None:
        plan = StaffPlan.constant(given["agents"])
    else:
        raise click.UsageError("a trace needs people: --agents or --staff")
    trace = Trace(given["trace"], classes)
    trace.check()
    return Scenario(trace, plan, _line(given, classes), given["wrap_up"], given["answer_delay"])


def _synthetic(given: Mapping[str, Any], classes: tuple[str, ...]) -> Scenario:
    default_day = given["forecast"] is None and given["per_hour"] is None
    urgency = given["urgency"] or (ESTP_URGENCY if default_day and classes == CLASSES else None)
    unknown = [name for name in urgency or () if name not in classes]
    if unknown:
        raise click.UsageError(f"--urgency {', '.join(unknown)}: no such class; there are {', '.join(classes)}")
    handling = given["handling"] or duration(HANDLING)
    if given["drift"]:
        handling = Drifting(handling, given["drift"])
    until = inf if given["calls"] and given["hours"] is None else (given["hours"] or 24.0) * 3600.0
    patience = given["patience"] or duration(PATIENCE)
    traffic = Traffic(_arrivals(given), handling, patience, urgency, given["calls"], until)
    line = _line(given, classes if urgency else (_default_class(classes),), traffic)
    return Scenario(
        traffic,
        _staff(given, traffic),
        line,
        given["wrap_up"],
        given["answer_delay"],
        call_backs=_call_backs(given, handling),
    )


def _call_backs(given: Mapping[str, Any], handling: Duration) -> CallBackTraffic | None:
    if not given["call_backs"]:
        return None
    return CallBackTraffic(given["call_backs"], handling, given["call_back_window"] * 60.0)


def _arrivals(given: Mapping[str, Any]) -> Poisson:
    if given["per_hour"] is not None:
        return Poisson((given["per_hour"],))
    if given["forecast"] is not None:
        calls = read_calls(given["forecast"].read_bytes(), str(given["forecast"]))
        return Poisson(tuple(2.0 * calls.get(half_hour, 0.0) for half_hour in range(48)))
    return ESTP_DAY


def _staff(given: Mapping[str, Any], traffic: Traffic) -> StaffPlan:
    if given["staff"]:
        return StaffPlan.read(given["staff"])
    if given["per_hour"] is not None and given["agents"] is not None:
        return StaffPlan.constant(given["agents"])
    return _rota(traffic, given["agents"])


def _rota(traffic: Traffic, agents: int | None) -> StaffPlan:
    """Plan people for the half-hours with calls, and for some time afterwards.

    As many as `agents`, or as many as `callcenter staffing` would advise.
    """
    rates = traffic.arrivals.per_hour
    calls = {half_hour: rates[half_hour % len(rates)] / 2.0 for half_hour in range(48)}
    calls = {half_hour: number for half_hour, number in calls.items() if number > 0}
    people = dict.fromkeys(calls, agents or 0)
    if agents is None:
        patience = traffic.patience.mean if isfinite(traffic.patience.mean) else None
        rows = staffing(calls, traffic.handling.mean, patience, Aim(at_least=AT_LEAST))
        people = {half_hour: row.people for half_hour, row in zip(calls, rows, strict=True)}
    for half_hour in calls:
        for later in range(half_hour + 1, half_hour + 1 + STAY_ON):
            if later % 48 not in calls:
                people[later % 48] = people[half_hour]
    return staffed([people.get(half_hour, 0) for half_hour in range(48)])


def _line(given: Mapping[str, Any], classes: tuple[str, ...], traffic: Traffic | None = None) -> Line:
    handling = given["expected_handling"] or (traffic.handling.mean if traffic else LINE.expected_handling)
    patience = traffic.patience.mean if traffic else inf
    if not (isfinite(patience) and patience > 0):
        patience = LINE.expected_patience
    return replace(
        LINE,
        classes=classes,
        default_class=_default_class(classes),
        capacity=given["capacity"] or LINE.capacity,
        overtaking_limit=given["overtaking_limit"],
        announce_every=given["announce_every"],
        expected_handling=handling,
        expected_patience=given["expected_patience"] or patience,
        expected_calls=given["expected_calls"],
        remembered_calls=given["remembered_calls"],
        answer_within=given["answer_within"],
        call_backs=replace(LINE.call_backs, share=given["call_back_share"]),
    )


def _default_class(classes: tuple[str, ...]) -> str:
    return LINE.default_class if LINE.default_class in classes else classes[-1]
