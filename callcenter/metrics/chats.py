"""Prometheus metrics of chats: who waits, who is answered, what came of them, and how long the first answer took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric


class ChatState(NamedTuple):
    """Counters are since the start, by line."""

    present: Mapping[tuple[str, str], int] = {}
    """Chats that are not over, by line and state."""
    ended: Mapping[tuple[str, str], int] = {}
    """By line and outcome."""
    missed: Mapping[str, int] = {}
    first_answers: Mapping[str, int] = {}
    first_answer_seconds: Mapping[str, int] = {}
    oldest: Mapping[str, float] = {}
    """By line: seconds for which the chat that nobody has accepted yet has waited the longest; 0: none waits."""
    warn_after: Mapping[str, float] = {}
    """By line: seconds after which a wait is too long (`channels.chat.warn_after`)."""
    people: Mapping[str, int] = {}
    """By line: how many on shift have the desk open, of the groups that answer its chats."""


def families(state: ChatState) -> Iterator[Metric]:
    """Return all metric families of chats."""
    present = GaugeMetricFamily("callcenter_chats", "Chats that are not over, by state.", labels=["line", "state"])
    for where, count in state.present.items():
        present.add_metric(where, count)
    yield present
    for name, words, seconds in (
        ("callcenter_chats_oldest_wait_seconds", "Longest present wait for somebody who accepts.", state.oldest),
        ("callcenter_chats_warn_after_seconds", "Waits that are too long, as configured.", state.warn_after),
        ("callcenter_chats_people", "People on shift with the desk open who answer chats.", state.people),
    ):
        gauge = GaugeMetricFamily(name, words, labels=["line"])
        for line, value in seconds.items():
            gauge.add_metric([line], value)
        yield gauge
    ended = CounterMetricFamily(
        "callcenter_chats_ended", "Chats that are over, by what came of them.", labels=["line", "outcome"]
    )
    for what, count in state.ended.items():
        ended.add_metric(what, count)
    yield ended
    for name, words, values in (
        ("callcenter_chat_offers_missed", "Chats that somebody did not accept in time, or declined.", state.missed),
        ("callcenter_chat_first_answers", "Chats that were answered.", state.first_answers),
        (
            "callcenter_chat_first_answer_wait_seconds",
            "Time from the beginning of these to the first answer, added up.",
            state.first_answer_seconds,
        ),
    ):
        family = CounterMetricFamily(name, words, labels=["line"])
        for line, value in values.items():
            family.add_metric([line], value)
        yield family
