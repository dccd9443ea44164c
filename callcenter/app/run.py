"""`callcenter run`: runs everything on one machine, including Asterisk, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import faulthandler
import filecmp
import gc
import logging
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.app.register import open_register
from callcenter.app.settings_in_force import at_start
from callcenter.app.web_server import StartError
from callcenter.asterisk import process
from callcenter.asterisk.render import Folders, Installation, RenderError, render
from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.system import descriptors, privacy
from callcenter.voice.line_prompts import lay_out

log = logging.getLogger(__name__)

READY_WITHIN = 30.0
STUCK_AFTER = 30.0
"""Seconds that the event loop may be blocked; then the process exits, so that it is restarted."""
PROJECT = Path(__file__).resolve().parents[2]


class BrokenError(ReadableError):
    """The controller had to stop because of a failure; the text says why."""


@asynccontextmanager
async def controller(config: Config, *, with_asterisk: bool) -> AsyncIterator[Controller]:
    """Start a controller, with its own Asterisk or with one that already runs, and stop it in order after the block.

    Raises StartError, RegisterError, SecretsError, RenderError or AsteriskError with what to do.
    """
    descriptors.raise_limit()
    await asyncio.to_thread(_make_private, config)
    secrets = Secrets.load_or_create(config.var, config)
    async with contextlib.AsyncExitStack() as stack:
        register = await open_register(config)  # first: a starting Asterisk cannot be stopped quickly
        stack.push_async_callback(register.close)
        config = await at_start(config, register, wall_clock())
        if with_asterisk:
            await stack.enter_async_context(_own_asterisk(config, secrets))
        found = Controller(config, secrets, register, wall_clock)
        stack.push_async_callback(found.stop)
        await found.start()
        if with_asterisk:
            stack.push_async_callback(found.end_calls)
        yield found


def _make_private(config: Config) -> None:
    """Take from other users of this machine what an earlier version let them read."""
    for folder in (config.var, config.recordings.folder):
        if found := privacy.tighten(folder, privacy.forbidden()):
            log.warning("%s: other users could read %d files or folders; they cannot any more.", folder, found)


@asynccontextmanager
async def _own_asterisk(config: Config, secrets: Secrets) -> AsyncIterator[None]:
    program = process.find(PROJECT)
    folders = Folders.under(config.var)
    outlived = process.left_behind(folders.etc) is not None
    _check_ports(config, asterisk_too=not outlived)
    temporary = False
    if outlived:
        _leave_settings(config, secrets, program, folders)
    else:
        run, temporary = process.run_folder(config.var)
        _render(config, secrets, program.installation, replace(folders, run=run))
    try:
        async with process.kept_running(program, folders.etc, folders.log / "messages.log"):
            await _listening(config)
            yield
    finally:
        if temporary:
            process.remove(run)


def _render(config: Config, secrets: Secrets, asterisk: Installation, folders: Folders) -> None:
    """Make the lines' folders of prompts, and Asterisk's files, which name them. Missing prompts are logged."""
    for problem in lay_out(config):
        log.warning("%s", problem)
    render(config, secrets, asterisk, folders)


def _leave_settings(config: Config, secrets: Secrets, program: process.Program, folders: Folders) -> None:
    """Keep the settings of an Asterisk that was left running; log a warning if the configuration has changed since."""
    with tempfile.TemporaryDirectory(prefix="callcenter-") as other:
        now = replace(folders, etc=Path(other))
        _render(config, secrets, program.installation, now)
        names = [file.name for file in now.etc.iterdir() if file.is_file() and file.name != "asterisk.conf"]
        _, different, missing = filecmp.cmpfiles(folders.etc, now.etc, names, shallow=False)
    if different or missing:
        log.warning(
            "Asterisk goes on with its former settings for %s: stop this program and start it again when nobody calls.",
            ", ".join(sorted(different + missing)),
        )


async def _listening(config: Config) -> None:
    """Wait until Asterisk accepts connections, so that the log does not start with a failed attempt."""
    host, port = config.asterisk.ami_bind, config.asterisk.ami_port
    deadline = asyncio.get_running_loop().time() + READY_WITHIN
    while asyncio.get_running_loop().time() < deadline:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def _check_ports(config: Config, *, asterisk_too: bool) -> None:
    """Raise StartError with the setting's name if a port is in use: Asterisk itself would start without the port."""
    asterisk, http = config.asterisk, config.http
    wanted = [("http.port", socket.SOCK_STREAM, http.bind, http.port)]
    if http.metrics_port is not None:
        wanted.append(("http.metrics_port", socket.SOCK_STREAM, http.metrics_bind, http.metrics_port))
    if asterisk_too:
        wanted += [
            ("asterisk.sip_port", socket.SOCK_DGRAM, asterisk.sip_bind, asterisk.sip_port),
            ("asterisk.ami_port", socket.SOCK_STREAM, asterisk.ami_bind, asterisk.ami_port),
        ]
        if asterisk.tcp:
            wanted.append(("asterisk.sip_port", socket.SOCK_STREAM, asterisk.sip_bind, asterisk.sip_port))
        if asterisk.tls:
            wanted.append(("asterisk.tls.port", socket.SOCK_STREAM, asterisk.sip_bind, asterisk.tls.port))
    for setting, kind, host, port in wanted:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
            try:
                probe.bind((host, port))
            except OSError as error:
                what = "is in use by another program" if error.errno == errno.EADDRINUSE else error.strerror
                raise StartError(f"{setting}: {host}:{port} {what}; choose another port in config.yaml") from None


