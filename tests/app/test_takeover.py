"""Connected, or connected again: what Asterisk does now is learnt from its list of channels and its journal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from callcenter.asterisk import link, takeover
from callcenter.asterisk.journal import CURRENT
from callcenter.asterisk.render import Folders
from callcenter.core.call_history import CallHistory
from tests.app.harness import Harness, arrives, channel, channels, connection, hangs_up, lines_in_use
from tests.asterisk.fake_asterisk import event, success
from tests.store.stories import eventually


async def test_what_happens_before_the_snapshot_waits_for_it(harness: Harness) -> None:
    """Who hung up while Asterisk made its list is still in that list: taken in at once it would be a ghost."""
    del harness.asterisk.answers["Status"]
    async with harness.running() as controller:
        status = await harness.asterisk.action("Status")
        assert not controller.link.connected.is_set()
        waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-00000001", "Seconds": "40"}
        listed = channels(waiting | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"})(status)
        harness.asterisk.say(hangs_up("1.1") + arrives("1.2") + listed + arrives("1.3"))
        assert await harness.sent_to("1.2") == "cc-greeting"
        assert await harness.sent_to("1.3") == "cc-greeting"
        assert lines_in_use(controller) == 2
        assert controller.link.connected.is_set()
        await eventually(lambda: len(harness.stored("select * from calls")) == 3)
    assert harness.stored("select call, outcome from calls where ended_at is not null") == [("1.1", "abandoned")]


async def test_a_snapshot_that_is_not_answered_is_asked_for_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(takeover, "SNAPSHOT_TIMEOUT", 0.05)
    del harness.asterisk.answers["Status"]
    async with harness.running() as controller:
        await harness.asterisk.action("Status")
        harness.asterisk.say(arrives("1.1"))
        harness.asterisk.answers["Status"] = channels()
        await connection(controller)
        assert await harness.sent_to("1.1") == "cc-greeting"
    assert "No snapshot of Asterisk's channels, asking again" in caplog.text
    assert len(harness.asterisk.actions("Status")) == 2


def enters_fallback_queue(call: str) -> str:
    return event("UserEvent", UserEvent="CCFallback", Uniqueid=call, Channel=channel(call), Line="estp")


async def test_a_caller_whom_asterisk_serves_though_we_are_here_is_taken_back(harness: Harness) -> None:
    """The heartbeat was late, or came back while the caller was greeted: from Asterisk's queue into ours."""
    async with harness.connected() as controller:
        harness.asterisk.say(enters_fallback_queue("1.1") + arrives("1.2"))
        assert await harness.sent_to("1.1") == "cc-waiting"
        assert await harness.sent_to("1.2") == "cc-greeting"
        assert lines_in_use(controller) == 2


