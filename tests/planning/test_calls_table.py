"""Tables of expected calls, right and wrong."""

from __future__ import annotations

import pytest

from callcenter.planning.calls_table import CallsTableError, read_calls


@pytest.mark.parametrize(
    "content",
    [
        b"start,calls\n09:00,40\n9:30,37.5\n",
        "\ufeffначало;звонки;кто\r\n09:00;40;я\r\n\r\n09:30:00;37,5;я\r\n".encode(),
        "Начало;Звонки\n09:30;37,5\n09:00;40".encode("cp1251"),
        b'calls,start\n40,09:00\n"37,5",09:30\n',
    ],
)
def test_tables_of_spreadsheets_are_understood(content: bytes) -> None:
    """Commas or semicolons, English or Russian, UTF-8 or Windows."""
    assert read_calls(content, "forecast.csv") == {18: 40.0, 19: 37.5}


def test_every_wrong_line_is_named_with_what_is_allowed() -> None:
    """All at once, as a spreadsheet's author wants to hear it."""
    content = (
        b"start,calls\n09:15,4\n25:00,4\n,4\n10:00,many\n10:30,-1\n11:00,nan\n11:30,inf\n12:00\n12:30,1\n12:30,2\n"
    )
    with pytest.raises(CallsTableError) as caught:
        read_calls(content, "forecast.csv")
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [f"forecast.csv, line {n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 11)]
    assert lines[0] == "forecast.csv, line 2: start '09:15'; allowed is a half-hour from 00:00 to 23:30, such as 09:30"
    assert lines[3].endswith("calls 'many'; allowed is a number from 0 to 100000, such as 42 or 37.5")
    assert "start 12:30 for the second time" in lines[-1]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "start or .* missing; found: nothing"),
        (b"time,calls\n09:00,4\n", "start or .* is missing; found: time,calls"),
        (b"start,calls\n", "no half-hours"),
        (b'start,calls\n09:00,"4', "not a CSV table"),
        (b"start,calls\n" + b"09:00,4\n" * 1_000_000, "has 8000012 bytes"),
        (b"start,calls\n" + b"08:45,4\n" * 100, "… and 80 lines more"),
        (b"\x00\x01\x02", "missing"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(content: bytes, complaint: str) -> None:
    """Empty, without columns, cut off, a million lines, not text."""
    with pytest.raises(CallsTableError, match=complaint):
        read_calls(content, "forecast.csv")
