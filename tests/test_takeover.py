"""Connected, or connected again: what Asterisk does now is learnt from its list of channels and its journal."""

from __future__ import annotations

import pytest

from callcenter import takeover
from callcenter.core.past import CallHistory
from tests.asterisk.fake_asterisk import event, success
from tests.house import House, arrives, channel, channels, connection, hangs_up, lines_in_use
from tests.register.stories import eventually


async def test_what_happens_before_the_snapshot_waits_for_it(house: House) -> None:
    """Who hung up while Asterisk made its list is still in that list: taken in at once it would be a ghost."""
    del house.asterisk.answers["Status"]
    async with house.running() as controller:
        status = await house.asterisk.action("Status")
        assert not controller.connected.is_set()
        waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-00000001", "Seconds": "40"}
        listed = channels(waiting | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"})(status)
        house.asterisk.say(hangs_up("1.1") + arrives("1.2") + listed + arrives("1.3"))
        assert await house.sent_to("1.2") == "cc-greeting"
        assert await house.sent_to("1.3") == "cc-greeting"
        assert lines_in_use(controller) == 2
        assert controller.connected.is_set()
        await eventually(lambda: len(house.stored("select * from calls")) == 3)
    assert house.stored("select call, outcome from calls where ended_at is not null") == [("1.1", "abandoned")]


async def test_a_snapshot_that_is_not_answered_is_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(takeover, "SNAPSHOT_TIMEOUT", 0.05)
    del house.asterisk.answers["Status"]
    async with house.running() as controller:
        await house.asterisk.action("Status")
        house.asterisk.say(arrives("1.1"))
        house.asterisk.answers["Status"] = channels()
        await connection(controller)
        assert await house.sent_to("1.1") == "cc-greeting"
    assert "No snapshot of Asterisk's channels, asking again" in caplog.text
    assert len(house.asterisk.actions("Status")) == 2


def goes_alone(call: str) -> str:
    return event("UserEvent", UserEvent="CCAlone", Uniqueid=call, Channel=channel(call), Line="estp")


async def test_a_caller_whom_asterisk_serves_though_we_are_here_is_taken_back(house: House) -> None:
    """The heartbeat was late, or came back while the caller was greeted: from Asterisk's queue into ours."""
    async with house.connected() as controller:
        house.asterisk.say(goes_alone("1.1") + arrives("1.2"))
        assert await house.sent_to("1.1") == "cc-waiting"
        assert await house.sent_to("1.2") == "cc-greeting"
        assert lines_in_use(controller) == 2


async def test_who_went_to_asterisks_queue_before_the_snapshot_is_taken_back_once(house: House) -> None:
    del house.asterisk.answers["Status"]
    async with house.running():
        status = await house.asterisk.action("Status")
        alone = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-0000000b", "Seconds": "9"}
        listed = channels(alone | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=alone"})(status)
        house.asterisk.say(goes_alone("1.1") + listed + arrives("1.2"))
        assert await house.sent_to("1.2") == "cc-greeting"
        redirected = [action["Channel"] for action in house.asterisk.actions("Redirect")]
    assert redirected == ["1.1", "1.2"]


async def test_who_goes_to_asterisks_queue_just_after_having_been_listed_is_taken_back_too(house: House) -> None:
    """Asterisk needs a moment to list its channels: one that was listed as waiting then looked at the heartbeat."""
    async with house.connected() as controller:
        house.asterisk.say(arrives("1.1"))
        await house.sent_to("1.1")
        house.asterisk.say(event("UserEvent", UserEvent="CCGreeted", Uniqueid="1.1"))
        await eventually(lambda: bool(sum(controller.view().lines["estp"].waiting.values())))
        await eventually(lambda: len(house.asterisk.actions("Redirect")) == 2)
        del house.asterisk.answers["Status"]
        house.asterisk.hang_up()
        await eventually(lambda: len(house.asterisk.actions("Status")) == 2)
        waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-0000000b", "Seconds": "9"}
        waiting |= {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"}
        house.asterisk.say(goes_alone("1.1") + channels(waiting)(house.asterisk.actions("Status")[-1]))
        await eventually(lambda: len(house.asterisk.actions("Redirect")) == 3)
    assert {action["Channel"] for action in house.asterisk.actions("Redirect")} == {"1.1"}


async def test_a_defect_in_the_journal_or_in_what_is_made_of_it_does_not_keep_the_line_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would ever be offered to anybody: so the line goes on without what the journal tells."""
    async with house.controller() as controller:
        broken = CallHistory("9.9", "PJSIP/trunk-city-00000009", "estp", stages=None, ended_at=1.0)  # type: ignore[arg-type]
        monkeypatch.setattr(controller._journal, "read", lambda _: [broken])
        try:
            await controller.start()
            await connection(controller)
            assert controller.view().asterisk_connected
            monkeypatch.setattr(controller._journal, "read", lambda _: 1 // 0)
            house.asterisk.hang_up()
            await eventually(lambda: not controller.connected.is_set())
            await connection(controller)
            house.asterisk.say(arrives("1.1"))
            assert await house.sent_to("1.1") == "cc-greeting"
        finally:
            await controller.stop()
    assert "A defect of the core at the journal of 9.9; the line goes on." in caplog.text
    assert "A defect in reading Asterisk's journal" in caplog.text


async def test_more_than_memory_takes_before_the_channels_are_listed_is_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was thrown away might have changed what the list said."""
    monkeypatch.setattr(takeover, "MOST_HELD_BACK", 3)
    del house.asterisk.answers["Status"]
    async with house.running() as controller:
        status = await house.asterisk.action("Status")
        house.asterisk.answers["Status"] = channels()
        waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-00000001", "Seconds": "40"}
        listed = channels(waiting | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"})(status)
        house.asterisk.say("".join(map(hangs_up, ("1.1", "8.1", "8.2", "8.3"))) + listed)
        await connection(controller)
        assert lines_in_use(controller) == 0, "the hanging up was thrown away, but the second list knows"
    assert len(house.asterisk.actions("Status")) == 2


async def test_a_lost_connection_is_seen_and_the_next_one_begins_with_a_snapshot(house: House) -> None:
    async with house.connected() as controller:
        house.asterisk.hang_up()
        await eventually(lambda: not controller.connected.is_set())
        assert controller.healthy()[1]["asterisk"] == "not connected"
        assert not controller.view().asterisk_connected
        await connection(controller)
        assert len(house.asterisk.actions("Status")) == 2
        house.asterisk.say(arrives("1.1"))
        assert await house.sent_to("1.1") == "cc-greeting"


async def test_the_dialplan_knows_that_we_are_back_before_it_hears_of_anything_else(house: House) -> None:
    """Else the callers of an outage, sent on by us, would find a stale heartbeat and go back to the safety net."""
    waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-00000001", "Seconds": "40"}
    house.asterisk.answers["Status"] = channels(waiting | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"})
    async with house.connected():
        assert await house.sent_to("1.1") == "cc-waiting"
    done = [action.get("Variable", action["Action"]) for action in house.asterisk.received]
    assert done[:4] == ["CC_TOKEN", "CoreStatus", "Status", "CC_HEARTBEAT"]


async def test_an_asterisk_that_started_anew_has_cut_everybody_off(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.asterisk.answers["CoreStatus"] = lambda action: success(action, CoreStartupDate="2026-11-20")
    async with house.connected() as controller:
        house.asterisk.say(arrives("1.1"))
        assert await house.sent_to("1.1") == "cc-greeting"
        house.asterisk.answers["CoreStatus"] = lambda action: success(action, CoreStartupDate="2026-11-21")
        house.asterisk.hang_up()
        await eventually(lambda: not controller.connected.is_set())
        await connection(controller)
        assert lines_in_use(controller) == 0
    assert house.stored("select outcome, cause, cause_text, hung_up_by from calls") == [
        ("lost", 41, "Asterisk ended", "system")
    ]
    assert "Asterisk has been started anew" in caplog.text
