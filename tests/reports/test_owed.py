"""The list of callers to be called back, at a terminal."""

from __future__ import annotations

import asyncio
import csv
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.cli.main import main
from callcenter.cli.options import load
from callcenter.core.records import CUT_OFF
from callcenter.store import Register
from tests.store.stories import MORNING, fill
from tests.store.test_owed import cut_off


@pytest.fixture
def after_a_failure(config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a controller whose Asterisk died an hour ago."""
    monkeypatch.setattr("callcenter.cli.register.wall_clock", lambda: MORNING + timedelta(hours=1))

    async def run() -> None:
        register = await Register.open(load(config).database)
        await fill(register, [cut_off("1", "+71", 0.0), cut_off("2", "+72", 1.0, line="moon")])
        await register.close()

    asyncio.run(run())
    return config


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["register", "--config", str(config), "owed", *arguments])


def test_the_list_and_a_call_back(after_a_failure: Path, tmp_path: Path) -> None:
    heading, *lines = run(after_a_failure).output.splitlines()
    assert heading.split()[:6] == ["SINCE", "LINE", "NUMBER", "CLASS", "WAS", "WAITED"]
    assert [line.split()[2:7] for line in lines] == [
        ["estp", "+71", "urgent", "waiting", "60"],
        ["moon", "+72", "urgent", "waiting", "60"],
    ]
    assert len(run(after_a_failure, "--line", "estp").output.splitlines()) == 2

    target = tmp_path / "owed.csv"
    assert "2 calls written" in run(after_a_failure, "--csv", str(target)).output
    with target.open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file, delimiter=";"))
    assert [(row["number"], row["waited_seconds"], row["reason"], row["call"]) for row in read] == [
        ("'+71", "60", CUT_OFF, "1"),
        ("'+72", "60", CUT_OFF, "2"),
    ]

    assert "taken off the list: 1" in run(after_a_failure, "--done", "1").output
    assert len(run(after_a_failure).output.splitlines()) == 2
    again = run(after_a_failure, "--done", "1")
    assert again.exit_code == 1
    assert "no call back is owed for '1'" in again.output
    assert "configured: estp" in run(after_a_failure, "--line", "moon").output
