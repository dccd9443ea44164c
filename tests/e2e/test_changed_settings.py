"""Other settings of a line hold from one moment to the next, while one caller talks and another one waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.core.caller import CallerState
from callcenter.dated.table import SettingTable
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, voice
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 6.2")]


async def publish(line: Station, **changes: Any) -> None:
    """An engineer writes a section for today and publishes it; the running controller notices."""
    path = line.config.folder / "config.yaml"
    data = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506
    today = wall_clock().astimezone(ZoneInfo("Europe/Moscow")).date()
    data["lines"]["estp"]["changes"] = [{"from": str(today), **changes}]
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    await SettingTable(line.controller._register).publish(Config.load(path), wall_clock(), "engineer")
    await line.controller.settings.refresh()


async def test_who_has_called_before_keeps_what_held_then(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr={"ask_inn": "false", "urgency": {}}, prompts=str(brief)) as line:
        phone = await line.operator("101")
        talking = await line.caller("+73421111101")
        leg = await phone.rings()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(talking, OPERATOR)
        waiting = await line.caller("+73421111102")
        waiting.say(voice(CALLER))
        await until(lambda: line.waiting() == 1, what="the second waits")
        await publish(line, ivr={"identify": "before_queue", "ask_inn": "true"})
        later = await line.caller("+73421111103")
        callers = line.controller._center._floor.callers
        await until(
            lambda: [one.state for one in callers.values()][-1] is CallerState.IDENTIFYING,
            20.0,
            "the third is asked before the queue",
        )
        assert line.waiting() == 1
        assert line.see("101").activity == "talking", "the first talks on"
        leg.hang_up()
        second = await phone.rings()
        assert "+73421111102" in second.caller_id
        second.answer()
        await hears(second, CALLER)
        for call in (second, waiting, later):
            call.hang_up()
        await all_quiet(line)
        rows = {row["number"]: row["question_answered_at"] for row in line.rows()}
    assert rows["+73421111102"] is None, "nobody asked them anything"
