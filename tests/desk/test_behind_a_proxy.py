"""The desk behind a reverse proxy: who asks, whether over TLS, and the live connection; nginx with our own example."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, TCPConnector, WSMsgType, web
from aiohttp.test_utils import TestServer, unused_port

from callcenter.desk import make_app
from callcenter.desk.sessions import Sessions
from callcenter.system.certificate import make
from tests.desk.conftest import Clock
from tests.desk.fake_accounts import PASSWORD, FakeAccounts
from tests.desk.fake_backend import FakeBackend
from tests.wall import MONDAY_NOON

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx" / "desk.conf"
NGINX = os.environ.get("NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: the certificate is of the tests' own Monday."""
LOCAL = (ip_network("127.0.0.1"),)


@contextlib.asynccontextmanager
async def desk(accounts: FakeAccounts, *, trusted: bool = True) -> AsyncIterator[int]:
    app = make_app(
        FakeBackend(),
        titles={},
        pause_reasons=("lunch",),
        metrics_text=lambda: b"# HELP x x\n",
        accounts=accounts,
        sessions=Sessions(Clock(), version=accounts.version),
        proxies=LOCAL if trusted else (),
    )
    async with TestServer(app) as server:
        assert server.port
        yield server.port


@contextlib.asynccontextmanager
async def proxy(to: int) -> AsyncIterator[str]:
    """A small one that writes what the example writes."""

    async def passed_on(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        headers |= {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
        async with ClientSession(f"http://127.0.0.1:{to}", auto_decompress=False) as session:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await _socket(request, session, headers)
            body = await request.read()
            async with session.request(
                request.method, request.rel_url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                response = web.Response(status=answer.status, body=await answer.read())
                for name, value in answer.headers.items():
                    if name.lower() not in (*_HOP, "content-length"):
                        response.headers.add(name, value)
                return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", passed_on)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


_HOP = ("connection", "upgrade", "transfer-encoding", "keep-alive", "sec-websocket-key", "sec-websocket-version",
        "sec-websocket-extensions")  # fmt: skip


async def _socket(request: web.Request, session: ClientSession, headers: dict[str, str]) -> web.WebSocketResponse:
    near = web.WebSocketResponse()
    await near.prepare(request)
    async with session.ws_connect("/api/live", headers=headers) as far:

        async def until_closed() -> None:
            async for _ in near:
                pass
            await far.close()

        closing = asyncio.create_task(until_closed())
        async for message in far:
            await near.send_str(message.data)
        await closing
    return near


async def works(address: str, accounts: FakeAccounts, browser: ClientSession) -> str:
    """Log in and get the live state; returns the session's cookie as it was set."""
    answer = await browser.post(f"{address}/api/login", json={"id": "101", "password": PASSWORD},
                                headers={"Origin": address})  # fmt: skip
    assert answer.status == 200, await answer.text()
    cookie = next(one for one in answer.headers.getall("Set-Cookie") if one.startswith("session="))
    token = cookie.partition(";")[0]
    async with browser.ws_connect(f"{address}/api/live", headers={"Origin": address, "Cookie": token}) as socket:
        message = await socket.receive(timeout=5)
        assert message.type is WSMsgType.TEXT
        assert message.json()["me"]["id"] == "101"
    return cookie


@pytest.mark.parametrize("trusted", [True, False])
async def test_only_a_configured_proxy_is_believed(accounts: FakeAccounts, trusted: bool) -> None:
    async with desk(accounts, trusted=trusted) as port, proxy(port) as address, _browser() as browser:
        cookie = await works(address, accounts, browser)
    assert ("Secure" in cookie) is trusted, "over TLS as the proxy says, if it is ours"
    assert accounts.origins[0][0] == ("198.51.100.7" if trusted else "127.0.0.1")


async def test_what_a_browser_writes_itself_is_not_believed(accounts: FakeAccounts) -> None:
    async with desk(accounts, trusted=False) as port, _browser() as browser:
        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        body = {"id": "101", "password": PASSWORD}
        answer = await browser.post(f"http://127.0.0.1:{port}/api/login", json=body, headers=headers)
        assert "Secure" not in answer.headers["Set-Cookie"]
    assert accounts.origins[0][0] == "127.0.0.1"


@pytest.mark.skipif(not NGINX, reason="nginx is not installed here; the same is tested with a proxy of our own")
async def test_nginx_with_our_example(accounts: FakeAccounts, tmp_path: Path) -> None:
    async with desk(accounts) as port, nginx(tmp_path, port) as address:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem"))
        trusting.verify_flags |= NO_CHECK_TIME
        async with ClientSession(cookie_jar=CookieJar(unsafe=True), connector=TCPConnector(ssl=trusting)) as browser:
            forged = {"X-Forwarded-For": "203.0.113.9"}
            browser.headers.update(forged)
            cookie = await works(address, accounts, browser)
            assert (await browser.get(f"{address}/metrics")).status == 404
    assert "Secure" in cookie
    assert accounts.origins[0][0] == "127.0.0.1", "the browser's real address, not what it wrote itself"


@contextlib.asynccontextmanager
async def nginx(folder: Path, desk_port: int) -> AsyncIterator[str]:
    """The example as it stands, but for ports, files and the name of the host."""
    assert NGINX
    port = unused_port()
    make(folder / "fullchain.pem", folder / "key.pem", ["127.0.0.1"], MONDAY_NOON)
    example = EXAMPLE.read_text()
    for given, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("server_name desk.example.ru", "server_name 127.0.0.1"),
        ("/etc/ssl/desk", str(folder)),
        ("http://127.0.0.1:8080", f"http://127.0.0.1:{desk_port}"),
    ):
        assert given in example
        example = example.replace(given, here)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off;\n{temporary}{example}\n}}\n"
    )
    command = (NGINX, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"))
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            assert process.returncode is None, (await process.communicate())[1].decode()
            await asyncio.sleep(0.02)
        yield f"https://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def _browser() -> ClientSession:
    return ClientSession(cookie_jar=CookieJar(unsafe=True))
