"""Asterisk's settings, rendered from the templates in `dialplan/`.

Every value that a template prints passes one gate: what could break out of its place in an Asterisk file (a line
break, a comment sign, a variable, a section) is refused, whatever the configuration let through.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

import jinja2

from callcenter.accounts.secrets import Secrets
from callcenter.config import GENERAL_CODE, Config
from callcenter.config.sections import Line, Trunk
from callcenter.config.values import TRUNK_PREFIX, SipAddress, dialled_forms
from callcenter.core.errors import ReadableError
from callcenter.core.events import GENERAL_LINE
from callcenter.system import files

HEARTBEAT_STALE = 3
"""Seconds after the last heartbeat when the dialplan helps itself: two beats may be missed. Callers gain by every
second less; a false alarm costs them a moment, as the controller is told (CCFallback) and takes them back."""

ASK_AGAIN = 2.0
"""Seconds after which the dialplan asks once more what to do with a caller."""
AT_ONCE = 0.3
"""Seconds in which the controller answers such a question, or music begins."""

WAITING_TURN = 1
"""Seconds of one turn of the waiting room: how soon an announcement is heard, or a stale heartbeat seen."""

GATHER = WAITING_TURN + 0.3
"""Seconds after a heartbeat became stale when the fallback queue opens: whoever waits has looked by then, the machine
being busy or not."""

APART = 0.1
"""Seconds between two callers who enter the fallback queue when it opens: Asterisk knows by then which phone the first
one rings, the machine being busy or not. A full line of 100 is in after 10 s; those who wait longest anyway come
last."""

LONGEST_FOLDER = 200
"""Bytes: an announcement is four files in one line of 1022 bytes, and one recording is two."""

_UNSAFE = re.compile(r"[^\w .,:/@+*#=%~!-]")
_UNSAFE_IN_PASSWORD = re.compile(r'[^!-~]|[;"\\]')
"""Passwords end their line, and where they stand nothing is expanded: providers like `$` and `&` in them."""


class RenderError(ReadableError):
    """Asterisk's files cannot be written from this configuration."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where Asterisk keeps its things; all under `var/asterisk`, only the control socket's folder may be elsewhere."""

    etc: Path
    lib: Path
    astspool: Path
    run: Path
    log: Path
    recording: Path
    journal: Path
    """The place is Asterisk's choice: a path of our own would be cut off at 79 bytes."""

    @classmethod
    def under(cls, var: Path, run: Path | None = None) -> Folders:
        """The folders of the installation whose run-time folder is `var`."""
        home = var / "asterisk"
        astspool = home / "spool"
        run, log = run or home / "run", home / "log"
        return cls(home / "etc", home / "lib", astspool, run, log, astspool / "recording", log / "cel-custom")

    def make(self) -> None:
        """Create what is missing."""
        for folder in (self.etc, self.lib / "keys", self.astspool, self.run, self.log, self.recording, self.journal):
            folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Installation:
    """An installed Asterisk: where its modules and its own data are."""

    modules: Path
    data: Path


@dataclass(frozen=True, slots=True)
class Feature:
    """A code of a conversation: `name` is what the controller is told."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class _TrunkEntry:
    id: str
    name: str
    provider: Any
    contact: SipAddress | None
    matches: tuple[str, ...]


def features(config: Config) -> tuple[Feature, ...]:
    """The codes that an operator can dial during a conversation."""
    codes = config.codes
    found = [
        Feature("take-back", codes.take_back),
        Feature("complete", codes.complete),
        Feature("not-customer", codes.not_customer),
        Feature(f"transfer-{GENERAL_LINE}", codes.transfer + GENERAL_CODE),
    ]
    for group in config.groups.values():
        if group.transfer_code:
            found.append(Feature(f"transfer-{group.id}", codes.transfer + group.transfer_code))
            found.append(Feature(f"consult-{group.id}", codes.consult + group.transfer_code))
    return tuple(found)


def render(config: Config, secrets: Secrets, asterisk: Installation, folders: Folders) -> None:
    """Write all of Asterisk's files into `folders.etc`. Raises RenderError, for settings before any is written."""
    _check_folder("prompts", config.prompts)
    _check_folder("recordings to be", folders.recording)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(config.dialplan),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML; `finalize` is the gate
        finalize=_gate(secrets),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["prefixed"] = lambda text, prefix: f"{prefix}{text}"
    values = {
        "config": config,
        "secrets": secrets,
        "asterisk": asterisk,
        "folders": folders,
        "prompts": config.prompts,
        "features": features(config),
        "codes": _codes(config),
        "stale": HEARTBEAT_STALE,
        "at_once": AT_ONCE,
        "ask_again": ASK_AGAIN - AT_ONCE,
        "turn": WAITING_TURN,
        "gather": GATHER,
        "apart": APART,
        "false_answer": round(config.timings.false_answer * 10),
        "sip_bind": SipAddress(config.asterisk.sip_bind, config.asterisk.sip_port),
        "digit_wait": 6,
        "key_wait": 4,
        "dialled": _dialled(config),
        "only_line": list(config.lines) if len(config.lines) == 1 else [],
        "general_lines": [(line.id, _general_dial(config, line)) for line in config.lines.values()],
        "last_minute": _last_minute,
        "trunks": [_trunk(trunk) for trunk in config.trunks.values()],
        "ami_networks": _ami_networks(config),
    }
    rendered = {name: _rendered(environment, name, values) for name in _templates(environment, config)}
    try:
        _write(rendered, folders)
    except OSError as error:
        raise RenderError(f"Asterisk's files cannot be written: {error.strerror}: {error.filename}") from error


