"""The watch over the certificate: a new one is taken over at once, and what is wrong is logged once a day."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from callcenter.app.certificate_watch import CertificateWatch
from callcenter.app.turn import ice_servers
from callcenter.config.sections import Certificate, Turn
from callcenter.core.ids import PersonId
from callcenter.metrics import AmiState, Metrics, RegisterState
from callcenter.system.certificate import OWN_LIFETIME, make
from callcenter.web.door import Door, Room, listen
from tests.desk.conftest import Clock
from tests.desk.fake_backend import FakeBackend
from tests.wall import MONDAY_NOON


def files_in(folder: Path) -> Certificate:
    return Certificate.model_construct(certificate=folder / "certificate.pem", key=folder / "key.pem")


async def offered(port: int) -> bytes | None:
    """The certificate that a server shows; None: no connection."""

    def ask() -> bytes | None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain) as secured,
        ):
            return secured.getpeercert(binary_form=True)
        return None

    return await asyncio.to_thread(ask)


async def test_a_new_certificate_needs_no_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = files_in(tmp_path)
    with caplog.at_level(logging.WARNING):
        watch = CertificateWatch(files, Clock())
    assert "certificate is missing" in caplog.text
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    listening = listen("127.0.0.1", 0)
    door = Door(Room(16, 16))
    protocol = cast(Callable[[], asyncio.Protocol], runner.server)
    serving = asyncio.create_task(door.serve(listening, protocol, watch.context))
    port = listening.getsockname()[1]
    try:
        assert await offered(port) is None, "without a certificate there is no connection"
        make(files.certificate, files.key, ["127.0.0.1"], MONDAY_NOON)
        watch.look()
        first = await offered(port)
        for file in (files.certificate, files.key):
            file.unlink()
        make(files.certificate, files.key, ["127.0.0.1"], MONDAY_NOON)
        watch.look()
        second = await offered(port)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        listening.close()
        await runner.cleanup()
    assert first
    assert second
    assert first != second


async def test_a_silent_handshake_keeps_nobody_waiting(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    make(files.certificate, files.key, ["127.0.0.1"], MONDAY_NOON)
    watch = CertificateWatch(files, Clock())
    runner = web.AppRunner(web.Application())
    await runner.setup()
    listening = listen("127.0.0.1", 0)
    protocol = cast(Callable[[], asyncio.Protocol], runner.server)
    serving = asyncio.create_task(Door(Room(16, 16)).serve(listening, protocol, watch.context))
    port = listening.getsockname()[1]
    _, silent = await asyncio.open_connection("127.0.0.1", port)
    try:
        assert await offered(port)
    finally:
        silent.close()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        listening.close()
        await runner.cleanup()


def test_it_says_once_a_day_what_is_wrong(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files, clock = files_in(tmp_path), Clock()
    make(files.certificate, files.key, ["127.0.0.1"], MONDAY_NOON)
    watch = CertificateWatch(files, clock)
    caplog.clear()
    clock.now += OWN_LIFETIME - timedelta(days=3)
    with caplog.at_level(logging.WARNING):
        for _ in range(1440):
            watch.look()
    assert 1 <= caplog.text.count("expires in 3 days") <= 2


def test_the_metrics_tell_of_it(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    make(files.certificate, files.key, ["127.0.0.1"], MONDAY_NOON)
    watch = CertificateWatch(files, Clock())
    metrics = Metrics(FakeBackend().view, RegisterState, AmiState, certificate=lambda: watch.judged)
    text = metrics.text().decode()
    assert 'callcenter_certificate_problem{problem="self_signed"} 1.0' in text
    assert 'callcenter_certificate_problem{problem="expired"} 0.0' in text
    assert "callcenter_certificate_ends_timestamp_seconds 1." in text


def test_turn_is_given_for_one_shift_as_coturn_checks_it() -> None:
    turn = Turn(urls=("stun:turn.example.ru", "turn:turn.example.ru:3478?transport=udp"), lifetime=3600)
    stun, relay = ice_servers(turn, "north", PersonId("101"), MONDAY_NOON)
    assert stun == {"urls": ["stun:turn.example.ru"]}
    ends, _, person = relay["username"].partition(":")
    assert (int(ends), person) == (int(MONDAY_NOON.timestamp()) + 3600, "101")
    # printf %s "$username" | openssl dgst -sha1 -hmac north -binary | base64
    digest = hmac.digest(b"north", relay["username"].encode(), "sha1")
    assert relay["credential"] == base64.b64encode(digest).decode()
    assert ice_servers(None, "north", PersonId("101"), MONDAY_NOON) == ()
