"""Phones over TCP and TLS, encrypted audio, and a phone with which no audio format is in common."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from tests.attack.stranger import Stranger
from tests.e2e.hearing import brief_prompts
from tests.e2e.station import NUMBER, Station, configuration, station, until
from tests.patience import patience

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]
KEY = base64.b64encode(bytes(range(30))).decode()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=callcenter.test", "-days", "2", "-nodes"]
    words = [program, "req", "-x509", "-newkey", "rsa:2048", "-keyout", str(key), "-out", str(cert), *subject]
    subprocess.run(words, check=True, capture_output=True)
    return cert, key


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("transports")
    cert, key = certificate(folder)
    prompts = brief_prompts(folder / "prompts", 0.3)
    data: dict[str, Any] = configuration(
        ivr={"ask_inn": "false", "urgency": {}}, prompts=str(prompts), registering=["901"]
    )
    tls = {"port": 5061, "certificate": str(cert), "key": str(key)}
    data["asterisk"] |= {"tcp": "true", "tls": tls, "encrypt_audio": "when_possible", "codecs": ["alaw", "opus"]}
    async with station(folder, **data) as found:
        yield found


async def registers(here: Station, port: int, transport: str, context: ssl.SSLContext | None) -> str:
    """The answer to a REGISTER without a password, over a connection."""
    host = here.proxy[0]
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    writer.write(
        (
            f"REGISTER sip:{host} SIP/2.0\r\nVia: SIP/2.0/{transport} {host}:9;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"
            f"From: <sip:901@{host}>;tag=x\r\nTo: <sip:901@{host}>\r\nCall-ID: {transport}\r\nCSeq: 1 REGISTER\r\n"
            f"Contact: <sip:901@{host}:9;transport={transport.lower()}>\r\nContent-Length: 0\r\n\r\n"
        ).encode()
    )
    async with patience(5):
        line = await reader.readline()
    writer.close()
    return line.decode().strip()


async def test_a_phone_may_register_over_tcp(here: Station) -> None:
    assert await registers(here, here.proxy[1], "TCP", None) == "SIP/2.0 401 Unauthorized"


async def test_a_phone_may_register_over_tls(here: Station) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert await registers(here, 5061, "TLS", context) == "SIP/2.0 401 Unauthorized"


async def test_a_provider_is_registered_at_over_tcp(tmp_path: Path) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def provider(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.readline())
        writer.close()

    data: dict[str, Any] = configuration()
    host = data["asterisk"]["sip_bind"].removesuffix("0.1") + "1.250"
    account = {"host": host, "port": "5070", "username": "estp", "transport": "tcp"}
    data["trunks"]["provider"] = {"provider": account}
    data["asterisk"] |= {"tcp": "true"}
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "secrets.yaml").write_text(yaml.safe_dump({"ami": "a" * 20, "trunks": {"provider": "x" * 12}}))
    async with await asyncio.start_server(provider, host, 5070), station(tmp_path, **data), patience(10):
        assert (await heard.get()).startswith(f"REGISTER sip:{host}:5070".encode())


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/AVP"])
async def test_who_offers_encrypted_audio_gets_it_and_who_does_not_is_served_without(
    here: Station, profile: str
) -> None:
    crypto = f"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
    offered = {"a": crypto} if profile == "RTP/SAVP" else {}
    async with Stranger(f"{here.network}1.71", here.proxy) as caller:
        caller.invite(NUMBER, "<sip:+73425558001@x>", sdp={"m": f"audio 40000 {profile} 8", **offered})
        assert await caller.is_answered()
        answer = next(text for text in caller.answers if text.startswith("SIP/2.0 200"))
        assert re.search(rf"^m=audio \d+ {profile} 8", answer, re.M)
        assert bool(re.search(r"^a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", answer, re.M)) == bool(offered)
        caller.bye(NUMBER)


async def test_a_caller_with_opus_alone_is_served(here: Station) -> None:
    async with Stranger(f"{here.network}1.72", here.proxy) as caller:
        opus = {"m": "audio 40000 RTP/AVP 96", "a": "rtpmap:96 opus/48000/2"}
        caller.invite(NUMBER, "<sip:+73425558002@x>", sdp=opus)
        assert await caller.is_answered()
        answer = next(text for text in caller.answers if text.startswith("SIP/2.0 200"))
        assert "a=rtpmap:96 opus/48000/2" in answer
        caller.bye(NUMBER)


async def test_a_phone_that_has_no_format_in_common_is_named_in_the_log(
    here: Station, caplog: pytest.LogCaptureFixture
) -> None:
    """488: not absent, not busy; somebody must change its settings or ours."""
    phone = await here.operator("101")
    caller = await here.caller("+73425558003")
    (await phone.rings()).reject(488)
    await until(lambda: "Phone 101 has no audio format in common with us" in caplog.text, what="it is told")
    assert "alaw, opus" in caplog.text
    caller.hang_up()
