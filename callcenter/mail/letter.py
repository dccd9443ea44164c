"""An e-mail of ours: plain text, and headers that let the other side tell a repetition and keep its robots quiet."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from callcenter.core.errors import ReadableError

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", re.ASCII)


class AddressError(ReadableError):
    """An e-mail cannot be written: its address is none."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom our e-mail comes from."""

    address: str
    name: str = ""


def message_id(key: str, sender: Sender) -> str:
    """Return the Message-ID of a message: the same for each try, so that the other side can tell a repetition.

    >>> message_id("ESTP-2026-000123/2", Sender("info@estp.ru"))
    '<ESTP-2026-000123.2@estp.ru>'
    """
    name = key.replace("/", ".")
    if not (name.isascii() and name.replace(".", "").replace("-", "").replace("_", "").isalnum()):
        name = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:40]
    return f"<{name}@{sender.address.rpartition('@')[2]}>"


def letter(key: str, to: str, subject: str, text: str, sender: Sender, queued_at: datetime) -> EmailMessage:
    """Return the e-mail. Raises `AddressError` if `to` is not one e-mail address.

    `queued_at`: its date, which is the same for each try.
    """
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = message_id(key, sender)
    message["Date"] = format_datetime(queued_at)
    message["From"] = Address(sender.name, addr_spec=sender.address)
    message["To"] = _address(to)
    message["Subject"] = " ".join(subject.split())
    # Written by a person, but no robot shall answer it with «I am on holiday» (RFC 3834).
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    message.set_content(text)
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