async def until_ready(found: Controller) -> bool:
    """Wait until Asterisk is connected; return False after `READY_WITHIN` seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_WITHIN):
            await found.link.connected.wait()
            return True
    return False


async def until_stopped() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stopped.set)
    await stopped.wait()


async def _give_up_when_stuck() -> None:
    """Postpone the exit of the process again and again. A blocked event loop cannot: then the process prints the stack
    of each thread to the log and exits with 1, and systemd or the container engine starts a new one. Meanwhile callers
    are in Asterisk's own queue; with a controller that is alive but blocked they would wait for ever.
    """
    try:
        while True:
            faulthandler.dump_traceback_later(STUCK_AFTER, exit=True)
            await asyncio.sleep(1.0)
    finally:
        faulthandler.cancel_dump_traceback_later()


async def serve(
    config: Config, *, with_asterisk: bool, ready: Callable[[Controller, bool], Awaitable[None] | None]
) -> None:
    """Run until told to stop. `ready` is called when the line is ready (with False: Asterisk does not answer).

    Raises BrokenError if the controller cannot continue: systemd or the container engine then starts a new one.
    """
    stop = asyncio.create_task(until_stopped())
    alive = asyncio.create_task(_give_up_when_stuck())
    try:
        async with controller(config, with_asterisk=with_asterisk) as found:
            gc.freeze()  # a full collection of these long-lived objects takes 80 ms, in which no phone would ring
            start = asyncio.create_task(until_ready(found))
            over: list[asyncio.Future[Any]] = [stop, found.tasks.broken]
            await asyncio.wait([start, *over], return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                told = ready(found, start.result())
                if told is not None:
                    await told
            start.cancel()
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            if not stop.done():
                raise BrokenError(found.tasks.broken.result())
    finally:
        stop.cancel()
        alive.cancel()


def write_asterisk_files(config: Config, asterisk: Installation | None, to: Path | None) -> Path:
    """Render the files for an Asterisk that we do not start (a container, systemd); return their folder.

    `asterisk`: default is the one found on this machine. `to`: default is the usual folder. Raises RenderError,
    AsteriskError or SecretsError.
    """
    secrets = Secrets.load_or_create(config.var, config)
    folders = Folders.under(config.var)
    folders = replace(folders, etc=to or folders.etc)
    _render(config, secrets, asterisk or process.find(PROJECT).installation, folders)
    return folders.etc


__all__ = ["BrokenError", "RenderError", "controller", "serve", "until_ready", "until_stopped", "write_asterisk_files"]
