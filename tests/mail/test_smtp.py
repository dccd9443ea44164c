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

from callcenter.core.ids import LineId
from callcenter.mail.ids import MessageIds
from callcenter.mail.letter import AddressError, Sender, letter
from callcenter.mail.smtp import Server, Smtp
from callcenter.request_register.outbox import Came, Leaving, Receipt
from callcenter.requests.number import Number
from callcenter.requests.request import RequestId, Way
from tests.e2e.station import free_port

QUEUED = datetime(2026, 11, 30, 7, 5, tzinfo=UTC)
US = Sender("info@estp.ru", "Служба поддержки ЕСТП")
IDS = MessageIds("secret")


def leaving(
    to: str = "zakazchik@example.ru",
    subject: str = "Ответ",
    text: str = "Да.",
    key: str = "ESTP-2026-000001/1",
    **more: Any,
) -> Leaving:
    line, number = LineId("estp"), Number(LineId("estp"), 2026, 1)
    whose = (RequestId("r"), number, line, Way.EMAIL)
    return Leaving(key, *whose, to, subject, text, QUEUED, QUEUED, 0, "", **more)


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


async def send(server: Server, to: str = "zakazchik@example.ru", text: str = "Да.") -> Receipt:
    return await Smtp(server, lambda _: US, IDS).deliver(leaving(to, text=text))


@pytest.mark.clause("ESTP 5.5.6")
async def test_a_letter_arrives_as_it_was_written_and_twice_under_one_id() -> None:
    box = Postbox()
    async with serving(box) as server:
        for _ in range(2):
            await send(server, text="Перевыпустите сертификат.\n.\nС уважением")
    one, two = box.took
    assert one["Message-ID"] == two["Message-ID"]
    assert IDS.key_of(one["Message-ID"]) == "ESTP-2026-000001/1"
    assert one["Date"] == two["Date"]
    assert one["From"] == "Служба поддержки ЕСТП <info@estp.ru>"
    assert one["Subject"] == "Ответ"
    assert one.get_content().replace("\r\n", "\n") == "Перевыпустите сертификат.\n.\nС уважением\n"


@pytest.mark.parametrize(("said", "for_good"), [("451 later", False), ("552 too much", True)])
async def test_what_the_server_says_decides_whether_it_is_tried_again(said: str, for_good: bool) -> None:
    box = Postbox()
    for box.says, box.says_of_recipient in ((said, "250 OK"), ("250 OK", said)):
        async with serving(box) as server:
            receipt = await send(server)
        assert receipt.came is (Came.NEVER if for_good else Came.AGAIN)
        assert said[:3] in receipt.why
    assert box.took == []


async def test_a_server_that_is_away_is_tried_again() -> None:
    receipt = await send(Server("127.0.0.1", free_port(socket.SOCK_STREAM), "none"))
    assert receipt.came is Came.AGAIN
    assert "cannot be used" in receipt.why


async def test_a_server_without_encryption_gets_no_password() -> None:
    box = Postbox()
    async with serving(box) as plain:
        receipt = await send(Server(plain.host, plain.port, "starttls", "info@estp.ru", "secret"))
    assert receipt.came is Came.AGAIN
    assert "secret" not in receipt.why + repr(plain)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_our_own_wrong_password_does_not_give_an_answer_up() -> None:
    def refuse(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    box = Postbox()
    async with serving(box, authenticator=refuse, auth_required=True, auth_require_tls=False) as server:
        receipt = await send(Server(server.host, server.port, "none", "info@estp.ru", "wrong"))
    assert receipt.came is Came.AGAIN
    assert "refuses our password" in receipt.why


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
        receipt = await send(replace(ours, authorities=None))
        assert receipt.came is Came.AGAIN
        assert "cannot be used" in receipt.why
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
        letter(leaving(to), US, IDS)
    assert (await send(Server("127.0.0.1", 1, "none"), to)).came is Came.NEVER


def test_a_russian_domain_is_written_as_servers_know_it() -> None:
    assert letter(leaving("info@почта.рф"), US, IDS)["To"] == "info@xn--80a1acny.xn--p1ai"


def test_no_subject_makes_a_header_of_its_own() -> None:
    made = letter(leaving("a@b.ru", "Ответ\r\nBcc: all@example.ru\n\n<b>"), US, IDS)
    assert "Bcc" not in made
    assert made["Subject"] == "Ответ Bcc: all@example.ru <b>"


def test_a_key_that_cannot_stand_in_a_message_id_is_hashed() -> None:
    known = IDS.of("ESTP-2026-000123/2", "estp.ru")
    assert known.startswith("<ESTP-2026-000123.2.")
    assert known.endswith("@estp.ru>")
    strange = IDS.of("a b>\r\n", "estp.ru")
    assert strange.startswith("<")
    assert strange.isascii()
    assert len(strange.split()) == 1


def test_nobody_else_makes_an_id_of_ours() -> None:
    ours = IDS.of("ESTP-2026-000123/2", "estp.ru")
    assert IDS.key_of(ours.upper().replace("ESTP.RU", "estp.ru")) == "ESTP-2026-000123/2", (
        "some servers change the case"
    )
    forged = (MessageIds("guessed").of("ESTP-2026-000123/2", "estp.ru"), "<ESTP-2026-000123.2@estp.ru>", "", "<x>")
    assert IDS.keys_of(forged) == []
    assert IDS.key_of(ours.replace("000123", "000124")) is None
    assert "secret" not in repr(IDS)


@pytest.mark.clause("TBS 4.2")
def test_an_answer_is_threaded_and_signed_and_no_machine_answers_an_acknowledgement() -> None:
    theirs = ("<1@customer>", "<2@customer>", "<no id\r\nBcc: x@y>")
    ours = replace(US, signature="Отдел поддержки\n8 342 292-19-60")
    made = letter(leaving(answers=theirs, earlier=("ESTP-2026-000001/1",), key="ESTP-2026-000001/2"), ours, IDS)
    assert made["In-Reply-To"] == "<2@customer>"
    assert made["References"] == f"{IDS.of('ESTP-2026-000001/1', 'estp.ru')} <1@customer> <2@customer>"
    assert made.get_content().replace("\r\n", "\n") == "Да.\n\n-- \nОтдел поддержки\n8 342 292-19-60\n"
    assert "Auto-Submitted" not in made
    told = letter(leaving(automatic=True), US, IDS)
    assert told["Auto-Submitted"] == "auto-replied"
    assert told["X-Auto-Response-Suppress"] == "All"
