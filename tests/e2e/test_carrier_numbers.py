"""Carriers write numbers in many forms: with parameters, with 00, without the area code. Each call finds its line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts
from tests.e2e.softphone import Softphone
from tests.e2e.station import Station, own_network, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 1.1, 2.1"), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    """The line, on two trunks: one of them delivers local numbers of Perm."""
    folder = tmp_path_factory.mktemp("carrier")
    network = own_network()
    trunks = {
        "plain": {"networks": [f"{network}1.0/24"]},
        "perm": {"networks": [f"{network}4.0/24"], "area": "+7 (342)", "outgoing": f"{network}4.200:5060"},
    }
    prompts = brief_prompts(folder / "prompts", 0.3)
    async with station(
        folder,
        ivr={"ask_inn": "false", "urgency": {}},
        prompts=str(prompts),
        trunks=trunks,
        line={"general_trunk": "perm"},
    ) as found:
        yield found


@pytest.mark.parametrize(
    "dialled",
    [
        "73422921960;npdi",
        "+73422921960;npdi;rn=+73429990000",
        "+73422921960;phone-context=+7",
        "3422921960;phone-context=+7",
        "%2B73422921960;cpc=ordinary",
        "73422921960;npdi;tgrp=perm1;trunk-context=carrier.example.ru",
        "+7-342-292-19-60",
        "0073422921960",
        "83422921960",
    ],
)
async def test_a_number_with_parameters_reaches_the_line(here: Station, dialled: str) -> None:
    caller = await here.caller("+73425551000", dial=dialled)
    await until(lambda: caller.answered.is_set() or caller.status >= 400, what="an answer")
    assert caller.answered.is_set(), f"refused with {caller.status}"
    caller.hang_up()
    await until(lambda: here.controller.view().lines["estp"].lines_in_use == 0, what="the line is free again")


@pytest.mark.parametrize(
    ("caller", "known"),
    [
        ("+73425551234;npdi", "+73425551234"),
        ("3425551235;phone-context=+7", "+73425551235"),
        ("004930123456", "+4930123456"),
        ("%2B73425551236;rn=%2B73429990000", "+73425551236"),
        ("2921999", "2921999"),
    ],
)
async def test_the_register_has_the_callers_number_in_one_form(here: Station, caller: str, known: str) -> None:
    call = await here.caller(caller)
    await until(call.answered.is_set, what="the line answers")
    call.hang_up()
    await here.row(number=known)


async def test_a_local_number_is_of_the_trunks_area(here: Station) -> None:
    """Local in both: the number that is dialled, and the caller's."""
    phone = await here.operator("101")
    for n, dialled in enumerate(("2921960", "292-19-60", "2921960;phone-context=+7342")):
        elsewhere = await here.caller(f"212000{n}", dial=dialled)
        await until(lambda call=elsewhere: call.status >= 400, what="a trunk without an area has no local numbers")  # type: ignore[misc]
        assert elsewhere.status == 404
        async with Softphone(f"212000{n}", f"{here.network}4.10", 0, here.proxy) as perm:
            caller = await perm.dial(dialled)
            await until(lambda call=caller: call.answered.is_set() or call.status >= 400, what="an answer")  # type: ignore[misc]
            assert caller.answered.is_set(), f"{dialled} is refused with {caller.status}"
            offer = await phone.rings()
            assert offer.caller_number == f"+7342212000{n}", "the operator sees whom to call back"
            caller.hang_up()
            await until(offer.ended.is_set, what="the phone stops ringing")
        await here.row(number=f"+7342212000{n}")
