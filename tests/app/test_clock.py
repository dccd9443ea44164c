"""The clock on the wall is set, changes to winter time, passes midnight and New Year, while people wait and talk.

Durations come from the monotonic clock; dates, days and opening hours from the line's own zone, wherever it is.
"""

from __future__ import annotations

import asyncio
import re
import time
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callcenter.app.controller import Controller
from callcenter.asterisk.render import Folders
from callcenter.calendar.clock import Clock
from callcenter.config import Config
from callcenter.core.commands import Answer
from callcenter.core.events import DayStarted, Event, HoursChanged, LogIn
from callcenter.core.ids import LineId
from callcenter.forecaster import forecaster
from callcenter.forecaster.forecaster import Forecaster
from callcenter.reports.call_list import calls as calls_of_days
from callcenter.store import Register
from tests.app.harness import Harness, arrives, channels, hangs_up, lines_in_use
from tests.asterisk.fake_asterisk import event
from tests.store.stories import eventually
from tests.wall import Wall

NEW_YORK = ZoneInfo("America/New_York")
JUMPS = [timedelta(hours=-1), timedelta(hours=1), timedelta(days=365)]


@pytest.fixture
def wall(harness: Harness) -> Wall:
    """The harness's, which a story sets."""
    return harness.wall


def says(user_event: str, channel: str, **headers: str) -> str:
    return event("UserEvent", UserEvent=user_event, Uniqueid=channel, **headers)


async def waits(harness: Harness, call: str) -> None:
    """Somebody calls and joins the queue."""
    harness.asterisk.say(arrives(call))
    assert await harness.sent_to(call) == "cc-greeting"
    harness.asterisk.say(says("CCGreeted", call))
    await harness.asterisk.facts.until(lambda: "cc-waiting" in places(harness, call))


def places(harness: Harness, call: str) -> list[str]:
    return [action["Context"] for action in harness.asterisk.actions("Redirect") if action["Channel"] == call]


async def talks(harness: Harness, controller: Controller, call: str) -> str:
    """Anna picks up the phone that rings for the caller; her leg."""
    offer = (await harness.asterisk.action("Originate"))["ChannelId"]
    harness.asterisk.say(says("CCAnswered", offer))
    for channel in (offer, call):
        harness.asterisk.say(event("BridgeEnter", Uniqueid=channel, BridgeUniqueid="bridge-1"))
    await eventually(lambda: controller.view().operators["101"].activity == "talking")
    return offer


def ends(call: str, leg: str) -> str:
    parts = [event("BridgeLeave", Uniqueid=channel, BridgeUniqueid="bridge-1") for channel in (call, leg)]
    return "".join([*parts, hangs_up(call), hangs_up(leg)])


async def anna_works(controller: Controller) -> None:
    reply = await controller.people.ask(lambda reply_to: LogIn("101", True, reply_to=reply_to))
    assert reply.answer is Answer.LOGGED_IN


# -- the clock is set --------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.6.1")
@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_set_during_a_wait_and_again_during_the_talk_it_lengthens_neither(
    harness: Harness, wall: Wall, jump: timedelta
) -> None:
    began = time.monotonic()
    async with harness.connected() as controller:
        await waits(harness, "1.1")
        wall.ahead = jump
        await anna_works(controller)
        leg = await talks(harness, controller, "1.1")
        wall.ahead = timedelta()
        harness.asterisk.say(ends("1.1", leg))
        await eventually(lambda: not controller.view().lines["estp"].lines_in_use)
        took = time.monotonic() - began
        seen = controller.view().lines["estp"].windows["day"]
        assert (seen.answered, seen.abandoned) == (1, 0)
    [row] = harness.stored("select arrived_at, joined_at, answered_at, ended_at, waiting, talk from calls")
    *moments, waiting, talk = row
    assert moments == sorted(moments)
    assert 0 < waiting + talk <= took
    [(talked, _)] = harness.stored("select connected_at, ended_at from offers")
    assert talked >= moments[1]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_set_between_two_controllers_it_costs_no_shift_and_no_place(
    harness: Harness, wall: Wall, jump: timedelta
) -> None:
    """The machine was not started anew, so its monotonic clock tells how long nobody was there."""
    began = time.monotonic()
    async with harness.connected() as controller:
        await waits(harness, "1.1")
        await anna_works(controller)
        await harness.asterisk.action("Originate")
    harness.asterisk.received.clear()
    wall.ahead = jump
    listed = {"Uniqueid": "1.1", "Channel": "PJSIP/trunk-city-0000000b", "Seconds": "2"}
    harness.asterisk.answers["Status"] = channels(listed | {"Variable": "CC_LINE=estp\r\nVariable: CC_STAGE=waiting"})
    async with harness.connected() as controller:
        assert controller.view().operators["101"].presence == "available"
        leg = await talks(harness, controller, "1.1")
        harness.asterisk.say(ends("1.1", leg))
        await eventually(lambda: not controller.view().lines["estp"].lines_in_use)
    took = time.monotonic() - began
    [(waiting, talk, arrived, ended)] = harness.stored("select waiting, talk, arrived_at, ended_at from calls")
    assert 0 < waiting + talk <= took
    assert arrived < ended
    shifts = harness.stored("select count(*) from shifts")
    assert shifts == [(1,)]


