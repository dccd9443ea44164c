"""Renders Asterisk's configuration files from the templates in `dialplan/`.

Every value that a template prints passes one gate. It refuses what could break out of its place in an Asterisk file (a
line break, a comment sign, a variable, a section), even if the checks of the configuration accepted it.
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
"""Seconds after the last heartbeat when the dialplan uses the fallback queue: two heartbeats may be missed. A shorter
time helps callers; a false alarm costs them a moment: the controller gets CCFallback and takes them back."""

ASK_AGAIN = 2.0
"""Seconds after which the dialplan asks the controller again what to do with a caller."""
AT_ONCE = 0.3
"""Seconds that the controller has to answer such a question before music starts."""

WAITING_TURN = 1
"""Seconds of one turn of the waiting loop: the delay until an announcement is played, or a stale heartbeat noticed."""

GATHER = WAITING_TURN + 0.3
"""Seconds from the stale heartbeat until the fallback queue opens: every waiting caller has checked the heartbeat by
then, even on a busy machine."""

APART = 0.1
"""Seconds between two callers who enter the fallback queue when it opens: Asterisk then knows which phone the first
one rings, even on a busy machine. A full line of 100 has entered after 10 s; those who would wait longest anyway enter
last."""

LONGEST_FOLDER = 200
"""Bytes. An announcement is four files in one AMI line of at most 1022 bytes, and one recording is two files."""

_UNSAFE = re.compile(r"[^\w .,:/@+*#=%~!-]")
_UNSAFE_IN_PASSWORD = re.compile(r'[^!-~]|[;"\\]')
"""Passwords may contain `$` and `&`, which providers use: they end their line, and nothing is expanded there."""


class RenderError(ReadableError):
    """Asterisk's files cannot be rendered or written; the text says why."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Asterisk's folders; all are under `var/asterisk`, only the control socket's folder may be elsewhere."""

    etc: Path
    lib: Path
    astspool: Path
    run: Path
    log: Path
    recording: Path
    journal: Path
    """Asterisk chooses this path: it would cut a path of our own off at 79 bytes."""

    @classmethod
    def under(cls, var: Path, run: Path | None = None) -> Folders:
        """Return the folders for the run-time folder `var`. `run`: folder of the control socket, if elsewhere."""
        home = var / "asterisk"
        astspool = home / "spool"
        run, log = run or home / "run", home / "log"
        return cls(home / "etc", home / "lib", astspool, run, log, astspool / "recording", log / "cel-custom")

    def make(self) -> None:
        """Create the missing folders."""
        for folder in (self.etc, self.lib / "keys", self.astspool, self.run, self.log, self.recording, self.journal):
            folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Installation:
    """Folders of an installed Asterisk: its modules and its own data."""

    modules: Path
    data: Path


@dataclass(frozen=True, slots=True)
class Feature:
    """A code dialled during a conversation. `name`: the `Feature` header of the event that the controller gets."""

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
    """Return the codes that an operator can dial during a conversation."""
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
    """Write all of Asterisk's files into `folders.etc`.

    Raises RenderError; if the reason is a setting, no file has been written.
    """
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
    # asterisk.conf is written last: an Asterisk in a separate container waits for it; all other files exist then.
    for name, text in sorted(rendered.items(), key=lambda file: file[0] == "asterisk.conf.j2"):
        path = folders.etc / name.removesuffix(".j2")
        files.replace(path, text.encode(), mode=files.PRIVATE)  # it contains passwords


def _check_folder(what: str, folder: Path) -> None:
    """Refuse `,` and `:` and long paths: the dialplan passes these folders to applications, which split arguments."""
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
        # The brackets of an IPv6 address are allowed: only the host is checked.
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
    """Return what a trunk may dial, with the id of the line. Many providers send the account's name, not a number."""
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
    """Return Asterisk's names of phones and trunks; the names of their channels contain them."""
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
    """Return the networks that may log in to AMI: only this machine if AMI is bound to IPv4 loopback; []: any."""
    bind = ipaddress.ip_address(config.asterisk.ami_bind)
    return ["127.0.0.0/255.0.0.0"] if bind.is_loopback and bind.version == 4 else []


def _last_minute(closes: time) -> str:
    """Return the last minute of the opening hours: GotoIfTime includes it, so 18:00 becomes 17:59, midnight 23:59."""
    minutes = (closes.hour * 60 + closes.minute - 1) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