def _write(rendered: dict[str, str], folders: Folders) -> None:
    folders.make()
    # asterisk.conf comes last: once it is there all is, which an Asterisk in a container of its own waits for.
    for name, text in sorted(rendered.items(), key=lambda file: file[0] == "asterisk.conf.j2"):
        path = folders.etc / name.removesuffix(".j2")
        files.replace(path, text.encode(), mode=files.PRIVATE)  # passwords stand in it


def _check_folder(what: str, folder: Path) -> None:
    """The dialplan hands these folders to applications, which split their arguments."""
    path = str(folder)
    odd = next((character for character in path if character in ",:"), None)
    if odd:
        raise RenderError(f"the folder of the {what}, {path!r}: {odd!r} has a meaning in a dialplan; another folder")
    if len(path.encode()) > LONGEST_FOLDER:
        raise RenderError(
            f"the folder of the {what}, {path!r}: {len(path.encode())} bytes are too many for Asterisk's manager, "
            f"{LONGEST_FOLDER} are allowed; another folder"
        )


def _rendered(environment: jinja2.Environment, name: str, values: dict[str, Any]) -> str:
    try:
        return environment.get_template(name).render(values)
    except (jinja2.TemplateError, UnicodeDecodeError, RenderError) as error:
        raise RenderError(f"dialplan/{name}: {error}") from error


def _templates(environment: jinja2.Environment, config: Config) -> list[str]:
    names = [name for name in environment.list_templates() if name.endswith(".conf.j2")]
    if not names:
        raise RenderError(f"{config.dialplan}: no templates of Asterisk's files (*.conf.j2) there")
    return names


def _gate(secrets: Secrets) -> Callable[[object], object]:
    owners = {password: f"phones.{id}" for id, password in secrets.phones.items()}
    owners |= {password: f"trunks.{id}" for id, password in secrets.trunks.items()} | {secrets.ami: "ami"}

    def safe(value: object) -> object:
        # The brackets of an IPv6 address are its own.
        text = value.host if isinstance(value, SipAddress) else str(value)
        unsafe = (_UNSAFE_IN_PASSWORD if text in owners else _UNSAFE).search(text)
        if unsafe:
            shown = f"the password {owners[text]} of the secrets" if text in owners else repr(text)
            raise RenderError(f"{shown} cannot be written into Asterisk's files: {unsafe[0]!r} has a meaning there")
        return value

    return safe


def _codes(config: Config) -> dict[str, str]:
    codes = config.codes
    return {"log_in": codes.log_in, "log_out": codes.log_out, "pause": codes.pause, "return": codes.return_}


def _dialled(config: Config) -> list[tuple[str, str]]:
    """What a trunk may ask for, and the line that is meant. Many providers send the account's name, not a number."""
    lines = list(config.lines.values())
    found = {form: line.id for line in lines for number in line.numbers for form in dialled_forms(number)}
    if len(lines) == 1:
        accounts = [trunk.provider.username for trunk in config.trunks.values() if trunk.provider]
        found = dict.fromkeys(accounts, lines[0].id) | found
    return list(found.items())


def _general_dial(config: Config, line: Line) -> str:
    trunk = config.way_out(line) if line.general_line else None
    return f"PJSIP/{line.general_line}@{_trunk_name(trunk)}" if trunk and line.general_line else ""


def _trunk_name(trunk: Trunk) -> str:
    return f"{TRUNK_PREFIX}{trunk.id}"


def endpoints(config: Config) -> frozenset[str]:
    """The names that Asterisk has for phones and trunks, and begins the names of their channels with."""
    return frozenset(config.phones) | {_trunk_name(trunk) for trunk in config.trunks.values()}


def _trunk(trunk: Trunk) -> _TrunkEntry:
    if trunk.provider:
        contact: SipAddress | None = SipAddress(trunk.provider.host, trunk.provider.port)
        matches: tuple[str, ...] = (trunk.provider.host,)
    else:
        contact = trunk.outgoing
        matches = tuple(str(network) for network in trunk.networks)
    return _TrunkEntry(trunk.id, _trunk_name(trunk), trunk.provider, contact, matches)


def _ami_networks(config: Config) -> list[str]:
    """Only this machine may log in, unless the manager is bound to more than it."""
    bind = ipaddress.ip_address(config.asterisk.ami_bind)
    return ["127.0.0.0/255.0.0.0"] if bind.is_loopback and bind.version == 4 else []


def _last_minute(closes: time) -> str:
    """GotoIfTime includes its last minute: 18:00 is 17:59 there, midnight 23:59."""
    minutes = (closes.hour * 60 + closes.minute - 1) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
