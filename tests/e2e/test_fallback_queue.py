"""Stories of callers between the controller and Asterisk's own queue: in nobody's hands for a moment (ESTP 2.3)."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, COLLEAGUE, OPERATOR, all_quiet, hears, hears_music, voice
from tests.e2e.processes import another_process, asterisk_without_controller, controlled, ready, serve
from tests.e2e.softphone import RATE, Softphone
from tests.e2e.station import Station, every_day, until

pytestmark = pytest.mark.e2e


async def on_shift_and_killed(line: Station, folder: Path) -> Softphone:
    """Operator 101 of a controller that is dead."""
    with another_process(line, folder) as killed:
        await ready(line)
        phone = await line.operator("101")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    return phone


@pytest.mark.clause("ESTP 2.2a, 2.3, 5.6.1")
async def test_who_is_being_greeted_by_asterisk_when_the_controller_comes_back_is_its_caller(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller goes on as anybody else, and no phone rings but by the controller."""
    prompts = brief_prompts(tmp_path / "prompts", 0.3, ["greeting"])
    async with asterisk_without_controller(tmp_path, prompts, dialplan=every_day(tmp_path)) as line:
        phone = await on_shift_and_killed(line, tmp_path)
        async with controlled(line):
            pass  # and ends in good order: the dialplan knows at once that it is alone
        caller = await line.caller("+73421111101")
        await listen(caller, 0.5)
        async with controlled(line):
            assert await serve(line, phone, 1) == ["+73421111101"]
            row = await line.ended(number="+73421111101")
            await all_quiet(line)
            offers = line.rows("select * from offers")
            assert phone.incoming.empty(), "rung once"
    assert "is taken back" not in caplog.text, "never in Asterisk's queue"
    assert (row["outcome"], row["operator"], row["hung_up_by"]) == ("answered", "101", "operator")
    assert [(one["operator"], one["result"], one["offer"][:6]) for one in offers] == [("101", "connected", "offer-")]


@pytest.mark.clause("ESTP 2.3, 2.6, 5.6.1")
async def test_who_is_answered_just_after_the_controller_died_is_served_once(tmp_path: Path, brief: Path) -> None:
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path)) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            caller = await line.caller("+73421111101")
            leg = await phone.rings()
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        second = await line.caller("+73421111102")
        await listen(second, 4.0)
        leg.hang_up()
        by_net = await phone.rings(within=20.0)
        assert by_net.caller_number == "+73421111102", "not the one who has been served"
        by_net.answer()
        await until(caller.ended.is_set, 25.0, "the caller heard good-bye")
        async with controlled(line):
            by_net.hang_up()
            rows = [await line.ended(number=f"+7342111110{ending}") for ending in (1, 2)]
            await all_quiet(line)
    assert [(row["outcome"], row["operator"], row["hung_up_by"]) for row in rows] == [
        ("answered", "101", "operator")
    ] * 2
    assert rows[0]["talk"] == pytest.approx(len(leg.media.heard) / RATE, abs=0.7)


@pytest.mark.parametrize("talked", [1.0, 4.5])  # before and after the heartbeat is stale: held, or hearing good-bye
@pytest.mark.clause("ESTP 2.3, 5.6.1")
async def test_who_is_being_sent_away_when_the_controller_comes_back_is_not_queued_again(
    tmp_path: Path, talked: float
) -> None:
    prompts = brief_prompts(tmp_path / "prompts", 0.3, ["goodbye"])
    async with asterisk_without_controller(tmp_path, prompts, dialplan=every_day(tmp_path)) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            caller = await line.caller("+73421111101")
            leg = await phone.rings()
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        await listen(leg, talked)
        leg.hang_up()
        async with controlled(line):
            await until(caller.ended.is_set, 25.0, "the caller heard good-bye")
            row = await line.ended(number="+73421111101")
            assert phone.incoming.empty()
    assert (row["outcome"], row["operator"], row["hung_up_by"]) == ("answered", "101", "operator")


@pytest.mark.clause("ESTP 5.4.4")
async def test_who_was_rung_by_asterisks_own_queue_consults_and_comes_back(tmp_path: Path, brief: Path) -> None:
    """Nobody told that leg for whom it was rung; so the controller does when it begins to consult."""
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path)) as line:
        phone = await on_shift_and_killed(line, tmp_path)
        caller = await line.caller("+73421111101")
        caller.say(voice(CALLER))
        leg = await phone.rings(within=20.0)
        leg.answer()
        leg.say(voice(OPERATOR))
        await hears(caller, OPERATOR)
        async with controlled(line):
            colleague = await line.operator("201")
            assert line.see("101").activity == "talking"
            told = await line.api("101", "transfer", target="technical", consult=True)
            assert (await told.json())["answer"] == "ringing_colleague"
            there = await colleague.rings()
            there.answer()
            there.say(voice(COLLEAGUE))
            await hears(leg, COLLEAGUE)
            await hears_music(caller)
            assert (await line.api("101", "transfer/cancel")).status == 200
            await hears(caller, OPERATOR)
            await hears(leg, CALLER)
            await listen(leg, 0.7)
            leg.hang_up()
            await until(caller.ended.is_set, what="the good-bye is over")
            row = await line.ended(number="+73421111101")
            await all_quiet(line)
    assert (row["outcome"], row["operator"], row["hung_up_by"]) == ("answered", "101", "operator")
