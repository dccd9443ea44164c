"""Secrets: passwords of machines, and hashes of people's passwords and PINs (ESTP 5.3.1).

They are in `var/secrets.yaml`, readable by its owner only. The file is created on first use, and extended whenever the
configuration has somebody new. People's first passwords and PINs are next to it in plain text, in
`var/initial-credentials.yaml`, until they are changed; after that only their argon2 hashes exist. The file is changed
by replacing it, under a lock, so the daemon and `callcenter passwd` can use it at the same time. The daemon uses a
changed password from the next log-in attempt on.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import logging
import math
import os
import re
import secrets
import string
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

import argon2
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from callcenter.accounts import second_factor
from callcenter.accounts.password_rules import LONGEST, SHORTEST, impossible
from callcenter.accounts.verdict import Verdict
from callcenter.config import Config
from callcenter.config.yaml_file import YamlError, read_yaml
from callcenter.core.errors import ReadableError
from callcenter.system import files

log = logging.getLogger(__name__)

SECRETS_FILE = "secrets.yaml"
INITIAL_FILE = "initial-credentials.yaml"
PIN_DIGITS = 6
PHONE_DIGITS = 20
"""Digits of a SIP password: they can be typed on a keypad, and 66 bits cannot be tried out."""
PASSWORD_LENGTH = (SHORTEST, LONGEST)
LOOK_AGAIN = 10.0
"""Seconds until a file that could not be read is looked at again; each request of the page asks for it."""

# Without characters that look alike when a password is read from a screen.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
# About 35 ms and 19 MiB per attempt: the second choice of OWASP's list, because this machine also carries calls.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# These are rendered into Asterisk's files, where `;` begins a comment and `\` escapes.
Machine = Annotated[str, StringConstraints(pattern=r'^[!-~&&[^;"\\]]{1,128}$')]
Hash = Annotated[str, StringConstraints(pattern=r"^\$argon2id?\$[!-~]{20,250}$")]


class SecretsError(ReadableError):
    """The secrets cannot be used, or not in this way. The text never contains a secret."""


class PasswordReplaced(SecretsError):
    """Somebody else has changed the password meanwhile."""


class Initial(NamedTuple):
    """A person's first credentials in plain text; '' for one that has been changed."""

    password: str
    pin: str


class _Factor(BaseModel):
    """A second factor: the secret that the person's app has, too."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    secret: Annotated[str, StringConstraints(pattern=r"^[A-Z2-7]{24,64}$")]
    used: int = 0
    """The step of the last code that was taken."""
    recovery: list[str] = []
    """Hashes of the recovery codes that are left."""


class _Hashes(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    password: Hash
    pin: Hash
    one_time: bool = False
    """Whether the password has to be changed at the next log-in."""
    one_time_until: float = 0.0
    """Unix time, in seconds, from which on a one-time password opens nothing."""
    factor: _Factor | None = None


class SecondFactor(NamedTuple):
    """Whether a person has one, and how many recovery codes are left."""

    enrolled: bool
    recovery_left: int


class _Content(BaseModel):
    """The content of the file. Unknown names are refused, as in the configuration."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    ami: Machine = Field(default_factory=lambda: secrets.token_urlsafe(24))
    devices: Machine = Field(default_factory=lambda: secrets.token_urlsafe(24))
    turn: Machine = Field(default_factory=lambda: secrets.token_urlsafe(24))
    sign_on: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    phones: dict[str, Machine] = {}
    trunks: dict[str, Machine | None] = {}
    people: dict[str, _Hashes] = {}
    mail: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,256}$")] | None = None
    database: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,256}$")] | None = None
    mailboxes: dict[str, Annotated[str, StringConstraints(pattern=r"^[ -~]{1,256}$")] | None] = {}
    bots: dict[str, Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}:[A-Za-z0-9_-]{10,100}$")] | None] = {}
    mail_ids: Machine = Field(default_factory=lambda: secrets.token_urlsafe(24))
    public: Machine = Field(default_factory=lambda: secrets.token_urlsafe(24))
    webhooks: Machine = Field(default_factory=lambda: secrets.token_urlsafe(24))


