"""The whole scene: Asterisk, controller, the wire between them, small disks, the database, and the people."""

from __future__ import annotations

import asyncio
import copy
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from callcenter.accounts.secrets import Secrets
from callcenter.asterisk.render import Folders
from callcenter.config import Config
from tests.bench.verdict import BrokenMeasurementError
from tests.chaos.call_backs import Customers
from tests.chaos.people import Crowds, Pages
from tests.chaos.plan import ASKED_BEFORE, ASKED_WAITING, DIALLED, KEEPS_PLACE, Plan
from tests.chaos.processes import Asterisk, Daemon, asterisk, daemon
from tests.chaos.volume import Volume
from tests.chaos.wire import Wire
from tests.chaos.witness import Keepers, Witnesses
from tests.e2e.hearing import brief_prompts
from tests.e2e.station import PROJECT, configuration

BACK_WITHIN = 60.0
_LOOK = 0.05
_CAPACITY = 200
_WITNESSES, _KEEPERS = 2, 4
_CALLS_BACK = {
    "outgoing": {"ranges": ["+7 342"], "trunk": "city", "ring": "5"},
    "requests": {"call_backs": {"voicemail": "1", "after_busy": "0", "after_no_answer": "0"}},
    "subjects": {},
}
"""Quick to call again, so that a short run sees every try."""
_MIN_FREE = 4
"""Megabytes: as much as is said in a few seconds of a full line."""
_MEGABYTES_PER_SECOND = 0.4
"""Of recordings, with eight operators who talk all the time."""


@dataclass(slots=True)
class Scene:
    """What faults are done to, and what is asked afterwards."""

    plan: Plan
    config: Config
    folder: Path
    asterisk: Asterisk
    daemon: Daemon
    wire: Wire
    crowds: Crowds
    pages: Pages
    witnesses: Witnesses
    keepers: Keepers
    customers: Customers
    volumes: dict[str, Volume] = field(default_factory=dict)
    """By what is kept there: «recordings», «spool», «database»; empty where nothing can be mounted."""

    async def health(self) -> dict[str, str]:
        """Part by part, as /healthz says; {} without an answer."""
        url = f"http://{self.config.http.bind}:{self.config.http.port}/healthz"
        timeout = aiohttp.ClientTimeout(total=2.0)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
                found: dict[str, str] = (await answer.json())["components"]
                return found
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return {}

    async def has_the_line(self) -> bool:
        """Whether a controller sees Asterisk's calls now."""
        return (await self.health()).get("asterisk") == "ok"

    async def until_back(self, within: float = BACK_WITHIN) -> float | None:
        """Wait until the controller has the line; POSIX seconds, or None when it has not in time."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if await self.has_the_line():
                return time.time()
            await asyncio.sleep(_LOOK)
        return None

    async def gauge(self, name: str) -> float | None:
        """The sum of one of the controller's metrics; None without an answer."""
        url = f"http://{self.config.http.bind}:{self.config.http.port}/metrics"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        return sum(float(row.rsplit(" ", 1)[1]) for row in text.splitlines() if row.split("{")[0].split(" ")[0] == name)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the register, read by another program."""
        with closing(sqlite3.connect(self.config.database, timeout=20.0)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql)]


@asynccontextmanager
async def scene(plan: Plan, folder: Path) -> AsyncIterator[Scene]:
    """Everything started: operators on shift, nobody calling yet."""
    config = _configured(plan, folder)
    secrets = Secrets.load_or_create(config.var, config)
    places = config.asterisk
    async with AsyncExitStack() as stack:
        volumes = _mounted(plan, config, stack)
        machine = await stack.enter_async_context(asterisk(config, secrets))
        wire = Wire((places.ami_host, places.ami_port), (places.ami_bind, places.ami_port))
        await stack.enter_async_context(wire)
        program = await stack.enter_async_context(daemon(folder / "config.yaml", folder / "controller.log"))
        crowds = Crowds(plan, config, folder / "sipp")
        stack.push_async_callback(crowds.close)
        pages = await stack.enter_async_context(Pages(plan, config).open())
        witnesses = Witnesses(config, _WITNESSES)
        keepers = Keepers(config, _KEEPERS, plan.seed)
        customers = await stack.enter_async_context(Customers(plan, config).reachable())
        found = Scene(
            plan, config, folder, machine, program, wire, crowds, pages, witnesses, keepers, customers, volumes
        )
        if await found.until_back() is None:
            log = (folder / "controller.log").read_text(errors="replace")
            raise BrokenMeasurementError(f"the line does not start: {log[-2000:]}")
        await crowds.plug_in()
        for person in plan.people:
            if not await pages.log_in(person):
                raise BrokenMeasurementError(f"{person} cannot log in")
        yield found


def _configured(plan: Plan, folder: Path) -> Config:
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"identify": "before_queue", "ask_inn": "false", "urgency": {"1": "urgent", "2": "normal"}}
    data = configuration(ivr=asked | {"keep_place": {"key": KEEPS_PLACE}}, line=_CALLS_BACK)
    second = data["lines"][ASKED_WAITING] = copy.deepcopy(data["lines"][ASKED_BEFORE])
    second["ivr"]["identify"] = "in_queue"
    network = data["asterisk"]["sip_bind"].removesuffix("0.1")
    data["asterisk"]["ami_host"] = data["asterisk"]["sip_bind"]  # the wire's near end; Asterisk is at ami_bind
    data["people"] = {id: {"name": f"Operator {id}", "group": "operators", "phone": id} for id in plan.people}
    data["phones"] = {id: {"address": f"{network}2.{place}:5060"} for place, id in enumerate(plan.people, 1)}
    data["timings"] = {"ring_timeout": str(plan.ring_timeout), "wrap_up": str(plan.wrap_up), "false_answer": "0.5"}
    data["timings"]["phone_check"] = "0"  # sipp's phones do not answer OPTIONS
    data["trunks"]["city"]["session_expires"] = "0"  # nor its callers a re-INVITE
    for line, number in DIALLED.items():
        data["lines"][line]["numbers"] = [number]
        data["lines"][line]["capacity"] = str(_CAPACITY)  # who is still hanging up must not keep others out
    data["prompts"] = str(brief_prompts(folder / "prompts"))
    data["dialplan"] = str(_every_day(folder / "dialplan"))
    data["recordings"] = {"folder": "recordings", "min_free_mb": str(_MIN_FREE), "check_after": "1"}
    data["database"] = "database/register.sqlite"
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    config = Config.load(path)
    Path(config.database).parent.mkdir(parents=True, exist_ok=True)
    return config


def _every_day(folder: Path) -> Path:
    """The dialplan, but without weekends: a run on a Sunday has a fallback queue too."""
    shutil.copytree(PROJECT / "dialplan", folder)
    path = folder / "extensions.conf.j2"
    path.write_text(path.read_text().replace("mon-fri", "*"))
    return folder


def _mounted(plan: Plan, config: Config, stack: AsyncExitStack) -> dict[str, Volume]:
    if not Volume.possible():
        return {}
    recordings = 64 + round(plan.seconds * _MEGABYTES_PER_SECOND * plan.operators / 8)
    wanted = {}
    if "disk" in plan.groups:
        wanted["recordings"] = (config.recordings.folder, recordings)
        wanted["spool"] = (Folders.under(config.var).recording, 64)
    if "db" in plan.groups:
        wanted["database"] = (Path(config.database).parent, 64)
    return {name: stack.enter_context(Volume(where, size)) for name, (where, size) in wanted.items()}
