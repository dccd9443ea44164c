"""Whoever opens connections to the page, or asks it without end, stops neither the page nor the calls."""

from __future__ import annotations

import asyncio
import itertools
import logging
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callcenter.app.controller import Controller
from callcenter.asterisk import link
from callcenter.config import Config
from callcenter.web import door
from tests.app.harness import Harness, arrives, connection
from tests.asterisk.fake_asterisk import LIMIT
from tests.attack.web import STRANGER, answer, asked, written
from tests.e2e.station import free_port
from tests.store.stories import eventually

IDLE = """
import resource, socket, sys
many, port, address = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 65536, hard))
kept = []
for _ in range(many):
    one = socket.socket()
    one.bind((address, 0))
    one.settimeout(2)
    try:
        one.connect(("127.0.0.1", port))
    except OSError:
        pass
    kept.append(one)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """This process may have only so many files open, and the controller does not ask for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (700, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def idle_connections(many: int, port: int, address: str) -> AsyncIterator[None]:
    """So many connections that nobody says anything on, for the time of the block."""
    pipe = asyncio.subprocess.PIPE
    attacker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IDLE, str(many), str(port), address, stdin=pipe, stdout=pipe
    )
    assert attacker.stdin and attacker.stdout  # noqa: PT018 - for mypy
    try:
        assert await asyncio.wait_for(attacker.stdout.readline(), 60) == b"open\n"
        yield
    finally:
        attacker.stdin.close()
        await attacker.wait()


@pytest.mark.parametrize("address", [STRANGER, "127.0.0.1"], ids=["from elsewhere", "from the same address"])
async def test_1100_idle_connections_stop_neither_the_page_nor_the_calls(
    harness: Harness, few_descriptors: None, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    port = harness.config.http.port
    async with harness.connected() as controller, idle_connections(1100, port, address):
        for _ in range(10):
            assert (await asyncio.wait_for(asked(port, "GET", "/"), LIMIT)).status == 200
        await reconnects(harness, controller)
        harness.asterisk.say(arrives("1.1"))
        assert await harness.sent_to("1.1") == "cc-greeting"
    assert len(caplog.text) < 10_000
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def reconnects(harness: Harness, controller: Controller) -> None:
    """Asterisk's manager drops the connection, and the controller finds a descriptor for another one."""
    before = harness.asterisk.logins
    harness.asterisk.hang_up()
    await harness.asterisk.facts.until(lambda: harness.asterisk.logins > before)
    await eventually(lambda: controller.link.ami.connected and controller.link.connected.is_set())


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/", "/api/me", "/static/desk.css"])
async def test_many_requests_in_one_packet_let_everything_else_happen_in_between(harness: Harness, path: str) -> None:
    """Between the first answer and the last, the loop does other things after every single request."""
    turns = 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    port, many = harness.config.http.port, 250
    async with harness.connected():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(written("GET", path) * many)
        await answer(reader)
        working = asyncio.create_task(other_work())
        for _ in range(many - 1):
            await answer(reader)
        working.cancel()
        writer.close()
    assert turns >= many - 10


async def test_the_metrics_are_computed_now_and_then_however_often_somebody_asks(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, many, computed = harness.config.http.port, 200, 0
    async with harness.connected() as controller:
        generate = controller.metrics._registry.collect

        def counted() -> object:
            nonlocal computed
            computed += 1
            return generate()

        monkeypatch.setattr(controller.metrics._registry, "collect", counted)
        answers = [await asked(port, "GET", "/metrics") for _ in range(many)]
        assert {one.status for one in answers} == {200}
    assert computed < many / 2


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
async def test_250_requests_in_one_packet_do_not_age_the_heartbeat(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Asterisk takes the line over if it hears nothing for three seconds; here each answer takes 20 ms to make."""

    def slowly(answer: Callable[[], object]) -> Callable[[], object]:
        def slow() -> object:
            until = time.perf_counter() + 0.02
            while time.perf_counter() < until:
                pass
            return answer()

        return slow

    monkeypatch.setattr(link, "HEARTBEAT", 0.02)
    beats: list[float] = []
    async with harness.running() as controller:
        monkeypatch.setattr(controller.metrics._registry, "collect", slowly(controller.metrics._registry.collect))
        monkeypatch.setattr(controller.people, "healthy", slowly(controller.people.healthy))
        beat = controller.link.beat

        def noted() -> None:
            beats.append(time.perf_counter())
            beat()

        monkeypatch.setattr(controller.link, "beat", noted)
        await connection(controller)
        reader, writer = await asyncio.open_connection("127.0.0.1", harness.config.http.port)
        beats.append(time.perf_counter())
        writer.write(written("GET", path) * 250)
        for _ in range(250):
            await answer(reader)
        beats.append(time.perf_counter())
        writer.close()
    assert max(later - earlier for earlier, later in itertools.pairwise(beats)) < 1.0


async def test_with_a_port_of_their_own_the_metrics_are_served_there_alone(harness: Harness, tmp_path: Path) -> None:
    page, own = harness.config.http.port, free_port(socket.SOCK_STREAM)
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace(f"http: {{port: {page}}}", f"http: {{port: {page}, metrics_port: {own}}}"))
    harness.config = Config.load(path)
    async with harness.connected():
        for asked_for, there in (("/metrics", 200), ("/healthz", 503), ("/", 404), ("/api/me", 404)):
            assert (await asked(own, "GET", asked_for)).status == there
        assert (await asked(page, "GET", "/metrics")).status == 404
        assert (await asked(page, "GET", "/")).status == 200


async def test_requests_that_make_no_sense_do_not_fill_the_log(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    async with harness.connected():
        for _ in range(200):
            reader, writer = await asyncio.open_connection("127.0.0.1", harness.config.http.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n")
            assert b" 400 " in await reader.read(200)
            writer.close()
    assert len(caplog.text) < 10_000


async def test_a_request_that_never_ends_does_not_keep_its_connection(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "HEADERS_WITHIN", 0.3)
    async with harness.connected():
        reader, writer = await asyncio.open_connection("127.0.0.1", harness.config.http.port)

        async def drip() -> None:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
            while True:
                writer.write(b"X-More: x\r\n")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        try:
            assert await asyncio.wait_for(reader.read(), 10) == b""
        except ConnectionResetError:
            pass
        finally:
            dripping.cancel()
            writer.close()
