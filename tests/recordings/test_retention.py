"""Recordings are kept as long as they must be and no longer; what somebody holds outlasts everything."""

from __future__ import annotations

import asyncio
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from callcenter.recordings.adoption import BEGUN, DONE, Adoption
from callcenter.recordings.manifest import Action, Entry, Manifest, ManifestError
from callcenter.recordings.retention import MOST_OVERDUE, Retention
from tests.recordings.folders import MOSCOW, NOW, TODAY, Archive, days_ago
from tests.store.stories import eventually

pytestmark = pytest.mark.clause("ESTP 2.6")

DAYS = {"estp": 100, "short": 10}


def retention(archive: Archive) -> Retention:
    return Retention(archive.manifest, lambda line: DAYS[line], archive.rows, archive.incoming)


async def expire(archive: Archive) -> int:
    return await retention(archive).expire(TODAY)


def files(archive: Archive) -> set[str]:
    """Calls whose file is there."""
    return {path.stem.partition("_")[2] for path in archive.folder.rglob("*.wav")}


async def test_each_line_keeps_its_recordings_for_its_own_time(archive: Archive) -> None:
    for call, days, line in (("old", 101, "estp"), ("new", 99, "estp"), ("out", 11, "short"), ("in", 9, "short")):
        await archive.talked(call, 1.0, ended=days_ago(days), line=line)
    assert await expire(archive) == 2
    assert files(archive) == {"new", "in"}
    assert await archive.verified() == [], "what was deleted in order is no gap"
    deleted = [entry for entry in archive.entries() if entry.action is Action.DELETED]
    assert [(entry.call, entry.why, entry.who) for entry in deleted] == [
        ("old", "kept for 100 days", "the controller"),
        ("out", "kept for 10 days", "the controller"),
    ]
    assert set(archive.rows.deleted_at) == {"old", "out"}
    assert archive.rows.talks["old"].recording, "the row goes on naming it"
    assert not list(archive.folder.glob("short/*/*out*"))
    assert len(list(archive.folder.glob("short/*"))) == 1, "and the folder of a day without recordings is gone"
    assert await expire(archive) == 0


async def test_a_hold_outlasts_retention_until_it_is_released(archive: Archive) -> None:
    await archive.talked("held", 1.0, ended=days_ago(500))
    archive.manifest.add(Entry(Action.HELD, "held", why="court", who="lawyer"))
    assert await expire(archive) == 0
    assert files(archive) == {"held"}
    archive.manifest.add(Entry(Action.RELEASED, "held"))
    assert await expire(archive) == 1
    assert files(archive) == set()
    assert await archive.verified() == []


async def test_a_hold_that_was_cut_off_with_the_manifests_end_deletes_nothing(archive: Archive) -> None:
    """Which of the others somebody held, nobody can tell any more."""
    await archive.talked("held", 1.0, ended=days_ago(500))
    archive.manifest.add(Entry(Action.HELD, "held", why="court", who="lawyer"))
    path = archive.manifest.path
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(ManifestError, match=r"entry 1 is the last one there, but .*manifest\.head names entry 2"):
        await expire(archive)
    assert files(archive) == {"held"}


async def test_after_a_loss_a_person_says_what_is_held_before_anything_is_deleted(archive: Archive) -> None:
    """The disk was not mounted for a day: a new manifest was begun there, and knows nothing of the holds."""
    await archive.talked("held", 1.0, ended=days_ago(500))
    archive.manifest.add(Entry(Action.HELD, "held", why="court", who="lawyer"))
    archive.manifest.path.unlink()
    await archive.talked("old", 1.0, ended=days_ago(101))
    with pytest.raises(ManifestError, match=r"names entry 2, .*hold again what must be kept.*recordings adopt"):
        await expire(archive)
    assert files(archive) == {"held", "old"}
    archive.manifest.add(Entry(Action.HELD, "held", why="court", who="lawyer"))
    Adoption(archive.manifest, lambda line: MOSCOW, "engineer").adopt(TODAY)
    assert await expire(archive) == 1
    assert files(archive) == {"held"}


