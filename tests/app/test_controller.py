"""The whole controller with a real register and page, and a manager interface that says what a test wants it to."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest

from callcenter.app import containment, people, warm_start, wiring
from callcenter.app.checkpoint import Checkpoint
from callcenter.app.web_server import StartError
from callcenter.asterisk import link, takeover
from callcenter.core import commands, events
from callcenter.core.call import arrival as arrival_rules
from callcenter.core.call import recording
from callcenter.core.caller import Caller
from callcenter.core.commands import Answer
from callcenter.core.events import Event
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId, ChannelId, ChannelName, LineId
from callcenter.customers.directory import normalise
from callcenter.forecaster import forecaster
from callcenter.forecaster.worker_process import in_worker_process
from callcenter.reports import past_days
from callcenter.store import Register, RegisterError, Writer
from tests.app.harness import Harness, arrives, channel, channels, connection, hangs_up, lines_in_use
from tests.asterisk.fake_asterisk import LIMIT, Facts, FakeAsterisk, event
from tests.patience import patience
from tests.store.stories import arrival, eventually

# -- Asterisk ----------------------------------------------------------------------------------------------------------


async def test_a_caller_is_greeted(harness: Harness) -> None:
    async with harness.connected() as controller:
        harness.asterisk.say(arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"
        assert lines_in_use(controller) == 1
        assert controller.people.healthy() == (
            False,
            {"asterisk": "ok", "register": "ok", "recordings": "ok", "line estp": "nobody is on duty"},
        )


async def test_time_never_runs_backwards_for_the_core(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited has its own time, but comes after what was handled before it; nothing lies in the future."""
    async with harness.connected() as controller:
        began = controller.now()
        monkeypatch.setattr(controller, "now", lambda: began + 10.0)
        dated = {"1.1": 8.8, "1.2": 8.0, "1.3": 9.0, "1.4": 11.0, "1.5": None, "1.6": 9.5}
        for call, at in dated.items():
            arrived = events.CallArrived(CallId(ChannelId(call)), ChannelName(channel(call)), LineId("estp"), "", "")
            assert controller.take(arrived, None if at is None else began + at)
        callers = controller._center._floor.callers.values()
        assert [caller.record.arrived_at - began for caller in callers] == pytest.approx([8.8, 8.8, 9.0, 10, 10, 10])


