"""Who is told is configured; wrong settings are named, keys are made, and the command line says what waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.cli import webhooks as commands
from callcenter.cli.main import main
from callcenter.config import Config, ConfigError
from callcenter.config.webhook_section import Kind
from callcenter.store import Register
from callcenter.webhooks.event_table import EventTable
from tests.store.stories import arrival, fill, wall

BASE = """
lines:
  estp: {numbers: ["+7 342 292-19-60"], required_staff: 1}
people:
  101: {name: Анна}
phones:
  101:
trunks: {city: {networks: [127.0.1.0/24]}}
"""
TOLD = (
    BASE
    + "webhooks: {crm: {url: https://crm.example.ru/calls, events: [call.ended, call.arrived]}, wall: {url: http://127.0.0.1:9000/}}\n"
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    (tmp_path / "config.yaml").write_text(TOLD, encoding="utf-8")
    monkeypatch.setattr(commands, "wall_clock", lambda: wall(100))
    return tmp_path


def run(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["webhooks", "--config", str(site / "config.yaml"), *words])


def test_all_events_of_all_lines_are_told_unless_it_is_said_otherwise(site: Path) -> None:
    hooks = Config.load(site / "config.yaml").webhooks
    assert hooks["wall"].events == tuple(Kind)
    assert hooks["crm"].events == (Kind.CALL_ENDED, Kind.CALL_ARRIVED)
    assert hooks["crm"].lines == ()


@pytest.mark.parametrize(
    ("hook", "wrong"),
    [
        ("{url: http://crm.example.ru/}", "without TLS only on this machine"),
        ("{url: 'https://user:word@crm.example.ru/'}", "an address such as"),
        ("{url: https://crm.example.ru/, events: [call.lost]}", "webhooks.crm.events"),
        ("{url: https://crm.example.ru/, events: []}", "webhooks.crm.events"),
        ("{url: https://crm.example.ru/, lines: [etsp]}", "found line 'etsp', which is not described"),
    ],
)
def test_what_is_wrong_is_named(site: Path, hook: str, wrong: str) -> None:
    (site / "config.yaml").write_text(f"{BASE}webhooks: {{crm: {hook}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="webhooks.crm") as problem:
        Config.load(site / "config.yaml")
    assert wrong in str(problem.value)


def test_each_has_a_key_of_its_own_that_stays(site: Path) -> None:
    asyncio.run(_opened(site))
    crm, again, wall_screen = (run(site, "key", name) for name in ("crm", "crm", "wall"))
    assert crm.exit_code == 0, crm.output
    assert len(crm.output.strip()) == 64
    assert crm.output == again.output != wall_screen.output
    assert "no webhook 'cmr'; configured: crm, wall" in run(site, "key", "cmr").output


def test_what_waits_and_why_is_listed_and_told_again_on_demand(site: Path) -> None:
    asyncio.run(_opened(site, waits=True))
    listed = run(site, "list").output
    assert "crm  https://crm.example.ru/calls  call.ended, call.arrived\n" in listed
    assert "  1 wait, the oldest since 2026-11-23 06:00:00 UTC; no answer\n" in listed
    assert listed.count("wait,") == 2
    assert run(site, "retry", "crm").output == "1 events are told again\n"


async def _opened(site: Path, *, waits: bool = False) -> None:
    config = Config.load(site / "config.yaml")
    register = await Register.open(config.database)
    events = EventTable(register)
    await events.subscribe(config.webhooks, wall(0))
    if waits:
        await fill(register, [arrival("call-1")])
        (due,) = await events.due("crm", wall(1), 8)
        await events.postpone(due.id, "no answer", wall(1000))
    await register.close()
