"""A real Asterisk with our settings and no controller: a test may play one, by AMI, as far as the story needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import yaml

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.asterisk import process, translate
from callcenter.asterisk.ami import Ami, AmiSettings
from callcenter.asterisk.journal import Journal, Position
from callcenter.asterisk.render import Folders, render
from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.core import commands, events
from callcenter.core.call_history import CallHistory
from callcenter.core.commands import OfferKind, Place
from callcenter.core.ids import CallId, ChannelName, OfferId, PersonId, PhoneName
from callcenter.customers.directory import normalise
from callcenter.requests.inn import valid_inn
from tests.e2e.listening import OPERATOR, hears, voice
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import PROJECT, Station, configuration, every_day, until
from tests.patience import patience


class Unattended:
    """What a test needs of it. Times of histories are of the epoch."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.secrets = Secrets.load_or_create(config.var, config)
        self.line = Station(config, cast(Controller, None), self.secrets)
        self.program = process.find(PROJECT)
        run, self._temporary = process.run_folder(config.var)
        self.folders = Folders.under(config.var, run)
        self.told: list[Mapping[str, str]] = []
        """What Asterisk said, in its order."""
        self.translator = translate.Translator(normalise, lambda _: None, lambda _: None, valid_inn, (), config.prompts)
        self.ami: Ami
        self._heart: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[process.Process]:
        """Asterisk, with us at its manager, until the block is left."""
        async with process.running(self.program, self.folders.etc) as child:
            booted = asyncio.Event()
            asterisk = self.config.asterisk
            address = asterisk.ami_bind, asterisk.ami_port
            settings = AmiSettings(*address, "callcenter", self.secrets.ami, backoff_max=0.2)
            self.ami = Ami(settings, self.told.append, lambda connected, why: booted.set() if connected else None)
            connection = asyncio.create_task(self.ami.run())
            try:
                async with patience(20):
                    await booted.wait()
                yield child
            finally:
                self.stop_heartbeat()
                connection.cancel()
                await asyncio.gather(connection, return_exceptions=True)

    async def close(self) -> None:
        await self.line.close()
        if self._temporary:
            process.remove(self.folders.run)

    # -- the controller's part ---------------------------------------------------------------------------------

    async def beat(self) -> None:
        """From now on there is a controller."""
        await self.ami.send(translate.heartbeat(int(wall_clock().timestamp())))

        async def heart() -> None:
            while True:
                await asyncio.sleep(1.0)
                self.ami.send(translate.heartbeat(int(wall_clock().timestamp())))

        self._heart = asyncio.create_task(heart())

    def stop_heartbeat(self) -> None:
        """The controller dies."""
        if self._heart:
            self._heart.cancel()
        self._heart = None

    async def do(self, command: commands.Command) -> None:
        """What the core would have wanted."""
        for action in self.translator.actions(command):
            await self.ami.send(action)

    async def on_shift(self, phone: str, paused: bool = False) -> Softphone:
        """The queue member of somebody who is on shift; returns their phone."""
        for action in self.translator.sync_queue_member(
            commands.SyncQueueMember(PersonId(phone), "operators", PhoneName(phone), True, paused), ["cc-estp"]
        ):
            await self.ami.send(action)
        return await self.line.phone(phone)

    async def arrives(self, number: str) -> str:
        """The call of whoever dialled from this number, as soon as Asterisk asks what to do with it."""

        def found() -> list[str]:
            return [one["Uniqueid"] for one in self.said("CCArrived") if unquote(one["Number"]) == number]

        return cast(list[str], await until(found, what=f"{number} arrives"))[0]

    async def waits(self, number: str, queue_priority: float = 0.0) -> tuple[Call, str]:
        """Somebody dials, is greeted and sent to the waiting room."""
        caller = await self.line.caller(number)
        call = await self.arrives(number)
        await self.do(commands.Redirect(CallId(call), Place.GREETING))
        await until(lambda: self.said("CCGreeted", call), what=f"{number} is greeted")
        await self.do(commands.Redirect(CallId(call), Place.WAITING, queue_priority=queue_priority))
        await until(lambda: self.dialplan_step(call) == "waiting", what=f"{number} waits")
        return caller, call

    def said(self, event: str, channel: str = "") -> list[Mapping[str, str]]:
        """What the dialplan has told of one channel, or of all."""
        told = [message for message in self.told if message.get("UserEvent") == event]
        return [message for message in told if channel in ("", message["Uniqueid"])]

    # -- facts -------------------------------------------------------------------------------------------------

    def journal(self, position: Position | None = None) -> Journal:
        """As a controller would open it."""
        return Journal(self.folders.journal, self.config.phones, normalise, lambda epoch: epoch, wall_clock, position)

    def dialplan_step(self, caller: str) -> str:
        """Where a caller, named by call or number, is by the journal; '' where there is none."""
        found = [one for one in self.journal().read() if caller in (one.call, one.number)]
        return found[-1].dialplan_steps[-1][1] if found else ""

    async def ended(self, calls: int) -> list[CallHistory]:
        """The journal, when so many calls are over."""

        def over() -> list[CallHistory]:
            histories = self.journal().read()
            return histories if sum(one.ended_at is not None for one in histories) == calls else []

        return cast(list[CallHistory], await until(over, 15.0, f"{calls} calls are over"))

    async def channels(self) -> list[events.ChannelSeen]:
        """What Asterisk has open."""
        found = await self.ami.collect(translate.SNAPSHOT, 5.0)
        return [translate.channel_seen(message, normalise) for message in found]


