"""The settings of a line's written channels (eLot 2.3, ESTP 2.2c and 2.7)."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from callcenter.config.section import Section
from callcenter.config.values import Email, FilePath, Host, Id, PlainText, Port
from callcenter.requests.belonging import Limits


def _words(text: str) -> str:
    for char in text:
        if char not in "\n\t" and unicodedata.category(char)[0] == "C":
            raise ValueError("a text of one or several lines, without control characters")
    return text.strip()


Words = Annotated[str, Field(max_length=4000), AfterValidator(_words)]


class Imap(Section):
    """The mailbox (IMAP). Its password is in the secrets file, under `mailboxes`, by the line's id."""

    host: Host
    user: PlainText
    port: Port = 993
    tls: Literal["tls", "starttls", "none"] = "tls"
    """tls: from the beginning (port 993); starttls: before anything is said (port 143); none: on this machine only."""
    folder: PlainText = "INBOX"
    done: PlainText = "Callcenter"
    """The folder into which a mail is moved when it is in the register; it is made if it is not there."""
    authorities: FilePath | None = None
    """A file (PEM) of the authority that signed the server's certificate; None: those of this machine."""


class EmailChannel(Section):
    """Mail that comes in."""

    imap: Imap
    address: Email | None = None
    """Whom our mail comes from, and where the answers come in; None: the line's `email`."""
    subject: Id | None = None
    """Of requests that are made of mails; None: other, or the line's first."""
    urgency: PlainText | None = None
    """None: the line's first."""
    acknowledgement: Words = (
        "Здравствуйте!\n\nВаше обращение зарегистрировано под номером {number}. Ответ будет дан до {until}.\n"
        "Чтобы дополнить его, ответьте на это письмо."
    )
    """With {number} and {until}; '': nobody is told."""
    in_hours: Words = ""
    """Added to it while the line is open: that people are to call then (ESTP 2.2c)."""
    signature: Words = ""
    """Below the answers."""
    longest_mb: Annotated[int, Field(ge=1, le=100)] = 40
    """Megabytes (10^6 bytes) of a mail; of a larger one the beginning is read, and the rest stays in the mailbox."""
    reopen_days: Annotated[int, Field(ge=0, le=3660)] = 30
    """A mail to a closed request opens it again for so long; after that it is a new one."""
    per_hour: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Mails of one address that become requests of their own; more join the latest of these."""
    acknowledged_per_hour: Annotated[int, Field(ge=0, le=1000)] = 5
    """Acknowledgements that one address gets."""
    old_mail: Literal["leave", "take"] = "leave"
    """What becomes of the mails that are in the mailbox when it is looked at for the first time."""

    @property
    def limits(self) -> Limits:
        """What the line bears."""
        return Limits(timedelta(days=self.reopen_days), self.per_hour, self.acknowledged_per_hour)


class Channels(Section):
    """Where a line takes what is written to it."""

    email: EmailChannel | None = None
    no_others: bool = False
    """Whether the regulation forbids all others (ESTP 2.7): then they are refused here, and as ways of the answer."""