def test_dates_follow_the_wall_and_moments_do_not() -> None:
    core, wall = 1000.0, Wall()
    clock = Clock(lambda: core, wall)
    before = clock.date(990.0)
    wall.ahead = timedelta(hours=1)
    core = 1001.0
    assert clock.date(990.0) - before == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=2))
    assert clock.at(clock.date(123.0)) == pytest.approx(123.0)
    assert clock.now() == core


# -- days --------------------------------------------------------------------------------------------------------------


def midnight(today: datetime, zone: ZoneInfo) -> datetime:
    """The beginning of the next day."""
    tomorrow = today.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)


@pytest.mark.clause("ESTP 5.6.1")
async def test_a_call_over_midnight_is_one_of_the_day_on_which_it_came_and_its_file_of_the_day_on_which_it_ended(
    harness: Harness, wall: Wall
) -> None:
    """Averages of the day count a wait on the day on which it ends: before nobody knows how long it will be."""
    zone = harness.config.lines["estp"].zone
    new_day = midnight(wall(), zone)
    async with harness.connected() as controller:
        wall.set(new_day.astimezone(UTC) - timedelta(seconds=2))
        await waits(harness, "1.1")
        await anna_works(controller)
        leg = await talks(harness, controller, "1.1")
        speak(harness, "1.1")
        await eventually(lambda: controller.view().lines["estp"].windows["day"].answered == 1)
        await eventually(lambda: controller.view().lines["estp"].windows["day"].answered == 0)  # midnight has passed
        assert controller.view().lines["estp"].windows["30m"].answered == 1
        harness.asterisk.say(ends("1.1", leg))
        await eventually(lambda: bool(harness.stored("select * from calls where recording != ''")))
    [(recording,)] = harness.stored("select recording from calls")
    assert Path(recording).parts[:2] == ("estp", f"{new_day:%Y-%m-%d}")
    register = await Register.open(harness.config.database)
    days = [new_day.date() - timedelta(days=1), new_day.date()]
    found = [[call async for call in calls_of_days(register, day, day, {LineId("estp"): zone})] for day in days]
    await register.close()
    assert [len(calls) for calls in found] == [1, 0]


