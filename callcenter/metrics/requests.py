"""Figures of requests and of the outbox. They come from the register, so they are as old as the last look into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from callcenter.metrics import call_backs, chats
from callcenter.metrics.call_backs import CallBackState
from callcenter.metrics.chats import ChatState


class ChannelState(NamedTuple):
    """What came in by written channels."""

    outcomes: Mapping[tuple[str, str, str], int] = {}
    """Messages since the start, by line, channel and what became of them."""
    ages: Mapping[tuple[str, str], float] = {}
    """Seconds since a channel was last looked at with success, by line and channel."""
    waiting: Mapping[tuple[str, str], int] = {}
    """Messages that the channel has, taken or not."""


class FileState(NamedTuple):
    """Files of requests and the virus scanner."""

    waiting: int
    oldest: float
    """Seconds that the oldest has waited for it."""
    checked: Mapping[str, int]
    """Since the start, by what it said: `clean`, `infected`."""


class RequestState(NamedTuple):
    """What is open and late, what was warned of, what waits to leave."""

    open: Mapping[tuple[str, str], int] = {}
    """By line and state."""
    overdue: Mapping[tuple[str, str], int] = {}
    """By line and target."""
    warnings: Mapping[tuple[str, str, str], int] = {}
    """Since the start, by line, target and `before` or `after`."""
    waiting: Mapping[str, int] = {}
    """Messages in the outbox, by way."""
    oldest: Mapping[str, float] = {}
    """Seconds that the oldest of them has waited, by way."""
    means: Mapping[tuple[str, str], float] = {}
    """Seconds until an answer, by line and `registered` or `others`: the mean of the last 30 days (eLot 2.2b)."""
    mean_aims: Mapping[tuple[str, str], float] = {}
    """What it is judged by."""
    letters_late: Mapping[str, int] = {}
    """Letters on paper that should have been posted, by line."""
    sent: int = 0
    """Since the start, by this controller; and given up."""
    failed: int = 0
    call_backs: CallBackState = CallBackState()
    channels: ChannelState = ChannelState()
    files: FileState | None = None
    """None: no scanner is asked."""
    chats: ChatState = ChatState()


def families(state: RequestState) -> Iterator[Metric]:
    """Return all metric families of requests."""
    open_ = GaugeMetricFamily(
        "callcenter_requests_open", "Requests that have not ended, by state.", labels=["line", "state"]
    )
    for labels, count in state.open.items():
        open_.add_metric(labels, count)
    yield open_
    overdue = GaugeMetricFamily(
        "callcenter_requests_overdue", "Of these, those of which a target is missed.", labels=["line", "target"]
    )
    for labels, count in state.overdue.items():
        overdue.add_metric(labels, count)
    yield overdue
    warnings = CounterMetricFamily(
        "callcenter_request_warnings",
        "Warnings before and after targets of requests.",
        labels=["line", "target", "when"],
    )
    for warning, count in state.warnings.items():
        warnings.add_metric(warning, count)
    yield warnings
    yield _means("callcenter_request_mean_answer_seconds", "Mean time to an answer, of the last 30 days.", state.means)
    yield _means("callcenter_request_mean_answer_aim_seconds", "How long that may be.", state.mean_aims)
    yield from _outbox(state)
    yield from call_backs.families(state.call_backs)
    yield from _channels(state.channels)
    if state.files is not None:
        yield from _files(state.files)
    yield from chats.families(state.chats)


def _means(name: str, about: str, found: Mapping[tuple[str, str], float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=["line", "who"])
    for labels, seconds in found.items():
        family.add_metric(labels, seconds)
    return family


def _outbox(state: RequestState) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("callcenter_outbox_messages", "Messages that have to leave.", labels=["way"])
    oldest = GaugeMetricFamily(
        "callcenter_outbox_oldest_seconds", "Time that the oldest of them has waited.", labels=["way"]
    )
    for way, count in state.waiting.items():
        waiting.add_metric([way], count)
    for way, seconds in state.oldest.items():
        oldest.add_metric([way], seconds)
    yield waiting
    yield oldest
    late = GaugeMetricFamily(
        "callcenter_letters_late", "Letters on paper that nobody has posted in time.", labels=["line"]
    )
    for line, count in state.letters_late.items():
        late.add_metric([line], count)
    yield late
    yield CounterMetricFamily("callcenter_outbox_sent", "Messages that were taken.", value=state.sent)
    yield CounterMetricFamily("callcenter_outbox_failed", "Messages that were given up.", value=state.failed)


def _files(state: FileState) -> Iterator[Metric]:
    yield GaugeMetricFamily("callcenter_files_unchecked", "Files that wait for the virus scanner.", value=state.waiting)
    yield GaugeMetricFamily(
        "callcenter_files_unchecked_seconds", "Time that the oldest of them has waited.", value=state.oldest
    )
    checked = CounterMetricFamily(
        "callcenter_files_checked", "Files that the virus scanner has answered about.", labels=["verdict"]
    )
    for verdict, count in state.checked.items():
        checked.add_metric([verdict], count)
    yield checked


def _channels(state: ChannelState) -> Iterator[Metric]:
    arrived = CounterMetricFamily(
        "callcenter_channel_messages",
        "Messages that came in by written channels, by what became of them.",
        labels=["line", "channel", "outcome"],
    )
    for labels, count in state.outcomes.items():
        arrived.add_metric(labels, count)
    yield arrived
    age = GaugeMetricFamily(
        "callcenter_channel_age_seconds",
        "Time since the channel was last looked at with success.",
        labels=["line", "channel"],
    )
    for where, seconds in state.ages.items():
        age.add_metric(where, seconds)
    yield age
    there = GaugeMetricFamily(
        "callcenter_channel_mailbox_messages", "Messages in the mailbox, taken or not.", labels=["line", "channel"]
    )
    for where, messages in state.waiting.items():
        there.add_metric(where, messages)
    yield there
