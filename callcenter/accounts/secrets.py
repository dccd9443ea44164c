"""Secrets: passwords of machines, and hashes of people's passwords and PINs (ESTP 5.3.1).

They are in `var/secrets.yaml`, readable by its owner only. The file is created on first use, and extended whenever the
configuration has somebody new. People's first passwords and PINs are next to it in plain text, in
`var/initial-credentials.yaml`, until they are changed; after that only their argon2 hashes exist. The file is changed
by replacing it, under a lock, so the daemon and `callcenter passwd` can use it at the same time. The daemon uses a
changed password from the next log-in attempt on.
"""

from __future__ import annotations

import fcntl
import logging
import re
import secrets
import string
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

import argon2
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from callcenter.config import Config
from callcenter.config.yaml_file import YamlError, read_yaml
from callcenter.core.errors import ReadableError
from callcenter.system import files

log = logging.getLogger(__name__)

SECRETS_FILE = "secrets.yaml"
INITIAL_FILE = "initial-credentials.yaml"
PIN_DIGITS = 6
PASSWORD_LENGTH = (8, 128)

# Without characters that look alike when a password is read from a screen.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
# About 35 ms and 19 MiB per attempt: the second choice of OWASP's list, because this machine also carries calls.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# These are rendered into Asterisk's files, where `;` begins a comment and `\` escapes.
Machine = Annotated[str, StringConstraints(pattern=r'^[!-~&&[^;"\\]]{1,128}$')]
Hash = Annotated[str, StringConstraints(pattern=r"^\$argon2id?\$[!-~]{20,250}$")]


class SecretsError(ReadableError):
    """The secrets cannot be used, or not in this way. The text never contains a secret."""


class Initial(NamedTuple):
    """A person's first credentials in plain text; '' for one that has been changed."""

    password: str
    pin: str


class _Hashes(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    password: Hash
    pin: Hash


class _Content(BaseModel):
    """The content of the file. Unknown names are refused, as in the configuration."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    ami: Machine = Field(default_factory=lambda: secrets.token_urlsafe(24))
    phones: dict[str, Machine] = {}
    trunks: dict[str, Machine | None] = {}
    people: dict[str, _Hashes] = {}


class Secrets:
    """The secrets of one `var` folder. Verifying takes about 35 ms of CPU time: do it in a thread."""

    def __init__(self, var: Path, config: Config) -> None:
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
    def load_or_create(cls, var: Path, config: Config) -> Self:
        """Read the secrets, and add what the configuration needs and the file lacks.

        Raises SecretsError, without changing the file, if the file cannot be understood or has no password for a trunk
        that registers (only the provider can give that password).
        """
        found = cls(var, config)
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
        return found

    @property
    def ami(self) -> str:
        """The password of the Asterisk Manager Interface (AMI)."""
        return self._content.ami

    @property
    def phones(self) -> Mapping[str, str]:
        """The SIP passwords of the phones that register."""
        return self._content.phones

    @property
    def trunks(self) -> Mapping[str, str]:
        """The providers' passwords of the trunks that register."""
        return {name: password for name, password in self._content.trunks.items() if password}

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

    def set_password(self, person: str, text: str | None = None) -> str:
        """Set this password, or a new random one. Returns it. Raises SecretsError if it is not allowed."""
        text = _new_password() if text is None else unicodedata.normalize("NFC", text)
        low, high = PASSWORD_LENGTH
        if not low <= len(text) <= high or any(unicodedata.category(char)[0] == "C" for char in text):
            raise SecretsError(f"a password has {low} to {high} characters, none of them a control character")
        return self._set(person, "password", text)

    def set_pin(self, person: str, text: str | None = None) -> str:
        """Set this PIN, or a new random one. Returns it. Raises SecretsError if it is not allowed."""
        text = _new_pin() if text is None else text
        if not re.fullmatch(rf"[0-9]{{{PIN_DIGITS}}}", text):
            raise SecretsError(f"a PIN has exactly {PIN_DIGITS} digits")
        return self._set(person, "pin", text)

    def _complete(self, content: _Content, config: Config) -> None:
        for phone in config.phones.values():
            if phone.sip_registers and phone.id not in content.phones:
                content.phones[phone.id] = secrets.token_urlsafe(18)
        for trunk in config.trunks.values():
            if trunk.provider:
                content.trunks.setdefault(trunk.id, None)
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

    def _set(self, person: str, kind: str, text: str) -> str:
        if person not in self._people:
            raise SecretsError(f"nobody has the id {person!r}; configured: {', '.join(sorted(self._people))}")
        hashed = _HASHER.hash(_presented(text))
        with self._changing() as content:
            if person not in content.people:
                raise SecretsError(f"{self._path}: nothing is kept for {person!r} yet; start the controller once")
            content.people[person] = content.people[person].model_copy(update={kind: hashed})
            self._forget_initial(person, kind)
        return text

    @contextmanager
    def _changing(self) -> Iterator[_Content]:
        """Change the file's content under a lock among all processes; write only if something changed."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            exists = self._path.exists()
            content = self._read() if exists else _Content()
            before = content.model_dump()
            yield content
            if not exists or content.model_dump() != before:
                _write(self._path, content.model_dump(), "Secrets of the call centre. Not for anybody's eyes.")
            self._take(content, _signature(self._path))

    def _take(self, content: _Content, seen: tuple[int, ...]) -> None:
        with self._guard:
            self._content, self._seen = content, seen

    def _look_again(self) -> None:
        """Load what another process changed. If the file cannot be read now, keep the known secrets."""
        try:
            if (now := _signature(self._path)) != self._seen:
                self._take(self._read(), now)
        except (OSError, SecretsError) as error:
            log.warning("going on with the secrets read before: %s", error)

    def _read(self) -> _Content:
        if self._path.stat().st_mode & 0o077:
            log.warning("%s was readable by others; it is not any more", self._path)
            self._path.chmod(0o600)
        try:
            return _Content.model_validate(_read_mapping(self._path))
        except ValidationError as error:
            places = [".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False)]
            raise _damaged(self._path, f"cannot be understood: {', '.join(places)}") from None

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


def _presented(text: str) -> bytes:
    # The same letters typed on different systems must match; lone surrogates and very long texts do no harm.
    return unicodedata.normalize("NFC", text[:1024])[: PASSWORD_LENGTH[1] + 1].encode("utf-8", "surrogatepass")


def _new_password() -> str:
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(4)) for _ in range(3))


def _new_pin() -> str:
    return "".join(secrets.choice(string.digits) for _ in range(PIN_DIGITS))


def _signature(path: Path) -> tuple[int, ...]:
    stat = path.stat()
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


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
