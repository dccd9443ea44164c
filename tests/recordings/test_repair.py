"""`repair`: whatever is left of a conversation becomes its recording again, second by second; or it says why not."""

from __future__ import annotations

import shutil
import struct
import wave
from array import array
from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.recordings.adoption import Adoption
from callcenter.recordings.manifest import Action, Entry, Manifest
from callcenter.recordings.recording import RATE, digest, join
from callcenter.recordings.repair import CannotRepairError, Repair, Repaired
from callcenter.recordings.retention import Retention
from tests.recordings.folders import CALL, KEPT, MOSCOW, NOW, TODAY, Archive, Talk, days_ago

pytestmark = [pytest.mark.clause("ESTP 2.6"), pytest.mark.usefixtures("soon_sure")]

STEP = RATE // 50


def spoken(seconds: int, sign: int = 1) -> array[int]:
    """A side of which every second is another one: second 3 has only samples ±1300."""
    return array("h", [sign * (1000 + 100 * second) for second in range(seconds) for _ in range(RATE)])


def seconds_of(file: Path) -> list[tuple[int, int]]:
    """What is said in each second of a finished file, of the caller and of the operator; 0: nothing."""
    with wave.open(str(file), "rb") as sound:
        assert sound.getparams()[:3] == (2, 2, RATE)
        assert sound.getnframes() * 4 + 44 == file.stat().st_size, "the header is right"
        both = array("h", sound.readframes(sound.getnframes()))

    def mostly(samples: array[int]) -> int:
        return max(set(samples), key=samples.tolist().count)

    return [
        (mostly(both[at : at + 2 * RATE : 2]), mostly(both[at + 1 : at + 2 * RATE : 2]))
        for at in range(0, len(both), 2 * RATE)
    ]


def whole(seconds: int) -> list[tuple[int, int]]:
    """A conversation of which nothing is missing."""
    return [(1000 + 100 * second, -1000 - 100 * second) for second in range(seconds)]


async def talked(archive: Archive, said: int = 10, heard: int = 10, *, talk: float = 10.0) -> Path:
    """A conversation of which Asterisk recorded so many seconds of each side. Returns the finished file."""
    archive.side(f"{CALL}-in.wav", spoken(said))
    archive.side(f"{CALL}-out.wav", spoken(heard, -1))
    made = await archive.recordings.finish(CALL, "estp", talk, NOW)
    assert made
    archive.rows.add(Talk(CALL, talk=talk, recording=made.path, sha256=made.sha256))
    return archive.folder / made.path


def left_by_asterisk(archive: Archive, said: int = 10, heard: int = 10) -> None:
    archive.side(f"{CALL}-in.wav", spoken(said))
    archive.side(f"{CALL}-out.wav", spoken(heard, -1))


def repair(archive: Archive) -> Repair:
    return Repair(
        archive.manifest,
        archive.rows,
        lambda line: MOSCOW,
        lambda line: KEPT,
        archive.incoming,
        "engineer",
        TODAY,
        TODAY,
    )


async def repaired(archive: Archive) -> Repaired:
    """The recording is repaired, and afterwards all that `verify` knows is what the row still says."""
    before = {path: path.read_bytes() for path in archive.folder.rglob("*.wav")}
    made = await repair(archive).repair(archive.rows.talks[CALL])
    assert made
    for path, content in before.items():
        assert path.read_bytes() == content, "the file before stays as it is"
    row = archive.rows.talks[CALL]
    assert (row.recording, row.sha256, row.problem) == (made.recording.path, made.recording.sha256, made.problem)
    assert row.checked_at == TODAY
    return made


async def refused(archive: Archive) -> str:
    """Nothing can be done; nothing has changed. Returns why."""
    before = {path: path.read_bytes() for path in archive.folder.rglob("*") if path.is_file()}
    row = archive.rows.talks[CALL]
    with pytest.raises(CannotRepairError) as error:
        await repair(archive).repair(row)
    assert {path: path.read_bytes() for path in archive.folder.rglob("*") if path.is_file()} == before
    assert archive.rows.talks[CALL] == row
    return str(error.value)


def heard(archive: Archive, made: Repaired) -> list[tuple[int, int]]:
    return seconds_of(archive.folder / made.recording.path)


