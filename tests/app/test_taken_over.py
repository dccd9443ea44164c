"""What an earlier version left, killed in the middle of calls, is taken over: see `tests/data/before/README.md`."""

# ruff: noqa: ASYNC240 - small local files, and nothing else runs meanwhile
from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callcenter.accounts.secrets import Secrets
from callcenter.config import Config
from callcenter.desk.sessions import Sessions
from callcenter.recordings import recording
from tests.app.harness import Harness, channels, connection, hangs_up
from tests.store.stories import eventually

BEFORE = Path(__file__).parents[1] / "data" / "before"
TOKEN = "ly9zZ5EWFLVxz7DJvC2CCKhEunP3iAVetlvN3EII2nI"  # noqa: S105 - of a browser that never was
"""What the browser of 101 holds; `sessions.json` has its hash."""
OVER, TALKS, RINGS, WAITS, GREETED, GAVE_UP = (f"176441760{n}.{n + 1 if n < 2 else n}" for n in (0, 1, 3, 4, 5, 6))


@pytest.fixture
def taken_over(harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """A controller of today in the folder of the one before, five seconds after its last beat."""
    monkeypatch.setattr(recording, "_PATIENCE", 0.0)  # nothing was recorded: nobody waits for Asterisk to finish it
    file = tmp_path / "config.yaml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("people: {101: {name: Анна}}", f"people: {{{', '.join(f'{n}: ' for n in range(101, 105))}}}")
    text = text.replace("phones: {101: }", f"phones: {{{', '.join(f'{n}: ' for n in range(101, 105))}}}")
    text = text.replace("extra_workdays: [2026-11-22]", "extra_workdays: [2026-11-29]")
    file.write_text(text + "timings: {wrap_up: 600}\n", encoding="utf-8")
    harness.config = Config.load(file)
    shutil.copytree(BEFORE, harness.config.var, dirs_exist_ok=True)
    harness.secrets = Secrets.load_or_create(harness.config.var, harness.config)
    harness.asterisk.secret = harness.secrets.ami
    last = datetime.fromisoformat(json.loads((BEFORE / "last_seen.json").read_text())["at"])
    harness.wall.set(last + timedelta(seconds=5))
    return harness


def told_before() -> dict[tuple[str, str], dict[str, Any]]:
    """Every row that the spool tells of, as it was told last."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for line in (BEFORE / "spool" / "000000000000000.facts").read_text(encoding="utf-8").splitlines():
        content = json.loads(line[9:])
        if isinstance(content, list):
            _, table, _, _, row = content
            key = "fact" if table == "presence_changes" else "offer" if table == "offers" else "call"
            rows[table, row[key]] = row
    return rows


def as_told(column: str, value: Any) -> Any:
    """A column of SQLite's as the spool writes it."""
    if column == "prompts":
        return json.loads(value)
    if value is not None and (column == "at" or column.endswith(("_at", "_since"))):
        return datetime.fromisoformat(value + "+00:00").isoformat()
    return value


async def test_every_row_that_was_told_is_in_the_register_as_it_was_told_last(taken_over: Harness) -> None:
    del taken_over.asterisk.answers["Status"]  # whoever is there is found later
    async with taken_over.running():
        for (table, key), row in told_before().items():
            name = "fact" if table == "presence_changes" else "offer" if table == "offers" else "call"
            columns = list(row)
            [found] = taken_over.stored(f"SELECT {', '.join(columns)} FROM {table} WHERE {name} = '{key}'")
            assert {c: as_told(c, v) for c, v in zip(columns, found, strict=True)} == row, (table, key)
        counted = taken_over.stored(
            "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM offers), (SELECT count(*) FROM announcements),"
            " (SELECT count(*) FROM presence_changes), (SELECT count(*) FROM shifts WHERE ended_at IS NULL)"
        )
        assert counted == [(6, 3, 1, 11, 4)]
        assert list((taken_over.config.var / "spool").glob("set_aside")) == []


async def test_everybody_is_where_the_earlier_controller_left_them(taken_over: Harness) -> None:
    del taken_over.asterisk.answers["Status"]
    async with taken_over.running() as controller:
        seen = controller.view().operators
        assert {id: (one.presence, one.activity, one.phone) for id, one in seen.items()} == {
            "101": ("available", "wrapping_up", "101"),
            "102": ("available", "talking", "102"),
            "103": ("paused", "idle", "103"),
            "104": ("available", "offered", "104"),
        }
        assert seen["103"].reason == "lunch"
        assert {id: one.call.call if one.call else "" for id, one in seen.items()} == {
            "101": "",
            "102": TALKS,
            "103": "",
            "104": RINGS,
        }
        line = controller.view().lines["estp"]
        assert line.lines_in_use == 4
        assert sum(line.waiting.values()) == 2
        day = line.windows["day"]
        assert (day.answered, day.abandoned) == (2, 1)


async def test_calls_go_on_where_asterisk_still_has_them_and_end_where_it_has_not(taken_over: Harness) -> None:
    legs = dict(taken_over.stored("SELECT call, offer FROM offers"))
    stage = {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"}
    there = [
        {"Uniqueid": TALKS, "Channel": "PJSIP/trunk-city-00000002", "Seconds": "12", "BridgeID": "b", **stage},
        {"Uniqueid": legs[TALKS], "Channel": "PJSIP/102-00000011", "Seconds": "11", "BridgeID": "b"},
        {"Uniqueid": RINGS, "Channel": "PJSIP/trunk-city-00000003", "Seconds": "10", **stage},
        {"Uniqueid": legs[RINGS], "Channel": "PJSIP/104-00000012", "Seconds": "9"},
        {"Uniqueid": WAITS, "Channel": "PJSIP/trunk-city-00000004", "Seconds": "9", **stage},
    ]
    taken_over.asterisk.answers["Status"] = channels(*there)
    async with taken_over.running() as controller:
        await connection(controller)
        assert controller.view().lines["estp"].lines_in_use == 3
        assert controller.view().operators["102"].activity == "talking"
        assert controller.view().operators["104"].activity == "offered"
        taken_over.asterisk.say(hangs_up(TALKS) + hangs_up(legs[TALKS]))
        await eventually(lambda: controller.view().operators["102"].activity == "wrapping_up")
    ended = "SELECT call, outcome FROM calls WHERE ended_at IS NOT NULL ORDER BY call"
    outcomes = dict(taken_over.stored(ended))
    assert set(outcomes) == {OVER, TALKS, GREETED, GAVE_UP}
    assert (outcomes[OVER], outcomes[TALKS], outcomes[GAVE_UP]) == ("answered", "answered", "abandoned")
    [(talk, who)] = taken_over.stored(f"SELECT talk, operator FROM calls WHERE call = '{TALKS}'")
    assert (talk > 9.0, who) == (True, "102"), "the conversation began before the controller did"


def test_nobody_logs_in_to_the_page_again(taken_over: Harness) -> None:
    assert Sessions(taken_over.wall, taken_over.config.var / "sessions.json").person(TOKEN) == "101"
