"""The written channels of a running controller: what comes in, and what leaves. A new channel has a line here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from callcenter.accounts.secrets import Secrets
from callcenter.calendar.clock import Clock
from callcenter.channels.channel import Came, Leaving, Receipt, Watched
from callcenter.channels.receiver import Receiver
from callcenter.config import Config
from callcenter.config.channel_sections import EmailChannel, WrittenChannel
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
from callcenter.public.keys import Links
from callcenter.request_register.arrivals import ArrivalRegister, LineWords
from callcenter.request_register.attachments import MB, Attachments
from callcenter.request_register.register import Rules as RequestRules
from callcenter.store import Register
from callcenter.telegram.bot import Bot, Words
from callcenter.telegram.bot_api import BotApi
from callcenter.telegram.sent_table import SentTable


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
        links = Links(secrets.public, config.public.url or "")
        words = {
            (line.id, name): replace(_words(line, channel), link=links.address)
            for line in config.lines.values()
            for name, channel in line.channels.described()
        }
        self.arrivals = ArrivalRegister(register, attachments, rules, words)
        self._reader = Reader()
        mailboxes = _mailboxes(config, secrets, register, self.arrivals, self._reader, clock)
        self.bots = Bots(dict(_bots(config, secrets, register, attachments, clock)))
        inlets: list[Watched] = [*mailboxes, *self.bots]
        self._receivers = [(inlet, Receiver(inlet, self.arrivals, clock.wall)) for inlet in inlets]

    def work(self) -> Iterator[tuple[Callable[[], Coroutine[Any, Any, None]], str]]:
        """Yield the background tasks, each with its name."""
        for inlet, receiver in self._receivers:
            yield partial(self._receive, receiver), f"{inlet.name} of {inlet.line}"

    async def _receive(self, receiver: Receiver) -> None:
        try:
            await receiver.run()
        finally:
            await self._reader.close()

    def state(self) -> ChannelState:
        """Return the state for the metrics."""
        of_all = [((str(inlet.line), inlet.name), inlet, receiver) for inlet, receiver in self._receivers]
        outcomes = {(*one, outcome): n for one, _, receiver in of_all for outcome, n in receiver.outcomes.items()}
        return ChannelState(
            outcomes,
            {one: inlet.age for one, inlet, _ in of_all},
            {one: inlet.messages for one, inlet, _ in of_all},
        )


def _mailboxes(
    config: Config,
    secrets: Secrets,
    register: Register,
    arrivals: ArrivalRegister,
    reader: Reader,
    clock: Clock,
) -> Iterator[Mailbox]:
    progress, ids = ProgressTable(register), MessageIds(secrets.mail_ids)
    for line in config.lines.values():
        if email := line.channels.email:
            yield Mailbox(
                line.id,
                _imap_server(email, secrets.mailboxes.get(line.id, "")),
                Rules(email.longest_mb * MB, takes_old=email.old_mail == "take"),
                progress,
                arrivals,
                reader,
                ids,
                config.var / "mail" / line.id,
                clock.wall,
            )


class Bots:
    """The bots of all lines: each answers for its own (eLot 2.6)."""

    def __init__(self, bots: Mapping[LineId, Bot]) -> None:
        self._bots = bots

    def __iter__(self) -> Iterator[Bot]:
        return iter(self._bots.values())

    def __bool__(self) -> bool:
        return bool(self._bots)

    async def deliver(self, leaving: Leaving) -> Receipt:
        """Have the line's bot send a message."""
        bot = self._bots.get(leaving.line)
        return Receipt(Came.AGAIN, f"{leaving.line} has no bot any more") if bot is None else await bot.deliver(leaving)


def _bots(
    config: Config, secrets: Secrets, register: Register, attachments: Attachments, clock: Clock
) -> Iterator[tuple[LineId, Bot]]:
    for line in config.lines.values():
        if telegram := line.channels.telegram:
            api = BotApi(telegram.api, secrets.bots.get(line.id, ""))
            words = Words(telegram.greeting, telegram.too_large)
            folder = config.var / "telegram" / line.id
            yield line.id, Bot(line.id, api, words, SentTable(register), folder, attachments.path, clock.wall)


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


def _words(line: Line, channel: WrittenChannel) -> LineWords:
    requests, subjects = line.requests, tuple(line.subjects)
    if requests is None:
        raise ValueError(f"{line.id} has written channels and no requests")
    usual = "other" if "other" in subjects else next(iter(subjects), "")
    return LineWords(
        subject=channel.subject or usual,
        urgency=channel.urgency or next(iter(requests.urgencies)),
        limits=channel.limits,
        acknowledgement=channel.acknowledgement,
        in_hours=channel.in_hours,
        group=channel.group or "",
    )


def _imap_server(email: EmailChannel, password: str) -> ImapServer:
    imap = email.imap
    folders: tuple[str, str, Path | None] = (imap.folder, imap.done, imap.authorities)
    return ImapServer(imap.host, imap.port, imap.tls, imap.user, password, *folders)
