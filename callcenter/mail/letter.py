"""An e-mail of ours: plain text, and headers that let the other side tell a repetition and keep its robots quiet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from callcenter.core.errors import ReadableError
from callcenter.mail.ids import MessageIds
from callcenter.request_register.outbox import Leaving

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_ID = re.compile(r"<[!-;=?-~]{1,480}>", re.ASCII)
"""A Message-ID that may stand in a header of ours: whoever sent it has chosen it."""
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", re.ASCII)


class AddressError(ReadableError):
    """An e-mail cannot be written: its address is none."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom our e-mail comes from."""

    address: str
    name: str = ""
    signature: str = ""
    """Below what a person has written, after the usual «-- »."""

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]


def letter(
    leaving: Leaving, sender: Sender, ids: MessageIds, files: Sequence[tuple[str, str, bytes]] = ()
) -> EmailMessage:
    """Return the e-mail. Raises `AddressError` if it goes to what is not one e-mail address.

    `files`: name, media type and content of each. Message-ID and date are the same for each try.
    """
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = ids.of(leaving.key, sender.domain)
    message["Date"] = format_datetime(leaving.queued_at)
    message["From"] = Address(sender.name, addr_spec=sender.address)
    message["To"] = _address(leaving.address)
    message["Subject"] = " ".join(leaving.subject.split())
    theirs = [one for one in leaving.answers if _ID.fullmatch(one)]
    ours = [ids.of(key, sender.domain) for key in leaving.earlier]
    if theirs or ours:
        message["In-Reply-To"] = (theirs or ours)[-1]
        message["References"] = " ".join([*ours, *theirs])
    # Written by a person, but no robot shall answer it with «I am on holiday» (RFC 3834).
    message["X-Auto-Response-Suppress"] = "All" if leaving.automatic else "OOF, AutoReply"
    if leaving.automatic:
        message["Auto-Submitted"] = "auto-replied"
    text = leaving.text
    if sender.signature and leaving.request is not None:
        text = f"{text.rstrip()}\n\n-- \n{sender.signature.strip()}\n"
    message.set_content(text)
    for name, media_type, content in files:
        main, _, sub = media_type.partition("/")
        if main in ("", "text", "message", "multipart"):  # kept as they are, byte by byte
            main, sub = "application", "octet-stream"
        message.add_attachment(content, maintype=main, subtype=sub or "octet-stream", filename=name)
    return message


def _address(to: str) -> Address:
    name, at, domain = to.strip().rpartition("@")
    try:
        host = domain.encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if not (at and _NAME.fullmatch(name) and _HOST.fullmatch(host)):
        raise AddressError(f"'{to[:100]}' is not an e-mail address")
    return Address(username=name, domain=host)
