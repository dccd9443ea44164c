"""A number with an extension: digits after the answer choose the line (TBS 2.6, «доб. 1»)."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.core.ids import LineId
from tests.e2e.hearing import brief_prompts, heard_prompts, listen, names
from tests.e2e.station import Station, configuration, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.clause("TBS 2.6")]
SAID = ("extension-ask", "wrong-key", "greeting")


def waiting(line: Station, of: str) -> int:
    return sum(line.controller.view().lines[LineId(of)].waiting.values())


async def test_lines_that_share_a_number_are_chosen_by_digits_and_who_dials_none_is_on_the_first(
    tmp_path: Path,
) -> None:
    prompts = brief_prompts(tmp_path / "prompts", whole=["extension-ask"])
    line_as_usual = configuration()["lines"]["estp"]
    quick = {name: line_as_usual[name] for name in ("numbers", "hours")} | {"ivr": {"ask_inn": "false", "urgency": {}}}
    lines = {"support": quick | {"extension": "1"}, "sales": quick | {"extension": "20"}}
    async with station(tmp_path, lines=lines, prompts=str(prompts)) as line:
        chooses = await line.caller("+73421111101")
        await listen(chooses, 1.0)
        await chooses.press("20")
        await until(lambda: waiting(line, "sales") == 1, what="the second line is chosen")
        silent = await line.caller("+73421111102")
        await until(lambda: waiting(line, "support") == 1, 20.0, "nothing dialled: the first line")
        wrong = await line.caller("+73421111103")
        await listen(wrong, 1.0)
        await wrong.press("3")
        await listen(wrong, 2.5)
        await wrong.press("1")
        await until(lambda: waiting(line, "support") == 2, 20.0, "a wrong digit, then the right one")
        for caller in (chooses, silent, wrong):
            caller.hang_up()
        rows = [await line.ended(number=f"+7342111110{n}") for n in (1, 2, 3)]
    assert [row["line"] for row in rows] == ["sales", "support", "support"]
    heard = [names(heard_prompts(caller.heard(), SAID, prompts)) for caller in (chooses, silent, wrong)]
    assert heard[:2] == [["extension-ask", "greeting"], ["extension-ask", "greeting"]]
    assert heard[2] == ["extension-ask", "wrong-key", "extension-ask", "greeting"]
