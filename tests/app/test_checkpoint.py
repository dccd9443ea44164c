"""What a controller leaves behind about its last moment, and what the next one makes of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callcenter.app.checkpoint import Checkpoint, this_boot

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, UTC)
SEEN = Checkpoint(NOON, NOON - timedelta(hours=5), "boot-1", "2026-11-20 07:00:00", {"file": 4711, "offset": 120})


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "last_seen.json"
    for seen in (SEEN, replace(SEEN, journal=None, boot="")):
        seen.save(path)
        assert Checkpoint.load(path) == seen
    assert [file.name for file in tmp_path.iterdir()] == ["last_seen.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"at": "yesterday"}', SEEN.at.isoformat()],
)
def test_a_file_that_makes_no_sense_is_told_and_passed_over(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "last_seen.json"
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert Checkpoint.load(path) is None
    assert "does not tell when the controller last lived" in caplog.text


def test_a_date_without_a_zone_could_mean_anything(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "last_seen.json"
    SEEN.save(path)
    path.write_text(path.read_text().replace("+00:00", ""))
    assert Checkpoint.load(path) is None
    assert "has no time zone" in caplog.text


def test_the_first_start_has_nothing_to_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Checkpoint.load(tmp_path / "last_seen.json") is None
    assert caplog.text == ""


def test_only_in_the_same_boot_of_the_machine_the_monotonic_clocks_are_one() -> None:
    assert SEEN.origin_now("boot-1") == SEEN.origin
    assert SEEN.origin_now("boot-2") is None
    assert replace(SEEN, boot="").origin_now("") is None
    assert this_boot() == this_boot() != ""
