"""The settings of a line's written channels (eLot 2.3, ESTP 2.2c and 2.7)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from callcenter.config.section import Section
from callcenter.config.values import BotServer, Email, FilePath, GroupId, Host, Id, Origin, PlainText, Port, WebUrl
from callcenter.requests.belonging import Limits
from callcenter.requests.request import Way


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


class WrittenChannel(Section):
    """What every written channel of a line may say of its messages."""

    subject: Id | None = None
    """Of requests that are made of its messages; None: other, or the line's first."""
    urgency: PlainText | None = None
    """None: the line's first."""
    group: GroupId | None = None
    """Who gets its requests as soon as they are there, and takes them in turn; None: the head makes somebody
    responsible."""
    acknowledgement: Words = (
        "Здравствуйте!\n\nВаше обращение зарегистрировано под номером {number}. Ответ будет дан до {until}."
    )
    """With {number} and {until}; '': nobody is told."""
    in_hours: Words = ""
    """Added to it while the line is open: that people are to call then (ESTP 2.2c)."""
    reopen_days: Annotated[int, Field(ge=0, le=3660)] = 30
    """A message to a closed request opens it again for so long; after that it is a new one."""
    per_hour: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Messages of one writer that become requests of their own; more join the latest of these."""
    acknowledged_per_hour: Annotated[int, Field(ge=0, le=1000)] = 5
    """Acknowledgements that one writer gets."""

    @property
    def limits(self) -> Limits:
        """What the line bears."""
        return Limits(timedelta(days=self.reopen_days), self.per_hour, self.acknowledged_per_hour)


class EmailChannel(WrittenChannel):
    """Mail that comes in."""

    imap: Imap
    address: Email | None = None
    """Whom our mail comes from, and where the answers come in; None: the line's `email`."""
    acknowledgement: Words = (
        "Здравствуйте!\n\nВаше обращение зарегистрировано под номером {number}. Ответ будет дан до {until}.\n"
        "Чтобы дополнить его, ответьте на это письмо."
    )
    """With {number} and {until}; '': nobody is told."""
    signature: Words = ""
    """Below the answers."""
    longest_mb: Annotated[int, Field(ge=1, le=100)] = 40
    """Megabytes (10^6 bytes) of a mail; of a larger one the beginning is read, and the rest stays in the mailbox."""
    old_mail: Literal["leave", "take"] = "leave"
    """What becomes of the mails that are in the mailbox when it is looked at for the first time."""


class TelegramChannel(WrittenChannel):
    """A bot of the line in Telegram. Its token is in the secrets file, under `bots`, by the line's id."""

    acknowledgement: Words = (
        "Ваше обращение зарегистрировано под номером {number}. Ответ будет дан до {until}. Пишите сюда, если нужно "
        "что-то добавить."
    )
    greeting: Words = (
        "Здравствуйте! Напишите ваш вопрос: мы зарегистрируем обращение и ответим в этом чате. Ваши сообщения хранятся "
        "только для ответа на них."
    )
    """What who opens the conversation reads; '': nothing."""
    too_large: Words = "Файлы больше 20 МБ бот получить не может. Пришлите его, пожалуйста, другим способом."
    """What who sends a larger file reads; a link to the form can stand in it (eLot 2.3)."""
    same_matter: Annotated[float, Field(ge=0, le=30 * 86_400)] = 86_400.0
    """Seconds after a message within which the next one of its writer goes on with the same request, if that is not
    closed; later ones are new requests. Replies to messages of ours always go on."""
    api: BotServer = "https://api.telegram.org"
    """The server of the Bot API; one of your own has its address here."""

    @property
    def limits(self) -> Limits:
        """What the line bears."""
        return replace(super().limits, same_matter=timedelta(seconds=self.same_matter))