async def test_a_crash_between_the_entry_and_the_deletion_is_evident_and_finished_later(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await archive.talked("old", 1.0, ended=days_ago(101))

    class Killed(BaseException):
        pass

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(Killed):
            retention(archive)._expire(TODAY)
    [problem] = await archive.verified()
    assert problem.startswith(f"{made.path}: its deletion was entered on ")
    assert await expire(archive) == 0, "it was decided already"
    assert files(archive) == set()
    assert archive.actions() == [Action.ADDED, Action.DELETED]
    assert set(archive.rows.deleted_at) == {"old"}


async def test_a_file_that_cannot_be_deleted_keeps_no_other_from_being_deleted(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for call in ("a", "b"):
        await archive.talked(call, 1.0, ended=days_ago(101))
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name.endswith("_a.wav"):
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    await expire(archive)
    assert files(archive) == {"a"}
    assert "is to be deleted, but cannot be: [Errno 13]" in caplog.text
    assert len(await archive.verified()) == 1


async def test_a_manifest_that_somebody_has_edited_deletes_nothing_outside(archive: Archive, tmp_path: Path) -> None:
    outside = tmp_path / "secrets.yaml"
    outside.write_text("dear")
    archive.manifest.add(
        Entry(Action.ADDED, "x", "estp", "../secrets.yaml", days_ago(900).isoformat()),
        Entry(Action.ADDED, "y", "estp", "estp/y.wav", "when?"),
        Entry(Action.ADDED, "z", "estp", "estp/z.wav", "2001-01-01T00:00:00"),
    )
    await expire(archive)
    assert outside.read_text() == "dear"


async def test_the_daily_round_goes_on_when_a_round_has_failed(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await archive.talked("old", 1.0, ended=days_ago(101))
    add, failed = Manifest.add, False

    def once(manifest: Manifest, *entries: Any) -> None:
        nonlocal failed
        if not failed:
            failed = True
            raise OSError(28, "No space left on device")
        add(manifest, *entries)

    monkeypatch.setattr(Manifest, "add", once)
    running = asyncio.create_task(retention(archive).run(lambda: TODAY, first=0.0, every=0.01))
    await eventually(lambda: bool(archive.rows.deleted_at))
    running.cancel()
    assert "cannot be deleted just now: [Errno 28]" in caplog.text
    assert files(archive) == set()


# -- files from before the manifest ------------------------------------------------------------------------------------


def adoption(archive: Archive) -> Adoption:
    return Adoption(archive.manifest, lambda line: MOSCOW)


async def test_what_lay_there_before_the_manifest_is_entered_once_as_found(archive: Archive) -> None:
    for call in ("1.1", "1.2"):
        await archive.talked(call)
    archive.manifest.path.unlink()
    (archive.var / "manifest.head").unlink()
    (archive.folder / "other.wav").write_bytes(b"RIFF")
    await adoption(archive).run(TODAY)
    begun, *found, done = archive.entries()
    assert (begun.why, done.why) == (BEGUN, DONE)
    assert [(entry.call, entry.line, entry.seconds) for entry in found] == [
        ("1.1", "estp", 10.0),
        ("1.2", "estp", 10.0),
        ("", "", 0.0),
    ]
    assert found[0].ended_at == NOW.isoformat()
    assert await archive.verified() == ["other.wav: no conversation of the register names it"]
    (archive.folder / "late.wav").write_bytes(b"planted")
    await adoption(archive).run(TODAY)
    assert len(archive.entries()) == 5, "nothing that is put there later is blessed by a restart"
    assert "late.wav: nobody knows this file: it has no entry in the manifest" in await archive.verified()


async def test_a_call_that_ends_while_old_files_are_entered_keeps_its_own_entry(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file lies there already, but its entry is written only after the adoption has looked what is known."""
    monkeypatch.setattr("callcenter.recordings.adoption._BATCH", 1)  # it comes behind the batch that is written first
    for call in ("1.1", "1.2", "1.3"):
        await archive.talked(call)
    own = next(entry for entry in archive.entries() if entry.call == "1.3")
    archive.manifest.path.unlink()
    (archive.var / "manifest.head").unlink()
    enters = iter([own])

    def zone(line: str) -> tzinfo:
        """Asked for each file, the first one before anything is entered."""
        archive.manifest.add(*enters)
        return MOSCOW

    assert await asyncio.to_thread(Adoption(archive.manifest, zone).adopt, TODAY) == 2
    assert sorted(entry.call for entry in archive.entries() if entry.path) == ["1.1", "1.2", "1.3"]
    kept = archive.manifest.of_path(own.path)
    assert kept
    assert (kept.action, kept.sides) == (Action.ADDED, own.sides)
    assert own.sides == (10.0, 10.0)


async def test_an_adoption_that_was_interrupted_is_finished_at_the_next_start(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        await archive.talked(f"1.{n}", 0.1)
    archive.manifest.path.unlink()
    (archive.var / "manifest.head").unlink()
    archive.manifest.add(Entry(Action.FOUND, why=BEGUN))
    await adoption(archive).run(TODAY)
    assert [entry.call for entry in archive.entries()] == ["", "", "1.0", "1.1", "1.2", ""]


async def test_a_manifest_that_was_stolen_is_not_begun_anew(archive: Archive) -> None:
    await archive.talked()
    archive.manifest.path.unlink()
    await adoption(archive).run(TODAY)
    assert archive.entries() == []
    assert any("its end was cut off: entry 1 is missing" in problem for problem in await archive.verified())


async def test_retention_counts_from_the_end_of_a_call_that_was_found(archive: Archive) -> None:
    await archive.talked("old", 1.0, ended=days_ago(101))
    await archive.talked("new", 1.0, ended=days_ago(99))
    archive.manifest.path.unlink()
    (archive.var / "manifest.head").unlink()
    await adoption(archive).run(TODAY)
    assert await expire(archive) == 1
    assert files(archive) == {"new"}


async def test_a_clock_that_is_years_ahead_deletes_nothing_unasked(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    """Of many recordings that seem long overdue a person decides; a few, such as released ones, are an ordinary day."""
    for number in range(MOST_OVERDUE):
        await archive.talked(f"old-{number}", 1.0, ended=days_ago(400 + number))
    await retention(archive)._expire_a_day(TODAY)
    assert files(archive) == set()
    for number in range(MOST_OVERDUE + 1):
        await archive.talked(f"kept-{number}", 1.0, ended=days_ago(number))
    await retention(archive)._expire_a_day(TODAY + timedelta(days=365))
    assert len(files(archive)) == MOST_OVERDUE + 1
    assert "11 recordings" in caplog.text
    assert "run: callcenter recordings expire" in caplog.text


async def test_of_a_link_in_place_of_an_old_recording_the_link_goes_and_not_what_it_leads_to(
    archive: Archive, tmp_path: Path
) -> None:
    made = await archive.talked("old", 1.0, ended=days_ago(101))
    file, other = archive.folder / made.path, tmp_path / "other.wav"
    file.rename(other)
    file.symlink_to(other)
    assert await expire(archive) == 1
    assert not file.is_symlink()
    assert other.exists()