@pytest.mark.clause("ESTP 2.2d")
async def test_after_a_restart_the_averages_of_the_day_go_on(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller waits five seconds and gives up; the next controller still knows, and what a wait here is like."""
    async with harness.connected() as controller:
        await eventually(lambda: controller.view().lines["estp"].windows["day"].abandoned == 0)
        harness.asterisk.say(arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"
        harness.asterisk.say(event("UserEvent", UserEvent="CCGreeted", Uniqueid="1.1"))
        await eventually(lambda: bool(sum(controller.view().lines["estp"].waiting.values())))
        harness.asterisk.say(hangs_up("1.1"))
        await eventually(lambda: controller.view().lines["estp"].windows["day"].abandoned == 1)
    async with harness.connected() as controller:
        day = controller.view().lines["estp"].windows["day"]
        assert (day.answered, day.abandoned) == (0, 1)
        assert controller.outlook("estp").joined == 1


async def test_without_the_experience_of_past_calls_the_line_runs_as_configured(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object) -> NoReturn:
        raise RegisterError("it is locked")

    monkeypatch.setattr(warm_start, "line_warm_start", fails)
    async with harness.connected() as controller:
        assert controller.view().lines["estp"].handling == 180
    assert "starts without the experience of past calls: it is locked" in caplog.text


async def test_what_belongs_together_reaches_asterisk_in_one_piece(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in between, we would leave a phone that rings for a conversation that nobody was told to record."""
    async with harness.connected() as controller:
        assert controller.link.ami._connection
        pieces: list[bytes] = []
        monkeypatch.setattr(controller.link.ami._connection.transport._transport, "write", pieces.append)
        controller.take(events.LogIn("101", True))
        controller.take(events.CallArrived("1.1", "PJSIP/trunk-city-0000000b", "estp", "+79025550101", "", None))
        for told in (events.GreetingHeard("1.1"), events.InnGiven("1.1", events.InnEntry.SKIPPED, "")):
            controller.take(told)
        controller.take(events.UrgencyGiven("1.1", "1"))
        (ordered,) = [piece for piece in pieces if b"Action: Originate" in piece]
        assert b"CC_RECORDED" in ordered
        assert len([piece for piece in pieces if b"Action: Redirect" in piece]) >= 2


async def test_the_heart_beats(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    assert link.HEARTBEAT == 1.0
    monkeypatch.setattr(link, "HEARTBEAT", 0.02)

    def beats() -> list[int]:
        setting = harness.asterisk.actions("Setvar")
        return [int(action["Value"]) for action in setting if action["Variable"] == "CC_HEARTBEAT"]

    before = int(harness.wall().timestamp())
    async with harness.connected():
        await harness.asterisk.facts.until(lambda: len(beats()) >= 4)
        assert all(before <= beat <= harness.wall().timestamp() for beat in beats())
        assert beats() == sorted(beats())


async def test_asterisk_that_is_not_there_is_no_reason_not_to_start(tmp_path: Path) -> None:
    async with FakeAsterisk(Facts()).serving() as gone:
        pass
    async with Harness(tmp_path, gone).running() as controller:
        assert controller.people.healthy()[1]["asterisk"] == "not connected"


# -- defects -----------------------------------------------------------------------------------------------------------


async def test_a_defect_of_the_core_is_logged_and_the_line_goes_on(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with harness.connected() as controller:
        handle = controller._center.handle

        def defective(event: Event, now: float) -> list[commands.Command]:
            if isinstance(event, events.InfoMenuVisited):
                raise KeyError("a defect")
            return handle(event, now)

        monkeypatch.setattr(controller._center, "handle", defective)
        harness.asterisk.say(event("UserEvent", UserEvent="CCInfo", Uniqueid="1.1") + arrives("1.2"))
        assert await harness.sent_to("1.2") == "cc-greeting"
        assert controller.link.ami.connected
    assert "A defect of the core at InfoMenuVisited; the line goes on." in caplog.text


class _Broken:
    """A rule that fails for one call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: object, name: str, call: str) -> None:
        self._real, self._call = getattr(module, name), call
        monkeypatch.setattr(module, name, self)

    def __call__(self, floor: Floor, caller: Caller, *more: object) -> object:
        if caller.call == self._call:
            raise KeyError("a defect")
        return self._real(floor, caller, *more)


async def test_a_call_whose_end_fails_keeps_nobody_from_being_offered(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such a call used to stay behind: then every snapshot failed, and nobody was offered until a restart."""
    async with harness.connected() as controller:
        harness.asterisk.say(arrives("1.1") + arrives("1.2"))
        await harness.sent_to("1.2")
        _Broken(monkeypatch, recording, "end", "1.1")
        harness.asterisk.say(hangs_up("1.1"))
        await eventually(lambda: lines_in_use(controller) == 1)
        harness.asterisk.answers["Status"] = channels()
        harness.asterisk.hang_up()
        await eventually(lambda: not controller.link.connected.is_set())
        await connection(controller)
        assert controller.view().asterisk_connected
        harness.asterisk.say(arrives("1.3"))
        assert await harness.sent_to("1.3") == "cc-greeting"
        assert lines_in_use(controller) == 1
        metrics = controller.metrics.text().decode()
    assert 'callcenter_defects_total{during="the end of the call"} 1.0' in metrics
    assert "callcenter_calls_set_aside_total 1.0" in metrics
    assert "A defect of the core at the end of the call of 1.1; the line goes on." in caplog.text
    assert "Call 1.1 is set aside: its end could not be entered." in caplog.text
    ((text,),) = harness.stored("SELECT cause_text FROM calls WHERE call = '1.1'")
    assert text.startswith("set aside after a defect")


async def test_a_call_that_fails_again_and_again_is_given_to_asterisk(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk is asked what is true after each defect; at the third the line goes on without the call."""
    monkeypatch.setattr(link, "LOOK_AGAIN", 0.01)
    async with harness.connected() as controller:
        _Broken(monkeypatch, arrival_rules, "greet", "1.1")
        waiting = {"Uniqueid": "1.1", "Channel": "PJSIP/city-1.1", "Seconds": "9"}
        harness.asterisk.answers["Status"] = channels(
            waiting | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=arriving"}
        )
        for asked in range(3):
            harness.asterisk.say(arrives("1.1"))
            await harness.asterisk.facts.until(lambda: len(harness.asterisk.actions("Status")) > asked)  # noqa: B023
        assert await harness.sent_to("1.1") == "cc-fallback"
        harness.asterisk.say(arrives("1.2"))
        assert await harness.sent_to("1.2") == "cc-greeting"
        assert lines_in_use(controller) == 1
        harness.asterisk.say(hangs_up("1.1"))
        await eventually(lambda: controller._center._floor.ended_lately("1.1"))
    assert harness.stored("SELECT outcome FROM calls WHERE call = '1.1'") == [("lost",)]


async def test_a_timer_whose_event_fails_fires_again(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer is told of once: an operator would wrap up for ever."""
    monkeypatch.setattr(containment, "FIRE_AGAIN", 0.01)
    told: list[Event] = []
    async with harness.connected() as controller:
        handle = controller._center.handle

        def once_defective(event: Event, now: float) -> list[commands.Command]:
            if isinstance(event, events.TimerFired):
                told.append(event)
                if len(told) < 3:
                    raise KeyError("a defect")
            return handle(event, now)

        monkeypatch.setattr(controller._center, "handle", once_defective)
        controller._timers._fire(events.Timer(events.TimerKind.WRAP_UP, "101"))
        await eventually(lambda: len(told) == 3)


async def test_a_snapshot_that_dies_is_taken_again(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "LOOK_AGAIN", 0.01)
    async with harness.controller() as controller:
        histories, tried = controller.link._takeover._histories, list[object]()

        async def dies_once(*of: Any) -> Any:
            tried.append(of)
            if len(tried) == 1:
                raise KeyError("a defect")
            return await histories(*of)

        monkeypatch.setattr(controller.link._takeover, "_histories", dies_once)
        try:
            await controller.start()
            await connection(controller)
        finally:
            await controller.stop()
    assert len(tried) == 2


async def test_a_snapshot_that_the_core_cannot_take_is_taken_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "ASKING_AGAIN", 0.01)
    async with harness.controller() as controller:
        handle, tried = controller._center.handle, list[Event]()

        def fails_at_first(event: Event, now: float) -> list[commands.Command]:
            if isinstance(event, events.Snapshot):
                tried.append(event)
                if len(tried) < 4:
                    raise KeyError("a defect")
            return handle(event, now)

        monkeypatch.setattr(controller._center, "handle", fails_at_first)
        try:
            await controller.start()
            await connection(controller)
        finally:
            await controller.stop()
    assert len(tried) == 4


async def test_who_dialled_a_pin_that_could_not_be_verified_hears_so(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with harness.connected() as controller:
        monkeypatch.setattr(harness.secrets, "verify_pin", lambda *_: 1 // 0)
        headers = {"Uniqueid": "5.1", "Phone": "101", "Id": "101", "Pin": "1234"}
        harness.asterisk.say(event("UserEvent", UserEvent="CCLogIn", **headers))
        await harness.asterisk.facts.until(lambda: harness.told() == ["op-not-possible"])
        assert controller.view().operators["101"].presence == "off"


async def test_a_recording_that_could_not_be_finished_is_missing_in_the_row(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with harness.connected() as controller:

        async def dies(*_: object) -> NoReturn:
            raise KeyError("a defect")

        monkeypatch.setattr(controller._archive, "finish", dies)
        harness.asterisk.say(arrives("1.1"))
        await harness.sent_to("1.1")
        controller.take(events.SetAside("1.1", "this test"))
        harness.asterisk.say(hangs_up("1.1"))
        await eventually(lambda: controller._center._floor.ended_lately("1.1"))
    ((problem,),) = harness.stored("SELECT recording_problem FROM calls WHERE call = '1.1'")
    assert "could not be finished" in problem


async def test_a_defect_of_the_metrics_or_of_one_command_costs_no_other_command(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> NoReturn:
        raise ValueError("a defect")

    async with harness.connected() as controller:
        monkeypatch.setattr(controller.metrics, "observe_event", fail)
        monkeypatch.setattr(controller.metrics, "observe_command", fail)
        monkeypatch.setattr(controller._writer, "put", fail)
        harness.asterisk.say(arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"
    assert "Could not perform CallArrived; the line goes on." in caplog.text
    assert "Could not perform SaveCall; the line goes on." in caplog.text


async def test_a_message_that_nobody_understands_is_passed_over_live_and_in_the_snapshot(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def poisoned(raw: str) -> str:
        if raw == "666":
            raise ValueError("poison")
        return normalise(raw)

    monkeypatch.setattr(wiring, "normalise", poisoned)
    del harness.asterisk.answers["Status"]
    async with harness.running() as controller:

        def waiting(call: str, number: str) -> dict[str, str]:
            known = f"CC_LINE=estp\r\nVariable: CC_STAGE=waiting\r\nVariable: CC_WHO={number}"
            return {"Seconds": "4", "Uniqueid": call, "Channel": channel(call), "Variable": known}

        listed = channels(waiting("1.1", "666"), waiting("1.2", "89025550101"))
        status = await harness.asterisk.action("Status")
        harness.asterisk.say(arrives("1.3", "666") + arrives("1.4") + listed(status))
        await connection(controller)
        assert await harness.sent_to("1.4") == "cc-greeting"
        assert await harness.sent_to("1.2") == "cc-waiting"
        harness.asterisk.say(arrives("1.5", "666") + arrives("1.6"))
        assert await harness.sent_to("1.6") == "cc-greeting"
        assert lines_in_use(controller) == 3
    assert "Passed over a channel that cannot be understood: 'PJSIP/trunk-city-0000000b'" in caplog.text
    assert caplog.text.count("Passed over a message that cannot be understood: 'UserEvent'") == 2


@pytest.mark.parametrize(
    "poison",
    [
        "Event: Hangup\r\n\r\n",
        "Event: UserEvent\r\nUserEvent: CCFeature\r\nFeature: transfer-\r\n\r\n",
        "Event: UserEvent\r\nUserEvent: CCArrived\r\nUniqueid: 9.9\r\nLine: nowhere\r\nNumber: %FF%00%0D\r\n\r\n",
        "Event: UserEvent\r\nUserEvent: CCSpoken\r\nUniqueid: 9.9\r\nNumber: -1\r\n\r\n",
        "Event: Newstate\r\nUniqueid: offer-nobodys\r\nChannelState: 5\r\n\r\n",
        "Event: BridgeEnter\r\nUniqueid: 9.9\r\n\r\n",
        "Event: OriginateResponse\r\nResponse: Failure\r\nActionID: offer-nobodys\r\nReason: 5\r\n\r\n",
        "\r\n\r\nnoise\r\n\r\n: :\r\n\r\n",
    ],
)
async def test_what_concerns_nobody_we_know_changes_nothing(
    harness: Harness, poison: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with harness.connected() as controller:
        harness.asterisk.say(poison + arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"
        assert lines_in_use(controller) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# -- people ------------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_pin_dialled_at_a_phone_opens_a_shift_and_a_wrong_one_does_not(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    first = harness.secrets.initial("101")
    assert first is not None
    wrong = "000000" if first.pin != "000000" else "111111"
    async with harness.connected() as controller:
        for pin, answer in ((wrong, "op-wrong-pin"), (first.pin, "op-logged-in")):
            about = {"Uniqueid": "2.1", "Phone": "101", "Id": "101", "Pin": pin}
            before = len(harness.told())
            harness.asterisk.say(event("UserEvent", UserEvent="CCLogIn", **about))
            await harness.asterisk.facts.until(lambda count=before: len(harness.told()) > count)  # type: ignore[misc]
            assert harness.told()[-1] == answer
        assert controller.people.healthy()[0]
    assert first.pin not in caplog.text


async def test_a_page_is_answered_and_one_that_asks_in_vain_is_not_kept_waiting(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "ANSWER_WITHIN", 0.05)
    async with harness.connected() as controller:
        reply = await controller.people.ask(lambda reply_to: events.LogOut("101", reply_to=reply_to))
        assert reply.answer is Answer.NOT_LOGGED_IN
        with pytest.raises(TimeoutError):
            await controller.people.ask(lambda _: events.InfoMenuVisited("nobody's"))


async def test_stopping_hands_over_and_lets_the_register_have_everything(harness: Harness) -> None:
    """An update: the dialplan is told at once, the shift stays open, and the next controller goes on with it."""
    async with AsyncExitStack() as stack:
        controller = await stack.enter_async_context(harness.connected())
        controller.take(events.LogIn("101", verified=True))
        harness.asterisk.say(arrives("1.1") + hangs_up("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"
        await eventually(lambda: lines_in_use(controller) == 0)
    assert controller._writer.pending == 0
    beats = [action["Value"] for action in harness.asterisk.actions("Setvar") if action["Variable"] == "CC_HEARTBEAT"]
    assert beats[-1] == "0"
    assert harness.stored("select operator, ended_at from shifts") == [("101", None)]
    assert harness.stored("select call, outcome from calls") == [("1.1", "left_in_menu")]
    assert harness.asterisk.actions("QueueRemove") == []
    async with harness.connected() as controller:
        seen = controller.view().operators["101"]
        assert (seen.presence, seen.phone) == ("available", "101")
        controller.take(events.LogOut("101"))
    assert harness.stored("select count(*), count(ended_at) from shifts") == [(1, 1)]


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_controller_that_was_away_for_long_finds_no_shifts(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody sits at a desk all night because a machine was off: shifts end when the controller was last there."""
    async with harness.connected() as controller:
        controller.take(events.LogIn("101", verified=True))
    path = harness.config.var / "last_seen.json"
    seen = Checkpoint.load(path)
    assert seen
    last = seen.at - timedelta(seconds=harness.config.timings.shift_kept + 60)
    replace(seen, at=last).save(path)
    async with harness.connected() as controller:
        assert controller.view().operators["101"].presence == "off"
    [(ended, cause)] = harness.stored("select ended_at, end_cause from shifts")
    assert (datetime.fromisoformat(ended).replace(tzinfo=UTC), cause) == (last, "controller was away")
    assert "1 shifts of before are closed" in caplog.text


async def test_an_asterisk_that_stops_with_us_hangs_up_first(harness: Harness) -> None:
    async with harness.connected() as controller:
        harness.asterisk.say(arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"
        ending = asyncio.create_task(controller.end_calls())
        assert (await harness.asterisk.action("Hangup"))["Channel"] == "1.1"
        assert not ending.done()
        harness.asterisk.say(hangs_up("1.1"))
        async with patience(LIMIT):
            await ending
        assert lines_in_use(controller) == 0
        async with patience(LIMIT):
            await controller.end_calls()


async def test_a_port_in_use_is_named_and_nothing_is_left_behind(harness: Harness) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", harness.config.http.port))
        other.listen()
        with pytest.raises(StartError, match=rf"http\.port: 127\.0\.0\.1:{harness.config.http.port} cannot be used"):
            async with harness.running():
                pytest.fail("it started")
    async with harness.connected():
        pass


# -- the target --------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.2d")
async def test_the_target_of_an_open_line_is_watched_from_the_start(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecaster, "FIRST_AFTER", 0.0)
    async with harness.running() as controller:
        assert controller.outlook("estp").on_duty == 0
        await eventually(lambda: "estp" in controller.people.forecasts())
        made, age = controller.people.forecasts()["estp"]
        assert made.target == 300
        assert made.average is None, "nobody has called yet"
        assert 0 <= age < LIMIT
        assert 'callcenter_forecast_age_seconds{line="estp"}' in controller.metrics.text().decode()


async def test_a_controller_that_stops_in_the_middle_of_a_forecast_leaves_no_process(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def computing() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if child not in before]

    async def endless(*_: object) -> NoReturn:
        await in_worker_process(time.sleep, 600)
        pytest.fail("it ended")

    before = psutil.Process().children()
    monkeypatch.setattr(forecaster, "FIRST_AFTER", 0.0)
    monkeypatch.setattr(forecaster.Forecaster, "_compute", endless)
    async with harness.running():
        await eventually(lambda: bool(computing()))
    assert computing() == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# -- past days ---------------------------------------------------------------------------------------------------------


async def test_days_that_are_over_are_summed_up_before_anybody_asks(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_days, "FIRST_AFTER", 0.0)
    register = await Register.open(harness.config.database)
    writer = Writer(register, lambda seconds: harness.wall() - timedelta(days=3))
    writer.start()
    writer.put(arrival("three days ago"))
    assert await writer.stop(10)
    await register.close()
    async with harness.running():
        await eventually(lambda: harness.stored("SELECT 1 FROM day_sums WHERE sums LIKE '%estp%'") != [])
