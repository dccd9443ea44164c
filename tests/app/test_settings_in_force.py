"""Midnight: other settings hold, without a restart, for calls and requests that begin then; others keep theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from callcenter.app.controller import Controller
from callcenter.app.settings_in_force import at_start
from callcenter.calendar.working_time import Term
from callcenter.config import Config
from callcenter.core import events
from callcenter.core.ids import CallId, LineId
from callcenter.dated.table import SettingTable
from callcenter.requests.targets import TargetKind
from callcenter.store import Register
from tests.app.harness import Harness, arrives, configuration, connection

pytestmark = pytest.mark.clause("ESTP 6.2")

MIDNIGHT = datetime(2026, 11, 23, 21, tzinfo=UTC)
"""The begin of Tuesday in Moscow."""
EVENING = MIDNIGHT - timedelta(minutes=10)
LINE = LineId("estp")
ASKS_FIRST = {
    "from": "2026-11-24",
    "ivr": {"identify": "before_queue", "ask_inn": "true"},
    "hours": {"opens": "08:00"},
    "required_staff": "7",
    "requests": {"urgencies": {"Срочно": {"answer": "2 hours"}}, "form": "30 minutes"},
}


@dataclass
class Night:
    """A controller over midnight."""

    harness: Harness
    controller: Controller
    register: Register

    def passes(self, to: datetime) -> None:
        """The clock shows another time, and somebody looks at it."""
        self.harness.wall.set(to)
        self.controller._look_at_the_clock()

    async def calls(self, call: str) -> None:
        """Somebody calls and is greeted."""
        self.harness.asterisk.say(arrives(call, f"8902555{call.replace('.', ''):0>4}"))
        assert await self.harness.sent_to(call) == "cc-greeting"

    async def hears_greeting(self, call: str) -> str:
        """Where the caller goes then."""
        self.controller.take(events.GreetingHeard(CallId(call)))

        def sent() -> list[str]:
            return [one["Context"] for one in self.harness.asterisk.actions("Redirect") if one["Channel"] == call]

        await self.harness.asterisk.facts.until(lambda: len(sent()) == 2)
        return sent()[1]


def edit(harness: Harness, *changes: object, **line: object) -> Config:
    written = configuration(harness.asterisk.port, harness.config.http.port)
    content = yaml.load(written, Loader=yaml.BaseLoader)  # noqa: S506 - texts alone: 24:00 stays what it is
    content["phones"] = {"101": None}
    content["lines"]["estp"] |= {"changes": list(changes), "requests": {"form": "1 hour"}} | line
    path = harness.config.folder / "config.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return Config.load(path)


@asynccontextmanager
async def night(harness: Harness, *changes: object, **line: object) -> AsyncIterator[Night]:
    """A controller that was started in the evening, or whenever the clock says."""
    register = await Register.open(harness.config.database)
    harness.config = await at_start(edit(harness, *changes, **line), register, harness.wall())
    controller = Controller(harness.config, harness.secrets, register, harness.wall)
    try:
        await controller.start()
        await connection(controller)
        yield Night(harness, controller, register)
    finally:
        await controller.stop()
        await register.close()


@pytest.mark.clause("eLot 4.3")
async def test_calls_and_requests_over_midnight(harness: Harness) -> None:
    harness.wall.set(EVENING)
    async with night(harness, ASKS_FIRST) as line:
        await line.calls("1.1")
        requests = line.controller.requests.register
        old = await requests.open_draft(LINE, "101", harness.wall(), harness.wall())
        line.passes(MIDNIGHT - timedelta(seconds=2))
        assert line.controller.view().lines[LINE].required_staff == 2
        line.passes(MIDNIGHT + timedelta(seconds=1))
        assert line.controller.view().lines[LINE].required_staff == 7
        assert not line.controller.view().lines[LINE].open, "the hours of the day are the new ones"
        line.passes(MIDNIGHT + timedelta(hours=10))
        assert line.controller.view().lines[LINE].open
        await line.calls("1.2")
        assert await line.hears_greeting("1.1") == "cc-waiting"
        assert await line.hears_greeting("1.2") != "cc-waiting", "who calls now is asked before the queue"
        new = await requests.open_draft(LINE, "101", harness.wall(), harness.wall())
        assert requests.promise(LINE, "Контроль", old.request.received_at) is not None
        assert set(requests.rules[LINE].urgencies) == {"Срочно"}
        assert requests.rules[LINE].on(old.request.received_at).form == Term.plain_hours(1)
        due = [one.request.target(TargetKind.FORM) for one in (old, new)]
        terms = [target.due - one.request.received_at for target, one in zip(due, (old, new), strict=True) if target]
        assert terms == [timedelta(hours=1), timedelta(minutes=30)]


async def test_a_controller_that_starts_after_midnight_knows_what_held_when_a_call_began(harness: Harness) -> None:
    """The next one finds the callers of the evening, and goes on with them by the rules of the evening."""
    harness.wall.set(EVENING)
    async with night(harness, ASKS_FIRST) as line:
        begun = line.controller.now()
        line.passes(MIDNIGHT + timedelta(hours=10))
    async with night(harness, ASKS_FIRST) as line:
        floor = line.controller._center._floor
        state = floor.lines[LINE]
        at_midnight = line.controller._clock.at(MIDNIGHT)
        assert begun < line.controller.now()
        assert not state.settings_at(at_midnight - 1).asks_before_queue
        assert state.settings_at(at_midnight).asks_before_queue
        assert state.settings.required_staff == 7


async def test_what_nobody_has_published_does_not_hold_until_it_is(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """The file was edited, and the controller started again, perhaps after a crash: the line goes on as it was."""
    harness.wall.set(EVENING)
    async with night(harness, notice_days=5):
        pass
    change = {"from": "2026-11-29", "required_staff": "7"}
    async with night(harness, change, notice_days=5, hours={"opens": "10:00"}) as line:
        assert "Not in force: lines.estp: hours.opens: 00:00 → 10:00" in caplog.text
        assert line.controller.settings.config.lines[LINE].hours.opens.hour == 0
        edited = edit(harness, change, notice_days=5, hours={"opens": "00:00", "closes": "24:00"})
        await SettingTable(line.register).publish(edited, harness.wall(), "engineer")
        await line.controller.settings.refresh()
        assert line.controller.view().lines[LINE].required_staff == 2
        line.passes(MIDNIGHT + timedelta(days=6))
        assert line.controller.view().lines[LINE].required_staff == 7, "it was published while the line ran"


async def test_a_machine_that_slept_over_two_midnights_and_a_clock_that_is_set_back(harness: Harness) -> None:
    harness.wall.set(EVENING)
    first, second = {"from": "2026-11-24", "required_staff": "3"}, {"from": "2026-11-25", "required_staff": "4"}
    async with night(harness, first, second) as line:
        begun = line.controller.now()
        line.controller._look_at_the_clock()
        line.passes(MIDNIGHT + timedelta(days=3))
        state = line.controller._center._floor.lines[LINE]
        assert state.settings.required_staff == 4
        assert state.settings_at(begun).required_staff == 2, "who called before it slept"
        line.passes(EVENING)
        assert line.controller.view().lines[LINE].required_staff == 2, "it holds by the date, whichever that is"
        line.passes(MIDNIGHT + timedelta(hours=1))
        assert line.controller.view().lines[LINE].required_staff == 3


async def test_a_defect_of_the_core_leaves_the_line_with_what_it_had(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.wall.set(EVENING)
    async with night(harness, ASKS_FIRST) as line:
        taken = line.controller.settings._take
        monkeypatch.setattr(line.controller.settings, "_take", lambda told: False)
        line.passes(MIDNIGHT + timedelta(seconds=1))
        line.passes(MIDNIGHT + timedelta(seconds=2))
        monkeypatch.setattr(line.controller.settings, "_take", taken)
        await line.controller.settings.refresh()
        assert line.controller.view().lines[LINE].required_staff == 2
        assert line.controller.settings.config.lines[LINE].required_staff == 2
