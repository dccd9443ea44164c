"""`callcenter settings`: what holds when, and publishing with notice, or with a reason that stays as evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.cli.main import main
from tests.store.stories import stored

pytestmark = [pytest.mark.clause("ESTP 6.2"), pytest.mark.clause("eLot 4.3")]

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
LINE = 'lines:\n  estp:\n    numbers: ["+73422921960"]\n    notice_days: 5\n    required_staff: 2\n    changes:\n'
SOON = "      - {from: 2026-12-02, required_staff: 3}\n"
IN_TIME = "      - {from: 2026-12-05, required_staff: 3}\n"


class Terminal:
    """An engineer with a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.yaml"
        self.database = folder / "var" / "register.sqlite"
        self.writes("")

    def writes(self, changes: str) -> None:
        self.path.write_text(LINE + changes, encoding="utf-8")

    def types(self, *words: str) -> Result:
        where = ["--config", str(self.path)]
        return CliRunner().invoke(main, [words[0], *where, *words[1:]])


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    for module in ("dated_settings", "settings", "check", "access"):
        monkeypatch.setattr(f"callcenter.cli.{module}.wall_clock", lambda: NOW)
    found = Terminal(tmp_path)
    assert found.types("settings", "publish").exit_code == 0
    return found


def test_too_soon_is_refused_until_there_is_a_reason_which_stays(terminal: Terminal) -> None:
    terminal.writes(SOON)
    for words in (["settings", "publish"], ["check"]):
        refused = terminal.types(*words)
        assert refused.exit_code == 1
        assert "required_staff: 2 → 3: from 2026-12-02 on is too soon" in refused.output
    assert "NOT IN FORCE" in terminal.types("settings").output
    assert terminal.types("settings", "publish", "--without-notice", "  ").exit_code == 2
    done = terminal.types("settings", "publish", "--without-notice", "the operator of the platform asks for it")
    assert done.exit_code == 0, done.output
    shown = terminal.types("settings").output
    assert "without notice: the operator of the platform asks for it" in shown
    assert "NOT IN FORCE" not in shown
    assert terminal.types("check").exit_code == 0
    ((who, what, about),) = stored(
        terminal.database, "SELECT who, what, about FROM audit WHERE what LIKE 'settings w%'"
    )
    assert who
    assert what == "settings without notice"
    assert about == (
        "because: the operator of the platform asks for it; line estp, from 2026-12-02: required_staff: 2 → 3"
    )


def test_in_time_is_published_with_a_notice_to_customers(terminal: Terminal) -> None:
    terminal.writes(IN_TIME)
    waiting = terminal.types("check")
    assert "from 2026-12-05 on: nobody has published it; callcenter settings publish" in waiting.output
    done = terminal.types("settings", "publish")
    assert "lines.estp: published, from 2026-12-05 on" in done.output
    notice = terminal.path.parent / "var" / "notices" / "estp-2026-12-05.ru.txt"
    assert "Операторов на смене, не менее: 2 → 3" in notice.read_text(encoding="utf-8")
    shown = terminal.types("settings", "--line", "estp").output
    assert "* from the beginning\n  from 2026-12-05  (published 2026-11-30 12:00 by " in shown
    assert "      required_staff: 2 → 3" in shown
    assert "published already" in terminal.types("settings", "publish").output
    assert terminal.types("settings", "--line", "tbs").exit_code == 2
    terminal.writes("")
    terminal.types("settings", "publish")
    assert not notice.exists(), "taken back, in time"


@pytest.mark.clause("ESTP 6.2")
def test_a_notice_of_a_change_after_its_midnight_does_not_speak_of_midnight(terminal: Terminal) -> None:
    terminal.writes(SOON.replace("2026-12-02", "2026-11-30"))
    assert terminal.types("settings", "publish", "--without-notice", "the platform is out of order").exit_code == 0
    notice = (terminal.path.parent / "var" / "notices" / "estp-2026-11-30.ru.txt").read_text(encoding="utf-8")
    assert "Изменение вступило в силу с момента публикации." in notice
    assert "полночь" not in notice
