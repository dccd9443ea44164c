"""`callcenter recordings` at a terminal: what an auditor and an engineer do, with a real register and real files."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from callcenter.cli.main import main
from callcenter.recordings.manifest import Manifest
from callcenter.recordings.recordings import Recordings
from callcenter.store import Register
from callcenter.store.tables import Call
from tests.recordings.folders import TODAY, days_ago, side, tone
from tests.wall import Wall

pytestmark = pytest.mark.clause("ESTP 2.6")

CONFIG = """
lines:
  estp: {numbers: ["+73422921960"], retention_days: 100}
  perm: {numbers: ["+73422921961"], hours: {zone: Asia/Yekaterinburg}}
asterisk: {rtp_last: 10999}
recordings: {check_after: 0}
"""


class Desk:
    """An engineer's terminal, and the call centre's files."""

    def __init__(self, home: Path) -> None:
        (home / "config.yaml").write_text(CONFIG)
        self.config = home / "config.yaml"
        self.folder, self.var, self.incoming = home / "recordings", home / "var", home / "var/asterisk/spool/recording"
        self.incoming.mkdir(parents=True)
        self.wall = Wall(TODAY)
        self.manifest = Manifest(self.folder, self.var, self.wall)

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command prints; it has to end with this code."""
        found: Result = CliRunner().invoke(main, ["recordings", "--config", str(self.config), *arguments])
        assert found.exit_code == code, found.output
        return found.output

    def talked(self, call: str, days: float = 1.0, seconds: float = 6.0) -> Path:
        """A conversation of some days ago, recorded and registered."""
        ended = days_ago(days)
        side(self.incoming, f"{call}-in.wav", tone(seconds))
        side(self.incoming, f"{call}-out.wav", tone(seconds))
        return asyncio.run(self._finished(call, ended, seconds))

    async def _finished(self, call: str, ended: datetime, seconds: float) -> Path:
        made = await Recordings(self.incoming, self.folder, manifest=self.manifest).finish(call, "estp", seconds, ended)
        assert made
        texts = [column.name for column in Call.__table__.columns if not column.nullable and column.name != "id"]
        row: dict[str, Any] = dict.fromkeys(texts, "")
        row |= {"call": call, "line": "estp", "arrived_at": ended - timedelta(seconds=60), "ended_at": ended}
        row |= {"talk": seconds, "info_visits": 0, "recording": made.path, "recording_sha256": made.sha256}
        register = await Register.open(self.var / "register.sqlite")
        async with register.session() as session:
            await session.execute(insert(Call), [row])
        await register.close()
        return self.folder / made.path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path)
    monkeypatch.setattr("callcenter.cli.recordings.wall_clock", desk.wall)
    return desk


def test_all_in_order_and_the_head_to_be_noted(desk: Desk) -> None:
    for n in (1, 2):
        desk.talked(f"1.{n}")
    output = desk.run("verify")
    head = desk.manifest.kept_head()
    assert output == f"conversations: 2, files: 2, problems: 0\nHead of the manifest: {head}\n"
    desk.talked("1.3")
    assert "problems: 0" in desk.run("verify", "--head", str(head), "--quick", "--line", "estp")


def test_what_is_wrong_is_told_and_the_command_fails(desk: Desk) -> None:
    first, second = desk.talked("1.1"), desk.talked("1.2")
    head = str(desk.manifest.kept_head())
    first.unlink()
    second.write_bytes(second.read_bytes()[:-2] + b"!!")
    output = desk.run("verify", code=1)
    assert "call 1.1 (estp, " in output
    assert "the file is missing\n" in output
    assert "the file was changed after it was signed" in output
    assert "conversations: 2, files: 2, problems: 2" in output
    assert "problems: 1" in desk.run("verify", "--quick", code=1)
    tomorrow = TODAY + timedelta(days=1)
    assert "problems: 0" in desk.run("verify", "--since", f"{tomorrow:%Y-%m-%d}")
    desk.manifest.path.unlink()
    assert "its end was cut off: the entries 1 to 2 are missing" in desk.run("verify", "--head", head, code=1)


def test_questions_that_make_no_sense(desk: Desk) -> None:
    desk.talked("1.1")
    assert "no line 'etsp'; configured: estp, perm" in desk.run("verify", "--line", "etsp", code=2)
    assert "is later than --until" in desk.run("list", "--since", "2026-02-01", "--until", "2026-01-01", code=2)
    assert "'12' is not NUMBER:HASH, as `verify` prints it" in desk.run("verify", "--head", "12", code=2)
    assert "the manifest has no entry of a call '9.9'" in desk.run("proof", "9.9", code=1)


