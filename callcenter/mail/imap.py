"""One connection with a mail server that keeps a mailbox (IMAP, by imap-tools). It blocks: for a thread of its own."""

from __future__ import annotations

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxLoginError

from callcenter.core.errors import ReadableError

WITHIN = 30.0
"""Seconds for each answer of the server."""
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_DATE = re.compile(rb'INTERNALDATE "([^"]+)"')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class MailboxError(ReadableError):
    """The mailbox cannot be read just now. `refused`: the server does not know our account."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class ImapServer:
    """A mail server, our account there, and the folders of the mailbox."""

    host: str
    port: int
    tls: Literal["tls", "starttls", "none"]
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    done: str = "Done"
    """Where a mail is moved when it is in the register."""
    authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """How a mailbox is: with another `validity` all UIDs are others; `following`: the UID of the next mail."""

    validity: int
    following: int
    messages: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail that was written into a file."""

    size: int
    """Bytes in the mailbox; more than in the file if it was too large."""
    received: datetime | None


class Imap:
    """A connection that is open. Methods raise `MailboxError`; then it cannot be used any more."""

    def __init__(self, server: ImapServer) -> None:
        """Connect and log in."""
        self._server = server
        self._box: BaseMailBox | None = None
        with self._telling():
            self._box = _connected(server)
            try:
                self._box.login(server.user, server.password, initial_folder=None)
            except MailboxLoginError:
                self.close()
                raise MailboxError(f"{server.host} refuses our password for {server.user}", refused=True) from None
            _, told = self._box.client.capability()  # there are more of them for those who are logged in
            self._box.client.capabilities = tuple(told[-1].decode("ascii", "replace").upper().split())

    def look(self) -> Seen:
        """Open the folder and return how it is."""
        with self._telling():
            box = self._opened
            status = box.folder.status(self._server.folder, ["UIDVALIDITY", "UIDNEXT", "MESSAGES"])
            box.folder.set(self._server.folder)
            return Seen(status["UIDVALIDITY"], status["UIDNEXT"], status["MESSAGES"])

    def uids(self, first: int, since: datetime | None = None) -> list[int]:
        """Return the UIDs of the mails from `first` on, the oldest first; `since`: that came on this day or later."""
        day = f" SINCE {since.day:02d}-{_MONTHS[since.month - 1]}-{since.year}" if since else ""
        with self._telling():
            found = self._opened.uids(f"UID {first}:*{day}", charset=None)
            # «n:*» means the last mail, too, if all are before n.
            return sorted(uid for uid in map(int, found) if uid >= first)

    def fetch(self, uid: int, path: Path, longest: int) -> Fetched | None:
        """Write a mail into a file, at most its first `longest` bytes. None: it is not there any more."""
        with self._telling():
            status, data = self._opened.client.uid(
                "FETCH", str(uid), f"(RFC822.SIZE INTERNALDATE BODY.PEEK[]<0.{longest}>)"
            )
            if status != "OK":
                raise MailboxError(f"{self._server.host} does not hand out a mail: {status}")
            literal = next((one for one in data if isinstance(one, tuple)), None)
            if literal is None:
                return None
            told = b" ".join(one if isinstance(one, bytes) else one[0] for one in data if one)
            path.write_bytes(literal[1])
            size, date = _SIZE.search(told), _DATE.search(told)
            return Fetched(int(size[1]) if size else len(literal[1]), _moment(date[1]) if date else None)

    def received(self, uid: int) -> datetime | None:
        """Return when a mail came into the mailbox."""
        with self._telling():
            _, data = self._opened.client.uid("FETCH", str(uid), "(INTERNALDATE)")
            told = b" ".join(one for one in data if isinstance(one, bytes))
            found = _DATE.search(told)
            return _moment(found[1]) if found else None

    def put_away(self, uids: Sequence[int]) -> None:
        """Move mails into the folder for those that are in the register; it is made if it is not there."""
        with self._telling():
            box, folder = self._opened, self._server.done
            if not box.folder.exists(folder):
                box.folder.create(folder)
            box.move([str(uid) for uid in uids], folder)

    def wait(self, seconds: float) -> None:
        """Wait until something happens in the mailbox, and no longer than this; for a server that `tells`."""
        with self._telling():
            self._opened.idle.wait(timeout=seconds)

    @property
    def tells(self) -> bool:
        """Whether the server tells of new mail by itself."""
        return self._box is not None and "IDLE" in self._box.client.capabilities

    def abort(self) -> None:
        """Cut the connection, from any thread: whoever waits for the server gets an error."""
        if self._box is not None:
            with contextlib.suppress(OSError, AttributeError):
                self._box.client.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Say good-bye, and close the connection whatever the server says."""
        box, self._box = self._box, None
        if box is not None:
            with contextlib.suppress(Exception):
                box.client.sock.settimeout(2.0)
                box.client.logout()
            with contextlib.suppress(Exception):
                box.client.shutdown()

    @property
    def _opened(self) -> BaseMailBox:
        if self._box is None:
            raise MailboxError("the connection is closed")
        return self._box

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except MailboxError:
            self.abort()
            raise
        except (OSError, imaplib.IMAP4.error, ImapToolsError, ValueError, KeyError, IndexError, TypeError) as problem:
            self.abort()
            said = " ".join(str(problem).split())[:200] or type(problem).__name__
            if self._server.password:
                said = said.replace(self._server.password, "…")
            raise MailboxError(f"{self._server.host}:{self._server.port} cannot be used: {said}") from None


def _connected(server: ImapServer) -> BaseMailBox:
    if server.tls == "none":
        return MailBoxUnencrypted(server.host, server.port, timeout=WITHIN)
    context = ssl.create_default_context(cafile=server.authorities)
    if server.tls == "starttls":
        return MailBoxStartTls(server.host, server.port, timeout=WITHIN, ssl_context=context)
    return MailBox(server.host, server.port, timeout=WITHIN, ssl_context=context)


def _moment(text: bytes) -> datetime | None:
    try:
        return datetime.strptime(text.decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None
