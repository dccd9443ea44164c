"""The general line is not dialled without limit (ESTP 2.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.listening import GENERAL, hears
from tests.e2e.softphone import Softphone
from tests.e2e.station import NUMBER, station, until
from tests.e2e.test_caller_arrival import SUPPLIER, ends, first_words, general_line, import_customers

pytestmark = pytest.mark.e2e


@pytest.mark.clause("ESTP 2.1")
async def test_only_so_many_callers_are_connected_with_the_general_line_at_the_same_time(
    tmp_path: Path, brief: Path
) -> None:
    """The next one hears that it cannot be reached now; when one has hung up, there is room again."""
    await import_customers(tmp_path)
    async with (
        station(tmp_path, line={"general_calls": "1"}, prompts=str(brief)) as line,
        general_line(line) as general,
    ):
        first = await line.caller(SUPPLIER)
        await hears(first, GENERAL)
        second = await line.caller(SUPPLIER, host=11)
        await ends(second)
        assert first_words(second, brief, "general-unavailable", "goodbye") == ["general-unavailable"]
        assert len(general.calls) == 1, "the second was not dialled"
        first.hang_up()
        await until(lambda: line.controller.view().lines["estp"].lines_in_use == 0, what="both have gone")
        third = await line.caller(SUPPLIER, host=12)
        await hears(third, GENERAL)
        third.hang_up()


@pytest.mark.clause("ESTP 2.1")
@pytest.mark.parametrize(
    "elsewhere",
    [f"sip:{NUMBER}@{{proxy}}", "sip:89021234567@{spy}", "sip:PJSIP%2F103@{spy}", "sip:PJSIP/103@{spy}"],
)
async def test_where_the_general_line_forwards_to_is_not_called(tmp_path: Path, brief: Path, elsewhere: str) -> None:
    """Neither our own line, nor a phone of ours, nor another number at our expense."""
    await import_customers(tmp_path)
    async with (
        station(tmp_path, prompts=str(brief)) as line,
        general_line(line) as general,
        Softphone("spy", f"{line.network}3.9", 0, line.proxy) as spy,
    ):
        uri = elsewhere.format(proxy=line.proxy[0], spy=f"{spy.address}:{spy.port}")
        general.on_call = lambda call: call.reject(302, uri)
        phone = await line.phone("103")
        caller = await line.caller(SUPPLIER)
        await ends(caller)
        assert first_words(caller, brief, "general-unavailable", "goodbye") == ["general-unavailable"]
        assert [one.user for one in (spy, phone) if one.calls] == []
        assert len(line.rows()) == 1, "our own line was not called"