# -- from what Asterisk recorded -------------------------------------------------------------------------------------


async def test_a_changed_file_is_made_anew_from_what_asterisk_recorded_and_the_changed_one_stays(
    archive: Archive,
) -> None:
    file = await talked(archive)
    content = bytearray(file.read_bytes())
    content[100_000:110_000] = bytes(10_000)
    file.write_bytes(content)
    left_by_asterisk(archive)
    made = await repaired(archive)
    assert made.problem == ""
    assert heard(archive, made) == whole(10)
    assert await archive.verified() == []
    first, kept, added = archive.entries()
    assert (first.action, kept.action, added.action) == (Action.ADDED, Action.KEPT, Action.ADDED)
    assert (kept.path, added.path) == (first.path, made.recording.path)
    assert kept.why == (
        "a repaired file takes its place: the file was changed after it was signed: its hash is another"
    )
    assert (added.why, added.who) == ("repaired: put together again from what Asterisk recorded", "engineer")
    assert list(archive.incoming.iterdir()) == [], "nothing more can come of them"
    assert await repair(archive).repair(archive.rows.talks[CALL]) is None


async def test_a_side_that_was_not_written_yet_when_the_file_was_made(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hung: after ten seconds the recording was made of what there was, and then came the rest."""
    monkeypatch.setattr("callcenter.recordings.recording._PATIENCE", 0.0)
    left_by_asterisk(archive, heard=4)
    unfinished = archive.incoming / f"{CALL}-out.wav"
    data = bytearray(unfinished.read_bytes())
    data[4:8] = data[40:44] = bytes(4)
    unfinished.write_bytes(data)
    made = await archive.recordings.finish(CALL, "estp", 10.0, NOW)
    assert made
    problem = (
        "the operator's side is too short: 4.0 s of 10.0 s talked; "
        "the operator's side lacks 6 s of what was received, from 4 s on"
    )
    archive.rows.add(Talk(CALL, recording=made.path, sha256=made.sha256, problem=problem))
    assert seconds_of(archive.folder / made.path)[4:] == [(said, 0) for said, _ in whole(10)[4:]]
    archive.side(f"{CALL}-out.wav", spoken(10, -1))
    again = await repaired(archive)
    assert heard(archive, again) == whole(10)
    assert again.problem == ""
    assert await archive.verified() == []


async def test_what_asterisk_recorded_is_removed_at_once_if_the_recording_is_right(archive: Archive) -> None:
    await talked(archive)
    assert list(archive.incoming.iterdir()) == []


async def test_a_conversation_without_a_recording_gets_one(archive: Archive) -> None:
    archive.rows.add(Talk(CALL, problem="it could not be finished: a defect"))
    left_by_asterisk(archive)
    made = await repaired(archive)
    assert made.recording.path == f"estp/2024-11-20/15-04-05_{CALL}.wav"
    assert heard(archive, made) == whole(10)
    assert await archive.verified() == []


async def test_what_was_never_recorded_is_still_said(archive: Archive) -> None:
    """The file was lost, and is whole again; but the first words were never recorded."""
    (await talked(archive)).unlink()
    archive.rows.change(CALL, problem="not recorded from the first word on: 3 MB are free")
    left_by_asterisk(archive)
    made = await repaired(archive)
    assert made.problem == "not recorded from the first word on: 3 MB are free"
    assert [entry.action for entry in archive.entries()] == [Action.ADDED, Action.ADDED], "there was nothing to keep"


async def test_conversations_before_and_after_a_hold_follow_one_another(archive: Archive) -> None:
    (await talked(archive)).unlink()
    archive.side(f"{CALL}-in.wav", spoken(10)[: 4 * RATE])
    archive.side(f"{CALL}-out.wav", spoken(10, -1)[: 4 * RATE])
    archive.side(f"{CALL}-1-in.wav", spoken(10)[4 * RATE :])
    archive.side(f"{CALL}-1-out.wav", spoken(10, -1)[4 * RATE :])
    assert heard(archive, await repaired(archive)) == whole(10)


# -- from the file itself --------------------------------------------------------------------------------------------


def bunched(side: array[int], late: bool) -> array[int]:
    """What Asterisk writes of a side if five packets come every 100 ms: silence before (or after) every five steps."""
    nothing, out = array("h", bytes(2 * 2 * STEP)), array("h")
    for at in range(0, len(side), 5 * STEP):
        out += nothing + side[at : at + 5 * STEP] if late else side[at : at + 5 * STEP] + nothing
    return out


async def test_a_stretched_recording_of_an_older_version_gets_its_own_time_back(archive: Archive) -> None:
    """That version joined the sides as they were: 14 s of file from 10 s of talk."""
    sides = bunched(spoken(10), late=False), bunched(spoken(10, -1), late=True)
    part = (archive.side("old-in.wav", sides[0]), archive.side("old-out.wav", sides[1]))
    path = f"estp/2024-11-20/15-04-05_{CALL}.wav"
    seconds, lengths = join([part], archive.folder / path, talk=14.0)
    for side in part:
        side.unlink()
    sha = digest(archive.folder / path)
    archive.manifest.add(Entry(Action.ADDED, CALL, "estp", path, NOW.isoformat(), seconds, lengths, sha))
    archive.rows.add(Talk(CALL, talk=10.0, recording=path, sha256=sha))
    [problem] = await archive.verified()
    assert "its recording is too long: 14.0 s, but 10.0 s talked" in problem
    again = await repaired(archive)
    assert again.problem == ""
    assert again.recording.seconds == pytest.approx(10.0, abs=0.5)
    assert heard(archive, again)[:9] == whole(9)
    assert await archive.verified() == []


async def test_a_file_that_was_cut_off_can_be_played_again_and_the_row_says_what_is_lost(archive: Archive) -> None:
    file = await talked(archive)
    file.write_bytes(file.read_bytes()[: 44 + 6 * RATE * 4 + 3])
    made = await repaired(archive)
    assert heard(archive, made) == whole(6)
    assert made.problem == (
        "it was made from a file that had been changed after it was signed; "
        "its recording is too short: 6.0 s of 10.0 s talked"
    )
    [problem] = await archive.verified()
    assert "its recording is too short: 6.0 s" in problem


async def test_a_header_that_was_never_finished(archive: Archive) -> None:
    """With the right header the file is the signed one again, so nobody has changed anything else."""
    file = await talked(archive)
    content = bytearray(file.read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", 0)
    file.write_bytes(content)
    assert len(await archive.verified()) == 2
    made = await repaired(archive)
    assert made.problem == ""
    assert heard(archive, made) == whole(10)
    assert made.recording.sha256 == archive.entries()[0].sha256
    assert await archive.verified() == []


async def test_a_header_that_is_gone_is_written_anew_if_the_size_is_the_signed_one(archive: Archive) -> None:
    file = await talked(archive)
    file.write_bytes(bytes(44) + file.read_bytes()[44:])
    assert heard(archive, await repaired(archive)) == whole(10)


# -- one channel: from before there were two -------------------------------------------------------------------------


def mono(archive: Archive, seconds: int, cut: int = 0) -> None:
    """A mixed file, in the register, entered as found."""
    file = archive.folder / f"estp/2024-11-20/15-04-05_{CALL}.wav"
    file.parent.mkdir(parents=True)
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(spoken(seconds).tobytes())
    if cut:
        file.write_bytes(file.read_bytes()[:-cut])
    Adoption(archive.manifest, lambda line: MOSCOW).adopt(TODAY)
    [entry] = [entry for entry in archive.entries() if entry.path]
    archive.rows.add(Talk(CALL, talk=10.0, recording=entry.path, sha256=entry.sha256))


async def test_a_mixed_recording_that_was_cut_off_can_be_played_again(archive: Archive) -> None:
    mono(archive, 10, cut=RATE)
    made = await repaired(archive)
    assert made.problem == "both voices are in one channel"
    with wave.open(str(archive.folder / made.recording.path), "rb") as sound:
        assert sound.getparams()[:4] == (1, 2, RATE, 19 * RATE // 2)
        samples = array("h", sound.readframes(sound.getnframes()))
    assert samples == spoken(10)[: 19 * RATE // 2]
    assert "both voices are in one channel, and cannot be separated" in await refused(archive)


async def test_a_whole_mixed_recording_stays_and_says_why(archive: Archive) -> None:
    mono(archive, 10)
    assert "both voices are in one channel, and cannot be separated" in await refused(archive)


# -- why not ---------------------------------------------------------------------------------------------------------


async def test_a_changed_file_alone_is_not_signed_anew(archive: Archive) -> None:
    file = await talked(archive)
    content = bytearray(file.read_bytes())
    content[100_000:110_000] = bytes(10_000)
    file.write_bytes(content)
    why = await refused(archive)
    assert why.startswith(
        "the file was changed after it was signed: its hash is another. It cannot be repaired: nothing"
    )
    assert "nobody can tell what was changed in the file; restore it from a backup" in why


async def test_a_side_that_is_nowhere(archive: Archive) -> None:
    await talked(archive, heard=2)
    assert "the file itself has nothing more" in await refused(archive)


async def test_a_file_that_is_gone_with_everything(archive: Archive) -> None:
    (await talked(archive)).unlink()
    why = await refused(archive)
    assert why == (
        f"the file is missing. It cannot be repaired: nothing that Asterisk recorded is left in {archive.incoming}; "
        "restore it from a backup, if there is one"
    )


async def test_a_recording_that_was_deleted_in_time_or_is_being_made(archive: Archive) -> None:
    await talked(archive)
    archive.rows.change(CALL, ended_at=TODAY + timedelta(seconds=1))
    assert "it is being made" in await refused(archive)
    archive.rows.change(CALL, ended_at=NOW)
    await Retention(archive.manifest, lambda line: 1, archive.rows, archive.incoming).expire(TODAY)
    assert "it was deleted on 2099-06-01: kept for 1 days" in await refused(archive)


async def test_a_link_in_place_of_a_recording_is_not_followed(archive: Archive, tmp_path: Path) -> None:
    file = await talked(archive)
    other = file.with_name("other.wav")
    shutil.move(file, other)
    file.symlink_to(other.name)
    assert "is a symbolic link, which is not followed" in await refused(archive)


# -- crashes, retention ----------------------------------------------------------------------------------------------


async def test_a_crash_between_manifest_and_register_is_made_good_by_repairing_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await talked(archive)
    file.write_bytes(file.read_bytes()[:-RATE])
    left_by_asterisk(archive)
    row = archive.rows.talks[CALL]
    with monkeypatch.context() as broken:
        broken.setattr(archive.rows, "repaired", None)
        with pytest.raises(TypeError):
            await repair(archive).repair(row)
    for path in archive.incoming.iterdir():
        path.unlink()
    made = await repaired(archive)
    assert heard(archive, made) == whole(10)
    assert [entry.action for entry in archive.entries()] == [Action.ADDED, Action.KEPT, Action.ADDED]
    assert await archive.verified() == []


async def test_a_crash_before_the_entry_leaves_the_recording_as_it_was(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await talked(archive)
    content = file.read_bytes()[:-RATE]
    file.write_bytes(content)
    left_by_asterisk(archive)
    with monkeypatch.context() as full:
        full.setattr(Manifest, "add", no_space)
        with pytest.raises(OSError, match="No space left"):
            await repair(archive).repair(archive.rows.talks[CALL])
    assert file.read_bytes() == content
    assert sorted(path.name for path in archive.folder.rglob("*.wav")) == [file.name]
    assert heard(archive, await repaired(archive)) == whole(10)


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


async def test_what_was_kept_is_watched_and_goes_with_the_recording(archive: Archive) -> None:
    file = await talked(archive)
    file.write_bytes(file.read_bytes()[:-RATE])
    left_by_asterisk(archive, heard=3)
    archive.rows.change(CALL, ended_at=days_ago(10))
    made = await repaired(archive)
    assert made.problem
    file.write_bytes(b"other")
    kept = file.relative_to(archive.folder)
    changed = f"{kept}: the file was changed after it was kept beside its repair: its hash is another"
    assert changed in await archive.verified()
    assert await Retention(archive.manifest, lambda line: 9, archive.rows, archive.incoming).expire(TODAY) == 2
    assert list(archive.folder.rglob("*.wav")) == []
    assert list(archive.incoming.iterdir()) == [], "and so do Asterisk's own files, which had stayed"
