"""Stories of the queue: whose turn it is, and what callers hear until then (ESTP 2.3, 4.2, 5.4.6)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.hearing import UNPLAYED, Samples, brief_prompts, heard_music, heard_prompts, listen, names, write
from tests.e2e.listening import OPERATOR, all_quiet, hears, voice
from tests.e2e.silence import pauses
from tests.e2e.softphone import FRAME, RATE, Call, Softphone, tone
from tests.e2e.station import Station, station, until

pytestmark = pytest.mark.e2e
STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}
SPOKEN = ("next-in-line", "position-2", "wait-15", "wait-7")


async def serve(line: Station, phone: Softphone, calls: int) -> list[str]:
    """The operator takes so many calls, one after the other. Returns the callers' numbers."""
    served = []
    for _ in range(calls):
        leg = await phone.rings()
        found = re.search(r"\+7\d{10}", leg.caller_id)
        assert found, leg.caller_id
        served.append(found[0])
        leg.answer()
        await listen(leg, 0.8)  # longer than a phone that only seems to answer
        leg.hang_up()
    return served


async def busy_operator(line: Station) -> Call:
    """Operator 101 talks with somebody. Returns the operator's leg."""
    phone = await line.operator("101")
    await line.caller("+73420000000")
    leg = await phone.rings()
    leg.say(voice(OPERATOR))
    leg.answer()
    await until(lambda: line.see("101").activity == "talking", what="they talk")
    return leg


# -- whose turn it is ----------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.3")
async def test_callers_are_served_in_the_order_in_which_they_arrived(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief)) as line:
        for number in (5, 2, 4, 1, 3):
            await line.caller(f"+7342111110{number}")
        await until(lambda: line.waiting() == 5, what="five callers wait")
        served = await serve(line, await line.operator("101"), 5)
        await all_quiet(line)
        rows = line.rows("select number from calls order by arrived_at")
    assert served == [row["number"] for row in rows]


@pytest.mark.clause("ESTP 4.2, 2.3")
async def test_urgent_callers_go_before_others_but_not_before_who_has_waited_long(tmp_path: Path, brief: Path) -> None:
    async def joins(number: str, key: str, waiting: int) -> None:
        caller = await line.caller(number)
        await listen(caller, 1.2)  # the greeting, and the first words of the question
        await caller.press(key)
        await until(lambda: line.waiting() == waiting, what=f"{waiting} wait")

    async with station(tmp_path, ivr={"ask_inn": "false"}, queue={"overtaking_limit": "7"}, prompts=str(brief)) as line:
        await joins("+73421111101", "2", 1)
        await until(lambda: line.controller.view().lines["estp"].longest_wait > 7, what="the first has waited long")
        await joins("+73421111102", "2", 2)
        await joins("+73421111103", "1", 3)
        served = await serve(line, await line.operator("101"), 3)
        urgency = {row["number"]: row["urgency"] for row in line.rows()}
    assert served == ["+73421111101", "+73421111103", "+73421111102"]
    assert list(urgency.values()) == ["normal", "normal", "urgent"]


# -- what they hear ------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.4.6")
async def test_callers_hear_their_place_and_the_wait_again_and_again_and_music_between(tmp_path: Path) -> None:
    prompts = brief_prompts(tmp_path / "prompts", whole=SPOKEN)
    async with station(
        tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, queue={"announce_every": "9"}, prompts=str(prompts)
    ) as line:
        leg = await busy_operator(line)
        first = await line.caller("+73421111101")
        await until(lambda: line.waiting() == 1, what="the first waits")
        second = await line.caller("+73421111102")
        await until(lambda: line.waiting() == 2, what="the second waits")
        await listen(second, 10.0)
        first.hang_up()
        await until(lambda: line.waiting() == 1, what="one has given up")
        await listen(second, 15.0)
        second.hang_up()
        await line.ended(number="+73421111102")
        leg.hang_up()
        spoken = line.rows(
            "select announcements.* from announcements join calls on calls.call = announcements.call"
            " where calls.number = '+73421111102' order by announcements.number"
        )
    heard = second.heard()
    found = heard_prompts(heard, (*SPOKEN, "thanks-for-waiting", "press-for-info"), prompts)
    assert names(found)[:7] == [
        "position-2",
        "wait-15",
        "press-for-info",
        "thanks-for-waiting",
        "position-2",
        "wait-15",
        "thanks-for-waiting",
    ]
    assert names(found)[7:9] == ["next-in-line", "wait-7"]
    assert [(row["ahead"], row["staff"], row["spoken"]) for row in spoken[:3]] == [(1, 1, 15), (1, 1, 15), (0, 1, 7)]
    # 180 s until the operator is free, then as long again unless the first, whose patience is 600 s, gives up
    assert spoken[0]["estimate"] == pytest.approx(180 + 1 / (1 / 180 + 1 / 600), abs=3)
    assert {row["result"] for row in spoken} == {"gave_up"}
    assert json.loads(spoken[0]["prompts"]) == ["position-2", "wait-15"]
    assert_music_between(heard, found[2].start + found[2].seconds, found[3].start, second, prompts)