async def test_who_went_to_asterisks_queue_before_the_snapshot_is_taken_back_once(harness: Harness) -> None:
    del harness.asterisk.answers["Status"]
    async with harness.running():
        status = await harness.asterisk.action("Status")
        there = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-0000000b", "Seconds": "9"}
        listed = channels(there | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=alone"})(status)
        harness.asterisk.say(enters_fallback_queue("1.1") + listed + arrives("1.2"))
        assert await harness.sent_to("1.2") == "cc-greeting"
        redirected = [action["Channel"] for action in harness.asterisk.actions("Redirect")]
    assert redirected == ["1.1", "1.2"]


async def test_who_goes_to_asterisks_queue_just_after_having_been_listed_is_taken_back_too(harness: Harness) -> None:
    """Asterisk needs a moment to list its channels: one that was listed as waiting then looked at the heartbeat."""
    async with harness.connected() as controller:
        harness.asterisk.say(arrives("1.1"))
        await harness.sent_to("1.1")
        harness.asterisk.say(event("UserEvent", UserEvent="CCGreeted", Uniqueid="1.1"))
        await eventually(lambda: bool(sum(controller.view().lines["estp"].waiting.values())))
        await eventually(lambda: len(harness.asterisk.actions("Redirect")) == 2)
        del harness.asterisk.answers["Status"]
        harness.asterisk.hang_up()
        await eventually(lambda: len(harness.asterisk.actions("Status")) == 2)
        waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-0000000b", "Seconds": "9"}
        waiting |= {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"}
        harness.asterisk.say(enters_fallback_queue("1.1") + channels(waiting)(harness.asterisk.actions("Status")[-1]))
        await eventually(lambda: len(harness.asterisk.actions("Redirect")) == 3)
    assert {action["Channel"] for action in harness.asterisk.actions("Redirect")} == {"1.1"}


async def test_a_caller_whose_arrival_was_never_heard_is_found_by_the_second_list(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing else would ever tell of somebody who is in the waiting room already: music for ever."""
    there = {"Uniqueid": "1.1", "Channel": channel("1.1"), "Seconds": "40"}
    listed = channels(there | {"Context": "cc-waiting"}, {"Uniqueid": "1.2", "Context": "cc-closed"})
    harness.asterisk.answers["CoreShowChannels"] = listed
    async with harness.connected() as controller:
        harness.asterisk.answers["Status"] = channels(
            there | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"}
        )
        looks_again = []
        for _ in range(2):
            await controller.link.list_channels()
            looks_again.append(controller.link.looks_again)
        assert looks_again == [False, True], "at first the event may be on its way"
        await eventually(lambda: lines_in_use(controller) == 1)
        for _ in range(2):
            await controller.link.list_channels()
        assert not controller.link.looks_again
    assert "whom the controller does not know: 1.1." in caplog.text


async def test_a_call_that_is_set_aside_is_looked_for_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller does not want to know it: Asterisk's own queue serves it."""
    monkeypatch.setattr(link, "LOOK_AGAIN", 0.01)
    there = {"Uniqueid": "1.1", "Channel": channel("1.1"), "Seconds": "40"}
    harness.asterisk.answers["CoreShowChannels"] = channels(there | {"Context": "cc-fallback"})
    async with harness.connected() as controller:
        for _ in range(2):
            await controller.link.list_channels()
        await eventually(lambda: len(harness.asterisk.actions("Status")) == 2)
        await connection(controller)
        for _ in range(3):
            await controller.link.list_channels()
        assert not controller.link.looks_again


TALKING = (
    {"Uniqueid": "offer-0-0000001", "Channel": "PJSIP/101-00000002", "Seconds": "60", "BridgeID": "b1"},
    {
        "Uniqueid": "1.1",
        "Channel": "PJSIP/trunk-city-0000000b",
        "Seconds": "90",
        "BridgeID": "b1",
        "Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting\r\nVariable: CC_RECORDED=1",
    },
)
"""A caller and an operator, of a controller that is no more."""


def resumes(channel_id: str) -> str:
    return event("Unhold", Uniqueid=channel_id, Channel=channel("1.1") if channel_id == "1.1" else "PJSIP/101-00000002")


@pytest.mark.clause("ESTP 2.6")
async def test_the_recording_goes_on_in_a_conversation_of_the_former_controller(harness: Harness) -> None:
    """A phone resumes a held call: the recorder may be deaf to it, although nobody saw the conversation begin."""
    harness.asterisk.answers["Status"] = channels(*TALKING)
    async with harness.connected():
        harness.asterisk.say(resumes("offer-0-0000001"))
        assert (await harness.asterisk.action("StopMixMonitor"))["Channel"] == "1.1"
        assert (await harness.asterisk.action("PlayDTMF"))["Channel"] == "1.1"


@pytest.mark.clause("ESTP 2.6")
async def test_what_is_told_before_the_snapshot_and_by_both_sides_begins_one_recorder(harness: Harness) -> None:
    harness.asterisk.answers["Status"] = channels(*TALKING)
    async with harness.connected():
        del harness.asterisk.answers["Status"]
        harness.asterisk.hang_up()
        await eventually(lambda: len(harness.asterisk.actions("Status")) == 2)
        listed = channels(*TALKING)(harness.asterisk.actions("Status")[-1])
        harness.asterisk.say(resumes("offer-0-0000001") + listed + resumes("1.1") + arrives("1.2"))
        await harness.asterisk.action("PlayDTMF")
        assert await harness.sent_to("1.2") == "cc-greeting"
    assert len(harness.asterisk.actions("StopMixMonitor")) == len(harness.asterisk.actions("PlayDTMF")) == 1


async def test_a_defect_in_the_journal_or_in_what_is_made_of_it_does_not_keep_the_line_waiting(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would ever be offered to anybody: so the line goes on without what the journal tells."""
    async with harness.controller() as controller:
        broken = CallHistory("9.9", "PJSIP/trunk-city-00000009", "estp", dialplan_steps=None, ended_at=1.0)  # type: ignore[arg-type]
        monkeypatch.setattr(controller.link._journal, "read", lambda _: [broken])
        try:
            await controller.start()
            await connection(controller)
            assert controller.view().asterisk_connected
            monkeypatch.setattr(controller.link._journal, "read", lambda _: 1 // 0)
            harness.asterisk.hang_up()
            await eventually(lambda: not controller.link.connected.is_set())
            await connection(controller)
            harness.asterisk.say(arrives("1.1"))
            assert await harness.sent_to("1.1") == "cc-greeting"
        finally:
            await controller.stop()
    assert "A defect of the core at the journal of 9.9; the line goes on." in caplog.text
    assert "A defect in reading Asterisk's journal" in caplog.text


async def test_what_the_journal_tells_again_after_many_short_lives_changes_no_row(harness: Harness) -> None:
    """Controllers that were killed again and again left the journal's position where it was minutes ago."""
    async with harness.connected():
        for call in ("1.1", "1.2"):
            harness.asterisk.say(arrives(call) + hangs_up(call))
            assert await harness.sent_to(call) == "cc-greeting"
    rows = "select call, arrived_at, ended_at, hung_up_by, urgency from calls order by call"
    earlier = "arrived_at = datetime(arrived_at, '-600 seconds'), ended_at = datetime(ended_at, '-590 seconds')"
    with closing(sqlite3.connect(harness.config.database)) as database, database:
        database.execute(f"update calls set urgency = 'urgent', {earlier} where call = '1.1'")
    before = harness.stored(rows)
    ended = datetime.fromisoformat(before[0][2]).replace(tzinfo=UTC).timestamp()
    folder = Folders.under(harness.config.var).journal
    folder.mkdir(parents=True)
    entries = (("CHAN_START", ""), ("CC_ARRIVED", '{""extra"":""estp:89025550101:""}'), ("CHAN_END", ""))
    lines = (f'"{ended:.6f}","{kind}","1.1","1.1","{channel("1.1")}","{extra}"\n' for kind, extra in entries)
    (folder / CURRENT).write_text("".join(lines))
    async with harness.connected():
        pass
    assert harness.stored(rows) == before


async def test_more_than_memory_takes_before_the_channels_are_listed_is_asked_for_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was thrown away might have changed what the list said."""
    monkeypatch.setattr(takeover, "MOST_HELD_BACK", 3)
    del harness.asterisk.answers["Status"]
    async with harness.running() as controller:
        status = await harness.asterisk.action("Status")
        harness.asterisk.answers["Status"] = channels()
        waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-00000001", "Seconds": "40"}
        listed = channels(waiting | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"})(status)
        harness.asterisk.say("".join(map(hangs_up, ("1.1", "8.1", "8.2", "8.3"))) + listed)
        await connection(controller)
        assert lines_in_use(controller) == 0, "the hanging up was thrown away, but the second list knows"
    assert len(harness.asterisk.actions("Status")) == 2


async def test_a_lost_connection_is_seen_and_the_next_one_begins_with_a_snapshot(harness: Harness) -> None:
    async with harness.connected() as controller:
        harness.asterisk.hang_up()
        await eventually(lambda: not controller.link.connected.is_set())
        assert controller.people.healthy()[1]["asterisk"] == "not connected"
        assert not controller.view().asterisk_connected
        await connection(controller)
        assert len(harness.asterisk.actions("Status")) == 2
        harness.asterisk.say(arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"


async def test_the_dialplan_knows_that_we_are_back_before_it_hears_of_anything_else(harness: Harness) -> None:
    """Else the callers of an outage, sent on by us, would find a stale heartbeat and go back to the fallback queue."""
    waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-00000001", "Seconds": "40"}
    harness.asterisk.answers["Status"] = channels(waiting | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"})
    async with harness.connected():
        assert await harness.sent_to("1.1") == "cc-waiting"
    done = [action.get("Variable", action["Action"]) for action in harness.asterisk.received]
    assert done[:6] == ["CC_TOKEN", "CoreStatus", "CC_DIALPLAN", "Status", "DeviceStateList", "CC_HEARTBEAT"]


async def test_an_asterisk_with_the_dialplan_of_another_version_serves_callers_alone_until_it_has_ours(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An update whose second step was forgotten: with our heartbeat its callers would wait for nobody."""
    monkeypatch.setattr(takeover, "ASKING_DIALPLAN", 0.01)
    asterisk = harness.asterisk
    ours, asterisk.dialplan = asterisk.dialplan, "0123456789ab"
    async with harness.running() as controller:
        await asterisk.facts.until(lambda: len(asterisk.actions("Getvar")) == 2)
        controller.link.beat()
        assert controller.people.healthy()[1]["asterisk"] == "it has the dialplan of another version"
        assert "render the files again and reload Asterisk" in caplog.text
        assert asterisk.actions("Status") == []
        asterisk.dialplan = ours
        await connection(controller)
        assert controller.people.healthy()[1]["asterisk"] == "ok"
    told = [action for action in asterisk.received if action.get("Variable") in ("CC_HEARTBEAT", "CC_DIALPLAN")]
    first_beat = next(index for index, action in enumerate(told) if action["Variable"] == "CC_HEARTBEAT")
    assert first_beat >= 3, "only after the right answer"


async def test_an_asterisk_that_started_anew_has_cut_everybody_off(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.asterisk.answers["CoreStatus"] = lambda action: success(action, CoreStartupDate="2026-11-20")
    async with harness.connected() as controller:
        harness.asterisk.say(arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"
        harness.asterisk.answers["CoreStatus"] = lambda action: success(action, CoreStartupDate="2026-11-21")
        harness.asterisk.hang_up()
        await eventually(lambda: not controller.link.connected.is_set())
        await connection(controller)
        assert lines_in_use(controller) == 0
    assert harness.stored("select outcome, cause, cause_text, hung_up_by from calls") == [
        ("lost", 41, "Asterisk ended", "system")
    ]
    assert "Asterisk has been started anew" in caplog.text
