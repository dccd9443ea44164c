"""Asterisk's own logs stay small, whatever strangers send."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from callcenter.asterisk import log_files
from callcenter.asterisk.log_files import KEPT, NAMES, LogFiles
from callcenter.asterisk.render import Folders
from tests.attack.stranger import Stranger
from tests.e2e.station import NUMBER, station, until


def rotated(folder: Path, name: str) -> None:
    """What Asterisk does when it is told to begin a new file."""
    for number in reversed(range(KEPT + 3)):
        with contextlib.suppress(FileNotFoundError):
            (folder / f"{name}.{number}").rename(folder / f"{name}.{number + 1}")
    (folder / name).rename(folder / f"{name}.0")
    (folder / name).touch()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", NAMES)
async def test_a_log_is_begun_anew_at_its_size_and_old_ones_are_deleted(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "LARGEST", 1000)
    monkeypatch.setattr(log_files, "LOOKING", 0.0)
    (tmp_path / name).write_text("x" * 1001)
    (tmp_path / f"{name}.gz").touch()
    (tmp_path / "cel-custom").mkdir()
    times = 0

    def rotate() -> None:
        nonlocal times
        times += 1
        rotated(tmp_path, name)
        (tmp_path / name).write_text("x" * (1001 if times < 10 else 10))

    keeping = asyncio.create_task(LogFiles(tmp_path, rotate).keep())
    await until(lambda: times == 10 and len(list(tmp_path.iterdir())) <= KEPT + 3)
    keeping.cancel()
    assert times == 10
    assert names(tmp_path) == {name, *(f"{name}.{number}" for number in range(KEPT)), f"{name}.gz", "cel-custom"}


async def test_a_folder_that_is_missing_or_closed_is_told_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeping = asyncio.create_task(LogFiles(tmp_path / "nothing", lambda: None).keep())
    await until(lambda: "Asterisk's log cannot be kept small" in caplog.text)
    assert not keeping.done()
    keeping.cancel()


@pytest.mark.e2e
async def test_a_stranger_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these packets makes Asterisk write a line."""
    monkeypatch.setattr(log_files, "LARGEST", 20_000)
    monkeypatch.setattr(log_files, "LOOKING", 0.2)
    async with station(tmp_path) as here:
        folder = Folders.under(here.config.var).log
        written = 0
        async with Stranger(f"{here.network}3.77", here.proxy) as stranger:
            for _ in range(60):
                for _ in range(20):
                    stranger.invite(NUMBER, "<sip:nobody@x>")
                    written += 1
                await asyncio.sleep(0.05)
        await until(lambda: len(list(folder.glob("messages.log.*"))) >= 2, what="new files are begun")
        await until(lambda: sum(path.stat().st_size for path in folder.glob("messages.log*")) < 40_000 * (KEPT + 1))
        assert len(list(folder.glob("messages.log.*"))) <= KEPT + 1
