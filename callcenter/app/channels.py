"""The written channels of a running controller: what comes in, and what leaves. A new channel has a line here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from callcenter.accounts.secrets import Secrets
from callcenter.calendar.clock import Clock
from callcenter.channels.receiver import Receiver
from callcenter.config import Config
from callcenter.config.channel_sections import EmailChannel
from callcenter.config.line_sections import Line
from callcenter.core.ids import LineId
from callcenter.mail.ids import MessageIds
from callcenter.mail.imap import ImapServer
from callcenter.mail.letter import Sender
from callcenter.mail.mailbox import Mailbox, Rules
from callcenter.mail.progress import ProgressTable
from callcenter.mail.reader import Reader
from callcenter.mail.smtp import Server, Smtp
from callcenter.metrics.requests import ChannelState
from callcenter.request_register.arrivals import ArrivalRegister, LineWords
from callcenter.request_register.attachments import MB, Attachments
from callcenter.request_register.register import Rules as RequestRules
from callcenter.store import Register


class Channels:
    """What comes in, for one controller. Nothing runs for lines without written channels."""

    def __init__(
        self,
        config: Config,
        secrets: Secrets,
        register: Register,
        attachments: Attachments,
        rules: RequestRules,
        clock: Clock,
    ) -> None:
        lines = [(line, line.channels.email) for line in config.lines.values() if line.channels.email]
        words = {line.id: _words(line, email) for line, email in lines}
        self.arrivals = ArrivalRegister(register, attachments, rules, words)
        self._reader = Reader()
        progress, ids = ProgressTable(register), MessageIds(secrets.mail_ids)
        self._mailboxes = [
            Mailbox(
                line.id,
                _imap_server(email, secrets.mailboxes.get(line.id, "")),
                Rules(email.longest_mb * MB, takes_old=email.old_mail == "take"),
                progress,
                self.arrivals,
                self._reader,
                ids,
                config.var / "mail" / line.id,
                clock.wall,
            )
            for line, email in lines
        ]
        self._receivers = [Receiver(mailbox, self.arrivals, clock.wall) for mailbox in self._mailboxes]

    def work(self) -> Iterator[tuple[Callable[[], Coroutine[Any, Any, None]], str]]:
        """Yield the background tasks, each with its name."""
        for mailbox, receiver in zip(self._mailboxes, self._receivers, strict=True):
            yield partial(self._receive, receiver), f"mailbox of {mailbox.line}"

    async def _receive(self, receiver: Receiver) -> None:
        try:
            await receiver.run()
        finally:
            await self._reader.close()

    def state(self) -> ChannelState:
        """Return the state for the metrics."""
        outcomes = {
            (str(mailbox.line), mailbox.name, outcome): count
            for mailbox, receiver in zip(self._mailboxes, self._receivers, strict=True)
            for outcome, count in receiver.outcomes.items()
        }
        ages = {(str(one.line), one.name): one.age for one in self._mailboxes}
        return ChannelState(outcomes, ages, {(str(one.line), one.name): one.messages for one in self._mailboxes})


def make_smtp(config: Config, secrets: Secrets, attachments: Attachments) -> Smtp:
    """Return our way to the configured mail server."""
    mail = config.mail
    if mail is None:
        raise ValueError("no mail is configured")
    server = Server(mail.host, mail.port, mail.tls, mail.user or "", secrets.mail, mail.authorities)
    usual = Sender(mail.sender, mail.sender_name)
    senders = {line.id: _sender(line, email, usual) for line in config.lines.values() if (email := line.channels.email)}

    def sender_of(line: LineId) -> Sender:
        return senders.get(line, usual)

    return Smtp(server, sender_of, MessageIds(secrets.mail_ids), attachments.path)


def _sender(line: Line, email: EmailChannel, usual: Sender) -> Sender:
    """Answers come back to the mailbox that they leave from."""
    return Sender(email.address or line.email or usual.address, usual.name, email.signature)


def _words(line: Line, email: EmailChannel) -> LineWords:
    requests, subjects = line.requests, tuple(line.subjects)
    if requests is None:
        raise ValueError(f"{line.id} has a mailbox and no requests")
    usual = "other" if "other" in subjects else next(iter(subjects), "")
    return LineWords(
        subject=email.subject or usual,
        urgency=email.urgency or next(iter(requests.urgencies)),
        limits=email.limits,
        acknowledgement=email.acknowledgement,
        in_hours=email.in_hours,
    )


def _imap_server(email: EmailChannel, password: str) -> ImapServer:
    imap = email.imap
    folders: tuple[str, str, Path | None] = (imap.folder, imap.done, imap.authorities)
    return ImapServer(imap.host, imap.port, imap.tls, imap.user, password, *folders)
