"""Files are replaced in one piece, or stay as they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from callcenter.system import files


def test_a_reader_who_has_opened_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.replace(path, b"the old content")
    with path.open("rb") as reader:
        files.replace(path, b"new")
        assert reader.read() == b"the old content"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_sees_what_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.replace(path, b"old")
    with files.replacing(path) as file:
        file.write(b"ne")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b"w")
    assert path.read_bytes() == b"new"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.replace(path, b"old")

    def failing() -> None:
        with files.replacing(path) as file:
            file.write(b"ne")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["secrets.conf", ".secrets.conf.part"])
def test_a_link_in_the_way_is_replaced_and_never_followed(tmp_path: Path, place: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"somebody else's")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / place).symlink_to(elsewhere)
    files.replace(folder / "secrets.conf", b"ours")
    assert elsewhere.read_bytes() == b"somebody else's"
    [found] = folder.iterdir()
    assert (found.name, found.is_symlink(), found.read_bytes()) == ("secrets.conf", False, b"ours")


def test_what_a_killed_process_has_left_half_written_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    (tmp_path / ".state.json.part").write_bytes(b"much that was never finished")
    files.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_is_private_from_the_first_byte_whatever_the_old_one_was(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yaml"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with files.replacing(path, mode=files.PRIVATE) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_durable_content_is_on_the_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "secrets.yaml", []

    def synced(handle: int) -> None:
        seen.append((os.fstat(handle).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", synced)
    files.replace(path, b"12345", durable=True)
    assert seen == [(5, False)]