@asynccontextmanager
async def unattended(folder: Path, prompts: Path, **changes: Any) -> AsyncIterator[Unattended]:
    """An Asterisk that is not started yet (`running`), open every day; `changes` go over the configuration."""
    data = configuration(prompts=str(prompts), dialplan=every_day(folder), **changes)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    here = Unattended(Config.load(path))
    render(here.config, here.secrets, here.program.installation, here.folders)
    try:
        yield here
    finally:
        await here.close()


@asynccontextmanager
async def started(folder: Path, prompts: Path, **changes: Any) -> AsyncIterator[Unattended]:
    """The same, started."""
    async with unattended(folder, prompts, **changes) as here, here.running():
        yield here


def ring(call: str, channel: str, offer: str = "offer-1", phone: str = "101") -> commands.Ring:
    """An offer as the core would want it."""
    return commands.Ring(
        OfferId(offer),
        OfferKind.QUEUE,
        PhoneName(phone),
        CallId(call),
        ChannelName(channel),
        "+73420000000",
        "",
        20.0,
    )


async def quiet(here: Unattended) -> None:
    """Nothing remains in Asterisk: no channel, nobody in its queue."""
    async with patience(10):
        while await here.channels():
            pass
        entries = await here.ami.collect({"Action": "QueueStatus", "Queue": "cc-estp"}, 5.0)
    assert [entry for entry in entries if entry["Event"] == "QueueEntry"] == []


async def talks(here: Unattended, number: str, phone: Softphone, offer: str = "offer-1") -> tuple[Call, str, Call]:
    """A caller in conversation with an operator, whose controller has not said yet what comes after it."""
    caller, call = await here.waits(number)
    channel = next(seen.channel for seen in await here.channels() if seen.channel_id == call)
    await here.do(ring(call, channel, offer, phone.user))
    leg = await phone.rings()
    leg.say(voice(OPERATOR))
    leg.answer()
    await hears(caller, OPERATOR)
    return caller, call, leg


async def dialplan_steps(here: Unattended) -> list[str]:
    """Where the only caller has been, the call being over."""
    await quiet(here)
    [history] = await here.ended(1)
    return [dialplan_step for _, dialplan_step in history.dialplan_steps]
