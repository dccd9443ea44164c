"""A house whose firewall lets no audio through: the operator's page speaks by way of a TURN server, here coturn."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.browser.browser import browser
from tests.browser.cable import Cable
from tests.browser.test_page_phone import free, hears_tone
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import CALLER, OPERATOR, hears, voice
from tests.e2e.station import free_port, station, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own for the browser: only root can make one"),
    pytest.mark.skipif(not shutil.which("turnserver"), reason="coturn is not installed (Debian: coturn)"),
]


@asynccontextmanager
async def coturn(folder: Path, address: str, port: int, secret: str) -> AsyncIterator[Path]:
    """A relay at this address, which takes what was made of the secret. Yields its log."""
    log = folder / "coturn.log"
    settings = {
        "listening-ip": address,
        "relay-ip": address,
        "listening-port": port,
        "realm": "turn.example.ru",
        "static-auth-secret": secret,
        "log-file": log,
        "pidfile": folder / "coturn.pid",
        "userdb": folder / "coturn.sqlite",
    }
    file = folder / "turnserver.conf"
    words = ["use-auth-secret", "no-tls", "no-dtls", "no-cli", "simple-log", "verbose"]
    file.write_text("\n".join([*words, *(f"{name}={value}" for name, value in settings.items())]) + "\n")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec("turnserver", "-c", str(file), stdout=quiet, stderr=quiet)
    try:
        await until(lambda: log.exists() and "listener opened" in log.read_text().lower(), what="coturn listens")
        yield log
    finally:
        process.terminate()
        await process.wait()


async def test_a_page_speaks_over_a_relay_where_nothing_else_gets_through(tmp_path: Path) -> None:
    with Cable() as cable:
        port = free_port(socket.SOCK_DGRAM, "0.0.0.0")  # noqa: S104
        cable.lets_through(port)
        settings = {
            "ivr": {"ask_inn": "false", "urgency": {}},
            "prompts": str(brief_prompts(tmp_path / "prompts", 0.3)),
            "people": {"101": {"group": "operators"}, "102": {"group": "operators"}},
            "http": {"bind": "0.0.0.0", "port": free_port(socket.SOCK_STREAM, "0.0.0.0")},  # noqa: S104
        }
        turn = {"urls": [f"turn:{cable.here}:{port}?transport=udp"]}
        browsers = {"bind": "0.0.0.0", "sound_check": False, "turn": turn}  # noqa: S104
        async with (
            station(tmp_path, browsers=browsers, **settings) as line,
            coturn(tmp_path, cable.here, port, line.secrets.turn) as log,
        ):
            address = f"http://{cable.here}:{line.config.http.port}"
            flags = [f"--unsafely-treat-insecure-origin-as-secure={address}"]
            async with browser(tmp_path, OPERATOR, program=cable.program(tmp_path), flags=flags) as context:
                page = await context.new_page()
                await page.goto(address)
                initial = line.secrets.initial("101")
                assert initial
                await page.fill("[name=id]", "101")
                await page.fill("[name=password]", initial.password)
                await page.click("#login button")
                await free(page)
                caller = await line.caller("+73425556001")
                caller.media.say(voice(CALLER))
                await page.click("#answer")
                await hears(caller, OPERATOR)
                await hears_tone(page, CALLER)
                await page.click("#hangup")
                await caller.ended.wait()
                row = await line.ended(number="+73425556001")
                assert row["outcome"] == "answered"
        text = log.read_text()
        assert ":101>" in text, "it was the operator's own password"
        to_asterisk = re.search(r"peer usage: .* sp=(\d+)", text)
        assert to_asterisk
        assert int(to_asterisk[1]) > 10, "the audio went over the relay"
