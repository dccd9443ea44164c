"""Seconds talked against seconds of sound: what is found wrong, and what rightly is not."""

from __future__ import annotations

import asyncio
import struct
from array import array
from datetime import timedelta

import pytest

from callcenter.recordings import recordings
from callcenter.recordings.checks import RecordingChecks
from callcenter.recordings.manifest import Action, Entry
from callcenter.recordings.problems import examine, lengths
from tests.recordings.folders import CALL, KEPT, NOW, TODAY, Archive, Talk, days_ago, silence, tone
from tests.store.stories import eventually

pytestmark = pytest.mark.clause("ESTP 2.6")

SINCE = NOW - timedelta(days=1)
"""Older recordings need not be there."""


async def recorded(
    archive: Archive, said: array[int], heard: array[int], talk: float = 10.0, people: int = 1
) -> list[str]:
    """What is wrong with a conversation of which Asterisk wrote so much."""
    archive.side(f"{CALL}-in.wav", said)
    archive.side(f"{CALL}-out.wav", heard)
    made = await archive.recordings.finish(CALL, "estp", talk, NOW)
    assert made
    row = Talk(talk=talk, people=people, recording=made.path, sha256=made.sha256)
    return examine(row, archive.manifest.of_path(made.path), archive.folder / made.path, SINCE)


async def test_a_conversation_that_is_all_there(archive: Archive) -> None:
    assert await recorded(archive, tone(10.1), tone(9.9)) == []


async def test_much_too_short(archive: Archive) -> None:
    assert await recorded(archive, tone(6), tone(6)) == ["its recording is too short: 6.0 s of 10.0 s talked"]


async def test_much_too_long(archive: Archive) -> None:
    assert await recorded(archive, tone(12), tone(12)) == ["its recording is too long: 12.0 s, but 10.0 s talked"]


async def test_one_side_ends_before_the_other(archive: Archive) -> None:
    assert await recorded(archive, tone(10), tone(4)) == ["the operator's side is too short: 4.0 s of 10.0 s talked"]


@pytest.mark.parametrize("quiet", [silence(10), array("h", bytes(160_000))])
async def test_one_side_is_silent_all_through(archive: Archive, quiet: array[int]) -> None:
    assert await recorded(archive, quiet, tone(10)) == ["the caller's side is silent all through"]


async def test_a_single_word_is_no_silence(archive: Archive) -> None:
    assert await recorded(archive, silence(9) + tone(0.5, 800) + silence(0.5), tone(10)) == []


async def test_in_a_few_seconds_one_may_well_have_said_nothing(archive: Archive) -> None:
    assert await recorded(archive, silence(4), tone(4), talk=4.0) == []


async def test_both_sides_and_the_length_are_told_together(archive: Archive) -> None:
    assert await recorded(archive, silence(7), silence(7), talk=20.0) == [
        "its recording is too short: 7.0 s of 20.0 s talked",
        "the caller's side is silent all through",
        "the operator's side is silent all through",
    ]


@pytest.mark.parametrize(("people", "problems"), [(1, 1), (2, 1), (3, 0)])
def test_after_transfers_a_little_more_may_be_missing(people: int, problems: int) -> None:
    assert len(lengths(Talk(talk=60.0, people=people), 57.5, ())) == problems


def test_no_recording_and_why_if_it_is_known(archive: Archive) -> None:
    assert examine(Talk(), None, archive.folder, SINCE) == ["there is no recording"]
    assert examine(Talk(problem="no room"), None, archive.folder, SINCE) == ["no room"]
    assert examine(Talk(talk=0.1), None, archive.folder, SINCE) == []


async def test_a_file_that_is_gone_changed_or_no_sound_at_all(archive: Archive) -> None:
    made = await archive.talked()
    row, entry, file = archive.rows.talks[CALL], archive.manifest.of_path(made.path), archive.folder / made.path
    whole = file.read_bytes()
    changed = "the file was changed after it was signed: its hash is another"
    for content, problems in (
        (whole[:-1] + b"\x55", [changed]),
        (whole[:-32_000], [changed, "its recording ends after 9.0 of 10.0 s"]),
        (whole[:22] + struct.pack("<H", 1) + whole[24:], [changed, "its recording has 1 channels of 16 bits"]),
        (b"RIFF", [changed, "its recording is not a sound file"]),
        (b"", [changed, "its recording is not a sound file"]),
    ):
        file.write_bytes(content)
        found = examine(row, entry, file, SINCE)
        assert len(found) == len(problems)
        assert all(map(str.startswith, found, problems)), found
    file.unlink()
    assert examine(row, entry, file, SINCE) == ["the file is missing"]


