"""Hands e-mail to our mail server: once asked, taken or not, and whether another attempt can help."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from callcenter.core.errors import ReadableError
from callcenter.mail.letter import AddressError, Sender, letter

WITHIN = 30.0
"""Seconds for each answer of the server."""


class NotSentError(ReadableError):
    """The server did not take a message. `for_good`: and never will; otherwise another attempt can help."""

    def __init__(self, text: str, *, for_good: bool) -> None:
        super().__init__(text)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class Server:
    """Our mail server, and our account there."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    user: str = ""
    password: str = ""
    authorities: Path | None = None

    def __repr__(self) -> str:
        return f"<Server {self.host}:{self.port}>"


class Smtp:
    """Sends one message at a time, each over a connection of its own: there are few."""

    def __init__(self, server: Server, sender: Sender) -> None:
        self._server = server
        self._sender = sender

    async def send(self, key: str, to: str, subject: str, text: str, queued_at: datetime) -> None:
        """Hand a message to the server. Raises `NotSentError`; if nobody knows whether it was taken, too."""
        server = self._server
        try:
            message = letter(key, to, subject, text, self._sender, queued_at)
        except AddressError as problem:
            raise NotSentError(str(problem), for_good=True) from problem
        try:
            context = ssl.create_default_context(cafile=server.authorities) if server.tls != "none" else None
            await aiosmtplib.send(
                message,
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password or None,
                use_tls=server.tls == "tls",
                start_tls=server.tls == "starttls",
                tls_context=context,
                timeout=WITHIN,
            )
        except SMTPRecipientsRefused as problem:
            code, said = max((refused.code, refused.message) for refused in problem.recipients)
            raise NotSentError(
                f"{server.host} does not take mail for {to}: {code} {said}", for_good=code >= 500
            ) from None
        except SMTPAuthenticationError as problem:  # ours to mend: the customer's answer must not be given up for it
            raise NotSentError(f"{server.host} refuses our password: {problem.code}", for_good=False) from None
        except SMTPResponseException as problem:
            for_good = problem.code >= 500
            raise NotSentError(f"{server.host} says {problem.code} {problem.message}", for_good=for_good) from None
        except (SMTPException, OSError, ValueError) as problem:
            raise NotSentError(f"{server.host}:{server.port} cannot be used: {problem}", for_good=False) from None