def database_password(var: Path) -> str:
    """Return the password of our account at the database server; '' if none is needed. Raises SecretsError."""
    path = var / SECRETS_FILE
    try:
        return _content_of(path).database or "" if path.exists() else ""
    except OSError as error:
        raise SecretsError(f"{path}: cannot be used: {error.strerror}") from None


class Secrets:
    """The secrets of one `var` folder. Verifying takes about 35 ms of CPU time: do it in a thread."""

    def __init__(self, var: Path, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: monotonic seconds."""
        self._clock = clock
        self._unreadable_until = -math.inf
        self._path = var / SECRETS_FILE
        self._initial_path = var / INITIAL_FILE
        self._people = frozenset(config.people)
        self._guard = threading.Lock()
        self._content = _Content()
        self._seen: tuple[int, ...] = ()
        # An unknown person must take as long as a known one, or existing ids could be found out.
        self._nobody = _HASHER.hash(secrets.token_urlsafe(16))

    def __repr__(self) -> str:
        return f"<Secrets of {self._path}>"

    @classmethod
    def load_or_create(cls, var: Path, config: Config, clock: Callable[[], float] = time.monotonic) -> Self:
        """Read the secrets, and add what the configuration needs and the file lacks.

        Raises SecretsError, without changing the file, if the file cannot be understood or has no password for a trunk
        that registers, or for the mail server (only the provider can give those).
        """
        found = cls(var, config, clock)
        try:
            var.mkdir(parents=True, exist_ok=True, mode=0o700)
            with found._changing() as content:
                found._complete(content, config)
        except OSError as error:
            raise SecretsError(f"{found._path}: cannot be used: {error.strerror}") from None
        without = [trunk.id for trunk in config.trunks.values() if trunk.provider and not found.trunks.get(trunk.id)]
        if without:
            raise SecretsError(
                f"{found._path}: no password for the trunk {', '.join(without)}; "
                "write the one its provider gave you there, under `trunks`"
            )
        if config.mail is not None and config.mail.user is not None and not found.mail:
            raise SecretsError(
                f"{found._path}: no password for {config.mail.user} at {config.mail.host}; write it there, as `mail`"
            )
        without = [
            line.id for line in config.lines.values() if line.channels.email and not found.mailboxes.get(line.id)
        ]
        if without:
            raise SecretsError(
                f"{found._path}: no password for the mailbox of {', '.join(without)}; write it there, under `mailboxes`"
            )
        without = [line.id for line in config.lines.values() if line.channels.telegram and not found.bots.get(line.id)]
        if without:
            raise SecretsError(
                f"{found._path}: no token for the bot of {', '.join(without)}; write the one that @BotFather gave you "
                "there, under `bots`"
            )
        if config.sign_on and not found.sign_on:
            raise SecretsError(
                f"{found._path}: no secret for {config.sign_on.issuer}; write the one that the provider gave to "
                f"the client {config.sign_on.client_id} there, as `sign_on`"
            )
        return found

    @property
    def sign_on(self) -> str:
        """The client's secret that the identity provider gave; '' if there is none."""
        return self._content.sign_on or ""

    @property
    def ami(self) -> str:
        """The password of the Asterisk Manager Interface (AMI)."""
        return self._content.ami

    @property
    def devices(self) -> str:
        """The key that signs the cookies of known browsers."""
        return self._content.devices

    @property
    def turn(self) -> str:
        """The secret that we share with the TURN servers (coturn: `static-auth-secret`)."""
        return self._content.turn

    @property
    def phones(self) -> Mapping[str, str]:
        """The SIP passwords of the phones that register."""
        return self._content.phones

    @property
    def trunks(self) -> Mapping[str, str]:
        """The providers' passwords of the trunks that register."""
        return {name: password for name, password in self._content.trunks.items() if password}

    @property
    def mail(self) -> str:
        """The password of our account at the mail server; '' if there is none."""
        return self._content.mail or ""

    @property
    def mailboxes(self) -> Mapping[str, str]:
        """The passwords of the lines' mailboxes, by line."""
        return {name: password for name, password in self._content.mailboxes.items() if password}

    @property
    def bots(self) -> Mapping[str, str]:
        """The tokens of the lines' bots in Telegram, by line."""
        return {name: token for name, token in self._content.bots.items() if token}

    @property
    def mail_ids(self) -> str:
        """The key in the Message-IDs of our e-mail: who refers to one has had a mail of ours."""
        return self._content.mail_ids

    @property
    def public(self) -> str:
        """The key of what customers' browsers are given: pages that forms are sent from, links to requests."""
        return self._content.public

    def webhook(self, name: str) -> str:
        """Return the key with which one webhook is signed: of one's key nobody learns another's."""
        return hmac.new(self._content.webhooks.encode(), name.encode(), hashlib.sha256).hexdigest()

    def initial(self, person: str) -> Initial | None:
        """Return a person's first credentials; None once both were changed."""
        found = self._read_initial().get(person)
        return Initial(found.get("password", ""), found.get("pin", "")) if found else None

    def verify_password(self, person: str, text: str) -> bool:
        """Return whether this is the person's password. Takes equally long if there is no such person."""
        return self._verify(person, text, "password")

    def verify_pin(self, person: str, text: str) -> bool:
        """Return whether this is the person's PIN."""
        return self._verify(person, text, "pin")

    def password_version(self, person: str) -> str:
        """Return a text that changes with the person's password or second factor and tells nothing; '' for nobody."""
        self._look_again()
        hashes = self._content.people.get(person) if person in self._people else None
        return _version(hashes) if hashes else ""

    def verify_log_in(self, person: str, password: str, code: str | None, now: datetime) -> Verdict:
        """Verify the password, and the code of who has a second factor. `code` None: it was proved before.

        A code is good once. Raises SecretsError if that cannot be written down.
        """
        if not self.verify_password(person, password):
            return Verdict.WRONG
        if self._expired(person, now):
            return Verdict.EXPIRED
        if code is None or not self.second_factor(person).enrolled:
            return Verdict.RIGHT
        if not code:
            return Verdict.CODE_NEEDED
        return Verdict.RIGHT if self._use_code(person, code, now) else Verdict.WRONG

    def one_time(self, person: str) -> bool:
        """Return whether the person has to change the password first."""
        self._look_again()
        hashes = self._content.people.get(person)
        return hashes is not None and hashes.one_time

    def _expired(self, person: str, now: datetime) -> bool:
        hashes = self._content.people.get(person)
        return hashes is not None and hashes.one_time and now.timestamp() >= hashes.one_time_until

    def second_factor(self, person: str) -> SecondFactor:
        """Return what is known of a person's second factor."""
        self._look_again()
        hashes = self._content.people.get(person)
        factor = hashes.factor if hashes else None
        return SecondFactor(factor is not None, len(factor.recovery) if factor else 0)

    def set_second_factor(self, person: str, secret: str, used: int) -> list[str]:
        """Give the person this second factor, whose code of the step `used` was just seen. Returns recovery codes."""
        codes = second_factor.new_recovery_codes()
        factor = _Factor(secret=secret, used=used, recovery=list(map(second_factor.recovery_hash, codes)))
        self._change(person, factor=factor)
        return codes

    def drop_second_factor(self, person: str) -> None:
        """Take the person's second factor away."""
        self._change(person, factor=None)

    def _use_code(self, person: str, code: str, now: datetime) -> bool:
        """Return whether the code of the app is right, or a recovery code; it is good no more."""
        with self._changing() as content:
            hashes = content.people.get(person)
            factor = hashes.factor if hashes else None
            if hashes is None or factor is None:
                return False
            step = second_factor.step_of(factor.secret, code, now, factor.used)
            hashed = second_factor.recovery_hash(code)
            if step is not None:
                left = factor.model_copy(update={"used": step})
            elif hashed in factor.recovery:
                left = factor.model_copy(update={"recovery": [one for one in factor.recovery if one != hashed]})
            else:
                return False
            content.people[person] = hashes.model_copy(update={"factor": left})
        return True

    def set_password(
        self, person: str, text: str | None = None, *, until: datetime | None = None, instead_of: str | None = None
    ) -> str:
        """Set this password, or a new random one. Returns it. Raises SecretsError if it is not allowed.

        `until`: it is a one-time password, which has to be changed at a log-in before. `instead_of`: the version of
        the present one; if it is another by now, PasswordReplaced is raised.
        """
        text = _new_password() if text is None else unicodedata.normalize("NFC", text)
        check_password(text)
        ends = until.timestamp() if until else 0.0
        return self._set(person, "password", text, instead_of, one_time=until is not None, one_time_until=ends)

    def set_pin(self, person: str, text: str | None = None) -> str:
        """Set this PIN, or a new random one. Returns it. Raises SecretsError if it is not allowed."""
        text = _new_pin() if text is None else text
        check_pin(text)
        return self._set(person, "pin", text)

    def _complete(self, content: _Content, config: Config) -> None:
        for phone in config.phones.values():
            if phone.sip_registers and phone.id not in content.phones:
                content.phones[phone.id] = _digits(PHONE_DIGITS)
        for trunk in config.trunks.values():
            if trunk.provider:
                content.trunks.setdefault(trunk.id, None)
        for line in config.lines.values():
            if line.channels.email:
                content.mailboxes.setdefault(line.id, None)
            if line.channels.telegram:
                content.bots.setdefault(line.id, None)
        new = {person: Initial(_new_password(), _new_pin()) for person in config.people if person not in content.people}
        if new:
            initial = self._read_initial()
            for person, first in new.items():
                content.people[person] = _Hashes(password=_HASHER.hash(first.password), pin=_HASHER.hash(first.pin))
                initial[person] = first._asdict()
            # The plain text is written first: with hashes alone nobody could log in.
            self._write_initial(initial)

    def _verify(self, person: str, text: str, kind: str) -> bool:
        self._look_again()
        hashes = self._content.people.get(person) if person in self._people else None
        expected = getattr(hashes, kind) if hashes else self._nobody
        try:
            _HASHER.verify(expected, _presented(text))
        except argon2.exceptions.VerifyMismatchError:
            return False
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            log.error("%s: the %s hash of %s is damaged; set a new one", self._path, kind, person)
            return False
        return hashes is not None

    def _set(self, person: str, kind: str, text: str, instead_of: str | None = None, **more: Any) -> str:
        hashed = _HASHER.hash(_presented(text))
        self._change(person, kind, instead_of, **{kind: hashed}, **more)
        return text

    def _change(self, person: str, kind: str = "", instead_of: str | None = None, **to: Any) -> None:
        """Change what is kept of a person. `kind`: of which the first one in plain text is to be forgotten."""
        if person not in self._people:
            raise SecretsError(f"nobody has the id {person!r}; configured: {', '.join(sorted(self._people))}")
        with self._changing() as content:
            if person not in content.people:
                raise SecretsError(f"{self._path}: nothing is kept for {person!r} yet; start the controller once")
            if instead_of not in (None, _version(content.people[person])):
                raise PasswordReplaced(f"the password of {person!r} is another one by now")
            content.people[person] = content.people[person].model_copy(update=to)
            if kind:
                self._forget_initial(person, kind)

    @contextmanager
    def _changing(self) -> Iterator[_Content]:
        """Change the file's content under a lock among all processes; write only if something changed.

        Raises SecretsError, also when the file cannot be written.
        """
        try:
            with self._locked() as content:
                yield content
        except OSError as error:
            raise SecretsError(f"{self._path}: cannot be used: {error.strerror}") from None

    @contextmanager
    def _locked(self) -> Iterator[_Content]:
        with open(self._path.with_suffix(".lock"), "w", opener=_not_a_link) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            exists = self._path.exists()
            content = self._read() if exists else _Content()
            before = content.model_dump(exclude_unset=True)  # what a file from before a name existed lacks, it gets
            yield content
            if not exists or content.model_dump() != before:
                _write(self._path, content.model_dump(), "Secrets of the call centre. Not for anybody's eyes.")
            self._take(content, files.state(self._path))

    def _take(self, content: _Content, seen: tuple[int, ...]) -> None:
        with self._guard:
            self._content, self._seen = content, seen

    def _look_again(self) -> None:
        """Load what another process changed. If the file cannot be read now, keep the known secrets for a while."""
        if self._clock() < self._unreadable_until:
            return
        try:
            if (now := files.state(self._path)) != self._seen:
                self._take(self._read(), now)
        except (OSError, SecretsError) as error:
            self._unreadable_until = self._clock() + LOOK_AGAIN
            log.warning("going on with the secrets read before: %s", error)

    def _read(self) -> _Content:
        return _content_of(self._path)

    def _read_initial(self) -> dict[str, dict[str, str]]:
        if not self._initial_path.exists():
            return {}
        content = _read_mapping(self._initial_path)
        if not all(isinstance(entry, dict) for entry in content.values()):
            raise _damaged(self._initial_path, "does not hold a password and a PIN for each person")
        return content

    def _write_initial(self, content: Mapping[str, Mapping[str, str]]) -> None:
        _write(self._initial_path, content, "First passwords and PINs. An entry goes when its owner changes it.")

    def _forget_initial(self, person: str, kind: str) -> None:
        initial = self._read_initial()
        if kind in initial.get(person, {}):
            del initial[person][kind]
            self._write_initial({who: entry for who, entry in initial.items() if entry})


def _version(hashes: _Hashes) -> str:
    secret = hashes.factor.secret if hashes.factor else ""
    return hashlib.sha256(f"{hashes.password}{secret}".encode()).hexdigest()[:16]


def check_password(text: str) -> None:
    """Raise SecretsError if nobody may have this password."""
    if impossible(unicodedata.normalize("NFC", text)):
        low, high = PASSWORD_LENGTH
        raise SecretsError(f"a password has {low} to {high} characters, none of them a control character")


def check_pin(text: str) -> None:
    """Raise SecretsError if nobody may have this PIN."""
    if not re.fullmatch(rf"[0-9]{{{PIN_DIGITS}}}", text):
        raise SecretsError(f"a PIN has exactly {PIN_DIGITS} digits")


def _not_a_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _presented(text: str) -> bytes:
    # The same letters typed on different systems must match; lone surrogates and very long texts do no harm.
    return unicodedata.normalize("NFC", text[:1024])[: PASSWORD_LENGTH[1] + 1].encode("utf-8", "surrogatepass")


def _new_password() -> str:
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(4)) for _ in range(3))


