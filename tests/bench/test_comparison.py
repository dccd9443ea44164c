"""The comparison's own arithmetic: which moments count, what is divided by what, what breaks a measurement."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.bench import comparison_cli
from tests.bench.comparison import OURS, THEIRS, Case, Comparison, Plan, Ratio
from tests.bench.comparison_cli import compare_systems
from tests.bench.desk import Desk
from tests.bench.reaction import JOINED, Reaction, Spread, Talk, Waiting, steps
from tests.bench.sip_log import Caller
from tests.bench.system import Edit, dialplan
from tests.bench.throughput import LATE, Step, Throughput
from tests.bench.usage import Usage
from tests.bench.verdict import BrokenMeasurementError


def desk(called: Sequence[tuple[float, str]], freed: Sequence[float]) -> Desk:
    """A phone that was called and became free at these moments."""
    found = Desk("101", "127.0.0.1", 0, ("127.0.0.1", 5060))
    found.called, found.freed = list(called), list(freed)
    return found


def reaction(*samples: float) -> Reaction:
    spread = Spread.of_milliseconds(samples)
    return Reaction(2, 20, "1 s", samples, 0, 0, spread, None, None, None, spread, Usage(0, 0, 0, 0))


def step(rate: float, **changes: float) -> Step:
    """A step without trouble, but for the changes."""
    fine = Step(rate, rate, 100, 100, 100, 0.55, 0.6, 0.5, 0.1, 0.1)
    return replace(fine, **changes)  # type: ignore[arg-type]  # counts are whole numbers


# -- latency -------------------------------------------------------------------------------------------------------


def test_an_operators_time_runs_from_the_end_of_a_call_to_the_next_one_at_the_same_phone() -> None:
    phone = desk([(1.0, "a"), (3.5, "b"), (7.0, "c")], [3.0, 6.0, 9.0])
    assert [(one.freed, one.called) for one in steps({"101": phone}, ())] == [(3.0, 3.5), (6.0, 7.0), (9.0, None)]


def test_a_call_that_was_withdrawn_before_the_answer_does_not_shift_the_later_ones() -> None:
    phone = desk([(1.0, "a"), (2.0, "b"), (5.5, "c")], [5.0])  # «a» gave up while the phone rang
    facts = [
        ("originate", 0.9, "offer-1", "101"),
        ("originate", 1.9, "offer-2", "101"),
        ("hangup", 5.2, "offer-2", "waiting"),
        ("originate", 5.3, "offer-3", "101"),
    ]
    (one,) = steps({"101": phone}, facts)
    assert (one.freed, one.called, one.parts) == (5.0, 5.5, (5.2, 5.3))


def test_a_caller_waits_from_the_end_of_the_greeting_until_an_operators_phone_is_called() -> None:
    clocks = time.time() - time.monotonic()
    callers = [Caller("a", clocks + 10.0, clocks + 100.0), Caller("b", clocks + 10.0, clocks + 15.0)]
    waiting = Waiting(callers, {"101": desk([(20.0, "a")], [])})
    moments = (10.0 + JOINED - 0.1, 10.0 + JOINED + 0.1, 16.0, 20.1)
    assert [waiting.at(moment) for moment in moments] == [0, 2, 1, 0]


def test_the_ratio_is_that_of_the_medians_of_all_rounds_with_the_range_of_single_ones() -> None:
    rounds = {OURS: [reaction(4, 5, 6), reaction(5, 5, 5)], THEIRS: [reaction(400, 500), reaction(600, 700)]}
    assert Case(2, 20, "1 s", rounds).ratio == Ratio(110.0, 90.0, 130.0)


# -- throughput ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answered": 98, "registered": 98}, "2 of 100 calls were not answered"),
        ({"registered": 99}, "1 answered calls are not in the register"),
        ({"delay_p95": LATE + 0.5}, "after dialling"),
        ({"reached": 30.0}, "sipp placed only 30.0"),
    ],
)
def test_a_rate_is_too_high_when_calls_fail_come_late_or_cannot_be_placed(
    changes: dict[str, float], words: str
) -> None:
    assert step(50.0).trouble() == ""
    found = Throughput(10, (step(25.0), step(50.0, **changes)))
    assert found.borne == 25.0
    assert words in found.end


# -- what breaks a measurement ---------------------------------------------------------------------------------------


def test_a_template_without_the_line_to_be_changed_breaks_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(BrokenMeasurementError, match=r"acl\.conf\.j2 has no 'eventfilter'"):
        dialplan(tmp_path / "dialplan", Edit("acl.conf.j2", "eventfilter", ""))


def run(monkeypatch: pytest.MonkeyPatch, to: Path, act: Callable[[Comparison], None]) -> int:
    """`compare`, where `act` measures. Returns the exit code."""

    async def compare(plan: Plan, parts: object, folder: object, into: Comparison, say: object) -> None:
        act(into)

    monkeypatch.setattr(comparison_cli, "compare", compare)
    monkeypatch.setattr(comparison_cli, "circumstances", lambda: {"cores": 2})
    return CliRunner().invoke(compare_systems, ["--to", str(to)]).exit_code


def test_slow_figures_are_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def slow(into: Comparison) -> None:
        into.latency.append(Case(2, 20, "1 s", {OURS: [reaction(9000.0)], THEIRS: [reaction(1.0)]}))

    assert run(monkeypatch, tmp_path / "found.json", slow) == 0
    (case,) = json.loads((tmp_path / "found.json").read_text())["latency"]
    assert case["ours"]["spread"]["median"] == 9000.0


def test_a_broken_measurement_is_and_what_was_measured_before_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(into: Comparison) -> None:
        into.throughput[OURS] = Throughput(10, (step(25.0),))
        raise BrokenMeasurementError("nobody became free")

    assert run(monkeypatch, tmp_path / "found.json", broken) == 1
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["problem"] == "nobody became free"
    assert found["throughput"][OURS]["borne"] == 25.0


def test_talks_of_real_length_have_the_mean_that_their_name_says() -> None:
    talk = Talk.real(20.0, 1.0)
    mean = sum(talk.draw() for _ in range(20_000)) / 20_000
    assert talk.name == "real, 20 s"
    assert mean == pytest.approx(20.0, rel=0.1)
