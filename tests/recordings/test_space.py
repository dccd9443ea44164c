"""The disks of recordings are watched; what is to be said of them is said in time, and not every second."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.core.events import RecordingPossible
from callcenter.recordings import space as module
from callcenter.recordings.space import RecordingSpace
from tests.store.stories import eventually

pytestmark = pytest.mark.clause("ESTP 2.6")

MB = 1_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def read_only(small_disk: Path) -> Path:
    """The same, mounted for reading."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    return small_disk


async def test_a_disk_that_fills_and_empties_again(small_disk: Path, tmp_path: Path) -> None:
    told: list[RecordingPossible] = []
    space = RecordingSpace([tmp_path / "spool", small_disk / "not/there/yet"], 10 * MB, told.append)
    await space.look()
    assert (told, space.why) == ([], "")
    (small_disk / "other").write_bytes(bytes(12 * MB))
    await space.look()
    await space.look()
    assert [event.possible for event in told] == [False]
    assert space.why.endswith(
        "MB are free for " + str(small_disk / "not/there/yet") + ", 11 are needed (recordings.min_free_mb)"
    )
    os.truncate(small_disk / "other", int(10.5 * MB))
    await space.look()
    assert len(told) == 1, "ten megabytes and a little are not enough to begin again"
    os.truncate(small_disk / "other", 5 * MB)
    await space.look()
    assert told[1:] == [RecordingPossible(True, "")]
    assert space.why == ""


async def test_a_disk_that_can_only_be_read(read_only: Path) -> None:
    told: list[RecordingPossible] = []
    await RecordingSpace([read_only], MB, told.append).look()
    assert told == [RecordingPossible(False, f"the disk of {read_only} can only be read")]


async def test_a_disk_without_room_for_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[RecordingPossible] = []
    real = os.statvfs(tmp_path)
    fields = list(real)
    fields[module_field("f_favail")] = 0
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    await RecordingSpace([tmp_path], 1, told.append).look()
    assert "takes no more files" in told[0].why


def module_field(name: str) -> int:
    """The place of a field in the result of statvfs."""
    names = ["f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail"]
    return names.index(name)


async def test_a_disk_that_does_not_answer_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[RecordingPossible] = []
    answered = threading.Event()
    monkeypatch.setattr(module, "_LOOK_WITHIN", 0.05)
    monkeypatch.setattr(module, "_trouble", lambda folders, required: "" if answered.wait(30) else "")
    space = RecordingSpace([tmp_path], 1, told.append)
    try:
        await space.look()
        await space.look()
    finally:
        answered.set()
    assert [event.why for event in told] == [f"the disk of {tmp_path} does not answer"]


async def test_while_nothing_is_recorded_the_log_says_so_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_REMIND", 0.02)
    space = RecordingSpace([tmp_path], 10**18, lambda event: None, every=0.005)
    running = asyncio.create_task(space.run())
    await eventually(lambda: caplog.text.count("Conversations are still not recorded: ") > 1)
    running.cancel()
