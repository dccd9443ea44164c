"""`callcenter simulate`, as somebody types it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.cli.simulate import simulate_command


def simulate(*arguments: object) -> Result:
    return CliRunner().invoke(simulate_command, [str(argument) for argument in arguments])


def shown(result: Result) -> dict[str, str]:
    """The table: name -> value."""
    assert result.exit_code == 0, result.output
    rows = (line.split("  ", 1) for line in result.output.splitlines() if "  " in line)
    return {name: value.strip() for name, value in rows}


def written(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_without_options_a_day_of_the_line_is_simulated() -> None:
    figures = shown(simulate())
    assert 900 < int(figures["callers"].split()[0]) < 1150
    assert float(figures["offered wait, mean"].split()[0]) > 0
    assert figures["no estimate, position only"] == "0 calls"
    assert "occupancy" in figures
    assert "nan" not in str(figures)


def test_somebody_judges_the_estimates_on_calls_of_their_own(tmp_path: Path) -> None:
    trace, rows = tmp_path / "calls.csv", tmp_path / "rows.csv"
    trace.write_text("arrival,handling,patience,urgency\n0,100,,\n10,100,20,\n40,100,,\n50,100,,urgent\n")
    figures = shown(simulate("--trace", trace, "--agents", 1, "--output", rows))
    assert figures["callers"] == "4 calls"
    table = written(rows)
    assert [row["outcome"] for row in table] == ["answered", "abandoned", "answered", "answered"]
    assert [row["offered_wait"] for row in table] == ["0.000", "190.000", "160.000", "50.000"]
    assert [row["estimate"] == "0.000" for row in table] == [True, False, False, False]
    assert all(float(row["p90"]) > float(row["estimate"]) for row in table[1:])


def test_another_estimator_stands_in_the_rows_of_the_same_callers(tmp_path: Path) -> None:
    trace, rows = tmp_path / "calls.csv", tmp_path / "rows.csv"
    trace.write_text("arrival,handling\n0,100\n10,100\n20,100\n250,100\n")
    figures = shown(simulate("--trace", trace, "--agents", 1, "--output", rows, "--estimator", "hol"))
    assert [row["estimate"] for row in written(rows)] == ["0.000", "0.000", "10.000", "0.000"]
    assert [row["p90"] for row in written(rows)] == ["0.000", "", "", ""]
    assert figures["P90 coverage"] == "-"
    assert "heard a longer time than before" not in figures


def test_the_rows_of_one_simulation_are_a_trace_for_another(tmp_path: Path) -> None:
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    shown(simulate("--per-hour", 36, "--agents", 2, "--calls", 80, "--output", first))
    shown(simulate("--trace", first, "--agents", 2, "--output", again))
    waits = [[float(row["offered_wait"]) for row in written(path)] for path in (first, again)]
    assert max(waits[0]) > 60
    assert waits[0] == pytest.approx(waits[1], abs=0.5)


def test_a_plan_says_who_is_there(tmp_path: Path) -> None:
    trace, plan, rows = tmp_path / "calls.csv", tmp_path / "plan.csv", tmp_path / "rows.csv"
    trace.write_text("arrival,handling\n28800,100\n32450,100\n")
    plan.write_text("start,agents\n09:00,1\n18:00,0\n")
    shown(simulate("--trace", trace, "--staff", plan, "--output", rows))
    early, second = written(rows)
    assert (early["staff"], early["estimate"], early["waited"]) == ("0", "", "3600.000")
    assert (second["staff"], second["waited"]) == ("1", "50.000")
    assert float(second["estimate"]) > 0


def test_several_seeds_give_intervals_and_a_file_each(tmp_path: Path) -> None:
    arguments = ("--per-hour", 30, "--agents", 2, "--calls", 60, "--seeds", 3, "--output", tmp_path / "rows.csv")
    figures = shown(simulate(*arguments, "--processes", 1))
    assert "±" in figures["offered wait, mean"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows-1.csv", "rows-2.csv", "rows-3.csv"]
    assert len({path.read_text() for path in tmp_path.iterdir()}) == 3
    assert shown(simulate(*arguments, "--processes", 2)) == figures


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    shown(simulate("--per-hour", 60, "--agents", 3, "--calls", 200, "--picture", tmp_path / "waits.svg"))
    assert "<svg" in (tmp_path / "waits.svg").read_text()


def test_urgency_drift_and_shapes_are_typed_as_text(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    figures = shown(
        simulate(
            *("--per-hour", 40, "--calls", 150, "--agents", 2, "--urgency", "urgent=1,normal=1", "--drift", 0.3),
            *("--handling", "erlang:120,2", "--patience", "two-point:30,600,0.3", "--output", rows),
            *("--capacity", 5, "--answer-delay", 3, "--announce-every", 20, "--overtaking-limit", 60),
        )
    )
    assert figures["callers"] == "150 calls"
    assert {row["urgency"] for row in written(rows)} == {"urgent", "normal"}
    assert {row["patience"] for row in written(rows)} == {"30.000", "600.000"}


def test_a_forecast_of_the_day_is_staffed_as_the_table_of_staffing_would(tmp_path: Path) -> None:
    forecast, rows = tmp_path / "forecast.csv", tmp_path / "rows.csv"
    forecast.write_text("start,calls\n09:00,40\n09:30,10\n")
    shown(simulate("--forecast", forecast, "--output", rows))
    staff = {row["staff"] for row in written(rows)}
    assert max(map(int, staff)) > min(map(int, staff)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--trace", "calls.csv"], "needs people: --agents or --staff"),
        (["--trace", "none.csv", "--agents", "1"], "none.csv: cannot be read"),
        (["--trace", "calls.csv", "--agents", "1", "--handling", "constant:1"], "--handling: a trace says that itself"),
        (["--trace", "calls.csv", "--per-hour", "5"], "one of them says when"),
        (["--trace", "wrong.csv", "--agents", "1"], "wrong.csv, line 3: handling 'x'"),
        (["--agents", "1", "--staff", "plan.csv"], "either is the number"),
        (["--agents", "0"], "nobody is ever on duty"),
        (["--staff", "plan.csv"], "plan.csv: nobody is ever on duty"),
        (["--handling", "weibull:3"], "'weibull:3' is no distribution"),
        (["--handling", "constant:0"], "must be positive"),
        (["--urgency", "royal=1"], "--urgency royal: no such class; there are urgent, normal"),
        (["--urgency", "urgent"], "such as urgent=0.15"),
        (["--urgency", "urgent=0"], "must be 0 or more, and not all 0"),
        (["--classes", "a,a"], "each once"),
        (["--forecast", "calls.csv"], "calls.csv"),
        (["--picture", "waits.jpg", "--calls", "1"], "waits.jpg"),
        (["--output", "no/such/folder/rows.csv", "--calls", "1"], "no/such/folder/rows.csv"),
        (["--seeds", "0"], "--seeds"),
        (["--trace", "calls.csv", "--agents", "1", "--output", "./calls.csv"], "must not replace what is read"),
    ],
)
def test_what_cannot_be_simulated_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls.csv").write_text("arrival,handling\n0,1\n")
    (tmp_path / "wrong.csv").write_text("arrival,handling\n0,1\n1,x\n")
    (tmp_path / "plan.csv").write_text("start,agents\n09:00,0\n")
    result = simulate(*arguments)
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_mistake_in_the_last_row_is_told_before_a_file_is_written(tmp_path: Path) -> None:
    trace, rows = tmp_path / "calls.csv", tmp_path / "rows.csv"
    trace.write_text("arrival,handling\n0,1\n1,-1\n")
    assert simulate("--trace", trace, "--agents", 1, "--output", rows).exit_code == 1
    assert not rows.exists()


@pytest.mark.parametrize("option", ["--per-hour", "--answer-within", "--expected-handling", "--overtaking-limit"])
def test_nan_is_not_a_number_of_anything(option: str) -> None:
    result = simulate("--calls", 5, option, "nan")
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': 'nan' is not a number." in result.output
