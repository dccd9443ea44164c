"""Hands e-mail to our mail server: once asked, taken or not, and whether another attempt can help."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from callcenter.core.ids import LineId
from callcenter.mail.ids import MessageIds
from callcenter.mail.letter import AddressError, Sender, letter
from callcenter.request_register.outbox import Came, Leaving, Receipt
from callcenter.system.files import opened

WITHIN = 30.0
"""Seconds for each answer of the server."""


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
    """Sends one message at a time, each over a connection of its own: there are few.

    `sender_of`: whom the e-mail of a line comes from. `path_of`: where a line keeps a file, by its SHA-256.
    """

    def __init__(
        self,
        server: Server,
        sender_of: Callable[[LineId], Sender],
        ids: MessageIds,
        path_of: Callable[[LineId, str], Path] | None = None,
    ) -> None:
        self._server = server
        self._sender_of = sender_of
        self._ids = ids
        self._path_of = path_of

    async def deliver(self, leaving: Leaving) -> Receipt:
        """Hand a message to the server. If nobody knows whether it was taken, it is tried again."""
        try:
            message = await asyncio.to_thread(self._letter, leaving)
        except AddressError as problem:
            return Receipt(Came.NEVER, str(problem))
        except OSError as problem:
            return Receipt(Came.AGAIN, f"a file of the message cannot be read: {problem.strerror}")
        return await self._hand_over(message, leaving.address)

    def _letter(self, leaving: Leaving) -> EmailMessage:
        files = []
        for line, one in leaving.files:
            if self._path_of is None:
                break
            with opened(self._path_of(line, one.sha256)) as file:
                files.append((one.name or "file", one.media_type, file.read()))
        return letter(leaving, self._sender_of(leaving.line), self._ids, files)

    async def _hand_over(self, message: EmailMessage, to: str) -> Receipt:
        server = self._server
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
            return _not_taken(code, f"{server.host} does not take mail for {to}: {code} {said}")
        except SMTPAuthenticationError as problem:  # ours to mend: the customer's answer must not be given up for it
            return Receipt(Came.AGAIN, f"{server.host} refuses our password: {problem.code}")
        except SMTPResponseException as problem:
            return _not_taken(problem.code, f"{server.host} says {problem.code} {problem.message}")
        except (SMTPException, OSError, ValueError) as problem:
            return Receipt(Came.AGAIN, f"{server.host}:{server.port} cannot be used: {problem}")
        return Receipt(Came.SENT)


def _not_taken(code: int, why: str) -> Receipt:
    return Receipt(Came.NEVER if code >= 500 else Came.AGAIN, why)
