"""Recorded callers: read row by row, and every mistake is named with its line."""

from __future__ import annotations

import csv
from math import inf
from pathlib import Path

import pytest

from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.trace import Contents, Trace, TraceError, writer
from callcenter.simulation.traffic import Demand

CLASSES = ("urgent", "normal")


def trace(folder: Path, text: str | bytes) -> Trace:
    path = folder / "calls.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Trace(path, CLASSES)


def test_a_row_is_a_caller(tmp_path: Path) -> None:
    rows = "arrival,handling,patience,urgency\n0,60,30,urgent\n12.5,90.25,,\n12.5,0,inf,normal\n13,1,endless,\n"
    assert list(trace(tmp_path, rows).calls(1)) == [
        Demand(0, 60, 30, "urgent"),
        Demand(12.5, 90.25, inf, ""),
        Demand(12.5, 0, inf, "normal"),
        Demand(13, 1, inf, ""),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "arrival,handling\n1,2\n3,4\n",
        "handling,number,arrival\n2,+7342,1\n4,,3\n",
        "Arrival , HANDLING\r\n1,2\r\n\r\n3,4\r\n",
        "\ufeffarrival,handling\n 1 , 2 \n3.0,4e0",
        "arrival;handling\n1,0;2,0\n3;4\n",
        '"arrival","handling"\n"1","2"\n"3","4"\n',
        "arrival;handling;тема\n1;2;счёт\n3;4;вход\n".encode("cp1251"),
    ],
    ids=["plain", "other columns", "spaces and blank lines", "byte order mark", "semicolons", "quotes", "windows-1251"],
)
def test_files_of_other_programs_are_read_too(tmp_path: Path, text: str | bytes) -> None:
    assert list(trace(tmp_path, text).calls(1)) == [Demand(1, 2, inf, ""), Demand(3, 4, inf, "")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: no column arrival and no handling; there is nothing"),
        ("arrival,talk\n1,2\n", "line 1: no column handling; there is arrival, talk"),
        ("arrival,handling,arrival\n1,2,3\n", "line 1: more than one column arrival"),
        ("arrival,handling\n", "no callers"),
        ("arrival,handling\n1,2\n-1,2\n", "line 3: arrival -1 s; 0 or more"),
        ("arrival,handling\n1,-2\n", "line 2: handling -2 s; 0 or more"),
        ("arrival,handling,patience\n1,2,-3\n", "line 2: patience -3 s; 0 or more"),
        ("arrival,handling\n1,nan\n", "line 2: handling nan s; 0 or more is allowed, and finite"),
        ("arrival,handling\ninf,2\n", "line 2: arrival inf s"),
        ("arrival,handling\n1,1e999\n", "line 2: handling 1e999 s"),
        ("arrival,handling,patience\n1,2,nan\n", "line 2: patience nan s"),
        ("arrival,handling\n1,two\n", "line 2: handling 'two' is not a number"),
        ("arrival,handling\n1,\n", "line 2: handling '' is not a number"),
        ("arrival,handling\n1\n", "line 2: 1 values; the first line names 2"),
        ("arrival,handling\n1,2,3\n", "line 2: 3 values; the first line names 2"),
        ("arrival,handling,urgency\n1,2,royal\n", "line 2: urgency 'royal' is no class; there are urgent, normal"),
        ("arrival,handling\n5,2\n\n\n4,2\n", "line 5: arrival 4 is before that of the row above, 5; sort"),
        ("arrival,handling\n0,2\n1e15,2\n", "line 3: arrival 1e.15 is more than 100 years"),
        (b"arrival,handling\n\xff\xfe,2\n", "line 2: arrival '..' is not a number"),
        ("arrival,handling\n1,86400\n2,1e9\n", "line 3: handling 1e9 s; 86400 s, a day, are the most"),
        ('arrival,handling\n"1,2\n' + "3,4\n" * 50_000, "cannot be read|values"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(TraceError, match=words) as caught:
        trace(tmp_path, text).check()
    assert str(caught.value).startswith(str(tmp_path / "calls.csv"))


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(TraceError, match="cannot be read"):
            Trace(path, CLASSES).check()


def test_the_row_before_a_mistake_is_still_a_caller_so_a_million_rows_are_never_held_at_once(tmp_path: Path) -> None:
    calls = trace(tmp_path, "arrival,handling\n1,2\nx,2\n").calls(1)
    assert next(calls).at == 1
    with pytest.raises(TraceError, match="line 3"):
        next(calls)


def test_a_trace_is_known_before_it_is_simulated(tmp_path: Path) -> None:
    rows = "arrival,handling\n" + "".join(f"{second},{second % 3}\n" for second in range(100, 100_000))
    found = trace(tmp_path, rows).check()
    assert found == Contents(99_900, 100.0, 99_999.0, found.handling)
    assert found.handling == pytest.approx(1.0)


def test_a_line_is_written_for_each_caller_with_nothing_where_nothing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    known = SimulatedCall(
        1.5, "urgent", 2, 3, 60.25, 99.0, 70.0, "answered", 70.0, 180.0, 600.0, True, {"les": (5.0, None)}
    )
    unknown = SimulatedCall(2.0, "normal", 0, 0, None, None, None, "waiting", 0.0, 1.0, inf, False, {})
    with path.open("w", newline="") as file:
        write = writer(file, ["les"])
        write(known)
        write(unknown)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "arrival": "1.500",
        "urgency": "urgent",
        "ahead": "2",
        "staff": "3",
        "estimate": "60.250",
        "p90": "99.000",
        "offered_wait": "70.000",
        "outcome": "answered",
        "waited": "70.000",
        "handling": "180.000",
        "patience": "600.000",
        "rose": "1",
        "les": "5.000",
        "les_p90": "",
    }
    empty = [name for name, value in rows[1].items() if not value]
    assert empty == ["estimate", "p90", "offered_wait", "patience", "les", "les_p90"]
