"""A hundred callers at the same time, by sipp, with sound in both directions, and every conversation recorded."""

from __future__ import annotations

import wave
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from callcenter.core.ids import PhoneName
from callcenter.demo.sipp import Caller, Pickup, callers, find, phone
from tests.e2e.hearing import heard_prompts, names
from tests.e2e.listening import all_quiet, level
from tests.e2e.softphone import RATE
from tests.e2e.station import NUMBER, PROJECT, Station, station, until
from tests.patience import patience

pytestmark = pytest.mark.e2e
LINES = 100
OPERATORS = ("101", "102", "103", "104", "201", "202", "301", "302")
CALLER, OPERATOR = 440.0, 1000.0


def assert_recorded(line: Station, row: dict[str, Any]) -> None:
    """The caller on the left, the operator on the right, for as long as they talked."""
    with wave.open(str(line.config.recordings.folder / row["recording"])) as file:
        assert file.getnframes() / RATE == pytest.approx(row["recording_seconds"], abs=0.001)
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.5), row
    middle = slice(len(both) // 8 * 2, len(both) // 8 * 6)
    said, heard = both[middle][0::2], both[middle][1::2]
    assert mostly(said, CALLER), row
    assert mostly(heard, OPERATOR), row


def mostly(samples: npt.NDArray[np.int16], hertz: float) -> bool:
    """Whether this tone is heard most of the time. Over all of it, a packet that was late would spoil what follows."""
    parts = [samples[at : at + RATE // 20] for at in range(0, len(samples) - RATE // 20, RATE // 20)]
    return float(np.median([level(part, hertz) for part in parts])) > 0.1


@pytest.mark.timeout(400)
@pytest.mark.clause("ESTP 2.2b, 2.3, 2.6, 5.6.1")
async def test_a_hundred_callers_are_all_served_and_one_more_is_told_that_all_lines_are_busy(
    tmp_path: Path, brief: Path
) -> None:
    program = find(PROJECT)
    crowd_of = [Caller(NUMBER, f"+7342200{number:04}", patience=100.0) for number in range(LINES)]
    everybody = {"answered_by": ["operators", "technical", "managers"], "capacity": str(LINES)}
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(
            station(
                tmp_path,
                ivr={"ask_inn": "false", "urgency": {}},
                line=everybody,
                prompts=str(brief),
                timings={"phone_check": "0"},  # sipp's phones do not answer OPTIONS
            )
        )
        for person in OPERATORS:
            address = line.config.phones[PhoneName(person)].address
            assert address
            takes = [Pickup(ring=0.1, talk=1.2)]
            await stack.enter_async_context(
                phone(program, tmp_path / person, address.host, address.port, takes, hertz=OPERATOR, lasting=100.0)
            )
        crowd = await stack.enter_async_context(
            callers(
                program,
                tmp_path / "callers",
                f"{line.network}1.20",
                line.proxy,
                crowd_of,
                rate=25.0,
                at_once=LINES,
                total=LINES,
                lasting=100.0,
                hertz=CALLER,
            )
        )
        await until(lambda: line.waiting() == LINES, 30.0, "a hundred callers wait")
        refused = await line.caller("+73429999999")
        async with patience(10):
            await refused.ended.wait()
        for person in OPERATORS:
            assert (await line.api(person)).status == 200
        async with patience(60):
            await crowd.process.wait()
        assert (crowd.counts.successful, crowd.counts.failed) == (LINES, 0), crowd.errors()
        await all_quiet(line)
        await until(lambda: len(line.rows("select * from calls where recording != ''")) == LINES, 20.0, "recordings")
        rows = line.rows()
        answered = [row for row in rows if row["outcome"] == "answered"]
        for row in answered:
            assert_recorded(line, row)
        (busy,) = [row for row in rows if row["outcome"] != "answered"]
        offers = line.rows("select result, count(*) as calls from offers group by result")
    assert (busy["number"], busy["outcome"]) == ("+73429999999", "all_lines_busy")
    assert names(heard_prompts(refused.heard(), ("all-lines-busy", "greeting"), brief)) == ["all-lines-busy"]
    assert sorted(row["number"] for row in answered) == sorted(caller.number for caller in crowd_of)
    assert all(row["hung_up_by"] == "operator" and row["operator"] in OPERATORS for row in answered)
    assert offers == [{"result": "connected", "calls": LINES}]
    in_turn = sorted(answered, key=lambda row: row["answered_at"])
    joined = [row["joined_at"] for row in in_turn]
    overtaken = sum(earlier > later for earlier, later in zip(joined, joined[1:], strict=False))
    assert overtaken < len(OPERATORS), "in the order of arrival, as far as eight phones are picked up in order"
