"""One core with links to two Asterisks: what is said to whom, and who is believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from callcenter.app.performer import Performer
from callcenter.app.timers import Timers
from callcenter.asterisk.ami import AmiSettings
from callcenter.asterisk.journal import Journal
from callcenter.asterisk.link import Link, LinkSettings, Listener
from callcenter.asterisk.translate import Translator
from callcenter.core.callcenter import CallCenter
from callcenter.core.events import CallArrived, Event, HoursChanged, LogIn, TimerFired
from callcenter.core.ids import GroupId, ServerId
from callcenter.store import Writer
from tests.app.harness import arrives, channels, hangs_up
from tests.asterisk.fake_asterisk import Facts, FakeAsterisk, event, success
from tests.core.story import settings
from tests.patience import patience
from tests.store.stories import eventually
from tests.wall import Wall

A, B = ServerId("a"), ServerId("b")


class _Writer:
    """A register that nobody reads."""

    def put(self, fact: object) -> None:
        pass


class TwoLinks:
    """As much of a controller as has to do with two servers."""

    def __init__(self, folder: Path, asterisks: dict[ServerId, FakeAsterisk]) -> None:
        self.asterisks = asterisks
        self.now = asyncio.get_running_loop().time
        self.center = CallCenter(settings(servers=(A, B), phones=frozenset({"phone-101"})))
        self._tasks: set[asyncio.Task[None]] = set()
        self.happened: list[tuple[Event, float | None]] = []
        """Which events came, and when they are said to have happened."""
        listener = Listener(
            self.take, lambda attempt: None, lambda code: None, self.center.calls, self.center.is_call, self._once
        )
        self.links = {name: self._link(name, folder / name, listener) for name in (A, B)}
        self.timers = Timers(lambda timer: self.take(TimerFired(timer)))
        self.performer = Performer(
            self.links,
            self.center.server_of,
            cast(Writer, _Writer()),
            self.timers,
            lambda wanted: None,
            lambda wanted: None,
            lambda reply: False,
            lambda defect: None,
            lambda person: None,
        )

    def _link(self, name: ServerId, folder: Path, listener: Listener) -> Link:
        folder.mkdir()
        asterisk, wall = self.asterisks[name], Wall()
        ami = AmiSettings("127.0.0.1", asterisk.port, "callcenter", asterisk.secret, backoff_first=60, backoff_max=60)
        translator = Translator(str, lambda _: None, lambda _: None, lambda _: False, (), folder)
        journal = Journal(folder, [], str, lambda epoch: epoch, wall)
        queues = {GroupId("operators"): ["cc-estp"]}
        about = LinkSettings(ami, ["trunk-city"], queues, asterisk.dialplan, server=name, systemname=name)
        return Link(about, translator, journal, wall, listener)

    def take(self, event: Event, at: float | None = None) -> bool:
        self.happened.append((event, at))
        self.performer.perform(self.center.handle(event, self.now()))
        return True

    def _once(self, work: Coroutine[Any, Any, None], name: str, failed: Callable[[Exception], None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[TwoLinks]:
        tasks = [asyncio.create_task(link.run()) for link in self.links.values()]
        try:
            self.take(HoursChanged("estp", True))
            for link in self.links.values():
                async with patience(10):
                    await link.connected.wait()
            yield self
        finally:
            for task in (*tasks, *self._tasks):
                task.cancel()
            await asyncio.gather(*tasks, *self._tasks, return_exceptions=True)
            self.timers.stop()

    def says(self, server: ServerId, text: str) -> None:
        """Asterisk says it, with its name before the ids of its channels."""
        self.asterisks[server].say(text.replace("Uniqueid: ", f"Uniqueid: {server}-"))

    async def told(self, server: ServerId, action: str, channel: str) -> None:
        """It has been told so of that channel."""
        asterisk = self.asterisks[server]
        await asterisk.facts.until(lambda: channel in [one.get("Channel") for one in asterisk.actions(action)])


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[TwoLinks]:
    async with AsyncExitStack() as stack:
        asterisks = {}
        for name in (A, B):
            asterisk = await stack.enter_async_context(FakeAsterisk(Facts()).serving())
            asterisk.answers["Status"] = channels()
            asterisk.answers["CoreStatus"] = lambda action: success(action, CoreStartupDate="2026-11-22")
            asterisks[name] = asterisk
        yield await stack.enter_async_context(TwoLinks(tmp_path, asterisks).running())


async def test_each_is_told_of_its_own_calls_alone(line: TwoLinks) -> None:
    for server in (A, B):
        line.says(server, arrives("1.1"))
        await line.told(server, "Redirect", f"{server}-1.1")
    for server, asterisk in line.asterisks.items():
        assert {action["Channel"] for action in asterisk.actions("Redirect")} == {f"{server}-1.1"}


async def test_what_waited_is_dated_by_the_clock_of_its_own_asterisk(line: TwoLinks) -> None:
    """The clocks of the two are a day apart."""
    began = line.now()
    for server, clock in ((A, 1.8e9), (B, 1.8e9 + 86_400)):
        for call, waited in (("1.1", 0.0), ("1.2", 1.2)):
            line.says(server, arrives(call, stamp=f"{clock + line.now() - waited:.6f}"))
            await line.told(server, "Redirect", f"{server}-{call}")
    arrived = {one.call: at for one, at in line.happened if isinstance(one, CallArrived)}
    for server in (A, B):
        prompt, late = arrived[f"{server}-1.1"], arrived[f"{server}-1.2"]
        assert prompt is not None
        assert late is not None
        assert began <= prompt <= line.now()
        assert prompt - 1.3 < late < line.now() - 1.1


async def test_an_operators_leg_is_asked_for_where_the_caller_is(line: TwoLinks) -> None:
    line.take(LogIn("101", True))
    line.says(B, arrives("1.1"))
    await line.told(B, "Redirect", "b-1.1")
    for told in ("CCGreeted", "CCInn", "CCUrgency"):
        line.says(B, event("UserEvent", UserEvent=told, Uniqueid="1.1", Status="SKIPPED", Digit="2"))
    originate = await line.asterisks[B].action("Originate")
    assert originate["ChannelId"] == "offer-b-0-0000001"
    assert not line.asterisks[A].actions("Originate")


async def test_both_own_queues_have_the_same_members(line: TwoLinks) -> None:
    line.take(LogIn("101", True))
    for asterisk in line.asterisks.values():
        assert (await asterisk.action("QueueAdd"))["Interface"] == "PJSIP/phone-101"


async def test_nobody_speaks_for_the_calls_of_another_server(line: TwoLinks) -> None:
    line.says(A, arrives("1.1"))
    await line.told(A, "Redirect", "a-1.1")
    line.asterisks[B].say(hangs_up("a-1.1"))
    line.says(B, arrives("1.2"))
    await line.told(B, "Redirect", "b-1.2")
    assert line.center.calls(A) == ["a-1.1"]
    assert line.links[B].refused()["channel id"] == 1


async def test_one_that_is_lost_is_lost_alone(line: TwoLinks) -> None:
    line.says(A, arrives("1.1"))
    await line.told(A, "Redirect", "a-1.1")
    line.asterisks[A].hang_up()
    await eventually(lambda: line.center.view(line.now()).servers == {A: False, B: True})
    line.says(B, arrives("1.1"))
    await line.told(B, "Redirect", "b-1.1")
    assert (line.center.calls(A), line.center.calls(B)) == (["a-1.1"], ["b-1.1"])
