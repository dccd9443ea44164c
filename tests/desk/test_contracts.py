"""Who is served by which contract, at the desk: on the card, in the form of a request, and who reads a complaint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from callcenter.core.contract import Contract
from callcenter.core.events import Customer
from callcenter.core.ids import LineId
from callcenter.requests.contract_rules import ContractRules, Service
from callcenter.requests.rules import LineRules, SubjectRules, Urgency
from tests.desk.request_desk import ANNA, HEAD, LEBEDEV, SCHOOL, SUPERVISOR, Desk, of_lines, request_desk
from tests.wall import MONDAY_NOON

TODAY = MONDAY_NOON.date()
PAID = replace(
    SCHOOL,
    contracts=(
        Contract("12/А", "школа-7", "VIP", "Базовый", date(TODAY.year - 1, 1, 1), date(TODAY.year + 1, 12, 31)),
    ),
)
UNPAID = Customer("ООО «Ромашка»", "Заказчик", "", (Contract("13", "romashka", paid_to=date(TODAY.year - 1, 1, 31)),))
HOW = "Оплатить можно в личном кабинете"


def with_contracts() -> dict[LineId, LineRules]:
    lines = of_lines()
    estp = lines[LineId("estp")]
    contracts = ContractRules(
        needs_period=True,
        refusal="хулиганство",
        how_to_get=HOW,
        urgencies={"VIP": frozenset({"Срочно"})},
        plans={"Базовый": {"signature": Service.USER}},
    )
    estp = replace(
        estp,
        subjects=estp.subjects | {"complaint"},
        urgencies={**estp.urgencies, "Качество": Urgency(None)},
        contracts=contracts,
        of_subjects={"complaint": SubjectRules(frozenset({"Качество"}), "technical", confidential=True)},
    )
    return lines | {LineId("estp"): estp}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    customers = [("+73420000001", PAID), ("+73420000002", UNPAID)]
    async with request_desk(tmp_path, lines=with_contracts, customers=customers) as made:
        yield made


@pytest.mark.clause("TBS 4.1, 5")
async def test_the_card_says_by_what_the_caller_is_served(desk: Desk) -> None:
    call = await desk.talking("+73420000002", UNPAID, "Петров")
    told = (await desk.get(ANNA, f"card?call={call}"))["contract"]
    assert (told["paid"], told["needed"], told["how_to_get"]) == (False, True, HOW)
    assert told["paid_to"] == f"{TODAY.year - 1}-01-31"
    opened = await desk.post(ANNA, "requests", call=call)
    assert opened["contract"]["paid"] is False
    await desk.line.ends(call)


@pytest.mark.clause("TBS 1, 5")
async def test_a_login_finds_the_customer_and_the_plan_asks_for_a_reason(desk: Desk) -> None:
    """A login in words: the operator finds it, or enters it in the form."""
    found = await desk.get(ANNA, "customers?q=ШКОЛА-7")
    assert found["customers"] == [
        {"name": PAID.name, "role": "Заказчик", "inn": PAID.inn, "number": "", "contract": "12/А"}
    ]
    form = await desk.form(contract="школа-7", inn="", number="", urgency="Срочно")
    assert (form["contract"]["level"], form["contract"]["plan"]) == ("VIP", "Базовый")
    assert form["contract"]["services"] == {"signature": "user"}
    refused = await desk.act(ANNA, form, "submit", 400)
    assert (refused["answer"], refused["reason"]) == ("empty", "left_to_user")
    assert "Базовый" in refused["message"]
    done = await desk.post(ANNA, f"requests/{form['id']}/submit", version=form["version"], why="по просьбе головной")
    assert done["number"]
    assert [one["kind"] for one in done["targets"] if not one["met_at"]] == ["assignment", "answer"]


@pytest.mark.clause("E-SAUDA 1.3")
@pytest.mark.clause("TBS 4.1")
async def test_what_a_level_is_promised_is_not_promised_to_others(desk: Desk) -> None:
    form = await desk.form(contract="romashka", inn="", number="", subject="other", urgency="Срочно")
    assert form["contract"]["urgencies"] == ["Контроль", "Качество"]
    refused = await desk.act(ANNA, form, "submit", 400)
    assert (refused["reason"], "Контроль" in refused["message"]) == ("urgency_of_level", True)
    await desk.post(ANNA, f"requests/{form['id']}/fill", urgency="Контроль")
    form = await desk.get(ANNA, f"requests/{form['id']}")
    done = await desk.act(ANNA, form, "submit")
    assert [one["kind"] for one in done["targets"] if not one["met_at"]] == ["assignment"], "nothing is promised unpaid"


@pytest.mark.clause("E-SAUDA 3.7")
async def test_a_complaint_about_an_employee_is_read_by_quality_control_and_heads_alone(desk: Desk) -> None:
    form = await desk.form(contract="школа-7", subject="complaint", urgency="Качество", essentials="Оператор нагрубил")
    filed = await desk.act(ANNA, form, "submit")
    ref = filed["id"]
    assert filed["assignee"]["id"] == "technical"
    for who, reads in ((ANNA, False), (SUPERVISOR, False), (HEAD, True), (LEBEDEV, True)):
        told = await desk.get(who, f"requests/{ref}")
        assert ("essentials" in told) is reads, who
        found = (await desk.get(who, f"requests/search?q={filed['number']}"))["requests"]
        assert [one["in_full"] for one in found] == [reads], who
    call = await desk.talking()
    of_caller = await desk.get(ANNA, f"requests/caller?call={call}")
    assert "нагрубил" not in str(of_caller)
    await desk.line.ends(call)


@pytest.mark.clause("TBS 1, 4.1")
async def test_a_head_replaces_the_directory_over_the_api_as_a_whole_or_not_at_all(desk: Desk) -> None:
    async def send(who: str, text: str, kind: str = "text/csv") -> tuple[int, dict[str, object]]:
        answer = await desk.browsers[who].post("/api/directory", data=text.encode(), headers={"Content-Type": kind})
        return answer.status, await answer.json()

    head = "number;inn;name;role;contract;paid_from;paid_to\n"
    assert (await send(ANNA, head))[0] == 403
    assert (await send(HEAD, head, "text/plain"))[0] == 415
    status, told = await send(HEAD, head + ";5900000115;Школа;Заказчик;7;2026-12-02;2026-12-01\n")
    assert (status, told["answer"]) == (400, "wrong_table")
    assert "line 2: paid from 2026-12-02 to 2026-12-01" in str(told["mistakes"])
    assert (await send(HEAD, head))[1]["mistakes"] == "the table has headings, but no customers"
    rows = ";5900000115;=1+1;Заказчик;7;2026-12-01;2026-12-02\n"
    assert await send(HEAD, head + rows) == (200, {"rows": 1})
    answer = await desk.browsers[HEAD].get("/api/directory")
    text = await answer.text()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert ";5900000115;'=1+1;Заказчик;7;;;;2026-12-01;2026-12-02;" in text
    assert (await send(HEAD, text))[0] == 200, "what was taken can be brought back"
    assert (HEAD, "customers taken", "1 entries") in await desk.audited()