async def test_register_and_manifest_must_name_the_same(archive: Archive) -> None:
    made = await archive.talked()
    file = archive.folder / made.path
    row = archive.rows.talks[CALL]
    assert examine(row, None, file, SINCE) == ["the manifest does not know its recording"]
    other = Entry(Action.ADDED, path=made.path, sha256="0" * 64)
    assert examine(row, other, file, SINCE)[0] == "the register and the manifest name different hashes of its recording"


async def test_what_was_deleted_in_time_before_there_was_a_manifest_is_not_missed(archive: Archive) -> None:
    gone = Talk(ended_at=days_ago(101), recording="estp/old.wav", sha256="a" * 64)
    file = archive.folder / gone.recording
    assert examine(gone, None, file, days_ago(100)) == []
    assert examine(gone, None, file, days_ago(102)) == [
        "the manifest does not know its recording",
        "the file is missing",
    ]


# -- minutes after each call -----------------------------------------------------------------------------------------


def checks(archive: Archive, after: float = 0.0) -> RecordingChecks:
    too_early = archive.recordings.too_early
    return RecordingChecks(archive.rows, archive.manifest, after, lambda line: KEPT, too_early, lambda: TODAY)


async def test_each_recording_is_checked_once_and_the_register_says_what_was_found(archive: Archive) -> None:
    await archive.talked("1.1")
    short = await archive.talked("1.2", 5.0)
    archive.rows.change("1.2", talk=30.0, problem="not recorded from the first word on")
    look = checks(archive)
    assert await look.look() == 2
    assert await look.look() == 0
    assert (look.checked, look.problems) == (2, 1)
    rows = archive.rows.talks
    assert rows["1.1"].problem == ""
    assert rows["1.2"].problem == (
        "not recorded from the first word on; its recording is too short: 5.0 s of 30.0 s talked"
    )
    assert rows["1.2"].checked_at
    assert rows["1.2"].recording == short.path


async def test_not_sooner_than_configured_and_not_while_the_file_is_being_made(archive: Archive) -> None:
    await archive.talked("1.1", ended=TODAY - timedelta(seconds=60))
    assert await checks(archive, after=120.0).look() == 0
    archive.recordings.unfinished["1.1"] = "no space left"
    assert await checks(archive, after=30.0).look() == 0
    del archive.recordings.unfinished["1.1"]
    assert await checks(archive, after=30.0).look() == 1


async def test_a_file_that_the_register_does_not_name_yet_is_not_missed(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is written a moment after the file: checked in between, it would be said for ever that there is none."""
    archive.side(f"{CALL}-in.wav", tone(5.0))
    archive.side(f"{CALL}-out.wav", tone(5.0))
    archive.rows.add(Talk(CALL, talk=5.0))
    made = await archive.recordings.see_through(CALL, "estp", 5.0, NOW)
    assert made
    assert await checks(archive).look() == 0
    archive.rows.change(CALL, recording=made.path, sha256=made.sha256)
    monkeypatch.setattr(recordings, "_ROW_WRITTEN", 0.0)
    assert await checks(archive).look() == 1
    assert archive.rows.talks[CALL].problem == ""


async def test_a_row_that_leads_out_of_the_folder_is_a_problem_and_no_stop(archive: Archive) -> None:
    archive.rows.add(Talk("1.1", recording="../../etc/passwd", sha256="0" * 64))
    await archive.talked("1.2")
    look = checks(archive)
    assert await look.look() == 2
    assert "no recording below" in archive.rows.talks["1.1"].problem
    assert archive.rows.talks["1.2"].problem == ""


async def test_a_register_that_is_away_is_asked_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("callcenter.recordings.checks._EVERY", 0.01)
    await archive.talked()
    archive.rows.trouble = RuntimeError("locked")
    look = checks(archive)
    running = asyncio.create_task(look.run())
    await eventually(lambda: "Recordings cannot be checked just now: locked" in caplog.text)
    archive.rows.trouble = None
    await eventually(lambda: look.checked == 1)
    running.cancel()
    assert archive.rows.talks[CALL].checked_at
