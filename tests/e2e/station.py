"""A whole call centre for one test: a real Asterisk, the real controller, a real database, on ports of their own."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.app.run import controller, until_ready
from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.core.ids import LineId, PersonId, PhoneName
from callcenter.core.view import OperatorView
from tests.databases import rows_of
from tests.e2e.softphone import Call, Softphone
from tests.patience import Patience

PROJECT = Path(__file__).resolve().parents[2]
NUMBER = "73422921960"
ALWAYS = {"opens": "00:00", "closes": "24:00"}


def free_port(kind: socket.SocketKind, host: str = "127.0.0.1") -> int:
    """A port that nobody has just now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def own_network() -> str:
    """A part of 127.0.0.0/8 for one station: «127.n.»; .0.1 is Asterisk, .1.x are callers, .2.x phones."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker, share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")), 234 // workers
    mine = range(16 + share * worker, 16 + share * (worker + 1))  # tests that run side by side do not meet
    start = os.getpid() % len(mine)
    for n in (*mine[start:], *mine[:start]):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((f"127.{n}.0.1", 5060))
            except OSError:
                continue
            return f"127.{n}."
    raise AssertionError("no part of 127.0.0.0/8 is free")


def configuration(**changes: Any) -> dict[str, Any]:
    """`config.yaml` as shipped, but open day and night, quick, and with phones at fixed addresses.

    `today`: of those who do not live by this machine's clock.
    """
    today = changes.pop("today", None) or wall_clock().date()
    network = own_network()
    data: dict[str, Any] = yaml.load((PROJECT / "config.yaml").read_text(), yaml.BaseLoader)  # noqa: S506
    line = data["lines"]["estp"]
    line["notice_days"] = "0"  # stories edit their line, and start again
    line["hours"] |= ALWAYS | {"extra_workdays": _days_around(today), "country": "RU"}
    data["phones"] = {name: {"address": f"{network}2.{int(name) % 250}:5060"} for name in data["phones"]}
    data["phones"] |= dict.fromkeys(changes.pop("registering", ()))  # with a password, from anywhere
    data["timings"] = {"ring_timeout": 3, "wrap_up": 0, **changes.pop("timings", {})}
    data["recordings"] = {"folder": "recordings"}
    data["http"] = {"port": free_port(socket.SOCK_STREAM)}
    data["trunks"] = {"city": {"networks": [f"{network}1.0/24"], "outgoing": f"{network}1.200:5060"}}
    data["asterisk"] = {
        "sip_bind": f"{network}0.1",
        "sip_port": 5060,
        "ami_port": free_port(socket.SOCK_STREAM),
        "rtp_first": 20000,
        "rtp_last": 29999,
    }
    if browsers := changes.pop("browsers", None):  # True: as most stories want it, without a test before the shift
        wanted = {"sound_check": False} if browsers is True else browsers
        data["asterisk"]["browsers"] = {"port": free_port(socket.SOCK_STREAM), **wanted}
    line["ivr"] |= changes.pop("ivr", {})
    line["queue"] |= changes.pop("queue", {})
    line["hours"] |= changes.pop("hours", {})
    line |= changes.pop("line", {})
    return data | changes


def _days_around(today: date) -> list[str]:
    return [(today + timedelta(days=shift)).isoformat() for shift in (-1, 0, 1)]


async def until(fact: Callable[[], Any], within: float = 10.0, what: str = "", every: float = 0.02) -> Any:
    """Wait for a fact, with a limit. Returns what made it true. `every`: seconds, more if it costs much to look."""
    limit = Patience(within)
    while not (found := fact()):
        if limit.over():
            raise AssertionError(f"not within {within} s: {what or fact}")
        await asyncio.sleep(every)
    return found


ASKED_FIRST = 3.5
"""Seconds in which Asterisk asks each phone for the first time: `max_initial_qualify_time` and `qualify_timeout`."""


class Station:
    """What a test needs of the running call centre."""

    def __init__(self, config: Config, found: Controller, secrets: Secrets) -> None:
        self.config, self.controller, self.secrets = config, found, secrets
        self.network = config.asterisk.sip_bind.removesuffix("0.1")
        self.proxy = (config.asterisk.sip_bind, config.asterisk.sip_port)
        self._phones: dict[str, Softphone] = {}
        self._browsers: dict[str, aiohttp.ClientSession] = {}
        self._began = asyncio.get_running_loop().time()

    # -- people ------------------------------------------------------------------------------------------------

    async def phone(self, name: str) -> Softphone:
        """The desk phone of that name, plugged in on first use."""
        if name not in self._phones:
            address = self.config.phones[PhoneName(name)].address
            assert address
            self._phones[name] = await Softphone(name, address.host, address.port, self.proxy).__aenter__()
        return self._phones[name]

    async def unplug(self, name: str) -> None:
        """The phone loses power. The next use plugs it in again, and it knows nothing of its calls."""
        self._phones.pop(name).loses_power()
        await asyncio.sleep(0)  # the loop closes its socket

    async def operator(self, person: str) -> Softphone:
        """Somebody logs in over the page's API; returns their phone."""
        name = self.config.people[PersonId(person)].phone
        phone = await self.phone(name)
        await until(lambda: self._asked_first(name), what=f"Asterisk has asked {name} for the first time")
        assert (await self.api(person)).status == 200
        return phone

    def _asked_first(self, name: str) -> bool:
        """Whether Asterisk knows if the phone is there. Before, the phone might seem lost a moment after the log-in."""
        center = getattr(self.controller, "_center", None)  # another process may have the controller
        phone = center._floor.phones.get(PhoneName(name)) if center else None
        known = phone is not None and phone.told_at > 0.0
        return known or asyncio.get_running_loop().time() > self._began + ASKED_FIRST

    async def api(self, person: str, path: str = "login", **body: Any) -> aiohttp.ClientResponse:
        """One request of a person's browser."""
        initial = self.secrets.initial(person)
        assert initial
        if person not in self._browsers:
            jar = aiohttp.CookieJar(unsafe=True)  # our host is an address, not a name
            address = f"http://127.0.0.1:{self.config.http.port}"
            self._browsers[person] = aiohttp.ClientSession(address, cookie_jar=jar)
        if path == "login":
            body = {"id": person, "password": initial.password, **body}
        response = await self._browsers[person].post(f"/api/{path}", json=body)
        await response.read()
        return response

    async def caller(self, number: str = "+73421234567", host: int = 10, name: str = "", dial: str = NUMBER) -> Call:
        """Somebody dials the line."""
        phone = await Softphone(number, f"{self.network}1.{host}", 0, self.proxy).__aenter__()
        self._phones[f"caller {number} {id(phone)}"] = phone
        return await phone.dial(dial, name)

    async def hang_up_all(self) -> None:
        """Every phone is put down, and forgets who called."""
        for phone in self._phones.values():
            for call in phone.calls.values():
                call.hang_up()
            phone.on_call, phone.incoming = None, asyncio.Queue()

    def see(self, person: str) -> OperatorView:
        """An operator as the page shows them."""
        return self.controller.view().operators[PersonId(person)]

    def waiting(self) -> int:
        """Callers in the queue."""
        return sum(self.controller.view().lines["estp"].waiting.values())

    def prompts(self, line: str = "estp") -> Path:
        """A folder with the prompts as the callers of a line hear them."""
        folder = self.config.var / "heard" / line
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "ru").symlink_to(self.config.prompts_of(LineId(line)))
            (folder / "music").symlink_to(self.config.prompts / "music")
        return folder

    # -- facts -------------------------------------------------------------------------------------------------

    def rows(self, sql: str = "select * from calls order by arrived_at") -> list[dict[str, Any]]:
        """Rows of the register, read by another program."""
        if not isinstance(self.config.database, Path):
            return rows_of(self.config.database, sql)
        with sqlite3.connect(self.config.database) as database:
            database.row_factory = sqlite3.Row
            found = [dict(row) for row in database.execute(sql)]
        database.close()
        return found

    async def row(self, **expected: Any) -> dict[str, Any]:
        """Wait until the register has exactly one call whose columns are as expected."""

        def fits() -> list[dict[str, Any]]:
            return [row for row in self.rows() if all(row[key] == value for key, value in expected.items())]

        try:
            await until(lambda: len(fits()) == 1, 10.0, every=0.05)
        except AssertionError:
            raise AssertionError(f"no single row with {expected} in {self.rows()}") from None
        return fits()[0]

    async def ended(self, **expected: Any) -> dict[str, Any]:
        """Like `row`, and wait until the register says all there is to say: the call is over and its file is whole."""
        row = await self.row(**expected)

        def now() -> dict[str, Any]:
            return next(found for found in self.rows() if found["call"] == row["call"])

        def over() -> bool:
            found = now()
            return bool(found["ended_at"] and (not found["talk"] or found["recording"] or found["recording_problem"]))

        await until(over, 15.0, f"the end of {row['call']} in the register", every=0.05)
        return now()

    async def close(self) -> None:
        for phone in self._phones.values():
            await phone.__aexit__()
        for browser in self._browsers.values():
            await browser.close()


@asynccontextmanager
async def station(folder: Path, **changes: Any) -> AsyncIterator[Station]:
    """Everything started; `changes` go over the configuration."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(configuration(**changes), allow_unicode=True, sort_keys=False))
    config = Config.load(path)
    async with controller(config, with_asterisk=True) as found:
        assert await until_ready(found), "Asterisk does not answer"
        here = Station(config, found, Secrets.load_or_create(config.var, config))
        try:
            yield here
        finally:
            await here.close()


def every_day(folder: Path) -> str:
    """A dialplan for which weekends are working days, so that the story is the same on all days."""
    shutil.copytree(PROJECT / "dialplan", folder / "dialplan")
    plan = folder / "dialplan" / "extensions.conf.j2"
    text = plan.read_text()
    assert "mon-fri" in text
    plan.write_text(text.replace("mon-fri", "*"))
    return str(folder / "dialplan")
