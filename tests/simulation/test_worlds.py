"""Lines by name: what each has that the textbook's queue has not, and how promises are judged on them."""

from __future__ import annotations

from collections import Counter
from math import inf, log
from statistics import correlation, fmean, stdev

import pytest
from click.testing import CliRunner

from callcenter.cli.simulate import simulate_command
from callcenter.simulation.crowd import Crowd, Kind, Level
from callcenter.simulation.outcome import Heard, SimulatedCall
from callcenter.simulation.promises import Cell, Kept, lines, together
from callcenter.simulation.rivals import LastAnswered
from callcenter.simulation.simulator import Simulation
from callcenter.simulation.traffic import ESTP_DAY, Exponential, Poisson, TrafficError
from callcenter.simulation.worlds import WORLDS

pytestmark = pytest.mark.clause("ESTP 5.4.6")

ANYBODY = (Kind(1.0, Exponential(100.0), Exponential(100.0)),)


def levels(level: Level, days: int) -> list[list[float]]:
    """By day, the calls of each half-hour relative to what was to be expected."""
    crowd = Crowd(Poisson((1000.0,) * 48), ANYBODY, days, level)
    counts = Counter(int(call.at // 1800) for call in crowd.calls(1))
    return [[counts[day * 48 + slot] / 500 for slot in range(48)] for day in range(days)]


def test_a_level_that_wanders_is_alike_in_neighbouring_half_hours() -> None:
    days = levels(Level(half_hour=0.3, kept=0.6), 30)
    logs = [[log(each) for each in day] for day in days]
    assert stdev(each for day in logs for each in day) == pytest.approx(0.3, abs=0.04)
    pairs = [pair for day in logs for pair in zip(day, day[1:], strict=False)]
    assert correlation(*zip(*pairs, strict=True)) == pytest.approx(0.6, abs=0.08)
    assert fmean(each for day in days for each in day) == pytest.approx(1, abs=0.05)


def test_a_factor_of_the_day_is_the_same_from_morning_to_evening() -> None:
    days = levels(Level(day=0.25), 60)
    assert stdev(fmean(day) for day in days) == pytest.approx(0.25, abs=0.06)
    assert fmean(stdev(day) for day in days) < 0.06


@pytest.mark.parametrize("wrong", [{"day": -1.0}, {"half_hour": 3.0}, {"kept": 1.0}])
def test_levels_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(TrafficError, match="level"):
        Level(**wrong)
    with pytest.raises(TrafficError, match="at least one kind"):
        Crowd(ESTP_DAY, (), 1)
    with pytest.raises(TrafficError, match="at least one day"):
        Crowd(ESTP_DAY, ANYBODY, 0)


def test_equal_seeds_are_equal_days() -> None:
    crowd = WORLDS["subjects"].scenario(2).demand
    assert list(crowd.calls(3)) == list(crowd.calls(3)) != list(crowd.calls(4))


def heard(at: float, number: int, p90: float, spoken: float | None = 3.0) -> Heard:
    return Heard(at, number, 2, "normal", 60.0, p90, spoken)


def test_every_announcement_is_judged_by_what_a_patient_caller_would_have_waited() -> None:
    kept = Kept()
    announced = (heard(1000.0, 1, 100.0), heard(1045.0, 2, 80.0), heard(1090.0, 3, 0.5, None))
    for _ in range(300):
        kept.add(
            SimulatedCall(1000.0, "normal", 2, 3, 60.0, 100.0, 120.0, "abandoned", 95.0, 180.0, 95.0, False,
                          {"les": (240.0, None)}, announced, 1000.0)
        )  # fmt: skip
    cells = {name: cell.share for (_, name), cell in kept.cells.items() if cell.share is not None}
    assert cells["on joining"] == 0, "120 s are more than 100"
    assert cells["later"] == 0.5, "75 s are within 80, 30 s not within half a second"
    assert cells["0–60 s"] == 1
    assert cells["60–180 s"] == 0
    assert kept.to_les == pytest.approx(0.5)
    assert kept.distrust == 0
    assert kept.excess == pytest.approx(0.5), "three minutes, where nine of ten waited two"
    whole = together([kept, kept])
    assert whole.cells["announcement", "later"].judged == 1200
    assert any("later" in line for line in lines(whole))
    assert (Cell().share, Kept().distrust, Kept().excess, Kept().to_les) == (None, None, None, None)


def judged(world: str, days: int, seed: int = 1) -> Kept:
    simulation = Simulation(WORLDS[world].scenario(days), seed, [LastAnswered()])
    kept = Kept(days=days)
    for call in simulation.calls():
        kept.add(call)
        assert not call.rose or world != "steady"
    return kept


@pytest.mark.parametrize("world", ["two-classes", "too-short"])
def test_promises_hold_in_a_world_that_is_not_as_the_formula_assumes(world: str) -> None:
    kept = judged(world, 2)
    for name in ("on joining", "later"):
        share = kept.cells["announcement", name].share
        assert share is not None
        assert 0.86 < share < 0.96
    assert kept.to_les is not None
    assert kept.to_les < 0.8


def test_a_world_is_simulated_by_name() -> None:
    found = CliRunner().invoke(simulate_command, ["--world", "patience", "--days", "1"])
    assert found.exit_code == 0, found.output
    assert "urgent callers are patient" in found.output
    assert "announcement later" in found.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--world", "steady", "--agents", "3"], "--agents: a world says that itself"),
        (["--world", "steady", "--per-hour", "3", "--handling", "constant:3"], "--per-hour, --handling: a world"),
        (["--days", "3"], "--days is of a --world"),
        (["--world", "flat"], "'flat' is not one of"),
    ],
)
def test_what_a_world_says_itself_is_not_taken(arguments: list[str], words: str) -> None:
    found = CliRunner().invoke(simulate_command, arguments)
    assert found.exit_code == 2
    assert words in " ".join(found.output.split())


def test_every_world_has_a_sentence_and_callers() -> None:
    for world in WORLDS.values():
        scenario = world.scenario(1)
        assert world.sentence
        assert 700 < sum(1 for _ in scenario.demand.calls(1)) < 2000
        assert scenario.line.expected_patience < inf
