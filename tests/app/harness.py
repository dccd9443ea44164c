"""A controller with a real register and page, and the Asterisk it talks to, which says what a test wants it to."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.config import Config
from callcenter.store import Register
from tests.asterisk.fake_asterisk import LIMIT, FakeAsterisk, event, success
from tests.e2e.station import free_port
from tests.patience import patience
from tests.store.stories import stored
from tests.wall import MONDAY_NOON, Wall


def configuration(ami_port: int, http_port: int) -> str:
    """A line that is open all day, on Sunday, too."""
    sunday = MONDAY_NOON.date() - timedelta(days=1)
    return f"""
lines:
  estp:
    numbers: ["+7 342 292-19-60"]
    hours: {{opens: 00:00, closes: 24:00, extra_workdays: [{sunday}]}}
    ivr: {{ask_inn: false, urgency: {{}}}}
people: {{101: {{name: Анна}}}}
phones: {{101: }}
trunks: {{city: {{networks: [127.0.1.0/24]}}}}
http: {{port: {http_port}}}
asterisk: {{start: false, ami_port: {ami_port}, sip_port: 1, rtp_first: 20000, rtp_last: 29999}}
"""


def channels(*seen: dict[str, str]) -> Callable[[dict[str, str]], str]:
    """The answer to `Status`: these channels."""

    def answer(action: dict[str, str]) -> str:
        id = action["ActionID"]
        items = [event("Status", ActionID=id, **channel) for channel in seen]
        return "".join([success(action, EventList="start"), *items, event("StatusComplete", ActionID=id)])

    return answer


def channel(call: str) -> str:
    """The name that Asterisk gives to the channel of a call over the trunk."""
    return f"PJSIP/trunk-city-{int(call.replace('.', '')):08x}"


def arrives(call: str, number: str = "89025550101", stamp: str = "") -> str:
    """`stamp`: when, by Asterisk's clock."""
    headers = {"Uniqueid": call, "Channel": channel(call), "Line": "estp", "Number": number, "Name": ""}
    headers |= {"Timestamp": stamp} if stamp else {}
    return event("UserEvent", UserEvent="CCArrived", **headers)


def hangs_up(call: str) -> str:
    return event("Hangup", Uniqueid=call, Cause="16")


class Harness:
    """A controller, the Asterisk it talks to, the folder that both live in, and the clock on the wall."""

    def __init__(self, folder: Path, asterisk: FakeAsterisk) -> None:
        self.asterisk = asterisk
        self.wall = Wall()
        (folder / "config.yaml").write_text(
            configuration(asterisk.port, free_port(socket.SOCK_STREAM)), encoding="utf-8"
        )
        self.config = Config.load(folder / "config.yaml")
        self.secrets = Secrets.load_or_create(self.config.var, self.config)
        asterisk.secret = self.secrets.ami

    @asynccontextmanager
    async def controller(self) -> AsyncIterator[Controller]:
        """One that is made but not started."""
        register = await Register.open(self.config.database)
        try:
            yield Controller(self.config, self.secrets, register, self.wall)
        finally:
            await register.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Controller]:
        async with self.controller() as controller:
            try:
                await controller.start()
                yield controller
            finally:
                await controller.stop()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Controller]:
        async with self.running() as controller:
            await connection(controller)
            yield controller

    async def sent_to(self, call: str) -> str:
        """Where in the dialplan the call was sent, as soon as it was."""

        def found() -> list[str]:
            return [action["Context"] for action in self.asterisk.actions("Redirect") if action["Channel"] == call]

        await self.asterisk.facts.until(lambda: bool(found()))
        return found()[0]

    def told(self) -> list[str]:
        """What phones were told."""
        setting = [action for action in self.asterisk.actions("Setvar") if action["Variable"] == "CC_TELL"]
        return [Path(action["Value"]).name for action in setting]

    def stored(self, query: str) -> list[tuple[Any, ...]]:
        return stored(self.config.database, query)


async def connection(controller: Controller) -> None:
    async with patience(LIMIT):
        await controller.link.connected.wait()


def lines_in_use(controller: Controller) -> int:
    return controller.view().lines["estp"].lines_in_use
