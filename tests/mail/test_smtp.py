"""E-mail to a real server (aiosmtpd): taken once under its Message-ID, refused for now, refused for good, away."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from callcenter.mail.letter import AddressError, Sender, letter, message_id
from callcenter.mail.smtp import NotSentError, Server, Smtp
from tests.e2e.station import free_port

QUEUED = datetime(2026, 11, 30, 7, 5, tzinfo=UTC)
US = Sender("info@estp.ru", "Служба поддержки ЕСТП")


class Postbox:
    """What the server took, and what it says to each message."""

    def __init__(self) -> None:
        self.took: list[EmailMessage] = []
        self.says = "250 OK"
        self.says_of_recipient = "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        if self.says_of_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.says_of_recipient

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.says.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            parsed = message_from_bytes(content, policy=default)
            assert isinstance(parsed, EmailMessage)
            self.took.append(parsed)
        return self.says


@asynccontextmanager
async def serving(box: Postbox, **settings: Any) -> AsyncIterator[Server]:
    loop, port = asyncio.get_running_loop(), free_port(socket.SOCK_STREAM)
    server = await loop.create_server(lambda: SMTP(box, enable_SMTPUTF8=False, **settings), "127.0.0.1", port)
    try:
        yield Server("127.0.0.1", port, "none")
    finally:
        server.close()
        await server.wait_closed()


async def send(server: Server, to: str = "zakazchik@example.ru", subject: str = "Ответ", text: str = "Да.") -> None:
    await Smtp(server, US).send("ESTP-2026-000001/1", to, subject, text, QUEUED)


@pytest.mark.clause("ESTP 5.5.6")
async def test_a_letter_arrives_as_it_was_written_and_twice_under_one_id() -> None:
    box = Postbox()
    async with serving(box) as server:
        for _ in range(2):
            await send(server, text="Перевыпустите сертификат.\n.\nС уважением")
    one, two = box.took
    assert one["Message-ID"] == two["Message-ID"] == "<ESTP-2026-000001.1@estp.ru>"
    assert one["Date"] == two["Date"]
    assert one["From"] == "Служба поддержки ЕСТП <info@estp.ru>"
    assert one["Subject"] == "Ответ"
    assert one.get_content().replace("\r\n", "\n") == "Перевыпустите сертификат.\n.\nС уважением\n"


@pytest.mark.parametrize(("said", "for_good"), [("451 later", False), ("552 too much", True)])
async def test_what_the_server_says_decides_whether_it_is_tried_again(said: str, for_good: bool) -> None:
    box = Postbox()
    for box.says, box.says_of_recipient in ((said, "250 OK"), ("250 OK", said)):
        async with serving(box) as server:
            with pytest.raises(NotSentError) as refused:
                await send(server)
        assert refused.value.for_good is for_good
        assert said[:3] in str(refused.value)
    assert box.took == []


async def test_a_server_that_is_away_is_tried_again() -> None:
    with pytest.raises(NotSentError, match="cannot be used") as refused:
        await send(Server("127.0.0.1", free_port(socket.SOCK_STREAM), "none"))
    assert not refused.value.for_good


async def test_a_server_without_encryption_gets_no_password() -> None:
    box = Postbox()
    async with serving(box) as plain:
        with pytest.raises(NotSentError) as refused:
            await send(Server(plain.host, plain.port, "starttls", "info@estp.ru", "secret"))
    assert not refused.value.for_good
    assert "secret" not in str(refused.value) + repr(plain)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_our_own_wrong_password_does_not_give_an_answer_up() -> None:
    def refuse(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    box = Postbox()
    async with serving(box, authenticator=refuse, auth_required=True, auth_require_tls=False) as server:
        with pytest.raises(NotSentError, match="refuses our password") as refused:
            await send(Server(server.host, server.port, "none", "info@estp.ru", "wrong"))
    assert not refused.value.for_good


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_with_the_right_password_it_is_taken() -> None:
    def known(_server: Any, _session: Any, _envelope: Any, _kind: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"right")

    box = Postbox()
    async with serving(box, authenticator=known, auth_required=True, auth_require_tls=False) as server:
        await send(Server(server.host, server.port, "none", "info@estp.ru", "right"))
    assert len(box.took) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that it signed itself, and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    found, key = folder / "cert.pem", folder / "key.pem"
    asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(found), "-keyout", str(key)]
    subprocess.run([program, *asked, *names], check=True, capture_output=True)
    return found, key


async def test_over_tls_a_password_is_said_only_to_the_server_of_our_authority(
    certificate: tuple[Path, Path],
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    passwords: list[bytes] = []

    def known(_server: Any, _session: Any, _envelope: Any, _kind: str, data: Any) -> AuthResult:
        passwords.append(data.password)
        return AuthResult(success=True)

    box = Postbox()
    settings = {"tls_context": context, "require_starttls": True, "authenticator": known, "auth_required": True}
    async with serving(box, **settings) as server:
        ours = replace(server, tls="starttls", user="info@estp.ru", password="right", authorities=certificate[0])
        await send(ours)
        assert len(box.took) == 1
        assert passwords == [b"right"]
        with pytest.raises(NotSentError, match="cannot be used") as refused:
            await send(replace(ours, authorities=None))
        assert not refused.value.for_good
    assert passwords == [b"right"], "nobody else has heard it"


@pytest.mark.parametrize(
    "to",
    [
        "",
        "nobody",
        "a@b.ru, c@d.ru",
        "a@b.ru\r\nBcc: all@example.ru",
        "<a@b.ru>",
        "a b@c.ru",
        "\0@b.ru",
        "@b.ru",
        "a@" + "b" * 300,
    ],
)
async def test_what_is_no_address_is_refused_for_good(to: str) -> None:
    with pytest.raises(AddressError, match="is not an e-mail address"):
        letter("k", to, "s", "t", US, QUEUED)
    with pytest.raises(NotSentError) as refused:
        await send(Server("127.0.0.1", 1, "none"), to)
    assert refused.value.for_good


def test_a_russian_domain_is_written_as_servers_know_it() -> None:
    assert letter("k", "info@почта.рф", "s", "t", US, QUEUED)["To"] == "info@xn--80a1acny.xn--p1ai"


def test_no_subject_makes_a_header_of_its_own() -> None:
    made = letter("k", "a@b.ru", "Ответ\r\nBcc: all@example.ru\n\n<b>", "t", US, QUEUED)
    assert "Bcc" not in made
    assert made["Subject"] == "Ответ Bcc: all@example.ru <b>"


def test_a_key_that_cannot_stand_in_a_message_id_is_hashed() -> None:
    assert message_id("ESTP-2026-000123/2", US) == "<ESTP-2026-000123.2@estp.ru>"
    strange = message_id("a b>\r\n", US)
    assert strange.startswith("<")
    assert strange.isascii()
    assert len(strange.split()) == 1
