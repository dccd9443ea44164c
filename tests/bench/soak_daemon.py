"""Does the daemon grow with the calls it has served? The whole controller, and a pretended Asterisk.

Everything of the live daemon but Asterisk and recordings: manager interface over loopback, core, register (SQLite),
metrics (scraped now and then, as Prometheus does), page. `python -m tests.bench soak --daemon`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import tracemalloc
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.core import floor
from callcenter.core.events import ChannelHungUp, Event, LogIn
from callcenter.store import Register
from tests.bench.pretended_asterisk import GO_ON
from tests.bench.usage import resident
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT, configuration

AT_ONCE = 20
PEOPLE = 20
PATIENCE = 60.0
"""Seconds without a finished call, after which something is broken."""
WARM = 0.3
"""The share of the calls after which what is there is taken for the beginning."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon's memory after so many calls; bytes."""

    calls: int
    resident: int
    traced: int
    """Allocated by Python, 0 where it was not traced."""
    objects: int
    """That the garbage collector watches."""
    blocks: int
    """Of memory, whatever is in them."""


@dataclass(slots=True)
class Soaked:
    """What a run has shown."""

    samples: list[Sample] = field(default_factory=list)
    grown: list[str] = field(default_factory=list)
    """Lines of the program that hold more at the end than after the first samples: where to look."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Kinds of objects of which there are more, and how many."""


class _Counting(Controller):
    """Counts the callers who have been through."""

    calls = 0

    def take(self, event: Event, at: float | None = None) -> bool:
        taken_in = super().take(event, at)
        if isinstance(event, ChannelHungUp) and not event.channel_id.startswith("offer-"):
            self.calls += 1
        return taken_in


async def soak_daemon(
    folder: Path, calls: int, every: int, trace: int, tell: Callable[[Sample], None], remembers: float | None = None
) -> Soaked:
    """Serve `calls` calls; a sample every so many. `trace`: frames that tracemalloc keeps, 0: it stays off.

    `remembers`: seconds for which all is remembered that a line remembers by time. At 200 calls a second an hour's
    worth is that of a year: without this a short run shows only how the windows fill.
    """
    warm = round(WARM * calls)
    command = (sys.executable, "-m", "tests.bench.pretended_asterisk", str(calls), str(AT_ONCE), str(warm))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=PROJECT)
    assert process.stdout is not None
    config = _configured(folder, int(await process.stdout.readline()))
    logging.getLogger("callcenter").setLevel(logging.CRITICAL)  # every call lacks its recording
    register = await Register.open(config.database)
    controller = _Counting(config, Secrets.load_or_create(config.var, config), register, wall_clock)
    if trace:
        tracemalloc.start(trace)
    remembered = floor.REMEMBERED
    try:
        if remembers is not None:
            _shorten_windows(controller, remembers)
        await controller.start()
        for person in config.call_takers:
            controller.take(LogIn(person, True))
        return await _watch(controller, warm, calls, every, tell)
    finally:
        floor.REMEMBERED = remembered  # others may run in this process after us
        await controller.stop()
        await register.close()
        tracemalloc.stop()
        logging.getLogger("callcenter").setLevel(logging.NOTSET)
        await process.wait()


async def _watch(controller: _Counting, warm: int, calls: int, every: int, tell: Callable[[Sample], None]) -> Soaked:
    """What is there after the first calls and after all of them, both times with nothing of any call under way."""
    result = Soaked()

    def note(sample: Sample) -> None:
        result.samples.append(sample)
        tell(sample)

    await _serve(controller, warm, every, note)
    await _come_to_rest(controller)
    kinds, before = _kinds(), _traced()
    controller.link.ami.send(GO_ON)
    await _serve(controller, calls, every, note)
    await _come_to_rest(controller)
    after = _traced()
    if before and after:
        for one in after.compare_to(before, "traceback")[:30]:
            result.grown.append("\n".join([str(one), *one.traceback.format()]))
    result.kinds = dict((_kinds() - kinds).most_common(25))
    return result


async def _serve(controller: _Counting, until: int, every: int, note: Callable[[Sample], None]) -> None:
    """Let callers through until there have been so many."""
    done, silence = controller.calls, 0.0
    while done < until:
        await asyncio.sleep(0.25)
        now = controller.calls
        silence = 0.0 if now > done else silence + 0.25
        if silence > PATIENCE:
            raise BrokenMeasurementError(f"only {done} of {until} calls went through in {PATIENCE:g} s")
        if now // every > done // every:
            controller.metrics.text()
            gc.collect()
            traced = tracemalloc.get_traced_memory()[0]
            note(Sample(now, resident(), traced, len(gc.get_objects()), sys.getallocatedblocks()))
        done = now


async def _come_to_rest(controller: _Counting) -> None:
    """Recordings are looked for long after their calls, hundreds at a time at this pace; then the register has all."""
    recordings = [task for task in controller.tasks._tasks if task.get_name() == "recording"]
    if recordings and (await asyncio.wait(recordings, timeout=PATIENCE))[1]:
        raise BrokenMeasurementError(f"recordings were still looked for after {PATIENCE:g} s")
    if not await controller._writer.drain(PATIENCE):
        raise BrokenMeasurementError(f"the register had not everything after {PATIENCE:g} s")
    _forget_statements(controller._register)


def _forget_statements(register: Register) -> None:
    """SQLAlchemy remembers a limited number of them, compiled; which come, and when, is also a matter of the clock."""
    register.engine.sync_engine.clear_compiled_cache()
    register._writing._engine.clear_compiled_cache()


def _configured(folder: Path, port: int) -> Config:
    ids = [f"{100 + number}" for number in range(PEOPLE)]
    data = configuration(
        ivr={"ask_inn": "false"},
        prompts=str(PROJECT / "ivr_prompts"),
        dialplan=str(PROJECT / "dialplan"),
        people={id: {"name": id, "group": "operators", "phone": id} for id in ids},
        timings={"false_answer": 0},
    )
    data["phones"] = dict.fromkeys(ids)
    data["asterisk"] |= {"start": "false", "ami_port": port}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    return Config.load(path)


def _shorten_windows(controller: Controller, seconds: float) -> None:
    floor.REMEMBERED = seconds
    for line in controller._center._floor.lines.values():
        for window in line.waits._windows.values():
            window._span = seconds
        for pace in line.arrivals.values():
            pace._span = seconds
        line.ledger._rules = replace(line.ledger._rules, trusted_over=seconds)


def _kinds() -> Counter[str]:
    gc.collect()
    return Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())


def _traced() -> tracemalloc.Snapshot | None:
    return tracemalloc.take_snapshot() if tracemalloc.is_tracing() else None
