"""The recordings of a running controller, from an update to the daily round: real files, a real register."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from callcenter.app.archive import Archive
from callcenter.config import Config
from callcenter.core.commands import FinishRecording
from callcenter.core.events import RecordingFailed, RecordingFinished, RecordingPossible
from callcenter.recordings import checks, recording
from callcenter.recordings.manifest import Manifest
from callcenter.recordings.recording import RATE, digest
from callcenter.store import Register
from callcenter.store.tables import Call
from tests.recordings.folders import TODAY, side, tone
from tests.store.stories import eventually, stored

pytestmark = pytest.mark.clause("ESTP 2.6")

CONFIG = """
lines: {estp: {numbers: ["+73422921960"]}}
asterisk: {rtp_last: 10399}
recordings: {check_after: 0, min_free_mb: 1}
"""
ENDED = TODAY - timedelta(hours=1)


class Office:
    """A call centre without calls, but with recordings."""

    def __init__(self, home: Path) -> None:
        (home / "config.yaml").write_text(CONFIG)
        self.config = Config.load(home / "config.yaml")
        self.incoming = self.config.var / "asterisk/spool/recording"
        self.incoming.mkdir(parents=True)
        self.folder = self.config.recordings.folder
        self.told: list[RecordingPossible] = []

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Archive]:
        """The archive, and all that it does beside the calls."""
        register = await Register.open(self.config.database)
        archive = Archive(self.config, register, self.told.append, lambda: TODAY)
        tasks = [asyncio.create_task(work(), name=name) for work, name in archive.work()]
        try:
            yield archive
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await register.close()

    async def registered(self, call: str, path: str, sha256: str, talk: float = 6.0) -> None:
        texts = [column.name for column in Call.__table__.columns if not column.nullable and column.name != "id"]
        row: dict[str, Any] = dict.fromkeys(texts, "")
        row |= {"call": call, "line": "estp", "arrived_at": ENDED, "ended_at": ENDED, "talk": talk, "info_visits": 0}
        register = await Register.open(self.config.database)
        async with register.session() as session:
            await session.execute(insert(Call), [row | {"recording": path, "recording_sha256": sha256}])
        await register.close()

    def checked(self) -> list[tuple[str, str]]:
        """Calls whose recording was looked at, and what is wrong with it."""
        query = "select call, recording_problem from calls where recording_checked_at is not null order by call"
        return stored(self.config.database, query)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Where nobody waits for longer than he has to: neither for the next check nor for an Asterisk that has died."""
    monkeypatch.setattr(checks, "_EVERY", 0.01)
    monkeypatch.setattr(recording, "_PATIENCE", 0.0)
    return Office(tmp_path)


async def test_after_an_update_what_lay_there_is_entered_and_then_looked_at(office: Office) -> None:
    """Checked before it was entered, every recording of the past would be one that nobody knows."""
    for n in range(8):
        file = office.folder / f"estp/2025-01-01/10-00-{n:02}_1.{n}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(file), "wb") as out:
            out.setparams((2, 2, RATE, 0, "NONE", ""))
            out.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) * 2 for sample in tone(6.0)))
        await office.registered(f"1.{n}", file.relative_to(office.folder).as_posix(), digest(file))
    async with office.at_work() as archive:
        await eventually(lambda: archive.state().checked == 8, 60.0)
        assert archive.state().problems == 0
        assert [problem for _, problem in office.checked() if problem] == []


async def test_a_call_is_made_into_a_file_entered_and_found_in_order(office: Office) -> None:
    for name in ("1.1-in.wav", "1.1-out.wav"):
        side(office.incoming, name, tone(6.0))
    async with office.at_work() as archive:
        assert archive.health() == "ok"
        made = await archive.finish(FinishRecording("1.1", "estp", 6.0, 0.0), ENDED)
        assert isinstance(made, RecordingFinished)
        moscow = ENDED.astimezone(office.config.zone("estp"))
        assert made.path == f"estp/{moscow:%Y-%m-%d}/{moscow:%H-%M-%S}_1.1.wav"
        assert await archive.finish(FinishRecording("1.1", "estp", 6.0, 0.0), ENDED) == made
        await office.registered("1.1", made.path, made.sha256)
        await eventually(lambda: office.checked() == [("1.1", "")], 20.0)
    entry = Manifest(office.folder, office.config.var, lambda: TODAY).of_path(made.path)
    assert entry
    assert (entry.call, entry.sha256, entry.sides) == ("1.1", made.sha256, (6.0, 6.0))


async def test_a_conversation_that_left_nothing_is_said_to_have_failed(office: Office) -> None:
    async with office.at_work() as archive:
        failed = await archive.finish(FinishRecording("1.1", "estp", 6.0, 0.0), ENDED)
        assert failed == RecordingFailed("1.1", "there was a conversation, but Asterisk recorded nothing")
        await office.registered("1.1", "", "")
        await eventually(lambda: office.checked() == [("1.1", "there is no recording")], 20.0)
        await eventually(lambda: archive.state() == (1, 1, 0))


async def test_a_disk_without_room_is_told_to_the_core_and_to_whoever_asks_for_health(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office.at_work() as archive:
        assert office.told == []
        monkeypatch.setattr("callcenter.recordings.space._trouble", lambda *_: "3 MB are free")
        await archive.look_at_space()
        assert office.told == [RecordingPossible(False, "3 MB are free")]
        assert archive.health() == "conversations are not recorded: 3 MB are free"
