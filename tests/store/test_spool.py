"""Stories of the spool: what a controller was told is kept from that moment on, whatever happens to it."""

from __future__ import annotations

import logging
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callcenter.store import RegisterError, spool
from callcenter.store.spool import Spool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool of this story lies."""
    return tmp_path / "spool"


def kept(opened: Spool) -> list[tuple[int, list[object]]]:
    """What the database does not have yet."""
    return list(opened.read(opened.done, opened.next))


@contextmanager
def started_again(folder: Path) -> Iterator[Spool]:
    """The spool as the next start of the controller finds it."""
    opened = Spool(folder)
    yield opened
    opened.close()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_facts_are_kept_in_order_until_the_database_has_them(folder: Path) -> None:
    opened = Spool(folder)
    noon = datetime(2026, 11, 23, 12, 0, 0, 5, UTC)
    for number in range(3):
        assert opened.append(["calls", number, {"name": "Кедровка\n«№ 1»", "at": noon, "talk": None}])
    assert [position for position, _ in kept(opened)] == [0, 1, 2]
    assert kept(opened)[0][1] == [
        "calls",
        0,
        {"name": "Кедровка\n«№ 1»", "at": "2026-11-23T12:00:00.000005+00:00", "talk": None},
    ]
    opened.advance(2)
    assert [content[1] for _, content in kept(opened)] == [2]
    assert opened.facts == 1
    opened.advance(3)
    assert (opened.facts, kept(opened)) == (0, [])
    opened.close()
    assert list(folder.iterdir()) == [], "nothing that callers told stays here longer than needed"


def test_another_start_finds_what_the_database_did_not_have(folder: Path) -> None:
    first = Spool(folder)
    for number in range(10):
        first.append([number])
    first.advance(4)
    first.append([10])
    first.close()  # as the death of the process would
    with started_again(folder) as second:
        assert (second.facts, second.done, second.next) == (7, 4, 11)
        second.append([11])
        assert [content[0] for _, content in kept(second)] == [*range(4, 12)]
    with started_again(folder) as third:
        assert [content[0] for _, content in kept(third)] == [*range(4, 12)]
        third.append([12])
        third.advance(13)
        third.append([13])
    with started_again(folder) as fourth:
        assert (fourth.done, fourth.next, kept(fourth)) == (13, 14, [(13, [13])])
        fourth.advance(14)
    assert list(folder.iterdir()) == []


def test_files_are_deleted_as_soon_as_the_database_has_their_facts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "LARGE", 1000)
    opened = Spool(folder)
    for number in range(100):
        opened.append([number, "x" * 90])
    before = len(list(folder.iterdir()))
    opened.advance(55)
    assert before / 3 < len(list(folder.iterdir())) < before * 2 / 3
    assert opened.size == sum(path.stat().st_size for path in folder.iterdir())
    assert [content[0] for _, content in kept(opened)] == [*range(55, 100)]
    opened.close()
    with started_again(folder) as second:
        assert [content[0] for _, content in kept(second)] == [*range(55, 100)]
        second.advance(second.next)
        assert list(folder.iterdir()) == []


def test_only_we_can_read_what_callers_have_told(folder: Path) -> None:
    opened = Spool(folder)
    opened.append(["calls"])
    opened.set_aside(b"nobody understands this", "a test")
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    opened.close()


def test_a_line_that_was_cut_short_takes_no_other_with_it(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    opened = Spool(folder)
    for number in range(5):
        opened.append([number, "Кедровка"])
    opened.close()
    [path] = folder.iterdir()
    os.truncate(path, path.stat().st_size - 7)
    with started_again(folder) as second:
        assert [content[0] for _, content in kept(second)] == [0, 1, 2, 3]
        assert second.damaged == 1
        second.append([5])
        assert [content[0] for _, content in kept(second)] == [0, 1, 2, 3, 5]
    assert "is damaged" in caplog.text
    assert "Кедровка" not in caplog.text, "personal data in the log"


@pytest.mark.parametrize("where", range(0, 60, 7))
def test_a_line_in_which_a_bit_has_turned_is_set_aside(folder: Path, where: int) -> None:
    opened = Spool(folder)
    for number in range(3):
        opened.append([number, "a sentence that is long enough to turn a bit in it"])
    opened.close()
    [path] = folder.iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1][:where] + bytes([lines[1][where] ^ 1]) + lines[1][where + 1 :]
    path.write_bytes(b"".join(lines))
    with started_again(folder) as second:
        assert [content[0] for _, content in kept(second)] == [0, 2]
        second.advance(second.next)
    assert (folder / "set_aside").read_bytes() == lines[1]


def test_a_line_that_somebody_else_has_written_is_set_aside(folder: Path) -> None:
    opened = Spool(folder)
    opened.append([0])
    opened.close()
    [path] = folder.iterdir()
    with path.open("ab") as file:
        file.writelines(spool._line(content) for content in ([], ["1"], {"a": 1}))  # type: ignore[arg-type]
        file.write(b"hello\n\n")
    with started_again(folder) as second:
        assert kept(second) == [(0, [0])]
        assert second.damaged == 4


def test_a_full_disk_stops_nothing_and_what_was_kept_is_whole(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Spool(folder)
    with full_disk(1000):
        taken = [opened.append([number, "x" * 90]) for number in range(20)]
        assert taken == [True] * 9 + [False] * 11
        assert opened.failures == 11
        assert opened.trouble
    assert [entry.levelno for entry in caplog.records] == [logging.ERROR], "an error is told once, not for every fact"
    assert [content[0] for _, content in kept(opened)] == [*range(9)]
    monkeypatch.setattr(opened, "_next_try", 0.0)
    assert opened.append([20])
    assert opened.trouble == ""
    opened.close()
    with started_again(folder) as second:
        assert [content[0] for _, content in kept(second)] == [*range(9), 20]
        assert second.damaged == 0


def test_a_place_where_nothing_can_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "spool").write_text("a file is where the folder should be")
    opened = Spool(tmp_path / "spool")
    assert not opened.append(["calls"])
    assert not opened.append(["calls"])
    opened.advance(0)
    opened.set_aside(b"?", "a test")
    assert opened.trouble
    assert opened.failures
    opened.close()
    assert "keeps no facts, they wait in memory" in caplog.text


def test_a_folder_that_is_taken_away_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Spool(folder)
    opened.append([0])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    opened.advance(1)
    assert opened.append([1])
    assert [content[0] for _, content in kept(opened)] == [1]
    opened.close()


def test_a_file_that_cannot_be_read_is_kept_for_an_engineer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LARGE", 1)
    opened = Spool(folder)
    for number in range(3):
        opened.append([number])
    second = sorted(folder.iterdir())[1]
    second.unlink()
    second.mkdir()
    assert [content[0] for _, content in kept(opened)] == [0, 2]
    assert second.with_suffix(".unreadable").exists()
    assert opened.damaged == 1
    opened.advance(3)
    opened.close()


def test_two_controllers_do_not_share_a_spool(folder: Path) -> None:
    opened = Spool(folder)
    with pytest.raises(RegisterError, match="in use by another controller"):
        Spool(folder)
    opened.close()
    with started_again(folder):
        pass


def test_without_a_folder_nothing_is_kept() -> None:
    opened = Spool(None)
    assert not opened.append(["calls"])
    opened.set_aside(b"?", "a test")
    opened.advance(0)
    assert (opened.facts, opened.failures, opened.trouble) == (0, 0, "")