def _new_pin() -> str:
    return _digits(PIN_DIGITS)


def _digits(number: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(number))


def _content_of(path: Path) -> _Content:
    if path.is_symlink():
        raise SecretsError(f"{path} is a symbolic link, which is not followed; put the file itself there")
    if path.stat().st_mode & 0o077:
        log.warning("%s was readable by others; it is not any more", path)
        path.chmod(0o600)
    try:
        return _Content.model_validate(_read_mapping(path))
    except ValidationError as error:
        places = [".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False)]
        raise _damaged(path, f"cannot be understood: {', '.join(places)}") from None


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        document = read_yaml(path)
    except OSError as error:
        raise SecretsError(f"{path}: cannot be read: {error.strerror}") from None
    except YamlError as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(document.data, dict) or document.duplicates:
        raise _damaged(path, "does not hold the settings it was written with")
    return document.data


def _damaged(path: Path, what: str) -> SecretsError:
    return SecretsError(
        f"{path}: {what}. Restore it from a backup; or move it away, and new secrets are made: "
        "then every password and PIN is a new one"
    )


def _write(path: Path, content: Mapping[str, Any], comment: str) -> None:
    """Replace the file atomically, readable by its owner only. After a power cut the old or the new one is there."""
    text = f"# {comment}\n{yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False)}"
    files.replace(path, text.encode(), mode=files.PRIVATE, durable=True)
