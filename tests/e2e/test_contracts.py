"""Who is served by which contract, on a real Asterisk: extension and contract keyed, no paid period, VIP and Basic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callcenter.core.contract import Contract
from callcenter.core.events import Customer
from callcenter.core.ids import LineId
from callcenter.customers.table import CustomersTable
from callcenter.store import Register
from tests.e2e.hearing import brief_prompts, heard_prompts, listen, names
from tests.e2e.listening import OPERATOR, hears, told, voice
from tests.e2e.station import Station, configuration, station, until
from tests.e2e.test_caller_arrival import ends

pytestmark = pytest.mark.e2e
UNPAID, VIP, BASIC = "+73421111201", "+73421111202", "+73421111203"
SAID = ("extension-ask", "not-paid", "ask-contract", "identified", "keep-place-9")
TODAY = datetime.now(UTC).date()
PERIOD = TODAY - timedelta(days=30), TODAY + timedelta(days=30)
DIRECTORY = [
    (UNPAID, Customer("ООО «Ромашка»", "Пользователь", "", (Contract("13", paid_to=TODAY - timedelta(days=2)),))),
    ("", Customer("АО «Лютик»", "Пользователь", "", (Contract("ТБС-12/А", "", "", "Базовый", *PERIOD),))),
    (VIP, Customer("ТОО «Астана»", "Пользователь", "", (Contract("KZ-7", "", "VIP", "", *PERIOD),))),
]


async def import_directory(folder: Path) -> None:
    register = await Register.open(folder / "var" / "register.sqlite")
    await CustomersTable(register).replace(DIRECTORY, "customers.csv", datetime.now(UTC))
    await register.close()


def waiting(line: Station, of: str) -> int:
    return sum(line.controller.view().lines[LineId(of)].waiting.values())


@pytest.mark.clause("TBS 1, 2.6, 4.1")
@pytest.mark.clause("E-SAUDA 1.3, 2.2")
async def test_two_lines_with_contracts(tmp_path: Path) -> None:
    await import_directory(tmp_path)
    prompts = brief_prompts(tmp_path / "prompts", 0.6, ("not-paid", "keep-place-9"))
    usual = configuration()["lines"]["estp"]
    shared = {name: usual[name] for name in ("numbers", "hours", "requests")} | {"customer_role": ""}
    ask = {"ask_inn": "true", "asked_for": "contract", "urgency": {}}
    tbs = {"extension": "1", "ivr": ask, "contracts": {"without_period": "end", "how_to_get": "В личном кабинете"}}
    sauda = {
        "extension": "2",
        "ivr": {"ask_inn": "false", "urgency": {}, "keep_place": {"key": "9"}},
        "queue": {"classes": ["vip", "basic"], "default_class": "basic", "announce_every": "5"},
        "contracts": {"levels": {"VIP": {"class": "vip"}}},
        "requests": usual["requests"] | {"call_backs": {"for": ["VIP"]}},
        "outgoing": {"ranges": ["+7 342"], "trunk": "city"},
    }
    async with station(tmp_path, lines={"tbs": shared | tbs, "sauda": shared | sauda}, prompts=str(prompts)) as line:
        unpaid = await line.caller(UNPAID)
        await listen(unpaid, 1.0)
        await unpaid.press("1")
        await ends(unpaid)
        row = await line.ended(number=UNPAID)
        assert (row["line"], row["outcome"], row["hung_up_by"]) == ("tbs", "not_paid", "system")

        paying = await line.caller("+73421111204")
        await listen(paying, 1.0)
        await paying.press("1")
        await until(lambda: waiting(line, "tbs") == 1, what="in the queue of the extension's line")
        await listen(paying, 3.0)
        await paying.press("12#")
        row = await line.row(number="+73421111204", identification="by_contract")
        assert (row["contract"], row["customer"]) == ("ТБС-12/А", "АО «Лютик»")
        paying.hang_up()

        basic, vip = await line.caller(BASIC), await line.caller(VIP)
        for caller in (basic, vip):
            await listen(caller, 1.0)
            await caller.press("2")
        await until(lambda: waiting(line, "sauda") == 2, what="both wait")
        await told(vip, "keep-place-9")
        phone = await line.operator("101")
        there = await phone.rings()
        there.answer()
        there.say(voice(OPERATOR))
        await hears(vip, OPERATOR)
        vip.hang_up()
        basic.hang_up()
        rows = [await line.ended(number=number) for number in (BASIC, VIP)]
    assert [(row["outcome"], row["level"], row["urgency"]) for row in rows] == [
        ("abandoned", "", "basic"),
        ("answered", "VIP", "vip"),
    ]
    assert "not-paid" in names(heard_prompts(unpaid.heard(), SAID, prompts))
    assert "keep-place-9" not in names(heard_prompts(basic.heard(), SAID, prompts)), "it is for VIP alone"
