"""`callcenter auctions`: entered, corrected, withdrawn, in and out as CSV, at a terminal (eLot 2.2a)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from callcenter.cli.main import main
from tests.store.stories import stored
from tests.wall import MONDAY_NOON

pytestmark = pytest.mark.clause("eLot 2.2a")
HOURS = {"opens": "11:00", "closes": "18:00", "auctions": {"opens": "09:00", "closes": "21:00"}}
TOMORROW = (MONDAY_NOON + timedelta(days=1)).date()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    monkeypatch.setattr("callcenter.cli.auctions.wall_clock", lambda: MONDAY_NOON)
    return written(tmp_path, {"elot": {"numbers": ["+7 812 908-09-70"], "hours": HOURS}})


def written(folder: Path, lines: dict[str, object]) -> Path:
    lines |= {"estp": {"numbers": ["+7 342 292-19-60"]}}
    (folder / "config.yaml").write_text(yaml.safe_dump({"lines": lines}), encoding="utf-8")
    return folder / "config.yaml"


def run(config: Path, *arguments: str, status: int = 0) -> str:
    told: Result = CliRunner().invoke(main, ["auctions", "--config", str(config), *arguments])
    assert told.exit_code == status, told.output
    return str(told.output)


def test_an_auction_from_entry_to_withdrawal(config: Path, tmp_path: Path) -> None:
    assert run(config, "list") == "there is none\n"
    times = ("--start", f"{TOMORROW} 15:00", "--results", f"{TOMORROW + timedelta(days=2):%d.%m.%Y} 14:00")
    entered = run(config, "add", "17-ОАОФ", *times)
    assert entered.startswith(f"1: {TOMORROW} 15:00 – {TOMORROW + timedelta(days=2)} 14:00  17-ОАОФ (version 1, ")
    assert run(config, "list") == entered
    assert "The line has an auction of this name already." in run(config, "add", "17-ОАОФ", *times, status=1)
    assert "18:00  17-ОАОФ (version 2, " in run(config, "correct", "1", "--results", f"{TOMORROW} 18:00")
    assert "(withdrawn, version 3, " in run(config, "withdraw", "1")
    assert "It is withdrawn; enter it anew." in run(config, "withdraw", "1", status=1)
    assert "There is no such auction." in run(config, "withdraw", "9", status=1)
    assert run(config, "list") == "there is none\n"
    assert "(withdrawn, version 3, " in run(config, "list", "--over")
    entries = stored(tmp_path / "var" / "register.sqlite", "SELECT what, about FROM audit ORDER BY id")
    assert ("auction added", "of elot") in entries
    assert ("auction withdrawn", "auction 1") in entries


def test_a_file_goes_in_and_comes_out_and_mistakes_have_their_rows(config: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = f"name;start;results\n17;{TOMORROW} 09:00;{TOMORROW} 20:00\n"
    file.write_text(rows + "18;2020-01-01 10:00;2020-01-02 10:00\n", encoding="utf-8")
    told = run(config, "import", str(file), status=1)
    assert "line 3: It was over before today; what the hours were is not changed any more. 18" in told
    assert "1 mistakes, nothing was taken over" in told
    file.write_text(rows, encoding="utf-8")
    assert run(config, "import", str(file)) == "1 added, 0 corrected, 0 as before\n"
    assert run(config, "export", "--output", str(out)) == f"1 auctions written to {out}\n"
    assert out.read_bytes().decode("utf-8-sig").splitlines() == rows.splitlines()
    assert run(config, "import", str(out)) == "0 added, 0 corrected, 1 as before\n"
    assert "No such file" in run(config, "import", str(tmp_path / "none.csv"), status=1)


def test_the_line_has_to_be_named_if_there_are_several_or_none(config: Path, tmp_path: Path) -> None:
    assert "Lines whose hours do: elot" in run(config, "list", "--line", "estp", status=1)
    two = written(
        tmp_path,
        {
            name: {"numbers": [number], "hours": HOURS}
            for name, number in (("one", "+78129080970"), ("two", "+78129080971"))
        },
    )
    assert "name one with --line: one, two" in run(two, "list", status=1)
    assert run(two, "list", "--line", "two") == "there is none\n"
    none = written(tmp_path, {})
    assert "none (hours.auctions)" in run(none, "list", status=1)