def speak(harness: Harness, call: str, seconds: float = 2.0) -> None:
    """Both sides of the conversation, as Asterisk writes them."""
    folder = Folders.under(harness.config.var).recording
    folder.mkdir(parents=True, exist_ok=True)
    for side in ("in", "out"):
        with wave.open(str(folder / f"{call}-{side}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(b"\x10\x20" * int(8000 * seconds))


# -- zones that change their clocks ------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine stands in Kamchatka."""
    monkeypatch.setenv("TZ", "Asia/Kamchatka")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Calendar:
    """A controller of a line in New York, asked second by second what day it is; and what it told the core."""

    def __init__(self, harness: Harness, controller: Controller, wall: Wall) -> None:
        self.told: list[tuple[str, str]] = []
        self._controller, self._wall = controller, wall
        take = controller._calendar._take

        def listening(event: Event) -> None:
            if isinstance(event, DayStarted | HoursChanged):
                what = "day" if isinstance(event, DayStarted) else "opens" if event.open else "closes"
                self.told.append((what, f"{wall().astimezone(NEW_YORK):%d %H:%M}"))
            take(event)

        controller._calendar._take = listening

    def passes(self, begin: str, end: str, step: timedelta = timedelta(minutes=10)) -> list[tuple[str, str]]:
        """From one moment to another, UTC."""
        moment = datetime.fromisoformat(begin).replace(tzinfo=UTC)
        while moment <= datetime.fromisoformat(end).replace(tzinfo=UTC):
            self._wall.set(moment)
            self._controller._calendar.look()
            moment += step
        return self.told


@asynccontextmanager
async def in_new_york(harness: Harness, wall: Wall, **hours: Any) -> AsyncIterator[Calendar]:
    path = harness.config.var.parent / "config.yaml"
    text = path.read_text(encoding="utf-8")
    there = "opens: 09:00, closes: 18:00, zone: America/New_York, country: US, extra_workdays: [2026-11-01, 2027-03-14]"
    path.write_text(re.sub(r"hours: \{.*\}", f"hours: {{{there}}}", text), encoding="utf-8")
    harness.config = Config.load(path)
    async with harness.controller() as controller:
        yield Calendar(harness, controller, wall)


@pytest.mark.clause("ESTP 2.2a")
@pytest.mark.usefixtures("elsewhere")
async def test_a_day_of_25_hours_begins_once_and_the_line_opens_by_the_clock_on_its_own_wall(
    harness: Harness, wall: Wall
) -> None:
    async with in_new_york(harness, wall) as calendar:
        told = calendar.passes("2026-10-31T20:00", "2026-11-02T13:00")
    assert told == [
        ("day", "31 16:00"),
        ("closes", "31 16:00"),
        ("day", "01 00:00"),
        ("opens", "01 09:00"),
        ("closes", "01 18:00"),
        ("day", "02 00:00"),
    ]


@pytest.mark.clause("ESTP 2.2a")
@pytest.mark.usefixtures("elsewhere")
async def test_a_day_of_23_hours_too(harness: Harness, wall: Wall) -> None:
    async with in_new_york(harness, wall) as calendar:
        told = calendar.passes("2027-03-14T04:00", "2027-03-15T12:00")
    assert [moment for what, moment in told if what != "closes"] == ["13 23:00", "14 00:00", "14 09:00", "15 00:00"]
    assert told[-2:] == [("closes", "14 18:00"), ("day", "15 00:00")]


async def test_a_leap_to_another_year_and_back_is_two_new_days_and_no_more(harness: Harness, wall: Wall) -> None:
    async with in_new_york(harness, wall) as calendar:
        calendar.passes("2026-11-24T15:00", "2026-11-24T15:30")
        calendar.passes("2028-01-01T15:00", "2028-01-01T15:30")
        told = calendar.passes("2026-11-24T15:31", "2026-11-24T16:00")
    assert [what for what, _ in told] == ["day", "opens", "day", "closes", "day", "opens"]


async def test_a_forecast_knows_how_long_the_line_is_open_over_a_change_of_the_clock(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two moments in one zone Python subtracts what the clock on the wall shows: an hour too much."""
    seen: list[float] = []

    async def computing(_: Any, __: Any, ___: Any, closes_in: float, ____: float) -> None:
        seen.append(closes_in)

    monkeypatch.setattr(forecaster, "in_worker_process", computing)
    path = harness.config.var.parent / "config.yaml"
    text = path.read_text(encoding="utf-8")
    day = "opens: 00:00, closes: 24:00, zone: Europe/Berlin, country: DE, extra_workdays: [2027-03-28]"
    path.write_text(re.sub(r"hours: \{.*\}", f"hours: {{{day}}}", text), encoding="utf-8")
    harness.config = Config.load(path)
    began = datetime(2027, 3, 28, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    async with harness.controller() as controller:
        lines = harness.config.lines.values()
        one = Forecaster(lines, controller._register, controller.outlook, lambda: began.astimezone(UTC))
        await one._compute(one._watched["estp"], began)
    assert seen == [22.5 * 3600]


async def test_a_clock_that_was_set_while_nobody_was_there_ends_no_shift(harness: Harness, wall: Wall) -> None:
    async with harness.connected() as controller:
        controller.take(LogIn("101", verified=True))
    wall.ahead = timedelta(hours=-7)
    async with harness.connected() as controller:
        assert controller.view().operators["101"].presence == "available"
    assert harness.stored("select ended_at from shifts") == [(None,)]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_by_an_hour_puts_no_call_before_its_own_beginning(
    harness: Harness, wall: Wall, hours: int
) -> None:
    async with harness.connected() as controller:
        harness.asterisk.say(arrives("1.1") + hangs_up("1.1") + arrives("1.2"))
        await harness.sent_to("1.2")
        await eventually(lambda: len(harness.stored("select * from calls")) == 2)
        wall.ahead = timedelta(hours=hours)
        harness.asterisk.say(
            event("UserEvent", UserEvent="CCGreeted", Uniqueid="1.2") + hangs_up("1.2") + arrives("1.3")
        )
        await harness.sent_to("1.3")
        await eventually(lambda: lines_in_use(controller) == 1)
    rows = harness.stored("select call, arrived_at, joined_at, ended_at, queued from calls order by id")
    assert [row[0] for row in rows] == ["1.1", "1.2", "1.3"]
    _, arrived, joined, ended, queued = rows[1]
    assert arrived <= joined <= ended
    took = datetime.fromisoformat(ended) - datetime.fromisoformat(joined)
    assert took.total_seconds() == pytest.approx(queued, abs=0.01)
    shift = datetime.fromisoformat(rows[2][1]) - datetime.fromisoformat(rows[0][1])
    assert round(shift / timedelta(hours=1)) == hours, "dates follow the clock"


async def test_a_clock_that_trembles_puts_no_two_facts_into_the_wrong_order(harness: Harness, wall: Wall) -> None:
    async with harness.controller() as controller:
        start = asyncio.get_running_loop().time()
        seen = []
        for n in range(50):
            wall.ahead = timedelta(seconds=0.04 * (-1) ** n)
            seen.append(controller._clock.date(start + n * 0.001))
        assert seen == sorted(seen)
        assert abs(seen[0] - wall()) < timedelta(seconds=5)
