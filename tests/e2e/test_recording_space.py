"""Stories of a disk that fills while people talk: nobody is cut off, and what can be kept is kept (ESTP 2.6)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from callcenter.calendar.clock import wall_clock
from callcenter.recordings import recordings
from callcenter.recordings.manifest import Manifest
from callcenter.recordings.verification import Verification
from callcenter.reports.conversations import Conversations
from callcenter.store import Register
from tests.e2e.hearing import heard_prompts, listen, names
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, voice
from tests.e2e.softphone import RATE, Call
from tests.e2e.station import Station, station, until
from tests.patience import patience

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 2.6")]
STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}
MB = 1_000_000


class Disk:
    """A disk of 8 MB, on which Asterisk's spool and the finished recordings lie; everything else lies elsewhere."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "something else"

    def leave(self, free: int) -> None:
        """Fill it until so many bytes are left."""
        disk = os.statvfs(self.place)
        with self._ballast.open("ab") as file:
            file.write(bytes(max(0, disk.f_bavail * disk.f_frsize - free)))

    def empty(self) -> None:
        """Somebody makes room."""
        self._ballast.unlink()


def mount(*arguments: str) -> None:
    found = subprocess.run(["mount", *arguments], capture_output=True)
    if found.returncode:
        pytest.skip(f"no disk can be mounted here: {found.stderr.decode().strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    place, spool = tmp_path / "disk", tmp_path / "var/asterisk/spool/recording"
    place.mkdir()
    spool.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place))
    try:
        (place / "spool").mkdir()
        mount("--bind", str(place / "spool"), str(spool))
        try:
            yield Disk(place)
        finally:
            subprocess.run(["umount", "-l", str(spool)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


async def talk(line: Station, person: str, number: str) -> tuple[Call, Call]:
    """A caller and an operator who hear each other."""
    phone = await line.operator(person)
    caller = await line.caller(number)
    caller.say(voice(CALLER))
    leg = await phone.rings()
    leg.say(voice(OPERATOR))
    leg.answer()
    await hears(caller, OPERATOR)
    await hears(leg, CALLER)
    return caller, leg


async def health(line: Station) -> str:
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(f"http://127.0.0.1:{line.config.http.port}/healthz") as response,
    ):
        return str((await response.json())["components"]["recordings"])


async def problems(line: Station) -> list[str]:
    """What `callcenter recordings verify` tells."""
    register = await Register.open(line.config.database, create=False)
    try:
        verification = Verification(
            Manifest(line.config.recordings.folder, line.config.var, wall_clock),
            Conversations(register),
            line.config.zone,
            line.config.retention_days,
            Path("nowhere"),
            wall_clock(),
            grace=0.0,
        )
        return [problem async for problem in verification.problems()]
    finally:
        await register.close()


def settings(disk: Disk, brief: Path, **more: str) -> dict[str, Any]:
    kept = {"folder": str(disk.place / "kept"), "min_free_mb": "2", "check_after": "0", **more}
    return {"ivr": STRAIGHT_TO_THE_QUEUE, "prompts": str(brief), "recordings": kept}


async def test_a_full_disk_ends_no_conversation_and_what_waits_is_finished_later(
    tmp_path: Path, brief: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recordings, "_FIRST_RETRY", 0.2)
    monkeypatch.setattr(recordings, "_LONGEST_RETRY", 0.5)
    async with station(tmp_path, **settings(disk, brief)) as line:
        first, first_leg = await talk(line, "101", "+73421111111")
        assert await health(line) == "ok"
        disk.leave(MB)
        await until(lambda: line.controller.view().not_recording, 30.0, "the line knows that it cannot record")
        assert (await health(line)).startswith("conversations are not recorded: ")
        assert "Conversations are not recorded: " in caplog.text

        second, second_leg = await talk(line, "102", "+73422222222")
        await listen(second, 0.5)
        second.hang_up()
        unrecorded = await line.ended(number="+73422222222", outcome="answered")
        assert unrecorded["recording"] == ""
        assert unrecorded["recording_problem"].startswith("not recorded from the first word on: 1 MB are free")

        await until(lambda: len(first_leg.media.heard) > 6 * RATE, 15.0, "the first two talk on")
        await hears(first, OPERATOR)
        await hears(first_leg, CALLER)
        disk.leave(100_000)  # enough for Asterisk's last words, not for a second copy
        first.hang_up()
        row = await line.row(number="+73421111111", outcome="answered")
        await until(lambda: "cannot be finished yet" in caplog.text, 30.0, "the disk refuses the file")
        assert (await health(line)).startswith("conversations are not recorded: ")
        assert line.rows(f"select recording from calls where call='{row['call']}'") == [{"recording": ""}]

        disk.empty()
        late = await line.ended(number="+73421111111", outcome="answered")
        assert late["recording_problem"] == ""
        assert late["recording_seconds"] == pytest.approx(late["talk"], abs=0.3)
        await until(lambda: not line.controller.view().not_recording, 30.0, "the line records again")

        third, _ = await talk(line, "103", "+73423333333")
        await listen(third, 0.5)
        third.hang_up()
        assert (await line.ended(number="+73423333333", outcome="answered"))["recording"]
        await until(
            lambda: line.rows("select count(*) n from calls where recording_checked_at is null") == [{"n": 0}],
            30.0,
            "all three are checked",
        )
        assert [text.partition(":")[2].partition(":")[2].strip()[:30] for text in await problems(line)] == [
            "not recorded from the first wo"
        ]
        await all_quiet(line)


async def test_a_line_that_must_record_is_closed_and_who_waits_is_served(
    tmp_path: Path, brief: Path, disk: Disk
) -> None:
    async with station(tmp_path, **settings(disk, brief, when_full="close_line")) as line:
        waiting = await line.caller("+73421111111")
        await until(lambda: line.waiting() == 1, what="somebody waits")
        disk.leave(MB)
        await until(lambda: line.controller.view().not_recording, 30.0, "the line knows that it cannot record")
        refused = await line.caller("+73422222222")
        async with patience(20):
            await refused.ended.wait()
        assert names(heard_prompts(refused.heard(), ["all-lines-busy"], brief)) == ["all-lines-busy"]
        row = await line.ended(number="+73422222222", outcome="all_lines_busy")
        assert row["recording_problem"].startswith("not admitted: 1 MB are free")
        leg = await (await line.operator("101")).rings()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(waiting, OPERATOR)
        waiting.hang_up()
        await line.ended(number="+73421111111", outcome="answered")
        disk.empty()
        await until(lambda: not line.controller.view().not_recording, 30.0, "the line records again")
        served, _ = await talk(line, "102", "+73423333333")
        served.hang_up()
        await line.ended(number="+73423333333", outcome="answered")
