"""The log of a run is kept in files that do not grow for ever, and that only we can read."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from callcenter.cli import run_log


def test_the_log_is_kept_and_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "LARGEST", 1000)
    handler = run_log.keep_in_files(tmp_path)
    assert handler
    try:
        for number in range(500):
            logging.getLogger("callcenter").warning("line %d of a flood", number)
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    files = sorted(file.name for file in (tmp_path / "log").iterdir())
    assert files == ["callcenter.log", *(f"callcenter.log.{number}" for number in range(1, run_log.KEPT + 1))]
    assert sum(file.stat().st_size for file in (tmp_path / "log").iterdir()) <= 1000 * (run_log.KEPT + 1)
    assert "line 499 of a flood" in (tmp_path / "log" / "callcenter.log").read_text()


def test_without_the_file_the_line_runs_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "log").write_text("a file in its place")
    assert run_log.keep_in_files(tmp_path) is None
    assert "only on the terminal" in caplog.text