def assert_music_between(heard: Samples, start: float, end: float, call: Call, prompts: Path) -> None:
    """Music all the time, of an even level, without a hole in the stream."""
    music = [(begin, stop) for begin, stop in heard_music(heard, prompts) if begin < end and stop > start]
    assert sum(min(stop, end) - max(begin, start) for begin, stop in music) > end - start - 0.8
    assert [hole for hole in pauses(call.media.arrivals, call.media.ticks) if start < hole.at < end] == []
    parts = np.array_split(heard[int((start + 0.5) * RATE) : int((end - 0.5) * RATE)].astype(float), 4)
    loudness = [float(np.sqrt(np.mean(part**2))) for part in parts]
    assert max(loudness) < 2 * min(loudness)


@pytest.mark.clause("ESTP 5.4.6")
async def test_the_music_goes_round_without_a_click(tmp_path: Path) -> None:
    """A sine as waiting music shows every sample that is missing or too many at the turn of the loop."""
    prompts = brief_prompts(tmp_path / "prompts")
    (prompts / "music").unlink()
    (prompts / "music").mkdir()
    write(prompts / "music" / "waiting.wav", tone(500, 1.0 + UNPLAYED / RATE))
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(prompts)) as line:
        caller = await line.caller()
        await until(lambda: line.waiting() == 1, what="the caller waits")
        await listen(caller, 6.0)
        heard = caller.heard()[-4 * RATE :]
        caller.hang_up()
    frames = heard[: len(heard) // FRAME * FRAME].reshape(-1, FRAME) * np.exp(
        -2j * np.pi * 500 * np.arange(FRAME) / RATE
    )
    waves = frames.mean(axis=1)
    assert np.ptp(np.abs(waves)) < 0.05 * np.abs(waves).max()
    assert np.abs(np.angle(waves[1:] / waves[:-1])).max() < 0.05


# -- information ---------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.4.6, 5.4.2")
async def test_the_information_menu_is_visited_and_left_with_the_place_kept(tmp_path: Path) -> None:
    prompts = brief_prompts(tmp_path / "prompts", whole=["info-menu"])
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(prompts)) as line:
        first = await line.caller("+73421111101")
        await until(lambda: line.waiting() == 1, what="the first waits")
        await line.caller("+73421111102")
        await until(lambda: line.waiting() == 2, what="the second waits")
        for key in "1370":
            await listen(first, 1.2)
            await first.press(key)
        await listen(first, 1.5)
        row = await line.row(number="+73421111101", info_visits=1)
        served = await serve(line, await line.operator("101"), 2)
    assert served == ["+73421111101", "+73421111102"]
    assert row["urgency"] == "normal"
    said = ("info-menu", "info-subjects", "info-hours", "wrong-key", "info-back")
    found = [one for one in names(heard_prompts(first.heard(), said, prompts)) if one != "info-menu"]
    assert found == ["info-subjects", "wrong-key", "info-back"]


@pytest.mark.clause("ESTP 5.4.6")
async def test_keys_that_few_phones_have_do_not_end_the_call(tmp_path: Path) -> None:
    prompts = brief_prompts(tmp_path / "prompts", whole=["info-menu"])
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(prompts)) as line:
        caller = await line.caller("+73421111101")
        await until(lambda: line.waiting() == 1, what="the caller waits")
        for key in "ABCD1ABCD3":
            await listen(caller, 0.7)
            await caller.press(key)
        await listen(caller, 1.5)
        assert not caller.ended.is_set()
        await line.row(number="+73421111101", info_visits=1)
        served = await serve(line, await line.operator("101"), 1)
    assert served == ["+73421111101"]
    assert "info-subjects" in names(heard_prompts(caller.heard(), ("info-menu", "info-subjects"), prompts))


@pytest.mark.clause("ESTP 5.4.6")
async def test_an_operator_who_answers_reaches_the_caller_in_the_menu_at_once(tmp_path: Path) -> None:
    prompts = brief_prompts(tmp_path / "prompts", whole=["info-menu", "info-subjects"])
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(prompts)) as line:
        caller = await line.caller()
        await until(lambda: line.waiting() == 1, what="the caller waits")
        await listen(caller, 0.5)
        await caller.press("1")
        await line.row(info_visits=1)
        await listen(caller, 0.5)
        await caller.press("3")
        phone = await line.operator("101")
        leg = await phone.rings()
        await listen(caller, 1.0)
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR, within=1.0)
        caller.hang_up()
        row = await line.ended(outcome="answered")
        await all_quiet(line)
    found = heard_prompts(caller.heard(), ("info-menu", "info-subjects"), prompts)
    assert names(found) == ["info-menu", "info-subjects"]
    assert found[1].seconds < 10, "the voice is cut short by the operator"
    assert (row["info_visits"], row["hung_up_by"]) == (1, "caller")
