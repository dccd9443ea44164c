"""Asterisk takes its time between two steps of the dialplan, as on a machine with too much to do: no word is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.hearing import PROMPTS, brief_prompts
from tests.e2e.listening import CALLER, COLLEAGUE, OPERATOR, hears, told, voice
from tests.e2e.softphone import Call
from tests.e2e.station import every_day, station, until
from tests.e2e.test_transfer import Talk, on_shift, parts, pick_up, recording

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

SLOW = " same => n,Wait(0.4)\n"


def slow(dialplan: str, step: str) -> str:
    """The dialplan with a pause after this step of `cc-record`."""
    plan = Path(dialplan) / "extensions.conf.j2"
    before, record, after = plan.read_text().partition("[cc-record]\n")
    lines = after.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if step in line)
    plan.write_text(before + record + "".join([*lines[: at + 1], SLOW, *lines[at + 1 :]]))
    return dialplan


def pick_up_at_once(call: Call) -> None:
    call.answer()
    call.say(voice(OPERATOR))


@pytest.mark.clause("ESTP 2.6, 5.4.4")
@pytest.mark.parametrize("step", ["MixMonitor(", "Set(CC_PART="])
async def test_a_caller_who_is_fetched_while_a_recorder_begins_is_recorded_with_both(tmp_path: Path, step: str) -> None:
    """First the operator is quicker than the recorder, then the colleague is."""
    whole = [path.stem for path in (PROMPTS / "ru").glob("op-*.wav")]
    prompts = brief_prompts(tmp_path / "prompts", 0.3, whole)
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(prompts)}
    async with station(tmp_path, dialplan=slow(every_day(tmp_path), step), **settings) as here:
        phone = await here.operator("101")
        phone.on_call = pick_up_at_once
        await on_shift(here, "201")
        (await here.phone("201")).on_call = pick_up
        number = "+73425550001"
        caller = await here.caller(number)
        caller.say(voice(CALLER))
        operator = await phone.rings()
        await hears(caller, OPERATOR)
        await operator.press("*22")
        await told(operator, "op-transfer-ringing")
        colleague = await (await here.phone("201")).rings()
        await hears(caller, COLLEAGUE)
        await until(operator.ended.is_set, 12.0, "the operator is free")
        colleague.hang_up()
        row = await Talk(here, number, caller, operator).row()
        both = recording(here, row)
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.5)
    assert not row["recording_problem"]
    assert parts(both[:, 0]) == [CALLER]
    assert parts(both[:, 1]) == [OPERATOR, COLLEAGUE]
