"""Who is on duty when, from a plan of the day or of single moments."""

from __future__ import annotations

from itertools import islice
from math import inf, nan
from pathlib import Path

import pytest

from callcenter.simulation.staff_plan import StaffPlan, StaffPlanError, staffed

HOUR = 3600.0


def plan(folder: Path, text: str | bytes) -> StaffPlan:
    path = folder / "plan.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return StaffPlan.read(path)


def test_a_plan_of_the_day_is_the_same_every_day(tmp_path: Path) -> None:
    daily = plan(tmp_path, "start,agents\n09:00,2\n9:30,4\n18:00,0\n")
    assert [daily.at(hour * HOUR) for hour in (0, 8.9, 9, 9.5, 17.9, 18, 24 + 9, 48 + 12)] == [0, 0, 2, 4, 4, 0, 2, 4]
    assert list(islice(daily.changes(9.25 * HOUR), 5)) == [
        (9.25 * HOUR, 2),
        (9.5 * HOUR, 4),
        (18 * HOUR, 0),
        (33 * HOUR, 2),
        (33.5 * HOUR, 4),
    ]
    assert daily.most == 4


@pytest.mark.parametrize(
    "text",
    [
        "start;agents\r\n9:00;2\r\n13:30;3\r\n",
        "start,agents\n09:00:00,2\n13:30:00,3\n",
        "Start ; AGENTS;примечание\n09:00:00;2;утро\n13:30;3;\n".encode("cp1251"),
    ],
    ids=["semicolons", "seconds", "windows-1251"],
)
def test_a_plan_is_taken_as_spreadsheets_write_it(tmp_path: Path, text: str | bytes) -> None:
    assert plan(tmp_path, text).steps == ((9 * HOUR, 2), (13.5 * HOUR, 3))


def test_the_last_step_of_a_day_lasts_over_midnight(tmp_path: Path) -> None:
    assert plan(tmp_path, "start,agents\n08:00,5\n20:00,1\n").at(3 * HOUR) == 1


def test_a_plan_in_seconds_happens_once_with_nobody_before_it(tmp_path: Path) -> None:
    once = plan(tmp_path, "agents,start\n3,100\n0,200.5\n1,90000\n")
    assert [once.at(second) for second in (0, 99, 100, 200.5, 90000, 1e9)] == [0, 0, 3, 0, 1, 1]
    assert list(once.changes(150.0)) == [(150.0, 3), (200.5, 0), (90000.0, 1)]


def test_a_constant_number_never_changes() -> None:
    assert list(StaffPlan.constant(7).changes(1e6)) == [(1e6, 7)]


def test_a_table_of_half_hours_is_a_plan() -> None:
    table = staffed([0] * 18 + [3] * 18 + [0] * 12)
    assert (table.at(8.99 * HOUR), table.at(9 * HOUR), table.at(18 * HOUR)) == (0, 3, 0)
    with pytest.raises(StaffPlanError, match="48"):
        staffed([1] * 47)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column agents and no start"),
        ("start,people\n09:00,2\n", "no column agents in the first line"),
        ("start,agents\n", "no rows"),
        ("start,agents\n09:00,0\n10:00,0\n", "nobody is ever on duty"),
        ("start,agents\n09:00,2\n36000,3\n", "line 3: a start as HH:MM and one in seconds"),
        ("start,agents\n09:00,2\n08:30,3\n", "line 3: starts not later"),
        ("start,agents\n100,2\n100,3\n", "line 3: starts not later"),
        ("start,agents\n24:00,2\n", "line 2: start '24:00' is neither"),
        ("start,agents\n-5,2\n", "line 2: start '-5' is neither"),
        ("start,agents\nnan,2\n", "line 2: start 'nan' is neither"),
        ("start,agents\n,2\n", "line 2: start '' is neither"),
        ("start,agents\n09:00,-1\n", "line 2: agents '-1' is not a whole number"),
        ("start,agents\n09:00,2.5\n", "line 2: agents '2.5' is not a whole number"),
        ("start,agents\n09:00\n", "line 2: agents 'None' is not|line 2: agents '' is not"),
        ("start,agents\n09:00,20000\n", "line 2: 20000 agents; 10000 are the most"),
        (b"start,agents\n\xff,2\n", "line 2: start '.' is neither"),
        ('start,agents\n"1,2\n' + "3,4\n" * 50_000, "cannot be read|neither"),
    ],
)
def test_a_plan_that_cannot_be_worked_by_says_where_and_why(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(StaffPlanError, match=words) as caught:
        plan(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "plan.csv"))


def test_a_plan_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StaffPlanError, match=r"none\.csv: cannot be read"):
        StaffPlan.read(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("steps", "daily"),
    [((), True), (((0.0, 0),), True), (((0.0, -1), (1.0, 1)), False), (((5.0, 1), (5.0, 2)), False)]
    + [(((nan, 1),), False), (((inf, 1),), False), (((0.0, 1), (90000.0, 1)), True), (((0.0, 10_001),), True)],
)
def test_steps_that_are_no_plan_are_refused(steps: tuple[tuple[float, int], ...], daily: bool) -> None:
    with pytest.raises(StaffPlanError):
        StaffPlan(steps, daily)
