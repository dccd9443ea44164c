"""Asterisk's own queue as people set it up: the same Asterisk, the same callers and phones, and no controller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from callcenter.accounts.secrets import Secrets
from callcenter.asterisk import process
from callcenter.asterisk.render import Folders, render
from callcenter.config import Config
from tests.bench.system import Edit, configured, dialplan
from tests.bench.usage import Usage
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

FILES = sorted((Path(__file__).parent / "app_queue_dialplan").glob("*.j2"))
BARE = (
    Edit("cdr.conf.j2", "enable = yes", "enable = no"),
    Edit("logger.conf.j2", "[general]", "[general]\nqueue_log = no"),
)
"""Nothing is registered: less than anybody can do with."""
_CDR = Edit("modules.conf.j2", '"app_queue", ', '"app_queue", "cdr_csv", ')
_BOOT_WITHIN = 30.0


@dataclass(slots=True)
class AppQueue:
    """Asterisk, alone."""

    config: Config
    process: asyncio.subprocess.Process
    folders: Folders
    taps: dict[str, Any] = field(default_factory=dict)

    @property
    def network(self) -> str:
        return self.config.asterisk.sip_bind.removesuffix("0.1")

    @property
    def proxy(self) -> tuple[str, int]:
        return self.config.asterisk.sip_bind, self.config.asterisk.sip_port

    def usage(self) -> Usage:
        asterisk = psutil.Process(self.process.pid)
        return Usage.of([], [asterisk, *asterisk.children(recursive=True)])

    def registered(self) -> int:
        """Callers whose conversation or giving up stands in queue_log."""
        path = self.folders.log / "queue_log"
        rows = path.read_text(errors="replace").splitlines() if path.exists() else []
        return sum(row.split("|")[4] in ("COMPLETECALLER", "COMPLETEAGENT", "ABANDON") for row in rows)


@asynccontextmanager
async def app_queue(folder: Path, operators: int, /, **changes: Any) -> AsyncIterator[AppQueue]:
    """Asterisk with its own queue, whose members are so many phones.

    `edits`: further changes of the templates, such as BARE. Raises BrokenMeasurementError.
    """
    edits: Sequence[Edit] = changes.pop("edits", ())
    base = Path(changes.pop("dialplan", PROJECT / "dialplan"))
    laid = dialplan(folder / "dialplan-app-queue", _CDR, *edits, base=base, over=FILES)
    config = configured(folder, operators, {**changes, "dialplan": str(laid)})
    secrets = Secrets.load_or_create(config.var, config)
    program = process.find(PROJECT)
    run, temporary = process.run_folder(config.var)
    folders = Folders.under(config.var, run)
    render(config, secrets, program.installation, folders)
    (folders.log / "cdr-csv").mkdir(exist_ok=True)
    try:
        async with process.running(program, folders.etc) as child:
            await _booted(config, secrets.ami)
            yield AppQueue(config, child, folders)
    finally:
        if temporary:
            process.remove(run)


async def _booted(config: Config, secret: str) -> None:
    """Wait until Asterisk says that it is fully booted. After that nobody is logged in to its manager interface."""
    host, port = config.asterisk.ami_bind, config.asterisk.ami_port
    try:
        async with asyncio.timeout(_BOOT_WITHIN):
            while True:
                try:
                    reader, writer = await asyncio.open_connection(host, port)
                    break
                except OSError:
                    await asyncio.sleep(0.05)
            writer.write(f"Action: Login\r\nUsername: callcenter\r\nSecret: {secret}\r\n\r\n".encode())
            await reader.readuntil(b"FullyBooted")
            writer.close()
    except (TimeoutError, asyncio.IncompleteReadError):
        raise BrokenMeasurementError(f"Asterisk with its own queue does not start: {config.var}/asterisk/log") from None