class ChatChannel(WrittenChannel):
    """The on-line assistant: articles first, then a person (E-SAUDA 2.2, TBS 2.6)."""

    groups: Annotated[tuple[GroupId, ...], Field(min_length=1)] | None = None
    """Whose people answer; None: those who answer what is written, else those who answer the line."""
    at_once: Annotated[int, Field(ge=1, le=20)] = 3
    """Chats that one person answers at the same time."""
    beside_calls: bool = False
    """Whether somebody who answers chats is offered callers, too."""
    stay_free: Annotated[int, Field(ge=0, le=1000)] = 1
    """So many people stay free for callers, as long as somebody else answers the chats."""
    accept_within: Annotated[float, Field(ge=5, le=300)] = 20.0
    """Seconds for which somebody is offered a chat."""
    away: Annotated[float, Field(ge=5, le=600)] = 30.0
    """Seconds for which a person's page may be closed before their chats are given to others."""
    longest_wait: Annotated[float, Field(ge=30, le=7200)] = 300.0
    """Seconds after which a chat that nobody accepts becomes a request."""
    warn_after: Annotated[float, Field(ge=5, le=7200)] = 120.0
    """Seconds after which a chat that nobody has accepted is an alert (ChatsWait)."""
    wrap_up: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """Seconds after the end of a chat in which it still counts among its operator's."""
    customer_away: Annotated[float, Field(ge=30, le=86_400)] = 600.0
    """Seconds after which a chat ends whose customer has closed the page."""
    allowed_origins: Annotated[tuple[Origin, ...], Field(max_length=20)] = ()
    """The sites on whose pages it may be embedded (iframe); none: on no other site."""


FORM_WAYS = frozenset({Way.EMAIL, Way.TELEPHONE})
"""How who fills in a form can be answered; the answer is on the page of the request, too."""


class FormChannel(WrittenChannel):
    """The form on a page of ours (eLot 2.3, TBS 2.6). It is at `public.url`/<line>/."""

    acknowledgement: Words = (
        "Здравствуйте!\n\nВаше обращение зарегистрировано под номером {number}. Ответ будет дан до {until}.\n\n"
        "Состояние обращения, ответы и место для дополнений: {link}\n"
        "Эту ссылку знаете только вы: кто её откроет, увидит ваше обращение."
    )
    """With {number}, {until} and {link}; '': nobody is told."""
    allowed_origins: Annotated[tuple[Origin, ...], Field(max_length=20)] = ()
    """The sites on whose pages it may be embedded (iframe); none: on no other site."""
    ways: Annotated[tuple[Way, ...], Field(min_length=1)] = (Way.EMAIL,)
    """How the answer can be wished for, the usual one first (eLot 2.6: in writing)."""
    required: frozenset[Literal["organisation", "inn", "telephone", "login"]] = frozenset()
    """What has to be given beside name, e-mail and text (TBS 1)."""
    unregistered_urgency: PlainText | None = None
    """Of who is not in the customers' directory by INN or login (eLot 2.2); None: as everybody's."""
    levels: tuple[PlainText, ...] = Field(default=(), alias="for")
    """Only for customers with a contract of these levels (E-SAUDA 2.2), by login or INN; (): for everybody."""
    consent: PlainText = "Согласие на обработку персональных данных, указанных в форме (152-ФЗ)"
    """To what the writer agrees, in words."""
    policy: WebUrl | None = None
    """Where it stands how personal data is handled."""
    together_mb: Annotated[int, Field(ge=1, le=100)] = 25
    """Megabytes (10^6 bytes) of all files of one form together (eLot 2.3)."""
    most_files: Annotated[int, Field(ge=0, le=50)] = 10
    link_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """Days after a request's end for which the link to it opens."""


class LetterChannel(WrittenChannel):
    """Letters on paper: a person at the desk registers each with its scan (E-SAUDA 2.2)."""

    acknowledgement: Literal[""] = ""
    """Nobody is written to by itself: who brings a letter gets its printed receipt."""


class Channels(Section):
    """Where a line takes what is written to it."""

    email: EmailChannel | None = None
    telegram: TelegramChannel | None = None
    chat: ChatChannel | None = None
    form: FormChannel | None = None
    letter: LetterChannel | None = None
    no_others: bool = False
    """Whether the regulation forbids all others (ESTP 2.7): then they are refused here, and as ways of the answer."""

    def described(self) -> Iterator[tuple[str, WrittenChannel]]:
        """Yield the channels that the line has, each with its name."""
        for name in type(self).model_fields:
            if isinstance(channel := getattr(self, name), WrittenChannel):
                yield name, channel
