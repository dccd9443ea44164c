"""The chain: what is written into it stays, and whatever somebody or a crash does to it is seen."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from callcenter.recordings import manifest as manifest_module
from callcenter.recordings.chain import Chain
from callcenter.recordings.manifest import FIRST, Action, Entry, Head, Manifest, ManifestError
from tests.recordings.folders import TODAY, Archive

pytestmark = pytest.mark.clause("ESTP 2.6")


def added(n: int) -> Entry:
    return Entry(Action.ADDED, f"1.{n}", "estp", f"estp/2026-11-20/10-00-00_1.{n}.wav", seconds=1.0, sha256=f"{n:064}")


def fill(manifest: Manifest, count: int = 5) -> None:
    for n in range(1, count + 1):
        manifest.add(added(n))


def read(manifest: Manifest, expected: Head | None = None) -> tuple[list[Entry], list[str]]:
    chain = Chain(manifest, expected)
    entries = list(chain.entries())
    return entries, chain.problems


def test_entries_are_numbered_and_chained(archive: Archive) -> None:
    fill(archive.manifest, 3)
    entries, problems = read(archive.manifest)
    assert problems == []
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [FIRST, entries[0].hash, entries[1].hash]
    assert all(entry.hash == entry.digest() for entry in entries)
    assert archive.manifest.kept_head() == Head(3, entries[-1].hash)
    assert stat.S_IMODE(archive.manifest.path.stat().st_mode) == 0o600


def test_an_entry_that_was_changed_is_told(archive: Archive) -> None:
    fill(archive.manifest)
    lines = archive.lines()
    lines[2] = lines[2].replace(b"1.3.wav", b"9.9.wav")
    archive.rewrite(lines)
    assert read(archive.manifest)[1] == [
        "manifest: entry 3 (added estp/2026-11-20/10-00-00_9.9.wav) was changed after it was written"
    ]


def test_an_entry_that_was_changed_and_hashed_again_is_told_by_the_next(archive: Archive) -> None:
    fill(archive.manifest)
    lines = archive.lines()
    forged = replace(Entry.parse(lines[2]), sha256="f" * 64, hash="")
    lines[2] = replace(forged, hash=forged.digest()).dump()
    archive.rewrite(lines)
    [problem] = read(archive.manifest)[1]
    assert problem.startswith("manifest: entry 4 (added estp/2026-11-20/10-00-00_1.4.wav) does not follow the one")


def test_lines_taken_out_of_the_middle_are_told(archive: Archive) -> None:
    fill(archive.manifest)
    lines = archive.lines()
    archive.rewrite(lines[:1] + lines[3:])
    assert read(archive.manifest)[1] == [
        "manifest: before entry 4 (added estp/2026-11-20/10-00-00_1.4.wav) the entries 2 to 3 are missing"
    ]


def test_lines_in_another_order_are_told(archive: Archive) -> None:
    fill(archive.manifest)
    lines = archive.lines()
    archive.rewrite([lines[0], lines[2], lines[1], *lines[3:]])
    assert len(read(archive.manifest)[1]) == 3


def test_a_tail_that_was_cut_off_is_told_and_still_told_when_the_chain_has_grown_again(archive: Archive) -> None:
    fill(archive.manifest)
    archive.rewrite(archive.lines()[:-2])
    assert read(archive.manifest)[1] == ["manifest: its end was cut off: the entries 4 to 5 are missing"]
    archive.manifest.add(added(6))
    entries, [problem] = read(archive.manifest)
    assert [entry.action for entry in entries[3:]] == [Action.MISSING, Action.ADDED]
    assert problem.startswith("manifest: manifest.head names entry 5, but entry 3 was the last one here: its end had")


def test_a_manifest_that_was_removed_is_told(archive: Archive) -> None:
    fill(archive.manifest)
    archive.manifest.path.unlink()
    assert read(archive.manifest)[1] == ["manifest: its end was cut off: the entries 1 to 5 are missing"]


def test_without_its_second_copy_nobody_can_tell_and_that_is_told(archive: Archive) -> None:
    fill(archive.manifest)
    (archive.var / "manifest.head").unlink()
    archive.rewrite(archive.lines()[:-1])
    [problem] = read(archive.manifest)[1]
    assert "the second copy of its head is gone" in problem


def test_a_manifest_written_anew_as_a_whole_is_told_by_a_head_that_was_noted(archive: Archive) -> None:
    fill(archive.manifest)
    noted = archive.manifest.kept_head()
    archive.manifest.path.unlink()
    (archive.var / "manifest.head").unlink()
    fill(archive.manifest, 7)
    assert read(archive.manifest)[1] == [], "of itself it is whole"
    assert read(archive.manifest, noted)[1] == [
        "manifest: entry 5 is not the one that was noted elsewhere: it was written anew"
    ]


@pytest.mark.parametrize("torn", [1, 40, 200])
def test_a_line_torn_by_a_crash_is_said_to_be_one(archive: Archive, torn: int) -> None:
    fill(archive.manifest, 3)
    with archive.manifest.path.open("ab") as file:
        file.write(added(4).dump()[:torn])
    assert read(archive.manifest)[1] == [
        "manifest: the last line is torn; the next entry will say so if it was a crash"
    ]
    archive.manifest.add(added(5))
    entries, problems = read(archive.manifest)
    assert problems == []
    assert [(entry.number, entry.action) for entry in entries[3:]] == [(4, Action.REPAIRED), (5, Action.ADDED)]


def test_a_line_that_lacks_nothing_but_its_end_is_whole(archive: Archive) -> None:
    fill(archive.manifest, 3)
    archive.rewrite([archive.manifest.path.read_bytes().rstrip(b"\n")])
    archive.manifest.add(added(4))
    entries, problems = read(archive.manifest)
    assert problems == []
    assert [entry.number for entry in entries] == [1, 2, 3, 4]


def test_a_line_that_somebody_made_unreadable_is_not_taken_for_a_torn_one(archive: Archive) -> None:
    fill(archive.manifest)
    lines = archive.lines()
    for ruin in (b"gone\n", b"\n", b"[" * 9000 + b"\n", b'{"action": []}\n', b"\xff\xfe\n", b"null\n"):
        archive.rewrite([*lines[:2], ruin, *lines[3:]])
        problems = read(archive.manifest)[1]
        assert any("cannot be read, and no crash explains it" in problem for problem in problems), ruin
        assert any("entry 3 is missing" in problem for problem in problems), ruin
    archive.manifest.add(added(6))
    assert read(archive.manifest)[0][-1].number == 6


def test_a_torn_line_that_was_taken_out_is_missed(archive: Archive) -> None:
    fill(archive.manifest, 1)
    with archive.manifest.path.open("ab") as file:
        file.write(b"torn")
    archive.manifest.add(added(2))
    lines = archive.lines()
    archive.rewrite([lines[0], *lines[2:]])
    assert read(archive.manifest)[1] == ["manifest: entry 2 speaks of a torn line before it, which is gone"]


def test_a_full_disk_leaves_no_half_entry(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(archive.manifest, 2)
    before = archive.manifest.path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            archive.manifest.add(added(3))
    assert archive.manifest.path.read_bytes() == before
    archive.manifest.add(added(3))
    assert read(archive.manifest)[1] == []


def test_the_last_word_on_a_file_is_found_however_long_the_manifest(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_module, "_BLOCK", 100)
    fill(archive.manifest, 20)
    archive.manifest.add(Entry(Action.DELETED, path=added(3).path))
    for n in (1, 2, 20):
        found = archive.manifest.of_path(added(n).path)
        assert found
        assert (found.action, found.call) == (Action.ADDED, f"1.{n}")
    deleted = archive.manifest.of_path(added(3).path)
    assert deleted
    assert deleted.action is Action.DELETED
    assert archive.manifest.of_path("estp") is None
    assert Manifest(archive.var / "nowhere", archive.var, lambda: TODAY).of_path("x") is None


@pytest.mark.parametrize("path", ["", "../outside.wav", "/etc/passwd", "estp/../../x.wav"])
def test_no_entry_leads_out_of_the_folder(archive: Archive, path: str) -> None:
    with pytest.raises(ManifestError, match="no recording below"):
        archive.manifest.file(path)


def _append(folder: Path, var: Path, first: int) -> None:
    manifest = Manifest(folder, var, lambda: TODAY)
    for n in range(first, first + 20):
        manifest.add(added(n))


def test_two_processes_write_one_chain(archive: Archive) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(archive.folder, archive.var, first)) for first in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    entries, problems = read(archive.manifest)
    assert problems == []
    assert len({entry.call for entry in entries}) == len(entries) == 40
