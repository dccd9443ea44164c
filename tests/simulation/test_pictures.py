"""Pictures show what happened, in both formats, again and again the same; or say why they cannot."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

from callcenter.simulation import pictures
from callcenter.simulation.bound import Bound
from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.pictures import CannotDraw, Sketch, check, draw
from tests.simulation.first_come import first_come

NINE = 9 * 3600.0


def days(seed: int, calls: int = 3000) -> Iterator[SimulatedCall]:
    rivals = [Bound(240, 600)]
    return first_come(calls=calls, staff=8, load=1.05, handling=240, patience=600, rivals=rivals, seed=seed)


@pytest.fixture(scope="module")
def runs() -> list[Sketch]:
    return [Sketch.of(days(seed), starts_at=NINE) for seed in (1, 2)]


def words(svg: Path) -> set[str]:
    root = ElementTree.parse(svg).getroot()
    return {"".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text")}


def test_an_svg_has_the_three_panels_and_is_the_same_every_time(runs: list[Sketch], tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        draw(runs, tmp_path / name, title="A busy line")
    assert words(tmp_path / "one.svg") >= {
        "A busy line",
        "Waits over the day, by half-hour of arrival",
        "target: 5 min",
        "people on duty (right)",
        "Estimate on joining against the real wait",
        "P90 promised",
        "P90 estimates that were kept, by callers ahead on joining",
        "kept, 95 % interval over 2 runs",
    }
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_png_is_a_picture_and_not_an_empty_sheet(runs: list[Sketch], tmp_path: Path) -> None:
    draw(runs[:1], tmp_path / "waits.PNG")
    image = imread(tmp_path / "waits.PNG")
    assert image.shape[:2] == (960, 1320)
    dark = (image[..., :3].min(axis=2) < 0.9).mean()
    assert 0.02 < dark < 0.7


def test_a_run_without_callers_or_without_waiting_is_drawn_too(tmp_path: Path) -> None:
    draw([], tmp_path / "nothing.svg")
    draw([Sketch()], tmp_path / "none.svg")
    assert words(tmp_path / "nothing.svg") & words(tmp_path / "none.svg") >= {"nobody called", "nobody had to wait"}


def test_gaps_in_the_day_are_gaps_in_the_picture(tmp_path: Path) -> None:
    """A pause without calls, a half-hour with nobody on duty, waits that nobody knows at the end."""
    calls = []
    for call in days(1):
        hour = call.arrived_at / 3600
        if 3 <= hour < 4:
            continue
        call = replace(call, staff=0, estimate=None, p90=None) if 2 <= hour < 2.5 else call
        calls.append(replace(call, offered_wait=None, outcome="waiting") if hour >= 8 else call)
    sketch = Sketch.of(calls, starts_at=NINE)
    assert (24 in sketch.staff, 25 in sketch.staff) == (False, False)
    assert set(sketch.staff[22]) == {0}
    assert 34 in sketch.staff
    assert 34 not in sketch.offered
    draw([sketch], tmp_path / "gaps.svg")


def test_days_are_laid_upon_each_other_by_the_hour() -> None:
    first, second = next(days(1)), next(days(2))
    sketch = Sketch.of(
        [replace(first, arrived_at=100.0), replace(second, arrived_at=86_400 * 3 + 100.0)], starts_at=NINE
    )
    assert {slot: len(waits) for slot, waits in sketch.offered.items()} == {18: 2}


def test_a_sketch_of_a_year_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "POINTS", 100)
    sketch = Sketch.of(days(1))
    assert 50 < len(sketch.points) <= 100
    assert sum(sketch.promised) > 1000
    assert pickle.loads(pickle.dumps(sketch)).points == sketch.points


@pytest.mark.parametrize(
    ("name", "why"), [("waits.gif", "ends in .png or .svg, not to 'waits.gif'"), ("no/such/waits.svg", "no folder")]
)
def test_a_place_that_cannot_take_a_picture_is_named_before_the_work(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(CannotDraw, match=why):
        check(tmp_path / name)


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(CannotDraw, match="need matplotlib, .*'make dev-environment' or 'pip install matplotlib'"):
        draw([], tmp_path / "waits.svg")
    assert not list(tmp_path.iterdir())
