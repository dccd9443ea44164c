"""Gauges of the present moment, all from one view."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from callcenter.core.view import LineView, PromiseGroupView, View, WaitingView

PER_WINDOW: tuple[tuple[str, str, Callable[[WaitingView], float | None]], ...] = (
    (
        "callcenter_average_wait_seconds",
        "Average waiting time of the calls answered in the window; absent when there were none.",
        lambda x: x.average,
    ),
    (
        "callcenter_average_wait_registered_seconds",
        "The same of persons registered on the platform only: the published promise.",
        lambda x: x.average_registered,
    ),
    (
        "callcenter_offered_wait_seconds",
        "Average wait that a caller of endless patience would have had in the window.",
        lambda x: x.offered,
    ),
    ("callcenter_answered_calls", "Calls of the queue answered in the window.", lambda x: x.answered),
    (
        "callcenter_answered_registered_calls",
        "Calls of registered persons answered in the window.",
        lambda x: x.answered_registered,
    ),
    ("callcenter_abandoned_calls", "Callers who gave up in the queue in the window.", lambda x: x.abandoned),
    (
        "callcenter_abandonment_ratio",
        "Share of callers who gave up, of those answered or gone in the window.",
        lambda x: _share(x.abandoned, x.answered + x.abandoned),
    ),
    (
        "callcenter_service_level_ratio",
        "Share of callers who were answered soon enough; those who gave up count against it.",
        lambda x: x.service_level,
    ),
)

PROMISES: tuple[tuple[str, str, Callable[[LineView], float | None]], ...] = (
    (
        "callcenter_promises_trusted",
        "1 while times are spoken, 0 while only positions are.",
        lambda x: x.promises.trusted,
    ),
    (
        "callcenter_promises_judged",
        "Estimates by which the line judges its estimator now.",
        lambda x: x.promises.judged,
    ),
    (
        "callcenter_promises_coverage_ratio",
        "Share of waits within the 90th percentile of their estimate; giving up censors (Kaplan-Meier).",
        lambda x: x.promises.coverage,
    ),
    ("callcenter_promises_kept_ratio", "Share of spoken times that were kept lately.", lambda x: x.promises.kept),
    (
        "callcenter_promises_bias_ratio",
        "Mean estimate less mean real wait, relative to the mean real wait.",
        lambda x: x.promises.bias,
    ),
    (
        "callcenter_promises_rmse_ratio",
        "Root of the mean squared error of the estimates, relative to the mean real wait.",
        lambda x: x.promises.rmse,
    ),
)

PROMISE_GROUPS: tuple[tuple[str, str, Callable[[PromiseGroupView], float | None]], ...] = (
    (
        "callcenter_promises_group_trusted",
        "1 while times are spoken to callers of this class, on joining or later.",
        lambda x: x.trusted,
    ),
    (
        "callcenter_promises_group_coverage_ratio",
        "Share of their latest waits within the 90th percentile as it would be announced now (Kaplan-Meier).",
        lambda x: x.coverage,
    ),
    (
        "callcenter_promises_group_widened_ratio",
        "By what the formula's 90th percentile is multiplied for them at most, because it proved too short.",
        lambda x: x.widened,
    ),
)


def families(view: View) -> Iterator[Metric]:
    """Return all metric families of the floor."""
    lines = list(view.lines.values())
    yield from _published(lines)
    yield from _queue(lines)
    yield from _estimator(lines)
    yield from _staff(view)


def by_line(
    name: str, help_text: str, lines: Iterable[LineView], value: Callable[[LineView], float | None]
) -> GaugeMetricFamily:
    """Make a gauge with one value for each line that has the value."""
    family = GaugeMetricFamily(name, help_text, labels=["line"])
    for line in lines:
        found = value(line)
        if found is not None:
            family.add_metric([line.id], found)
    return family


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _published(lines: list[LineView]) -> Iterator[Metric]:
    """Opening hours, lines and waiting times as published (ESTP 2.2a, 2.2b, 2.2d)."""
    yield by_line("callcenter_line_open", "1 during the line's published hours.", lines, lambda x: x.open)
    yield by_line(
        "callcenter_lines_in_use",
        "Callers on the line at this moment, in any state.",
        lines,
        lambda x: x.lines_in_use,
    )
    yield by_line("callcenter_lines_capacity", "Callers admitted at the same time.", lines, lambda x: x.capacity)
    yield by_line(
        "callcenter_target_wait_seconds",
        "The average waiting time that is not to be exceeded.",
        lines,
        lambda x: x.target_wait,
    )
    for name, help_text, value in PER_WINDOW:
        family = GaugeMetricFamily(name, help_text, labels=["line", "window"])
        for line in lines:
            for window, waiting in line.windows.items():
                found = value(waiting)
                if found is not None:
                    family.add_metric([line.id, window], found)
        yield family


def _queue(lines: list[LineView]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "callcenter_waiting_callers", "Callers waiting in the queue.", labels=["line", "urgency"]
    )
    for line in lines:
        for urgency, callers in line.waiting.items():
            waiting.add_metric([line.id, urgency], callers)
    yield waiting
    yield by_line(
        "callcenter_longest_wait_seconds",
        "Wait so far of the caller who has waited longest; 0: nobody waits.",
        lines,
        lambda x: x.longest_wait,
    )


def _estimator(lines: list[LineView]) -> Iterator[Metric]:
    """The inputs of the wait estimate, the estimate itself, and how accurate it was (ESTP 5.4.6)."""
    yield by_line(
        "callcenter_handling_seconds",
        "Mean handling time, wrap-up included, that estimates are made with.",
        lines,
        lambda x: x.handling,
    )
    yield by_line(
        "callcenter_patience_seconds",
        "Mean patience that estimates are made with; absent while nobody gives up.",
        lines,
        lambda x: x.patience,
    )
    yield by_line(
        "callcenter_next_wait_seconds",
        "Estimated mean wait of a caller who joined now; absent when nobody can tell.",
        lines,
        lambda x: x.next_wait,
    )
    for name, help_text, value in PROMISES:
        yield by_line(name, help_text, lines, value)
    for name, help_text, of_group in PROMISE_GROUPS:
        family = GaugeMetricFamily(name, help_text, labels=["line", "urgency", "announcement"])
        for line in lines:
            for group in line.promises.groups:
                found = of_group(group)
                if found is not None:
                    family.add_metric([line.id, group.urgency, "later" if group.later else "first"], found)
        yield family


def _staff(view: View) -> Iterator[Metric]:
    lines = view.lines.values()
    people = GaugeMetricFamily(
        "callcenter_operators",
        "People by group and by what they and their phones do.",
        labels=["group", "presence", "activity"],
    )
    for state, count in sorted(Tally((p.group, p.presence, p.activity) for p in view.operators.values()).items()):
        people.add_metric(state, count)
    yield people
    free = GaugeMetricFamily("callcenter_operators_free", "People who can take a call now.", labels=["group"])
    for group, number in view.free.items():
        free.add_metric([group], number)
    yield free
    yield by_line(
        "callcenter_operators_on_duty",
        "People of the line's groups on shift, not paused, and at a phone that can be reached.",
        lines,
        lambda x: x.on_duty,
    )
    yield by_line(
        "callcenter_operators_out_of_reach",
        "People of the line's groups on shift and not paused, whose phone can't be reached.",
        lines,
        lambda x: x.out_of_reach,
    )
    yield by_line(
        "callcenter_operators_required",
        "People who must be on duty during hours.",
        lines,
        lambda x: x.required_staff,
    )
    yield by_line(
        "callcenter_understaffed",
        "1 when the line is open with fewer people on duty than required, by telephone or in writing.",
        lines,
        lambda x: x.open and (x.on_duty < x.required_staff or x.written_on_duty < x.required_written),
    )