def test_a_disputed_recording_is_held_listed_released_and_only_then_deleted(desk: Desk) -> None:
    old = desk.talked("1.1", days=200)
    older = desk.talked("1.2", days=300)
    assert "neither the register nor the manifest has a call '9.9'" in desk.run("hold", "9.9", "--why", "?", code=1)
    assert "Missing option '--why'" in desk.run("hold", "1.1", code=2)
    desk.run("hold", "1.1", "--why", "дело А50-1")
    assert desk.run("expire", "--dry-run").startswith(str(older.relative_to(desk.folder)))
    assert older.exists()
    assert desk.run("expire") == "recordings deleted: 1\n"
    assert (old.exists(), older.exists()) == (True, False)
    listed = desk.run("list").splitlines()
    assert listed[0].endswith(f"held since {TODAY:%Y-%m-%d}: дело А50-1")
    assert listed[1].endswith(": kept for 100 days")
    assert "was deleted on" in desk.run("hold", "1.2", "--why", "too late", code=1)
    assert "nobody holds '1.2'; held are: 1.1" in desk.run("release", "1.2", code=1)
    desk.run("release", "1.1", "--why", "settled")
    assert "kept until " in desk.run("list").splitlines()[0]
    assert desk.run("expire") == "recordings deleted: 1\n"
    actions = [json.loads(line)["action"] for line in desk.run("proof", "1.1").splitlines()]
    assert actions == ["added", "held", "released", "deleted"]
    assert "problems: 0" in desk.run("verify")


def test_files_of_a_restored_backup_are_entered_as_found(desk: Desk) -> None:
    desk.talked("1.1")
    desk.manifest.path.unlink()
    (desk.var / "manifest.head").unlink()
    assert "nobody knows this file" in desk.run("verify", code=1)
    assert desk.run("adopt") == "files entered as found: 1\n"
    assert desk.run("adopt") == "files entered as found: 0\n"
    assert "conversations: 1, files: 1 (1 from before the manifest), problems: 0" in desk.run("verify")
    assert desk.run("list").rstrip().endswith("(found)")


def test_without_a_register_there_is_nothing_to_compare_with(desk: Desk) -> None:
    assert "there is no register at" in desk.run("verify", code=1)


def test_wrong_recordings_are_repaired_by_one_command_and_what_cannot_be_says_why(desk: Desk) -> None:
    cut, changed, right = (desk.talked(f"1.{n}") for n in (1, 2, 3))
    for call in ("1.1", "1.1-1"):  # Asterisk's own files were not removed, and a second conversation has none
        side(desk.incoming, f"{call}-in.wav", tone(3.0))
        side(desk.incoming, f"{call}-out.wav", tone(3.0))
    cut.write_bytes(cut.read_bytes()[:-40_000])
    changed.write_bytes(changed.read_bytes()[:-2] + b"!!")
    output = desk.run("repair", code=1)
    new = cut.with_name(f"{cut.stem}.repaired-1.wav")
    assert output.splitlines() == [
        f"call 1.1: put together again from what Asterisk recorded: {new.relative_to(desk.folder)}, 6.0 s",
        "call 1.2: the file was changed after it was signed: its hash is another. It cannot be repaired: "
        f"nothing that Asterisk recorded is left in {desk.incoming}; "
        "nobody can tell what was changed in the file; restore it from a backup",
        "repaired: 1, still wrong: 1",
    ]
    assert (cut.exists(), new.exists(), right.exists()) == (True, True, True)
    assert "problems: 1" in desk.run("verify", code=1)
    assert desk.run("repair", "1.1", "1.3").splitlines() == [
        "call 1.1: nothing is wrong with its recording.",
        "call 1.3: nothing is wrong with its recording.",
        "repaired: 0, still wrong: 0",
    ]
    listed = desk.run("list")
    assert listed.count("  1.1  ") == 2
    assert "(a repaired file took its place)" in listed
    actions = [json.loads(line)["action"] for line in desk.run("proof", "1.1").splitlines()]
    assert actions == ["added", "kept", "added"]
    desk.run("copy", "1.1", str(desk.var / "copy.wav"), "--why", "dispute")
    assert (desk.var / "copy.wav").read_bytes() == new.read_bytes()
    assert "the register has no conversation that is over of a call '9.9'" in desk.run("repair", "9.9", code=1)
