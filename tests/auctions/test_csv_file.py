"""Files of auctions: taken as platforms and spreadsheets write them, refused with the row and the reason."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.auctions.csv_file import AuctionsFileError, FileRow, read
from callcenter.auctions.export import rows
from callcenter.calendar.auctions import Auction, AuctionText
from callcenter.core.ids import LineId
from callcenter.system.spreadsheet import write_csv

MOSCOW = ZoneInfo("Europe/Moscow")
pytestmark = pytest.mark.clause("eLot 2.2a")


def taken(text: str, encoding: str = "utf-8") -> list[FileRow]:
    rows, mistakes = read(text.encode(encoding), MOSCOW)
    assert mistakes == []
    return rows


def refused(raw: bytes, zone: str = "Europe/Moscow") -> str:
    try:
        _, mistakes = read(raw, ZoneInfo(zone))
    except AuctionsFileError as problem:
        mistakes = list(problem.mistakes)
    assert mistakes
    return str(AuctionsFileError(mistakes))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_the_same_table_in_every_usual_form(encoding: str, delimiter: str) -> None:
    lines = ["Результаты;ТОРГИ;начало;организатор", "03.12.2026 18:00;17-ОАОФ;01.12.2026 9:00;кто-то", "", ";;;"]
    lines += ["2026-12-05T12:00+03:00;18-ОАОФ;2026-12-04T09:00:00Z;"]
    found = taken("\r\n".join(lines).replace(";", delimiter), encoding)
    assert found == [
        FileRow(2, AuctionText("17-ОАОФ", datetime(2026, 12, 1, 6, tzinfo=UTC), datetime(2026, 12, 3, 15, tzinfo=UTC))),
        FileRow(5, AuctionText("18-ОАОФ", datetime(2026, 12, 4, 9, tzinfo=UTC), datetime(2026, 12, 5, 9, tzinfo=UTC))),
    ]


def test_all_mistakes_are_told_at_once_each_with_its_row() -> None:
    said = refused(
        "name;start;results\n"
        "17;завтра;2026-12-03 18:00\n"
        "18;2026-12-01 09:00;2026-12-03 25:00\n"
        "19;2026-02-30 09:00;2026-12-03 18:00\n"
        ";2026-12-01 09:00;2026-12-03 18:00\n"
        "20;2026-12-01 09:00;2026-12-03 18:00\n"
        "20;2026-12-01 09:00;2026-12-03 18:00\n"
        "21;2026-12-01 09:00\n"
        "22;1870-12-01 09:00;2026-12-03 18:00\n"
        "23;2026-12-01 09:00+99:99;2026-12-03 18:00\n".encode()
    )
    assert [line.partition(" ")[2].partition(".")[0] for line in said.splitlines()] == [
        "2: A moment is written as 2026-12-01 15:00 or 01",
        "3: A moment is written as 2026-12-01 15:00 or 01",
        "4: A moment is written as 2026-12-01 15:00 or 01",
        "5: An auction's name has 1 to 300 characters in one line",
        "7: An earlier row of the file has the same name",
        "8: A moment is written as 2026-12-01 15:00 or 01",
        "9: A moment is written as 2026-12-01 15:00 or 01",
        "10: A moment is written as 2026-12-01 15:00 or 01",
    ]
    assert said.splitlines()[0].endswith("завтра")


def test_the_clock_of_the_line_skips_a_time() -> None:
    said = refused(b"name;start;results\n1;2027-03-28 02:30;2027-03-30 12:00\n", "Europe/Berlin")
    assert said == "line 2: The clock of the line's zone skips this time. 2027-03-28 02:30, Europe/Berlin"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "line 1: The first row needs the headings"),
        ("торги;начало\n1;2\n".encode(), "line 1: The first row needs the headings"),
        (b"name;start;results\n\n", "The file has no auctions."),
        (b'name;start;results\n"1;2', "line 2: The file is not a CSV table."),
        (b"name;start;results\n" + b"x" * 1_000_000 + b";2;3\n", "line 2: The file is not a CSV table."),
        (b"name;start;results\n" + b"x" * 100_000 + b";2;3\n", "line 2: An auction's name has 1 to 300 characters"),
        (b"name;start;results\n1;" + b"2" * 100_000 + b";3\n", "line 2: A moment is written as"),
        (b"x" * (4 * 1024 * 1024 + 1), "A file of auctions has at most 4 MB."),
        ("name;start;results\n1;2;3".encode("utf-16"), "The file is neither UTF-8 nor Windows-1251 text"),
        (b"\x98\x98;\xff", "The file is neither UTF-8 nor Windows-1251 text"),
        (b"PK\x03\x04\x00\x00", "The file is neither UTF-8 nor Windows-1251 text"),
    ],
)
def test_what_is_no_table_is_refused_with_a_short_sentence(raw: bytes, said: str) -> None:
    found = refused(raw)
    assert found.startswith(said)
    assert len(found) < 400


def test_ten_thousand_rows_are_taken_and_one_more_is_not() -> None:
    row = "{0};2026-12-01 09:00;2026-12-03 18:00\n"
    most = "name;start;results\n" + "".join(row.format(number) for number in range(10_000))
    assert len(taken(most)) == 10_000
    assert refused((most + row.format("more")).encode()) == "line 10002: A file has at most 10,000 auctions."


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: ("name;start;results\n" + text).encode()))
def test_whatever_the_file_is_it_is_taken_or_refused_with_sentences(raw: bytes) -> None:
    with suppress(AuctionsFileError):
        assert any(read(raw, MOSCOW))


async def test_what_is_exported_is_no_formula_and_is_taken_over_as_it_was() -> None:
    starts, ends = datetime(2026, 12, 1, 6, tzinfo=UTC), datetime(2026, 12, 3, 15, tzinfo=UTC)
    names = ["=HYPERLINK(1)", "+7", "-1", "@x", "'quoted'", 'a;"b"', "17-ОАОФ"]
    auctions = [
        Auction(1, LineId("elot"), 1, AuctionText(name, starts, ends), withdrawn=False, who="401", at=starts)
        for name in names
    ]
    file = io.StringIO()
    await write_csv(("name", "start", "results"), rows(auctions, MOSCOW), file)
    text = file.getvalue()
    assert "'=HYPERLINK(1);2026-12-01 09:00;2026-12-03 18:00" in text
    assert [row.text for row in taken(text)] == [one.written for one in auctions]
