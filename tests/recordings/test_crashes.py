"""A crash anywhere in the making of a file, or a disk that is full: done again, it gives the same file, once."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callcenter.recordings import recording as module
from callcenter.recordings import recordings
from callcenter.recordings.manifest import Action, Manifest
from callcenter.recordings.recording import NotYet, RecordingError
from callcenter.recordings.recordings import Recordings
from tests.patience import patience
from tests.recordings.folders import CALL, NOW, Archive, tone
from tests.store.stories import eventually

pytestmark = pytest.mark.clause("ESTP 2.6")


class Killed(BaseException):
    """The process ends here."""


def killed(*arguments: Any, **more: Any) -> None:
    raise Killed


def spool_two_conversations(archive: Archive) -> None:
    for name, seconds in ((CALL, 2.0), (f"{CALL}-1", 3.0)):
        archive.side(f"{name}-in.wav", tone(seconds))
        archive.side(f"{name}-out.wav", tone(seconds - 0.5))


def again(archive: Archive) -> Recordings:
    """The controller that was started anew."""
    return Recordings(archive.incoming, archive.folder, archive.manifest)


def at_the_second(removal: int, real: Callable[..., None]) -> Callable[..., None]:
    """Killed when so many of Asterisk's files are removed."""
    count = 0

    def remove(path: Path, missing_ok: bool = False) -> None:
        nonlocal count
        if path.name.endswith(("-in.wav", "-out.wav")):
            count += 1
            if count > removal:
                raise Killed
        real(path, missing_ok)

    return remove


@pytest.mark.parametrize("where", ["before the rename", "after the rename", "after the entry", "while removing", "end"])
async def test_wherever_it_is_killed_the_same_file_comes_of_it(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    spool_two_conversations(archive)
    with monkeypatch.context() as patched:
        match where:
            case "before the rename":
                patched.setattr(Path, "replace", killed)
            case "after the rename":
                patched.setattr(Manifest, "add", killed)
            case "after the entry":
                patched.setattr(module, "remove", killed)
            case "while removing":
                patched.setattr(Path, "unlink", at_the_second(2, Path.unlink))
        if where == "end":
            await archive.recordings.finish(CALL, "estp", 5.0, NOW)
        else:
            with pytest.raises(Killed):
                await archive.recordings.finish(CALL, "estp", 5.0, NOW)
    made = await again(archive).finish(CALL, "estp", 5.0, NOW)
    assert made
    assert (made.seconds, made.sides) == (5.0, (5.0, 4.0))
    [file] = archive.folder.rglob("*.wav")
    assert made.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert [(entry.action, entry.path, entry.sha256) for entry in archive.entries()] == [
        (Action.ADDED, made.path, made.sha256)
    ]
    assert list(archive.incoming.iterdir()) == []
    assert list(archive.folder.rglob("*.part")) == []


async def test_an_end_that_was_rounded_in_the_register_finds_the_file_of_the_second_before(archive: Archive) -> None:
    first = await archive.talked()
    second = await again(archive).finish(CALL, "estp", 10.0, NOW + timedelta(seconds=1))
    assert second == first
    assert len(archive.entries()) == 1


async def test_a_file_that_was_changed_after_it_was_entered_is_not_made_anew(archive: Archive) -> None:
    """There is nothing left to make it of, and what lies there is not what was signed."""
    made = await archive.talked()
    (archive.folder / made.path).write_bytes(b"other")
    with pytest.raises(RecordingError, match="Asterisk recorded nothing"):
        await archive.recordings.finish(CALL, "estp", 10.0, NOW)


async def test_a_full_disk_is_waited_for_and_the_file_is_whole_in_the_end(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool_two_conversations(archive)
    monkeypatch.setattr(recordings, "_FIRST_RETRY", 0.01)
    tries = 0
    write = module._write

    def full(*arguments: Any) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*arguments)

    monkeypatch.setattr(module, "_write", full)
    finishing = asyncio.create_task(archive.recordings.see_through(CALL, "estp", 5.0, NOW))
    async with patience(10):
        await eventually(lambda: bool(archive.recordings.unfinished.get(CALL)))
        assert "No space left on device" in archive.recordings.unfinished[CALL]
        made = await finishing
    assert made
    assert made.seconds == 5.0
    assert archive.recordings.unfinished == {}
    assert archive.actions() == [Action.ADDED]


async def test_a_full_disk_is_asked_more_and_more_rarely(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def finish(*arguments: Any) -> None:
        if len(pauses) < 8:
            raise NotYet("full")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(archive.recordings, "finish", finish)
    monkeypatch.setattr("callcenter.recordings.recordings.asyncio.sleep", sleep)
    assert await archive.recordings.see_through(CALL, "estp", 5.0, NOW) is None
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


@pytest.mark.usefixtures("impatient")
async def test_a_conversation_that_was_not_recorded_is_not_tried_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecordingError, match="Asterisk recorded nothing"):
        await archive.recordings.see_through(CALL, "estp", 5.0, NOW)
    assert archive.recordings.unfinished == {}


@pytest.mark.parametrize("call", ["x" * 300, "\udcff"])
@pytest.mark.usefixtures("impatient")
async def test_a_name_that_no_file_can_have_is_not_tried_again(archive: Archive, call: str) -> None:
    with pytest.raises(RecordingError):
        await archive.recordings.see_through(call, "estp", 5.0, NOW)


async def test_without_an_entry_in_the_chain_nothing_of_asterisks_is_removed(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool_two_conversations(archive)
    archive.var.rmdir()
    with pytest.raises(NotYet):
        await archive.recordings.finish(CALL, "estp", 5.0, NOW)
    assert len(list(archive.incoming.iterdir())) == 4
    archive.var.mkdir()
    assert await archive.recordings.finish(CALL, "estp", 5.0, NOW)
    assert archive.actions() == [Action.ADDED], "the first try had entered it, but for the head's second copy"
    archive.manifest.add()
    assert await archive.verified() == [
        f"estp/2024-11-20/15-04-05_{CALL}.wav: no conversation of the register names it"
    ]
